/** CPUID: advertises exactly what is implemented, up to x86-64-v2. */
import { milliseconds } from '../../base/clock.ts';
import type { Helper } from '../helper.ts';
import { FIELDS, SCRATCH_OFFSET } from './state.ts';

const bit = (...ns: number[]): number => ns.reduce((v, n) => v | (1 << n), 0);

/** Leaf 1 EDX: FPU TSC MSR CX8 SEP-less CMOV CLFSH MMX FXSR SSE SSE2. */
const EDX1 = bit(0, 4, 8, 15, 19, 23, 24, 25, 26);
/** Leaf 1 ECX: SSE3 SSSE3 CX16 SSE4.1 SSE4.2 POPCNT. */
const ECX1 = bit(0, 9, 13, 19, 20, 23);
const BRAND = 'Hospes x86-64-v2 virtual CPU'.padEnd(48, '\0');
// The dynamic loader of glibc looks at no feature of a vendor it does not know, and then refuses the C library.
const VENDOR = 'GenuineIntel';

const word = (text: string, at: number): number =>
  text.charCodeAt(at) |
  (text.charCodeAt(at + 1) << 8) |
  (text.charCodeAt(at + 2) << 16) |
  (text.charCodeAt(at + 3) << 24);

/** EAX, EBX, ECX, EDX of a leaf. */
export function cpuid(leaf: number, subleaf: number): [number, number, number, number] {
  switch (leaf >>> 0) {
    case 0:
      return [7, word(VENDOR, 0), word(VENDOR, 8), word(VENDOR, 4)];
    case 1:
      // Family 6, a generic model; 64-byte CLFLUSH line; one logical processor.
      return [0x000506e0, (8 << 8) | (1 << 16), ECX1, EDX1];
    case 2:
      // Cache descriptors: see leaf 4.
      return [0xff01, 0, 0, 0];
    case 4:
      // Deterministic cache parameters: 32 KiB L1 data, 32 KiB L1 code, 256 KiB L2.
      if (subleaf === 0) return [0x121, (7 << 22) | 63, 63, 0];
      if (subleaf === 1) return [0x122, (7 << 22) | 63, 63, 0];
      if (subleaf === 2) return [0x143, (3 << 22) | 63, 1023, 0];
      return [0, 0, 0, 0];
    case 0x8000_0000:
      return [0x8000_0008 | 0, 0, 0, 0];
    case 0x8000_0001:
      // LAHF; SYSCALL, NX, RDTSCP, long mode.
      return [0, 0, bit(0), bit(11, 20, 27, 29)];
    case 0x8000_0002:
    case 0x8000_0003:
    case 0x8000_0004: {
      const at = ((leaf >>> 0) - 0x8000_0002) * 16;
      return [word(BRAND, at), word(BRAND, at + 4), word(BRAND, at + 8), word(BRAND, at + 12)];
    }
    case 0x8000_0008:
      return [0x3030, 0, 0, 0];
    default:
      return [0, 0, 0, 0];
  }
}

/** Made when first needed, which is seldom. */
let crcTable: Uint32Array | undefined;

const makeCrcTable = (): Uint32Array =>
  new Uint32Array(256).map((_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
    return c;
  });

/** Lockstep switches time stamps to a count, so that both tiers read the same; `now` gives milliseconds otherwise. */
export const timestamps = { deterministic: false, now: milliseconds };

export const SYSTEM_HELPERS: Record<string, Helper> = {
  cpuid: {
    params: ['i32', 'i32'],
    make: (space) => (state: number, leaf: number, subleaf: number) => {
      cpuid(leaf, subleaf).forEach((v, i) => {
        space.view.setInt32(state + SCRATCH_OFFSET + i * 4, v, true);
      });
    },
  },
  /** A counter in nanoseconds: constant rate, as invariant TSCs have; in lockstep a count of its readings kept with the thread. */
  rdtsc: {
    params: [],
    result: 'i64',
    make: (space) => (state: number) => {
      if (!timestamps.deterministic) return BigInt(Math.round(timestamps.now() * 1e6));
      const at = state + FIELDS.readings.offset;
      const t = space.view.getBigInt64(at, true) + 1000n;
      space.view.setBigInt64(at, t, true);
      return t;
    },
  },
  /** CRC-32C of 1, 2, 4 or 8 bytes given as two words. */
  crc32c: {
    params: ['i32', 'i32', 'i32', 'i32'],
    result: 'i32',
    make: () => (_state: number, seed: number, low: number, high: number, bytes: number) => {
      crcTable ??= makeCrcTable();
      let c = seed;
      for (let i = 0; i < bytes; i++)
        c = crcTable[(c ^ (i < 4 ? low >>> (i * 8) : high >>> ((i - 4) * 8))) & 0xff] ^ (c >>> 8);
      return c | 0;
    },
  },
};

/** The same processor in words, for whoever lists it. */
export const processor = {
  vendor: VENDOR,
  family: 6,
  model: 94,
  stepping: 0,
  name: BRAND.replace(/\0+$/, ''),
  mhz: 1000,
  flags:
    'fpu tsc cx8 cmov clflush mmx fxsr sse sse2 syscall nx rdtscp lm pni ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm'.split(
      ' ',
    ),
} as const;
