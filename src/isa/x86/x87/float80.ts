/** 80-bit extended arithmetic: values, rounding, the exceptions each operation raises. Registers, tags and the stack are fpu.ts's business. */

/** Exception bits, at the same places in the status word (flags) and the control word (masks). */
export const IE = 1;
export const DE = 2;
export const ZE = 4;
export const OE = 8;
export const UE = 16;
export const PE = 32;

/** Rounding control. */
export const NEAREST = 0;
export const DOWN = 1;
export const UP = 2;
export const TRUNCATE = 3;

/** A value as the format has it: sign, biased exponent, significand with its integer bit. */
export interface Ext {
  readonly s: number;
  readonly e: number;
  readonly m: bigint;
}

export const ZERO = 0, NORMAL = 1, DENORMAL = 2, INFINITY = 3, QNAN = 4, SNAN = 5, UNSUPPORTED = 6; // biome-ignore format: one row

export const BIAS = 16383;
const INTEGER_BIT = 1n << 63n;
const QUIET_BIT = 1n << 62n;
const MASK64 = (1n << 64n) - 1n;
/** What an unmasked overflow or underflow adds to or takes from the exponent. */
const WRAP = 24576;

export const ext = (s: number, e: number, m: bigint): Ext => ({ s, e, m });
export const INDEFINITE = ext(1, 0x7fff, INTEGER_BIT | QUIET_BIT);
export const zero = (s: number): Ext => ext(s, 0, 0n);
export const infinity = (s: number): Ext => ext(s, 0x7fff, INTEGER_BIT);
export const ONE = ext(0, BIAS, INTEGER_BIT);

/** What an operation reads (rounding, precision, masks) and leaves (exceptions, C1). */
export class Env {
  /** Control word: masks, precision control, rounding control. */
  fcw = 0x37f;
  /** Exceptions raised by the operation at hand. */
  flags = 0;
  /** The result was rounded away from zero. */
  c1 = 0;
  get rc(): number {
    return (this.fcw >> 10) & 3;
  }
  /** Significand bits that precision control asks for. */
  get precision(): number {
    const pc = (this.fcw >> 8) & 3;
    return pc === 0 ? 24 : pc === 2 ? 53 : 64;
  }
  masked(exception: number): boolean {
    return (this.fcw & exception) !== 0;
  }
}

export function classify(x: Ext): number {
  if (x.e === 0) return x.m === 0n ? ZERO : DENORMAL;
  if ((x.m & INTEGER_BIT) === 0n) return UNSUPPORTED;
  if (x.e !== 0x7fff) return NORMAL;
  if (x.m === INTEGER_BIT) return INFINITY;
  return (x.m & QUIET_BIT) !== 0n ? QNAN : SNAN;
}

export const isNan = (kind: number): boolean => kind >= QNAN;

/** Bits needed for a non-negative integer. */
export function bitLength(n: bigint): number {
  let base = 0;
  let v = n;
  while (v > MASK64) {
    base += 64;
    v >>= 64n;
  }
  const high = Number(v >> 32n);
  return high ? base + 64 - Math.clz32(high) : base + 32 - Math.clz32(Number(v));
}

/** Exponent of the significand's lowest bit. */
const lowBit = (x: Ext): number => (x.e || 1) - BIAS - 63;

let cutInexact = false;
let cutUp = false;

/** n / 2^shift rounded to an integer; says through cutInexact and cutUp what happened. */
function cut(rc: number, s: number, n: bigint, shift: number): bigint {
  cutInexact = false;
  cutUp = false;
  if (shift <= 0) return n << BigInt(-shift);
  const k = BigInt(shift);
  const base = n >> k;
  const rest = n - (base << k);
  if (rest === 0n) return base;
  cutInexact = true;
  if (rc === NEAREST) {
    const half = 1n << (k - 1n);
    cutUp = rest > half || (rest === half && (base & 1n) === 1n);
  } else cutUp = rc === (s ? DOWN : UP);
  return cutUp ? base + 1n : base;
}

export interface Format {
  readonly bits: number;
  readonly bias: number;
}
export const SINGLE: Format = { bits: 24, bias: 127 };
export const DOUBLE: Format = { bits: 53, bias: 1023 };
const EXTENDED: Format = { bits: 64, bias: BIAS };

/** Results of `roundTo`: biased exponent and significand of `precision` bits; an exponent of 2·bias + 1 with a zero fraction is an infinity. */
let outE = 0;
let outM = 0n;

