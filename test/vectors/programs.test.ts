/** Random programs against what this project's CPU did with them (`npm run vectors:programs -- --seed 1 --count 36 --save test/vectors/programs/outcomes.gz`), in both tiers and where blocks go over from one to the other. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OPTIMISATIONS, type Optimisation } from '../../src/base/optimisations.ts';
import { unpack } from '../../tools/vectors/archive.ts';
import { Player } from '../../tools/vectors/player.ts';
import { randomProgram } from '../../tools/vectors/programs.ts';

const outcomes = [...unpack(readFileSync(new URL('./programs/outcomes.gz', import.meta.url)))];
const programs = outcomes.map((_, i) => randomProgram(1 + i));

test('the programs are those that were recorded', () => {
  expect(outcomes.length).toBeGreaterThanOrEqual(36);
  outcomes.forEach(({ case: recorded }, i) => {
    expect([...recorded.gpr]).toEqual([...programs[i].gpr]);
  });
  // Most end well, some with each kind of exception.
  expect(new Set(outcomes.map(({ result }) => result.trap)).size).toBeGreaterThan(2);
});

/** Lines of difference of the first `count` programs. */
function differences(player: Player, count: number): string[] {
  return programs.slice(0, count).flatMap((program, i) => {
    const [difference] = player.play([program], [outcomes[i].result]);
    return difference === undefined ? [] : [`seed ${1 + i}: ${difference}`];
  });
}

test.each([
  ['interpreter', {}],
  ['translator', {}],
  ['auto', { threshold: 16, batchSize: 2 }],
  ['translator', { reachesFar: true }],
  ['auto', { threshold: 16, batchSize: 2, reachesFar: true }],
] as const)('%s %o', (tier, settings) => {
  expect(differences(new Player(tier, settings), programs.length)).toEqual([]);
});

test.each(Object.keys(OPTIMISATIONS) as Optimisation[])('without optimisation: %s', (name) => {
  const without = new Set([name]);
  const count = process.env.HOSPES_VECTORS === 'all' ? programs.length : 4;
  expect(differences(new Player('translator', { without }), count)).toEqual([]);
  expect(differences(new Player('auto', { threshold: 16, batchSize: 2, without }), count)).toEqual([]);
});
