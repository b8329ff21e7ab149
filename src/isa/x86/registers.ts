/** Registers as the engine numbers them: ids are places in its table, the isa's `registers`. */
import type { Register } from '../isa.ts';
import { FIELDS, GPR, gprOffset, x87Offset, xmmOffset } from './state.ts';

export const XMM_ID = 16;
export const CCOP_ID = 32;
export const CCA_ID = 33;
export const CCB_ID = 34;
export const CCC_ID = 35;
export const MXCSR_ID = 36;
/** The x87 stack in a region's locals (x87/region-unit.ts): TOP when it was loaded, and from there TOP, tags and eight registers. */
export const X87_TURN_ID = 37;
export const X87_TOP_ID = 38;
export const X87_TAGS_ID = 39;
export const X87_STATUS_ID = 40;
export const X87_SIGNIFICAND_ID = 41;
export const X87_EXPONENT_ID = 49;

const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7];

export const REGISTERS: readonly Register[] = [
  ...GPR.map((name, n): Register => ({ name, type: 'i64', offset: gprOffset(n) })),
  ...GPR.map((_, n): Register => ({ name: `xmm${n}`, type: 'v128', offset: xmmOffset(n) })),
  { name: 'ccop', type: 'i32', offset: FIELDS.ccop.offset },
  { name: 'cca', type: 'i64', offset: FIELDS.cca.offset },
  { name: 'ccb', type: 'i64', offset: FIELDS.ccb.offset },
  { name: 'ccc', type: 'i64', offset: FIELDS.ccc.offset },
  { name: 'mxcsr', type: 'i32', offset: FIELDS.mxcsr.offset },
  { name: 'turn', type: 'i32', offset: FIELDS.ftop.offset },
  { name: 'ftop', type: 'i32', offset: FIELDS.ftop.offset, turned: 'number' },
  { name: 'ftag', type: 'i32', offset: FIELDS.ftag.offset, turned: 'bits' },
  { name: 'fsw', type: 'i32', offset: FIELDS.fsw.offset },
  ...EIGHT.map((i): Register => ({ name: `m${i}`, type: 'i64', offset: x87Offset(0), turned: i })),
  ...EIGHT.map((i): Register => ({ name: `se${i}`, type: 'i32', access: 'u16', offset: x87Offset(0) + 8, turned: i })),
];
