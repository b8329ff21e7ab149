/** Where the bytes of a space's pages are and what state they are in: the wasm memory and its page map, lazy loading and zeroing, far pages outside the window. Which mappings exist is decided by address-space.ts. */
import { fail, fault } from '../base/failures.ts';
import type { MappedFile } from './address-space.ts';
import { giveMemory, takeMemory } from './memory-pool.ts';
import { EXECUTE, HAS_CODE, OPEN, READ, READ_WIDE, WRITE, WRITE_WIDE } from './page-map.ts';
import { type Region, RegionList } from './regions.ts';
import { PAGE_MAP, PAGE_SHIFT, PAGE_SIZE, RUNTIME_SIZE, WINDOW_SIZE } from './runtime-area.ts';
import {
  beforeFileAccess,
  privateUsers,
  readPages,
  type SharedObject,
  type SharedUser,
  writePage,
} from './shared-objects.ts';

/** First address that user programs cannot map. */
export const ADDRESS_LIMIT = 0x7fff_ffff_f000;

const PROT_WRITE = 2;
const PROT_EXEC = 4;

/** The page's content is in the wasm memory (an untouched anonymous page counts: it is zero). */
const PRESENT = 1;
/** Writes were let through: the content is the space's own. */
const WRITTEN = 2;
/** The wasm memory of this page may hold something else than zeros. */
const STAINED = 4;

/** Pages brought in or opened for writing by one slow access. */
const BLOCK_PAGES = 16;
const WINDOW_PAGES = WINDOW_SIZE / PAGE_SIZE;
const GROWTH_STEP = 64 << 20;

export type Access = 'read' | 'write' | 'execute';

export abstract class PagedMemory implements SharedUser {
  /** Address − offset of the guest window in `memory`: guest address A is at byte A − windowBase + RUNTIME_SIZE. Constant; 0 for Linux. */
  readonly windowBase: number;
  readonly memory: WebAssembly.Memory;
  /** Views over the whole wasm memory; re-made here and only here when it grows: never keep them across a call that may map memory. */
  u8!: Uint8Array;
  i32!: Int32Array;
  u32!: Uint32Array;
  view!: DataView;
  /** The engine registers here to learn that pages with HAS_CODE were written, unmapped or lost execute permission ([start, end) guest addresses). */
  onCodeChanged: (start: number, end: number) => void = () => {};
  /** Goes up whenever a page that could be read or written no longer can: code that relies on having been allowed to must not go on. */
  revocations = 0;
  /** Called after the wasm memory grew and the views were re-made. */
  onGrow: () => void = () => {};
  /** Whoever uses the runtime area leaves here at the end how to zero all of it but the page map; else the memory is not reused. */
  zeroRuntimeArea: (() => void) | undefined;

  protected readonly regions: RegionList;
  /** PRESENT, WRITTEN, STAINED of every page of the window. */
  readonly #state: Uint8Array;
  /** Private pages outside the window, by page number. */
  readonly #far = new Map<number, Uint8Array>();
  readonly #farCode = new Set<number>();
  /** Keys of the files ever mapped privately here. */
  readonly #privateFiles = new Set<unknown>();
  /** One more than the highest window page ever used. */
  #top = 0;
  #disposed = false;

  constructor(windowBase: number, initialBytes: number) {
    this.windowBase = windowBase;
    this.regions = new RegionList([windowBase, windowBase + WINDOW_SIZE]);
    const { memory, state } = takeMemory(initialBytes);
    this.memory = memory;
    this.#state = state;
    this.#remakeViews();
  }

  // ---- the window

  #remakeViews(): void {
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Make the wasm memory reach up to guest address `end`. */
  reach(end: number): void {
    const needed = end - this.windowBase + RUNTIME_SIZE;
    const size = this.u8.length;
    if (needed <= size) return;
    const wanted = Math.min(0x1_0000_0000, Math.ceil(needed / GROWTH_STEP) * GROWTH_STEP);
    try {
      this.memory.grow((wanted - size) >>> 16);
    } catch {
      fail('ENOMEM');
    }
    this.#remakeViews();
    this.onGrow();
  }

