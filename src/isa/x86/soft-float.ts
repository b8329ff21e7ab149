/** SSE arithmetic exact, in BigInts: under a non-default MXCSR (rounding mode, flush-to-zero, denormals-are-zero, unmasked exceptions), and where exceptions are hard to tell; the rest is wasm's own. */
import type { Helper } from '../helper.ts';
import { FIELDS, SCRATCH_OFFSET } from './state.ts';

/** Bits of ours in the field, never seen by the guest. Some exception is unmasked. */
export const MXCSR_UNMASKED = 0x1_0000;
/** The program looks at its exception flags: regions must keep them, too. Set until the engine has seen to it, and then the other. */
export const MXCSR_ASKED = 0x2_0000;
export const MXCSR_KEPT = 0x4_0000;
/** Modes that regions do not serve: rounding control, flush-to-zero, denormals-are-zero, unmasked exceptions; and a question not answered yet. */
export const MXCSR_SOFT = 0xe040 | MXCSR_UNMASKED;
export const MXCSR_SPECIAL = MXCSR_SOFT | MXCSR_ASKED;

/** The field for a new value (16 bits) of the register. Who changes it cares for its flags. */
export function mxcsrField(value: number, old: number): number {
  const asks = value !== (old & 0xffff) && (old & MXCSR_KEPT) === 0;
  const unmasked = (value & 0x1f80) === 0x1f80 ? 0 : MXCSR_UNMASKED;
  return value | unmasked | (old & (MXCSR_ASKED | MXCSR_KEPT)) | (asks ? MXCSR_ASKED : 0);
}

const IE = 1;
const DE = 2;
const ZE = 4;
const OE = 8;
const UE = 16;
const PE = 32;
/** Exceptions raised by the operation at hand. */
let raised = 0;
export const exceptionsRaised = (): number => raised;

/** Operations by index; scalar forms use the low lane of the packed ones. */
export const SOFT_OPS = [
  'addps', 'addpd', 'subps', 'subpd', 'mulps', 'mulpd', 'divps', 'divpd', 'sqrtps', 'sqrtpd', 'minps', 'minpd', 'maxps', 'maxpd',
  'addsubps', 'addsubpd', 'dpps', 'dppd', 'cmpps', 'cmppd', 'comiss', 'comisd', 'roundps', 'roundpd',
  'cvtss2si', 'cvtsd2si', 'cvttss2si', 'cvttsd2si', 'cvtsi642ss', 'cvtsi642sd',
  'cvtps2dq', 'cvttps2dq', 'cvtpd2dq', 'cvttpd2dq', 'cvtps2pd', 'cvtpd2ps', 'cvtdq2ps',
] as const; // biome-ignore format: list
export type SoftOp = (typeof SOFT_OPS)[number];

interface Format {
  readonly bits: bigint;
  readonly fraction: bigint;
  readonly bias: bigint;
}
const SINGLE: Format = { bits: 32n, fraction: 23n, bias: 127n };
const DOUBLE: Format = { bits: 64n, fraction: 52n, bias: 1023n };

const NEAREST = 0;
const DOWN = 1;
const UP = 2;

interface Mode {
  rounding: number;
  flush: boolean;
  daz: boolean;
  /** Exceptions that are not masked. */
  unmasked: number;
}

/** A scalar form: only the low lane counts. An argument bit beside predicate, rounding control and lane masks. */
export const SOFT_SCALAR = 0x100;
/** Only the low 64 bits count. */
export const SOFT_HALF = 0x400;
/** UCOMISS, UCOMISD: a quiet NaN raises nothing. */
export const SOFT_QUIET = 0x200;

/** (-1)^negative · mantissa · 2^exponent; a zero has mantissa 0. */
interface Value {
  readonly kind: 'nan' | 'infinite' | 'finite';
  readonly negative: boolean;
  readonly mantissa: bigint;
  readonly exponent: bigint;
  /** As stored (denormals already flushed). */
  readonly bits: bigint;
}

