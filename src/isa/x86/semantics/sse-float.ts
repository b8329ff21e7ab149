/** Meaning of the floating-point instructions in rows/sse-float.ts. */
import type { Node } from '../../../ir/builder.ts';
import type { OpName } from '../../../ir/ops.ts';
import type { Operand, X86Builder } from '../builder.ts';
import type { SSE_FLOAT_ROWS } from '../rows/sse-float.ts';
import { SOFT_QUIET, SOFT_SCALAR, type SoftOp } from '../soft-float.ts';
import type { Semantics } from './alu.ts';
import {
  fixed,
  fixNan,
  fixScalarNan,
  lanes,
  ones,
  packed,
  partial,
  rounded,
  roundedTo,
  softly,
  splat32,
  vector,
  zero,
} from './vector.ts';

type Size = 32 | 64;
const FLOAT = { 32: 'f32', 64: 'f64' } as const;
const LANES = { 32: 'f32x4', 64: 'f64x2' } as const;
const LETTER = { 32: 's', 64: 'd' } as const;

type Arithmetic = 'add' | 'sub' | 'mul' | 'div';

const packedArithmetic =
  (name: Arithmetic, size: Size): Semantics =>
  (b, dst, src) => {
    const [x, y] = [dst.read('v128'), vector(b, src)];
    const r = fixNan(b, size, x, y, b.op(`${LANES[size]}.${name}`, x, y));
    roundedTo(b, dst, 'v128', `${name}p${LETTER[size]}`, x, y, r);
  };
const scalarArithmetic =
  (name: Arithmetic, size: Size): Semantics =>
  (b, dst, src) => {
    const access = FLOAT[size];
    const [x, y] = [dst.read(access), src.read(access)];
    const r = fixScalarNan(b, size, x, y, b.op(`${access}.${name}`, x, y));
    roundedTo(b, dst, access, `${name}p${LETTER[size]}`, x, y, r);
  };

type Four<M extends string> = Record<`${M}ps` | `${M}pd` | `${M}ss` | `${M}sd`, Semantics>;
const four = <const M extends string>(
  name: M,
  whole: (size: Size) => Semantics,
  scalar: (size: Size) => Semantics,
): Four<M> =>
  ({
    [`${name}ps`]: whole(32),
    [`${name}pd`]: whole(64),
    [`${name}ss`]: scalar(32),
    [`${name}sd`]: scalar(64),
  }) as Four<M>;
const arithmetic = <const M extends Arithmetic>(name: M): Four<M> =>
  four(
    name,
    (size) => packedArithmetic(name, size),
    (size) => scalarArithmetic(name, size),
  );

const packedRoot =
  (size: Size): Semantics =>
  (b, dst, src) => {
    const x = vector(b, src);
    roundedTo(b, dst, 'v128', `sqrtp${LETTER[size]}`, x, x, fixNan(b, size, x, x, b.op(`${LANES[size]}.sqrt`, x)));
  };
const scalarRoot =
  (size: Size): Semantics =>
  (b, dst, src) => {
    const access = FLOAT[size];
    const x = src.read(access);
    roundedTo(b, dst, access, `sqrtp${LETTER[size]}`, x, x, fixScalarNan(b, size, x, x, b.op(`${access}.sqrt`, x)));
  };

/** Scalar operand in the low lane of a vector. */
const lowLane = (o: Operand, size: Size): Node => o.read(o.isMemory ? (size === 64 ? 'v64' : 'v32') : 'v128');
const extract = (b: X86Builder, v: Node, size: Size): Node => b.op(`${LANES[size]}.extract_lane`, v, 0);

