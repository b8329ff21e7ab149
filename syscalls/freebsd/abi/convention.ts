/** How FreeBSD passes calls on amd64: number in RAX, result in RAX, an error as its positive number with the carry flag set. */
import type { Cpu } from '../../../src/engine/engine.ts';
import { R8, R9, R10, RAX, RDI, RDX, RSI } from '../../../src/isa/x86/state.ts';
import type { Convention } from '../../../src/personality/dispatch.ts';
import { errnoNumber } from './errno.ts';

const CARRY = 1;
/** Length of `syscall`. */
const INSTRUCTION = 2;

export const convention: Convention = {
  isa: 'x86-64',
  registers: [RDI, RSI, RDX, R10, R8, R9],
  succeed(cpu, result) {
    cpu.set(RAX, result);
    cpu.flags &= ~CARRY;
  },
  fail(cpu, code) {
    cpu.set(RAX, errnoNumber(code));
    cpu.flags |= CARRY;
  },
};

/** Make the thread execute its system-call instruction once more: nothing has changed, RAX still holds the number. */
export function restartCall(cpu: Cpu): void {
  cpu.pc -= INSTRUCTION;
}
