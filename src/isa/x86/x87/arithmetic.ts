/** 80-bit arithmetic in wasm, on 64-bit significands: normal numbers and zeros, rounding to nearest at full precision; everything else is float80.ts's. Which register, tags and status are fast.ts's business. */
import type { Builder, Node } from '../../../ir/builder.ts';
import { mulhu, udivNormalised } from '../functions.ts';

/** A value as the format has it: significand with its integer bit (i64), sign and biased exponent (i32). */
export interface Value {
  readonly m: Node;
  readonly se: Node;
  /** Known to be a normal number or zero. */
  ordinary?: boolean;
}
/** A rounded result, and what it does to the status word (i32): PE and C1 at their places. */
export interface Rounded extends Value {
  readonly status: Node;
}

const BIAS = 16383;
const TOP = 1n << 63n;

export const exponent = (b: Builder, x: Value): Node => b.and(x.se, 0x7fff);
export const sign = (b: Builder, x: Value): Node => b.shrU(x.se, 15);
const isZero = (b: Builder, x: Value): Node => b.eqz(b.or(x.m, b.extendU(exponent(b, x))));
const isNormal = (b: Builder, x: Value): Node => b.and(b.ltS(x.m, 0), b.ltU(b.sub(exponent(b, x), 1), 0x7ffe));
const not = (b: Builder, condition: Node): Node => b.eqz(condition);

/** Give up unless the value is a normal number or zero. */
export function ordinary(b: Builder, x: Value): void {
  if (!x.ordinary) {
    const e = exponent(b, x);
    // No integer bit, or an exponent out of range; zero comes in here too.
    const unusual = b.gtU(b.or(b.sub(e, 1), b.xor(b.wrap(b.shrS(x.m, 63)), -1)), 0x7ffd);
    b.leaveIf(b.ifElse(unusual, b.ne(b.or(x.m, b.extendU(e)), 0), b.i32(0)), 'next');
  }
  x.ordinary = true;
}
export function normal(b: Builder, x: Value): void {
  b.leaveIf(x.ordinary ? b.eqz(x.m) : not(b, isNormal(b, x)), 'next');
  x.ordinary = true;
}
export const negated = (b: Builder, x: Value): Value => {
  ordinary(b, x);
  return { ...x, se: b.xor(x.se, 0x8000) };
};

/** Status bits from "inexact" and "rounded up". */
export const status = (b: Builder, inexact: Node, up: Node): Node => b.or(b.shl(inexact, 5), b.shl(up, 9));
export const isNot0 = (b: Builder, x: Node): Node => b.ne(x, 0);

/** The sign at its place. */
const signBit = (b: Builder, x: Value): Node => b.and(x.se, 0x8000);

/**
 * Finish a result: `up` adds one to the last place. A zero significand stands for zero with its own sign. Gives up where the exponent leaves its range.
 * Both are seldom, as is a significand that becomes 2^64.
 */
function finish(b: Builder, s: Node, zeroSign: Node, e: Node, m: Node, inexact: Node, up: Node): Rounded {
  const sum = b.add(m, b.extendU(up));
  const none = b.eqz(sum);
  const significand = b.ifElse(none, b.shl(b.extendU(up), 63), sum);
  const exponent = b.ifElse(none, b.select(up, b.add(e, 1), 0), e);
  const outside = b.gtU(b.sub(exponent, 1), 0x7ffd);
  b.leaveIf(b.ifElse(outside, b.ne(significand, 0), b.i32(0)), 'next');
  const se = b.or(exponent, s === zeroSign ? s : b.ifElse(none, b.select(up, s, zeroSign), s));
  return { m: significand, se, ordinary: true, status: status(b, inexact, up) };
}

/** The same for m and the 64 bits below it. */
function round(b: Builder, s: Node, zeroSign: Node, e: Node, m: Node, below: Node): Rounded {
  // More than half, or half and odd.
  const up = b.gtU(below, b.sub(b.i64(TOP), b.and(m, 1)));
  return finish(b, s, zeroSign, e, m, isNot0(b, below), up);
}