/** MINPS and its kin give the second operand unless the first is strictly less (greater): wasm's pmin and pmax with the operands exchanged. */
const extreme = <const M extends 'min' | 'max'>(name: M): Four<M> => {
  const compute = (b: X86Builder, size: Size, x: Node, y: Node) => b.op(`${LANES[size]}.p${name}` as OpName, y, x);
  return four(
    name,
    (size) => (b, dst, src) => {
      const [x, y] = [dst.read('v128'), vector(b, src)];
      roundedTo(b, dst, 'v128', `${name}p${LETTER[size]}` as SoftOp, x, y, compute(b, size, x, y));
    },
    (size) => (b, dst, src) => {
      const [x, y] = [dst.read('v128'), lowLane(src, size)];
      roundedTo(
        b,
        dst,
        FLOAT[size],
        `${name}p${LETTER[size]}` as SoftOp,
        x,
        y,
        extract(b, compute(b, size, x, y), size),
      );
    },
  );
};

const logic = (name: OpName, swap = false): Semantics =>
  packed((b, x, y) => (swap ? b.op(name, y, x) : b.op(name, x, y)));

/** Denormals to zero, keeping the sign. */
const flush = (b: X86Builder, v: Node): Node => {
  const tiny = b.op('f32x4.lt', b.op('f32x4.abs', v), splat32(b, 0x0080_0000));
  return b.op('v128.bitselect', b.op('v128.and', v, splat32(b, 0x8000_0000)), v, tiny);
};
/** RCPPS and RSQRTPS promise 12 bits and differ between vendors: we give all 24. Denormals count as zero, going in and coming out. */
const approximate =
  (of: (b: X86Builder, x: Node) => Node, whole: boolean): Semantics =>
  (b, dst, src) => {
    const x = whole ? vector(b, src) : lowLane(src, 32);
    const r = flush(b, b.op('f32x4.div', splat32(b, 0x3f80_0000), of(b, flush(b, x))));
    const v = fixNan(b, 32, x, x, r);
    if (whole) dst.write('v128', v);
    else dst.write('f32', extract(b, v, 32));
  };
const reciprocal = (whole: boolean): Semantics => approximate((_b, x) => x, whole);
const reciprocalRoot = (whole: boolean): Semantics => approximate((b, x) => b.op('f32x4.sqrt', x), whole);

/** Every other lane of both operands. */
const everyOther = (b: X86Builder, size: Size, x: Node, y: Node, odd: number): Node =>
  lanes(b, x, y, size / 8, size === 32 ? [odd, 2 + odd, 4 + odd, 6 + odd] : [odd, 2 + odd]);
const horizontal =
  (name: 'add' | 'sub', size: Size): Semantics =>
  (b, dst, src) => {
    const [x, y] = [dst.read('v128'), vector(b, src)];
    const [even, odd] = [everyOther(b, size, x, y, 0), everyOther(b, size, x, y, 1)];
    const r = fixNan(b, size, even, odd, b.op(`${LANES[size]}.${name}`, even, odd));
    roundedTo(b, dst, 'v128', `${name}p${LETTER[size]}`, even, odd, r);
  };

/** Subtract in the even lanes, add in the odd ones: both, and a blend, since a negated operand would show in a NaN. */
const addsub =
  (size: Size): Semantics =>
  (b, dst, src) => {
    const [x, y, l] = [dst.read('v128'), vector(b, src), LANES[size]];
    const picks = size === 32 ? [0, 5, 2, 7] : [0, 3];
    const r = lanes(b, b.op(`${l}.sub`, x, y), b.op(`${l}.add`, x, y), size / 8, picks);
    roundedTo(b, dst, 'v128', `addsubp${LETTER[size]}`, x, y, fixNan(b, size, x, y, r));
  };

