/** Where a PC stands in the jump cache, for wasm and for JavaScript. */
import { JUMP_CACHE, JUMP_CACHE_ENTRIES, JUMP_CACHE_ENTRY } from '../memory/runtime-area.ts';
import type { Func } from './wasm/encoder.ts';
import { I32_AND, WRAP } from './wasm/opcodes.ts';

/** A multiplicative hash: code of equal offsets in different megabytes must not meet. */
export const SPREAD = 0x9e37_79b1 | 0;
const SLOT_SHIFT = 32 - Math.log2(JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY);
const SLOT_MASK = (JUMP_CACHE_ENTRIES - 1) * JUMP_CACHE_ENTRY;

/** Push the jump-cache slot offset (i32) of a PC. */
export function pushSlot(f: Func, pc: number): void {
  f.get(pc);
  f.byte(WRAP);
  f.i32(SPREAD);
  f.byte(0x6c); // mul
  f.i32(SLOT_SHIFT);
  f.byte(0x76); // shr_u
  f.i32(SLOT_MASK);
  f.byte(I32_AND);
}

/** The same for JavaScript. */
export function jumpCacheSlot(pc: number): number {
  return JUMP_CACHE + ((Math.imul(pc, SPREAD) >>> SLOT_SHIFT) & SLOT_MASK);
}
