/** Vocabulary of the vector instructions: aligned memory operands, MMX operations by way of vectors, shuffles by lanes, results that depend on MXCSR. */
import { EXIT_RESTART, EXIT_SIMD } from '../../../engine/exits.ts';
import { Builder, type Node } from '../../../ir/builder.ts';
import type { Access } from '../../../ir/ops.ts';
import type { Operand, X86Builder } from '../builder.ts';
import { Memory } from '../operands.ts';
import { MXCSR_SOFT, SOFT_HALF, SOFT_OPS, SOFT_SCALAR, type SoftOp } from '../soft-float.ts';
import { raisedBy } from '../sse-exceptions.ts';
import { keepFlags } from '../sse-flags.ts';
import { SCRATCH_OFFSET } from '../state.ts';
import type { Semantics } from './alu.ts';

/** A vector operation over two v128 values. */
export type VectorOp = (b: X86Builder, x: Node, y: Node) => Node;

export const isMmx = (b: X86Builder, index: number): boolean => b.instruction.operands[index].kind === 'mmx';

/** The value of an immediate that is part of the shape. */
export const fixed = (o: Operand): number => Number(Builder.constantOf(o.get())) & 0xff;

/** 128-bit memory operands without VEX must be aligned: #GP, before any page fault. The unaligned moves do not ask. */
export function aligned(b: X86Builder, o: Operand): Operand {
  if (o instanceof Memory) b.align(o);
  return o;
}
export const vector = (b: X86Builder, o: Operand): Node => aligned(b, o).read('v128');

/** Source of 16, 32 or 64 bits as the low part of a vector; what lies above it is arbitrary. */
export function partial(b: X86Builder, o: Operand): Node {
  if (!o.isMemory) return o.read('v128');
  if (o.width === 16) return b.op('i16x8.splat', o.read('u16'));
  return o.read(o.width === 64 ? 'v64' : 'v32');
}

export const zero = (b: Builder): Node => b.v128(new Uint8Array(16));
export const ones = (b: Builder): Node => b.v128(new Uint8Array(16).fill(0xff));
export const splat8 = (b: Builder, v: number): Node => b.v128(new Uint8Array(16).fill(v));
export const splat16 = (b: Builder, v: number): Node =>
  b.v128(Array.from({ length: 16 }, (_, i) => (i & 1 ? v >> 8 : v) & 0xff));
export const splat32 = (b: Builder, v: number): Node =>
  b.v128(Array.from({ length: 16 }, (_, i) => (v >>> ((i & 3) * 8)) & 0xff));

/** Lanes of `bytes` bytes picked from x (0 …) and y (behind x's). */
export const lanes = (b: Builder, x: Node, y: Node, bytes: number, picks: readonly number[]): Node =>
  b.shuffle(
    x,
    y,
    picks.flatMap((p) => Array.from({ length: bytes }, (_, i) => p * bytes + i)),
  );

/** Any MMX instruction makes all x87 registers valid and physical register 0 the top. */
export function enterMmx(b: X86Builder): void {
  b.setField('ftop', b.i32(0));
  b.setField('ftag', b.i32(0xff));
}
export function setMmx(b: X86Builder, dst: Operand, v: Node): void {
  dst.write('i64', v);
  enterMmx(b);
}
export const low64 = (b: Builder, v: Node): Node => b.op('i64x2.extract_lane', v, 0);

/** An MMX operand as a vector, twice; the low-half unpacks have a 32-bit memory operand. */
export const mmxSource = (b: X86Builder, o: Operand): Node =>
  b.op('i64x2.splat', o.isMemory && o.width === 32 ? b.extendU(o.read('i32')) : o.read('i64'));

/** dst ← f(dst, src), on XMM or MMX registers; `mmx` where the low half of f over doubled operands is not the MMX result. */
export const packed =
  (f: VectorOp, mmx: VectorOp = f): Semantics =>
  (b, dst, src) => {
    if (isMmx(b, 0)) setMmx(b, dst, low64(b, mmx(b, b.op('i64x2.splat', dst.read('i64')), mmxSource(b, src))));
    else dst.write('v128', f(b, dst.read('v128'), vector(b, src)));
  };

/** For operations that work across the two operands (packs, horizontal sums): one vector that holds both MMX operands serves as both. */
export const across = (f: VectorOp): Semantics =>
  packed(f, (b, x, y) => {
    const both = lanes(b, x, y, 8, [0, 2]);
    return f(b, both, both);
  });

