/** The common x87 operations in wasm, one form for each helper of the same name: nothing empty, nothing unusual, default control word where it matters. As functions over the state block they serve the interpreter, in place and over locals regions (unit.ts). The kernel x87 of bench: 125 s with JavaScript helpers, 9.6 s with functions, 3.4 s in place (qemu 11.8 s, native 0.57 s). */
import { once } from '../../../base/once.ts';
import { Builder, type Node } from '../../../ir/builder.ts';
import type { Helper } from '../../helper.ts';
import type { Value } from './arithmetic.ts';
import * as a from './arithmetic.ts';
import { CONDITIONS, MemoryUnit, type Unit } from './unit.ts';

/** The meaning of a helper: its answer, or giving up by `leaveIf` before anything has changed. */
export type Form = (unit: Unit, ...params: Node[]) => Node | undefined;

/** Rounding control, precision control and masks, and what they are by default: to nearest, 64 bits, all masked. */
const CONTROL = 0xf3f;
const DEFAULT = 0x33f;

/** Rounding control. */
const rounding = ({ b, fcw }: Unit): Node => b.and(b.shrU(fcw(), 10), 3);

type Operation = 'add' | 'mul' | 'div';

/** ST(0) and another operand by the digit of the encoding: 0 add, 4 sub, 5 subr; 1 mul; 6 div, 7 divr. */
function compute(b: Builder, kind: Operation, op: Node, x: Value, y: Value): a.Rounded {
  if (kind === 'mul') return a.mul(b, x, y);
  const digit = Builder.constantOf(op);
  if (kind === 'add') {
    if (digit === undefined) {
      const flip = (v: Value, when: Node): Value => ({ ...v, se: b.xor(v.se, b.shl(when, 15)) });
      const reversed = b.and(op, 1);
      return a.add(b, flip(x, reversed), flip(y, b.xor(b.shrU(op, 2), reversed)));
    }
    return a.add(b, digit === 5 ? a.negated(b, x) : x, digit === 4 ? a.negated(b, y) : y);
  }
  if (digit !== undefined) return digit === 6 ? a.div(b, x, y) : a.div(b, y, x);
  const reversed = b.and(op, 1);
  const pick = (p: Value, q: Value): Value => ({ m: b.select(reversed, p.m, q.m), se: b.select(reversed, p.se, q.se) });
  return a.div(b, pick(y, x), pick(x, y));
}

const registers =
  (kind: Operation) =>
  (pops: number): Form =>
  (st, op, to, i) => {
    st.control(CONTROL, DEFAULT);
    st.need(0, i);
    const r = compute(st.b, kind, op, st.read(0), st.read(i));
    st.write(to, r);
    st.pop(pops);
    st.setStatus(r.status);
    return undefined;
  };
const withValue =
  (kind: Operation, value: (b: Builder, bits: Node) => Value): Form =>
  (st, op, bits) => {
    st.control(CONTROL, DEFAULT);
    st.need(0);
    const r = compute(st.b, kind, op, st.read(0), value(st.b, bits));
    st.write(0, r);
    st.setStatus(r.status);
    return undefined;
  };
const integer = (b: Builder, v: Node): Value => a.fromInteger(b, b.extendS(v));

const codes = (b: Builder, { less, equal }: { less: Node; equal: Node }): Node =>
  b.or(b.shl(less, 8), b.shl(equal, 14));
const compareValue =
  (value: (b: Builder, bits: Node) => Value) =>
  (pops: number): Form =>
  (st, bits) => {
    st.need(0);
    const order = a.compare(st.b, st.read(0), value(st.b, bits));
    st.pop(pops);
    st.setStatus(codes(st.b, order), CONDITIONS);
    return undefined;
  };

const compareRegisters =
  (pops: number): Form =>
  (st, i, _quietly) => {
    st.need(0, i);
    const order = a.compare(st.b, st.read(0), st.read(i));
    st.pop(pops);
    st.setStatus(codes(st.b, order), CONDITIONS);
    return undefined;
  };

const load =
  (value: (b: Builder, ...bits: Node[]) => Value): Form =>
  (st, ...bits) => {
    st.room();
    st.push(value(st.b, ...bits));
    return undefined;
  };

/** A store: what to write is left with the unit, the answer is 1. */
const store =
  (width: 32 | 64) =>
  (pops: number): Form =>
  (st) => {
    st.control(CONTROL, DEFAULT);
    st.need(0);
    const r = width === 32 ? a.toSingle(st.b, st.read(0)) : a.toDouble(st.b, st.read(0));
    st.leave(r.bits);
    st.pop(pops);
    st.setStatus(r.status);
    return st.b.i32(1);
  };

/** A form that leaves the stack as high as it was, and the same with a pop. */
const popping = (name: string, form: (pops: number) => Form): Record<string, Form> => ({
  [name]: form(0),
  [`${name}Pop`]: form(1),
});

const remainder =
  (nearest: boolean): Form =>
  (st) => {
    const { b } = st;
    st.need(0, 1);
    const { value, quotient } = a.remainder(b, st.read(0), st.read(1), nearest);
    st.write(0, value);
    // Three bits of the quotient: C0, C3, C1.
    const bit = (n: number, to: number) => b.shl(b.and(b.shrU(quotient, n), 1), to);
    st.setStatus(b.or(bit(2, 8), b.or(bit(1, 14), bit(0, 9))), CONDITIONS);
    return undefined;
  };

