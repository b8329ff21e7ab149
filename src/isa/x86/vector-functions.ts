/** Internal wasm functions of the vector instructions: which NaN an operation gives, and the comparison at the heart of PCMPESTRI and its kin. */
import type { Builder, Node } from '../../ir/builder.ts';
import type { InternalFunction } from '../isa.ts';

const bytes = (f: (i: number) => number): number[] => Array.from({ length: 16 }, (_, i) => f(i));
const splat32 = (b: Builder, v: number): Node => b.v128(bytes((i) => (v >>> ((i & 3) * 8)) & 0xff));
const QUIET = 0x0008_0000_0000_0000n;
const INDEFINITE = -0x0008_0000_0000_0000n;

/** In each lane: the first NaN operand, quieted; else the default NaN where the result is one; else the result. */
function nans(b: Builder, size: 32 | 64, x: Node, y: Node, r: Node): Node {
  const isNan = (v: Node) => b.op(size === 32 ? 'f32x4.ne' : 'f64x2.ne', v, v);
  const constant = (v32: number, v64: bigint) => (size === 32 ? splat32(b, v32) : b.v128Splat64(v64));
  const quiet = (v: Node) => b.op('v128.or', v, constant(0x0040_0000, QUIET));
  const own = b.op('v128.bitselect', constant(0xffc0_0000, INDEFINITE), r, isNan(r));
  const second = b.op('v128.bitselect', quiet(y), own, isNan(y));
  return b.op('v128.bitselect', quiet(x), second, isNan(x));
}

/** The same for a scalar result known to be NaN. */
function nan(b: Builder, size: 32 | 64, x: Node, y: Node): Node {
  const [f, i] = size === 32 ? (['f32', 'i32'] as const) : (['f64', 'i64'] as const);
  const bits = (v: Node) => b.op(size === 32 ? 'i32.reinterpret_f32' : 'i64.reinterpret_f64', v);
  const constant = (v32: number, v64: bigint) => (size === 32 ? b.i32(v32) : b.i64(v64));
  const quiet = (v: Node) => b.op(`${i}.or`, bits(v), constant(0x0040_0000, QUIET));
  const second = b.select(b.op(`${f}.ne`, y, y), quiet(y), constant(0xffc0_0000, INDEFINITE));
  const r = b.select(b.op(`${f}.ne`, x, x), quiet(x), second);
  return b.op(size === 32 ? 'f32.reinterpret_i32' : 'f64.reinterpret_i64', r);
}

/** A NaN of 32 bits (in an i64) widened: sign, quiet bit, payload at the top. */
const widen = (b: Builder, v: Node): Node =>
  b.or(b.or(b.shl(b.and(v, 0x8000_0000), 32), b.shl(b.and(v, 0x007f_ffff), 29)), b.i64(0x7ff8_0000_0000_0000n));
const narrow = (b: Builder, v: Node): Node =>
  b.or(b.or(b.and(b.shrU(v, 32), 0x8000_0000), b.and(b.shrU(v, 29), 0x003f_ffff)), b.i64(0x7fc0_0000));

/** In each half: the widened operand where it is NaN, else the result. */
function widenLanes(b: Builder, x: Node, r: Node): Node {
  const part = (n: 0 | 1) => widen(b, b.extendU(b.op('i32x4.extract_lane', x, n)));
  const all = b.op('i64x2.replace_lane', b.op('i64x2.splat', part(0)), part(1), 1);
  return b.op('v128.bitselect', all, r, b.op('f64x2.ne', r, r));
}
function narrowLanes(b: Builder, x: Node, r: Node): Node {
  const part = (n: 0 | 1) => b.wrap(narrow(b, b.op('i64x2.extract_lane', x, n)));
  const all = b.op('i32x4.replace_lane', b.op('i32x4.splat', part(0)), part(1), 1);
  return b.op('v128.bitselect', all, r, b.op('f32x4.ne', r, r));
}

export type Aggregation = 'any' | 'ranges' | 'each' | 'ordered';
export const AGGREGATIONS: readonly Aggregation[] = ['any', 'ranges', 'each', 'ordered'];

/** First `n` bits set. */
const below = (b: Builder, n: Node): Node => b.sub(b.shl(b.i32(1), n), 1);

/**
 * IntRes1 of a string comparison, one bit for each element of y: x is the first operand (set, ranges, or the string sought), y the second,
 * nx and ny their lengths in elements. Elements beyond a string's end never match, except as the manual's table 4-8 overrides.
 */
