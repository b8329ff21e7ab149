/** Where the bytes of a space's pages are: the wasm memory with its page map and the state of every page, and the far pages outside the window. Says nothing of how contents come in. */
import { fail } from '../base/failures.ts';
import { FarPages } from './far-pages.ts';
import { giveMemory, takeMemory } from './memory-pool.ts';
import { EXECUTE, HAS_CODE, OPEN, READ, WRITE } from './page-map.ts';
import { PROT_EXEC, PROT_WRITE, type Region, RegionList } from './regions.ts';
import {
  FAR_FRAMES_END,
  PAGE_MAP,
  PAGE_SHIFT,
  PAGE_SIZE,
  READ_ENDS,
  RUNTIME_SIZE,
  WINDOW_SIZE,
  WRITE_ENDS,
} from './runtime-area.ts';

/** First address that user programs cannot map. */
export const ADDRESS_LIMIT = 0x7fff_ffff_f000;

/** The page's content is in the wasm memory (an untouched anonymous page counts: it is zero). */
export const PRESENT = 1;
/** Writes were let through: the content is the space's own. */
export const WRITTEN = 2;
/** The wasm memory of this page may hold something else than zeros. */
export const STAINED = 4;

const WINDOW_PAGES = WINDOW_SIZE / PAGE_SIZE;
const GROWTH_STEP = 64 << 20;

export abstract class PageStore {
  /** Address − offset of the guest window in `memory`: guest address A is at byte A − windowBase + RUNTIME_SIZE. Constant; 0 for Linux. */
  readonly windowBase: number;
  readonly memory: WebAssembly.Memory;
  /** Views over the whole wasm memory; re-made here and only here when it grows: never keep them across a call that may map memory. */
  u8!: Uint8Array;
  i32!: Int32Array;
  u32!: Uint32Array;
  view!: DataView;
  /** Goes up whenever a page that could be read or written no longer can: code that relies on having been allowed to must not go on. */
  revocations = 0;
  /** Called after the wasm memory grew and the views were re-made. */
  onGrow: () => void = () => {};
  /** Whoever uses the runtime area leaves here at the end how to zero all of it but the page map; else the memory is not reused. */
  zeroRuntimeArea: (() => void) | undefined;

  protected readonly regions: RegionList;
  /** PRESENT, WRITTEN, STAINED of every page of the window. */
  protected readonly pageState: Uint8Array;
  /** Private pages outside the window, by page number. */
  protected readonly far = new FarPages(this);
  /** One more than the highest window page ever used. */
  #top = 0;
  #disposed = false;

  constructor(windowBase: number, initialBytes: number) {
    this.windowBase = windowBase;
    this.regions = new RegionList([windowBase, windowBase + WINDOW_SIZE]);
    const { memory, state } = takeMemory(initialBytes);
    this.memory = memory;
    this.pageState = state;
    this.#remakeViews();
  }

  #remakeViews(): void {
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Zero bytes [from, to) of the wasm memory, widened to multiples of 8: in a shared memory V8 fills element by element. */
  zero(from: number, to: number): void {
    new Float64Array(this.memory.buffer).fill(0, Math.floor(from / 8), Math.ceil(to / 8));
  }

  /** Make the wasm memory reach up to guest address `end`. */
  reach(end: number): void {
    if (!this.enlarge(end - this.windowBase + RUNTIME_SIZE)) fail('ENOMEM');
  }

  /** Make the wasm memory have so many bytes; false: the host refuses. */
  enlarge(bytes: number): boolean {
    const size = this.u8.length;
    if (bytes <= size) return true;
    const wanted = Math.min(FAR_FRAMES_END, Math.ceil(bytes / GROWTH_STEP) * GROWTH_STEP);
    try {
      this.memory.grow((wanted - size) >>> 16);
    } catch {
      return false;
    }
    this.#remakeViews();
    this.onGrow();
    return true;
  }

  protected inWindow(address: number): boolean {
    return address >= this.windowBase && address < this.windowBase + WINDOW_SIZE;
  }

  /** Index of a page in the page map, or -1 outside the window. */
  protected slot(address: number): number {
    return this.inWindow(address) ? (address - this.windowBase) >>> PAGE_SHIFT : -1;
  }

  protected isDirect(region: Region): boolean {
    return (region.object === undefined || region.object.sole) && this.inWindow(region.start);
  }

