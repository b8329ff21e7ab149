/** How Linux passes calls on x86-64: number and result in RAX, errors as small negative results, restarts by running the instruction again. */
import type { Cpu } from '../../../src/engine/engine.ts';
import { R8, R9, R10, RAX, RDI, RDX, RSI } from '../../../src/isa/x86/state.ts';
import type { Convention } from '../../../src/personality/dispatch.ts';
import { errno } from './errno.ts';

/** Length of `syscall` and of `int 0x80`. */
const INSTRUCTION = 2;

export const convention: Convention = {
  isa: 'x86-64',
  registers: [RDI, RSI, RDX, R10, R8, R9],
  succeed: (cpu, result) => cpu.set(RAX, result),
  fail: (cpu, code) => cpu.set(RAX, -errno(code)),
};

export function callNumber(cpu: Cpu): number {
  return cpu.getInt(RAX);
}

/** Make the thread execute its system-call instruction once more, with the same number: RAX still holds it, for nothing has changed. */
export function restartCall(cpu: Cpu): void {
  cpu.pc -= INSTRUCTION;
}
