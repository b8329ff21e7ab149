/** Meaning of the integer vector instructions in rows/sse-int.ts. */
import { Builder, type Node } from '../../../ir/builder.ts';
import type { OpName } from '../../../ir/ops.ts';
import type { Operand, X86Builder } from '../builder.ts';
import { CF, ZF } from '../flags.ts';
import type { SSE_INT_ROWS } from '../rows/sse-int.ts';
import type { Semantics } from './alu.ts';
import {
  across,
  enterMmx,
  fixed,
  isMmx,
  lanes,
  low64,
  mmxSource,
  packed,
  partial,
  setMmx,
  splat8,
  splat16,
  type VectorOp,
  vector,
  zero,
} from './vector.ts';

/** The wasm operation of the same meaning. */
const same = (name: OpName): Semantics => packed((b, x, y) => b.op(name, x, y));
const unary =
  (name: OpName): Semantics =>
  (b, dst, src) => {
    if (isMmx(b, 0)) setMmx(b, dst, low64(b, b.op(name, mmxSource(b, src))));
    else dst.write('v128', b.op(name, vector(b, src)));
  };

const count = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));

/** Interleave the low or the high halves. The high half of an MMX register is the second quarter of a vector. */
function unpack(bytes: number, high: boolean): Semantics {
  const n = 16 / bytes;
  const picks = (from: number) => count(n, (i) => from + (i >> 1) + (i & 1 ? n : 0));
  const low: VectorOp = (b, x, y) => lanes(b, x, y, bytes, picks(0));
  return packed(
    (b, x, y) => lanes(b, x, y, bytes, picks(high ? n / 2 : 0)),
    high ? (b, x, y) => lanes(b, low(b, x, y), zero(b), 8, [1, 2]) : low,
  );
}

/** Every other lane of the two operands, from the even or the odd ones. */
const everyOther = (b: Builder, x: Node, y: Node, bytes: number, odd: 0 | 1): Node =>
  lanes(
    b,
    x,
    y,
    bytes,
    count(16 / bytes, (i) => i * 2 + odd),
  );
const horizontal = (bytes: number, name: OpName): Semantics =>
  across((b, x, y) => b.op(name, everyOther(b, x, y, bytes, 0), everyOther(b, x, y, bytes, 1)));

/** Upper words of the products. */
const highProduct = (sign: 's' | 'u'): Semantics =>
  packed((b, x, y) =>
    everyOther(b, b.op(`i32x4.extmul_low_i16x8_${sign}`, x, y), b.op(`i32x4.extmul_high_i16x8_${sign}`, x, y), 2, 1),
  );

/** Products of the even doublewords. */
const evenProduct = (sign: 's' | 'u'): Semantics =>
  packed((b, x, y) => {
    const even = (v: Node) => lanes(b, v, v, 4, [0, 2, 0, 2]);
    return b.op(`i64x2.extmul_low_i32x4_${sign}`, even(x), even(y));
  });

/** Take the sign of y: negate, keep or clear. */
const sign = (lane: 'i8x16' | 'i16x8' | 'i32x4'): Semantics =>
  packed((b, x, y) => {
    const negative = b.op(`${lane}.lt_s`, y, zero(b));
    const flipped = b.op(`${lane}.sub`, b.op('v128.xor', x, negative), negative);
    return b.op('v128.andnot', flipped, b.op(`${lane}.eq`, y, zero(b)));
  });

