/** F2XM1, FYL2X, FYL2XP1, FSIN, FCOS, FSINCOS, FPTAN, FPATAN: computed to some 150 bits in fixed point and rounded once, which is within one unit in the last place of what processors give. */

import type { Env, Ext } from './float80.ts';
import * as f from './float80.ts';

/** Fraction bits of the fixed-point work. */
const F = 160;
const ONE = 1n << BigInt(F);
const LN2 = ln2();
/** π/2 to 230 fraction bits. */
const PI_BITS = 230;
const HALF_PI = halfPi();

/** Processors reduce by π rounded to 66 bits (measured: sin of π's nearest neighbour is a power of two), so must we. */
const HALF_PI_66 = 0xc90fdaa22168c234cn << BigInt(PI_BITS - 67);

/** A positive value n · 2^q. */
interface Real {
  n: bigint;
  q: number;
}

/** Series start from the nearest multiple of 1/32, whose value stands in a table filled when first asked: a third of the terms. */
const STEPS = 32n;
const nearestStep = (v: bigint): bigint => (v * STEPS + (ONE >> 1n)) >> BigInt(F);
function table(compute: (j: bigint) => bigint): (j: bigint) => bigint {
  const known = new Map<bigint, bigint>();
  return (j) => {
    let v = known.get(j);
    if (v === undefined) {
      v = compute(j);
      known.set(j, v);
    }
    return v;
  };
}
/** log2(j/32), 2^(j/32), arctan(j/32) in fixed point. */
const logStep = table((j) => {
  const log = fixed(logOfRatio({ n: j > STEPS ? j - STEPS : STEPS - j, q: 0 }, { n: j + STEPS, q: 0 }));
  return j < STEPS ? -log : log;
});
const powerStep = table((j) => ONE + expm1((j * LN2) / STEPS));
/** The series does not come to an end at 1. */
const arctanStep = table((j) =>
  j === STEPS ? HALF_PI >> BigInt(PI_BITS - F + 1) : mulFixed((j * ONE) / STEPS, oddSeries((j * ONE) / STEPS, true)),
);

function ln2(): bigint {
  // ln 2 = 2 · atanh(1/3)
  let term = (ONE << 34n) / 3n;
  let sum = 0n;
  for (let i = 1n; term; i += 2n, term /= 9n) sum += term / i;
  return sum >> 33n;
}

function halfPi(): bigint {
  const one = 1n << BigInt(PI_BITS + 20);
  const arctan = (inverse: bigint): bigint => {
    let power = one / inverse;
    let sum = 0n;
    for (let i = 1n, sign = 1n; power; i += 2n, sign = -sign) {
      sum += (sign * power) / i;
      power /= inverse * inverse;
    }
    return sum;
  };
  return (8n * arctan(5n) - 2n * arctan(239n)) >> 20n;
}

const real = (x: Ext): Real => ({ n: x.m, q: (x.e || 1) - f.BIAS - 63 });

/** About 130 significant bits of a value. */
function trim(x: Real): Real {
  const extra = f.bitLength(x.n) - 190;
  return extra > 0 ? { n: x.n >> BigInt(extra), q: x.q + extra } : x;
}

/** x in fixed point (small values lose bits: for places where it is added to something large). */
const fixed = (x: Real): bigint => {
  const shift = x.q + F;
  return shift >= 0 ? x.n << BigInt(shift) : shift < -400 ? 0n : x.n >> BigInt(-shift);
};

const mulFixed = (a: bigint, b: bigint): bigint => (a * b) >> BigInt(F);
const times = (x: Real, v: bigint): Real => trim({ n: x.n * v, q: x.q - F });

/** An inexact result: the sticky bit stands for what was cut off. */
const finish = (env: Env, s: number, x: Real): Ext => {
  const r = f.round(env, s, (x.n << 80n) | 1n, x.q - 80, 64);
  env.flags |= f.PE;
  return r;
};

const denormal = (env: Env, ...kinds: number[]): void => {
  if (kinds.includes(f.DENORMAL)) env.flags |= f.DE;
};

