/** What one instruction vector is: the machine's state before, and what the instruction did; how it is recorded or stored is left to others. */

/** Two writable pages, then a hole; a page that can only be read; the code area, filled with int3. recorder.c has the same numbers. */
export const DATA = 0x1000_0000;
export const DATA_SIZE = 0x2000;
export const READONLY = 0x1000_3000;
export const CODE = 0x2000_0000;
export const CODE_SIZE = 0x1_0000;
/** The FXSAVE image as far as XMM15. */
export const FX_BYTES = 416;

export interface Patch {
  /** From DATA. */
  offset: number;
  bytes: Uint8Array;
}

export interface Case {
  code: Uint8Array;
  address: number;
  gpr: BigUint64Array;
  flags: number;
  /** FS and GS base; zero without. */
  bases?: readonly [bigint, bigint];
  fx?: Uint8Array;
  /** What differs in the data pages from `pristine`. */
  patches: readonly Patch[];
  /** A REP form: the recorder goes on until it has left the instruction. */
  repeats?: boolean;
  /** PUSHF stores the recorder's trap flag, which the recorder then clears. */
  pushesFlags?: boolean;
  /** The row it was made from. */
  mnemonic?: string;
}

export interface Result {
  /** 1: the instruction completed; another number: the exception vector; 255: it did not end. */
  trap: number;
  error: number;
  /** CR2, meaningful for trap 14. */
  fault: bigint;
  gpr: BigUint64Array;
  rip: bigint;
  flags: number;
  bases: readonly [bigint, bigint];
  fx: Uint8Array | undefined;
  changes: Patch[];
}

/** What the data pages and the read-only page hold before the patches: xorshift32 from 1, the low byte of each step. */
export function pristine(): { data: Uint8Array; readonly: Uint8Array } {
  const bytes = new Uint8Array(DATA_SIZE + 0x1000);
  let x = 1;
  for (let i = 0; i < bytes.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x;
  }
  return { data: bytes.slice(0, DATA_SIZE), readonly: bytes.slice(DATA_SIZE) };
}

/** FP state after reset: FCW 037F, MXCSR 1F80, all registers zero and empty. */
export function freshFx(): Uint8Array {
  const fx = new Uint8Array(FX_BYTES);
  const view = new DataView(fx.buffer);
  view.setUint16(0, 0x37f, true);
  view.setUint32(24, 0x1f80, true);
  view.setUint32(28, 0xffff, true);
  return fx;
}

/** Registers with a background value no two of which are alike. */
export function background(): BigUint64Array {
  const gpr = new BigUint64Array(16);
  for (let i = 0; i < 16; i++) gpr[i] = 0x0101_0101_0101_0101n * BigInt(i + 0x30);
  gpr[4] = BigInt(DATA + 0x1800);
  gpr[5] = BigInt(DATA + 0x1840);
  return gpr;
}