/** Round (−1)^s · n · 2^q, n > 0, to a format; `precision` may be smaller than the format's (precision control). */
function roundTo(env: Env, s: number, n: bigint, q: number, precision: number, format: Format): void {
  const { bias } = format;
  const top = 2 * bias + 1;
  const { rc } = env;
  const length = bitLength(n);
  let e = q + length - 1 + bias;
  let m = cut(rc, s, n, length - precision);
  if (m >> BigInt(precision)) {
    m >>= 1n;
    e++;
  }
  if (e < 1) {
    if (env.masked(UE) || format !== EXTENDED) {
      m = cut(rc, s, n, 1 - bias - (precision - 1) - q);
      e = m >> BigInt(precision - 1) ? 1 : 0;
      if (cutInexact) env.flags |= UE;
      if (!env.masked(UE)) env.flags |= UE;
    } else {
      env.flags |= UE;
      e += WRAP;
      if (e < 1) {
        // Only FSCALE gets this far down.
        m = 0n;
        e = 0;
        cutInexact = true;
      }
    }
  } else if (e >= top) {
    env.flags |= OE;
    if (env.masked(OE) || format !== EXTENDED) {
      const up = rc === NEAREST || rc === (s ? DOWN : UP);
      e = up ? top : top - 1;
      m = up ? 1n << BigInt(precision - 1) : (1n << BigInt(precision)) - 1n;
      cutInexact = true;
      cutUp = up;
    } else {
      e -= WRAP;
      if (e >= top) {
        m = 1n << BigInt(precision - 1);
        e = top;
        cutInexact = true;
        cutUp = true;
      }
    }
  }
  if (cutInexact) env.flags |= PE;
  env.c1 = cutInexact && cutUp ? 1 : 0;
  outE = e;
  outM = m;
}

/** Round to extended with the given precision. */
export function round(env: Env, s: number, n: bigint, q: number, precision = 64): Ext {
  roundTo(env, s, n, q, precision, EXTENDED);
  return ext(s, outE, outM << BigInt(64 - precision));
}

const quiet = (x: Ext): Ext => ext(x.s, x.e, x.m | QUIET_BIT);

/** The invalid-operation response. */
export function invalid(env: Env): Ext {
  env.flags |= IE;
  return INDEFINITE;
}

/** Result of an operation with one NaN or unsupported operand. */
export function propagate1(env: Env, x: Ext, kind: number): Ext {
  if (kind === UNSUPPORTED) return invalid(env);
  if (kind === SNAN) env.flags |= IE;
  return quiet(x);
}

/** Result of an operation at least one of whose operands is a NaN or unsupported: the quiet one, or the larger significand, or the positive one. */
export function propagate2(env: Env, x: Ext, kx: number, y: Ext, ky: number): Ext {
  if (kx === UNSUPPORTED || ky === UNSUPPORTED) return invalid(env);
  if (kx === SNAN || ky === SNAN) env.flags |= IE;
  if (kx < QNAN) return quiet(y);
  if (ky < QNAN) return quiet(x);
  if (kx !== ky) return kx === QNAN ? x : y;
  if (x.m !== y.m) return quiet(x.m > y.m ? x : y);
  return quiet(x.s ? y : x);
}

function denormals(env: Env, kx: number, ky: number): void {
  if (kx === DENORMAL || ky === DENORMAL) env.flags |= DE;
}

/** x + y. */
export function add(env: Env, x: Ext, y: Ext): Ext {
  const kx = classify(x);
  const ky = classify(y);
  if (kx >= QNAN || ky >= QNAN) return propagate2(env, x, kx, y, ky);
  if (kx === INFINITY) {
    if (ky === INFINITY && x.s !== y.s) return invalid(env);
    denormals(env, kx, ky);
    return x;
  }
  denormals(env, kx, ky);
  if (ky === INFINITY) return y;
  const zeroSign = env.rc === DOWN ? 1 : 0;
  if (kx === ZERO && ky === ZERO) return zero(x.s === y.s ? x.s : zeroSign);
  let [big, small] = lowBit(x) >= lowBit(y) ? [x, y] : [y, x];
  if (big.m === 0n) [big, small] = [small, big];
  let distance = lowBit(big) - lowBit(small);
  let a = big.m;
  let b = small.m;
  let q = lowBit(small);
  if (distance > 130) {
    // The smaller one can only decide the rounding.
    q = lowBit(big) - 130;
    distance = 130;
    b = b ? 1n : 0n;
  }
  if (distance < 0) {
    b <<= BigInt(-distance);
    q = lowBit(big);
    distance = 0;
  }
  a <<= BigInt(distance);
  const sum = (big.s ? -a : a) + (small.s ? -b : b);
  if (sum === 0n) return zero(zeroSign);
  return round(env, sum < 0n ? 1 : 0, sum < 0n ? -sum : sum, q, env.precision);
}

