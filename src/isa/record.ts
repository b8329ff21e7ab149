/** Layout of an interpreter record: what the engine writes, and where ISAs put operands for their handlers. */

/** Two in a cache line: large programs wait for their records. */
export const RECORD_SIZE = 32;
/** Engine part: table index of the handler (u16), PC of the instruction and of the next one (u32: code is below 4 GiB). */
export const REC_HANDLER = 0;
export const REC_PC = 4;
export const REC_NEXT = 8;
/** Scale of an index as a shift count (u8), state-block offsets of a memory operand's base and index (u16, the always-zero field where absent). */
export const REC_SCALE = 2;
export const REC_BASE = 12;
export const REC_INDEX = 14;
/** State-block offsets of up to four register operands (u16 each). */
export const REC_SLOT = 16;
/** Displacement or a second immediate, and immediate (i32 each). */
export const REC_DISP = 24;
export const REC_IMM2 = 24;
export const REC_IMM = 28;
/** In their place: a branch target, an absolute address or an immediate of 64 bits. */
export const REC_WIDE = 24;

/**
 * In front of a block's first record: the headers of the two blocks that followed it last (i32, 0: none), where a copy of its bytes lies that must be compared before it runs (i32; 0: they cannot change without notice), how many bytes it
 * has (i32), how often it ran (i32), a half word of bits and the upper half of its PC (u16 each), the first record of the next block that begins in the same page (i32, 0: none), how much room it takes with all that stands around its records (u16) and how many instructions it has (u16).
 */
export const BLOCK_HEADER = 32;
export const BLOCK_FOLLOWERS = [-32, -28];
export const BLOCK_SOURCE = -24;
export const BLOCK_BYTES = -20;
export const BLOCK_COUNT = -16;
export const BLOCK_BITS = -12;
export const BLOCK_HIGH = -10;
export const BLOCK_NEXT = -8;
export const BLOCK_SIZE = -4;
export const BLOCK_LENGTH = -2;
/** The block may be entered from the one before it: it is what stands there, and no region has taken its place. */
export const BLOCK_DIRECT = 1;
/** The block notes what follows it: it ends in a jump that goes to two places at most. */
export const BLOCK_NOTES = 2;
/** The block ends in an indirect jump or call. */
export const BLOCK_INDIRECT = 4;
/** A block that ends in an indirect jump or call has, behind the record of that, a table of targets seen (low 32 bits of the PC, 0: none). */
export const TARGETS_SIZE = 32;

/** Code above 4 GiB: records have but the lower half of its PCs. */
export const isFar = (pc: number): boolean => pc >= 0x1_0000_0000;

/** PC of the block whose first record is there: its code may be above 4 GiB. */
export function blockPc(view: DataView, block: number): number {
  return view.getUint16(block + BLOCK_HIGH, true) * 0x1_0000_0000 + view.getUint32(block + REC_PC, true);
}

/** Write 64 bits, two's complement; a number must be an exact integer (BigInts cost ten times as much). */
export function put64(view: DataView, at: number, v: number | bigint): void {
  if (typeof v === 'bigint') {
    view.setBigInt64(at, v, true);
    return;
  }
  view.setInt32(at, v | 0, true);
  view.setInt32(at + 4, Math.floor(v / 0x1_0000_0000), true);
}
