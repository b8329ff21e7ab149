/** The pure operations that instruction semantics are written in: one row each with its types and its wasm form. Knows no guest. */
import { once } from '../base/once.ts';
import type { ValueType } from '../isa/helper.ts';

export interface OpRow {
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly result: ValueType;
  /** Opcode bytes; a lane immediate, if the operation has one, follows. */
  readonly code: readonly number[];
  readonly lane: boolean;
}

const TYPES: Record<string, ValueType> = { i: 'i32', l: 'i64', f: 'f32', d: 'f64', v: 'v128' };

/** Signature letters: i = i32, l = i64, f = f32, d = f64, v = v128; 'll>i' takes two i64 and gives an i32. A trailing '#' takes a lane number. */
function row(name: string, signature: string, opcode: number, simd: boolean): OpRow {
  const lane = signature.endsWith('#');
  const [params, result] = signature.replace('#', '').split('>');
  const code = simd ? (opcode < 128 ? [0xfd, opcode] : [0xfd, (opcode & 0x7f) | 0x80, opcode >> 7]) : [opcode];
  return { name, params: [...params].map((c) => TYPES[c]), result: TYPES[result], code, lane };
}

const SCALAR = {
  'i32.eqz': ['i>i', 0x45], 'i32.eq': ['ii>i', 0x46], 'i32.ne': ['ii>i', 0x47],
  'i32.lt_s': ['ii>i', 0x48], 'i32.lt_u': ['ii>i', 0x49], 'i32.gt_s': ['ii>i', 0x4a], 'i32.gt_u': ['ii>i', 0x4b],
  'i32.le_s': ['ii>i', 0x4c], 'i32.le_u': ['ii>i', 0x4d], 'i32.ge_s': ['ii>i', 0x4e], 'i32.ge_u': ['ii>i', 0x4f],
  'i64.eqz': ['l>i', 0x50], 'i64.eq': ['ll>i', 0x51], 'i64.ne': ['ll>i', 0x52],
  'i64.lt_s': ['ll>i', 0x53], 'i64.lt_u': ['ll>i', 0x54], 'i64.gt_s': ['ll>i', 0x55], 'i64.gt_u': ['ll>i', 0x56],
  'i64.le_s': ['ll>i', 0x57], 'i64.le_u': ['ll>i', 0x58], 'i64.ge_s': ['ll>i', 0x59], 'i64.ge_u': ['ll>i', 0x5a],
  'f32.eq': ['ff>i', 0x5b], 'f32.ne': ['ff>i', 0x5c], 'f32.lt': ['ff>i', 0x5d], 'f32.gt': ['ff>i', 0x5e], 'f32.le': ['ff>i', 0x5f], 'f32.ge': ['ff>i', 0x60],
  'f64.eq': ['dd>i', 0x61], 'f64.ne': ['dd>i', 0x62], 'f64.lt': ['dd>i', 0x63], 'f64.gt': ['dd>i', 0x64], 'f64.le': ['dd>i', 0x65], 'f64.ge': ['dd>i', 0x66],
  'i32.clz': ['i>i', 0x67], 'i32.ctz': ['i>i', 0x68], 'i32.popcnt': ['i>i', 0x69],
  'i32.add': ['ii>i', 0x6a], 'i32.sub': ['ii>i', 0x6b], 'i32.mul': ['ii>i', 0x6c],
  'i32.div_s': ['ii>i', 0x6d], 'i32.div_u': ['ii>i', 0x6e], 'i32.rem_s': ['ii>i', 0x6f], 'i32.rem_u': ['ii>i', 0x70],
  'i32.and': ['ii>i', 0x71], 'i32.or': ['ii>i', 0x72], 'i32.xor': ['ii>i', 0x73],
  'i32.shl': ['ii>i', 0x74], 'i32.shr_s': ['ii>i', 0x75], 'i32.shr_u': ['ii>i', 0x76], 'i32.rotl': ['ii>i', 0x77], 'i32.rotr': ['ii>i', 0x78],
  'i64.clz': ['l>l', 0x79], 'i64.ctz': ['l>l', 0x7a], 'i64.popcnt': ['l>l', 0x7b],
  'i64.add': ['ll>l', 0x7c], 'i64.sub': ['ll>l', 0x7d], 'i64.mul': ['ll>l', 0x7e],
  'i64.div_s': ['ll>l', 0x7f], 'i64.div_u': ['ll>l', 0x80], 'i64.rem_s': ['ll>l', 0x81], 'i64.rem_u': ['ll>l', 0x82],
  'i64.and': ['ll>l', 0x83], 'i64.or': ['ll>l', 0x84], 'i64.xor': ['ll>l', 0x85],
  'i64.shl': ['ll>l', 0x86], 'i64.shr_s': ['ll>l', 0x87], 'i64.shr_u': ['ll>l', 0x88], 'i64.rotl': ['ll>l', 0x89], 'i64.rotr': ['ll>l', 0x8a],
  'f32.abs': ['f>f', 0x8b], 'f32.neg': ['f>f', 0x8c], 'f32.ceil': ['f>f', 0x8d], 'f32.floor': ['f>f', 0x8e], 'f32.trunc': ['f>f', 0x8f], 'f32.nearest': ['f>f', 0x90],
  'f32.sqrt': ['f>f', 0x91], 'f32.add': ['ff>f', 0x92], 'f32.sub': ['ff>f', 0x93], 'f32.mul': ['ff>f', 0x94], 'f32.div': ['ff>f', 0x95],
  'f64.abs': ['d>d', 0x99], 'f64.neg': ['d>d', 0x9a], 'f64.ceil': ['d>d', 0x9b], 'f64.floor': ['d>d', 0x9c], 'f64.trunc': ['d>d', 0x9d], 'f64.nearest': ['d>d', 0x9e],
  'f64.sqrt': ['d>d', 0x9f], 'f64.add': ['dd>d', 0xa0], 'f64.sub': ['dd>d', 0xa1], 'f64.mul': ['dd>d', 0xa2], 'f64.div': ['dd>d', 0xa3],
  'i32.wrap_i64': ['l>i', 0xa7], 'i64.extend_i32_s': ['i>l', 0xac], 'i64.extend_i32_u': ['i>l', 0xad],
  'f32.convert_i32_s': ['i>f', 0xb2], 'f32.convert_i64_s': ['l>f', 0xb4], 'f32.demote_f64': ['d>f', 0xb6],
  'f64.convert_i32_s': ['i>d', 0xb7], 'f64.convert_i64_s': ['l>d', 0xb9], 'f64.promote_f32': ['f>d', 0xbb],
  'i32.reinterpret_f32': ['f>i', 0xbc], 'i64.reinterpret_f64': ['d>l', 0xbd], 'f32.reinterpret_i32': ['i>f', 0xbe], 'f64.reinterpret_i64': ['l>d', 0xbf],
  'i32.extend8_s': ['i>i', 0xc0], 'i32.extend16_s': ['i>i', 0xc1], 'i64.extend8_s': ['l>l', 0xc2], 'i64.extend16_s': ['l>l', 0xc3], 'i64.extend32_s': ['l>l', 0xc4],
} as const; // biome-ignore format: table