const negated = (x: Ext): Ext => ext(x.s ^ 1, x.e, x.m);

/** x − y: as an addition, but a NaN keeps its sign. */
export function sub(env: Env, x: Ext, y: Ext): Ext {
  return isNan(classify(y)) ? add(env, x, y) : add(env, x, negated(y));
}

export function mul(env: Env, x: Ext, y: Ext): Ext {
  const kx = classify(x);
  const ky = classify(y);
  if (kx >= QNAN || ky >= QNAN) return propagate2(env, x, kx, y, ky);
  const s = x.s ^ y.s;
  if (kx === INFINITY || ky === INFINITY) {
    if (kx === ZERO || ky === ZERO) return invalid(env);
    denormals(env, kx, ky);
    return infinity(s);
  }
  denormals(env, kx, ky);
  if (kx === ZERO || ky === ZERO) return zero(s);
  return round(env, s, x.m * y.m, lowBit(x) + lowBit(y), env.precision);
}

export function div(env: Env, x: Ext, y: Ext): Ext {
  const kx = classify(x);
  const ky = classify(y);
  if (kx >= QNAN || ky >= QNAN) return propagate2(env, x, kx, y, ky);
  const s = x.s ^ y.s;
  if ((kx === INFINITY && ky === INFINITY) || (kx === ZERO && ky === ZERO)) return invalid(env);
  if (ky === ZERO && kx !== INFINITY) {
    env.flags |= ZE;
    return infinity(s);
  }
  denormals(env, kx, ky);
  if (kx === INFINITY) return x.s === s ? x : negated(x);
  if (ky === INFINITY) return zero(s);
  if (kx === ZERO) return zero(s);
  const up = 66 + Math.max(0, bitLength(y.m) - bitLength(x.m));
  const n = x.m << BigInt(up);
  const quotient = n / y.m;
  const sticky = quotient * y.m === n ? 0n : 1n;
  return round(env, s, (quotient << 1n) | sticky, lowBit(x) - lowBit(y) - up - 1, env.precision);
}

/** Largest integer whose square is at most n (n of 128 to 130 bits). */
function isqrt(n: bigint): bigint {
  let r = BigInt(Math.floor(Math.sqrt(Number(n >> 64n)))) << 32n;
  for (let i = 0; i < 4; i++) r = (r + n / r) >> 1n;
  while (r * r > n) r--;
  while ((r + 1n) * (r + 1n) <= n) r++;
  return r;
}

export function sqrt(env: Env, x: Ext): Ext {
  const k = classify(x);
  if (k >= QNAN) return propagate1(env, x, k);
  if (k === ZERO) return x;
  if (x.s) return invalid(env);
  if (k === INFINITY) return x;
  if (k === DENORMAL) env.flags |= DE;
  let shift = 130 - bitLength(x.m);
  if ((lowBit(x) - shift) & 1) shift++;
  const n = x.m << BigInt(shift);
  const r = isqrt(n);
  const sticky = r * r === n ? 0n : 1n;
  return round(env, 0, (r << 1n) | sticky, (lowBit(x) - shift) / 2 - 1, env.precision);
}

/** Sign, zero or not, of x compared with y: -1, 0, 1; neither may be a NaN. */
function order(x: Ext, y: Ext): number {
  if (x.m === 0n && y.m === 0n) return 0;
  if (x.m === 0n) return y.s ? 1 : -1;
  if (y.m === 0n || x.s !== y.s) return x.s ? -1 : 1;
  const [ex, ey] = [x.e || 1, y.e || 1];
  const magnitude = ex !== ey ? (ex > ey ? 1 : -1) : x.m === y.m ? 0 : x.m > y.m ? 1 : -1;
  return x.s ? -magnitude : magnitude;
}

export const UNORDERED = 2;

/** -1, 0, 1 or UNORDERED; `quietly`: a quiet NaN raises nothing. */
export function compare(env: Env, x: Ext, y: Ext, quietly: boolean): number {
  const kx = classify(x);
  const ky = classify(y);
  if (kx >= QNAN || ky >= QNAN) {
    if (!quietly || kx > QNAN || ky > QNAN) env.flags |= IE;
    return UNORDERED;
  }
  denormals(env, kx, ky);
  return order(x, y);
}

