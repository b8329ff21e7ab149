/** The x87 operations that semantics call, one row each: JavaScript, and for the common cases the wasm form of the same name (fast.ts). */
import { MemoryFault } from '../../../base/failures.ts';
import type { AddressSpace } from '../../../memory/address-space.ts';
import type { Helper } from '../../helper.ts';
import { buildFxsave, MXCSR_MASK, parseFxsave } from '../fxsave.ts';
import * as environment from './environment.ts';
import { fastForms } from './fast.ts';
import * as f from './float80.ts';
import { Fpu } from './fpu.ts';

const fpu = new Fpu();

type Args = (number & bigint)[];

/** An operation on the stack: `open` and `close` around it. The parameters' types by letter: i = i32, l = i64. */
function stack(params: string, body: (env: f.Env, ...args: Args) => void): Helper {
  return {
    params: types(params),
    make:
      (space) =>
      (state: number, ...args: never[]) => {
        body(fpu.open(space.view, state), ...args);
        fpu.close();
      },
  };
}
const types = (letters: string) => [...letters].map((c) => (c === 'l' ? 'i64' : 'i32'));

/** As `stack` with an i32 result. */
function answer(params: string, body: (env: f.Env, ...args: Args) => number): Helper {
  return {
    params: types(params),
    result: 'i32',
    make:
      (space) =>
      (state: number, ...args: never[]) => {
        const r = body(fpu.open(space.view, state), ...args);
        fpu.close();
        return r;
      },
  };
}

/** An operation on control and status. */
function control(params: number, body: (view: DataView, state: number, a: number) => void): Helper {
  return {
    params: Array.from({ length: params }, () => 'i32' as const),
    make: (space) => (state: number, a: number) => body(space.view, state, a),
  };
}

/** An operation on a memory image at an address that the semantics have probed. */
function image(body: (space: AddressSpace, state: number, address: number, wide: boolean) => void): Helper {
  return {
    params: ['i64', 'i32'],
    make: (space) => (state: number, address: bigint, wide: number) => {
      try {
        body(space, state, Number(BigInt.asUintN(64, address)), wide !== 0);
      } catch (e) {
        if (e instanceof MemoryFault) throw new Error(`x87 image at ${address.toString(16)} was not probed`);
        throw e;
      }
    },
  };
}

const unsigned = (v: bigint): bigint => BigInt.asUintN(64, v);
const single = (bits: number): bigint => BigInt(bits >>> 0);
const isDenormal32 = (bits: number): boolean => (bits & 0x7f80_0000) === 0 && (bits & 0x7f_ffff) !== 0;
const isDenormal64 = (bits: bigint): boolean =>
  (bits & 0x7ff0_0000_0000_0000n) === 0n && (bits & 0xf_ffff_ffff_ffffn) !== 0n;

/** An operation that leaves the stack as high as it was, and the same with a pop. */
const popping = <const N extends string>(name: N, make: (pops: number) => Helper) =>
  ({ [name]: make(0), [`${name}Pop`]: make(1) }) as Record<N | `${N}Pop`, Helper>;

const registers = (pops: number) => stack('iii', (_env, op, to, i) => fpu.arithmetic(op, to, i, pops));
const compare = (pops: number) => stack('ii', (_env, i, quietly) => fpu.compare(i, quietly !== 0, pops));
const with32 = stack('ii', (_env, op, bits) =>
  fpu.arithmeticValue(op, f.widen(single(bits), f.SINGLE), isDenormal32(bits)),
);
const with64 = stack('il', (_env, op, bits) =>
  fpu.arithmeticValue(op, f.widen(unsigned(bits), f.DOUBLE), isDenormal64(bits)),
);
const withInteger = stack('ii', (_env, op, v) => fpu.arithmeticValue(op, f.fromInteger(BigInt(v)), false));

const special = (code: number) => stack('', () => fpu.special(code));

