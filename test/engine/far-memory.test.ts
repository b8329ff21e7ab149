/** Memory above 4 GiB: code reaches it without JavaScript once it has, until what may be done there changes. */
import { expect, test, vi } from 'vitest';
import type { Without } from '../../src/base/optimisations.ts';
import type { WasmCodeSpace } from '../../src/engine/code-space.ts';
import { AddressSpace } from '../../src/memory/address-space.ts';
import { CODE, machine } from './machine.ts';

const FAR = 0x7000_0000_0000;
const NEAR = 0x50_0000;
const PAGE = 4096;
const ROUNDS = 1000;
type Mode = 'interpreter' | 'translator' | 'auto';

/** mov rdx, FAR; mov ecx, ROUNDS; xor eax, eax; loop: mov [rdx+rcx*8], rcx; add rax, [rdx+rcx*8]; dec ecx; jnz loop; ud2 */
const WRITE_AND_ADD = [
  ...[0x48, 0xba, 0, 0, 0, 0, 0, 0x70, 0, 0, 0xb9, 0xe8, 3, 0, 0, 0x31, 0xc0],
  ...[0x48, 0x89, 0x0c, 0xca, 0x48, 0x03, 0x04, 0xca, 0xff, 0xc9, 0x75, 0xf4, 0x0f, 0x0b],
];
/** In it: the write, and the read. */
const [WRITE, READ] = [CODE + 17, CODE + 21];

const MODES_AND_REGIONS = [
  ['interpreter', false],
  ['translator', false],
  ['auto', false],
  ['translator', true],
  ['auto', true],
] as const;

function far(mode: Mode, reachesFar = false, without?: Without) {
  const all = machine({ mode, threshold: 16, reachesFar, without }, WRITE_AND_ADD, [
    { address: FAR, length: 4 * PAGE },
  ]);
  const { space, codeSpace, cpu } = all;
  const asked = [vi.spyOn(space, 'loadSlow'), vi.spyOn(space, 'storeSlow')];
  const run = () => {
    for (const spy of asked) spy.mockClear();
    cpu.pc = CODE;
    const { kind, address, access } = codeSpace.run(cpu, 1_000_000);
    const times = asked.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
    return { kind, address, access, pc: cpu.pc, sum: cpu.get(0), asked: times };
  };
  return { ...all, run };
}

const SUM = (ROUNDS * (ROUNDS + 1)) / 2;

test.each(
  MODES_AND_REGIONS,
)('each page is asked for once to read and once to write, in the %s, regions that reach there: %s', (mode, reachesFar) => {
  const { run } = far(mode, reachesFar);
  for (const times of [4, 0, 0]) expect(run()).toMatchObject({ kind: 'trap', sum: SUM, asked: times });
});

test.each(
  MODES_AND_REGIONS,
)('a page that may no longer be written faults where it is written, in the %s, regions that reach there: %s', (mode, reachesFar) => {
  const { space, run } = far(mode, reachesFar);
  run();
  space.protect(FAR, PAGE, 1);
  const address = FAR + PAGE - 8;
  expect(run()).toMatchObject({ kind: 'fault', access: 'write', address, pc: WRITE });
});

test.each(
  MODES_AND_REGIONS,
)('a page that is gone faults, one in its place is another, in the %s, regions that reach there: %s', (mode, reachesFar) => {
  const { space, run } = far(mode, reachesFar);
  run();
  space.unmap(FAR, PAGE);
  expect(run()).toMatchObject({ kind: 'fault', access: 'write', address: FAR + PAGE - 8, pc: WRITE });
  space.map({ address: FAR, length: PAGE, prot: 3, fixed: true });
  expect(space.readU64(FAR + 8)).toBe(0);
  expect(run()).toMatchObject({ kind: 'trap', sum: SUM });
  expect(space.readU64(FAR + 8)).toBe(1);
});

test.each(
  MODES_AND_REGIONS,
)('what was discarded reads zero, in the %s, regions that reach there: %s', (mode, reachesFar) => {
  const { space, cpu, codeSpace, run } = far(mode, reachesFar);
  run();
  space.discard(FAR, 4 * PAGE);
  cpu.pc = READ;
  cpu.set(0, 7);
  cpu.set(1, 1);
  expect(codeSpace.run(cpu, 1000)).toMatchObject({ kind: 'trap' });
  expect(cpu.get(0)).toBe(7);
});

test('an untouched page reads zero without asking, and is another once it is written', () => {
  const { space, cpu, codeSpace } = far('interpreter');
  const read = (index: number) => {
    cpu.pc = READ;
    cpu.set(0, 0);
    cpu.set(2, FAR);
    cpu.set(1, index);
    codeSpace.run(cpu, 1);
    return cpu.get(0);
  };
  const asked = vi.spyOn(space, 'loadSlow');
  expect([read(3), read(5), asked.mock.calls.length]).toEqual([0, 0, 1]);
  space.writeU64(FAR + 24, 9);
  expect(read(3)).toBe(9);
});

test('a child has pages of its own', () => {
  const { space, run } = far('interpreter');
  run();
  const child = space.fork();
  child.writeU64(FAR + 8, 99);
  expect([space.readU64(FAR + 8), child.readU64(FAR + 8), child.readU64(FAR + 16)]).toEqual([1, 99, 2]);
});

test('regions that keep leaving for it are made again, once, and reach there', () => {
  const { engine, codeSpace, run } = far('auto');
  for (let i = 0; i < 100 && !codeSpace.source.reachesFar; i++) run();
  expect(codeSpace.source.reachesFar).toBe(true);
  for (let i = 0; i < 10; i++) run();
  const before = engine.stats.exits;
  expect(run()).toMatchObject({ kind: 'trap', sum: SUM, asked: 0 });
  const after = engine.stats.exits;
  expect([after.far, after.restart]).toEqual([1, before.restart]);
});

test('a region is not made to reach there without the optimisation', () => {
  const { codeSpace, run } = far('auto', false, new Set(['far'] as const));
  for (let i = 0; i < 50; i++) expect(run()).toMatchObject({ kind: 'trap', sum: SUM });
  expect(codeSpace.source.reachesFar).toBe(false);
});

test('the same code has other regions in a program that leaves high memory alone', () => {
  const { engine, codeSpace: one, run } = far('auto');
  for (let i = 0; i < 100; i++) run();
  const near = new AddressSpace();
  for (const address of [CODE, NEAR]) near.map({ address, length: 2 * PAGE, prot: 7, fixed: true });
  near.copyOut(CODE, Uint8Array.from(WRITE_AND_ADD));
  const codeSpace = engine.attach(near) as WasmCodeSpace;
  const cpu = codeSpace.createCpu();
  // Behind the instruction that sets it.
  cpu.pc = CODE + 10;
  cpu.set(2, NEAR);
  expect(codeSpace.run(cpu, 1_000_000)).toMatchObject({ kind: 'trap' });
  expect(cpu.get(0)).toBe(SUM);
  const regions = [one, codeSpace].map(({ blocks, source }) => [source.reachesFar, blocks.translation(WRITE)?.index]);
  expect(regions).toEqual([
    [true, expect.any(Number)],
    [false, expect.any(Number)],
  ]);
  expect(regions[0][1]).not.toBe(regions[1][1]);
});
