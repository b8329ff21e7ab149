/** What every operation of ops.ts computes, over bit patterns: the second column that tests hold against the wasm form. Never runs in the engine. */
import type { OpName } from './ops.ts';

/** Arguments and result are unsigned bit patterns; a vector is 128 bits, lane 0 lowest. Which NaN comes out is open, as in wasm. */
export type Reference = (args: readonly bigint[], lane: number) => bigint;

type Shape = 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2' | 'f32x4' | 'f64x2';

const u = (width: number, v: bigint): bigint => BigInt.asUintN(width, v);
const s = (width: number, v: bigint): bigint => BigInt.asIntN(width, v);
const bit = (condition: boolean): bigint => (condition ? 1n : 0n);
const clamp = (v: bigint, low: bigint, high: bigint): bigint => (v < low ? low : v > high ? high : v);
const saturateS = (width: number, v: bigint): bigint => {
  const top = 1n << BigInt(width - 1);
  return u(width, clamp(v, -top, top - 1n));
};
const saturateU = (width: number, v: bigint): bigint => clamp(v, 0n, (1n << BigInt(width)) - 1n);

const view = new DataView(new ArrayBuffer(8));
const toFloat = (width: number, bits: bigint): number => {
  if (width === 32) {
    view.setUint32(0, Number(bits));
    return view.getFloat32(0);
  }
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
};
const fromFloat = (width: number, v: number): bigint => {
  if (width === 32) {
    view.setFloat32(0, v);
    return BigInt(view.getUint32(0));
  }
  view.setFloat64(0, v);
  return view.getBigUint64(0);
};

/** Width of a scalar type's or of a shape's lanes. */
const widthOf = (name: string): number => Number(/\d+/.exec(name)![0]);
const split = (v: bigint, width: number): bigint[] =>
  Array.from({ length: 128 / width }, (_, i) => u(width, v >> BigInt(i * width)));
const join = (lanes: readonly bigint[], width: number): bigint =>
  lanes.reduce((v, lane, i) => v | (u(width, lane) << BigInt(i * width)), 0n);

/** An operation on one lane of a width. */
type Lane = (width: number, x: bigint, y: bigint) => bigint;

/** Rows `type.name` for each type, over scalars. */
function scalars<const T extends string, const N extends string>(
  types: readonly T[],
  ops: Record<N, Lane>,
): Record<`${T}.${N}`, Reference> {
  const rows = types.flatMap((t) =>
    Object.entries<Lane>(ops).map(([name, f]) => [`${t}.${name}`, ([x, y]: readonly bigint[]) => f(widthOf(t), x, y)]),
  );
  return Object.fromEntries(rows);
}
/** The same lane by lane. */
function vectors<const T extends Shape, const N extends string>(
  shapes: readonly T[],
  ops: Record<N, Lane>,
): Record<`${T}.${N}`, Reference> {
  const rows = shapes.flatMap((t) => {
    const w = widthOf(t);
    return Object.entries<Lane>(ops).map(([name, f]) => [
      `${t}.${name}`,
      ([x, y]: readonly bigint[]) => {
        const ys = y === undefined ? [] : split(y, w);
        return join(
          split(x, w).map((lane, i) => f(w, lane, ys[i])),
          w,
        );
      },
    ]);
  });
  return Object.fromEntries(rows);
}
/** Shifts by a scalar count. */
function shifts<const T extends Shape>(
  shapes: readonly T[],
): Record<`${T}.shl` | `${T}.shr_s` | `${T}.shr_u`, Reference> {
  const rows = shapes.flatMap((t) => {
    const w = widthOf(t);
    return (['shl', 'shr_s', 'shr_u'] as const).map((name) => [
      `${t}.${name}`,
      ([x, n]: readonly bigint[]) =>
        join(
          split(x, w).map((lane) => SHIFTS[name](w, lane, n)),
          w,
        ),
    ]);
  });
  return Object.fromEntries(rows) as never;
}

