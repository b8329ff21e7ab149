/** Which exceptions an SSE operation raises under the default MXCSR, found out from operands and result: internal wasm functions of one lane, and the lanes of an operation put together. What they do not decide (denormals in arithmetic, tiny results) is soft-float.ts's. */
import type { Builder, Node } from '../../ir/builder.ts';
import type { InternalFunction } from '../isa.ts';
import { SOFT_HALF, SOFT_QUIET, SOFT_SCALAR, type SoftOp } from './soft-float.ts';

const IE = 1;
const DE = 2;
const ZE = 4;
const OE = 8;
export const UE = 0x10;
export const PE = 0x20;
/** Or'd into an answer: this takes the exact arithmetic. */
export const UNDECIDED = 0x8000_0000 | 0;

export type Size = 32 | 64;
export const FLOAT = { 32: 'f32', 64: 'f64' } as const;

/** Smallest normal number and infinity of both formats, as a double. */
const LEAST = { 32: 2 ** -126, 64: 2 ** -1022 };

const f64 = (b: Builder, v: number): Node => {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, v);
  return b.op('f64.reinterpret_i64', b.i64(view.getBigInt64(0)));
};

/** A lane: its value (as a double, exact) and whether it is a signalling NaN. */
interface Lane {
  readonly v: Node;
  readonly signalling: Node;
}
function lane(b: Builder, size: Size, x: Node): Lane {
  if (size === 64) {
    const quiet = b.and(b.shrU(b.op('i64.reinterpret_f64', x), 51), 1);
    return { v: x, signalling: b.and(isNan(b, x), b.eqz(quiet)) };
  }
  const bits = b.op('i32.reinterpret_f32', x);
  const signalling = b.and(b.gtU(b.and(bits, 0x7fff_ffff), 0x7f80_0000), b.eqz(b.and(bits, 0x0040_0000)));
  return { v: b.op('f64.promote_f32', x), signalling };
}
const isNan = (b: Builder, v: Node): Node => b.op('f64.ne', v, v);
const abs = (b: Builder, v: Node): Node => b.op('f64.abs', v);
const isInfinite = (b: Builder, v: Node): Node => b.op('f64.eq', abs(b, v), f64(b, Infinity));
const isZero = (b: Builder, v: Node): Node => b.op('f64.eq', v, f64(b, 0));
const isDenormal = (b: Builder, size: Size, v: Node): Node =>
  b.and(b.op('f64.lt', abs(b, v), f64(b, LEAST[size])), b.op('f64.ne', v, f64(b, 0)));
const flag = (b: Builder, condition: Node, bits: number): Node => b.select(condition, b.i32(bits), b.i32(0));

/**
 * Whether r is not exactly x · y, for normal x and y. Does the product of the significands fit 53 bits, or, where the result is tiny, does its
 * last bit lie above the last of the denormals?
 */
function productInexact(b: Builder, x: Node, y: Node, r: Node): Node {
  const bits = (v: Node) => b.op('i64.reinterpret_f64', v);
  const exponent = (v: Node) => b.and(b.shrU(bits(v), 52), 0x7ff);
  const significand = (v: Node) => b.or(bits(v), b.i64(1n << 52n));
  const zeros = b.add(b.ctz(significand(x)), b.ctz(significand(y)));
  const sum = b.add(exponent(x), exponent(y));
  // 105 bits, one more where the product of the significands is two or more.
  const length = b.add(b.sub(exponent(r), sum), 1023 + 105);
  const last = b.add(sum, zeros);
  return b.select(b.eqz(exponent(r)), b.ltS(last, 2 * 1075 - 1074), b.gtS(b.sub(length, zeros), 53));
}
/** The rounding error of a sum of doubles (Knuth's TwoSum) is not zero. */
function sumInexact(b: Builder, x: Node, y: Node, s: Node): Node {
  const yy = b.op('f64.sub', s, x);
  const xx = b.op('f64.sub', s, yy);
  const error = b.op('f64.add', b.op('f64.sub', x, xx), b.op('f64.sub', y, yy));
  return b.op('f64.ne', error, f64(b, 0));
}

export type Operation = 'add' | 'mul' | 'div' | 'sqrt';

