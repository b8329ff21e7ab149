/** Random programs against what this project's CPU did with them (`npm run vectors:programs -- --seed 1 --count 36 --save test/vectors/programs/outcomes.gz`), in both tiers and where blocks go over from one to the other. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
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

test.each([
  ['interpreter', {}],
  ['translator', {}],
  ['auto', { threshold: 16, batchSize: 2 }],
] as const)('%s', (tier, settings) => {
  const player = new Player(tier, settings);
  const differences = programs.flatMap((program, i) => {
    const [difference] = player.play([program], [outcomes[i].result]);
    return difference === undefined ? [] : [`seed ${1 + i}: ${difference}`];
  });
  expect(differences).toEqual([]);
});