const COMPARISONS = {
  eq: (_w, x, y) => bit(x === y),
  ne: (_w, x, y) => bit(x !== y),
  lt_s: (w, x, y) => bit(s(w, x) < s(w, y)),
  lt_u: (_w, x, y) => bit(x < y),
  gt_s: (w, x, y) => bit(s(w, x) > s(w, y)),
  gt_u: (_w, x, y) => bit(x > y),
} satisfies Record<string, Lane>;
const ORDERS = {
  le_s: (w, x, y) => bit(s(w, x) <= s(w, y)),
  le_u: (_w, x, y) => bit(x <= y),
  ge_s: (w, x, y) => bit(s(w, x) >= s(w, y)),
  ge_u: (_w, x, y) => bit(x >= y),
} satisfies Record<string, Lane>;
const ARITHMETIC = {
  add: (w, x, y) => u(w, x + y),
  sub: (w, x, y) => u(w, x - y),
} satisfies Record<string, Lane>;
const mul: Lane = (w, x, y) => u(w, x * y);
const BITWISE = {
  and: (_w, x, y) => x & y,
  or: (_w, x, y) => x | y,
  xor: (_w, x, y) => x ^ y,
} satisfies Record<string, Lane>;
const modulo = (w: number, n: bigint): bigint => n % BigInt(w);
const SHIFTS = {
  shl: (w, x, n) => u(w, x << modulo(w, n)),
  shr_s: (w, x, n) => u(w, s(w, x) >> modulo(w, n)),
  shr_u: (w, x, n) => x >> modulo(w, n),
} satisfies Record<string, Lane>;
const rotl: Lane = (w, x, n) => u(w, (x << modulo(w, n)) | (x >> (BigInt(w) - modulo(w, n))));
const leading = (w: number, x: bigint): bigint => BigInt(w - (x === 0n ? 0 : x.toString(2).length));
const ones = (x: bigint): bigint => BigInt(x.toString(2).replaceAll('0', '').length);
/** A lane of all ones where the comparison holds. */
const masked = <const N extends string>(ops: Record<N, Lane>): Record<N, Lane> =>
  Object.fromEntries(
    Object.entries<Lane>(ops).map(([name, f]) => [name, ((w, x, y) => u(w, -f(w, x, y))) satisfies Lane]),
  ) as Record<N, Lane>;

const INT = {
  ...COMPARISONS,
  ...ORDERS,
  ...ARITHMETIC,
  ...BITWISE,
  ...SHIFTS,
  mul,
  eqz: (_w, x) => bit(x === 0n),
  // The wasm forms trap for a zero divisor and for the one quotient that overflows; semantics exclude both.
  div_s: (w, x, y) => u(w, s(w, x) / s(w, y)),
  div_u: (_w, x, y) => x / y,
  rem_s: (w, x, y) => u(w, s(w, x) % s(w, y)),
  rem_u: (_w, x, y) => x % y,
  rotl,
  rotr: (w, x, n) => rotl(w, x, BigInt(w) - modulo(w, n)),
  clz: leading,
  ctz: (w, x) => (x === 0n ? BigInt(w) : BigInt(w) - 1n - leading(w, x & -x)),
  popcnt: (_w, x) => ones(x),
  extend8_s: (w, x) => u(w, s(8, x)),
  extend16_s: (w, x) => u(w, s(16, x)),
} satisfies Record<string, Lane>;

/** Round half to even. */
function nearest(v: number): number {
  if (!Number.isFinite(v) || Math.abs(v) >= 2 ** 52) return v;
  const whole = Math.abs(v) + 2 ** 52 - 2 ** 52;
  return v < 0 || Object.is(v, -0) ? -whole : whole;
}
const float1 =
  (f: (x: number) => number): Lane =>
  (w, x) =>
    fromFloat(w, f(toFloat(w, x)));
const float2 =
  (f: (x: number, y: number) => number): Lane =>
  (w, x, y) =>
    fromFloat(w, f(toFloat(w, x), toFloat(w, y)));
const floatTest =
  (f: (x: number, y: number) => boolean): Lane =>
  (w, x, y) =>
    bit(f(toFloat(w, x), toFloat(w, y)));

const FLOAT_COMPARISONS = {
  eq: floatTest((x, y) => x === y),
  ne: floatTest((x, y) => x !== y),
  lt: floatTest((x, y) => x < y),
  gt: floatTest((x, y) => x > y),
  le: floatTest((x, y) => x <= y),
  ge: floatTest((x, y) => x >= y),
} satisfies Record<string, Lane>;
/** Storing as single rounds once more than the hardware does, which is harmless for these (the double has more than twice the bits). */
const FLOAT = {
  abs: (w, x) => u(w - 1, x),
  neg: (w, x) => x ^ (1n << BigInt(w - 1)),
  ceil: float1(Math.ceil),
  floor: float1(Math.floor),
  trunc: float1(Math.trunc),
  nearest: float1(nearest),
  sqrt: float1(Math.sqrt),
  add: float2((x, y) => x + y),
  sub: float2((x, y) => x - y),
  mul: float2((x, y) => x * y),
  div: float2((x, y) => x / y),
} satisfies Record<string, Lane>;
const EXTREMES = {
  min: float2(Math.min),
  max: float2(Math.max),
  pmin: (w, x, y) => (toFloat(w, y) < toFloat(w, x) ? y : x),
  pmax: (w, x, y) => (toFloat(w, x) < toFloat(w, y) ? y : x),
} satisfies Record<string, Lane>;