/** Saturating conversions: two-byte opcodes 0xFC n. */
const SATURATING = {
  'i32.trunc_sat_f32_s': ['f>i', 0], 'i32.trunc_sat_f64_s': ['d>i', 2], 'i64.trunc_sat_f32_s': ['f>l', 4], 'i64.trunc_sat_f64_s': ['d>l', 6],
} as const; // biome-ignore format: table

const SIMD = {
  'i8x16.swizzle': ['vv>v', 14], 'i8x16.splat': ['i>v', 15], 'i16x8.splat': ['i>v', 16], 'i32x4.splat': ['i>v', 17], 'i64x2.splat': ['l>v', 18], 'f32x4.splat': ['f>v', 19], 'f64x2.splat': ['d>v', 20],
  'i8x16.extract_lane_s': ['v>i#', 21], 'i8x16.extract_lane_u': ['v>i#', 22], 'i8x16.replace_lane': ['vi>v#', 23],
  'i16x8.extract_lane_s': ['v>i#', 24], 'i16x8.extract_lane_u': ['v>i#', 25], 'i16x8.replace_lane': ['vi>v#', 26],
  'i32x4.extract_lane': ['v>i#', 27], 'i32x4.replace_lane': ['vi>v#', 28], 'i64x2.extract_lane': ['v>l#', 29], 'i64x2.replace_lane': ['vl>v#', 30],
  'f32x4.extract_lane': ['v>f#', 31], 'f32x4.replace_lane': ['vf>v#', 32], 'f64x2.extract_lane': ['v>d#', 33], 'f64x2.replace_lane': ['vd>v#', 34],
  'i8x16.eq': ['vv>v', 35], 'i8x16.ne': ['vv>v', 36], 'i8x16.lt_s': ['vv>v', 37], 'i8x16.lt_u': ['vv>v', 38], 'i8x16.gt_s': ['vv>v', 39], 'i8x16.gt_u': ['vv>v', 40],
  'i16x8.eq': ['vv>v', 45], 'i16x8.ne': ['vv>v', 46], 'i16x8.lt_s': ['vv>v', 47], 'i16x8.lt_u': ['vv>v', 48], 'i16x8.gt_s': ['vv>v', 49], 'i16x8.gt_u': ['vv>v', 50],
  'i32x4.eq': ['vv>v', 55], 'i32x4.ne': ['vv>v', 56], 'i32x4.lt_s': ['vv>v', 57], 'i32x4.lt_u': ['vv>v', 58], 'i32x4.gt_s': ['vv>v', 59], 'i32x4.gt_u': ['vv>v', 60],
  'f32x4.eq': ['vv>v', 65], 'f32x4.ne': ['vv>v', 66], 'f32x4.lt': ['vv>v', 67], 'f32x4.gt': ['vv>v', 68], 'f32x4.le': ['vv>v', 69], 'f32x4.ge': ['vv>v', 70],
  'f64x2.eq': ['vv>v', 71], 'f64x2.ne': ['vv>v', 72], 'f64x2.lt': ['vv>v', 73], 'f64x2.gt': ['vv>v', 74], 'f64x2.le': ['vv>v', 75], 'f64x2.ge': ['vv>v', 76],
  'v128.not': ['v>v', 77], 'v128.and': ['vv>v', 78], 'v128.andnot': ['vv>v', 79], 'v128.or': ['vv>v', 80], 'v128.xor': ['vv>v', 81], 'v128.bitselect': ['vvv>v', 82], 'v128.any_true': ['v>i', 83],
  'f32x4.demote_f64x2_zero': ['v>v', 94], 'f64x2.promote_low_f32x4': ['v>v', 95],
  'i8x16.abs': ['v>v', 96], 'i8x16.neg': ['v>v', 97], 'i8x16.popcnt': ['v>v', 98], 'i8x16.all_true': ['v>i', 99], 'i8x16.bitmask': ['v>i', 100],
  'i8x16.narrow_i16x8_s': ['vv>v', 101], 'i8x16.narrow_i16x8_u': ['vv>v', 102], 'f32x4.ceil': ['v>v', 103], 'f32x4.floor': ['v>v', 104], 'f32x4.trunc': ['v>v', 105], 'f32x4.nearest': ['v>v', 106],
  'i8x16.shl': ['vi>v', 107], 'i8x16.shr_s': ['vi>v', 108], 'i8x16.shr_u': ['vi>v', 109], 'i8x16.add': ['vv>v', 110], 'i8x16.add_sat_s': ['vv>v', 111], 'i8x16.add_sat_u': ['vv>v', 112],
  'i8x16.sub': ['vv>v', 113], 'i8x16.sub_sat_s': ['vv>v', 114], 'i8x16.sub_sat_u': ['vv>v', 115], 'f64x2.ceil': ['v>v', 116], 'f64x2.floor': ['v>v', 117],
  'i8x16.min_s': ['vv>v', 118], 'i8x16.min_u': ['vv>v', 119], 'i8x16.max_s': ['vv>v', 120], 'i8x16.max_u': ['vv>v', 121], 'f64x2.trunc': ['v>v', 122], 'i8x16.avgr_u': ['vv>v', 123],
  'i16x8.extadd_pairwise_i8x16_s': ['v>v', 124], 'i16x8.extadd_pairwise_i8x16_u': ['v>v', 125], 'i32x4.extadd_pairwise_i16x8_s': ['v>v', 126], 'i32x4.extadd_pairwise_i16x8_u': ['v>v', 127],
  'i16x8.abs': ['v>v', 128], 'i16x8.neg': ['v>v', 129], 'i16x8.q15mulr_sat_s': ['vv>v', 130], 'i16x8.all_true': ['v>i', 131], 'i16x8.bitmask': ['v>i', 132],
  'i16x8.narrow_i32x4_s': ['vv>v', 133], 'i16x8.narrow_i32x4_u': ['vv>v', 134],
  'i16x8.extend_low_i8x16_s': ['v>v', 135], 'i16x8.extend_high_i8x16_s': ['v>v', 136], 'i16x8.extend_low_i8x16_u': ['v>v', 137], 'i16x8.extend_high_i8x16_u': ['v>v', 138],
  'i16x8.shl': ['vi>v', 139], 'i16x8.shr_s': ['vi>v', 140], 'i16x8.shr_u': ['vi>v', 141], 'i16x8.add': ['vv>v', 142], 'i16x8.add_sat_s': ['vv>v', 143], 'i16x8.add_sat_u': ['vv>v', 144],
  'i16x8.sub': ['vv>v', 145], 'i16x8.sub_sat_s': ['vv>v', 146], 'i16x8.sub_sat_u': ['vv>v', 147], 'f64x2.nearest': ['v>v', 148], 'i16x8.mul': ['vv>v', 149],
  'i16x8.min_s': ['vv>v', 150], 'i16x8.min_u': ['vv>v', 151], 'i16x8.max_s': ['vv>v', 152], 'i16x8.max_u': ['vv>v', 153], 'i16x8.avgr_u': ['vv>v', 155],
  'i16x8.extmul_low_i8x16_s': ['vv>v', 156], 'i16x8.extmul_high_i8x16_s': ['vv>v', 157], 'i16x8.extmul_low_i8x16_u': ['vv>v', 158], 'i16x8.extmul_high_i8x16_u': ['vv>v', 159],
  'i32x4.abs': ['v>v', 160], 'i32x4.neg': ['v>v', 161], 'i32x4.all_true': ['v>i', 163], 'i32x4.bitmask': ['v>i', 164],
  'i32x4.extend_low_i16x8_s': ['v>v', 167], 'i32x4.extend_high_i16x8_s': ['v>v', 168], 'i32x4.extend_low_i16x8_u': ['v>v', 169], 'i32x4.extend_high_i16x8_u': ['v>v', 170],
  'i32x4.shl': ['vi>v', 171], 'i32x4.shr_s': ['vi>v', 172], 'i32x4.shr_u': ['vi>v', 173], 'i32x4.add': ['vv>v', 174], 'i32x4.sub': ['vv>v', 177], 'i32x4.mul': ['vv>v', 181],
  'i32x4.min_s': ['vv>v', 182], 'i32x4.min_u': ['vv>v', 183], 'i32x4.max_s': ['vv>v', 184], 'i32x4.max_u': ['vv>v', 185], 'i32x4.dot_i16x8_s': ['vv>v', 186],
  'i32x4.extmul_low_i16x8_s': ['vv>v', 188], 'i32x4.extmul_high_i16x8_s': ['vv>v', 189], 'i32x4.extmul_low_i16x8_u': ['vv>v', 190], 'i32x4.extmul_high_i16x8_u': ['vv>v', 191],
  'i64x2.abs': ['v>v', 192], 'i64x2.neg': ['v>v', 193], 'i64x2.all_true': ['v>i', 195], 'i64x2.bitmask': ['v>i', 196],
  'i64x2.extend_low_i32x4_s': ['v>v', 199], 'i64x2.extend_high_i32x4_s': ['v>v', 200], 'i64x2.extend_low_i32x4_u': ['v>v', 201], 'i64x2.extend_high_i32x4_u': ['v>v', 202],
  'i64x2.shl': ['vi>v', 203], 'i64x2.shr_s': ['vi>v', 204], 'i64x2.shr_u': ['vi>v', 205], 'i64x2.add': ['vv>v', 206], 'i64x2.sub': ['vv>v', 209], 'i64x2.mul': ['vv>v', 213],
  'i64x2.eq': ['vv>v', 214], 'i64x2.ne': ['vv>v', 215], 'i64x2.lt_s': ['vv>v', 216], 'i64x2.gt_s': ['vv>v', 217],
  'i64x2.extmul_low_i32x4_s': ['vv>v', 220], 'i64x2.extmul_high_i32x4_s': ['vv>v', 221], 'i64x2.extmul_low_i32x4_u': ['vv>v', 222], 'i64x2.extmul_high_i32x4_u': ['vv>v', 223],
  'f32x4.abs': ['v>v', 224], 'f32x4.neg': ['v>v', 225], 'f32x4.sqrt': ['v>v', 227], 'f32x4.add': ['vv>v', 228], 'f32x4.sub': ['vv>v', 229], 'f32x4.mul': ['vv>v', 230], 'f32x4.div': ['vv>v', 231],
  'f32x4.min': ['vv>v', 232], 'f32x4.max': ['vv>v', 233], 'f32x4.pmin': ['vv>v', 234], 'f32x4.pmax': ['vv>v', 235],
  'f64x2.abs': ['v>v', 236], 'f64x2.neg': ['v>v', 237], 'f64x2.sqrt': ['v>v', 239], 'f64x2.add': ['vv>v', 240], 'f64x2.sub': ['vv>v', 241], 'f64x2.mul': ['vv>v', 242], 'f64x2.div': ['vv>v', 243],
  'f64x2.min': ['vv>v', 244], 'f64x2.max': ['vv>v', 245], 'f64x2.pmin': ['vv>v', 246], 'f64x2.pmax': ['vv>v', 247],
  'i32x4.trunc_sat_f32x4_s': ['v>v', 248], 'f32x4.convert_i32x4_s': ['v>v', 250], 'i32x4.trunc_sat_f64x2_s_zero': ['v>v', 252], 'f64x2.convert_low_i32x4_s': ['v>v', 254],
} as const; // biome-ignore format: table

