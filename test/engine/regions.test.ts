/** Which regions are made of what became hot. */
import { expect, it } from 'vitest';
import { formRegion } from '../../src/engine/translator/region.ts';
import type { Instruction } from '../../src/isa/isa.ts';
import { X86 } from '../../src/isa/x86/x86.ts';
import { machine } from './machine.ts';

// mov ecx, 200; again: dec ecx; jz end; test cl, 1; jz even; inc eax; even: jmp again; end: ud2
const LOOP = [0xb9, 200, 0, 0, 0, 0xff, 0xc9, 0x74, 9, 0xf6, 0xc1, 1, 0x74, 2, 0xff, 0xc0, 0xeb, 0xf3, 0x0f, 0x0b];

it('blocks that become hot together, one inside the other’s region, make one', () => {
  const { engine, codeSpace, cpu } = machine({ mode: 'auto', threshold: 16, batchSize: 2 }, LOOP);
  expect(codeSpace.run(cpu, 100_000).kind).toBe('trap');
  expect(cpu.get(0)).toBe(100);
  expect(engine.stats.translatedRegions).toBe(1);
});

it('a block that its region took in is hot when it was entered from outside as often as any other', () => {
  const { engine, codeSpace, cpu } = machine({ mode: 'auto', threshold: 16, batchSize: 1 }, LOOP);
  const again = cpu.pc + 5;
  expect(codeSpace.run(cpu, 100_000).kind).toBe('trap');
  expect(engine.stats.translatedRegions).toBe(1);
  const enter = () => {
    cpu.pc = again;
    cpu.set(1, 2);
    codeSpace.run(cpu, 100);
    return codeSpace.blocks.translation(again) !== undefined;
  };
  for (let i = 1; i < 16; i++) expect(enter()).toBe(false);
  expect(enter()).toBe(true);
});

// f: cmp rdi, 1; jbe one; push rbx; mov rbx, rdi; lea rdi, [rbx-1]; call f; lea rdi, [rbx-2]; mov rbx, rax; call f; add rax, rbx; pop rbx; ret; one: mov rax, rdi; ret
const FIB = [
  0x48, 0x83, 0xff, 1, 0x76, 30, 0x53, 0x48, 0x89, 0xfb, 0x48, 0x8d, 0x7b, 0xff, 0xe8, 0xed, 0xff, 0xff, 0xff, 0x48,
  0x8d, 0x7b, 0xfe, 0x48, 0x89, 0xc3, 0xe8, 0xe1, 0xff, 0xff, 0xff, 0x48, 0x01, 0xd8, 0x5b, 0xc3, 0x48, 0x89, 0xf8,
  0xc3,
];

it('a function is included with all of its blocks or not at all', () => {
  const run = (pc: number) => {
    const found: Instruction[] = [];
    for (let at = pc; ; at += found[found.length - 1].length) {
      found.push(X86.decode(Uint8Array.from(FIB), at, at)!);
      if (found[found.length - 1].ends) return found;
    }
  };
  const code = { run, follow: () => true, targets: () => [], open: () => undefined };
  for (let blocks = 5; blocks <= 64; blocks++) {
    const region = formRegion(0, code, { blocks, instructions: 600, inlined: 40, shared: true })!;
    expect(region.blocks.length).toBeLessThanOrEqual(blocks);
    const [, ...included] = region.blocks.filter(({ pc }) => pc === 0);
    expect(included.length > 0).toBe(blocks >= 8);
    for (const { successors } of included) expect(successors.map(({ pc }) => pc)).toEqual([6, 36]);
    // Each comes back from both ends.
    const returns = region.blocks.filter((b) => b.instructions.at(-1)!.flow === 'return' && b.successors.length > 0);
    expect(returns.length).toBe(2 * included.length);
  }
});
