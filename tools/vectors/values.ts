/** Seeded random values with many edges: integers, floating-point numbers, vectors, x87 registers. */
import { FX_BYTES, freshFx } from './case.ts';

/** xorshift128: small, seedable, the same everywhere. */
export class Random {
  readonly #s = new Uint32Array(4);
  constructor(seed: number) {
    let x = seed * 2654435761 + 0x9e3779b9;
    for (let i = 0; i < 4; i++) {
      x = Math.imul(x ^ (x >>> 15), 0x85ebca6b) + i + 1;
      x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
      this.#s[i] = x ^ (x >>> 16);
    }
    for (let i = 0; i < 16; i++) this.u32();
  }
  u32(): number {
    const s = this.#s;
    let t = s[0] ^ (s[0] << 11);
    t ^= t >>> 8;
    s[0] = s[1];
    s[1] = s[2];
    s[2] = s[3];
    s[3] = s[3] ^ (s[3] >>> 19) ^ t;
    return s[3];
  }
  below(n: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * n);
  }
  chance(p: number): boolean {
    return this.u32() < p * 0x1_0000_0000;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }
}

const MASK = (1n << 64n) - 1n;

/** Any bits, often at an edge of some width. */
export function integer(r: Random): bigint {
  switch (r.below(8)) {
    case 0:
      return r.pick([0n, 1n, 2n, MASK, MASK - 1n, 1n << 63n, (1n << 63n) - 1n]);
    case 1:
      return BigInt.asUintN(64, (1n << BigInt(r.below(64))) + BigInt(r.below(3) - 1));
    case 2:
      return BigInt.asUintN(64, -(1n << BigInt(r.below(64))) + BigInt(r.below(3) - 1));
    case 3:
      return BigInt(r.below(256));
    case 4:
      return BigInt(r.u32());
    case 5:
      return r.pick([0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn]);
    case 6:
      return BigInt.asUintN(64, BigInt(r.u32() | 0));
    default:
      return r.u64();
  }
}

const F64_EDGES = [
  0n, 1n << 63n, 0x3ff0000000000000n, 0xbff0000000000000n, 0x7ff0000000000000n, 0xfff0000000000000n, 0x7ff8000000000000n, 0xfff8000000000000n,
  0x7ff0000000000001n, 0xfff4000000000000n, 0x7fefffffffffffffn, 0x0010000000000000n, 0x000fffffffffffffn, 1n, 0x8000000000000001n, 0x41dfffffffc00000n,
  0x41e0000000000000n, 0xc1e0000000000000n, 0x43e0000000000000n, 0xc3e0000000000000n, 0x43dfffffffffffffn, 0x3fe0000000000000n, 0x3ff8000000000000n,
  0x4004000000000000n, 0x47efffffe0000000n, 0x47effffff0000000n, 0x36a0000000000000n, 0x3690000000000000n, 0x380fffffc0000000n, 0x40dfffc000000000n,
]; // biome-ignore format: list
const F32_EDGES = [
  0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffa00000, 0x7f7fffff, 0x00800000, 0x007fffff,
  1, 0x80000001, 0x4effffff, 0x4f000000, 0xcf000000, 0x5f000000, 0xdf000000, 0x5effffff, 0x3f000000, 0x3fc00000, 0x40200000,
]; // biome-ignore format: list

export function f64(r: Random): bigint {
  switch (r.below(6)) {
    case 0:
    case 1:
      return r.pick(F64_EDGES);
    case 2: {
      // A small number, often integral or a half.
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, ((r.u32() | 0) >> r.below(31)) / 2 ** r.below(4));
      return view.getBigUint64(0);
    }
    case 3:
      // Exponents near each other.
      return (r.u64() & 0x800f_ffff_ffff_ffffn) | (BigInt(1023 - 40 + r.below(80)) << 52n);
    case 4:
      return (r.u64() << BigInt(r.below(50))) & 0xffff_ffff_ffff_ffffn;
    default:
      return r.u64();
  }
}

export function f32(r: Random): number {
  switch (r.below(6)) {
    case 0:
    case 1:
      return r.pick(F32_EDGES);
    case 2: {
      const view = new DataView(new ArrayBuffer(4));
      view.setFloat32(0, ((r.u32() | 0) >> r.below(31)) / 2 ** r.below(4));
      return view.getUint32(0);
    }
    case 3:
      return ((r.u32() & 0x807f_ffff) | ((127 - 20 + r.below(40)) << 23)) >>> 0;
    case 4:
      return (r.u32() << r.below(20)) >>> 0;
    default:
      return r.u32();
  }
}

