/** Predecoded blocks of files' code, for later address spaces and processes: their records as block-map.ts lays them out, and the guest bytes they were made from. Decoding is most of what a short program waits for. */
import { BLOCK_BYTES, BLOCK_HEADER, BLOCK_SIZE, blockPc } from '../../isa/record.ts';
import { PAGE_SIZE } from '../../memory/runtime-area.ts';

/** Bytes of blocks that one process may add: 40,000 blocks or so, those of a start. */
const CAPACITY = 8 << 20;

/** In front of each block's header (u32): the first record of the one that was kept before of the same page, 0: none; and bits. */
const LINK = 8;
const OLDER = -BLOCK_HEADER - 8;
const BITS = -BLOCK_HEADER - 4;
const USED = 1;
/** It has handlers that not every process has at the same place. */
const OURS = 2;

/** Stored form: how many pages there are (u32), the newest block of each (u32), the blocks. */
const HEAD = 4;

const rounded = (bytes: number): number => (bytes + 7) & -8;

type Fetch = (start: number, length: number) => Uint8Array;

/** Blocks that begin in a page, as long as it has the bytes they were made from; by the offsets of their first records, as in an address space. */
export class KeptPage {
  readonly #kept: KeptBlocks;
  readonly #start: number;
  /** The one that was kept last, 0: none. */
  newest = 0;

  constructor(kept: KeptBlocks, number: number) {
    this.#kept = kept;
    this.#start = number * PAGE_SIZE;
  }

  /** The blocks that were kept after `seen` and made from the bytes that stand there now, the newest first: where each begins and what stands from its header to the end of its records. Not to be held. */
  each(seen: number, fetch: Fetch, take: (pc: number, image: Uint8Array) => void): void {
    const start = this.#start;
    const bytes = fetch(start, PAGE_SIZE);
    for (let block = this.newest; block !== seen && block !== 0; block = this.#kept.older(block)) {
      const pc = this.#kept.pc(block);
      const end = this.#kept.end(block);
      const inside = end - start <= bytes.length;
      if (inside ? this.#kept.isOf(block, bytes, pc - start) : this.#kept.isOf(block, fetch(pc, end - pc), 0)) {
        take(pc, this.#kept.use(block));
      }
    }
  }
}

export class KeptBlocks {
  #bytes = new Uint8Array(1 << 16);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  /** By page number: programs that were at the same place one after the other have one each. */
  readonly #pages = new Map<number, KeptPage[]>();
  /** How often one was put to use. */
  used = 0;
  /** Length of what came from a store. */
  #restored = 0;

  /** What is kept of a page with the bytes that stand there now: its newest block tells. */
  pageAt(number: number, fetch: Fetch): KeptPage {
    const pages = this.#pagesOf(number);
    for (const page of pages) {
      const { newest } = page;
      if (newest === 0) return page;
      const pc = this.pc(newest);
      if (this.isOf(newest, fetch(pc, this.end(newest) - pc), 0)) return page;
    }
    const page = new KeptPage(this, number);
    pages.push(page);
    return page;
  }

  #pagesOf(number: number): KeptPage[] {
    let pages = this.#pages.get(number);
    if (!pages) {
      pages = [];
      this.#pages.set(number, pages);
    }
    return pages;
  }

  /** Keep a block: `image` is what `each` gives, `source` the guest bytes; `ours`: it is of no use to another process. */
  add(page: KeptPage, image: Uint8Array, source: Uint8Array, ours: boolean): void {
    if (this.#length - this.#restored < CAPACITY) this.#append(page, image, source, ours ? USED | OURS : USED);
  }

  #append(page: KeptPage, image: Uint8Array, source: Uint8Array, bits: number): void {
    const block = this.#length + LINK + BLOCK_HEADER;
    const end = rounded(block - BLOCK_HEADER + image.length + source.length);
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(image, block - BLOCK_HEADER);
    this.#bytes.set(source, this.#source(block));
    this.#view.setUint32(block + OLDER, page.newest, true);
    this.#view.setUint32(block + BITS, bits, true);
    this.#length = end;
    page.newest = block;
  }