/** Shift all lanes by one count; counts beyond the lane clear it, or fill it with the sign. */
function shift(lane: 'i16x8' | 'i32x4' | 'i64x2', how: 'shl' | 'shr_u' | 'shr_s'): Semantics {
  const width = lane === 'i16x8' ? 16 : lane === 'i32x4' ? 32 : 64;
  const name = `${lane}.${how}` as OpName;
  const shifted = (b: X86Builder, x: Node, n: Node): Node => {
    const known = Builder.constantOf(n);
    if (known !== undefined) {
      const fits = Number(known) < width;
      if (fits) return b.op(name, x, b.i32(Number(known)));
      return how === 'shr_s' ? b.op(name, x, b.i32(width - 1)) : zero(b);
    }
    const wide = n.type === 'i64' ? b.gtU(n, b.i64(width - 1)) : b.gtU(n, width - 1);
    const small = b.wrap(n);
    if (how === 'shr_s') return b.op(name, x, b.select(wide, b.i32(width - 1), small));
    return b.select(wide, zero(b), b.op(name, x, small));
  };
  return (b, dst, src) => {
    const { kind } = b.instruction.operands[1];
    const x = isMmx(b, 0) ? b.op('i64x2.splat', dst.read('i64')) : dst.read('v128');
    // A memory count is a whole aligned vector (MMX: 64 bits), of which the low half counts.
    const n = kind === 'imm' ? src.get() : isMmx(b, 0) ? src.read('i64') : low64(b, vector(b, src));
    const r = shifted(b, x, n);
    if (isMmx(b, 0)) setMmx(b, dst, low64(b, r));
    else dst.write('v128', r);
  };
}

/** Bytes `from` … `from + 15` of the 32-byte value y:x (x low); beyond it zeros. */
const window = (b: X86Builder, x: Node, y: Node, from: number): Node => {
  if (from >= 32) return zero(b);
  return from < 16
    ? b.shuffle(
        x,
        y,
        count(16, (i) => from + i),
      )
    : b.shuffle(
        y,
        zero(b),
        count(16, (i) => from - 16 + i),
      );
};

/** PMOVSX, PMOVZX: widen the low lanes, step by step. */
const widen =
  (...names: OpName[]): Semantics =>
  (b, dst, src) => {
    let v = partial(b, src);
    for (const name of names) v = b.op(name, v);
    dst.write('v128', v);
  };

const extract =
  (name: 'i8x16.extract_lane_u' | 'i16x8.extract_lane_u', mask: number): Semantics =>
  (b, dst, src, imm) => {
    if (isMmx(b, 1)) {
      dst.set(b.op(name, mmxSource(b, src), fixed(imm) & 3));
      enterMmx(b);
    } else dst.set(b.op(name, src.read('v128'), fixed(imm) & mask));
  };

const PMADDUBSW: VectorOp = (b, x, y) => {
  // Unsigned bytes of x times signed bytes of y; a product fits 16 bits, the sum of two saturates.
  const even = b.op(
    'i16x8.mul',
    b.op('v128.and', x, splat16(b, 0xff)),
    b.op('i16x8.shr_s', b.op('i16x8.shl', y, b.i32(8)), b.i32(8)),
  );
  const odd = b.op('i16x8.mul', b.op('i16x8.shr_u', x, b.i32(8)), b.op('i16x8.shr_s', y, b.i32(8)));
  return b.op('i16x8.add_sat_s', even, odd);
};

const PSADBW: VectorOp = (b, x, y) => {
  const distance = b.op('v128.or', b.op('i8x16.sub_sat_u', x, y), b.op('i8x16.sub_sat_u', y, x));
  const sums = b.op('i32x4.dot_i16x8_s', b.op('i16x8.extadd_pairwise_i8x16_u', distance), splat16(b, 1));
  return b.op('i64x2.add', b.op('v128.and', sums, b.v128Splat64(0xffff_ffffn)), b.op('i64x2.shr_u', sums, b.i32(32)));
};

const PMULHRSW: VectorOp = (b, x, y) => {
  // Wasm saturates the one product that overflows, -1 × -1; hardware wraps it to -1.
  const least = splat16(b, 0x8000);
  const overflow = b.op('v128.and', b.op('i16x8.eq', x, least), b.op('i16x8.eq', y, least));
  return b.op('v128.xor', b.op('i16x8.q15mulr_sat_s', x, y), overflow);
};

