import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatStats } from '../../src/tools/stats.ts';
import { Hospes } from '../../src/vm.ts';

const fib = readFileSync(new URL('../../bench/kernels/fib', import.meta.url));

test('counted code tells tiers, dispatches and places, and executes the same instructions', async () => {
  await using plain = await Hospes.create({ files: { '/fib': fib } });
  const { instructions } = (await plain.exec('/fib', ['28'])).stats;
  expect(plain.stats.engine.counted).toBeUndefined();

  // Every call that the compiler left is to be seen.
  await using vm = await Hospes.create({ files: { '/fib': fib }, count: true, without: ['inlining'] });
  const { stats, stdout } = await vm.exec('/fib', ['28']);
  expect(stdout).toBe('000000000004d973\n');
  expect(stats.instructions).toBe(instructions);
  const counted = stats.engine.counted!;
  const { interpreted, translated } = counted.instructions;
  expect(interpreted + translated).toBe(instructions);
  // fib(28) has 514,228 calls left (the compiler made a loop of the other half); those before its region is there are interpreted.
  expect(counted.dispatches.direct).toBeGreaterThan(300_000);
  expect(counted.dispatches.return).toBeGreaterThan(300_000);
  expect(counted.dispatches.return).toBeLessThanOrEqual(counted.dispatches.direct);
  expect(counted.sites.hot[0].pc).toBeGreaterThan(0x400000);
  expect(stats.engine.checks.removed).toBeGreaterThan(0);
  expect(stats.engine.cache.regions).toBe(stats.engine.translatedRegions);

  const lines = formatStats(stats).split('\n');
  const line = (name: string) => lines.find((one) => one.startsWith(name));
  expect(line('instructions')).toMatch(/^instructions {3}[\d,]+: [\d,]+ interpreted, [\d,]+ translated$/);
  expect(line('page checks')).toMatch(/made, [\d,]+ saved$/);
  expect(line('code cache')).toMatch(/regions, .* instructions, .* KiB of wasm, emptied 0 times$/);
  expect(line('dispatches')).toMatch(/direct [\d,]+/);
  expect(line('time')).toMatch(/translation .* ms, V8's compiling .* ms/);
});