const ones = (n: bigint): bigint => (1n << n) - 1n;
/** Math.min takes no BigInts. */
function lower(x: bigint, y: bigint): bigint {
  if (x < y) return x;
  return y;
}
const length = (x: bigint): bigint => BigInt(x.toString(2).length);
const signBit = (f: Format): bigint => 1n << (f.bits - 1n);
const signed = (f: Format, negative: boolean, magnitude: bigint): bigint =>
  negative ? signBit(f) | magnitude : magnitude;
const infinity = (f: Format): bigint => ones(f.bits - 1n - f.fraction) << f.fraction;
const quiet = (f: Format, bits: bigint): bigint => bits | (1n << (f.fraction - 1n));
/** The NaN of an invalid operation: negative, quiet, no payload. */
const indefinite = (f: Format): bigint => quiet(f, signBit(f) | infinity(f));

function unpack(f: Format, bits: bigint, mode: Mode): Value {
  const negative = (bits & signBit(f)) !== 0n;
  const biased = (bits >> f.fraction) & ones(f.bits - 1n - f.fraction);
  const fraction = bits & ones(f.fraction);
  if (biased === infinity(f) >> f.fraction)
    return { kind: fraction ? 'nan' : 'infinite', negative, mantissa: fraction, exponent: 0n, bits };
  if (biased === 0n) {
    const mantissa = mode.daz ? 0n : fraction;
    return {
      kind: 'finite',
      negative,
      mantissa,
      exponent: 1n - f.bias - f.fraction,
      bits: signed(f, negative, mantissa),
    };
  }
  return {
    kind: 'finite',
    negative,
    mantissa: fraction | (1n << f.fraction),
    exponent: biased - f.bias - f.fraction,
    bits,
  };
}

const isSignalling = (f: Format, x: Value): boolean => x.kind === 'nan' && x.mantissa >> (f.fraction - 1n) === 0n;
const isDenormal = (f: Format, x: Value): boolean =>
  x.kind === 'finite' && x.mantissa !== 0n && x.mantissa >> f.fraction === 0n;

/** Whether an operand is a NaN; signalling ones raise invalid. */
function anyNan(f: Format, x: Value, y: Value = x): boolean {
  if (isSignalling(f, x) || isSignalling(f, y)) raised |= IE;
  return x.kind === 'nan' || y.kind === 'nan';
}
function note(f: Format, x: Value, y: Value = x): void {
  if (isDenormal(f, x) || isDenormal(f, y)) raised |= DE;
}
function invalid(f: Format): bigint {
  raised |= IE;
  return indefinite(f);
}

/** Drop `shift` low bits of a magnitude by the rounding mode; `sticky`: something lies below the magnitude's last bit. */
function roundShift(magnitude: bigint, shift: bigint, sticky: boolean, negative: boolean, rounding: number): bigint {
  if (shift <= 0n) {
    const kept = magnitude << -shift;
    return sticky && rounding === (negative ? DOWN : UP) ? kept + 1n : kept;
  }
  const kept = magnitude >> shift;
  const rest = magnitude & ones(shift);
  const half = 1n << (shift - 1n);
  if (rest === 0n && !sticky) return kept;
  if (rounding === NEAREST) {
    const above = rest > half || (rest === half && (sticky || (kept & 1n) === 1n));
    return above ? kept + 1n : kept;
  }
  return rounding === (negative ? DOWN : UP) ? kept + 1n : kept;
}