/** Words of absolute differences of four bytes from one block against eight overlapping ones. */
function sumsOfDifferences(b: X86Builder, x: Node, y: Node, imm: number): Node {
  const from = ((imm >> 2) & 1) * 4;
  const block = (imm & 3) * 4;
  const none = zero(b);
  let sum: Node = none;
  for (let j = 0; j < 4; j++) {
    const p = b.shuffle(
      x,
      none,
      count(16, (i) => (i & 1 ? 16 : from + j + (i >> 1))),
    );
    const q = b.shuffle(
      y,
      none,
      count(16, (i) => (i & 1 ? 16 : block + j)),
    );
    sum = b.op('i16x8.add', sum, b.op('i16x8.abs', b.op('i16x8.sub', p, q)));
  }
  return sum;
}

const pick =
  (bytes: number, picks: (imm: number) => number[]): Semantics =>
  (b, dst, src, imm) => {
    const v = vector(b, src);
    dst.write('v128', lanes(b, v, v, bytes, picks(fixed(imm))));
  };
const four = (imm: number, from: number): number[] => count(4, (i) => from + ((imm >> (i * 2)) & 3));

/** The narrow source of an insertion: a register's low part or memory. */
const insert =
  (name: OpName, mask: number) =>
  (b: X86Builder, dst: Operand, v: Node, imm: Operand): void =>
    dst.write('v128', b.op(name, dst.read('v128'), v, fixed(imm) & mask));