/** DPPS, DPPD: products of the lanes that bits 7:4 name, summed in pairs, to the lanes that bits 3:0 name. */
const dot =
  (size: Size): Semantics =>
  (b, dst, src, imm) => {
    const [x, y, i] = [dst.read('v128'), vector(b, src), fixed(imm)];
    const add = (p: Node, q: Node) => fixNan(b, size, p, q, b.op(`${LANES[size]}.add`, p, q));
    const n = 128 / size;
    const keep = (v: Node, mask: number) =>
      lanes(
        b,
        v,
        zero(b),
        size / 8,
        Array.from({ length: n }, (_, k) => (mask & (1 << k) ? k : n)),
      );
    const product = keep(fixNan(b, size, x, y, b.op(`${LANES[size]}.mul`, x, y)), i >> 4);
    let sum: Node;
    if (size === 64) sum = add(lanes(b, product, product, 8, [0, 0]), lanes(b, product, product, 8, [1, 1]));
    else {
      const pairs = add(lanes(b, product, product, 4, [0, 0, 2, 2]), lanes(b, product, product, 4, [1, 1, 3, 3]));
      sum = add(lanes(b, pairs, pairs, 4, [0, 0, 0, 0]), lanes(b, pairs, pairs, 4, [2, 2, 2, 2]));
    }
    roundedTo(b, dst, 'v128', `dpp${LETTER[size]}`, x, y, keep(sum, i & 15), i);
  };

/** Predicates 0–3, and 4–7 their negations, as all ones or zeros. Bits beyond are ignored without VEX. */
function compared(b: X86Builder, size: Size, predicate: number, x: Node, y: Node): Node {
  const l = LANES[size];
  const positive = () => {
    switch (predicate & 3) {
      case 0:
        return b.op(`${l}.eq`, x, y);
      case 1:
        return b.op(`${l}.lt`, x, y);
      case 2:
        return b.op(`${l}.le`, x, y);
      default:
        return b.op('v128.or', b.op(`${l}.ne`, x, x), b.op(`${l}.ne`, y, y));
    }
  };
  if (predicate === 4) return b.op(`${l}.ne`, x, y);
  return predicate & 4 ? b.op('v128.not', positive()) : positive();
}
const packedCompare =
  (size: Size): Semantics =>
  (b, dst, src, imm) => {
    const [x, y, p] = [dst.read('v128'), vector(b, src), fixed(imm) & 7];
    roundedTo(b, dst, 'v128', `cmpp${LETTER[size]}`, x, y, compared(b, size, p, x, y), p);
  };
const scalarCompare =
  (size: Size): Semantics =>
  (b, dst, src, imm) => {
    const [x, y, p] = [dst.read('v128'), lowLane(src, size), fixed(imm) & 7];
    roundedTo(b, dst, FLOAT[size], `cmpp${LETTER[size]}`, x, y, extract(b, compared(b, size, p, x, y), size), p);
  };

/** (U)COMISS, (U)COMISD: ZF, PF, CF all set where unordered; they differ in which NaNs are invalid. */
const orderedCompare =
  (size: Size, quietly: number): Semantics =>
  (b, dst, src) => {
    const f = FLOAT[size];
    const [x, y] = [dst.read(f), src.read(f)];
    const soft = (low: Node) => b.flags.setAll(b.wrap(low));
    softly(b, `comis${LETTER[size]}`, SOFT_SCALAR | quietly, x, y, x, () => b.flags.compare(x, y), soft);
  };

const constant = (b: X86Builder, size: Size, bits: number | bigint): Node =>
  size === 32 ? b.op('f32.reinterpret_i32', b.i32(Number(bits))) : b.op('f64.reinterpret_i64', b.i64(bits));
/** 2^31 and 2^63 as float and double. */
const LIMIT = {
  32: { 32: 0x4f00_0000, 64: 0x5f00_0000 },
  64: { 32: 0x41e0_0000_0000_0000n, 64: 0x43e0_0000_0000_0000n },
};