const ROWS = {
  /** Loads. */
  fld32: stack('i', (env, bits) => fpu.push(f.fromBits(env, single(bits), f.SINGLE))),
  fld64: stack('l', (env, bits) => fpu.push(f.fromBits(env, unsigned(bits), f.DOUBLE))),
  fld80: stack('li', (_env, significand, se) => fpu.push(f.ext((se >> 15) & 1, se & 0x7fff, unsigned(significand)))),
  fild: stack('l', (_env, v) => fpu.push(f.fromInteger(v))),
  fbld: stack('li', (_env, low, top) => fpu.push(f.fromBcd(unsigned(low), top & 0xffff))),
  fldRegister: stack('i', (_env, i) => fpu.pushRegister(i)),
  fldConstant: stack('i', (_env, which) => fpu.pushConstant(which)),
  /** Arithmetic, three kinds: the operation's digit, then destination, register, or the operand's bits. */
  ...popping('fadd', registers),
  ...popping('fmul', registers),
  ...popping('fdiv', registers),
  fadd32: with32,
  fmul32: with32,
  fdiv32: with32,
  fadd64: with64,
  fmul64: with64,
  fdiv64: with64,
  fiadd: withInteger,
  fimul: withInteger,
  fidiv: withInteger,
  /** Comparisons. */
  ...popping('fcom', compare),
  fcomPop2: compare(2),
  ...popping('fcom32', (pops) =>
    stack('i', (_env, bits) => fpu.compareValue(f.widen(single(bits), f.SINGLE), isDenormal32(bits), pops)),
  ),
  ...popping('fcom64', (pops) =>
    stack('l', (_env, bits) => fpu.compareValue(f.widen(unsigned(bits), f.DOUBLE), isDenormal64(bits), pops)),
  ),
  ...popping('ficom', (pops) => stack('i', (_env, v) => fpu.compareValue(f.fromInteger(BigInt(v)), false, pops))),
  /** The flags. */
  ...popping('fcomi', (pops) => answer('ii', (_env, i, quietly) => fpu.compareFlags(i, quietly !== 0, pops))),
  /** Registers. */
  fxch: stack('i', (_env, i) => fpu.exchange(i)),
  ...popping('fstRegister', (pops) => stack('i', (_env, i) => fpu.copyTo(i, pops))),
  fstpnce: stack('i', (_env, i) => fpu.moveAndPop(i)),
  fcmov: stack('ii', (_env, i, condition) => fpu.moveIf(i, condition)),
  ffree: stack('ii', (_env, i, pops) => fpu.free(i, pops)),
  fsign: stack('ii', (_env, keep, toggle) => fpu.changeSign(keep, toggle)),
  fsqrt: special(0xfa),
  frndint: special(0xfc),
  fscale: special(0xfd),
  fprem: special(0xf8),
  fprem1: special(0xf5),
  fxam: special(0xe5),
  ftst: special(0xe4),
  fspecial: stack('i', (_env, code) => fpu.special(code)),
  /** Stores: the value goes to the scratch field; the answer says whether it may be stored. */
  ...popping('fst32', (pops) => answer('', () => fpu.storeFloat(f.SINGLE, pops))),
  ...popping('fst64', (pops) => answer('', () => fpu.storeFloat(f.DOUBLE, pops))),
  ...popping('fst80', (pops) => answer('', () => fpu.storeExtended(pops))),
  ...popping('fist', (pops) => answer('ii', (_env, bits, truncate) => fpu.storeInteger(bits, truncate !== 0, pops))),
  fbstp: answer('i', (_env, pops) => fpu.storeBcd(pops)),
  /** Control. */
  fninit: control(0, environment.initialise),
  fnclex: control(0, environment.clearExceptions),
  fldcw: control(1, environment.loadControl),
  fnstenv: image((space, state, address, wide) => {
    space.copyOut(address, environment.storeEnvironment(space.view, state, wide));
    environment.maskAll(space.view, state);
  }),
  fldenv: image((space, state, address, wide) => {
    const bytes = space.copyIn(address, wide ? 28 : 14);
    environment.loadEnvironment(space.view, state, bytes, wide);
  }),
  fnsave: image((space, state, address, wide) => {
    space.copyOut(address, environment.saveAll(space.view, state, wide));
  }),
  frstor: image((space, state, address, wide) => {
    const bytes = space.copyIn(address, wide ? 108 : 94);
    environment.restoreAll(space.view, state, bytes, wide);
  }),
  /** As far as XMM15: the rest of the 512 bytes is left alone. */
  fxsave: image((space, state, address) => {
    space.copyOut(address, buildFxsave(space.view, state).subarray(0, 416));
  }),
  fxrstor: image((space, state, address) => {
    const bytes = space.copyIn(address, 512);
    parseFxsave(space.view, state, bytes);
    environment.refresh(space.view, state);
  }),
} satisfies Record<string, Helper>;

/** The rows without their fast forms: the plain version, which tests hold the other against. */
export const PLAIN_X87_HELPERS: Record<keyof typeof ROWS, Helper> = ROWS;
export const X87_HELPERS = Object.fromEntries(
  Object.entries<Helper>(ROWS).map(([name, row]) => [
    name,
    {
      ...row,
      get fast() {
        return fastForms()[name];
      },
    },
  ]),
) as Record<keyof typeof ROWS, Helper>;

/** MXCSR bits whose setting FXRSTOR and LDMXCSR refuse. */
export const MXCSR_RESERVED = ~MXCSR_MASK;