/** Whether a finite result of finite operands is inexact; none of them is denormal or zero, nor the result of a division of doubles tiny. */
export function inexact(b: Builder, size: Size, op: Operation, x: Node, y: Node, r: Node): Node {
  const product = (p: Node, q: Node) => b.op('f64.mul', p, q);
  if (size === 32) {
    // The double product of two floats is exact, and so are the quotient and the root multiplied out.
    if (op === 'add') {
      const s = b.op('f64.add', x, y);
      return b.or(b.op('f64.ne', s, r), sumInexact(b, x, y, s));
    }
    if (op === 'mul') return b.op('f64.ne', product(x, y), r);
    return b.op('f64.ne', product(r, op === 'div' ? y : r), x);
  }
  if (op === 'add') return sumInexact(b, x, y, r);
  if (op === 'mul') return productInexact(b, x, y, r);
  const factor = op === 'div' ? y : r;
  return b.or(b.op('f64.ne', product(r, factor), x), productInexact(b, r, factor, x));
}

/** One lane of the four operations and the root (of x; y is the same). */
function arithmetic(b: Builder, size: Size, op: Operation, xs: Node, ys: Node, rs: Node): Node {
  const [p, q] = [lane(b, size, xs), lane(b, size, ys)];
  const [x, y, r] = [p.v, q.v, lane(b, size, rs).v];
  const nanOperand = b.or(isNan(b, x), isNan(b, y));
  const signalling = b.or(p.signalling, q.signalling);
  const denormal = b.or(isDenormal(b, size, x), isDenormal(b, size, y));
  const nan = flag(b, b.or(signalling, b.eqz(nanOperand)), IE);
  const infiniteOperand = b.or(isInfinite(b, x), isInfinite(b, y));
  let overflow = b.i32(OE | PE);
  if (op === 'div') overflow = b.select(isZero(b, y), b.i32(ZE), overflow);
  const infinite = b.select(infiniteOperand, b.i32(0), overflow);
  // No sum is tiny and inexact; products and quotients may be. A zero operand (or divisor: an infinity) makes an exact zero.
  const exact = b.or(isZero(b, x), op === 'mul' ? isZero(b, y) : op === 'div' ? isInfinite(b, y) : b.i32(0));
  const raised = (bits: number) => flag(b, inexact(b, size, op, x, y, r), bits);
  let finite = raised(PE);
  if (op === 'mul' || op === 'div') {
    const least = f64(b, LEAST[size]);
    // Rounded up to the least normal number, it may have been tiny or not.
    const tiny = b.select(b.op('f64.eq', abs(b, r), least), b.i32(UNDECIDED), size === 64 && op === 'div' ? b.i32(UNDECIDED) : raised(UE | PE)); // biome-ignore format: one row
    finite = b.select(b.op('f64.le', abs(b, r), least), tiny, finite);
  }
  if (op !== 'add') finite = b.select(exact, b.i32(0), finite);
  const number = b.select(isInfinite(b, r), infinite, finite);
  return b.select(isNan(b, r), nan, b.select(denormal, b.i32(UNDECIDED), number));
}

/** MINPS and its kin, comparisons: any NaN is invalid, or (`quietly`) only a signalling one. */
function compared(b: Builder, size: Size, xs: Node, ys: Node, quietly: boolean): Node {
  const [p, q] = [lane(b, size, xs), lane(b, size, ys)];
  const nan = b.or(isNan(b, p.v), isNan(b, q.v));
  const bad = quietly ? b.or(p.signalling, q.signalling) : nan;
  const denormal = b.or(isDenormal(b, size, p.v), isDenormal(b, size, q.v));
  return b.select(nan, flag(b, bad, IE), flag(b, denormal, DE));
}

/** To a narrower or wider format. */
function converted(b: Builder, from: Size, xs: Node, rs: Node): Node {
  const p = lane(b, from, xs);
  const nan = flag(b, p.signalling, IE);
  const denormal = isDenormal(b, from, p.v);
  if (from === 32) return b.select(isNan(b, p.v), nan, flag(b, denormal, DE));
  const r = b.op('f64.promote_f32', rs);
  const infinite = flag(b, b.eqz(isInfinite(b, p.v)), OE | PE);
  const inexact = b.op('f64.ne', r, p.v);
  const least = f64(b, LEAST[32]);
  const unclear = b.or(denormal, b.op('f64.eq', abs(b, r), least));
  const tiny = b.select(unclear, b.i32(UNDECIDED), flag(b, inexact, UE | PE));
  const small = b.and(b.op('f64.le', abs(b, r), least), b.eqz(isZero(b, p.v)));
  const number = b.select(small, tiny, flag(b, inexact, PE));
  return b.select(isNan(b, p.v), nan, b.select(isInfinite(b, r), infinite, number));
}

