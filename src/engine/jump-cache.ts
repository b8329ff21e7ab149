/** The jump cache: where a PC stands in it, for wasm and for JavaScript, and what JavaScript does with it. Which blocks and regions there are is block-map.ts's to know. */
import { put64 } from '../isa/record.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { JUMP_CACHE, JUMP_CACHE_ENTRIES, JUMP_CACHE_ENTRY, JUMP_CACHE_GROUP } from '../memory/runtime-area.ts';
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

/** Blocks whose places are as many as zeroing all of it costs. */
const MANY = 1024;

export class JumpCache {
  readonly #space: AddressSpace;
  #turn = 0;

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  /** Enter a PC with its block's first record and its region's number, 0: none. */
  enter(pc: number, block: number, region: number): void {
    const slot = jumpCacheSlot(pc);
    const { view, u8 } = this.#space;
    // PCs that share a place and take turns must not push each other out: the older one moves on.
    const taken = view.getInt32(slot, true);
    if (taken !== 0 && taken !== (pc | 0) + 1) {
      const free = JUMP_CACHE_GROUP.find((way) => view.getInt32(slot ^ way, true) === 0);
      u8.copyWithin(slot ^ (free ?? this.#victim()), slot, slot + JUMP_CACHE_ENTRY);
    }
    put64(view, slot, pc + 1);
    view.setInt32(slot + 8, block, true);
    view.setInt32(slot + 12, region, true);
  }

  /** Any of the other places of a full group, in turn. */
  #victim(): number {
    this.#turn = (this.#turn % (JUMP_CACHE_GROUP.length - 1)) + 1;
    return JUMP_CACHE_GROUP[this.#turn];
  }

  forget(pc: number): void {
    const { u8, view } = this.#space;
    const first = jumpCacheSlot(pc);
    const [low, high] = [(pc + 1) | 0, Math.floor((pc + 1) / 0x1_0000_0000) | 0];
    for (const way of JUMP_CACHE_GROUP) {
      const slot = first ^ way;
      if (view.getInt32(slot, true) === low && view.getInt32(slot + 4, true) === high) {
        u8.fill(0, slot, slot + JUMP_CACHE_ENTRY);
      }
    }
  }

  /** Forget all of it. Only PCs with a block are in it: a small process need not touch the rest. */
  empty(blocks: number, pcs: () => Iterable<number>): void {
    if (blocks < MANY) for (const pc of pcs()) this.forget(pc);
    else this.#space.zero(JUMP_CACHE, JUMP_CACHE + JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY);
  }
}