/** Round and store mantissa · 2^exponent (mantissa > 0; with `sticky` it has more bits than the format). */
function pack(f: Format, negative: boolean, mantissa: bigint, exponent: bigint, sticky: boolean, mode: Mode): bigint {
  const least = 1n - f.bias; // exponent of the smallest normal number
  const leading = exponent + length(mantissa) - 1n;
  /** Unmasked, even an exact result overflows or underflows, and it is inexact only if it were with an exponent without limits. */
  const trapped = (exception: number): bigint => {
    const excess = leading - f.fraction - exponent;
    raised |= exception | (sticky || (excess > 0n && (mantissa & ones(excess)) !== 0n) ? PE : 0);
    return 0n;
  };
  let tiny = false;
  if (leading < least) {
    // Tiny is judged after rounding as if the exponent had no limit.
    const free = roundShift(mantissa, leading - f.fraction - exponent, sticky, negative, mode.rounding);
    tiny = leading < least - 1n || free >> (f.fraction + 1n) === 0n;
    if (tiny && mode.unmasked & UE) return trapped(UE);
    if (tiny && mode.flush) {
      raised |= UE | PE;
      return signed(f, negative, 0n);
    }
  }
  const unit = leading - f.fraction > least - f.fraction ? leading - f.fraction : least - f.fraction;
  const shift = unit - exponent;
  const rounded = roundShift(mantissa, shift, sticky, negative, mode.rounding);
  // A carry out of the fraction moves into the exponent by itself.
  const bits = ((unit + f.fraction + f.bias - 1n) << f.fraction) + rounded;
  if (bits >= infinity(f) && mode.unmasked & OE) return trapped(OE);
  if (sticky || (shift > 0n && (mantissa & ones(shift)) !== 0n)) raised |= tiny ? UE | PE : PE;
  if (bits < infinity(f)) return signed(f, negative, bits);
  raised |= OE | PE;
  const away = mode.rounding === NEAREST || mode.rounding === (negative ? DOWN : UP);
  return signed(f, negative, away ? infinity(f) : infinity(f) - 1n);
}

const nanOf = (f: Format, x: Value, y: Value): bigint => quiet(f, x.kind === 'nan' ? x.bits : y.bits);

function add(f: Format, x: Value, y: Value, mode: Mode, negate = false): bigint {
  if (anyNan(f, x, y)) return nanOf(f, x, y);
  const yNegative = y.negative !== negate;
  if (x.kind === 'infinite' && y.kind === 'infinite' && x.negative !== yNegative) return invalid(f);
  note(f, x, y);
  if (x.kind === 'infinite') return x.bits;
  if (y.kind === 'infinite') return signed(f, yNegative, infinity(f));
  const exponent = lower(x.exponent, y.exponent);
  const [p, q] = [x.mantissa << (x.exponent - exponent), y.mantissa << (y.exponent - exponent)];
  const sum = (x.negative ? -p : p) + (yNegative ? -q : q);
  if (sum !== 0n) return pack(f, sum < 0n, sum < 0n ? -sum : sum, exponent, false, mode);
  const bothZero = x.mantissa === 0n && y.mantissa === 0n;
  const negative = bothZero && x.negative === yNegative ? x.negative : mode.rounding === DOWN;
  return signed(f, negative, 0n);
}

function multiply(f: Format, x: Value, y: Value, mode: Mode): bigint {
  if (anyNan(f, x, y)) return nanOf(f, x, y);
  const negative = x.negative !== y.negative;
  const zero = (v: Value) => v.kind === 'finite' && v.mantissa === 0n;
  const infinite = x.kind === 'infinite' || y.kind === 'infinite';
  if (infinite && (zero(x) || zero(y))) return invalid(f);
  note(f, x, y);
  if (infinite) return signed(f, negative, infinity(f));
  if (zero(x) || zero(y)) return signed(f, negative, 0n);
  return pack(f, negative, x.mantissa * y.mantissa, x.exponent + y.exponent, false, mode);
}

function divide(f: Format, x: Value, y: Value, mode: Mode): bigint {
  if (anyNan(f, x, y)) return nanOf(f, x, y);
  const negative = x.negative !== y.negative;
  if (x.kind === 'infinite' && y.kind === 'infinite') return invalid(f);
  if (y.kind === 'finite' && y.mantissa === 0n && x.kind === 'finite') {
    if (x.mantissa === 0n) return invalid(f);
    raised |= ZE;
    return signed(f, negative, infinity(f));
  }
  note(f, x, y);
  if (x.kind === 'infinite') return signed(f, negative, infinity(f));
  if (y.kind === 'infinite') return signed(f, negative, 0n);
  if (x.mantissa === 0n) return signed(f, negative, 0n);
  const scale = 2n * f.bits;
  const numerator = x.mantissa << scale;
  const quotient = numerator / y.mantissa;
  return pack(f, negative, quotient, x.exponent - y.exponent - scale, quotient * y.mantissa !== numerator, mode);
}

