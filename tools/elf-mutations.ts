/** Damaged copies of ELF files, repeatable from a seed: bit flips, truncations, extreme fields, moved and repeated parts. */

/** A small generator of repeatable numbers; each call gives the next integer below `limit`. */
export type Dice = (limit: number) => number;

export function dice(seed: number): Dice {
  let state = (seed * 0x9e37_79b1 + 0x6d2b_79f5) >>> 0;
  return (limit) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

const EXTREMES: readonly bigint[] = [
  0n,
  1n,
  0x7fn,
  0xfffn,
  0x1000n,
  0x1001n,
  0xffffn,
  0x1_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_f000n,
  0x8000_0000_0000n,
  0x1f_ffff_ffff_ffffn,
  0x7fff_ffff_ffff_ffffn,
  0xffff_8000_0000_0000n,
  0xffff_ffff_ffff_f000n,
  0xffff_ffff_ffff_ffffn,
];

const HEADER = 64;
const PHDR = 56;

type Mutation = (bytes: Uint8Array, roll: Dice) => Uint8Array;

const headersEnd = (bytes: Uint8Array) => Math.min(bytes.length, HEADER + PHDR * Math.max(1, bytes[56] ?? 1));

const inHeaders: Mutation = (bytes, roll) => {
  for (let n = 1 + roll(4); n > 0; n--) bytes[roll(headersEnd(bytes))] ^= 1 << roll(8);
  return bytes;
};

const anywhere: Mutation = (bytes, roll) => {
  for (let n = 1 + roll(64); n > 0; n--) bytes[roll(bytes.length)] ^= 1 << roll(8);
  return bytes;
};

const truncated: Mutation = (bytes, roll) => bytes.slice(0, roll(roll(2) ? bytes.length : headersEnd(bytes) + 1));

/** An aligned field of the headers becomes a number near a limit. */
const extremeField: Mutation = (bytes, roll) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let n = 1 + roll(3); n > 0; n--) {
    const value = EXTREMES[roll(EXTREMES.length)] + BigInt(roll(3) - 1);
    const size = [2, 4, 8, 8][roll(4)];
    const at = roll(Math.max(1, Math.floor(headersEnd(bytes) / size) - 1)) * size;
    if (at + size > bytes.length) continue;
    if (size === 8) view.setBigUint64(at, BigInt.asUintN(64, value), true);
    else if (size === 4) view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
    else view.setUint16(at, Number(BigInt.asUintN(16, value)), true);
  }
  return bytes;
};

/** One program header replaces another: overlaps, two interpreters, no code. */
const copiedHeader: Mutation = (bytes, roll) => {
  const count = Math.max(1, bytes[56] ?? 1);
  const from = HEADER + PHDR * roll(count);
  const to = HEADER + PHDR * roll(count);
  if (Math.max(from, to) + PHDR <= bytes.length) bytes.copyWithin(to, from, from + PHDR);
  return bytes;
};

const zeroedRun: Mutation = (bytes, roll) => {
  const from = roll(bytes.length);
  return bytes.fill(roll(2) ? 0 : 0xff, from, from + roll(256));
};

const movedRun: Mutation = (bytes, roll) => {
  const from = roll(bytes.length);
  return bytes.copyWithin(roll(bytes.length), from, from + roll(512));
};

const MUTATIONS: readonly Mutation[] = [
  inHeaders,
  inHeaders,
  extremeField,
  extremeField,
  copiedHeader,
  truncated,
  anywhere,
  zeroedRun,
  movedRun,
];

/** The `seed`-th damaged copy of `original`. */
export function mutate(original: Uint8Array, seed: number): Uint8Array {
  const roll = dice(seed);
  let bytes: Uint8Array = original.slice();
  for (let n = 1 + roll(2); n > 0 && bytes.length > 0; n--) bytes = MUTATIONS[roll(MUTATIONS.length)](bytes, roll);
  return bytes;
}
