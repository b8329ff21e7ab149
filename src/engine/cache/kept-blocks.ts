/** Predecoded blocks of files' code, for later address spaces and processes: their records as block-map.ts lays them out, and the guest bytes they were made from. Decoding is most of what a short program waits for. */
import { BLOCK_BYTES, BLOCK_HEADER, BLOCK_SIZE } from '../../isa/record.ts';
import { BlockIndex } from '../block-index.ts';

/** Bytes of blocks that one process may add: 40,000 blocks or so, those of a start. */
const CAPACITY = 8 << 20;

/** In front of each block's header (u32): the first record of the one that was kept before at the same PC, 0: none; and bits. */
const LINK = 8;
const OLDER = -BLOCK_HEADER - 8;
const BITS = -BLOCK_HEADER - 4;
const USED = 1;
/** It has handlers that not every process has at the same place. */
const OURS = 2;

/** Blocks of programs that were at the same place one after the other are compared so many times. */
const MOST_COMPARED = 8;

/** Stored form: size and count of slots of the index (u32 each), the slots, the blocks. */
const HEAD = 8;

const rounded = (bytes: number): number => (bytes + 7) & -8;

/** A block is known by the offset of its first record, as in an address space. Behind its records stand the guest bytes. */
export class KeptBlocks {
  #bytes = new Uint8Array(1 << 16);
  view = new DataView(this.#bytes.buffer);
  #length = 0;
  #index = new BlockIndex(this);
  /** How often one was found. */
  found = 0;
  /** Length of what came from a store. */
  #restored = 0;

  /** The block at a PC, from its header to the end of its records, if one was made from the bytes that stand there now. Not to be held. */
  find(pc: number, fetch: (length: number) => Uint8Array): Uint8Array | undefined {
    let block = this.#index.get(pc);
    for (let i = 0; block !== 0 && i < MOST_COMPARED; i++) {
      if (this.#isOf(block, fetch(this.view.getInt32(block + BLOCK_BYTES, true)))) {
        this.found++;
        this.view.setUint32(block + BITS, this.#bits(block) | USED, true);
        return this.#bytes.subarray(block - BLOCK_HEADER, this.#source(block));
      }
      block = this.view.getUint32(block + OLDER, true);
    }
    return undefined;
  }

  /** Keep a block: `image` is what `find` gives back, `source` the guest bytes; `ours`: it is of no use to another process. */
  add(image: Uint8Array, source: Uint8Array, ours: boolean): void {
    if (this.#length - this.#restored < CAPACITY) this.#append(image, source, ours ? USED | OURS : USED);
  }

  #append(image: Uint8Array, source: Uint8Array, bits: number): void {
    const block = this.#length + LINK + BLOCK_HEADER;
    const end = rounded(block - BLOCK_HEADER + image.length + source.length);
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(image, block - BLOCK_HEADER);
    this.#bytes.set(source, this.#source(block));
    this.view.setUint32(block + OLDER, this.#index.replace(block), true);
    this.view.setUint32(block + BITS, bits, true);
    this.#length = end;
  }

  #grow(wanted: number): void {
    const bigger = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    bigger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bigger;
    this.view = new DataView(bigger.buffer);
  }

  /** Take up what an earlier process has stored, before anything is added. It becomes ours. */
  restore(stored: Uint8Array): void {
    const head = new DataView(stored.buffer, stored.byteOffset);
    const slots = new Int32Array(head.getUint32(4, true));
    const at = HEAD + slots.byteLength;
    new Uint8Array(slots.buffer).set(stored.subarray(HEAD, at));
    this.#bytes = stored.subarray(at) as Uint8Array<ArrayBuffer>;
    this.view = new DataView(stored.buffer as ArrayBuffer, stored.byteOffset + at, stored.length - at);
    this.#length = this.#restored = this.#bytes.length;
    this.#index = new BlockIndex(this, slots, head.getUint32(0, true));
  }

  /** Did so much come up in this process that storing it pays? */
  get worthStoring(): boolean {
    return this.#length - this.#restored > this.#restored / 8;
  }

  /** What another process may use; if there is much, only what was of use here. */
  get storable(): Uint8Array {
    const kept = new KeptBlocks();
    for (let at = 0; at < this.#length; ) {
      const block = at + LINK + BLOCK_HEADER;
      const source = this.#source(block);
      const end = source + this.view.getInt32(block + BLOCK_BYTES, true);
      const bits = this.#bits(block);
      if ((bits & OURS) === 0 && (bits & USED || this.#length <= CAPACITY))
        kept.#append(this.#bytes.subarray(block - BLOCK_HEADER, source), this.#bytes.subarray(source, end), 0);
      at = rounded(end);
    }
    return kept.#stored();
  }

  #stored(): Uint8Array {
    const { slots, size } = this.#index;
    const whole = new Uint8Array(HEAD + slots.byteLength + this.#length);
    const head = new DataView(whole.buffer);
    head.setUint32(0, size, true);
    head.setUint32(4, slots.length, true);
    whole.set(new Uint8Array(slots.buffer), HEAD);
    whole.set(this.#bytes.subarray(0, this.#length), HEAD + slots.byteLength);
    return whole;
  }

  #bits(block: number): number {
    return this.view.getUint32(block + BITS, true);
  }
  /** Where its guest bytes are. */
  #source(block: number): number {
    return block - BLOCK_HEADER + this.view.getUint16(block + BLOCK_SIZE, true);
  }

  /** Was it made from these bytes? */
  #isOf(block: number, now: Uint8Array): boolean {
    const length = this.view.getInt32(block + BLOCK_BYTES, true);
    if (now.length !== length) return false;
    const bytes = this.#bytes;
    const source = this.#source(block);
    for (let i = 0; i < length; i++) if (bytes[source + i] !== now[i]) return false;
    return true;
  }
}