/** m:below shifted left by n (0 to 63); the upper half. */
const shiftUp = (b: Builder, m: Node, below: Node, n: Node): Node =>
  b.or(b.shl(m, n), b.shrU(b.shrU(below, 1), b.sub(b.i64(63), n)));

/** Is |x| < |y|? Their exponents' difference says, or where there is none their significands. */
const smaller = (b: Builder, distance: Node, x: Value, y: Value): Node => b.ltS(distance, b.ltU(x.m, y.m));

export function add(b: Builder, x: Value, y: Value): Rounded {
  ordinary(b, x);
  ordinary(b, y);
  const ex = exponent(b, x);
  const ahead = b.sub(ex, exponent(b, y));
  const swap = smaller(b, ahead, x, y);
  const large = b.select(swap, y.m, x.m);
  const small = b.select(swap, x.m, y.m);
  const s = b.and(b.select(swap, y.se, x.se), 0x8000);
  const behind = b.shrS(ahead, 31);
  const e = b.sub(ex, b.and(ahead, behind));
  const distance = b.sub(b.xor(ahead, behind), behind);
  const d = b.extendU(distance);
  // 128 bits for each, the larger one's integer bit below their top, so that no sum overflows; the last bit collects the smaller one's rest.
  const far = b.gtU(distance, 62);
  const k = b.select(b.gtU(distance, 126), b.i64(63), b.sub(d, 63));
  const kept = b.shrU(small, k);
  const farBelow = b.or(kept, b.extendU(b.ne(b.shl(kept, k), small)));
  const below = b.ifElse(far, farBelow, b.shl(small, b.sub(b.i64(63), d)));
  const aligned = b.ifElse(far, b.i64(0), b.shrU(small, b.add(d, 1)));
  // Subtraction adds the two's complement.
  const different = b.shrU(b.xor(x.se, y.se), 15);
  const mask = b.sub(b.i64(0), b.extendU(different));
  const addend = b.sub(b.xor(below, mask), mask);
  const low = b.add(addend, b.shl(large, 63));
  const carries = b.add(b.and(different, b.eqz(below)), b.ltU(low, addend));
  const sum = b.add(b.add(b.shrU(large, 1), b.xor(aligned, mask)), b.extendU(carries));
  // Where all that is left lies in the lower half, that moves up.
  const gone = b.eqz(sum);
  const upper = b.ifElse(gone, low, sum);
  const lower = b.ifElse(gone, b.i64(0), low);
  const n = b.clz(upper);
  const top = b.ifElse(gone, b.sub(e, 63), b.add(e, 1));
  return round(b, s, b.and(signBit(b, x), y.se), b.sub(top, b.wrap(n)), shiftUp(b, upper, lower, n), b.shl(lower, n));
}

export function mul(b: Builder, x: Value, y: Value): Rounded {
  ordinary(b, x);
  ordinary(b, y);
  const s = b.and(b.xor(x.se, y.se), 0x8000);
  const [high, low] = [mulhu(b, x.m, y.m), b.mul(x.m, y.m)];
  // The product's integer bit is its top bit or the one below.
  const full = b.shrU(high, 63);
  const small = b.eqz(full);
  const m = b.select(small, b.add(b.add(high, high), b.shrU(low, 63)), high);
  const e = b.add(b.add(b.add(exponent(b, x), exponent(b, y)), -BIAS), b.wrap(full));
  return round(b, s, s, e, m, b.select(small, b.add(low, low), low));
}

/** A constant double. */
function double(b: Builder, v: number): Node {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, v);
  return b.op('f64.reinterpret_i64', b.i64(view.getBigInt64(0)));
}

/** The integer nearest to a double below 2^51. */
function nearest(b: Builder, v: Node): Node {
  const shifted = b.op('i64.reinterpret_f64', b.op('f64.add', v, double(b, 1.5 * 2 ** 52)));
  return b.sub(shifted, b.i64(0x4338_0000_0000_0000n));
}

