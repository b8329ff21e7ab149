/** The command behind `npm run vectors`: random cases on the live CPU and in our tiers, every difference in one readable line; with --save the recorded vectors of the test suite. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pack, type Vector } from './archive.ts';
import type { Case } from './case.ts';
import { CHAPTERS, makeCases, rowCount, SLOTS } from './generator.ts';
import { modulesFreed, Player } from './player.ts';
import { otherMaker, record } from './recorder.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20000' },
    only: { type: 'string' },
    tier: { type: 'string', default: 'both' },
    show: { type: 'string', default: '3' },
    chapter: { type: 'string' },
    save: { type: 'boolean', default: false },
    each: { type: 'string', default: '44' },
  },
});

const tiers =
  values.tier === 'both' ? (['interpreter', 'translator'] as const) : [values.tier as 'interpreter' | 'translator'];
const players = tiers.map((tier) => ({ tier, player: new Player(tier) }));
const show = Number(values.show);
for (const { player } of players) player.otherMaker = otherMaker();
const perMnemonic = new Map<string, number>();
let played = 0;
let failed = 0;

function line(c: Case): string {
  const hex = Buffer.from(c.code).toString('hex');
  const set = [...c.gpr].map((v, i) => `${i}=${v.toString(16)}`).filter((_, i) => c.gpr[i] !== 0x0101_0101_0101_0101n * BigInt(i + 0x30)); // biome-ignore format: chain
  const fx = c.fx ? ` ${fxText(c)}` : '';
  const memory = c.patches.map(
    (p) => `[${p.offset.toString(16)}]=${Buffer.from(p.bytes.subarray(0, 16)).toString('hex')}`,
  );
  return `${hex} ${c.mnemonic} | ${set.join(' ')} flags=${c.flags.toString(16)} ${memory.join(' ')}${fx}`;
}

/** The x87 state if it is not fresh, MXCSR, and the XMM registers that are not zero. */
function fxText(c: Case): string {
  const view = new DataView(c.fx!.buffer, c.fx!.byteOffset);
  const big = (at: number, n: number) =>
    Buffer.from(c.fx!.subarray(at, at + n))
      .reverse()
      .toString('hex');
  const words = [`mxcsr=${view.getUint32(24, true).toString(16)}`];
  if (c.fx![4]) {
    words.push(
      `fcw=${view.getUint16(0, true).toString(16)} fsw=${view.getUint16(2, true).toString(16)} tags=${c.fx![4].toString(16)}`,
    );
    for (let i = 0; i < 8; i++) words.push(`st${i}=${big(32 + i * 16, 10)}`);
  }
  for (let i = 0; i < 16; i++) {
    const v = big(160 + i * 16, 16);
    if (!/^0+$/.test(v)) words.push(`xmm${i}=${v}`);
  }
  return words.join(' ');
}

function batch(cases: Case[]): void {
  const results = record(cases);
  for (const { tier, player } of players) {
    for (const [i, difference] of player.play(cases, results).entries()) {
      played++;
      if (difference === undefined) continue;
      failed++;
      const m = cases[i].mnemonic!;
      const before = perMnemonic.get(m) ?? 0;
      perMnemonic.set(m, before + 1);
      if (before < show) console.log(`${tier}: ${line(cases[i])}\n    ${difference}`);
    }
  }
}

/** Record `each` cases for every row of every chapter into test/vectors/x86. */
function save(): void {
  const directory = fileURLToPath(new URL('../../test/vectors/x86/', import.meta.url));
  for (const chapter of Object.keys(CHAPTERS)) {
    if (values.chapter && values.chapter !== chapter) continue;
    const vectors: Vector[] = [];
    const cases = [...makeCases(Number(values.seed), rowCount(chapter) * Number(values.each), undefined, chapter)];
    for (let i = 0; i < cases.length; i += SLOTS) {
      const part = cases.slice(i, i + SLOTS);
      record(part).forEach((result, k) => {
        vectors.push({ case: part[k], result });
      });
    }
    const packed = pack(vectors);
    writeFileSync(`${directory}${chapter}.vec.gz`, packed);
    console.log(`${chapter}: ${vectors.length} vectors, ${packed.length} bytes`);
  }
}

async function compareAll(): Promise<void> {
  const only = values.only ? new RegExp(values.only) : undefined;
  let pending: Case[] = [];
  for (const c of makeCases(Number(values.seed), Number(values.count), only, values.chapter)) {
    pending.push(c);
    if (pending.length === SLOTS) {
      batch(pending);
      pending = [];
      await modulesFreed();
    }
  }
  if (pending.length) batch(pending);
  const worst = [...perMnemonic].sort((a, b) => b[1] - a[1]);
  if (worst.length) console.log(`differences: ${worst.map(([m, n]) => `${m} ${n}`).join(', ')}`);
  console.log(`${played} played, ${failed} differences`);
  process.exitCode = failed ? 1 : 0;
}

if (values.save) save();
else await compareAll();