export type OpName = keyof typeof SCALAR | keyof typeof SATURATING | keyof typeof SIMD;

/** Every operation by name. */
export const ops = once(
  (): Readonly<Record<OpName, OpRow>> =>
    Object.fromEntries([
      ...Object.entries(SCALAR).map(([name, [signature, code]]) => [name, row(name, signature, code, false)]),
      ...Object.entries(SATURATING).map(([name, [signature, code]]) => [
        name,
        { ...row(name, signature, 0, false), code: [0xfc, code] },
      ]),
      ...Object.entries(SIMD).map(([name, [signature, code]]) => [name, row(name, signature, code, true)]),
    ]) as Record<OpName, OpRow>,
);

/** Forms of access to guest memory or to the state block: bytes, wasm load opcode, wasm store opcode. `value` is the type on the stack. */
export interface AccessRow {
  readonly bytes: number;
  readonly value: ValueType;
  readonly load: readonly number[];
  readonly store: readonly number[];
}

export const ACCESS = {
  u8: { bytes: 1, value: 'i32', load: [0x2d], store: [0x3a] },
  s8: { bytes: 1, value: 'i32', load: [0x2c], store: [0x3a] },
  u16: { bytes: 2, value: 'i32', load: [0x2f], store: [0x3b] },
  s16: { bytes: 2, value: 'i32', load: [0x2e], store: [0x3b] },
  i32: { bytes: 4, value: 'i32', load: [0x28], store: [0x36] },
  /** 32 bits of a 64-bit value. */
  u32: { bytes: 4, value: 'i64', load: [0x35], store: [0x3e] },
  s32: { bytes: 4, value: 'i64', load: [0x34], store: [0x3e] },
  i64: { bytes: 8, value: 'i64', load: [0x29], store: [0x37] },
  f32: { bytes: 4, value: 'f32', load: [0x2a], store: [0x38] },
  f64: { bytes: 8, value: 'f64', load: [0x2b], store: [0x39] },
  /** The low part of a vector, the rest cleared; only for loads. */
  v32: { bytes: 4, value: 'v128', load: [0xfd, 92], store: [] },
  v64: { bytes: 8, value: 'v128', load: [0xfd, 93], store: [] },
  v128: { bytes: 16, value: 'v128', load: [0xfd, 0], store: [0xfd, 11] },
} as const satisfies Record<string, AccessRow>;
export type Access = keyof typeof ACCESS;
