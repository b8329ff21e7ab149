/** Code on pages that are written all the time: after many drops they stay writable, and every change still counts from the next instruction on. */
import { describe, expect, test } from 'vitest';
import type { EngineMode } from '../../src/engine/engine.ts';
import { OPENED_AFTER } from '../../src/engine/open-code.ts';
import { CODE as MAIN, machine } from './machine.ts';

const FUNCTION = MAIN + 0x1000;
const STACK = 0x60_0000;
const ROUNDS = 2 * OPENED_AFTER + 1;

const [RAX, RCX, RBX, RSP, RDI] = [0, 1, 3, 4, 7];

/** Run `main` with the number of rounds in ECX and the address of the function in RDI, to its UD2. */
function run(mode: EngineMode, main: readonly number[], called: readonly number[], threshold = 16) {
  const pages = [{ address: STACK, length: 4096 }];
  const { space, codeSpace, cpu } = machine({ mode, threshold, batchSize: 1 }, main, pages);
  space.copyOut(FUNCTION, Uint8Array.from(called));
  const start = () => {
    for (const [id, value] of [[RAX, 0], [RCX, ROUNDS], [RBX, 0], [RSP, STACK + 2048], [RDI, FUNCTION]]) cpu.set(id, value); // biome-ignore format: pairs
    cpu.pc = MAIN;
    return codeSpace.run(cpu, 10_000_000);
  };
  const exit = { ...start() };
  return { space, codeSpace, cpu, exit, again: start };
}

const sum = (of: (round: number) => number) => {
  let all = 0;
  for (let round = ROUNDS; round > 0; round--) all += of(round);
  return all;
};

/** mov [rdi+1], ecx; call rdi; add rbx, rax; dec ecx; jne main; ud2 */
const PATCH_AND_CALL = [0x89, 0x4f, 0x01, 0xff, 0xd7, 0x48, 0x01, 0xc3, 0xff, 0xc9, 0x75, 0xf4, 0x0f, 0x0b];
/** mov eax, 0; ret */
const CONSTANT = [0xb8, 0, 0, 0, 0, 0xc3];

describe.each(['interpreter', 'translator', 'auto'] as const)('%s', (mode) => {
  test('a patched immediate', () => {
    const { cpu, exit, codeSpace } = run(mode, PATCH_AND_CALL, CONSTANT);
    expect(exit.kind).toBe('trap');
    expect(cpu.get(RBX)).toBe(sum((round) => round));
    expect(codeSpace.blocks.isOpen(FUNCTION, FUNCTION + 1)).toBe(true);
    expect(codeSpace.blocks.isOpen(MAIN, MAIN + 1)).toBe(false);
  });

  test('another instruction each time', () => {
    // mov edx, ecx; and edx, 1; shl edx, 3; add edx, 0xc0; mov [rdi+3], dl; call rdi; add ebx, eax; dec ecx; jne main; ud2
    const main = [
      0x89, 0xca, 0x83, 0xe2, 0x01, 0xc1, 0xe2, 0x03, 0x81, 0xc2, 0xc0, 0, 0, 0, 0x88, 0x57, 0x03, 0xff, 0xd7, 0x01, 0xc3,
      0xff, 0xc9, 0x75, 0xe7, 0x0f, 0x0b,
    ]; // biome-ignore format: bytes
    // xor eax, eax; inc eax (or dec eax); ret
    const { cpu, codeSpace } = run(mode, main, [0x31, 0xc0, 0xff, 0xc0, 0xc3]);
    expect(cpu.get(RBX) | 0).toBe(sum((round) => (round & 1 ? -1 : 1)));
    expect(codeSpace.blocks.isOpen(FUNCTION, FUNCTION + 1)).toBe(true);
  });

  test('the instruction behind the one that writes it', () => {
    // call rdi; add rbx, rax; dec ecx; jne main; ud2
    const main = [0xff, 0xd7, 0x48, 0x01, 0xc3, 0xff, 0xc9, 0x75, 0xf7, 0x0f, 0x0b];
    // mov [rip+1], cl; mov eax, 0; ret
    const { cpu, codeSpace } = run(mode, main, [0x88, 0x0d, 1, 0, 0, 0, ...CONSTANT]);
    expect(cpu.get(RBX)).toBe(sum((round) => round & 0xff));
    expect(codeSpace.blocks.isOpen(FUNCTION, FUNCTION + 1)).toBe(true);
  });

  test('the same number of instructions executed as without', () => {
    const { codeSpace } = run(mode, PATCH_AND_CALL, CONSTANT);
    expect(codeSpace.executed).toBe(7 * ROUNDS);
  });

  test('a page that comes to be shared', () => {
    const { space, again, cpu, codeSpace } = run(mode, PATCH_AND_CALL, CONSTANT);
    space.map({ address: FUNCTION, length: 4096, prot: 7, fixed: true, shared: true });
    space.copyOut(FUNCTION, Uint8Array.from(CONSTANT));
    // Two that share it: its bytes are no longer in the window.
    const other = space.fork();
    expect(again().kind).toBe('trap');
    expect(cpu.get(RBX)).toBe(sum((round) => round));
    expect(codeSpace.blocks.isOpen(FUNCTION, FUNCTION + 1)).toBe(false);
    other.dispose();
  });

  test('a page that is gone', () => {
    const { space, again, cpu } = run(mode, PATCH_AND_CALL, CONSTANT);
    space.unmap(FUNCTION, 4096);
    // Its first access is the write.
    expect(again()).toMatchObject({ kind: 'fault', access: 'write', address: FUNCTION + 1 });
    space.map({ address: FUNCTION, length: 4096, prot: 7, fixed: true });
    space.copyOut(FUNCTION, Uint8Array.from(CONSTANT));
    expect(again().kind).toBe('trap');
    expect(cpu.get(RBX)).toBe(sum((round) => round));
  });
});

test('code that changes in its operands again and again is translated long before it has run often', () => {
  const { cpu, codeSpace } = run('auto', PATCH_AND_CALL, CONSTANT, 16384);
  expect(cpu.get(RBX)).toBe(sum((round) => round));
  expect(codeSpace.blocks.translation(FUNCTION)).toBeDefined();
  expect(codeSpace.blocks.translation(MAIN)).toBeUndefined();
});