/**
 * The integer nearest to high:low / d, and what is left, its sign telling on which side; 2^63 ≤ d, half of d ≤ high < d, 34 bits of low are zero.
 * Two estimates of 32 bits by the reciprocal of a double: a round of the kernel x87 takes 10 ns less than with two i64.div_u and their corrections. Gives up where a double cannot tell what is nearest, once in 2^14 times.
 */
function quotient(b: Builder, high: Node, low: Node, d: Node): { q: Node; rest: Node } {
  const toDouble = (v: Node) => b.op('f64.convert_i64_s', v);
  const half = b.shrU(d, 1);
  const reciprocal = b.op('f64.div', double(b, 2 ** 32), toDouble(half));
  const estimate = b.op('f64.mul', toDouble(b.shrU(high, 1)), reciprocal);
  // Less than it is, by a quarter to five quarters.
  const upper = nearest(b, b.op('f64.sub', estimate, double(b, 0.75)));
  // What is left but for 34 bits.
  const times = b.add(b.shl(b.mul(upper, b.shrU(d, 32)), 30), b.shrU(b.mul(upper, b.and(d, 0xffff_ffff)), 2));
  const left = b.sub(b.or(b.shl(high, 30), b.shrU(low, 34)), times);
  const lower = nearest(b, b.op('f64.mul', b.op('f64.mul', toDouble(left), reciprocal), double(b, 2)));
  const q = b.add(b.shl(upper, 32), lower);
  const rest = b.sub(low, b.mul(q, d));
  const mask = b.shrS(rest, 63);
  b.leaveIf(b.ltS(b.sub(half, b.sub(b.xor(rest, mask), mask)), b.i64(1n << 48n)), 'next');
  return { q, rest };
}

/** x / y, y not zero. */
export function div(b: Builder, x: Value, y: Value): Rounded {
  ordinary(b, x);
  normal(b, y);
  const s = b.and(b.xor(x.se, y.se), 0x8000);
  const zero = b.eqz(x.m);
  const dividend = b.ifElse(zero, b.i64(TOP), x.m);
  const less = b.ltU(dividend, y.m);
  const high = b.select(less, dividend, b.shrU(dividend, 1));
  const low = b.select(less, b.i64(0), b.shl(dividend, 63));
  const { q, rest } = quotient(b, high, low, y.m);
  const e = b.sub(b.add(b.sub(exponent(b, x), exponent(b, y)), BIAS), less);
  const m = b.ifElse(zero, b.i64(0), q);
  const inexact = b.ifElse(zero, b.i32(0), isNot0(b, rest));
  const up = b.and(inexact, b.ltS(rest, 0));
  return { ...finish(b, s, s, e, m, inexact, b.i32(0)), status: status(b, inexact, up) };
}

