/** Code above 4 GiB runs, and is dropped when it changes. */
import { expect, test } from 'vitest';
import { CODE, machine } from './machine.ts';

const FAR = 0x7000_0000_0000 + CODE;

test.each(['interpreter', 'translator', 'auto'] as const)('in the %s', (mode) => {
  // mov rdx, FAR; jmp rdx
  const code = [0x48, 0xba, 0, 0, 0x40, 0, 0, 0x70, 0, 0, 0xff, 0xe2];
  const { space, codeSpace, cpu } = machine({ mode, threshold: 16 }, code, [{ address: FAR, length: 4096, prot: 7 }]);
  for (let i = 0; i < 100; i++) {
    // mov eax, i; ud2
    space.copyOut(FAR, Uint8Array.of(0xb8, i, 0, 0, 0, 0x0f, 0x0b));
    for (let again = 0; again < 2; again++) {
      cpu.pc = CODE;
      expect(codeSpace.run(cpu, 1000)).toMatchObject({ kind: 'trap', trap: 'illegal' });
      expect(cpu.get(0)).toBe(i);
    }
  }
  expect(codeSpace.blocks.blocks).toBeLessThan(10);
});

const STACK = 0x60_0000;
const FAR_TEXT = FAR.toString(16);

/** Run code that stands above 4 GiB a hundred times; what the last run came to. */
function far(mode: 'interpreter' | 'translator' | 'auto', code: readonly number[]) {
  const toFar = [0x48, 0xba, 0, 0, 0x40, 0, 0, 0x70, 0, 0, 0xff, 0xe2];
  const pages = [
    { address: FAR, length: 4096, prot: 7 },
    { address: STACK, length: 4096 },
  ];
  const { space, codeSpace, cpu } = machine({ mode, threshold: 16 }, toFar, pages);
  space.copyOut(FAR, Uint8Array.from(code));
  const ends = Array.from({ length: 100 }, () => {
    cpu.pc = CODE;
    cpu.set(0, 0);
    cpu.set(1, 5);
    cpu.set(4, STACK + 2048);
    cpu.set(3, 0x1234_5000);
    const exit = codeSpace.run(cpu, 1000);
    const where = exit.kind === 'fault' ? exit.address.toString(16) : exit.kind;
    return [cpu.pc.toString(16), cpu.get(0).toString(16), where].join(' ');
  });
  expect(new Set(ends).size).toBe(1);
  return ends[0];
}

const nops = (count: number) => new Array<number>(count).fill(0x90);
const at = (offset: number) => (FAR + offset).toString(16);

test.each([
  ['goes on from block to block', [...nops(200), 0x0f, 0x0b], `${at(200)} 0 trap`],
  // lea rax, [rip]
  ['knows where it is', [0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x0f, 0x0b], `${at(7)} ${at(7)} trap`],
  // call next; pop rax
  ['calls', [0xe8, 0, 0, 0, 0, 0x58, 0x0f, 0x0b], `${at(6)} ${at(5)} trap`],
  // again: dec ecx; jnz again
  ['loops', [0xff, 0xc9, 0x75, 0xfc, 0x0f, 0x0b], `${at(4)} 0 trap`],
  ['jumps', [0xeb, 2, 0x90, 0x90, 0x0f, 0x0b], `${at(4)} 0 trap`],
  ['makes system calls', [0x0f, 0x05, 0x0f, 0x0b], `${at(2)} 0 call`],
  // mov eax, [rip]
  [
    'reads what stands beside it',
    [0x8b, 0x05, 2, 0, 0, 0, 0x0f, 0x0b, 0x78, 0x56, 0x34, 0x12],
    `${at(6)} 12345678 trap`,
  ],
  // mov eax, [rbx]
  ['faults', [0x90, 0x8b, 0x03, 0x0f, 0x0b], `${at(1)} 0 12345000`],
  // lea rdi, [rsp]; rep stosb
  ['repeats', [0x48, 0x8d, 0x3c, 0x24, 0xf3, 0xaa, 0x0f, 0x0b], `${at(6)} 0 trap`],
])(`code at 0x${FAR_TEXT} %s`, (_what, code, end) => {
  for (const mode of ['interpreter', 'translator', 'auto'] as const)
    expect([mode, far(mode, code)]).toEqual([mode, end]);
});