export const sseIntSemantics = (): Record<(typeof SSE_INT_ROWS)[number]['mnemonic'], Semantics> => ({
  punpcklbw: unpack(1, false),
  punpcklwd: unpack(2, false),
  punpckldq: unpack(4, false),
  punpcklqdq: unpack(8, false),
  punpckhbw: unpack(1, true),
  punpckhwd: unpack(2, true),
  punpckhdq: unpack(4, true),
  punpckhqdq: unpack(8, true),
  packsswb: across((b, x, y) => b.op('i8x16.narrow_i16x8_s', x, y)),
  packuswb: across((b, x, y) => b.op('i8x16.narrow_i16x8_u', x, y)),
  packssdw: across((b, x, y) => b.op('i16x8.narrow_i32x4_s', x, y)),
  packusdw: packed((b, x, y) => b.op('i16x8.narrow_i32x4_u', x, y)),
  pcmpgtb: same('i8x16.gt_s'),
  pcmpgtw: same('i16x8.gt_s'),
  pcmpgtd: same('i32x4.gt_s'),
  pcmpgtq: same('i64x2.gt_s'),
  pcmpeqb: same('i8x16.eq'),
  pcmpeqw: same('i16x8.eq'),
  pcmpeqd: same('i32x4.eq'),
  pcmpeqq: same('i64x2.eq'),
  psrlw: shift('i16x8', 'shr_u'),
  psrld: shift('i32x4', 'shr_u'),
  psrlq: shift('i64x2', 'shr_u'),
  psraw: shift('i16x8', 'shr_s'),
  psrad: shift('i32x4', 'shr_s'),
  psllw: shift('i16x8', 'shl'),
  pslld: shift('i32x4', 'shl'),
  psllq: shift('i64x2', 'shl'),
  psrldq(b, dst, imm) {
    const x = dst.read('v128');
    dst.write('v128', window(b, x, zero(b), Math.min(fixed(imm), 16)));
  },
  pslldq(b, dst, imm) {
    dst.write('v128', window(b, zero(b), dst.read('v128'), 16 - Math.min(fixed(imm), 16)));
  },
  paddb: same('i8x16.add'),
  paddw: same('i16x8.add'),
  paddd: same('i32x4.add'),
  paddq: same('i64x2.add'),
  psubb: same('i8x16.sub'),
  psubw: same('i16x8.sub'),
  psubd: same('i32x4.sub'),
  psubq: same('i64x2.sub'),
  paddsb: same('i8x16.add_sat_s'),
  paddsw: same('i16x8.add_sat_s'),
  paddusb: same('i8x16.add_sat_u'),
  paddusw: same('i16x8.add_sat_u'),
  psubsb: same('i8x16.sub_sat_s'),
  psubsw: same('i16x8.sub_sat_s'),
  psubusb: same('i8x16.sub_sat_u'),
  psubusw: same('i16x8.sub_sat_u'),
  pminub: same('i8x16.min_u'),
  pmaxub: same('i8x16.max_u'),
  pminsw: same('i16x8.min_s'),
  pmaxsw: same('i16x8.max_s'),
  pminsb: same('i8x16.min_s'),
  pmaxsb: same('i8x16.max_s'),
  pminuw: same('i16x8.min_u'),
  pmaxuw: same('i16x8.max_u'),
  pminsd: same('i32x4.min_s'),
  pmaxsd: same('i32x4.max_s'),
  pminud: same('i32x4.min_u'),
  pmaxud: same('i32x4.max_u'),
  pavgb: same('i8x16.avgr_u'),
  pavgw: same('i16x8.avgr_u'),
  pand: same('v128.and'),
  pandn: packed((b, x, y) => b.op('v128.andnot', y, x)),
  por: same('v128.or'),
  pxor: same('v128.xor'),
  pmullw: same('i16x8.mul'),
  pmulld: same('i32x4.mul'),
  pmulhw: highProduct('s'),
  pmulhuw: highProduct('u'),
  pmuludq: evenProduct('u'),
  pmuldq: evenProduct('s'),
  pmaddwd: same('i32x4.dot_i16x8_s'),
  pmaddubsw: packed(PMADDUBSW),
  pmulhrsw: packed(PMULHRSW),
  psadbw: packed(PSADBW),
  // Wasm clears for any index beyond 15, hardware for the sign bit alone.
  pshufb: packed(
    (b, x, y) => b.op('i8x16.swizzle', x, b.op('v128.and', y, splat8(b, 0x8f))),
    (b, x, y) => b.op('i8x16.swizzle', x, b.op('v128.and', y, splat8(b, 0x87))),
  ),
  phaddw: horizontal(2, 'i16x8.add'),
  phaddd: horizontal(4, 'i32x4.add'),
  phaddsw: horizontal(2, 'i16x8.add_sat_s'),
  phsubw: horizontal(2, 'i16x8.sub'),
  phsubd: horizontal(4, 'i32x4.sub'),
  phsubsw: horizontal(2, 'i16x8.sub_sat_s'),
  psignb: sign('i8x16'),
  psignw: sign('i16x8'),
  psignd: sign('i32x4'),
  pabsb: unary('i8x16.abs'),
  pabsw: unary('i16x8.abs'),
  pabsd: unary('i32x4.abs'),
  palignr(b, dst, src, imm) {
    const n = fixed(imm);
    if (isMmx(b, 0)) {
      const both = lanes(b, mmxSource(b, src), b.op('i64x2.splat', dst.read('i64')), 8, [0, 2]);
      setMmx(b, dst, low64(b, window(b, both, zero(b), Math.min(n, 16))));
    } else dst.write('v128', window(b, vector(b, src), dst.read('v128'), n));
  },
  pmovmskb(b, dst, src) {
    if (isMmx(b, 1)) {
      dst.set(b.and(b.op('i8x16.bitmask', mmxSource(b, src)), 0xff));
      enterMmx(b);
    } else dst.set(b.op('i8x16.bitmask', src.read('v128')));
  },
  pinsrw(b, dst, src, imm) {
    if (isMmx(b, 0)) {
      const x = b.op('i64x2.splat', dst.read('i64'));
      setMmx(b, dst, low64(b, b.op('i16x8.replace_lane', x, src.get(), fixed(imm) & 3)));
    } else insert('i16x8.replace_lane', 7)(b, dst, src.get(), imm);
  },
  pinsrb: (b, dst, src, imm) => insert('i8x16.replace_lane', 15)(b, dst, src.get(), imm),
  pinsrd: (b, dst, src, imm) =>
    src.width === 64
      ? insert('i64x2.replace_lane', 1)(b, dst, src.get(), imm)
      : insert('i32x4.replace_lane', 3)(b, dst, src.get(), imm),
  pextrb: extract('i8x16.extract_lane_u', 15),
  pextrw: extract('i16x8.extract_lane_u', 7),
  pextrd(b, dst, src, imm) {
    const v = src.read('v128');
    dst.set(
      dst.width === 64 ? b.op('i64x2.extract_lane', v, fixed(imm) & 1) : b.op('i32x4.extract_lane', v, fixed(imm) & 3),
    );
  },
  pshufd: pick(4, (i) => four(i, 0)),
  pshufhw: pick(2, (i) => [0, 1, 2, 3, ...four(i, 4)]),
  pshuflw: pick(2, (i) => [...four(i, 0), 4, 5, 6, 7]),
  pmovsxbw: widen('i16x8.extend_low_i8x16_s'),
  pmovsxbd: widen('i16x8.extend_low_i8x16_s', 'i32x4.extend_low_i16x8_s'),
  pmovsxbq: widen('i16x8.extend_low_i8x16_s', 'i32x4.extend_low_i16x8_s', 'i64x2.extend_low_i32x4_s'),
  pmovsxwd: widen('i32x4.extend_low_i16x8_s'),
  pmovsxwq: widen('i32x4.extend_low_i16x8_s', 'i64x2.extend_low_i32x4_s'),
  pmovsxdq: widen('i64x2.extend_low_i32x4_s'),
  pmovzxbw: widen('i16x8.extend_low_i8x16_u'),
  pmovzxbd: widen('i16x8.extend_low_i8x16_u', 'i32x4.extend_low_i16x8_u'),
  pmovzxbq: widen('i16x8.extend_low_i8x16_u', 'i32x4.extend_low_i16x8_u', 'i64x2.extend_low_i32x4_u'),
  pmovzxwd: widen('i32x4.extend_low_i16x8_u'),
  pmovzxwq: widen('i32x4.extend_low_i16x8_u', 'i64x2.extend_low_i32x4_u'),
  pmovzxdq: widen('i64x2.extend_low_i32x4_u'),
  pblendvb: packed((b, x, y) => b.op('v128.bitselect', y, x, b.op('i8x16.lt_s', b.xmm(0), zero(b)))),
  pblendw(b, dst, src, imm) {
    const mask = fixed(imm);
    dst.write(
      'v128',
      lanes(
        b,
        dst.read('v128'),
        vector(b, src),
        2,
        count(8, (i) => (mask & (1 << i) ? 8 + i : i)),
      ),
    );
  },
  mpsadbw(b, dst, src, imm) {
    dst.write('v128', sumsOfDifferences(b, dst.read('v128'), vector(b, src), fixed(imm)));
  },
  phminposuw(b, dst, src) {
    // Word and index as one key, so that among equal words the first wins; then the minimum of eight keys.
    const v = vector(b, src);
    const index = b.v128(count(16, (i) => (i & 1 ? 0 : i >> 1)));
    const [low, high] = [[0, 8, 1, 9, 2, 10, 3, 11], [4, 12, 5, 13, 6, 14, 7, 15]].map((picks) => lanes(b, index, v, 2, picks)); // biome-ignore format: one row
    const min = (x: Node, y: Node) => b.op('i32x4.min_u', x, y);
    const of4 = min(low, high);
    const of2 = min(of4, lanes(b, of4, of4, 4, [2, 3, 0, 1]));
    const key = b.op('i32x4.extract_lane', min(of2, lanes(b, of2, of2, 4, [1, 0, 3, 2])), 0);
    dst.write('v128', b.op('i32x4.replace_lane', zero(b), b.rotl(key, 16), 0));
  },
  ptest(b, dst, src) {
    const [x, y] = [dst.read('v128'), vector(b, src)];
    const none = (v: Node) => b.eqz(b.op('v128.any_true', v));
    const zf = b.shl(none(b.op('v128.and', x, y)), 31 - Math.clz32(ZF));
    b.flags.setAll(b.or(zf, b.and(none(b.op('v128.andnot', y, x)), CF)));
  },
});