/** To a signed integer, saturating; NaN gives zero. */
function truncate(from: number, width: number, bits: bigint): bigint {
  const v = toFloat(from, bits);
  if (Number.isNaN(v)) return 0n;
  const top = 1n << BigInt(width - 1);
  if (!Number.isFinite(v)) return u(width, v < 0 ? -top : top - 1n);
  return saturateS(width, BigInt(Math.trunc(v)));
}
/** A 64-bit integer as the nearest float: two's complement to decimal and back would round twice for singles, so keep 64 bits with a sticky one. */
function convert(width: number, v: bigint): bigint {
  if (width === 64) return fromFloat(64, Number(v));
  const magnitude = v < 0n ? -v : v;
  const drop = BigInt(Math.max(0, magnitude.toString(2).length - 40));
  const sticky = magnitude & ((1n << drop) - 1n) ? 1n : 0n;
  const rounded = Number(((magnitude >> drop) | sticky) << drop);
  return fromFloat(32, v < 0n ? -rounded : rounded);
}

const splat =
  (width: number): Reference =>
  ([x]) =>
    join(new Array(128 / width).fill(x), width);
const extract =
  (width: number, result: number, signed: boolean): Reference =>
  ([x], lane) => {
    const v = split(x, width)[lane];
    return signed ? u(result, s(width, v)) : v;
  };
const replace =
  (width: number): Reference =>
  ([x, v], lane) =>
    join(
      split(x, width).map((old, i) => (i === lane ? v : old)),
      width,
    );
const narrow =
  (from: number, saturate: typeof saturateS): Reference =>
  ([x, y]) =>
    join(
      [...split(x, from), ...split(y, from)].map((v) => saturate(from / 2, s(from, v))),
      from / 2,
    );
const half = (v: bigint, width: number, high: boolean): bigint[] => {
  const lanes = split(v, width);
  return high ? lanes.slice(lanes.length / 2) : lanes.slice(0, lanes.length / 2);
};
const extended = (from: number, signed: boolean) => (v: bigint) => (signed ? s(from, v) : v);
const extend =
  (from: number, high: boolean, signed: boolean): Reference =>
  ([x]) =>
    join(half(x, from, high).map(extended(from, signed)), from * 2);
const extmul =
  (from: number, high: boolean, signed: boolean): Reference =>
  ([x, y]) => {
    const other = half(y, from, high).map(extended(from, signed));
    return join(
      half(x, from, high).map((v, i) => extended(from, signed)(v) * other[i]),
      from * 2,
    );
  };
const pairwise =
  (from: number, signed: boolean): Reference =>
  ([x]) => {
    const lanes = split(x, from).map(extended(from, signed));
    return join(
      Array.from({ length: lanes.length / 2 }, (_, i) => lanes[2 * i] + lanes[2 * i + 1]),
      from * 2,
    );
  };
const allTrue =
  (width: number): Reference =>
  ([x]) =>
    bit(split(x, width).every((v) => v !== 0n));
const bitmask =
  (width: number): Reference =>
  ([x]) =>
    split(x, width).reduce((m, v, i) => m | ((v >> BigInt(width - 1)) << BigInt(i)), 0n);

const INT_SHAPES = ['i8x16', 'i16x8', 'i32x4', 'i64x2'] as const;
const SMALL = ['i8x16', 'i16x8'] as const;
const FLOAT_SHAPES = ['f32x4', 'f64x2'] as const;
const EQUALITY = { eq: COMPARISONS.eq, ne: COMPARISONS.ne, lt_s: COMPARISONS.lt_s, gt_s: COMPARISONS.gt_s };