/** Round to an integral value in the format itself. */
export function roundToIntegral(env: Env, x: Ext): Ext {
  const k = classify(x);
  if (k >= QNAN) return propagate1(env, x, k);
  if (k === INFINITY || k === ZERO) return x;
  if (k === DENORMAL) env.flags |= DE;
  const q = lowBit(x);
  if (q >= 0) return x;
  const n = cut(env.rc, x.s, x.m, Math.min(-q, 200));
  if (cutInexact) env.flags |= PE;
  env.c1 = cutInexact && cutUp ? 1 : 0;
  if (n === 0n) return zero(x.s);
  const length = bitLength(n);
  return ext(x.s, BIAS + length - 1, n << BigInt(64 - length));
}

/** x as a signed integer of `bits`, or undefined (invalid). */
export function toInteger(env: Env, x: Ext, bits: number, rc: number): bigint | undefined {
  const k = classify(x);
  if (k >= INFINITY) {
    env.flags |= IE;
    return undefined;
  }
  if (k === ZERO) return 0n;
  const q = lowBit(x);
  if (q > 0) {
    env.flags |= IE;
    return undefined;
  }
  const magnitude = cut(rc, x.s, x.m, Math.min(-q, 200));
  const limit = 1n << BigInt(bits - 1);
  if (magnitude > limit || (magnitude === limit && !x.s)) {
    env.flags |= IE;
    return undefined;
  }
  if (cutInexact) env.flags |= PE;
  env.c1 = cutInexact && cutUp ? 1 : 0;
  return x.s ? -magnitude : magnitude;
}

export function fromInteger(v: bigint): Ext {
  if (v === 0n) return zero(0);
  const s = v < 0n ? 1 : 0;
  const n = s ? -v : v;
  const length = bitLength(n);
  return ext(s, BIAS + length - 1, n << BigInt(64 - length));
}

/** 18 decimal digits and a sign, as FBLD reads them; digits above 9 count as they stand. */
export function fromBcd(low: bigint, high: number): Ext {
  let n = 0n;
  for (let i = 1; i >= 0; i--) n = n * 10n + BigInt((high >> (i * 4)) & 15);
  for (let i = 15n; i >= 0n; i--) n = n * 10n + ((low >> (i * 4n)) & 15n);
  const s = (high >> 15) & 1;
  return n === 0n ? zero(s) : ext(s, fromInteger(n).e, fromInteger(n).m);
}

const BCD_LIMIT = 10n ** 18n;

/** The 80-bit packed decimal, or undefined (invalid: the caller stores the indefinite). */
export function toBcd(env: Env, x: Ext): bigint | undefined {
  const k = classify(x);
  if (k >= INFINITY || lowBit(x) > 0) {
    env.flags |= IE;
    return undefined;
  }
  const n = k === ZERO ? 0n : cut(env.rc, x.s, x.m, Math.min(-lowBit(x), 200));
  if (n >= BCD_LIMIT) {
    env.flags |= IE;
    return undefined;
  }
  if (k !== ZERO && cutInexact) {
    env.flags |= PE;
    env.c1 = cutUp ? 1 : 0;
  }
  let packed = 0n;
  let rest = n;
  for (let i = 0n; rest; i += 4n, rest /= 10n) packed |= (rest % 10n) << i;
  return packed | (BigInt(x.s) << 79n);
}

/** Widen a single or double given as its bits; raises DE for denormals and IE for signalling NaNs, which it quiets. */
export function fromBits(env: Env, bits: bigint, format: Format): Ext {
  const fractionBits = format.bits - 1;
  const top = format.bias * 2 + 1;
  const s = Number(bits >> BigInt(fractionBits)) > top ? 1 : 0;
  const e = Number(bits >> BigInt(fractionBits)) & top;
  const fraction = bits & ((1n << BigInt(fractionBits)) - 1n);
  const m = fraction << BigInt(64 - format.bits);
  if (e === top) {
    if (fraction === 0n) return infinity(s);
    if ((m & QUIET_BIT) === 0n) env.flags |= IE;
    return ext(s, 0x7fff, m | INTEGER_BIT | QUIET_BIT);
  }
  if (e === 0) {
    if (fraction === 0n) return zero(s);
    env.flags |= DE;
    const length = bitLength(fraction);
    return ext(s, BIAS + 1 - format.bias - (format.bits - length), fraction << BigInt(64 - length));
  }
  return ext(s, e - format.bias + BIAS, m | INTEGER_BIT);
}

/** Widen without noticing anything: signalling NaNs stay so (memory operands of arithmetic, whose operation then sees them). */
export function widen(bits: bigint, format: Format): Ext {
  const env = new Env();
  const x = fromBits(env, bits, format);
  return env.flags & IE ? ext(x.s, x.e, x.m & ~QUIET_BIT) : x;
}

