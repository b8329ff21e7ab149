/** What a region follows need not be code, and where indirect jumps went is forgotten with the records that noted it. */
import { expect, test } from 'vitest';
import type { WasmCodeSpace } from '../../src/engine/code-space.ts';
import { CODE, machine } from './machine.ts';

const start = (mode: 'interpreter' | 'translator', code: readonly number[]) => machine({ mode }, code);

test('a branch to where nothing is faults only when it is taken', () => {
  // xor eax, eax; jnz CODE + 0x100000; ud2
  const code = [0x31, 0xc0, 0x0f, 0x85, 0xf8, 0xff, 0x0f, 0x00, 0x0f, 0x0b];
  const { codeSpace, cpu } = start('translator', code);
  expect(codeSpace.run(cpu, 100)).toMatchObject({ kind: 'trap', trap: 'illegal' });
  expect(cpu.pc).toBe(CODE + 8);
});

test('targets of indirect jumps go with their block', () => {
  // lea rax, [rip + 2]; jmp rax; ud2
  const code = [0x48, 0x8d, 0x05, 2, 0, 0, 0, 0xff, 0xe0, 0x0f, 0x0b];
  const jump = CODE + 7;
  for (const forget of [
    (space: WasmCodeSpace) => space.blocks.flush(),
    (space: WasmCodeSpace) => space.blocks.drop(CODE, CODE + 1),
  ]) {
    const { codeSpace, cpu } = start('interpreter', code);
    expect(codeSpace.run(cpu, 100)).toMatchObject({ kind: 'trap', trap: 'illegal' });
    expect(codeSpace.blocks.targets(jump)).toEqual([CODE + 9]);
    forget(codeSpace);
    expect(codeSpace.blocks.targets(jump)).toEqual([]);
  }
});
