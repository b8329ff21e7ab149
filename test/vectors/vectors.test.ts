/** Replays instruction vectors recorded from hardware in the interpreter and in the translator; `npm run vectors` makes new ones. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { unpack, type Vector } from '../../tools/vectors/archive.ts';
import { SLOTS } from '../../tools/vectors/generator.ts';
import { Player } from '../../tools/vectors/player.ts';
import { parseLine } from '../../tools/vectors/text.ts';

const directory = fileURLToPath(new URL('./x86/', import.meta.url));
const chapters = readdirSync(directory).filter((f) => f.endsWith('.vec.gz'));
const load = (file: string): Vector[] => [...unpack(readFileSync(directory + file))];

/** Batches whose vectors lie at different addresses, since a batch's code is in memory all at once. */
function* batches(vectors: readonly Vector[]): Generator<Vector[]> {
  let batch = new Map<number, Vector>();
  for (const v of vectors) {
    if (batch.has(v.case.address) || batch.size === SLOTS) {
      yield [...batch.values()];
      batch = new Map();
    }
    batch.set(v.case.address, v);
  }
  yield [...batch.values()];
}

/** One line for each vector whose outcome differs. */
function differences(player: Player, vectors: readonly Vector[]): string[] {
  const found: string[] = [];
  for (const part of batches(vectors)) {
    player
      .play(part.map((v) => v.case), part.map((v) => v.result))
      .forEach((d, k) => {
        if (d) found.push(`${Buffer.from(part[k].case.code).toString('hex')} ${part[k].case.mnemonic}: ${d}`);
      }); // biome-ignore format: chain
  }
  return found;
}

describe('instruction vectors of the hardware', () => {
  test('there are at least 30,000', () => {
    expect(chapters.reduce((n, file) => n + load(file).length, 0)).toBeGreaterThan(30_000);
  });
  // All in both tiers take a minute: the translator gets a seventh of them unless asked for all.
  const everything = process.env.HOSPES_VECTORS === 'all';
  for (const tier of ['interpreter', 'translator'] as const) {
    const player = new Player(tier);
    test.each(chapters)(`${tier}: %s`, (file) => {
      expect(differences(player, load(file).filter((_, i) => everything || tier === 'interpreter' || i % 7 === 0)).slice(0, 20)).toEqual([]);
    }, 300_000); // biome-ignore format: limit
  }
});

describe('readable vectors', () => {
  const lines = readFileSync(`${directory}readable.txt`, 'utf8').split('\n').filter((l) => l && l[0] !== '#'); // biome-ignore format: chain
  for (const tier of ['interpreter', 'translator'] as const) {
    const player = new Player(tier);
    player.exact = true;
    test.each(lines)(`${tier}: %s`, (line) => {
      const v = parseLine(line, 0);
      player.anyFlags = v.anyFlags;
      expect(player.play([v.case], [v.result])).toEqual([undefined]);
    });
  }
});