function squareRoot(f: Format, x: Value, mode: Mode): bigint {
  if (anyNan(f, x)) return quiet(f, x.bits);
  if (x.kind === 'finite' && x.mantissa === 0n) return x.bits;
  if (x.negative) return invalid(f);
  if (x.kind === 'infinite') return x.bits;
  note(f, x);
  let scale = 2n * f.bits;
  if ((x.exponent - scale) & 1n) scale++;
  const square = x.mantissa << scale;
  let root = 1n << (length(square) / 2n + 1n);
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next >= root) break;
    root = next;
  }
  return pack(f, false, root, (x.exponent - scale) / 2n, root * root !== square, mode);
}

/** -1, 0, 1; undefined where unordered. `quietly`: only signalling NaNs are invalid. */
function compare(f: Format, x: Value, y: Value, quietly = false): number | undefined {
  if (anyNan(f, x, y)) {
    if (!quietly) raised |= IE;
    return undefined;
  }
  note(f, x, y);
  const rank = (v: Value) => (v.kind === 'infinite' ? (v.negative ? -1 : 1) : 0);
  if (rank(x) || rank(y)) return Math.sign(rank(x) - rank(y));
  const exponent = lower(x.exponent, y.exponent);
  const whole = (v: Value) => (v.negative ? -v.mantissa : v.mantissa) << (v.exponent - exponent);
  const [p, q] = [whole(x), whole(y)];
  return p < q ? -1 : p > q ? 1 : 0;
}

function holds(predicate: number, order: number | undefined): boolean {
  const positive = [order === 0, order === -1, order === -1 || order === 0, order === undefined][predicate & 3];
  return predicate & 4 ? !positive : positive;
}

const hasFraction = (x: Value): boolean => x.exponent < 0n && (x.mantissa & ones(-x.exponent)) !== 0n;

/** To a two's complement integer; what does not fit gives the most negative one. */
function toInteger(x: Value, width: bigint, rounding: number): bigint {
  const least = 1n << (width - 1n);
  if (x.kind === 'finite') {
    const magnitude = roundShift(x.mantissa, -x.exponent, false, x.negative, rounding);
    const v = x.negative ? -magnitude : magnitude;
    if (v >= -least && v < least) {
      if (hasFraction(x)) raised |= PE;
      return BigInt.asUintN(Number(width), v);
    }
  }
  raised |= IE;
  return least;
}

function roundToWhole(f: Format, x: Value, rounding: number, mode: Mode, exact: boolean): bigint {
  if (anyNan(f, x)) return quiet(f, x.bits);
  if (x.kind === 'infinite' || x.mantissa === 0n || x.exponent >= 0n) return x.bits;
  if (exact && hasFraction(x)) raised |= PE;
  const whole = roundShift(x.mantissa, -x.exponent, false, x.negative, rounding);
  return whole === 0n ? signed(f, x.negative, 0n) : pack(f, x.negative, whole, 0n, false, mode);
}

function convert(from: Format, to: Format, x: Value, mode: Mode): bigint {
  if (anyNan(from, x)) {
    const shift = to.fraction - from.fraction;
    const payload = shift > 0n ? x.mantissa << shift : x.mantissa >> -shift;
    return quiet(to, signed(to, x.negative, infinity(to) | payload));
  }
  if (x.kind === 'infinite') return signed(to, x.negative, infinity(to));
  if (x.mantissa === 0n) return signed(to, x.negative, 0n);
  note(from, x);
  return pack(to, x.negative, x.mantissa, x.exponent, false, mode);
}

function fromInteger(f: Format, v: bigint, mode: Mode): bigint {
  return v === 0n ? 0n : pack(f, v < 0n, v < 0n ? -v : v, 0n, false, mode);
}