/** ROUNDPS and its kin, told to say when they round. */
function roundedLane(b: Builder, size: Size, xs: Node, rs: Node): Node {
  const p = lane(b, size, xs);
  const r = lane(b, size, rs).v;
  return b.select(isNan(b, p.v), flag(b, p.signalling, IE), flag(b, b.op('f64.ne', r, p.v), PE));
}

/** A float x that became the integer r; what does not fit became the least one, which a number just below it may round to as well. */
function toInteger(b: Builder, size: Size, truncate: boolean, xs: Node, r: Node): Node {
  const x = lane(b, size, xs).v;
  const wide = r.type === 'i64';
  const back = b.op(wide ? 'f64.convert_i64_s' : 'f64.convert_i32_s', r);
  const least = f64(b, wide ? -(2 ** 63) : -(2 ** 31));
  const below = wide ? b.op('f64.eq', x, least) : truncate ? b.op('f64.gt', x, f64(b, -(2 ** 31) - 1)) : b.op('f64.ge', x, f64(b, -(2 ** 31) - 0.5)); // biome-ignore format: one row
  const fits = b.or(b.op('f64.ne', back, least), b.and(below, b.op('f64.lt', x, f64(b, 0))));
  return b.select(fits, flag(b, b.op('f64.ne', back, x), PE), b.i32(IE));
}

/** A signed integer x that became the float r. */
function fromInteger(b: Builder, size: Size, x: Node, r: Node): Node {
  const back = b.op(`i64.trunc_sat_${FLOAT[size]}_s`, r);
  const wide = b.extendS(x);
  return flag(b, b.or(b.ne(back, wide), b.eq(back, b.i64((1n << 63n) - 1n))), PE);
}

const pair = (size: Size): readonly ['f32' | 'f64', 'f32' | 'f64'] => [FLOAT[size], FLOAT[size]];

/** Functions of one lane, `raised.…`. */
export function exceptionFunctions(): Record<string, InternalFunction> {
  const all: Record<string, InternalFunction> = {};
  for (const size of [32, 64] as const) {
    const f = FLOAT[size];
    for (const op of ['add', 'mul', 'div', 'sqrt'] as const) {
      all[`raised.${op}${size}`] = {
        params: [f, f, f],
        result: 'i32',
        build: (b, _c, x, y, r) => arithmetic(b, size, op, x, y, r),
      };
    }
    for (const quietly of [false, true]) {
      all[`raised.compare${quietly ? 'Q' : ''}${size}`] = {
        params: pair(size),
        result: 'i32',
        build: (b, _c, x, y) => compared(b, size, x, y, quietly),
      };
    }
    all[`raised.signalling${size}`] = {
      params: [f],
      result: 'i32',
      build: (b, _c, x) => flag(b, lane(b, size, x).signalling, IE),
    };
    all[`raised.round${size}`] = {
      params: pair(size),
      result: 'i32',
      build: (b, _c, x, r) => roundedLane(b, size, x, r),
    };
    for (const to of ['i32', 'i64'] as const) {
      for (const truncate of [false, true]) {
        all[`raised.${f}${to}${truncate ? 't' : ''}`] = {
          params: [f, to],
          result: 'i32',
          build: (b, _c, x, r) => toInteger(b, size, truncate, x, r),
        };
      }
      all[`raised.${to}${f}`] = { params: [to, f], result: 'i32', build: (b, _c, x, r) => fromInteger(b, size, x, r) };
    }
  }
  all['raised.f32f64'] = { params: ['f32', 'f64'], result: 'i32', build: (b, _c, x, r) => converted(b, 32, x, r) };
  all['raised.f64f32'] = { params: ['f64', 'f32'], result: 'i32', build: (b, _c, x, r) => converted(b, 64, x, r) };
  return all;
}

export type Type = 'f32' | 'f64' | 'i32' | 'i64';
const LANES = { f32: 'f32x4', f64: 'f64x2', i32: 'i32x4', i64: 'i64x2' } as const;
const LANE_COUNT = { f32: 4, f64: 2, i32: 4, i64: 2 };

/** Lane i of a vector, of 64 bits that hold two (MMX conversions), or the scalar itself. */
export function part(b: Builder, v: Node, type: Type, i: number): Node {
  if (v.type === 'v128') return b.op(`${LANES[type]}.extract_lane`, v, i);
  if (v.type === type) return v;
  const bits = b.wrap(b.shrU(v.type === 'f64' ? b.op('i64.reinterpret_f64', v) : v, i * 32));
  return type === 'f32' ? b.op('f32.reinterpret_i32', bits) : bits;
}