function compareStrings(
  b: Builder,
  how: Aggregation,
  wide: boolean,
  signed: boolean,
  x: Node,
  y: Node,
  nx: Node,
  ny: Node,
): Node {
  const n = wide ? 8 : 16;
  const lane = wide ? 'i16x8' : 'i8x16';
  const all = (1 << n) - 1;
  const [vx, vy] = [below(b, nx), below(b, ny)];
  const element = (i: number) =>
    b.shuffle(
      x,
      x,
      bytes((k) => (wide ? i * 2 + (k & 1) : i)),
    );
  const valid = (mask: Node, i: number) => b.and(b.shrU(mask, i), 1);
  let r: Node = b.i32(how === 'ordered' ? all : 0);
  switch (how) {
    case 'any':
      for (let i = 0; i < n; i++)
        r = b.or(r, b.and(b.op(`${lane}.bitmask`, b.op(`${lane}.eq`, y, element(i))), b.sub(b.i32(0), valid(vx, i))));
      return b.and(r, vy);
    case 'ranges':
      for (let i = 0; i < n; i += 2) {
        const s = signed ? 's' : 'u';
        const [low, high] = [element(i), element(i + 1)];
        const outside = b.op('v128.or', b.op(`${lane}.lt_${s}`, y, low), b.op(`${lane}.gt_${s}`, y, high));
        const inside = b.xor(b.op(`${lane}.bitmask`, outside), -1);
        r = b.or(r, b.and(inside, b.sub(b.i32(0), valid(vx, i + 1))));
      }
      return b.and(r, vy);
    case 'each': {
      const equal = b.op(`${lane}.bitmask`, b.op(`${lane}.eq`, x, y));
      const bothEnded = b.xor(b.or(vx, vy), all);
      return b.or(b.and(equal, b.and(vx, vy)), bothEnded);
    }
    default:
      for (let i = 0; i < n; i++) {
        const equal = b.and(b.op(`${lane}.bitmask`, b.op(`${lane}.eq`, y, element(i))), vy);
        // Positions whose counterpart lies beyond the vector are not asked; nor is what lies beyond x's end.
        const free = b.or(b.i32(all & ~(all >> i)), b.sub(valid(vx, i), 1));
        r = b.and(r, b.or(b.shrU(equal, i), free));
      }
      return b.and(r, all);
  }
}

export const compareName = (how: Aggregation, wide: boolean, signed: boolean): string =>
  `strings.${how}${wide ? 16 : 8}${how === 'ranges' && signed ? 's' : ''}`;

function stringFunctions(): Record<string, InternalFunction> {
  const all: Record<string, InternalFunction> = {};
  for (const how of AGGREGATIONS)
    for (const wide of [false, true])
      for (const signed of how === 'ranges' ? [false, true] : [false])
        all[compareName(how, wide, signed)] = {
          params: ['v128', 'v128', 'i32', 'i32'],
          result: 'i32',
          build: (b, _choice, x, y, nx, ny) => compareStrings(b, how, wide, signed, x, y, nx, ny),
        };
  return all;
}

export const vectorFunctions = (): Record<string, InternalFunction> => ({
  nans32: { params: ['v128', 'v128', 'v128'], result: 'v128', build: (b, _c, x, y, r) => nans(b, 32, x, y, r) },
  nans64: { params: ['v128', 'v128', 'v128'], result: 'v128', build: (b, _c, x, y, r) => nans(b, 64, x, y, r) },
  nan32: { params: ['f32', 'f32'], result: 'f32', build: (b, _c, x, y) => nan(b, 32, x, y) },
  nan64: { params: ['f64', 'f64'], result: 'f64', build: (b, _c, x, y) => nan(b, 64, x, y) },
  wideNan: {
    params: ['f32'],
    result: 'f64',
    build: (b, _c, x) => b.op('f64.reinterpret_i64', widen(b, b.extendU(b.op('i32.reinterpret_f32', x)))),
  },
  narrowNan: {
    params: ['f64'],
    result: 'f32',
    build: (b, _c, x) => b.op('f32.reinterpret_i32', b.wrap(narrow(b, b.op('i64.reinterpret_f64', x)))),
  },
  wideNans: { params: ['v128', 'v128'], result: 'v128', build: (b, _c, x, r) => widenLanes(b, x, r) },
  narrowNans: { params: ['v128', 'v128'], result: 'v128', build: (b, _c, x, r) => narrowLanes(b, x, r) },
  ...stringFunctions(),
});