/** Split 128 bits into lanes, and back. */
const split = (v: bigint, width: bigint): bigint[] =>
  Array.from({ length: Number(128n / width) }, (_, i) => (v >> (BigInt(i) * width)) & ones(width));
const join = (parts: readonly bigint[], width: bigint): bigint =>
  parts.reduce((v, p, i) => v | (p << (BigInt(i) * width)), 0n);

/** One operation over 128-bit values. `argument`: predicate, rounding control or lane masks. */
export function softFloat(op: SoftOp, argument: number, xBits: bigint, yBits: bigint, mxcsr: number): bigint {
  const mode: Mode = {
    rounding: (mxcsr >> 13) & 3,
    flush: (mxcsr & 0x8000) !== 0,
    daz: (mxcsr & 0x40) !== 0,
    unmasked: ~(mxcsr >> 7) & 0x3f,
  };
  raised = 0;
  const r = compute(op, argument, xBits, yBits, mode);
  if (op !== 'dpps' && op !== 'dppd') hide(mode);
  return r;
}

function compute(op: SoftOp, argument: number, xBits: bigint, yBits: bigint, mode: Mode): bigint {
  const f = /ps$|ss$|^cvtt?[ps]s2/.test(op) && !op.endsWith('pd2ps') ? SINGLE : DOUBLE;
  const scalar = (argument & SOFT_SCALAR) !== 0;
  const kept = argument & SOFT_HALF ? ones(64n) : ones(128n);
  const lanesOf = (v: bigint, width: bigint) => (scalar ? [v & ones(width)] : split(v & kept, width));
  const values = (v: bigint, format = f) => lanesOf(v, format.bits).map((lane) => unpack(format, lane, mode));
  const unary = (g: (x: Value) => bigint) => join(values(xBits).map(g), f.bits);
  const binary = (g: (x: Value, y: Value, i: number) => bigint) => {
    const ys = values(yBits);
    return join(
      values(xBits).map((x, i) => g(x, ys[i], i)),
      f.bits,
    );
  };
  switch (op) {
    case 'addps':
    case 'addpd':
      return binary((x, y) => add(f, x, y, mode));
    case 'subps':
    case 'subpd':
      return binary((x, y) => add(f, x, y, mode, true));
    case 'addsubps':
    case 'addsubpd':
      return binary((x, y, i) => add(f, x, y, mode, (i & 1) === 0));
    case 'mulps':
    case 'mulpd':
      return binary((x, y) => multiply(f, x, y, mode));
    case 'divps':
    case 'divpd':
      return binary((x, y) => divide(f, x, y, mode));
    case 'sqrtps':
    case 'sqrtpd':
      return unary((x) => squareRoot(f, x, mode));
    case 'minps':
    case 'minpd':
      return binary((x, y) => (compare(f, x, y) === -1 ? x.bits : y.bits));
    case 'maxps':
    case 'maxpd':
      return binary((x, y) => (compare(f, x, y) === 1 ? x.bits : y.bits));
    case 'dpps':
    case 'dppd':
      return dot(f, values(xBits), values(yBits), argument, mode);
    case 'cmpps':
    case 'cmppd':
      return binary((x, y) =>
        holds(argument, compare(f, x, y, (argument & 3) === 0 || (argument & 3) === 3)) ? ones(f.bits) : 0n,
      );
    case 'comiss':
    case 'comisd': {
      const single = op === 'comiss' ? SINGLE : DOUBLE;
      const order = compare(single, values(xBits, single)[0], values(yBits, single)[0], (argument & SOFT_QUIET) !== 0);
      return order === undefined ? 0x45n : order === 0 ? 0x40n : order < 0 ? 1n : 0n;
    }
    case 'roundps':
    case 'roundpd':
      return unary((x) => roundToWhole(f, x, argument & 4 ? mode.rounding : argument & 3, mode, (argument & 8) === 0));
    case 'cvtss2si':
    case 'cvtsd2si':
      return toInteger(values(xBits)[0], argument & 1 ? 64n : 32n, mode.rounding);
    case 'cvttss2si':
    case 'cvttsd2si':
      return toInteger(values(xBits)[0], argument & 1 ? 64n : 32n, 3);
    case 'cvtsi642ss':
      return fromInteger(SINGLE, BigInt.asIntN(64, xBits), mode);
    case 'cvtsi642sd':
      return fromInteger(DOUBLE, BigInt.asIntN(64, xBits), mode);
    case 'cvtps2dq':
    case 'cvtpd2dq':
      return join(
        values(xBits).map((x) => toInteger(x, 32n, mode.rounding)),
        32n,
      );
    case 'cvttps2dq':
    case 'cvttpd2dq':
      return join(
        values(xBits).map((x) => toInteger(x, 32n, 3)),
        32n,
      );
    case 'cvtps2pd':
      return join(
        values(xBits)
          .slice(0, 2)
          .map((x) => convert(SINGLE, DOUBLE, x, mode)),
        64n,
      );
    case 'cvtpd2ps':
      return join(
        values(xBits).map((x) => convert(DOUBLE, SINGLE, x, mode)),
        32n,
      );
    case 'cvtdq2ps':
      return join(
        lanesOf(xBits, 32n).map((v) => fromInteger(SINGLE, BigInt.asIntN(32, v), mode)),
        32n,
      );
  }
}