/** Root of a positive number: that of a double, and one step of Newton's method with the exact remainder, which halves are never left to. */
export function sqrt(b: Builder, x: Value): Rounded {
  normal(b, x);
  b.leaveIf(sign(b, x), 'next');
  const k = b.sub(exponent(b, x), BIAS);
  const odd = b.and(k, 1);
  // N = high:low, whose root's integer part has 64 bits.
  const high = b.select(odd, x.m, b.shrU(x.m, 1));
  const low = b.select(odd, b.i64(0), b.shl(x.m, 63));
  const estimate = b.op('f64.sqrt', b.op('f64.mul', b.op('f64.convert_i64_s', b.shrU(high, 1)), double(b, 2 ** -61)));
  const first = b.shl(b.op('i64.trunc_sat_f64_s', b.op('f64.mul', estimate, double(b, 2 ** 62))), 1);
  /** N - r², two halves. */
  const remainder = (r: Node): [Node, Node] => {
    const square = b.mul(r, r);
    return [b.sub(b.sub(high, mulhu(b, r, r)), b.extendU(b.ltU(low, square))), b.sub(low, square)];
  };
  const [h0, l0] = remainder(first);
  const scaled = b.op('f64.convert_i64_s', b.or(b.shl(h0, 32), b.shrU(l0, 32)));
  const step = b.op(
    'f64.div',
    b.op('f64.mul', scaled, double(b, 2 ** 31)),
    b.op('f64.mul', estimate, double(b, 2 ** 63)),
  );
  const second = b.add(first, b.op('i64.trunc_sat_f64_s', step));
  // Off by one at most.
  const [h1, l1] = remainder(second);
  const over = b.ltS(h1, 0);
  const twice = b.shl(second, 1);
  const under = b.and(
    b.eqz(over),
    b.or(b.gtS(h1, b.shrU(second, 63)), b.and(b.eq(h1, b.shrU(second, 63)), b.gtU(l1, twice))),
  );
  const r = b.sub(b.add(second, b.extendU(under)), b.extendU(over));
  const [h2, l2] = remainder(r);
  const up = b.or(isNot0(b, h2), b.gtU(l2, r));
  const e = b.add(b.shrS(b.sub(k, odd), 1), BIAS);
  return finish(b, b.i32(0), b.i32(0), e, r, isNot0(b, b.or(h2, l2)), up);
}

/** The value of a float's bits (i32); normal numbers and zeros. */
export function fromSingle(b: Builder, bits: Node): Value {
  const e = b.and(b.shrU(bits, 23), 0xff);
  const zero = b.eqz(b.shl(bits, 1));
  b.leaveIf(not(b, b.or(zero, b.ltU(b.sub(e, 1), 0xfe))), 'next');
  const m = b.or(b.shl(b.extendU(bits), 40), b.i64(TOP));
  const s = b.shl(b.shrU(bits, 31), 15);
  return {
    m: b.select(zero, b.i64(0), m),
    se: b.or(s, b.select(zero, b.i32(0), b.add(e, BIAS - 127))),
    ordinary: true,
  };
}
/** The same of a double's (i64). */
export function fromDouble(b: Builder, bits: Node): Value {
  const top = b.wrap(b.shrU(bits, 52));
  const e = b.and(top, 0x7ff);
  const zero = b.eqz(b.shl(bits, 1));
  b.leaveIf(not(b, b.or(zero, b.ltU(b.sub(e, 1), 0x7fe))), 'next');
  const m = b.or(b.shl(bits, 11), b.i64(TOP));
  const s = b.shl(b.shrU(top, 11), 15);
  return {
    m: b.select(zero, b.i64(0), m),
    se: b.or(s, b.select(zero, b.i32(0), b.add(e, BIAS - 1023))),
    ordinary: true,
  };
}
/** Of a signed 64-bit integer. */
export function fromInteger(b: Builder, v: Node): Value {
  const mask = b.shrS(v, 63);
  const magnitude = b.sub(b.xor(v, mask), mask);
  const n = b.clz(magnitude);
  const e = b.select(b.eqz(v), b.i32(0), b.sub(b.i32(BIAS + 63), b.wrap(n)));
  return { m: b.shl(magnitude, n), se: b.or(b.and(b.wrap(mask), 0x8000), e), ordinary: true };
}

/** Round to a format of `fraction` stored fraction bits; normal results and zeros. The bits as an i64. */
function toFormat(b: Builder, x: Value, width: number, fraction: number, bias: number): { bits: Node; status: Node } {
  ordinary(b, x);
  const zero = b.eqz(x.m);
  const e = b.add(exponent(b, x), bias - BIAS);
  b.leaveIf(b.gtU(b.select(zero, b.i32(0), b.sub(e, 1)), 2 * bias - 2), 'next');
  const shift = 63 - fraction;
  const rest = b.and(x.m, b.i64((1n << BigInt(shift)) - 1n));
  const m = b.shrU(x.m, shift);
  const up = b.gtU(rest, b.sub(b.i64(1n << BigInt(shift - 1)), b.and(m, 1)));
  // The integer bit, and a carry out of the fraction, move into the exponent by themselves.
  const magnitude = b.add(b.add(b.shl(b.extendU(b.sub(e, 1)), fraction), m), b.extendU(up));
  const bits = b.or(b.select(zero, b.i64(0), magnitude), b.shl(b.extendU(sign(b, x)), width - 1));
  return { bits, status: status(b, isNot0(b, rest), up) };
}
export const toSingle = (b: Builder, x: Value): { bits: Node; status: Node } => toFormat(b, x, 32, 23, 127);
export const toDouble = (b: Builder, x: Value): { bits: Node; status: Node } => toFormat(b, x, 64, 52, 1023);