export const x87Forms = once(
  (): Record<string, Form> => ({
    ...popping('fadd', registers('add')),
    ...popping('fmul', registers('mul')),
    ...popping('fdiv', registers('div')),
    fadd32: withValue('add', a.fromSingle),
    fmul32: withValue('mul', a.fromSingle),
    fdiv32: withValue('div', a.fromSingle),
    fadd64: withValue('add', a.fromDouble),
    fmul64: withValue('mul', a.fromDouble),
    fdiv64: withValue('div', a.fromDouble),
    fiadd: withValue('add', integer),
    fimul: withValue('mul', integer),
    fidiv: withValue('div', integer),
    fld32: load(a.fromSingle),
    fld64: load(a.fromDouble),
    fld80: load((_b, m, se) => ({ m, se })),
    fild: load(a.fromInteger),
    fldRegister(st, i) {
      st.need(i);
      st.room();
      st.push(st.read(i));
      return undefined;
    },
    ...popping('fcom', compareRegisters),
    fcomPop2: compareRegisters(2),
    ...popping('fcom32', compareValue(a.fromSingle)),
    ...popping('fcom64', compareValue(a.fromDouble)),
    ...popping('ficom', compareValue(integer)),
    ...popping('fcomi', (pops) => (st, i, _quietly) => {
      st.need(0, i);
      const { less, equal } = a.compare(st.b, st.read(0), st.read(i));
      st.pop(pops);
      return st.b.or(less, st.b.shl(equal, 6));
    }),
    fxch(st, i) {
      st.need(0, i);
      const [x, y] = [st.read(0), st.read(i)];
      st.write(0, y);
      st.write(i, x);
      st.setStatus(st.b.i32(0));
      return undefined;
    },
    ...popping('fstRegister', (pops) => (st, i) => {
      st.need(0);
      st.write(i, st.read(0));
      st.pop(pops, i);
      st.setStatus(st.b.i32(0));
      return undefined;
    }),
    fcmov(st, i, condition) {
      const { b } = st;
      st.need(0, i);
      const [x, y] = [st.read(0), st.read(i)];
      st.write(0, { m: b.select(condition, y.m, x.m), se: b.select(condition, y.se, x.se) });
      return undefined;
    },
    /** FCHS (a toggled sign bit), FABS (a kept one). */
    fsign(st, keep, toggle) {
      const { b } = st;
      st.need(0);
      const x = st.read(0);
      st.write(0, { ...x, se: b.xor(b.and(x.se, keep), toggle) });
      st.setStatus(b.i32(0));
      return undefined;
    },
    fsqrt(st) {
      st.control(CONTROL, DEFAULT);
      st.need(0);
      const r = a.sqrt(st.b, st.read(0));
      st.write(0, r);
      st.setStatus(r.status);
      return undefined;
    },
    frndint(st) {
      st.control(0x3f, 0x3f);
      st.need(0);
      const r = a.roundToIntegral(st.b, st.read(0), rounding(st));
      st.write(0, r);
      st.setStatus(r.status);
      return undefined;
    },
    fscale(st) {
      st.need(0, 1);
      st.write(0, a.scale(st.b, st.read(0), st.read(1)));
      st.setStatus(st.b.i32(0));
      return undefined;
    },
    fprem: remainder(false),
    fprem1: remainder(true),
    fxam(st) {
      st.need(0);
      st.setStatus(a.examine(st.b, st.read(0)), CONDITIONS);
      return undefined;
    },
    ftst(st) {
      const { b } = st;
      st.need(0);
      st.setStatus(codes(b, a.compare(b, st.read(0), { m: b.i64(0), se: b.i32(0), ordinary: true })), CONDITIONS);
      return undefined;
    },
    ...popping('fst32', store(32)),
    ...popping('fst64', store(64)),
    ...popping('fst80', (pops) => (st) => {
      st.need(0);
      const x = st.read(0);
      st.leave(x.m, x.se);
      st.pop(pops);
      st.setStatus(st.b.i32(0));
      return st.b.i32(1);
    }),
    ...popping('fist', (pops) => (st, width, truncate) => {
      const { b } = st;
      st.control(0x3f, 0x3f);
      st.need(0);
      const rc = Builder.constantOf(truncate) === 1 ? truncate : rounding(st);
      const r = a.toInteger(b, st.read(0), width, b.and(b.or(rc, b.sub(b.i32(0), truncate)), 3));
      st.leave(r.value);
      st.pop(pops);
      st.setStatus(r.status);
      return b.i32(1);
    }),
    /** Bit 6 always reads as set, those beyond the fields as clear. */
    fldcw(st, value) {
      const { b } = st;
      st.loadControl(b.or(b.and(value, 0x1f3f), 0x40));
      return undefined;
    },
  }),
);

/** The same as functions over the state block. */
export const fastForms = once(
  (): Record<string, NonNullable<Helper['fast']>> =>
    Object.fromEntries(
      Object.entries(x87Forms()).map(([name, form]) => [name, (b, ...params) => form(new MemoryUnit(b), ...params)]),
    ),
);