  /** Recompute the page-map bytes of [start, end) and what depends on them; `region` covers the range, undefined: nothing is mapped there. */
  protected refresh(start: number, end: number, region: Region | undefined): void {
    const from = Math.max(start, this.windowBase);
    const to = Math.min(end, this.windowBase + WINDOW_SIZE);
    if (from >= to) return;
    const first = (from - this.windowBase) >>> PAGE_SHIFT;
    const last = Math.ceil((to - this.windowBase) / PAGE_SIZE);
    const map = this.u8;
    if (region === undefined) {
      map.fill(0, PAGE_MAP + first, PAGE_MAP + last);
      this.revocations++;
    } else {
      const direct = this.isDirect(region);
      const execute = region.prot & PROT_EXEC ? EXECUTE : 0;
      const readable = direct && region.prot !== 0;
      const writable = direct && (region.prot & PROT_WRITE) !== 0;
      const state = this.pageState;
      if (last > this.#top) this.#top = last;
      let lost = 0;
      for (let i = first; i < last; i++) {
        const code = map[PAGE_MAP + i] & (HAS_CODE | OPEN);
        const s = state[i];
        let bits = execute | code;
        if (readable && (s & PRESENT) !== 0) {
          bits |= READ;
          if (writable && (s & WRITTEN) !== 0 && code !== HAS_CODE) bits |= WRITE;
        }
        lost |= map[PAGE_MAP + i] & ~bits;
        map[PAGE_MAP + i] = bits;
      }
      if (lost & (READ | WRITE)) this.revocations++;
    }
    this.showEnds(first, last);
  }

  /** Set the ends of pages [first − 1, last) from their own and the following page's bits. What stays as it is is not written: most of a window is never touched. */
  protected showEnds(first: number, last: number): void {
    const { u8: map, i32 } = this;
    const [readEnds, writeEnds] = [READ_ENDS >> 2, WRITE_ENDS >> 2];
    let next = last < WINDOW_PAGES ? map[PAGE_MAP + last] : 0;
    for (let i = last - 1; i >= first - 1 && i >= 0; i--) {
      const bits = map[PAGE_MAP + i];
      const end = (i + 1) << PAGE_SHIFT;
      const beyond = (i + 2) << PAGE_SHIFT;
      const readEnd = bits & READ ? (next & READ ? beyond : end) : 0;
      const writeEnd = bits & WRITE ? (next & WRITE ? beyond : end) : 0;
      if (i32[readEnds + i] !== readEnd) i32[readEnds + i] = readEnd;
      if (i32[writeEnds + i] !== writeEnd) i32[writeEnds + i] = writeEnd;
      next = bits;
    }
  }

  /** A region has appeared or changed its protection: make room for it and show it in the page map. */
  protected expose(region: Region, start: number, end: number): void {
    if (!this.inWindow(start)) {
      this.far.hide(start / PAGE_SIZE, end / PAGE_SIZE);
      return;
    }
    if (region.prot !== 0) this.reach(end);
    this.refresh(start, end, region);
  }

  /** New pages of `region` hold nothing yet: anonymous ones read zero without being touched, file pages are loaded at the first access. */
  protected prepare(region: Region, start: number, end: number): void {
    if (!this.inWindow(start) || region.file !== undefined) return;
    const state = this.pageState;
    const last = this.slot(end - PAGE_SIZE);
    for (let i = this.slot(start); i <= last; i++) if (state[i] === 0) state[i] = PRESENT;
  }

  protected eachFar(start: number, end: number, act: (page: number) => void): void {
    const first = start / PAGE_SIZE;
    const last = end / PAGE_SIZE;
    if (last - first <= this.far.size) {
      for (let page = first; page < last; page++) if (this.far.has(page)) act(page);
    } else {
      for (const page of [...this.far.keys()]) if (page >= first && page < last) act(page);
    }
  }

  /** Whether memory stands behind the page, because it was used before, and it may be accessed at all: what a processor calls present. */
  holdsPage(address: number): boolean {
    if (this.regions.at(address)?.prot === 0) return false;
    const slot = this.slot(address);
    return slot >= 0
      ? (this.pageState[slot] & (PRESENT | STAINED)) === (PRESENT | STAINED)
      : this.far.has(Math.floor(address / PAGE_SIZE));
  }

  protected residentBytes(): number {
    let pages = this.far.size;
    for (const region of this.regions.all) {
      if (!this.inWindow(region.start)) continue;
      const last = this.slot(region.end - PAGE_SIZE);
      for (let i = this.slot(region.start); i <= last; i++) {
        if ((this.pageState[i] & (PRESENT | STAINED)) === (PRESENT | STAINED)) pages++;
      }
    }
    return pages * PAGE_SIZE;
  }

  /** Zero the page map up to a page: the bits, and the ends where there are any. */
  #zeroMap(top: number): void {
    const { i32 } = this;
    const eights = new Float64Array(this.memory.buffer, PAGE_MAP, Math.ceil(top / 8));
    for (let i = 0; i < eights.length; i++) {
      if (eights[i] === 0) continue;
      eights[i] = 0;
      for (const ends of [READ_ENDS, WRITE_ENDS]) i32.fill(0, (ends >> 2) + 8 * i, (ends >> 2) + 8 * i + 8);
    }
  }

  /** Give the memory back, to be zeroed before it is used again. */
  protected releaseMemory(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const farBytes = this.far.clear();
    const { zeroRuntimeArea } = this;
    const state = this.pageState;
    const top = this.#top;
    const runs = stainedRuns(state, top);
    const stained = runs.reduce((sum, [first, last]) => sum + (last - first), 0);
    const zero = (zeroRuntimeArea: () => void) => {
      zeroRuntimeArea();
      for (const [first, last] of runs) this.zero(RUNTIME_SIZE + first * PAGE_SIZE, RUNTIME_SIZE + last * PAGE_SIZE);
      this.#zeroMap(top);
      state.fill(0, 0, top);
      this.far.zero();
    };
    const touched = stained * PAGE_SIZE + farBytes;
    giveMemory({ memory: this.memory, state }, touched, zeroRuntimeArea && (() => zero(zeroRuntimeArea)));
  }
}

/** Pages [first, last) of which the memory may hold something; most of a window is untouched, which is passed over by eights. */
function stainedRuns(state: Uint8Array, top: number): [first: number, last: number][] {
  const eights = new Float64Array(state.buffer, state.byteOffset, state.length >> 3);
  const runs: [number, number][] = [];
  let open: [number, number] | undefined;
  for (let i = 0; i < top; i++) {
    if ((i & 7) === 0 && eights[i >> 3] === 0) {
      i += 7;
    } else if (state[i] & STAINED) {
      if (open?.[1] === i) open[1]++;
      else {
        open = [i, i + 1];
        runs.push(open);
      }
    }
  }
  return runs;
}
