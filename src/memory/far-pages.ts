/** Private pages outside the window: their bytes are in frames of the wasm memory, where code finds them by a table of places, or in arrays of their own when the frames are used up. */
import {
  FAR_ENTRIES,
  FAR_ENTRY,
  FAR_FRAMES,
  FAR_FRAMES_END,
  FAR_READS,
  FAR_WRITES,
  PAGE_SIZE,
} from './runtime-area.ts';

/** The memory that the frames are in. */
export interface FrameMemory {
  /** Over all of it. */
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  /** Make it so large; false: it cannot be. */
  enlarge(bytes: number): boolean;
  zero(from: number, to: number): void;
}

/** An untouched page, for reading. */
export const ZERO_PAGE = new Uint8Array(PAGE_SIZE);

export class FarPages {
  readonly #memory: FrameMemory;
  readonly #pages = new Map<number, Uint8Array>();
  /** Frames given back, and the first one never used. */
  readonly #free: number[] = [];
  #next = FAR_FRAMES + PAGE_SIZE;
  /** Some page is in the table of places. */
  #shown = false;

  constructor(memory: FrameMemory) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#pages.size;
  }
  has(page: number): boolean {
    return this.#pages.has(page);
  }
  get(page: number): Uint8Array | undefined {
    return this.#pages.get(page);
  }
  keys(): IterableIterator<number> {
    return this.#pages.keys();
  }

  /** A page of zeros under a number that has none. A view over the memory as it is now stays one when that grows, for it is a shared memory. */
  make(page: number): Uint8Array {
    const frame = this.#takeFrame();
    const bytes = frame === undefined ? new Uint8Array(PAGE_SIZE) : this.#memory.u8.subarray(frame, frame + PAGE_SIZE);
    this.#pages.set(page, bytes);
    this.hide(page, page + 1);
    return bytes;
  }

  /** A page with this content under that number. */
  set(page: number, content: Uint8Array): void {
    (this.#pages.get(page) ?? this.make(page)).set(content);
  }

  delete(page: number): void {
    const bytes = this.#pages.get(page);
    if (!bytes) return;
    this.#pages.delete(page);
    this.hide(page, page + 1);
    const place = placeOf(bytes);
    if (place > 0) this.#free.push(place);
  }

  #takeFrame(): number | undefined {
    const free = this.#free.pop();
    if (free !== undefined) {
      this.#memory.zero(free, free + PAGE_SIZE);
      return free;
    }
    const frame = this.#next;
    if (frame === FAR_FRAMES_END || !this.#memory.enlarge(frame + PAGE_SIZE)) return undefined;
    this.#next += PAGE_SIZE;
    return frame;
  }

  // ---- the table of places

  /** From now on code may read this page, or write it, without asking; a page that has no frame it may not. */
  show(page: number, bytes: Uint8Array, write: boolean): void {
    const place = bytes === ZERO_PAGE ? FAR_FRAMES : placeOf(bytes);
    if (place === 0 || !this.#memory.enlarge(place + PAGE_SIZE)) return;
    const { u32 } = this.#memory;
    const at = ((write ? FAR_WRITES : FAR_READS) + (page % FAR_ENTRIES) * FAR_ENTRY) >> 2;
    u32[at] = page + 1;
    u32[at + 1] = Math.floor((page + 1) / 0x1_0000_0000);
    u32[at + 2] = place;
    this.#shown = true;
  }

  /** Code has to ask again for pages [first, last), for writing alone or for both. */
  hide(first: number, last: number, onlyWrites = false): void {
    if (!this.#shown) return;
    const { u32 } = this.#memory;
    const entries = Math.min(last - first, FAR_ENTRIES);
    for (const table of onlyWrites ? [FAR_WRITES] : [FAR_READS, FAR_WRITES]) {
      for (let i = 0; i < entries; i++) {
        const at = (table + ((first + i) % FAR_ENTRIES) * FAR_ENTRY) >> 2;
        const page = u32[at] + u32[at + 1] * 0x1_0000_0000 - 1;
        if (page >= first && page < last) u32[at] = u32[at + 1] = 0;
      }
    }
  }

  /** Forget all pages. Tells how many bytes of the memory they have touched; these and the table are to be zeroed before it is used again. */
  clear(): number {
    this.#pages.clear();
    return this.#next - FAR_FRAMES - PAGE_SIZE;
  }
  zero(): void {
    this.#memory.zero(FAR_FRAMES, this.#next);
    if (this.#shown) this.#memory.zero(FAR_READS, FAR_WRITES + FAR_ENTRIES * FAR_ENTRY);
  }
}

/** Where in the memory a page's bytes are, 0: in an array of their own. */
const placeOf = (bytes: Uint8Array): number => (bytes.byteOffset >= FAR_FRAMES ? bytes.byteOffset : 0);
