/** Which block begins at a PC: a hash table of record offsets, the PCs themselves stand in the records. A Map of objects took 220 bytes a block, gcc's cc1 makes 139,000 for 800 lines. */
import { blockPc } from '../isa/record.ts';
import { SPREAD } from './jump-cache.ts';

const SMALLEST = 1 << 10;

export class BlockIndex {
  readonly #memory: { readonly view: DataView };
  /** Offset of a block's first record, 0: free. Taken places that follow each other begin at or before the place where each would like to be. */
  #slots = new Int32Array(SMALLEST);
  #size = 0;

  constructor(memory: { readonly view: DataView }) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#size;
  }

  /** Offset of the first record of the block that begins at a PC; 0 if there is none. */
  get(pc: number): number {
    return this.#slots[this.#find(pc)];
  }

  /** Add a block; there is none at its PC. */
  add(record: number): void {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    this.#slots[this.#find(this.#pc(record))] = record;
    this.#size++;
  }

  delete(pc: number): void {
    const slots = this.#slots;
    const last = slots.length - 1;
    let free = this.#find(pc);
    if (slots[free] === 0) return;
    this.#size--;
    for (let at = (free + 1) & last; slots[at] !== 0; at = (at + 1) & last) {
      // Move what may stand in the free place: it would like to be there or before.
      if (((at - this.#home(this.#pc(slots[at]))) & last) < ((at - free) & last)) continue;
      slots[free] = slots[at];
      free = at;
    }
    slots[free] = 0;
  }

  clear(): void {
    this.#slots = new Int32Array(SMALLEST);
    this.#size = 0;
  }

  /** Offsets of the first records of all blocks. */
  records(): Iterable<number> {
    return this.#slots.filter((record) => record !== 0);
  }

  /** Where all blocks begin. */
  pcs(): number[] {
    return Array.from(this.records(), (record) => this.#pc(record));
  }

  #pc(record: number): number {
    return blockPc(this.#memory.view, record);
  }

  #home(pc: number): number {
    return (Math.imul(pc, SPREAD) >>> 8) & (this.#slots.length - 1);
  }

  /** Where a PC's block stands, or would. */
  #find(pc: number): number {
    const slots = this.#slots;
    const last = slots.length - 1;
    let at = this.#home(pc);
    while (slots[at] !== 0 && this.#pc(slots[at]) !== pc) at = (at + 1) & last;
    return at;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    for (const record of old) if (record !== 0) this.#slots[this.#find(this.#pc(record))] = record;
  }
}