  #grow(wanted: number): void {
    const bigger = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    bigger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bigger;
    this.#view = new DataView(bigger.buffer);
  }

  /** Take up what an earlier process has stored, before anything is added. It becomes ours. */
  restore(stored: Uint8Array): void {
    const head = new DataView(stored.buffer, stored.byteOffset);
    const pages = head.getUint32(0, true);
    const at = HEAD + 4 * pages;
    this.#bytes = stored.subarray(at) as Uint8Array<ArrayBuffer>;
    this.#view = new DataView(stored.buffer as ArrayBuffer, stored.byteOffset + at, stored.length - at);
    this.#length = this.#restored = this.#bytes.length;
    for (let i = 0; i < pages; i++) {
      const newest = head.getUint32(HEAD + 4 * i, true);
      const number = Math.floor(this.pc(newest) / PAGE_SIZE);
      const page = new KeptPage(this, number);
      page.newest = newest;
      this.#pagesOf(number).push(page);
    }
  }

  /** Did so much come up in this process that storing it pays? */
  get worthStoring(): boolean {
    return this.#length - this.#restored > this.#restored / 8;
  }

  /** What another process may use; if there is much, only what was of use here. Blocks of a page stand together. */
  get storable(): Uint8Array {
    const kept = new KeptBlocks();
    const newest: number[] = [];
    for (const [number, pages] of this.#pages) {
      for (const page of pages) {
        const copy = new KeptPage(kept, number);
        for (let block = page.newest; block !== 0; block = this.older(block)) {
          const bits = this.#bits(block);
          if ((bits & OURS) !== 0 || ((bits & USED) === 0 && this.#length > CAPACITY)) continue;
          const source = this.#source(block);
          const image = this.#bytes.subarray(block - BLOCK_HEADER, source);
          kept.#append(copy, image, this.#bytes.subarray(source, source + this.#size(block)), 0);
        }
        if (copy.newest !== 0) newest.push(copy.newest);
      }
    }
    return kept.#stored(newest);
  }

  #stored(newest: readonly number[]): Uint8Array {
    const at = HEAD + 4 * newest.length;
    const whole = new Uint8Array(at + this.#length);
    new Uint32Array(whole.buffer, 0, 1 + newest.length).set([newest.length, ...newest]);
    whole.set(this.#bytes.subarray(0, this.#length), at);
    return whole;
  }

  // ---- one block

  older(block: number): number {
    return this.#view.getUint32(block + OLDER, true);
  }
  pc(block: number): number {
    return blockPc(this.#view, block);
  }
  /** First guest address behind it. */
  end(block: number): number {
    return this.pc(block) + this.#size(block);
  }
  /** What stands from its header to the end of its records, to be put to use. */
  use(block: number): Uint8Array {
    this.used++;
    this.#view.setUint32(block + BITS, this.#bits(block) | USED, true);
    return this.#bytes.subarray(block - BLOCK_HEADER, this.#source(block));
  }
  /** Was it made from these bytes, from `at` on? */
  isOf(block: number, now: Uint8Array, at: number): boolean {
    const length = this.#size(block);
    if (now.length - at < length) return false;
    const bytes = this.#bytes;
    const source = this.#source(block);
    for (let i = 0; i < length; i++) if (bytes[source + i] !== now[at + i]) return false;
    return true;
  }
  #bits(block: number): number {
    return this.#view.getUint32(block + BITS, true);
  }
  #size(block: number): number {
    return this.#view.getInt32(block + BLOCK_BYTES, true);
  }
  /** Where its guest bytes are. */
  #source(block: number): number {
    return block - BLOCK_HEADER + this.#view.getUint16(block + BLOCK_SIZE, true);
  }
}
