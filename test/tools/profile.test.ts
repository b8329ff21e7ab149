import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bytesAsSource } from '../../src/loader/byte-source.ts';
import { readFunctionStarts } from '../../src/loader/elf-symbols.ts';
import { Hospes } from '../../src/vm.ts';

test('a profile accounts for all time, by place of the program, in the form that viewers read', async () => {
  const fib = readFileSync(new URL('../../bench/kernels/fib', import.meta.url));
  await using vm = await Hospes.create({ files: { '/bin/fib': fib }, profile: true });
  const { stats } = await vm.exec('/bin/fib', ['24']);
  const profile = vm.profile!;
  const { nodes, samples, timeDeltas, startTime, endTime } = profile;
  expect(stats.instructions).toBeGreaterThan(100_000);
  expect(nodes[0].callFrame.functionName).toBe('(root)');
  expect(nodes.map((node) => node.id)).toEqual(nodes.map((_, i) => i + 1));
  expect(samples.length).toBe(timeDeltas.length);
  expect(timeDeltas.every((delta) => delta >= 0)).toBe(true);
  expect(timeDeltas.reduce((sum, one) => sum + one, 0)).toBe(endTime - startTime);
  const hits = new Map<number, number>();
  for (const id of samples) hits.set(id, (hits.get(id) ?? 0) + 1);
  for (const node of nodes) expect(node.hitCount).toBe(hits.get(node.id) ?? 0);
  // Each node but the root is somebody's child, and the program's places are below the program.
  const children = nodes.flatMap((node) => node.children);
  expect(children.sort((a, b) => a - b)).toEqual(nodes.slice(1).map((node) => node.id));
  const program = nodes.find((node) => node.callFrame.functionName === '/bin/fib')!;
  const places = program.children.map((id) => nodes[id - 1]);
  expect(places.length).toBeGreaterThan(0);
  for (const { callFrame, positionTicks, hitCount } of places) {
    expect(callFrame.url).toBe('/bin/fib');
    expect(positionTicks!.reduce((sum, one) => sum + one.ticks, 0)).toBe(hitCount);
  }
});

test('functions without symbols are known from the tables for unwinding', () => {
  const table = new Uint8Array(12 + 3 * 8);
  const view = new DataView(table.buffer);
  table.set([1, 0x1b, 0x03, 0x3b]);
  view.setUint32(8, 3, true);
  [-0x2000, -0x1f00, -0x1000].forEach((start, i) => {
    view.setInt32(12 + i * 8, start, true);
  });
  expect(readFunctionStarts(bytesAsSource(table), 0, 0x40_3000, table.length)).toEqual([
    0x40_1000, 0x40_1100, 0x40_2000,
  ]);
  // A count that lies, another encoding, a truncated table.
  view.setUint32(8, 0xffff_ffff, true);
  expect(readFunctionStarts(bytesAsSource(table), 0, 0, table.length).length).toBe(3);
  expect(readFunctionStarts(bytesAsSource(table), 0, 0, table.length + 1)).toEqual([]);
  table[3] = 0x1b;
  expect(readFunctionStarts(bytesAsSource(table), 0, 0, table.length)).toEqual([]);
});
