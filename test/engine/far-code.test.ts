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
