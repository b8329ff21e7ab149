/** Predecoded blocks of files' code, for later address spaces and processes: their records as block-map.ts lays them out, and the guest bytes they were made from. Decoding is most of what a short program waits for. */
import {
  BLOCK_BYTES,
  BLOCK_HEADER,
  BLOCK_LENGTH,
  BLOCK_SIZE,
  REC_HANDLER,
  REC_PC,
  RECORD_SIZE,
} from '../../isa/record.ts';
import { PAGE_SIZE } from '../../memory/runtime-area.ts';

/** Bytes of blocks that one process may add: 40,000 blocks or so, those of a start. */
const CAPACITY = 8 << 20;

/** Stored form: how many pages there are (u32); for each its number in two halves, how many bytes its blocks have, how many these were made from, how far they reach beyond it (u32 each); then both of each page. */
const HEAD = 4;
const PAGE_HEAD = 20;

type Fetch = (start: number, length: number) => Uint8Array;

const NOTHING = new Uint8Array(0);

/** Blocks that begin in a page, made from what stood there once. */
export class KeptPage {
  readonly number: number;
  /** The blocks, one after the other, each from its header to the end of its records. */
  images: Uint8Array = NOTHING;
  length = 0;
  /** The guest bytes that they were made from, in the same order. */
  sources: Uint8Array = NOTHING;
  sourceLength = 0;
  /** How many bytes behind the page there are among these. */
  beyond = 0;
  /** It was of use in this process. */
  used = false;

  constructor(number: number) {
    this.number = number;
  }

  add(image: Uint8Array, source: Uint8Array): void {
    this.images = appended(this.images, this.length, image);
    this.length += image.length;
    this.sources = appended(this.sources, this.sourceLength, source);
    this.sourceLength += source.length;
    const inPage = u32(image, BLOCK_HEADER + REC_PC) % PAGE_SIZE;
    this.beyond = Math.max(this.beyond, inPage + source.length - PAGE_SIZE);
  }

  /** Is this still what stands there? The first block tells. */
  isOf(fetch: Fetch): boolean {
    const start = this.number * PAGE_SIZE + (u32(this.images, BLOCK_HEADER + REC_PC) % PAGE_SIZE);
    const first = this.sources.subarray(0, u32(this.images, BLOCK_HEADER + BLOCK_BYTES));
    const now = fetch(start, first.length);
    return now.length === first.length && first.every((byte, i) => byte === now[i]);
  }

  /** Only those blocks whose handlers every process has at the same place: below `common`. */
  common(common: number): KeptPage {
    const page = new KeptPage(this.number);
    let source = 0;
    for (let at = 0; at < this.length; ) {
      const image = this.images.subarray(at, at + u16(this.images, at + BLOCK_HEADER + BLOCK_SIZE));
      const bytes = u32(image, BLOCK_HEADER + BLOCK_BYTES);
      const records = u16(image, BLOCK_HEADER + BLOCK_LENGTH);
      let most = 0;
      for (let i = 0; i < records; i++) most = Math.max(most, u16(image, BLOCK_HEADER + i * RECORD_SIZE + REC_HANDLER));
      if (most < common) page.add(image, this.sources.subarray(source, source + bytes));
      source += bytes;
      at += image.length;
    }
    return page;
  }
}

const u16 = (bytes: Uint8Array, at: number): number => bytes[at] | (bytes[at + 1] << 8);
const u32 = (bytes: Uint8Array, at: number): number => (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;

function appended(to: Uint8Array, length: number, more: Uint8Array): Uint8Array {
  const wanted = length + more.length;
  let room = to;
  if (wanted > to.length) {
    room = new Uint8Array(Math.max(wanted, 2 * to.length, 256));
    room.set(to.subarray(0, length));
  }
  room.set(more, length);
  return room;
}

export class KeptBlocks {
  /** By page number: programs that were at the same place one after the other have one each. */
  readonly #pages = new Map<number, KeptPage[]>();
  /** Bytes of what came up in this process, and of what came from a store. */
  #added = 0;
  #restored = 0;

  /** What is kept of a page with the bytes that stand there now. */
  pageAt(number: number, fetch: Fetch): KeptPage | undefined {
    return this.#pages.get(number)?.find((page) => page.isOf(fetch));
  }

  /** Keep a block: `image` is what stands from its header to the end of its records, `source` the guest bytes. `page`: that of blocks that were made from the same page, if there are any. Answers the block's. */
  add(number: number, page: KeptPage | undefined, image: Uint8Array, source: Uint8Array): KeptPage | undefined {
    if (this.#added >= CAPACITY) return page;
    this.#added += image.length + source.length;
    const to = page ?? this.#enter(new KeptPage(number));
    to.used = true;
    to.add(image, source);
    return to;
  }

  #enter(page: KeptPage): KeptPage {
    const others = this.#pages.get(page.number);
    if (others) others.push(page);
    else this.#pages.set(page.number, [page]);
    return page;
  }

  /** Take up what an earlier process has stored, before anything is added. It becomes ours. */
  restore(stored: Uint8Array): void {
    const head = new DataView(stored.buffer, stored.byteOffset);
    const count = head.getUint32(0, true);
    let at = HEAD + PAGE_HEAD * count;
    for (let i = 0; i < count; i++) {
      const field = HEAD + PAGE_HEAD * i;
      const number = head.getUint32(field + 4, true) * 0x1_0000_0000 + head.getUint32(field, true);
      const page = this.#enter(new KeptPage(number));
      page.length = head.getUint32(field + 8, true);
      page.sourceLength = head.getUint32(field + 12, true);
      page.beyond = head.getUint32(field + 16, true);
      page.images = stored.subarray(at, at + page.length);
      at += page.length;
      page.sources = stored.subarray(at, at + page.sourceLength);
      at += page.sourceLength;
    }
    this.#restored = at;
  }

  /** Did so much come up in this process that storing it pays? */
  get worthStoring(): boolean {
    return this.#added > this.#restored / 8;
  }

  /** What another process may use, which has the same handlers below `common`; if there is much, only pages that were of use here. */
  storable(common: number): Uint8Array {
    const all = [...this.#pages.values()].flat();
    const much = this.#added + this.#restored > CAPACITY;
    const pages = all.filter((page) => page.used || !much).map((page) => page.common(common));
    const kept = pages.filter(({ length }) => length > 0);
    const size = kept.reduce((sum, page) => sum + page.length + page.sourceLength, HEAD + PAGE_HEAD * kept.length);
    const stored = new Uint8Array(size);
    const head = new DataView(stored.buffer);
    head.setUint32(0, kept.length, true);
    let at = HEAD + PAGE_HEAD * kept.length;
    kept.forEach(({ number, images, length, sources, sourceLength, beyond }, i) => {
      const fields = [number, Math.floor(number / 0x1_0000_0000), length, sourceLength, beyond];
      fields.forEach((value, j) => {
        head.setUint32(HEAD + PAGE_HEAD * i + 4 * j, value, true);
      });
      stored.set(images.subarray(0, length), at);
      stored.set(sources.subarray(0, sourceLength), at + length);
      at += length + sourceLength;
    });
    return stored;
  }
}