/** 2^x − 1 for |x| ≤ 1; outside the manual leaves the result undefined: x itself comes back. */
export function f2xm1(env: Env, x: Ext): Ext {
  const k = f.classify(x);
  if (k >= f.QNAN) return f.propagate1(env, x, k);
  if (k === f.ZERO) return x;
  if (k === f.INFINITY) return x.s ? f.ext(1, f.BIAS, f.ONE.m) : x;
  denormal(env, k);
  env.flags |= f.PE;
  if (x.e > f.BIAS || (x.e === f.BIAS && x.m > f.ONE.m)) return x;
  if (x.e === f.BIAS) return x.s ? f.ext(1, f.BIAS - 1, f.ONE.m) : f.ONE;
  if (x.e < f.BIAS - 5) {
    const y = times(real(x), LN2);
    return finish(env, x.s, times(y, expm1Series(x.s ? -fixed(y) : fixed(y))));
  }
  // 2^x = 2^(j/32) · 2^d
  const v = x.s ? -fixed(real(x)) : fixed(real(x));
  const j = nearestStep(v);
  const power = powerStep(j);
  const rest = expm1(mulFixed(v - (j * ONE) / STEPS, LN2));
  const sum = power + mulFixed(power, rest) - ONE;
  return finish(env, x.s, { n: sum < 0n ? -sum : sum, q: -F });
}

/** expm1(y) / y = 1 + y/2 + y²/6 + … in fixed point. */
function expm1Series(y: bigint): bigint {
  let term = ONE;
  let sum = 0n;
  for (let i = 2n; term; i++) {
    sum += term;
    term = mulFixed(term, y) / i;
    if (term === -1n) break;
  }
  return sum;
}
const expm1 = (y: bigint): bigint => mulFixed(y, expm1Series(y));

/** atanh-like series t + t³/3 + t⁵/5 … (alternating: arctangent), divided by t; t in fixed point, |t| small. */
function oddSeries(t: bigint, alternating: boolean): bigint {
  const square = alternating ? -mulFixed(t, t) : mulFixed(t, t);
  let power = ONE;
  let sum = 0n;
  for (let i = 1n; power > 1n || power < -1n; i += 2n) {
    sum += power / i;
    power = mulFixed(power, square);
  }
  return sum;
}

/** n / d with some 190 significant bits. */
function quotient(n: Real, d: Real): Real {
  const up = Math.max(0, 190 - f.bitLength(n.n) + f.bitLength(d.n));
  return { n: (n.n << BigInt(up)) / d.n, q: n.q - d.q - up };
}

/** y · log2 |x| from its sign and magnitude. */
function timesLog(env: Env, y: Ext, negative: boolean, log: Real): Ext {
  const p = trim({ n: log.n * y.m, q: log.q + real(y).q });
  return finish(env, y.s ^ (negative ? 1 : 0), p);
}

/** 2 · atanh(t) / ln 2 for t = n/d. */
function logOfRatio(n: Real, d: Real): Real {
  const t = quotient(n, d);
  const series = oddSeries(fixed(t), false);
  return trim({ n: ((t.n * series) << 1n) / LN2, q: t.q });
}

/** y · log2(x). */
export function fyl2x(env: Env, x: Ext, y: Ext): Ext {
  const kx = f.classify(x);
  const ky = f.classify(y);
  if (kx >= f.QNAN || ky >= f.QNAN) return f.propagate2(env, x, kx, y, ky);
  if (x.s && kx !== f.ZERO) return f.invalid(env);
  if (kx === f.ZERO) {
    if (ky === f.ZERO) return f.invalid(env);
    if (ky === f.INFINITY) return f.infinity(y.s ^ 1);
    env.flags |= f.ZE;
    return f.infinity(y.s ^ 1);
  }
  if (kx === f.INFINITY) {
    if (ky === f.ZERO) return f.invalid(env);
    denormal(env, ky);
    return f.infinity(y.s);
  }
  const isOne = x.e === f.BIAS && x.m === f.ONE.m;
  const below = (x.e || 1) < f.BIAS;
  if (ky === f.INFINITY) {
    if (isOne) return f.invalid(env);
    denormal(env, kx);
    return f.infinity(y.s ^ (below ? 1 : 0));
  }
  denormal(env, kx, ky);
  if (isOne) return f.zero(y.s);
  if (ky === f.ZERO) return f.zero(y.s ^ (below ? 1 : 0));
  return timesLogOf(env, real(x), y);
}

