/** The common x87 operations as wasm functions over the register stack, one for each helper of the same name: nothing empty, nothing unusual, default control word where it matters. The kernel x87 of bench: 125 s with JavaScript helpers, 10 s with these (qemu 13.4 s, native 0.6 s). */
import type { Builder, Node } from '../../../ir/builder.ts';
import type { Helper } from '../../helper.ts';
import { FIELDS, SCRATCH_OFFSET, x87Offset } from '../state.ts';
import type { Value } from './arithmetic.ts';
import * as a from './arithmetic.ts';

type Form = NonNullable<Helper['fast']>;

const C1 = 0x200;
const CONDITIONS = 0x4500;
/** Rounding control, precision control and masks, and what they are by default: to nearest, 64 bits, all masked. */
const CONTROL = 0xf3f;
const DEFAULT = 0x33f;

const field = (b: Builder, name: 'fcw' | 'fsw' | 'ftag' | 'ftop'): Node => b.getState(FIELDS[name].offset, 'i32');
const setField = (b: Builder, name: 'fcw' | 'fsw' | 'ftag' | 'ftop', v: Node): void =>
  b.setState(FIELDS[name].offset, 'i32', v);

/** Give up unless the control word's bits in `mask` are `wanted`. */
function control(b: Builder, mask: number, wanted: number): void {
  b.leaveIf(b.ne(b.and(field(b, 'fcw'), mask), wanted), 'next');
}

/** Rounding control. */
const rounding = (b: Builder): Node => b.and(b.shrU(field(b, 'fcw'), 10), 3);

