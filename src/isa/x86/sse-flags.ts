/** How regions keep the exception flags of SSE operations: inline, without calls (V8 spills everything around one), and only what is common. What is odd is left to the interpreter. */
import type { Builder, Node } from '../../ir/builder.ts';
import type { SoftOp } from './soft-float.ts';
import { FLOAT, inexact, laneCount, negated, type Operation, PE, type Plan, part, planOf, type Size, type Type, UE, UNDECIDED } from './sse-exceptions.ts'; // biome-ignore format: one row

/** Bit patterns of a format: the smallest normal number, infinity, the quiet bit, and everything but the sign. */
const BITS = {
  32: { least: 0x0080_0000n, infinity: 0x7f80_0000n, quiet: 0x7fc0_0000n, magnitude: 0x7fff_ffffn },
  64: { least: 1n << 52n, infinity: 0x7ffn << 52n, quiet: 0xfff8n << 47n, magnitude: (1n << 63n) - 1n },
};

/** The magnitudes of floats as integers, one or a vector of them, and tests that give a mask: 0 or 1, or lanes of ones. */
abstract class Magnitudes {
  protected readonly b: Builder;
  readonly size: Size;
  abstract readonly v: Node;
  constructor(b: Builder, size: Size) {
    this.b = b;
    this.size = size;
  }
  /** low ≤ v < high */
  abstract between(low: bigint, high: bigint): Node;
  /** A number whose sign bits (each lane's) tell that the float is not normal: below, above. */
  abstract readonly below: Node;
  abstract readonly above: Node;
  abstract or(p: Node, q: Node): Node;
  abstract and(p: Node, q: Node): Node;
  get denormal(): Node {
    return this.between(1n, BITS[this.size].least);
  }
  get zero(): Node {
    return this.between(0n, 1n);
  }
  get notZero(): Node {
    return this.between(1n, BITS[this.size].magnitude);
  }
  /** The least normal number: rounded up to it, a result may have been tiny or not. */
  get least(): Node {
    return this.between(BITS[this.size].least, BITS[this.size].least + 1n);
  }
  get tiny(): Node {
    return this.between(0n, BITS[this.size].least);
  }
  get infiniteOrNan(): Node {
    return this.between(BITS[this.size].infinity, BITS[this.size].magnitude + 1n);
  }
  get nan(): Node {
    return this.between(BITS[this.size].infinity + 1n, BITS[this.size].magnitude + 1n);
  }
  get signalling(): Node {
    return this.between(BITS[this.size].infinity + 1n, BITS[this.size].quiet);
  }
}