/** Narrow to the bits of a single or double. */
export function toBits(env: Env, x: Ext, format: Format): bigint {
  const fractionBits = BigInt(format.bits - 1);
  const top = BigInt(format.bias * 2 + 1);
  const sign = BigInt(x.s) << BigInt(format.bits === 24 ? 31 : 63);
  const k = classify(x);
  if (k === ZERO) return sign;
  if (k === INFINITY) return sign | (top << fractionBits);
  if (k >= QNAN) {
    const nan = propagate1(env, x, k);
    const fraction = (nan.m & (INTEGER_BIT - 1n)) >> BigInt(64 - format.bits);
    return (BigInt(nan.s) << BigInt(format.bits === 24 ? 31 : 63)) | (top << fractionBits) | fraction;
  }
  roundTo(env, x.s, x.m, lowBit(x), format.bits, format);
  return sign | (BigInt(outE) << fractionBits) | (outM & ((1n << fractionBits) - 1n));
}

/** x · 2^trunc(y). */
export function scale(env: Env, x: Ext, y: Ext): Ext {
  const kx = classify(x);
  const ky = classify(y);
  if (kx >= QNAN || ky >= QNAN) return propagate2(env, x, kx, y, ky);
  if (ky === INFINITY) {
    if (y.s ? kx === INFINITY : kx === ZERO) return invalid(env);
    denormals(env, kx, ky);
    return y.s ? zero(x.s) : infinity(x.s);
  }
  denormals(env, kx, ky);
  if (kx === INFINITY || kx === ZERO) return x;
  const q = lowBit(y);
  const steps = q >= 0 || ky === ZERO ? (ky === ZERO ? 0n : 1n << 20n) : q < -64 ? 0n : y.m >> BigInt(-q);
  const n = Number(steps > 1n << 17n ? 1n << 17n : steps) * (y.s ? -1 : 1);
  return round(env, x.s, x.m, lowBit(x) + n, 64);
}

/** Exponent and significand of x as two values. */
export function extract(env: Env, x: Ext): { exponent: Ext; significand: Ext } {
  const k = classify(x);
  if (k >= QNAN) {
    const nan = propagate1(env, x, k);
    return { exponent: nan, significand: nan };
  }
  if (k === INFINITY) return { exponent: infinity(0), significand: x };
  if (k === ZERO) {
    env.flags |= ZE;
    return { exponent: infinity(1), significand: x };
  }
  if (k === DENORMAL) env.flags |= DE;
  const length = bitLength(x.m);
  return {
    exponent: fromInteger(BigInt((x.e || 1) - BIAS - (64 - length))),
    significand: ext(x.s, BIAS, x.m << BigInt(64 - length)),
  };
}

/** Remainder of x / y; `partial`: exponents too far apart, done only in part; `quotient`: its low three bits, or -1 where there is none. */
export function remainder(
  env: Env,
  x: Ext,
  y: Ext,
  nearest: boolean,
): { value: Ext; partial: boolean; quotient: number } {
  const kx = classify(x);
  const ky = classify(y);
  const plain = (value: Ext) => ({ value, partial: false, quotient: -1 });
  if (kx >= QNAN || ky >= QNAN) return plain(propagate2(env, x, kx, y, ky));
  if (kx === INFINITY || ky === ZERO) return plain(invalid(env));
  denormals(env, kx, ky);
  if (kx === ZERO || ky === INFINITY) {
    return { value: x.e === 0 && x.m & INTEGER_BIT ? ext(x.s, 1, x.m) : x, partial: false, quotient: 0 };
  }
  const lx = bitLength(x.m);
  const ly = bitLength(y.m);
  const distance = lowBit(x) + lx - (lowBit(y) + ly);
  const q = Math.min(lowBit(x), lowBit(y));
  if (distance < -2) return { value: round(env, x.s, x.m, lowBit(x)), partial: false, quotient: 0 };
  let a = x.m << BigInt(lowBit(x) - q);
  const b = y.m << BigInt(lowBit(y) - q);
  if (distance >= 64) {
    // Take off a multiple of y that brings the exponents 32 to 63 closer.
    const step = 32 + (distance & 31);
    const unit = b << BigInt(distance - step);
    a -= (a / unit) * unit;
    return { value: a === 0n ? zero(x.s) : round(env, x.s, a, q), partial: true, quotient: 0 };
  }
  let quotient = a / b;
  a -= quotient * b;
  let { s } = x;
  if (nearest && (a * 2n > b || (a * 2n === b && quotient & 1n))) {
    a = b - a;
    quotient++;
    s ^= 1;
  }
  return { value: a === 0n ? zero(x.s) : round(env, s, a, q), partial: false, quotient: Number(quotient & 7n) };
}