/** 80-bit values: every class, exponents that meet, significands with few bits or many. */
export function f80(r: Random): Uint8Array {
  const bytes = new Uint8Array(10);
  const view = new DataView(bytes.buffer);
  let m = r.u64() | (1n << 63n);
  let e = 16383 + r.below(140) - 70;
  switch (r.below(12)) {
    case 0:
      [m, e] = r.pick([
        [0n, 0], [1n << 63n, 16383], [1n << 63n, 0x7fff], [3n << 62n, 0x7fff], [(1n << 63n) | 1n, 0x7fff], [MASK, 0x7ffe], [1n << 63n, 1], [1n, 0], [(1n << 63n) - 1n, 0],
        [1n << 63n, 0], [0n, 0x7fff], [1n << 62n, 0x7fff], [1n << 62n, 16383], [0n, 16383], [0xc90fdaa22168c235n, 16384], [3n << 62n, 16383], [1n << 63n, 16384], [1n << 63n, 16382],
      ] as [bigint, number][]); // biome-ignore format: list
      break;
    case 1:
      e = r.below(0x8000);
      break;
    case 2:
      e = r.below(80);
      break;
    case 3:
      e = 0x7ffe - r.below(80);
      break;
    case 4:
      e = 0;
      m = r.u64() >> BigInt(r.below(64));
      break;
    case 5:
      e = 0x7fff;
      break;
    case 6:
    case 7:
    case 8: {
      // An integer or a fraction of few bits.
      const v = BigInt((r.u32() >>> r.below(32)) | 1);
      const length = v.toString(2).length;
      m = v << BigInt(64 - length);
      e = 16383 + length - 1 - r.below(8);
      break;
    }
    case 9: {
      // As wide as a double or a single.
      const keep = BigInt(r.pick([11, 40, 12, 10, 39]));
      m = (m >> keep) << keep;
      break;
    }
    case 10:
      e = 16383 - r.below(4);
      break;
  }
  view.setBigUint64(0, m, true);
  view.setUint16(8, e | (r.below(2) << 15), true);
  return bytes;
}

/** 16 bytes as a vector of lanes of one kind. */
export function vector(r: Random): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  switch (r.below(6)) {
    case 0:
      for (let i = 0; i < 16; i++) bytes[i] = r.chance(0.5) ? r.pick([0, 1, 0x7f, 0x80, 0xff, 0x81]) : r.u32();
      break;
    case 1:
      for (let i = 0; i < 8; i++) {
        view.setUint16(
          i * 2,
          r.chance(0.5) ? r.pick([0, 1, 0x7fff, 0x8000, 0xffff, 0x7f, 0x80, 0xff, 0xff80]) : r.u32(),
          true,
        );
      }
      break;
    case 2:
      for (let i = 0; i < 4; i++) view.setUint32(i * 4, Number(BigInt.asUintN(32, integer(r))), true);
      break;
    case 3:
      for (let i = 0; i < 2; i++) view.setBigUint64(i * 8, integer(r), true);
      break;
    case 4:
      for (let i = 0; i < 4; i++) view.setUint32(i * 4, f32(r), true);
      break;
    default:
      for (let i = 0; i < 2; i++) view.setBigUint64(i * 8, f64(r), true);
  }
  return bytes;
}

/** What an FX image should be random in. */
export interface FxWish {
  x87: boolean;
  /** ST registers that matter. */
  st: readonly number[];
  /** XMM registers that matter. */
  xmm: readonly number[];
}

export function fxImage(r: Random, wish: FxWish): Uint8Array {
  const fx = freshFx();
  const view = new DataView(fx.buffer);
  if (wish.x87) {
    const fcw = (r.chance(0.06) ? r.u32() & 0x3f : 0x3f) | 0x40 | (r.chance(0.35) ? r.pick([0, 2, 3]) : 3) << 8 | (r.chance(0.4) ? r.below(4) : 0) << 10; // biome-ignore format: fields
    const full = r.chance(0.1);
    const tags = full ? 0xff : r.chance(0.85) ? 0x7f : r.u32() & 0xff;
    const top = r.below(8);
    let fsw = (r.chance(0.2) ? r.u32() & 0x4700 : 0) | (top << 11);
    if (r.chance(0.1)) fsw |= r.u32() & fcw & 0x3f;
    // A pending unmasked exception, with its summary bits.
    if ((fcw & 0x3f) !== 0x3f && r.chance(0.05)) fsw |= r.u32() & 0x3f;
    if (fsw & ~fcw & 0x3f) fsw |= 0x8080;
    view.setUint16(0, fcw, true);
    view.setUint16(2, fsw, true);
    // TOP is the first register in use for the common tag pattern: rotate it so that the empty one is just below TOP.
    fx[4] = tags === 0x7f ? ((tags << top) | (tags >> (8 - top))) & 0xff : tags;
    // The others are alike in every case, which keeps recorded vectors small.
    for (let i = 0; i < 8; i++)
      fx.set(wish.st.includes(i) ? f80(r) : Uint8Array.of(i, 0, 0, 0, 0, 0, 0, 0x80 | i, 0, 0x40), 32 + i * 16);
  }
  if (wish.xmm.length) {
    let mxcsr = 0x1f80;
    if (r.chance(0.25)) mxcsr |= r.below(4) << 13;
    if (r.chance(0.08)) mxcsr |= 0x8000;
    if (r.chance(0.08)) mxcsr |= 0x40;
    if (r.chance(0.06)) mxcsr &= ~(r.u32() & 0x1f80);
    if (r.chance(0.1)) mxcsr |= r.u32() & 0x3f;
    view.setUint32(24, mxcsr, true);
    for (const n of wish.xmm) fx.set(vector(r), 160 + n * 16);
  }
  return fx.subarray(0, FX_BYTES);
}
