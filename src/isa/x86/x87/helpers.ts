/** The x87 operations that semantics call as JavaScript helpers, one row each; 64-bit operands come as two halves, which spares a BigInt. */
import { MemoryFault } from '../../../base/failures.ts';
import type { AddressSpace } from '../../../memory/address-space.ts';
import type { Helper } from '../../helper.ts';
import { buildFxsave, MXCSR_MASK, parseFxsave } from '../fxsave.ts';
import * as environment from './environment.ts';
import * as f from './float80.ts';
import { Fpu } from './fpu.ts';

const fpu = new Fpu();

/** An operation on the stack: `open` and `close` around it. `params` counts its i32 arguments. */
function stack(params: number, body: (env: f.Env, ...args: number[]) => void): Helper {
  return {
    params: Array.from({ length: params }, () => 'i32' as const),
    make: (space) => (state: number, a: number, b: number, c: number, d: number) => {
      body(fpu.open(space.view, state), a, b, c, d);
      fpu.close();
    },
  };
}

/** As `stack` with an i32 result. */
function answer(params: number, body: (env: f.Env, ...args: number[]) => number): Helper {
  return {
    params: Array.from({ length: params }, () => 'i32' as const),
    result: 'i32',
    make: (space) => (state: number, a: number, b: number, c: number, d: number) => {
      const r = body(fpu.open(space.view, state), a, b, c, d);
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

const join = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
const single = (bits: number): bigint => BigInt(bits >>> 0);
const isDenormal32 = (bits: number): boolean => (bits & 0x7f80_0000) === 0 && (bits & 0x7f_ffff) !== 0;
const isDenormal64 = (low: number, high: number): boolean =>
  (high & 0x7ff0_0000) === 0 && ((high & 0xf_ffff) | low) !== 0;

export const X87_HELPERS = {
  /** Loads. */
  fld32: stack(1, (_env, bits) => fpu.pushSingle(bits)),
  fld64: stack(2, (_env, low, high) => fpu.pushDouble(low, high)),
  fld80: stack(3, (_env, low, high, se) => fpu.pushExtended(low, high, se)),
  fild: stack(2, (_env, low, high) => fpu.pushInteger(low, high)),
  fbld: stack(3, (_env, low, high, top) => fpu.push(f.fromBcd(join(low, high), top & 0xffff))),
  fldRegister: stack(1, (_env, i) => fpu.pushRegister(i)),
  fldConstant: stack(1, (_env, which) => fpu.pushConstant(which)),
  /** Arithmetic: operation digit, then destination, register, pops or the operand's bits. */
  farith: stack(4, (_env, op, to, i, pops) => fpu.arithmetic(op, to, i, pops)),
  farith32: stack(2, (_env, op, bits) => fpu.arithmeticValue(op, f.widen(single(bits), f.SINGLE), isDenormal32(bits))),
  farith64: stack(3, (_env, op, low, high) =>
    fpu.arithmeticValue(op, f.widen(join(low, high), f.DOUBLE), isDenormal64(low, high)),
  ),
  fiarith: stack(2, (_env, op, v) => fpu.arithmeticValue(op, f.fromInteger(BigInt(v)), false)),
  /** Comparisons: pops last. */
  fcom: stack(3, (_env, i, quietly, pops) => fpu.compare(i, quietly !== 0, pops)),
  fcom32: stack(2, (_env, bits, pops) => fpu.compareValue(f.widen(single(bits), f.SINGLE), isDenormal32(bits), pops)),
  fcom64: stack(3, (_env, low, high, pops) =>
    fpu.compareValue(f.widen(join(low, high), f.DOUBLE), isDenormal64(low, high), pops),
  ),
  ficom: stack(2, (_env, v, pops) => fpu.compareValue(f.fromInteger(BigInt(v)), false, pops)),
  /** The flags. */
  fcomi: answer(3, (_env, i, quietly, pops) => fpu.compareFlags(i, quietly !== 0, pops)),
  /** Registers. */
  fxch: stack(1, (_env, i) => fpu.exchange(i)),
  fstRegister: stack(2, (_env, i, pops) => fpu.copyTo(i, pops)),
  fstpnce: stack(1, (_env, i) => fpu.moveAndPop(i)),
  fcmov: stack(2, (_env, i, condition) => fpu.moveIf(i, condition)),
  ffree: stack(2, (_env, i, pops) => fpu.free(i, pops)),
  fspecial: stack(1, (_env, code) => fpu.special(code)),
  /** Stores: the value goes to the scratch field; the answer says whether it may be stored. */
  fst32: answer(1, (_env, pops) => fpu.storeFloat(f.SINGLE, pops)),
  fst64: answer(1, (_env, pops) => fpu.storeFloat(f.DOUBLE, pops)),
  fst80: answer(1, (_env, pops) => fpu.storeExtended(pops)),
  fist: answer(3, (_env, bits, truncate, pops) => fpu.storeInteger(bits, truncate !== 0, pops)),
  fbstp: answer(1, (_env, pops) => fpu.storeBcd(pops)),
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

/** MXCSR bits whose setting FXRSTOR and LDMXCSR refuse. */
export const MXCSR_RESERVED = ~MXCSR_MASK;
