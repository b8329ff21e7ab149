/** What the interpreter runs in pairs is what its parts are, one at a time. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prebuild } from '../../src/engine/prebuilt.ts';
import { specimens } from '../../src/isa/x86/specimens.ts';
import { X86 } from '../../src/isa/x86/x86.ts';
import { CODE, machine } from './machine.ts';

const DATA = 0x50_0000;
const [RAX, RCX, RDX, RBX, RSP] = [0, 1, 2, 3, 4];
// Which encodings mean the same is known where all of them were looked at.
const prebuilt = prebuild(X86 as never, specimens());
const start = (code: readonly number[]) =>
  machine({ mode: 'interpreter', prebuilt }, [...code, 0xf4], [{ address: DATA, length: 4096 }]);

/** Instructions that set flags of RCX, RDX and what RBX points to. */
const SETTERS: Readonly<Record<string, readonly number[]>> = {
  'test rdx, rcx': [0x48, 0x85, 0xca],
  'test edx, ecx': [0x85, 0xca],
  'test dl, cl': [0x84, 0xca],
  'test cl, 0x81': [0xf6, 0xc1, 0x81],
  'test byte [rbx+8], 0x81': [0xf6, 0x43, 0x08, 0x81],
  'cmp rdx, rcx': [0x48, 0x39, 0xca],
  'cmp edx, ecx': [0x39, 0xca],
  'cmp rcx, 5': [0x48, 0x83, 0xf9, 0x05],
  'cmp ecx, 5': [0x83, 0xf9, 0x05],
  'cmp cx, 5': [0x66, 0x83, 0xf9, 0x05],
  'cmp cl, 5': [0x80, 0xf9, 0x05],
  'cmp qword [rbx+8], 5': [0x48, 0x83, 0x7b, 0x08, 0x05],
  'cmp word [rbx+8], 5': [0x66, 0x83, 0x7b, 0x08, 0x05],
  'cmp byte [rbx+8], 5': [0x80, 0x7b, 0x08, 0x05],
  'cmp rdx, [rbx+8]': [0x48, 0x3b, 0x53, 0x08],
  'cmp [rbx+8], rdx': [0x48, 0x39, 0x53, 0x08],
  'and ecx, 5': [0x83, 0xe1, 0x05],
  'sub ecx, 5': [0x83, 0xe9, 0x05],
  'sub qword [rbx+8], 5': [0x48, 0x83, 0x6b, 0x08, 0x05],
  'shr rcx, 3': [0x48, 0xc1, 0xe9, 0x03],
  'shr ecx, 3': [0xc1, 0xe9, 0x03],
};
const value = fc.oneof(
  fc.constantFrom(0n, 1n, 5n, 6n, 0x80n, 0xffn, 0x8000_0000n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);

test.each(Object.entries(SETTERS))('%s and a conditional jump', (_, setter) => {
  const conditions = Array.from({ length: 16 }, (_, n) => n);
  const places = conditions.map((n) => [...setter, 0x70 + n, 0x10, ...new Array(30 - setter.length).fill(0x90)]);
  const { codeSpace, cpu, space } = start(places.flat());
  const outcome = (condition: number, [rcx, rdx, data]: readonly bigint[], slices: readonly number[]) => {
    space.copyOut(DATA + 8, new Uint8Array(BigUint64Array.of(data).buffer));
    cpu.pc = CODE + condition * 32;
    cpu.set(RCX, rcx);
    cpu.set(RDX, rdx);
    cpu.set(RBX, DATA);
    for (const slice of slices) expect(codeSpace.run(cpu, slice).kind).toBe('budget');
    return [cpu.pc, cpu.flags, cpu.getBig(RCX), cpu.getBig(RDX), ...space.copyIn(DATA + 8, 8)];
  };
  fc.assert(
    fc.property(fc.constantFrom(...conditions), fc.tuple(value, value, value), (condition, values) => {
      expect(outcome(condition, values, [2])).toEqual(outcome(condition, values, [1, 1]));
    }),
    { numRuns: 200 },
  );
});

test('a fault of the second leaves the first done', () => {
  // mov rax, [rbx+0]; mov rcx, [rdx+0]
  const { codeSpace, cpu, space, engine } = start([0x48, 0x8b, 0x43, 0, 0x48, 0x8b, 0x4a, 0]);
  space.copyOut(DATA, Uint8Array.of(7));
  cpu.set(RBX, DATA);
  cpu.set(RDX, 0x70_0000);
  expect(codeSpace.run(cpu, 100)).toMatchObject({ kind: 'fault', address: 0x70_0000 });
  expect([cpu.pc, cpu.get(RAX)]).toEqual([CODE + 4, 7]);
  expect(engine.stats.instructions).toBe(1);
});

test('a slice may end in between', () => {
  // push rax; push rcx
  const { codeSpace, cpu } = start([0x50, 0x51]);
  cpu.set(RSP, DATA + 64);
  expect(codeSpace.run(cpu, 1).kind).toBe('budget');
  expect([cpu.pc, cpu.get(RSP)]).toEqual([CODE + 1, DATA + 56]);
});

test('the first may change the second', () => {
  // push rax; push rcx: where the latter stands comes ud2
  const { codeSpace, cpu } = start([0x50, 0x51]);
  cpu.set(RAX, 0x0b0f);
  cpu.set(RSP, CODE + 1 + 8);
  expect(codeSpace.run(cpu, 100)).toMatchObject({ kind: 'trap', trap: 'illegal' });
  expect([cpu.pc, cpu.get(RSP)]).toEqual([CODE + 1, CODE + 1]);
});

test('a register that the first has loaded from the stack is the one that the second uses', () => {
  // pop rsp; pop rcx
  const { codeSpace, cpu, space } = start([0x5c, 0x59]);
  space.copyOut(DATA, new Uint8Array(BigUint64Array.of(BigInt(DATA + 64)).buffer));
  space.copyOut(DATA + 64, Uint8Array.of(9));
  cpu.set(RSP, DATA);
  expect(codeSpace.run(cpu, 2).kind).toBe('budget');
  expect([cpu.get(RCX), cpu.get(RSP)]).toEqual([9, DATA + 72]);
});
