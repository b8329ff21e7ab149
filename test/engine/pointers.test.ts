/** Pointers that a loop moves along: what is looked at once, before it (alignment, the upper half), is refused exactly where it is off. */
import { expect, test } from 'vitest';
import { CODE, machine } from './machine.ts';

const DATA = 0x50_0000;
const HIGH = 0x1_0000_0000;
const [RCX, RSI, RDI] = [1, 6, 7];

/** L: movaps xmm1, [rdi + 16]; then the step; dec ecx; jnz L; ud2 */
const loop = (...step: number[]) => [0x0f, 0x28, 0x4f, 0x10, ...step, 0xff, 0xc9, 0x75, 0xf8 - step.length, 0x0f, 0x0b];
/** add rdi, constant; add rdi, rsi */
const byConstant = (step: number) => loop(0x48, 0x83, 0xc7, step);
const byRegister = loop(0x48, 0x01, 0xf7);

interface Start {
  code: readonly number[];
  address: number;
  step?: number;
}

/** Rounds left when the loop ends, and where. */
function run({ code, address, step = 0 }: Start, mode: 'interpreter' | 'translator') {
  const { codeSpace, cpu } = machine({ mode }, code, [{ address: DATA, length: 8192 }]);
  cpu.set(RCX, 8n);
  cpu.set(RSI, BigInt(step));
  cpu.set(RDI, BigInt(address));
  const exit = codeSpace.run(cpu, 1000);
  const state = { exit, left: Number(cpu.get(RCX)), at: cpu.pc - CODE, address: Number(cpu.get(RDI)) };
  codeSpace.dispose();
  return state;
}

for (const [what, start, left] of [
  ['an aligned walk', { code: byConstant(16), address: DATA }, 0],
  ['by twice as much', { code: byConstant(32), address: DATA }, 0],
  ['backwards', { code: byConstant(0xf0), address: DATA + 4096 }, 0],
  ['off from the start', { code: byConstant(16), address: DATA + 4 }, 8],
  ['off in the second round', { code: byConstant(8), address: DATA }, 7],
  ['off by a register', { code: byRegister, address: DATA, step: 4 }, 7],
  ['above 4 GiB', { code: byConstant(16), address: HIGH + DATA }, 8],
  ['above 4 GiB in the second round', { code: byRegister, address: DATA, step: HIGH }, 7],
  ['out of what is mapped', { code: byConstant(16), address: DATA + 8192 - 64 }, 5],
] as const)
  test(`a pointer that moves ${what} ends the same in both tiers`, () => {
    const expected = run(start, 'interpreter');
    expect(expected).toMatchObject({ left });
    expect(run(start, 'translator')).toEqual(expected);
  });