/** Each step is an operation of its own, with exceptions of its own: an unmasked one keeps the next from happening. */
function dot(f: Format, x: Value[], y: Value[], imm: number, mode: Mode): bigint {
  const sum = (p: bigint, q: bigint) => add(f, unpack(f, p, mode), unpack(f, q, mode), mode);
  const step = (g: () => bigint[]): bigint[] => {
    const earlier = raised;
    if (earlier & mode.unmasked) return [0n, 0n];
    raised = 0;
    const results = g();
    hide(mode);
    raised |= earlier;
    return results;
  };
  const products = step(() => x.map((v, i) => (imm & (16 << i) ? multiply(f, v, y[i], mode) : 0n)));
  let [total, other] = step(() =>
    f === DOUBLE
      ? [sum(products[0], products[1])]
      : [sum(products[0], products[1]), sum(products[2] ?? 0n, products[3] ?? 0n)],
  );
  if (f === SINGLE) [total] = step(() => [sum(total, other)]);
  return join(
    x.map((_, i) => (imm & (1 << i) ? total : 0n)),
    f.bits,
  );
}

/** An unmasked exception found before an operation is carried out hides those that come after it. */
function hide(mode: Mode): void {
  if (raised & mode.unmasked & BEFORE) raised &= BEFORE;
}
const BEFORE = IE | DE | ZE;

export const FLOAT_HELPERS: Record<string, Helper> = {
  /**
   * (operation | argument << 8, x low, x high, y low, y high) → the low half; all 128 bits are left in the scratch area, and behind them whether
   * an unmasked exception keeps the instruction from happening. Exceptions found before the operation is carried out then hide those after it.
   */
  softFloat: {
    params: ['i32', 'i64', 'i64', 'i64', 'i64'],
    result: 'i64',
    make: (space) => (state: number, code: number, x0: bigint, x1: bigint, y0: bigint, y1: bigint) => {
      const whole = (low: bigint, high: bigint) => BigInt.asUintN(64, low) | (BigInt.asUintN(64, high) << 64n);
      const { view } = space;
      const mxcsr = view.getInt32(state + FIELDS.mxcsr.offset, true);
      const r = softFloat(SOFT_OPS[code & 0xff], code >> 8, whole(x0, x1), whole(y0, y1), mxcsr);
      const unmasked = ~(mxcsr >> 7) & 0x3f;
      view.setInt32(state + FIELDS.mxcsr.offset, mxcsr | raised, true);
      view.setBigUint64(state + SCRATCH_OFFSET, BigInt.asUintN(64, r), true);
      view.setBigUint64(state + SCRATCH_OFFSET + 8, r >> 64n, true);
      view.setInt32(state + SCRATCH_OFFSET + 16, raised & unmasked, true);
      return BigInt.asIntN(64, r);
    },
  },
};