/** y · log2(v) for v > 0 other than 1. */
function timesLogOf(env: Env, v: Real, y: Ext): Ext {
  // v = 2^k · m with m in [0.75, 1.5)
  const length = f.bitLength(v.n);
  let k = v.q + length - 1;
  let q = 1 - length;
  if (v.n << 1n >= 3n << BigInt(length - 1)) {
    k++;
    q--;
  }
  const one = 1n << BigInt(-q);
  const difference = v.n - one;
  if (difference === 0n) {
    // A power of two: the product is exact but for its rounding; processors say inexact all the same.
    const r = f.round(env, y.s ^ (k < 0 ? 1 : 0), BigInt(Math.abs(k)) * y.m, real(y).q, 64);
    env.flags |= r.e === 0 ? f.PE | f.UE : f.PE;
    return r;
  }
  const j = (((v.n * STEPS) << 1n) + one) / (one << 1n);
  const away = v.n * STEPS - j * one;
  const log = logOfRatio({ n: away < 0n ? -away : away, q: 0 }, { n: v.n * STEPS + j * one, q: 0 });
  if (k === 0 && j === STEPS) return timesLog(env, y, difference < 0n, log);
  const sum = (BigInt(k) << BigInt(F)) + logStep(j) + (away < 0n ? -fixed(log) : fixed(log));
  return timesLog(env, y, sum < 0n, { n: sum < 0n ? -sum : sum, q: -F });
}

/** y · log2(x + 1), |x| < 1 − √½. */
export function fyl2xp1(env: Env, x: Ext, y: Ext): Ext {
  const kx = f.classify(x);
  const ky = f.classify(y);
  if (kx >= f.QNAN || ky >= f.QNAN) return f.propagate2(env, x, kx, y, ky);
  if (kx === f.INFINITY) {
    if (x.s || ky === f.ZERO) return f.invalid(env);
    denormal(env, ky);
    return f.infinity(y.s);
  }
  if (ky === f.INFINITY) {
    if (kx === f.ZERO) return f.invalid(env);
    denormal(env, kx);
    return f.infinity(x.s ^ y.s);
  }
  denormal(env, kx, ky);
  if (kx === f.ZERO || ky === f.ZERO) return f.zero(x.s ^ y.s);
  const r = real(x);
  if (r.q + f.bitLength(r.n) < -190) {
    const linear = quotient({ n: r.n, q: r.q }, { n: LN2, q: -F });
    return timesLog(env, y, x.s === 1, linear);
  }
  const q = Math.min(r.q, 0);
  const n = r.n << BigInt(r.q - q);
  const one = 1n << BigInt(-q);
  // Beyond a quarter (the manual's limit is 1 − √½) nothing cancels in 1 + x.
  if (n << 2n > one) {
    const sum = x.s ? one - n : one + n;
    if (sum > 0n) return timesLogOf(env, { n: sum, q }, y);
    env.flags |= f.PE;
    return x;
  }
  return timesLog(env, y, x.s === 1, logOfRatio({ n, q: 0 }, { n: x.s ? 2n * one - n : 2n * one + n, q: 0 }));
}

/** Reduce |x| < 2^63 to r in [−π/4, π/4] and the quadrant. */
function reduce(x: Ext): { r: Real; negative: boolean; quadrant: number } {
  const v = real(x);
  if (v.q + f.bitLength(v.n) < -1) return { r: v, negative: false, quadrant: 0 };
  // In units of 2^-PI_BITS.
  const shift = v.q + PI_BITS;
  const scaled = shift >= 0 ? v.n << BigInt(shift) : v.n >> BigInt(-shift);
  const k = (scaled + (HALF_PI_66 >> 1n)) / HALF_PI_66;
  const rest = scaled - k * HALF_PI_66;
  return { r: trim({ n: rest < 0n ? -rest : rest, q: -PI_BITS }), negative: rest < 0n, quadrant: Number(k & 3n) };
}

/** sin r / r. */
function sinSeries(r: Real): bigint {
  const t = fixed(r);
  const square = mulFixed(t, t);
  let term = ONE;
  let sum = 0n;
  for (let i = 1n; term; i += 2n) {
    sum += i & 2n ? -term : term;
    term = mulFixed(term, square) / ((i + 1n) * (i + 2n));
  }
  return sum;
}

function cosSeries(r: Real): bigint {
  const t = fixed(r);
  const square = mulFixed(t, t);
  let term = ONE;
  let sum = 0n;
  for (let i = 0n; term; i += 2n) {
    sum += i & 2n ? -term : term;
    term = mulFixed(term, square) / ((i + 1n) * (i + 2n));
  }
  return sum;
}

