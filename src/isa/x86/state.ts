/** The x86-64 state block: where each register lives, as byte offsets; both tiers, signal frames and the debugger read this table. */

/** General registers in encoding order. */
export const GPR = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
] as const;
export type Gpr = (typeof GPR)[number];
export const RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7; // biome-ignore format: one row
export const R8 = 8, R9 = 9, R10 = 10, R11 = 11, R12 = 12, R13 = 13, R14 = 14, R15 = 15; // biome-ignore format: one row

export interface Field {
  readonly offset: number;
  readonly type: 'i32' | 'i64' | 'v128';
}

const i64 = (offset: number): Field => ({ offset, type: 'i64' });
const i32 = (offset: number): Field => ({ offset, type: 'i32' });

/** Byte offset of general register n. */
export const gprOffset = (n: number): number => n * 8;
/** Byte offset of XMM register n (32 bytes apart, so that YMM upper halves have their place). */
export const xmmOffset = (n: number): number => 0x100 + n * 32;
/** Byte offset of x87 physical register n (10 bytes used of 16); MMX register n is the low 8 bytes of physical register n. */
export const x87Offset = (n: number): number => 0x300 + n * 16;

export const FIELDS = {
  pc: i64(0x80),
  /** Lazy flags (see flags.ts): kind and width, then the operands of the last flag-setting operation. */
  ccop: i32(0x88),
  /** Direction flag: 0 or 1. */
  df: i32(0x8c),
  cca: i64(0x90),
  ccb: i64(0x98),
  ccc: i64(0xa0),
  fsbase: i64(0xa8),
  gsbase: i64(0xb0),
  /** Always zero: the register slot of an absent base, index or segment. */
  zero: i64(0xb8),
  mxcsr: i32(0xc0),
  /** x87 control word, status word without TOP, tag byte in the abridged FXSAVE form (bit set: register in use), TOP. */
  fcw: i32(0xc4),
  fsw: i32(0xc8),
  ftag: i32(0xcc),
  ftop: i32(0xd0),
  fop: i32(0xd4),
  fip: i64(0xd8),
  fdp: i64(0xe0),
  /** RFLAGS bits beyond the arithmetic ones and DF that the guest may set: TF, AC, ID, NT. */
  eflags: i32(0xe8),
  /** Time stamp readings so far, in lockstep. */
  readings: i64(0xf0),
  /** Engine scratch from here on: instructions left in the slice, why a handler stopped, and its operands. */
  budget: i32(0x380),
  exit: i32(0x384),
  hot: i32(0x398),
  exitA: i64(0x388),
  exitB: i64(0x390),
} as const satisfies Record<string, Field>;
/** 64 bytes through which slow memory accesses and helpers with several results pass their data. */
export const SCRATCH_OFFSET = 0x3a0;
export type FieldName = keyof typeof FIELDS;