/** The bits of a value as one or two i64. */
function bits(b: X86Builder, v: Node): [Node, Node] {
  switch (v.type) {
    case 'v128':
      return [b.op('i64x2.extract_lane', v, 0), b.op('i64x2.extract_lane', v, 1)];
    case 'f64':
      return [b.op('i64.reinterpret_f64', v), b.i64(0)];
    case 'f32':
      return [b.extendU(b.op('i32.reinterpret_f32', v)), b.i64(0)];
    default:
      return [b.extendU(v), b.i64(0)];
  }
}

/**
 * A result `fast` of x and y that depends on MXCSR and raises exceptions there. Regions run under the default modes alone; they keep the
 * exception flags if the program looks at them (`keepsExceptions`), and leave what is hard to tell to the interpreter.
 * Handlers always keep them, and let JavaScript compute exactly under other modes and what is hard to tell: `commit` takes `soft`'s result then.
 */
export function rounded<T extends Node>(
  b: X86Builder,
  op: SoftOp,
  argument: number,
  x: Node,
  y: Node,
  fast: T,
  commit: (v: T) => void,
  soft: (low: Node) => T,
): void {
  softly(b, op, argument, x, y, fast, () => commit(fast), (low) => commit(soft(low))); // biome-ignore format: one row
}

/** The same with two ways to commit; `r`: the result, if exceptions depend on it. */
export function softly(
  b: X86Builder,
  op: SoftOp,
  argument: number,
  x: Node,
  y: Node,
  r: Node,
  commit: () => void,
  commitSoft: (low: Node) => void,
): void {
  if (b.roundingIsDefault) {
    if (b.keepsExceptions) {
      const mxcsr = b.field('mxcsr');
      const kept = keepFlags(b, op, argument, mxcsr, x, y, r);
      b.stopIf(kept?.odd ?? b.i32(1), EXIT_RESTART);
      if (kept) b.setField('mxcsr', b.or(mxcsr, kept.raised));
    }
    commit();
    return;
  }
  const mxcsr = b.field('mxcsr');
  const raised = raisedBy(b, op, argument, x, y, r);
  const hard = b.or(isNot0(b, b.and(mxcsr, MXCSR_SOFT)), b.ltS(raised, 0));
  b.setField('mxcsr', b.or(mxcsr, b.select(hard, b.i32(0), raised)));
  const code = b.i32(SOFT_OPS.indexOf(op) | (argument << 8));
  const low = b.helperIf(hard, 'softFloat', 'i64', code, ...bits(b, x), ...bits(b, y));
  b.stopIf(b.select(hard, b.getState(SCRATCH_OFFSET + 16, 'i32'), b.i32(0)), EXIT_SIMD);
  commit();
  b.leaveIf(b.eqz(hard), 'next');
  commitSoft(low);
}
const isNot0 = (b: Builder, v: Node): Node => b.ne(v, 0);

/** Exceptions come from the lanes that the result keeps. CVTPI2PS makes two floats. */
function lanesThatCount(op: SoftOp, access: Access): number {
  if (access === 'v128') return 0;
  return access === 'f64' && op === 'cvtdq2ps' ? SOFT_HALF : SOFT_SCALAR;
}

/** `rounded` for a result that goes to the low part, or the whole, of an XMM register. */
export function roundedTo(
  b: X86Builder,
  dst: Operand,
  access: Access,
  op: SoftOp,
  x: Node,
  y: Node,
  fast: Node,
  argument = 0,
): void {
  rounded(
    b,
    op,
    argument | lanesThatCount(op, access),
    x,
    y,
    fast,
    (v) => dst.write(access, v),
    () => b.getState(SCRATCH_OFFSET, access),
  );
}

/** A packed result in which NaNs may be: hardware gives the first NaN operand, quieted, else the default NaN. One test when there is none (about 1 ns). */
export function fixNan(b: X86Builder, size: 32 | 64, x: Node, y: Node, r: Node): Node {
  if (b.nansAreNative) return r;
  const isNan = b.op(size === 32 ? 'f32x4.ne' : 'f64x2.ne', r, r);
  return b.ifElse(b.op('v128.any_true', isNan), b.call(`nans${size}`, 'v128', x, y, r), r);
}
/** The same for a scalar. */
export function fixScalarNan(b: X86Builder, size: 32 | 64, x: Node, y: Node, r: Node): Node {
  if (b.nansAreNative) return r;
  return size === 32
    ? b.ifElse(b.op('f32.ne', r, r), b.call('nan32', 'f32', x, y), r)
    : b.ifElse(b.op('f64.ne', r, r), b.call('nan64', 'f64', x, y), r);
}
