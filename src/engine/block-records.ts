/** Predecoded blocks as they lie in the memory: what their headers and records say. By the offset of the first record, 0 is none. Which blocks there are is block-map.ts's to know. */
import {
  BLOCK_BITS,
  BLOCK_BYTES,
  BLOCK_DIRECT,
  BLOCK_INDIRECT,
  BLOCK_LENGTH,
  BLOCK_NEXT,
  BLOCK_SOURCE,
  blockPc,
  REC_HANDLER,
  REC_PC,
  RECORD_SIZE,
  TARGETS_SIZE,
} from '../isa/record.ts';
import type { AddressSpace } from '../memory/address-space.ts';

export class BlockRecords {
  readonly #space: AddressSpace;

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  pc(block: number): number {
    return blockPc(this.#space.view, block);
  }
  /** First guest address behind a block. */
  end(block: number): number {
    return this.pc(block) + this.#space.view.getInt32(block + BLOCK_BYTES, true);
  }
  #length(block: number): number {
    return this.#space.view.getUint16(block + BLOCK_LENGTH, true);
  }

  /** PC of the indirect jump or call at its end, or -1. */
  indirectPc(block: number): number {
    const { view } = this.#space;
    if ((view.getInt32(block + BLOCK_BITS, true) & BLOCK_INDIRECT) === 0) return -1;
    const last = block + (this.#length(block) - 1) * RECORD_SIZE;
    return this.pc(block) + ((view.getInt32(last + REC_PC, true) - view.getInt32(block + REC_PC, true)) >>> 0);
  }
  /** Where that was seen to go; 0 among them says nothing. */
  targets(block: number): number[] {
    const table = block + this.#length(block) * RECORD_SIZE;
    return Array.from({ length: TARGETS_SIZE }, (_, i) => this.#space.view.getUint32(table + i * 4, true));
  }

  /** Table indices of its records' handlers. */
  handlers(block: number): number[] {
    const { view } = this.#space;
    return Array.from({ length: this.#length(block) }, (_, i) =>
      view.getUint16(block + i * RECORD_SIZE + REC_HANDLER, true),
    );
  }
  setHandlers(block: number, handler: number): void {
    const { view } = this.#space;
    for (let i = 0; i < this.#length(block); i++) view.setUint16(block + i * RECORD_SIZE + REC_HANDLER, handler, true);
  }

  /** Its bytes may change without notice. */
  isCompared(block: number): boolean {
    return this.#space.view.getInt32(block + BLOCK_SOURCE, true) !== 0;
  }
  /** Is it what stands there now? */
  isFresh(block: number): boolean {
    const { view, u8 } = this.#space;
    const copy = view.getInt32(block + BLOCK_SOURCE, true);
    const bytes = view.getInt32(block + BLOCK_BYTES, true);
    const now = this.#space.fetch(this.pc(block), bytes);
    return now.length === bytes && now.every((byte, i) => u8[copy + i] === byte);
  }

  /** Let the interpreter go into a block from the one before it, or only by way of the dispatch loop. */
  setDirect(block: number, direct: boolean): void {
    if (!block) return;
    const { view } = this.#space;
    const rest = view.getInt32(block + BLOCK_BITS, true) & ~BLOCK_DIRECT;
    view.setInt32(block + BLOCK_BITS, direct && !this.isCompared(block) ? rest | BLOCK_DIRECT : rest, true);
  }

  // ---- those that begin in the same page: a chain from the one made last

  next(block: number): number {
    return this.#space.view.getInt32(block + BLOCK_NEXT, true);
  }
  setNext(block: number, next: number): void {
    this.#space.view.setInt32(block + BLOCK_NEXT, next, true);
  }
  chain(newest: number): number[] {
    const blocks: number[] = [];
    for (let block = newest; block !== 0; block = this.next(block)) blocks.push(block);
    return blocks;
  }
  /** The one that begins at a PC, 0: none. There are a few dozen; a table of all blocks' PCs took longer to fill than this to search. */
  find(newest: number, pc: number): number {
    const { i32 } = this.#space;
    const low = pc | 0;
    let block = newest;
    while (block !== 0 && i32[(block + REC_PC) >> 2] !== low) block = i32[(block + BLOCK_NEXT) >> 2];
    return block;
  }
}