  protected inWindow(address: number): boolean {
    return address >= this.windowBase && address < this.windowBase + WINDOW_SIZE;
  }

  /** Index of a page in the page map, or -1 outside the window. */
  #slot(address: number): number {
    return this.inWindow(address) ? (address - this.windowBase) >>> PAGE_SHIFT : -1;
  }

  #isDirect(region: Region): boolean {
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
      const direct = this.#isDirect(region);
      const execute = region.prot & PROT_EXEC ? EXECUTE : 0;
      const readable = direct && region.prot !== 0;
      const writable = direct && (region.prot & PROT_WRITE) !== 0;
      const state = this.#state;
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
    this.#widen(first, last);
  }

  /** Set the WIDE bits of pages [first − 1, last) from their own and the following page's bits. */
  #widen(first: number, last: number): void {
    const map = this.u8;
    let next = last < WINDOW_PAGES ? map[PAGE_MAP + last] : 0;
    for (let i = last - 1; i >= first - 1 && i >= 0; i--) {
      let bits = map[PAGE_MAP + i] & ~(READ_WIDE | WRITE_WIDE);
      const both = bits & next;
      if (both & READ) bits |= READ_WIDE;
      if (both & WRITE) bits |= WRITE_WIDE;
      map[PAGE_MAP + i] = bits;
      next = bits;
    }
  }

  /** A region has appeared or changed its protection: make room for it and show it in the page map. */
  protected expose(region: Region, start: number, end: number): void {
    if (!this.inWindow(start)) return;
    if (region.prot !== 0) this.reach(end);
    this.refresh(start, end, region);
  }

  /** New pages of `region` hold nothing yet: anonymous ones read zero without being touched, file pages are loaded at the first access. */
  protected prepare(region: Region, start: number, end: number): void {
    if (!this.inWindow(start) || region.file !== undefined) return;
    const state = this.#state;
    const last = this.#slot(end - PAGE_SIZE);
    for (let i = this.#slot(start); i <= last; i++) if (state[i] === 0) state[i] = PRESENT;
  }

  /** Forget the contents of [start, end): the code made from them, window and far pages. */
  protected forget(region: Region, start: number, end: number): void {
    this.dropCode(start, end);
    if (this.inWindow(start)) {
      const state = this.#state;
      const last = this.#slot(end - PAGE_SIZE);
      for (let i = this.#slot(start); i <= last; i++) state[i] &= STAINED;
    } else if (region.object === undefined) {
      this.#eachFar(start, end, (page) => this.#far.delete(page));
    }
  }

  #eachFar(start: number, end: number, act: (page: number) => void): void {
    const first = start / PAGE_SIZE;
    const last = end / PAGE_SIZE;
    if (last - first <= this.#far.size) {
      for (let page = first; page < last; page++) if (this.#far.has(page)) act(page);
    } else {
      for (const page of [...this.#far.keys()]) if (page >= first && page < last) act(page);
    }
  }

  // ---- code pages

  /** Can the page be written while it holds code, without notice? Only a private page in the window. */
  canBeOpen(page: number): boolean {
    const address = page * PAGE_SIZE;
    const region = this.regions.at(address);
    return region !== undefined && region.object === undefined && this.#isDirect(region);
  }

  /**
   * Mark pages [start, end) as holding translated code: sets HAS_CODE and, unless they are open, clears WRITE bits. Tells whether there were any: code that relies
   * on having seen them must not go on.
   */
  markCode(start: number, end: number, open = false): boolean {
    let closed = false;
    for (let page = Math.floor(start / PAGE_SIZE); page * PAGE_SIZE < end; page++) {
      const address = page * PAGE_SIZE;
      const object = this.regions.at(address)?.object;
      if (object) object.hasCode = true;
      const slot = this.#slot(address);
      if (slot < 0) {
        this.#farCode.add(page);
        continue;
      }
      const bits = this.u8[PAGE_MAP + slot];
      if (open) {
        this.u8[PAGE_MAP + slot] = bits | HAS_CODE | OPEN;
        continue;
      }
      if (bits & WRITE) closed = true;
      this.u8[PAGE_MAP + slot] = (bits | HAS_CODE) & ~(OPEN | WRITE | WRITE_WIDE);
      if (slot > 0) this.u8[PAGE_MAP + slot - 1] &= ~WRITE_WIDE;
    }
    return closed;
  }

  /** Tell the engine about every code page in [start, end) and unmark it; WRITE bits return with the next refresh. */
  protected dropCode(start: number, end: number): void {
    let runStart = -1;
    const to = Math.min(end, this.windowBase + WINDOW_SIZE);
    for (let address = Math.max(start, this.windowBase); address < to; address += PAGE_SIZE) {
      const at = PAGE_MAP + this.#slot(address);
      if (this.u8[at] & HAS_CODE) {
        this.u8[at] &= ~(HAS_CODE | OPEN);
        if (runStart < 0) runStart = address;
      } else if (runStart >= 0) {
        this.onCodeChanged(runStart, address);
        runStart = -1;
      }
    }
    if (runStart >= 0) this.onCodeChanged(runStart, to);
    if (this.#farCode.size === 0) return;
    for (const page of [...this.#farCode]) {
      const address = page * PAGE_SIZE;
      if (address < start || address >= end) continue;
      this.#farCode.delete(page);
      this.onCodeChanged(address, address + PAGE_SIZE);
    }
  }

  // ---- admitting an access

  /** Make the page of `address` ready for this access, or throw the fault it raises. Afterwards the page map allows it if the page is a direct one. */
  protected admit(address: number, access: Access): Region {
    const region = this.regions.at(address) ?? this.#growStack(address, access);
    if (
      region.prot === 0 ||
      (access === 'write' && (region.prot & PROT_WRITE) === 0) ||
      (access === 'execute' && (region.prot & PROT_EXEC) === 0)
    ) {
      fault(address, access, 'protected');
    }
    const page = address - (address % PAGE_SIZE);
    if (!this.#isDirect(region)) {
      this.#admitIndirect(region, page, address, access);
      return region;
    }
    const slot = this.#slot(page);
    if ((this.#state[slot] & PRESENT) === 0) this.#bringIn(region, page, address, access);
    if (access === 'write') {
      if (this.u8[PAGE_MAP + slot] & HAS_CODE) this.dropCode(page, page + PAGE_SIZE);
      this.#openForWriting(region, page);
    }
    return region;
  }

  #growStack(address: number, access: Access): Region {
    const region = this.regions.growableAbove(address);
    if (region === undefined) {
      const noncanonical = address >= 0x8000_0000_0000 && address < 0xffff_8000_0000_0000;
      fault(address, access, noncanonical ? 'noncanonical' : 'unmapped');
    }
    const start = address - (address % PAGE_SIZE);
    const old = region.start;
    this.regions.extend(region, start, region.end);
    this.prepare(region, start, old);
    this.expose(region, start, old);
    return region;
  }

  #admitIndirect(region: Region, page: number, address: number, access: Access): void {
    if (region.object) {
      const position = region.offset + (page - region.start);
      if (region.object.page(position) === undefined) fault(address, access, 'beyond-file');
      if (access === 'write') region.object.touch(position);
      return;
    }
    const number = page / PAGE_SIZE;
    if (region.file && !this.#far.has(number)) {
      const position = region.offset + (page - region.start);
      if (position >= region.file.size()) fault(address, access, 'beyond-file');
      beforeFileAccess(region.file.mapKey);
      const bytes = new Uint8Array(PAGE_SIZE);
      if (readPages(region.file, bytes, position) < 0) fault(address, access, 'beyond-file');
      this.#far.set(number, bytes);
    }
    if (access === 'write' && this.#farCode.has(number)) this.dropCode(page, page + PAGE_SIZE);
  }

  /** Bounds of the block of pages around `page` that is handled with it. */
  #block(region: Region, page: number): { from: number; to: number } {
    const size = BLOCK_PAGES * PAGE_SIZE;
    const start = page - (page % size);
    return { from: Math.max(region.start, start), to: Math.min(region.end, start + size) };
  }

  /** Load or zero the absent pages around `page`. */
  #bringIn(region: Region, page: number, address: number, access: Access): void {
    const { from, to } = this.#block(region, page);
    this.reach(to);
    const state = this.#state;
    const file = region.file;
    let end = to;
    if (file) {
      const size = file.size();
      if (region.offset + (page - region.start) >= size) fault(address, access, 'beyond-file');
      const inFile = region.start + (size - region.offset);
      end = Math.min(to, Math.ceil(inFile / PAGE_SIZE) * PAGE_SIZE);
      if (region.object === undefined) beforeFileAccess(file.mapKey);
    }
    const last = this.#slot(end - PAGE_SIZE);
    for (let i = this.#slot(from); i <= last; i++) {
      if (state[i] & PRESENT) continue;
      let j = i;
      while (j <= last && (state[j] & PRESENT) === 0) j++;
      if (!this.#fillRun(region, i, j)) fault(address, access, 'beyond-file');
      i = j;
    }
    this.refresh(from, end, region);
  }

  /** Give window pages [first, last) their initial content; false when the file cannot be read. */
  #fillRun(region: Region, first: number, last: number): boolean {
    const state = this.#state;
    const start = RUNTIME_SIZE + first * PAGE_SIZE;
    const end = RUNTIME_SIZE + last * PAGE_SIZE;
    let loaded = 0;
    if (region.file) {
      const position = region.offset + (this.windowBase + first * PAGE_SIZE - region.start);
      loaded = readPages(region.file, this.u8.subarray(start, end), position);
      if (loaded < 0) {
        for (let i = first; i < last; i++) state[i] |= STAINED;
        return false;
      }
    }
    for (let i = first; i < last; i++) {
      const at = RUNTIME_SIZE + i * PAGE_SIZE;
      const tail = Math.max(at, start + loaded);
      if (state[i] & STAINED && tail < at + PAGE_SIZE) this.u8.fill(0, tail, at + PAGE_SIZE);
      state[i] = region.file ? PRESENT | STAINED : PRESENT;
    }
    return true;
  }

  /** Let writes through to `page` and to present neighbours without code. */
  #openForWriting(region: Region, page: number): void {
    const { from, to } = this.#block(region, page);
    const state = this.#state;
    const last = this.#slot(to - PAGE_SIZE);
    const wanted = this.#slot(page);
    // A clean file page is opened alone: opening its neighbours would make fork copy and msync write them.
    for (let i = this.#slot(from); i <= last; i++) {
      if (i === wanted || (region.file === undefined && state[i] & PRESENT)) state[i] |= WRITTEN | STAINED;
    }
    this.refresh(from, to, region);
  }

  /** After `admit`: the bytes of the page, as an offset into the returned array given by `pageOffset`. */
  protected pageBytes(region: Region, page: number, write: boolean): Uint8Array {
    if (this.#isDirect(region)) return this.u8;
    if (region.object) return region.object.page(region.offset + (page - region.start))!;
    const number = page / PAGE_SIZE;
    const held = this.#far.get(number);
    if (held) return held;
    if (!write) return ZERO_PAGE;
    const fresh = new Uint8Array(PAGE_SIZE);
    this.#far.set(number, fresh);
    return fresh;
  }

  /** Offset of `address` in the array that `pageBytes` returned. */
  protected pageOffset(bytes: Uint8Array, address: number): number {
    return bytes === this.u8 ? address - this.windowBase + RUNTIME_SIZE : address % PAGE_SIZE;
  }

  // ---- shared objects

  surrender(object: SharedObject): void {
    for (const region of this.regions.all) {
      if (region.object !== object || !this.inWindow(region.start)) continue;
      for (let address = region.start; address < region.end; address += PAGE_SIZE) {
        const slot = this.#slot(address);
        const state = this.#state[slot];
        const position = region.offset + (address - region.start);
        // Untouched anonymous pages are zero and need no copy.
        if (state & PRESENT && state & STAINED && (region.file || state & WRITTEN)) {
          const at = RUNTIME_SIZE + slot * PAGE_SIZE;
          object.pages.set(position, this.u8.slice(at, at + PAGE_SIZE));
          if (state & WRITTEN && region.file) object.dirty.add(position);
        }
        this.#state[slot] &= STAINED;
      }
    }
    object.sole = false;
    for (const region of this.regions.all) if (region.object === object) this.refresh(region.start, region.end, region);
  }

  writeBack(object: SharedObject): boolean {
    let complete = true;
    for (const region of this.regions.all) {
      if (region.object === object && !this.writeBackRange(region, region.start, region.end)) complete = false;
    }
    return complete;
  }

  /** Write modified direct pages of a sole shared file mapping to the file; later writes are noticed again. */
  protected writeBackRange(region: Region, start: number, end: number): boolean {
    if (!region.file || !region.object?.sole || !this.inWindow(start)) return true;
    let complete = true;
    let wrote = false;
    for (let address = start; address < end; address += PAGE_SIZE) {
      const slot = this.#slot(address);
      if ((this.#state[slot] & WRITTEN) === 0) continue;
      const at = RUNTIME_SIZE + slot * PAGE_SIZE;
      const page = this.u8.subarray(at, at + PAGE_SIZE);
      if (!writePage(region.file, page, region.offset + (address - region.start))) complete = false;
      this.#state[slot] &= ~WRITTEN;
      wrote = true;
    }
    if (wrote) this.refresh(start, end, region);
    return complete;
  }

  reload(object: SharedObject, from: number, to: number): void {
    this.#reloadWhere((region) => region.object === object, from, to);
  }

  reloadPrivate(mapKey: unknown, from: number, to: number): void {
    if (!this.#privateFiles.has(mapKey)) return;
    this.#reloadWhere((region) => region.object === undefined && region.file?.mapKey === mapKey, from, to);
  }

  /** Forget what was loaded, and not written since, of file positions [from, to). */
  #reloadWhere(wanted: (region: Region) => boolean, from: number, to: number): void {
    for (const region of this.regions.all) {
      if (!wanted(region)) continue;
      const start = Math.max(region.start, region.start + (from - region.offset));
      const end = Math.min(region.end, region.start + (to - region.offset));
      if (start >= end) continue;
      const first = start - (start % PAGE_SIZE);
      const last = Math.ceil(end / PAGE_SIZE) * PAGE_SIZE;
      for (let page = first; page < last; page += PAGE_SIZE) this.#forgetClean(region, page);
      this.refresh(first, last, region);
    }
  }

  #forgetClean(region: Region, page: number): void {
    const slot = this.#slot(page);
    // Far private pages do not tell whether they were written: they stay.
    if (slot < 0 && region.object === undefined) return;
    if (slot >= 0 && region.object === undefined && this.#state[slot] & WRITTEN) return;
    this.dropCode(page, page + PAGE_SIZE);
    if (slot >= 0 && this.#isDirect(region)) this.#state[slot] &= STAINED;
  }

  /** A file is mapped privately here: pages of it that are only read follow the file. */
  protected notePrivateFile(file: MappedFile): void {
    this.#privateFiles.add(file.mapKey);
    privateUsers.add(this);
  }

  sharedPageWritten(object: SharedObject, position: number): void {
    for (const region of this.regions.all) {
      if (region.object !== object) continue;
      const address = region.start + (position - region.offset);
      if (address >= region.start && address < region.end) this.dropCode(address, address + PAGE_SIZE);
    }
  }

  // ---- fork, move, end

  /** Copy the private contents of `region` from its equal in `parent`. Clean file pages are loaded again when needed. */
  protected copyPages(parent: PagedMemory, region: Region): void {
    if (!this.inWindow(region.start)) {
      parent.#eachFar(region.start, region.end, (page) => this.#far.set(page, parent.#far.get(page)!.slice()));
      return;
    }
    this.reach(region.end);
    const first = this.#slot(region.start);
    const last = this.#slot(region.end - PAGE_SIZE);
    const theirs = parent.#state;
    const ours = this.#state;
    for (let i = first; i <= last; i++) {
      const state = theirs[i];
      if ((state & WRITTEN) === 0) {
        if (state & PRESENT && region.file === undefined) ours[i] = PRESENT;
        else if (region.file === undefined) ours[i] |= PRESENT;
        continue;
      }
      let j = i;
      while (j <= last && theirs[j] & WRITTEN) {
        ours[j] = PRESENT | WRITTEN | STAINED;
        j++;
      }
      const at = RUNTIME_SIZE + i * PAGE_SIZE;
      this.u8.set(parent.u8.subarray(at, RUNTIME_SIZE + j * PAGE_SIZE), at);
      i = j - 1;
    }
  }

  /** Move the contents of [from, from + length), all inside `source`, to `to`, inside `target` (mremap). */
  protected movePages(source: Region, from: number, target: Region, to: number, length: number): void {
    for (let done = 0; done < length; done += PAGE_SIZE) {
      const a = from + done;
      const b = to + done;
      const slot = this.#slot(a);
      if (slot >= 0 ? (this.#state[slot] & WRITTEN) === 0 : !this.#far.has(a / PAGE_SIZE)) continue;
      const bytes = this.pageBytes(source, a, false);
      const at = this.pageOffset(bytes, a);
      const targetSlot = this.#slot(b);
      if (targetSlot >= 0) {
        this.reach(b + PAGE_SIZE);
        const content = bytes.length === PAGE_SIZE ? bytes : this.u8.subarray(at, at + PAGE_SIZE);
        this.u8.set(content, RUNTIME_SIZE + targetSlot * PAGE_SIZE);
        this.#state[targetSlot] = PRESENT | WRITTEN | STAINED;
      } else {
        this.#far.set(b / PAGE_SIZE, bytes.slice(at, at + PAGE_SIZE));
      }
    }
    this.refresh(to, to + length, target);
  }

  /** Whether memory stands behind the page, because it was used before, and it may be accessed at all: what a processor calls present. */
  holdsPage(address: number): boolean {
    if (this.regions.at(address)?.prot === 0) return false;
    const slot = this.#slot(address);
    return slot >= 0
      ? (this.#state[slot] & (PRESENT | STAINED)) === (PRESENT | STAINED)
      : this.#far.has(Math.floor(address / PAGE_SIZE));
  }

  protected residentBytes(): number {
    let pages = this.#far.size;
    for (const region of this.regions.all) {
      if (!this.inWindow(region.start)) continue;
      const last = this.#slot(region.end - PAGE_SIZE);
      for (let i = this.#slot(region.start); i <= last; i++) {
        if ((this.#state[i] & (PRESENT | STAINED)) === (PRESENT | STAINED)) pages++;
      }
    }
    return pages * PAGE_SIZE;
  }

  /** Give the memory back, to be zeroed before it is used again. */
  protected releaseMemory(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    privateUsers.delete(this);
    this.#far.clear();
    const { zeroRuntimeArea } = this;
    if (!zeroRuntimeArea) return;
    const state = this.#state;
    const top = this.#top;
    const runs = stainedRuns(state, top);
    const stained = runs.reduce((sum, [first, last]) => sum + (last - first), 0);
    giveMemory({ memory: this.memory, state }, stained * PAGE_SIZE, () => {
      zeroRuntimeArea();
      for (const [first, last] of runs) {
        this.u8.fill(0, RUNTIME_SIZE + first * PAGE_SIZE, RUNTIME_SIZE + last * PAGE_SIZE);
      }
      this.u8.fill(0, PAGE_MAP, PAGE_MAP + top);
      state.fill(0, 0, top);
    });
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

const ZERO_PAGE = new Uint8Array(PAGE_SIZE);