/** A signed result before rounding. */
interface Signed {
  readonly v: Real;
  readonly s: number;
}
function sineOf({ r, negative, quadrant }: ReturnType<typeof reduce>, sign: number): Signed {
  const half = (quadrant >> 1) & 1;
  if (quadrant & 1) return { v: { n: cosSeries(r), q: -F }, s: half ^ sign };
  return { v: times(r, sinSeries(r)), s: (negative ? 1 : 0) ^ half ^ sign };
}
/** cos x = sin(x + π/2) */
const cosineOf = (reduced: ReturnType<typeof reduce>): Signed =>
  sineOf({ ...reduced, quadrant: (reduced.quadrant + 1) & 3 }, 0);

/** undefined: |x| ≥ 2^63, the instruction sets C2 and leaves its operand. */
export const outOfRange = (x: Ext): boolean => x.e >= f.BIAS + 63 && x.e !== 0x7fff && f.classify(x) === f.NORMAL;

function trigonometric(env: Env, x: Ext): Ext | undefined {
  const k = f.classify(x);
  if (k >= f.QNAN) return f.propagate1(env, x, k);
  if (k === f.INFINITY) return f.invalid(env);
  denormal(env, k);
  return undefined;
}

export function fsin(env: Env, x: Ext): Ext {
  const special = trigonometric(env, x);
  if (special) return special;
  if (x.m === 0n) return x;
  const { v, s } = sineOf(reduce(x), x.s);
  return finish(env, s, below(v));
}

/** A result that the exact value stays just under in magnitude: sin r < r. Without it a tiny r would round up as exact. */
function below(x: Real): Real {
  return { n: (x.n << 64n) - 1n, q: x.q - 64 };
}

export function fcos(env: Env, x: Ext): Ext {
  const special = trigonometric(env, x);
  if (special) return special;
  if (x.m === 0n) return f.ONE;
  const { v, s } = cosineOf(reduce(x));
  return finish(env, s, below(v));
}

export function fptan(env: Env, x: Ext): Ext {
  const special = trigonometric(env, x);
  if (special) return special;
  if (x.m === 0n) return x;
  const reduced = reduce(x);
  const [sin, cos] = [sineOf(reduced, x.s), cosineOf(reduced)];
  return finish(env, sin.s ^ cos.s, quotient(sin.v, cos.v));
}

/** arctan(y / x) in the quadrant of the point (x, y). */
export function fpatan(env: Env, x: Ext, y: Ext): Ext {
  const kx = f.classify(x);
  const ky = f.classify(y);
  if (kx >= f.QNAN || ky >= f.QNAN) return f.propagate2(env, x, kx, y, ky);
  denormal(env, kx, ky);
  const pi = (quarters: bigint): Ext => finish(env, y.s, { n: HALF_PI * quarters, q: -PI_BITS - 1 });
  if (kx === f.INFINITY && ky === f.INFINITY) return pi(x.s ? 3n : 1n);
  if (ky === f.ZERO || kx === f.INFINITY) {
    if (x.s) return pi(4n);
    return f.zero(y.s);
  }
  if (kx === f.ZERO || ky === f.INFINITY) return pi(2n);
  const [a, b] = [real(x), real(y)];
  // Angle from the nearer axis: t = smaller / larger, below 1.
  const swap = f.classify(x) !== f.ZERO && compareReal(b, a) > 0;
  const t = swap ? quotient(a, b) : quotient(b, a);
  let angle: Real;
  if (t.q + f.bitLength(t.n) < -200) angle = below(t);
  else {
    const v = fixed(t);
    const j = nearestStep(v);
    if (j === 0n) angle = times(t, oddSeries(v, true));
    else {
      // atan t = atan c + atan((t − c) / (1 + t·c))
      const u = ((v * STEPS - j * ONE) << BigInt(F)) / (ONE * STEPS + j * v);
      angle = { n: arctanStep(j) + mulFixed(u, oddSeries(u, true)), q: -F };
    }
  }
  if (!swap && !x.s) return finish(env, y.s, angle);
  const axis = HALF_PI >> BigInt(PI_BITS - F);
  const v = fixed(angle);
  const whole = swap ? (x.s ? axis + v : axis - v) : 2n * axis - v;
  return finish(env, y.s, { n: whole, q: -F });
}

function compareReal(a: Real, b: Real): number {
  const [ta, tb] = [a.q + f.bitLength(a.n), b.q + f.bitLength(b.n)];
  if (ta !== tb) return ta > tb ? 1 : -1;
  const q = Math.min(a.q, b.q);
  const [x, y] = [a.n << BigInt(a.q - q), b.n << BigInt(b.q - q)];
  return x === y ? 0 : x > y ? 1 : -1;
}