class Scalar extends Magnitudes {
  readonly v: Node;
  constructor(b: Builder, size: Size, x: Node) {
    super(b, size);
    this.v =
      size === 32
        ? b.and(b.op('i32.reinterpret_f32', x), 0x7fff_ffff)
        : b.and(b.op('i64.reinterpret_f64', x), b.i64(BITS[64].magnitude));
  }
  get #exponent(): Node {
    const { b } = this;
    return this.size === 32 ? b.shrU(this.v, 23) : b.wrap(b.shrU(this.v, 52));
  }
  get below(): Node {
    return this.b.sub(this.#exponent, 1);
  }
  get above(): Node {
    return this.b.sub(this.b.i32(this.size === 32 ? 0xfe : 0x7fe), this.#exponent);
  }
  between(low: bigint, high: bigint): Node {
    const { b } = this;
    const constant = (c: bigint) => (this.size === 32 ? b.i32(Number(c)) : b.i64(c));
    return b.ltU(low === 0n ? this.v : b.sub(this.v, constant(low)), constant(high - low));
  }
  or(p: Node, q: Node): Node {
    return this.b.or(p, q);
  }
  and(p: Node, q: Node): Node {
    return this.b.and(p, q);
  }
}

class Vector extends Magnitudes {
  readonly v: Node;
  constructor(b: Builder, size: Size, x: Node) {
    super(b, size);
    this.v = b.op('v128.and', x, this.#splat(BITS[size].magnitude));
  }
  get below(): Node {
    const { b, size } = this;
    return b.op(size === 32 ? 'i32x4.sub' : 'i64x2.sub', this.v, this.#splat(BITS[size].least));
  }
  get above(): Node {
    const { b, size } = this;
    return b.op(size === 32 ? 'i32x4.sub' : 'i64x2.sub', this.#splat(BITS[size].infinity - 1n), this.v);
  }
  #splat(c: bigint): Node {
    return this.b.v128Splat64(this.size === 32 ? c | (c << 32n) : c);
  }
  between(low: bigint, high: bigint): Node {
    const { b } = this;
    const lanes = this.size === 32 ? 'i32x4' : 'i64x2';
    // Magnitudes have no sign, so signed comparisons serve.
    const above = low === 0n ? undefined : b.op(`${lanes}.gt_s`, this.v, this.#splat(low - 1n));
    const below = high > BITS[this.size].magnitude ? undefined : b.op(`${lanes}.lt_s`, this.v, this.#splat(high));
    if (!above) return below!;
    return below ? b.op('v128.and', above, below) : above;
  }
  or(p: Node, q: Node): Node {
    return this.b.op('v128.or', p, q);
  }
  and(p: Node, q: Node): Node {
    return this.b.op('v128.and', p, q);
  }
}

/** Sign bits that tell whether an operand or the result is anything but a normal number: quick, and most are. */
function unusual(plan: Plan, x: Magnitudes, y: Magnitudes, r: Magnitudes): Node {
  switch (plan.kind) {
    case 'compare':
    case 'compareQ':
      return x.or(x.or(x.below, y.below), x.or(x.above, y.above));
    case 'signalling':
    case 'round':
      return x.above;
    case 'sqrt':
      return x.or(x.below, r.above);
    default:
      return x.or(x.or(x.below, y.below), r.or(r.below, r.above));
  }
}

/** What the interpreter must look at, as a mask of m's kind; nothing for conversions from integers. */
function odd(plan: Plan, x: Magnitudes, y: Magnitudes, r: Magnitudes): Node {
  switch (plan.kind) {
    case 'compare':
      return x.or(x.or(x.nan, y.nan), x.or(x.denormal, y.denormal));
    case 'compareQ':
      return x.or(x.or(x.signalling, y.signalling), x.or(x.denormal, y.denormal));
    case 'signalling':
      return x.signalling;
    case 'round':
      return x.nan;
    case 'add':
      return r.or(r.infiniteOrNan, x.or(x.denormal, y.denormal));
    case 'sqrt':
      return r.or(r.infiniteOrNan, x.denormal);
    default: {
      // Of tiny quotients of doubles inexactness is hard to tell, unless zero was divided; divided by infinity they are exact.
      let tiny = plan.kind === 'div' && r.size === 64 ? r.and(x.notZero, r.or(r.tiny, r.least)) : r.least;
      if (plan.kind === 'div') tiny = r.or(tiny, y.infiniteOrNan);
      return x.or(x.or(x.denormal, y.denormal), r.or(r.infiniteOrNan, tiny));
    }
  }
}

/** One lane of a conversion: what the interpreter must look at, and whether it was inexact. */
function conversion(b: Builder, from: Type, to: Type, x: Node, r: Node): { odd: Node; raised: Node } {
  const none = b.i32(0);
  const inexact = (condition: Node) => b.shl(condition, 5);
  if (from === 'i32' || from === 'i64') {
    const back = b.op(`i64.trunc_sat_${to as 'f32' | 'f64'}_s`, r);
    return { odd: none, raised: inexact(b.or(b.ne(back, b.extendS(x)), b.eq(back, b.i64((1n << 63n) - 1n)))) };
  }
  const size = from === 'f32' ? 32 : 64;
  const wide = size === 32 ? b.op('f64.promote_f32', x) : x;
  if (to === 'i32' || to === 'i64') {
    // The least integer stands for what does not fit.
    const least = to === 'i32' ? b.i32(0x8000_0000) : b.i64(-(1n << 63n));
    return { odd: b.eq(r, least), raised: inexact(b.op('f64.ne', b.op(`f64.convert_${to}_s`, r), wide)) };
  }
  const source = new Scalar(b, size, x);
  if (to === 'f64') return { odd: b.or(source.signalling, source.denormal), raised: none };
  const result = new Scalar(b, 32, r);
  return {
    odd: b.or(source.denormal, b.or(result.infiniteOrNan, result.least)),
    raised: roundingFlags(b, b.op('f64.ne', b.op('f64.promote_f32', r), x), result),
  };
}

/** PE of an inexact result, and UE of one that is also tiny. */
const roundingFlags = (b: Builder, inexact: Node, r: Magnitudes): Node =>
  b.select(inexact, b.select(r.tiny, b.i32(UE | PE), b.i32(PE)), b.i32(0));

/** What one lane raises where nothing is odd. */
function laneRaised(b: Builder, { kind, from }: Plan, x: Node, y: Node, r: Node): Node {
  const wide = (v: Node) => (from === 'f32' ? b.op('f64.promote_f32', v) : v);
  if (kind === 'round') return b.shl(b.op(`${from as 'f32' | 'f64'}.ne`, x, r), 5);
  const size = from === 'f32' ? 32 : 64;
  const found = inexact(b, size, kind as Operation, wide(x), wide(y), wide(r));
  if (kind === 'add') return b.shl(found, 5);
  // What is made of zero is exact.
  const zero =
    kind === 'mul' ? b.or(new Scalar(b, size, x).zero, new Scalar(b, size, y).zero) : new Scalar(b, size, x).zero;
  return roundingFlags(b, b.and(found, b.eqz(zero)), new Scalar(b, size, r));
}

/** For an operation with result r under the default modes: whether the interpreter must do it (i32), and what it raises if not. Undefined: it always must. */
export function keepFlags(
  b: Builder,
  op: SoftOp,
  argument: number,
  mxcsr: Node,
  x: Node,
  y: Node,
  r: Node,
): { odd: Node; raised: Node } | undefined {
  const plan = planOf(op, argument);
  if (!plan) return undefined;
  const { kind, wants, from, to } = plan;
  const count = laneCount(plan, argument);
  const lanes = Array.from({ length: count }, (_, i) => ({
    x: part(b, x, from, i),
    y: wants.includes('y') ? negated(b, plan, part(b, y, from, i), i) : x,
    r: wants.includes('r') ? part(b, r, to, i) : x,
  }));
  const any = (list: Node[]) => list.reduce((p, q) => b.or(p, q));
  if (kind === 'convert') {
    const parts = lanes.map((l) => conversion(b, from, to, l.x, l.r));
    return { odd: any(parts.map((p) => p.odd)), raised: any(parts.map((p) => p.raised)) };
  }
  const size: Size = from === FLOAT[32] ? 32 : 64;
  const rounds = kind !== 'compare' && kind !== 'compareQ' && kind !== 'signalling';
  const whole = count > 1 && x.type === 'v128';
  const test = (f: Test): Node =>
    whole
      ? apply(f, plan, (v) => new Vector(b, size, v), x, y, r)
      : any(lanes.map((l) => apply(f, plan, (v) => new Scalar(b, size, v), l.x, l.y, l.r)));
  const signs = whole
    ? b.op(size === 32 ? 'i32x4.bitmask' : 'i64x2.bitmask', test(unusual))
    : b.shrU(test(unusual), 31);
  const look = rounds ? b.or(signs, b.eqz(b.and(mxcsr, PE))) : signs;
  const mask = test(odd);
  const isOdd = whole ? b.op('v128.any_true', mask) : mask;
  const found = rounds ? any(lanes.map((l) => laneRaised(b, plan, l.x, l.y, l.r))) : b.i32(0);
  const raised = b.ifElse(look, b.select(isOdd, b.i32(UNDECIDED), found), b.i32(0));
  return { odd: b.ltS(raised, 0), raised };
}

type Test = (plan: Plan, x: Magnitudes, y: Magnitudes, r: Magnitudes) => Node;

/** A test over the operands that the operation has. */
function apply(f: Test, plan: Plan, of: (v: Node) => Magnitudes, x: Node, y: Node, r: Node): Node {
  const { wants } = plan;
  const mx = of(x);
  return f(plan, mx, wants.includes('y') && y !== x ? of(y) : mx, wants.includes('r') ? of(r) : mx);
}