/** To a general register. What does not fit, and NaN, gives the most negative integer: saturation does that below, the test above. */
const toRegister =
  (size: Size, truncate: boolean): Semantics =>
  (b, dst, src) => {
    const f = FLOAT[size];
    const x = src.read(f);
    const width = dst.width === 64 ? 64 : 32;
    const whole = truncate ? x : b.op(`${f}.nearest`, x);
    const saturated = b.op(`i${width}.trunc_sat_${f}_s`, whole);
    const fits = b.op(`${f}.lt`, whole, constant(b, size, LIMIT[size][width]));
    const fast = b.select(fits, saturated, width === 64 ? b.i64(-(1n << 63n)) : b.i32(0x8000_0000));
    const name = `cvt${truncate ? 't' : ''}s${LETTER[size]}2si` as const;
    rounded(
      b,
      name,
      (width === 64 ? 1 : 0) | SOFT_SCALAR,
      x,
      x,
      fast,
      (v) => dst.set(v),
      (low) => b.toWidth(low, width),
    );
  };

/** Packed floats or doubles to doublewords; two doubles leave the upper half zero. */
export function toInt(b: X86Builder, size: Size, x: Node, truncate: boolean): Node {
  const l = LANES[size];
  const whole = truncate ? x : b.op(`${l}.nearest`, x);
  const limit = size === 32 ? splat32(b, 0x4f00_0000) : b.v128Splat64(0x41e0_0000_0000_0000n);
  const fits = b.op(`${l}.lt`, whole, limit);
  const least = splat32(b, 0x8000_0000);
  if (size === 32) return b.op('v128.bitselect', b.op('i32x4.trunc_sat_f32x4_s', whole), least, fits);
  return b.op(
    'v128.bitselect',
    b.op('i32x4.trunc_sat_f64x2_s_zero', whole),
    least,
    lanes(b, fits, ones(b), 4, [0, 2, 4, 4]),
  );
}
const packedToInt =
  (size: Size, truncate: boolean): Semantics =>
  (b, dst, src) => {
    const x = vector(b, src);
    roundedTo(b, dst, 'v128', `cvt${truncate ? 't' : ''}p${LETTER[size]}2dq`, x, x, toInt(b, size, x, truncate));
  };

const ROUND = ['nearest', 'floor', 'ceil', 'trunc'] as const;
/** Bit 2 of the immediate: round as MXCSR says. */
const roundMode = (imm: number): (typeof ROUND)[number] => (imm & 4 ? 'nearest' : ROUND[imm & 3]);
const packedRound =
  (size: Size): Semantics =>
  (b, dst, src, imm) => {
    const [x, i] = [vector(b, src), fixed(imm)];
    roundedTo(
      b,
      dst,
      'v128',
      `roundp${LETTER[size]}`,
      x,
      x,
      fixNan(b, size, x, x, b.op(`${LANES[size]}.${roundMode(i)}`, x)),
      i,
    );
  };
const scalarRound =
  (size: Size): Semantics =>
  (b, dst, src, imm) => {
    const f = FLOAT[size];
    const [x, i] = [src.read(f), fixed(imm)];
    roundedTo(
      b,
      dst,
      f,
      `roundp${LETTER[size]}`,
      x,
      x,
      fixScalarNan(b, size, x, x, b.op(`${f}.${roundMode(i)}`, x)),
      i,
    );
  };

/** A converted NaN keeps sign and the top of its payload. */
const nanIf = (b: X86Builder, some: Node, fixed: Node, r: Node): Node =>
  b.nansAreNative ? r : b.ifElse(some, fixed, r);

