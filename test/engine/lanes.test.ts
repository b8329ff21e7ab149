/** Low lanes that scalar operations keep apart from their vector registers: whole again wherever someone looks, also where a region is left in between. */
import { expect, test } from 'vitest';
import { xmmOffset } from '../../src/isa/x86/state.ts';
import { CODE, machine } from './machine.ts';

const DATA = 0x50_0000;
const [RCX, RDI] = [1, 7];
const bytes = (hex: string) => hex.split(' ').map((b) => Number.parseInt(b, 16));

/** Registers, place and exit after the code, which UD2 ends. */
function run(code: readonly number[], mode: 'interpreter' | 'translator') {
  const { space, codeSpace, cpu } = machine({ mode }, [...code, 0x0f, 0x0b], [{ address: DATA, length: 4096 }]);
  const set = (at: number, v: number) => space.view.setFloat64(at, v, true);
  for (let i = 0; i < 4; i++) {
    set(cpu.state + xmmOffset(i), i + 1.25);
    set(cpu.state + xmmOffset(i) + 8, -i - 0.75);
  }
  space.copyOut(DATA, new Uint8Array(Float64Array.of(3.5, -7.25, 0.125, 9).buffer));
  cpu.set(RCX, 5n);
  cpu.set(RDI, BigInt(DATA));
  const exit = codeSpace.run(cpu, 1000);
  const xmm = [0, 1, 2, 3].map((i) => [0, 8].map((o) => space.view.getBigUint64(cpu.state + xmmOffset(i) + o, true)));
  const state = { exit, at: cpu.pc - CODE, xmm };
  codeSpace.dispose();
  return state;
}

for (const [what, code] of [
  ['a chain', 'f2 0f 58 c1 f2 0f 59 c2 f2 0f 5c c3'], // addsd xmm0,xmm1; mulsd xmm0,xmm2; subsd xmm0,xmm3
  ['a copy of the whole', 'f2 0f 58 c1 0f 28 d0 f2 0f 59 c1'], // addsd xmm0,xmm1; movaps xmm2,xmm0; mulsd xmm0,xmm1
  ['a copy of the low lane', 'f2 0f 58 c1 f2 0f 10 d0 f2 0f 58 c2'], // addsd xmm0,xmm1; movsd xmm2,xmm0; addsd xmm0,xmm2
  ['floats after doubles', 'f2 0f 58 c1 f3 0f 58 c2 f2 0f 58 c1 f3 0f 59 c8'], // addsd, addss, addsd on xmm0; mulss xmm1,xmm0
  ['both lanes of itself', 'f2 0f 58 c0 66 0f 14 c0 f2 0f 58 c0'], // addsd xmm0,xmm0; unpcklpd xmm0,xmm0; addsd xmm0,xmm0
  ['overwritten whole', 'f2 0f 58 c1 0f 28 c2 f2 0f 58 c1'], // addsd xmm0,xmm1; movaps xmm0,xmm2; addsd xmm0,xmm1
  ['a loop', 'f2 0f 58 c1 66 0f 58 d0 ff c9 75 f4'], // L: addsd xmm0,xmm1; addpd xmm2,xmm0; dec ecx; jnz L
  ['a loop over memory', 'f2 0f 58 07 f2 0f 11 07 ff c9 75 f4'], // L: addsd xmm0,[rdi]; movsd [rdi],xmm0; dec ecx; jnz L
  ['a fault between', 'f2 0f 58 c1 f3 0f 58 d1 f2 0f 59 04 25 08 00 00 00'], // addsd xmm0,xmm1; addss xmm2,xmm1; mulsd xmm0,[8]
  ['a comparison', 'f2 0f 58 c1 66 0f 2e c1 77 04 f2 0f 58 c2'], // addsd xmm0,xmm1; ucomisd xmm0,xmm1; ja +4; addsd xmm0,xmm2
] as const)
  test(`${what} ends the same in both tiers`, () => {
    expect(run(bytes(code), 'translator')).toEqual(run(bytes(code), 'interpreter'));
  });