/** Every operation; a missing one does not compile. */
export const REFERENCE: Readonly<Record<OpName, Reference>> = {
  ...scalars(['i32', 'i64'], INT),
  ...scalars(['f32', 'f64'], { ...FLOAT, ...FLOAT_COMPARISONS }),
  'i64.extend32_s': ([x]) => u(64, s(32, x)),
  'i32.wrap_i64': ([x]) => u(32, x),
  'i64.extend_i32_s': ([x]) => u(64, s(32, x)),
  'i64.extend_i32_u': ([x]) => x,
  'f32.convert_i32_s': ([x]) => convert(32, s(32, x)),
  'f32.convert_i64_s': ([x]) => convert(32, s(64, x)),
  'f64.convert_i32_s': ([x]) => convert(64, s(32, x)),
  'f64.convert_i64_s': ([x]) => convert(64, s(64, x)),
  'f32.demote_f64': ([x]) => fromFloat(32, toFloat(64, x)),
  'f64.promote_f32': ([x]) => fromFloat(64, toFloat(32, x)),
  'i32.reinterpret_f32': ([x]) => x,
  'i64.reinterpret_f64': ([x]) => x,
  'f32.reinterpret_i32': ([x]) => x,
  'f64.reinterpret_i64': ([x]) => x,
  'i32.trunc_sat_f32_s': ([x]) => truncate(32, 32, x),
  'i32.trunc_sat_f64_s': ([x]) => truncate(64, 32, x),
  'i64.trunc_sat_f32_s': ([x]) => truncate(32, 64, x),
  'i64.trunc_sat_f64_s': ([x]) => truncate(64, 64, x),

  'i8x16.swizzle': ([x, y]) => {
    const lanes = split(x, 8);
    return join(
      split(y, 8).map((i) => (i < 16n ? lanes[Number(i)] : 0n)),
      8,
    );
  },
  'i8x16.splat': splat(8),
  'i16x8.splat': splat(16),
  'i32x4.splat': splat(32),
  'i64x2.splat': splat(64),
  'f32x4.splat': splat(32),
  'f64x2.splat': splat(64),
  'i8x16.extract_lane_s': extract(8, 32, true),
  'i8x16.extract_lane_u': extract(8, 32, false),
  'i16x8.extract_lane_s': extract(16, 32, true),
  'i16x8.extract_lane_u': extract(16, 32, false),
  'i32x4.extract_lane': extract(32, 32, false),
  'i64x2.extract_lane': extract(64, 64, false),
  'f32x4.extract_lane': extract(32, 32, false),
  'f64x2.extract_lane': extract(64, 64, false),
  'i8x16.replace_lane': replace(8),
  'i16x8.replace_lane': replace(16),
  'i32x4.replace_lane': replace(32),
  'i64x2.replace_lane': replace(64),
  'f32x4.replace_lane': replace(32),
  'f64x2.replace_lane': replace(64),

  ...vectors(INT_SHAPES, {
    ...masked(EQUALITY),
    ...ARITHMETIC,
    abs: (w, x) => u(w, s(w, x) < 0n ? -x : x),
    neg: (w, x) => u(w, -x),
  }),
  ...vectors(['i8x16', 'i16x8', 'i32x4'], {
    ...masked({ lt_u: COMPARISONS.lt_u, gt_u: COMPARISONS.gt_u }),
    min_s: (w, x, y) => (s(w, x) < s(w, y) ? x : y),
    max_s: (w, x, y) => (s(w, x) > s(w, y) ? x : y),
    min_u: (_w, x, y) => (COMPARISONS.lt_u(0, x, y) ? x : y),
    max_u: (_w, x, y) => (COMPARISONS.gt_u(0, x, y) ? x : y),
  }),
  ...vectors(['i16x8', 'i32x4', 'i64x2'], { mul }),
  ...vectors(SMALL, {
    add_sat_s: (w, x, y) => saturateS(w, s(w, x) + s(w, y)),
    add_sat_u: (w, x, y) => saturateU(w, x + y),
    sub_sat_s: (w, x, y) => saturateS(w, s(w, x) - s(w, y)),
    sub_sat_u: (w, x, y) => saturateU(w, x - y),
    avgr_u: (_w, x, y) => (x + y + 1n) >> 1n,
  }),
  ...vectors(['i8x16'], { popcnt: (_w, x) => ones(x) }),
  ...vectors(['i16x8'], { q15mulr_sat_s: (w, x, y) => saturateS(w, (s(w, x) * s(w, y) + 0x4000n) >> 15n) }),
  ...shifts(INT_SHAPES),
  ...vectors(FLOAT_SHAPES, { ...FLOAT, ...EXTREMES, ...masked(FLOAT_COMPARISONS) }),

  'v128.not': ([x]) => u(128, ~x),
  'v128.and': ([x, y]) => x & y,
  'v128.andnot': ([x, y]) => x & ~y,
  'v128.or': ([x, y]) => x | y,
  'v128.xor': ([x, y]) => x ^ y,
  'v128.bitselect': ([x, y, mask]) => (x & mask) | (y & ~mask),
  'v128.any_true': ([x]) => bit(x !== 0n),
  'i8x16.all_true': allTrue(8),
  'i16x8.all_true': allTrue(16),
  'i32x4.all_true': allTrue(32),
  'i64x2.all_true': allTrue(64),
  'i8x16.bitmask': bitmask(8),
  'i16x8.bitmask': bitmask(16),
  'i32x4.bitmask': bitmask(32),
  'i64x2.bitmask': bitmask(64),
  'i8x16.narrow_i16x8_s': narrow(16, saturateS),
  'i8x16.narrow_i16x8_u': narrow(16, saturateU),
  'i16x8.narrow_i32x4_s': narrow(32, saturateS),
  'i16x8.narrow_i32x4_u': narrow(32, saturateU),
  'i16x8.extadd_pairwise_i8x16_s': pairwise(8, true),
  'i16x8.extadd_pairwise_i8x16_u': pairwise(8, false),
  'i32x4.extadd_pairwise_i16x8_s': pairwise(16, true),
  'i32x4.extadd_pairwise_i16x8_u': pairwise(16, false),
  'i16x8.extend_low_i8x16_s': extend(8, false, true),
  'i16x8.extend_high_i8x16_s': extend(8, true, true),
  'i16x8.extend_low_i8x16_u': extend(8, false, false),
  'i16x8.extend_high_i8x16_u': extend(8, true, false),
  'i32x4.extend_low_i16x8_s': extend(16, false, true),
  'i32x4.extend_high_i16x8_s': extend(16, true, true),
  'i32x4.extend_low_i16x8_u': extend(16, false, false),
  'i32x4.extend_high_i16x8_u': extend(16, true, false),
  'i64x2.extend_low_i32x4_s': extend(32, false, true),
  'i64x2.extend_high_i32x4_s': extend(32, true, true),
  'i64x2.extend_low_i32x4_u': extend(32, false, false),
  'i64x2.extend_high_i32x4_u': extend(32, true, false),
  'i16x8.extmul_low_i8x16_s': extmul(8, false, true),
  'i16x8.extmul_high_i8x16_s': extmul(8, true, true),
  'i16x8.extmul_low_i8x16_u': extmul(8, false, false),
  'i16x8.extmul_high_i8x16_u': extmul(8, true, false),
  'i32x4.extmul_low_i16x8_s': extmul(16, false, true),
  'i32x4.extmul_high_i16x8_s': extmul(16, true, true),
  'i32x4.extmul_low_i16x8_u': extmul(16, false, false),
  'i32x4.extmul_high_i16x8_u': extmul(16, true, false),
  'i64x2.extmul_low_i32x4_s': extmul(32, false, true),
  'i64x2.extmul_high_i32x4_s': extmul(32, true, true),
  'i64x2.extmul_low_i32x4_u': extmul(32, false, false),
  'i64x2.extmul_high_i32x4_u': extmul(32, true, false),
  'i32x4.dot_i16x8_s': ([x, y]) => {
    const [p, q] = [x, y].map((v) => split(v, 16).map((lane) => s(16, lane)));
    return join(
      [0, 2, 4, 6].map((i) => p[i] * q[i] + p[i + 1] * q[i + 1]),
      32,
    );
  },
  'f32x4.demote_f64x2_zero': ([x]) =>
    join(
      split(x, 64).map((v) => fromFloat(32, toFloat(64, v))),
      32,
    ),
  'f64x2.promote_low_f32x4': ([x]) =>
    join(
      half(x, 32, false).map((v) => fromFloat(64, toFloat(32, v))),
      64,
    ),
  'i32x4.trunc_sat_f32x4_s': ([x]) =>
    join(
      split(x, 32).map((v) => truncate(32, 32, v)),
      32,
    ),
  'f32x4.convert_i32x4_s': ([x]) =>
    join(
      split(x, 32).map((v) => convert(32, s(32, v))),
      32,
    ),
  'i32x4.trunc_sat_f64x2_s_zero': ([x]) =>
    join(
      split(x, 64).map((v) => truncate(64, 32, v)),
      32,
    ),
  'f64x2.convert_low_i32x4_s': ([x]) =>
    join(
      half(x, 32, false).map((v) => convert(64, s(32, v))),
      64,
    ),
};