/** The register stack as a form sees it. */
class Stack {
  readonly #b: Builder;
  readonly #top: Node;
  readonly #tags: Node;
  constructor(b: Builder) {
    this.#b = b;
    this.#top = field(b, 'ftop');
    this.#tags = field(b, 'ftag');
  }
  #physical(i: Node | number): Node {
    const b = this.#b;
    return i === 0 ? this.#top : b.and(b.add(this.#top, i), 7);
  }
  #place(i: Node | number): Node {
    return this.#b.shl(this.#physical(i), 4);
  }
  #tag(i: Node | number): Node {
    const b = this.#b;
    return b.shrU(this.#tags, this.#physical(i));
  }
  /** Give up where ST(i) is empty. */
  need(...registers: (Node | number)[]): void {
    const b = this.#b;
    const all = registers.map((i) => this.#tag(i)).reduce((x, y) => b.and(x, y));
    b.leaveIf(b.eqz(b.and(all, 1)), 'next');
  }
  read(i: Node | number): Value {
    const b = this.#b;
    const at = this.#place(i);
    return { m: b.getSlot(x87Offset(0), at, 'i64'), se: b.getSlot(x87Offset(0) + 8, at, 'u16') };
  }
  write(i: Node | number, x: Value): void {
    const b = this.#b;
    const at = this.#place(i);
    b.setSlot(x87Offset(0), at, 'i64', x.m);
    b.setSlot(x87Offset(0) + 8, at, 'u16', x.se);
  }
  /** Leave the stack with `pops` (0, 1 or 2) registers fewer, after all reads and writes. `filled`: a register that is in use now. */
  pop(pops: number, filled?: Node): void {
    const b = this.#b;
    if (pops === 0) {
      // What every instruction writes, the next one waits for.
      if (filled) setField(b, 'ftag', b.or(this.#tags, b.shl(b.i32(1), this.#physical(filled))));
      return;
    }
    const gone = b.shl(b.i32((1 << pops) - 1), this.#top);
    let tags = this.#tags;
    if (filled) tags = b.or(tags, b.shl(b.i32(1), this.#physical(filled)));
    setField(b, 'ftag', b.and(tags, b.xor(b.or(gone, b.shrU(gone, 8)), -1)));
    setField(b, 'ftop', b.and(b.add(this.#top, pops), 7));
  }
  /** Give up where a push would overflow. */
  room(): void {
    const b = this.#b;
    b.leaveIf(b.and(this.#tag(7), 1), 'next');
  }
  push(x: Value): void {
    const b = this.#b;
    this.write(7, x);
    const top = this.#physical(7);
    setField(b, 'ftop', top);
    setField(b, 'ftag', b.or(this.#tags, b.shl(b.i32(1), top)));
    setStatus(b, b.i32(0));
  }
}

/** Replace C1, add sticky bits; `also`: bits to clear. */
function setStatus(b: Builder, status: Node, also = 0): void {
  setField(b, 'fsw', b.or(b.and(field(b, 'fsw'), ~(C1 | also)), status));
}

type Operation = 'add' | 'mul' | 'div';

/** ST(0) and another operand by the digit of the encoding: 0 add, 4 sub, 5 subr; 1 mul; 6 div, 7 divr. */
function compute(b: Builder, kind: Operation, op: Node, x: Value, y: Value): a.Rounded {
  if (kind === 'mul') return a.mul(b, x, y);
  const reversed = b.and(op, 1);
  if (kind === 'add') {
    const flip = (v: Value, when: Node): Value => ({ m: v.m, se: b.xor(v.se, b.shl(when, 15)) });
    return a.add(b, flip(x, reversed), flip(y, b.xor(b.shrU(op, 2), reversed)));
  }
  const pick = (p: Value, q: Value): Value => ({ m: b.select(reversed, p.m, q.m), se: b.select(reversed, p.se, q.se) });
  return a.div(b, pick(y, x), pick(x, y));
}

const registers =
  (kind: Operation) =>
  (pops: number): Form =>
  (b, op, to, i) => {
    control(b, CONTROL, DEFAULT);
    const st = new Stack(b);
    st.need(0, i);
    const r = compute(b, kind, op, st.read(0), st.read(i));
    st.write(to, r);
    st.pop(pops);
    setStatus(b, r.status);
    return undefined;
  };
const withValue =
  (kind: Operation, value: (b: Builder, bits: Node) => Value): Form =>
  (b, op, bits) => {
    control(b, CONTROL, DEFAULT);
    const st = new Stack(b);
    st.need(0);
    const r = compute(b, kind, op, st.read(0), value(b, bits));
    st.write(0, r);
    setStatus(b, r.status);
    return undefined;
  };
const integer = (b: Builder, v: Node): Value => a.fromInteger(b, b.extendS(v));

const codes = (b: Builder, { less, equal }: { less: Node; equal: Node }): Node =>
  b.or(b.shl(less, 8), b.shl(equal, 14));
const compareValue =
  (value: (b: Builder, bits: Node) => Value) =>
  (pops: number): Form =>
  (b, bits) => {
    const st = new Stack(b);
    st.need(0);
    const order = a.compare(b, st.read(0), value(b, bits));
    st.pop(pops);
    setStatus(b, codes(b, order), CONDITIONS);
    return undefined;
  };

const compareRegisters =
  (pops: number): Form =>
  (b, i, _quietly) => {
    const st = new Stack(b);
    st.need(0, i);
    const order = a.compare(b, st.read(0), st.read(i));
    st.pop(pops);
    setStatus(b, codes(b, order), CONDITIONS);
    return undefined;
  };

const load =
  (value: (b: Builder, ...bits: Node[]) => Value): Form =>
  (b, ...bits) => {
    const st = new Stack(b);
    st.room();
    st.push(value(b, ...bits));
    return undefined;
  };

/** A store: the value to the scratch field, 1 as the answer. */
const store =
  (width: 32 | 64) =>
  (pops: number): Form =>
  (b) => {
    control(b, CONTROL, DEFAULT);
    const st = new Stack(b);
    st.need(0);
    const r = width === 32 ? a.toSingle(b, st.read(0)) : a.toDouble(b, st.read(0));
    b.setState(SCRATCH_OFFSET, 'i64', r.bits);
    st.pop(pops);
    setStatus(b, r.status);
    return b.i32(1);
  };

/** A form that leaves the stack as high as it was, and the same with a pop. */
const popping = (name: string, form: (pops: number) => Form): Record<string, Form> => ({
  [name]: form(0),
  [`${name}Pop`]: form(1),
});

const remainder =
  (nearest: boolean): Form =>
  (b) => {
    const st = new Stack(b);
    st.need(0, 1);
    const { value, quotient } = a.remainder(b, st.read(0), st.read(1), nearest);
    st.write(0, value);
    // Three bits of the quotient: C0, C3, C1.
    const bit = (n: number, to: number) => b.shl(b.and(b.shrU(quotient, n), 1), to);
    setStatus(b, b.or(bit(2, 8), b.or(bit(1, 14), bit(0, 9))), CONDITIONS);
    return undefined;
  };

export const FAST_FORMS: Record<string, Form> = {
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
  fldRegister(b, i) {
    const st = new Stack(b);
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
  ...popping('fcomi', (pops) => (b, i, _quietly) => {
    const st = new Stack(b);
    st.need(0, i);
    const { less, equal } = a.compare(b, st.read(0), st.read(i));
    st.pop(pops);
    return b.or(less, b.shl(equal, 6));
  }),
  fxch(b, i) {
    const st = new Stack(b);
    st.need(0, i);
    const [x, y] = [st.read(0), st.read(i)];
    st.write(0, y);
    st.write(i, x);
    setStatus(b, b.i32(0));
    return undefined;
  },
  ...popping('fstRegister', (pops) => (b, i) => {
    const st = new Stack(b);
    st.need(0);
    st.write(i, st.read(0));
    st.pop(pops, i);
    setStatus(b, b.i32(0));
    return undefined;
  }),
  fcmov(b, i, condition) {
    const st = new Stack(b);
    st.need(0, i);
    const [x, y] = [st.read(0), st.read(i)];
    st.write(0, { m: b.select(condition, y.m, x.m), se: b.select(condition, y.se, x.se) });
    return undefined;
  },
  /** FCHS (a toggled sign bit), FABS (a kept one). */
  fsign(b, keep, toggle) {
    const st = new Stack(b);
    st.need(0);
    const x = st.read(0);
    st.write(0, { m: x.m, se: b.xor(b.and(x.se, keep), toggle) });
    setStatus(b, b.i32(0));
    return undefined;
  },
  fsqrt(b) {
    control(b, CONTROL, DEFAULT);
    const st = new Stack(b);
    st.need(0);
    const r = a.sqrt(b, st.read(0));
    st.write(0, r);
    setStatus(b, r.status);
    return undefined;
  },
  frndint(b) {
    control(b, 0x3f, 0x3f);
    const st = new Stack(b);
    st.need(0);
    const r = a.roundToIntegral(b, st.read(0), rounding(b));
    st.write(0, r);
    setStatus(b, r.status);
    return undefined;
  },
  fscale(b) {
    const st = new Stack(b);
    st.need(0, 1);
    st.write(0, a.scale(b, st.read(0), st.read(1)));
    setStatus(b, b.i32(0));
    return undefined;
  },
  fprem: remainder(false),
  fprem1: remainder(true),
  fxam(b) {
    const st = new Stack(b);
    st.need(0);
    setStatus(b, a.examine(b, st.read(0)), CONDITIONS);
    return undefined;
  },
  ftst(b) {
    const st = new Stack(b);
    st.need(0);
    setStatus(b, codes(b, a.compare(b, st.read(0), { m: b.i64(0), se: b.i32(0) })), CONDITIONS);
    return undefined;
  },
  ...popping('fst32', store(32)),
  ...popping('fst64', store(64)),
  ...popping('fst80', (pops) => (b) => {
    const st = new Stack(b);
    st.need(0);
    const x = st.read(0);
    b.setState(SCRATCH_OFFSET, 'i64', x.m);
    b.setState(SCRATCH_OFFSET + 8, 'u16', x.se);
    st.pop(pops);
    setStatus(b, b.i32(0));
    return b.i32(1);
  }),
  ...popping('fist', (pops) => (b, width, truncate) => {
    control(b, 0x3f, 0x3f);
    const st = new Stack(b);
    st.need(0);
    const rc = b.or(rounding(b), b.sub(b.i32(0), truncate));
    const r = a.toInteger(b, st.read(0), width, b.and(rc, 3));
    b.setState(SCRATCH_OFFSET, 'i64', r.value);
    st.pop(pops);
    setStatus(b, r.status);
    return b.i32(1);
  }),
  /** Bit 6 always reads as set, those beyond the fields as clear; the exception summary follows from the masks. */
  fldcw(b, value) {
    const fcw = b.or(b.and(value, 0x1f3f), 0x40);
    setField(b, 'fcw', fcw);
    const fsw = field(b, 'fsw');
    const pending = b.ne(b.and(b.and(fsw, 0x3f), b.xor(fcw, -1)), 0);
    setField(b, 'fsw', b.or(b.and(fsw, 0x7f7f), b.select(pending, b.i32(0x8080), b.i32(0))));
    return undefined;
  },
};