/** How an operation's exceptions are found: a function of one lane, of its operands x and y and its result r as far as it wants them. */
export interface Plan {
  readonly name: string;
  readonly kind: Operation | 'compare' | 'compareQ' | 'signalling' | 'round' | 'convert';
  readonly wants: 'xyr' | 'xy' | 'xr' | 'x';
  readonly from: Type;
  readonly to: Type;
  /** Lanes whose second operand is negated (subtraction). */
  readonly negate?: (i: number) => boolean;
}

export function planOf(op: SoftOp, argument: number): Plan | undefined {
  const size: Size = /(ps|ss)$/.test(op) ? 32 : 64;
  const f = FLOAT[size];
  const plan = (kind: Plan['kind'], wants: Plan['wants'], negate?: (i: number) => boolean): Plan =>
    ({ name: `${kind}${size}`, kind, wants, from: f, to: f, ...(negate && { negate }) }); // biome-ignore format: one row
  const convert = (from: Type, to: Type, truncate = ''): Plan => ({
    name: `${from}${to}${truncate}`,
    kind: 'convert',
    wants: 'xr',
    from,
    to,
  });
  const quiet = (quietly: boolean): Plan => plan(quietly ? 'compareQ' : 'compare', 'xy');
  const truncate = op.startsWith('cvtt') ? 't' : '';
  switch (op) {
    case 'addps':
    case 'addpd':
      return plan('add', 'xyr');
    case 'subps':
    case 'subpd':
      return plan('add', 'xyr', () => true);
    case 'addsubps':
    case 'addsubpd':
      return plan('add', 'xyr', (i) => (i & 1) === 0);
    case 'mulps':
    case 'mulpd':
      return plan('mul', 'xyr');
    case 'divps':
    case 'divpd':
      return plan('div', 'xyr');
    case 'sqrtps':
    case 'sqrtpd':
      return plan('sqrt', 'xyr');
    case 'minps':
    case 'minpd':
    case 'maxps':
    case 'maxpd':
      return quiet(false);
    case 'cmpps':
    case 'cmppd':
      return quiet((argument & 3) === 0 || (argument & 3) === 3);
    case 'comiss':
    case 'comisd':
      return quiet((argument & SOFT_QUIET) !== 0);
    case 'roundps':
    case 'roundpd':
      return argument & 8 ? plan('signalling', 'x') : plan('round', 'xr');
    case 'cvtss2si':
    case 'cvttss2si':
      return convert('f32', argument & 1 ? 'i64' : 'i32', truncate);
    case 'cvtsd2si':
    case 'cvttsd2si':
      return convert('f64', argument & 1 ? 'i64' : 'i32', truncate);
    case 'cvtsi642ss':
      return convert('i64', 'f32');
    case 'cvtsi642sd':
      return convert('i64', 'f64');
    case 'cvtdq2ps':
      return convert('i32', 'f32');
    case 'cvtps2dq':
    case 'cvttps2dq':
      return convert('f32', 'i32', truncate);
    case 'cvtpd2dq':
    case 'cvttpd2dq':
      return convert('f64', 'i32', truncate);
    case 'cvtps2pd':
      return convert('f32', 'f64');
    case 'cvtpd2ps':
      return convert('f64', 'f32');
    default:
      return undefined;
  }
}

/** How many results count. */
export function laneCount({ from, to }: Plan, argument: number): number {
  if (argument & SOFT_SCALAR) return 1;
  return argument & SOFT_HALF ? 2 : Math.min(LANE_COUNT[from], LANE_COUNT[to]);
}
/** The second operand of lane i. */
export const negated = (b: Builder, plan: Plan, v: Node, i: number): Node =>
  plan.negate?.(i) ? b.op(v.type === 'f32' ? 'f32.neg' : 'f64.neg', v) : v;

/**
 * The exceptions of an operation (i32), or UNDECIDED among them. x, y, r: scalars or vectors as the semantics have them.
 * Operations of several roundings (DPPS, DPPD) are always undecided.
 */
export function raisedBy(b: Builder, op: SoftOp, argument: number, x: Node, y: Node, r: Node): Node {
  const plan = planOf(op, argument);
  if (!plan) return b.i32(UNDECIDED);
  const { name, wants, from, to } = plan;
  let all: Node | undefined;
  for (let i = 0; i < laneCount(plan, argument); i++) {
    const nodes = [part(b, x, from, i)];
    if (wants.includes('y')) nodes.push(negated(b, plan, part(b, y, from, i), i));
    if (wants.includes('r')) nodes.push(part(b, r, to, i));
    const one = b.call(`raised.${name}`, 'i32', ...nodes);
    all = all ? b.or(all, one) : one;
  }
  return all!;
}