export const sseFloatSemantics = (): Record<(typeof SSE_FLOAT_ROWS)[number]['mnemonic'], Semantics> => ({
  ...arithmetic('add'),
  ...arithmetic('sub'),
  ...arithmetic('mul'),
  ...arithmetic('div'),
  ...four('sqrt', packedRoot, scalarRoot),
  ...extreme('min'),
  ...extreme('max'),
  andps: logic('v128.and'),
  andpd: logic('v128.and'),
  andnps: logic('v128.andnot', true),
  andnpd: logic('v128.andnot', true),
  orps: logic('v128.or'),
  orpd: logic('v128.or'),
  xorps: logic('v128.xor'),
  xorpd: logic('v128.xor'),
  rcpps: reciprocal(true),
  rcpss: reciprocal(false),
  rsqrtps: reciprocalRoot(true),
  rsqrtss: reciprocalRoot(false),
  haddps: horizontal('add', 32),
  haddpd: horizontal('add', 64),
  hsubps: horizontal('sub', 32),
  hsubpd: horizontal('sub', 64),
  addsubps: addsub(32),
  addsubpd: addsub(64),
  dpps: dot(32),
  dppd: dot(64),
  cmpps: packedCompare(32),
  cmppd: packedCompare(64),
  cmpss: scalarCompare(32),
  cmpsd: scalarCompare(64),
  ucomiss: orderedCompare(32, SOFT_QUIET),
  ucomisd: orderedCompare(64, SOFT_QUIET),
  comiss: orderedCompare(32, 0),
  comisd: orderedCompare(64, 0),
  roundps: packedRound(32),
  roundpd: packedRound(64),
  roundss: scalarRound(32),
  roundsd: scalarRound(64),
  cvtsi2ss(b, dst, src) {
    const x = src.get();
    roundedTo(
      b,
      dst,
      'f32',
      x.type === 'i64' ? 'cvtsi642ss' : 'cvtdq2ps',
      x,
      x,
      b.op(`f32.convert_${x.type as 'i32' | 'i64'}_s`, x),
    );
  },
  cvtsi2sd(b, dst, src) {
    const x = src.get();
    if (x.type === 'i64') roundedTo(b, dst, 'f64', 'cvtsi642sd', x, x, b.op('f64.convert_i64_s', x));
    else dst.write('f64', b.op('f64.convert_i32_s', x)); // exact
  },
  cvtss2si: toRegister(32, false),
  cvtsd2si: toRegister(64, false),
  cvttss2si: toRegister(32, true),
  cvttsd2si: toRegister(64, true),
  cvtss2sd(b, dst, src) {
    const x = src.read('f32');
    const r = b.op('f64.promote_f32', x);
    roundedTo(b, dst, 'f64', 'cvtps2pd', x, x, nanIf(b, b.op('f32.ne', x, x), b.call('wideNan', 'f64', x), r));
  },
  cvtsd2ss(b, dst, src) {
    const x = src.read('f64');
    const r = b.op('f32.demote_f64', x);
    roundedTo(b, dst, 'f32', 'cvtpd2ps', x, x, nanIf(b, b.op('f64.ne', x, x), b.call('narrowNan', 'f32', x), r));
  },
  cvtps2pd(b, dst, src) {
    const x = partial(b, src);
    const r = b.op('f64x2.promote_low_f32x4', x);
    const some = b.op('v128.any_true', b.op('f64x2.ne', r, r));
    roundedTo(b, dst, 'v128', 'cvtps2pd', x, x, nanIf(b, some, b.call('wideNans', 'v128', x, r), r));
  },
  cvtpd2ps(b, dst, src) {
    const x = vector(b, src);
    const r = b.op('f32x4.demote_f64x2_zero', x);
    const some = b.op('v128.any_true', b.op('f32x4.ne', r, r));
    roundedTo(b, dst, 'v128', 'cvtpd2ps', x, x, nanIf(b, some, b.call('narrowNans', 'v128', x, r), r));
  },
  cvtdq2ps(b, dst, src) {
    const x = vector(b, src);
    roundedTo(b, dst, 'v128', 'cvtdq2ps', x, x, b.op('f32x4.convert_i32x4_s', x));
  },
  cvtdq2pd(b, dst, src) {
    dst.write('v128', b.op('f64x2.convert_low_i32x4_s', partial(b, src)));
  },
  cvtps2dq: packedToInt(32, false),
  cvttps2dq: packedToInt(32, true),
  cvtpd2dq: packedToInt(64, false),
  cvttpd2dq: packedToInt(64, true),
});