/** The magnitude of a number below 2^63 as an integer by a rounding control (i32 node: 0 to nearest, 1 down, 2 up, 3 towards zero). */
function integral(b: Builder, x: Value, rc: Node): { magnitude: Node; status: Node } {
  const k = b.sub(exponent(b, x), BIAS);
  const whole = b.select(b.ltS(k, 0), b.i64(0), b.shrU(x.m, b.extendU(b.sub(b.i32(63), k))));
  const below = b.select(b.ltS(k, -1), b.extendU(isNot0(b, x.m)), b.shl(x.m, b.extendU(b.add(k, 1))));
  const inexact = isNot0(b, below);
  const nearest = b.gtU(below, b.sub(b.i64(TOP), b.and(whole, 1)));
  const away = b.and(inexact, b.eq(rc, b.sub(b.i32(2), sign(b, x))));
  const up = b.select(b.eqz(rc), nearest, away);
  return { magnitude: b.add(whole, b.extendU(up)), status: status(b, inexact, up) };
}

/** To a signed integer of `width` bits (i32 node); gives up where it does not fit. */
export function toInteger(b: Builder, x: Value, width: Node, rc: Node): { value: Node; status: Node } {
  ordinary(b, x);
  b.leaveIf(b.gtS(b.sub(exponent(b, x), BIAS), b.sub(width, 2)), 'next');
  const { magnitude, status } = integral(b, x, rc);
  const s = sign(b, x);
  const most = b.sub(b.shl(b.i64(1), b.extendU(b.sub(width, 1))), b.extendU(b.xor(s, 1)));
  b.leaveIf(b.gtU(magnitude, most), 'next');
  const mask = b.sub(b.i64(0), b.extendU(s));
  return { value: b.sub(b.xor(magnitude, mask), mask), status };
}

/** An integer m · 2^e as a value; zero has the sign s as well. */
function normalised(b: Builder, s: Node, m: Node, e: Node): Value {
  const n = b.clz(m);
  const top = b.select(b.eqz(m), b.i32(0), b.sub(b.add(e, BIAS + 63), b.wrap(n)));
  return { m: b.shl(m, n), se: b.or(b.shl(s, 15), top) };
}

export function roundToIntegral(b: Builder, x: Value, rc: Node): Rounded {
  ordinary(b, x);
  const large = b.gtS(exponent(b, x), BIAS + 62);
  const { magnitude, status } = integral(b, x, rc);
  const r = normalised(b, sign(b, x), magnitude, b.i32(0));
  const pick = (p: Node, q: Node) => b.select(large, p, q);
  return { m: pick(x.m, r.m), se: pick(x.se, r.se), status: pick(b.i32(0), status) };
}

/** x · 2^trunc(y). */
export function scale(b: Builder, x: Value, y: Value): Value {
  ordinary(b, x);
  ordinary(b, y);
  const k = b.sub(exponent(b, y), BIAS);
  b.leaveIf(b.gtS(k, 14), 'next');
  const steps = b.select(b.ltS(k, 0), b.i32(0), b.wrap(b.shrU(y.m, b.extendU(b.sub(b.i32(63), k)))));
  const moved = b.add(exponent(b, x), b.select(sign(b, y), b.sub(b.i32(0), steps), steps));
  const zero = b.eqz(x.m);
  const e = b.select(zero, 1, moved);
  b.leaveIf(b.gtU(b.sub(e, 1), 0x7ffd), 'next');
  return { m: x.m, se: b.select(zero, x.se, b.or(b.and(x.se, 0x8000), e)) };
}

/** Remainder of x / y where their exponents are less than 64 apart, and the quotient; `nearest`: IEEE's, else that of a truncated quotient. */
export function remainder(b: Builder, x: Value, y: Value, nearest: boolean): { value: Value; quotient: Node } {
  ordinary(b, x);
  normal(b, y);
  const d = b.sub(exponent(b, x), exponent(b, y));
  b.leaveIf(b.gtS(d, 63), 'next');
  const less = b.ltS(d, 0);
  // Half of y or more, perhaps.
  if (nearest) b.leaveIf(b.and(less, b.gtS(d, -3)), 'next');
  const shift = b.extendU(d);
  const high = b.shrU(b.shrU(x.m, 1), b.sub(b.i64(63), shift));
  const low = b.shl(x.m, shift);
  const q = udivNormalised(b, b.select(less, b.i64(0), high), low, y.m);
  const rest = b.sub(low, b.mul(q, y.m));
  const other = b.sub(y.m, rest);
  const up = nearest ? b.or(b.gtU(rest, other), b.and(b.eq(rest, other), b.wrap(b.and(q, 1)))) : b.i32(0);
  const m = b.select(up, other, rest);
  const s = b.xor(sign(b, x), up);
  const e = b.sub(exponent(b, y), BIAS + 63);
  const r = normalised(b, b.select(b.eqz(m), sign(b, x), s), m, e);
  b.leaveIf(b.and(b.eqz(less), b.and(isNot0(b, m), b.leS(b.sub(b.add(e, BIAS + 63), b.wrap(b.clz(m))), 0))), 'next');
  const pick = (p: Node, v: Node) => b.select(less, p, v);
  return {
    value: { m: pick(x.m, r.m), se: pick(x.se, r.se) },
    quotient: pick(b.i32(0), b.wrap(b.add(q, b.extendU(up)))),
  };
}

/** The condition codes that FXAM gives a zero, normal number, infinity or NaN. */
export function examine(b: Builder, x: Value): Node {
  const special = b.and(b.eq(exponent(b, x), 0x7fff), b.ltS(x.m, 0));
  b.leaveIf(not(b, b.or(special, b.or(isNormal(b, x), isZero(b, x)))), 'next');
  const ofSpecial = b.select(b.eq(x.m, b.i64(TOP)), b.i32(0x500), b.i32(0x100));
  const code = b.select(special, ofSpecial, b.select(b.eqz(x.m), b.i32(0x4000), b.i32(0x400)));
  return b.or(code, b.shl(sign(b, x), 9));
}

/** Whether x < y and x = y, for numbers and infinities. */
export function compare(b: Builder, x: Value, y: Value): { less: Node; equal: Node } {
  const [ex, ey] = [exponent(b, x), exponent(b, y)];
  const known = (v: Value, e: Node) =>
    b.or(isZero(b, v), b.or(isNormal(b, v), b.and(b.eq(v.m, b.i64(TOP)), b.eq(e, 0x7fff))));
  for (const [v, e] of [
    [x, ex],
    [y, ey],
  ] as const)
    if (!v.ordinary) b.leaveIf(not(b, known(v, e)), 'next');
  const below = smaller(b, b.sub(ex, ey), x, y);
  const apart = b.xor(x.se, y.se);
  const equal = b.or(b.eqz(b.or(b.xor(x.m, y.m), b.extendU(apart))), b.eqz(b.or(x.m, y.m)));
  // With one sign, the smaller magnitude is less where it is positive.
  const less = b.xor(sign(b, x), b.and(below, b.ltU(apart, 0x8000)));
  return { less: b.and(less, b.eqz(equal)), equal };
}
