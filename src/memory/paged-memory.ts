/** How contents come into a space's pages: admitting an access, lazy loading and zeroing, opening for writing, shared objects and files that change. Which mappings exist is decided by address-space.ts. */
import { fault } from '../base/failures.ts';
import type { MappedFile } from './address-space.ts';
import { CodePages } from './code-pages.ts';
import { ZERO_PAGE } from './far-pages.ts';
import { HAS_CODE } from './page-map.ts';
import { PRESENT, STAINED, WRITTEN } from './page-store.ts';
import { PROT_EXEC, PROT_WRITE, type Region } from './regions.ts';
import { PAGE_MAP, PAGE_SIZE, RUNTIME_SIZE } from './runtime-area.ts';
import {
  beforeFileAccess,
  privateUsers,
  readPages,
  type SharedObject,
  type SharedUser,
  writePage,
} from './shared-objects.ts';

/** Pages brought in or opened for writing by one slow access. */
const BLOCK_PAGES = 16;

export type Access = 'read' | 'write' | 'execute';

export abstract class PagedMemory extends CodePages implements SharedUser {
  /** Keys of the files ever mapped privately here. */
  readonly #privateFiles = new Set<unknown>();

  /** Forget the contents of [start, end): the code made from them, window and far pages. */
  protected forget(region: Region, start: number, end: number): void {
    this.dropCode(start, end);
    if (this.inWindow(start)) {
      const state = this.pageState;
      const last = this.slot(end - PAGE_SIZE);
      for (let i = this.slot(start); i <= last; i++) state[i] &= STAINED;
    } else if (region.object === undefined) {
      this.far.hide(start / PAGE_SIZE, end / PAGE_SIZE);
      this.eachFar(start, end, (page) => this.far.delete(page));
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
    if (!this.isDirect(region)) {
      this.#admitIndirect(region, page, address, access);
      return region;
    }
    const slot = this.slot(page);
    if ((this.pageState[slot] & PRESENT) === 0) this.#bringIn(region, page, address, access);
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
    if (region.file && !this.far.has(number)) {
      const position = region.offset + (page - region.start);
      if (position >= region.file.size()) fault(address, access, 'beyond-file');
      this.settle(region.file);
      if (readPages(region.file, this.far.make(number), position) < 0) {
        this.far.delete(number);
        fault(address, access, 'beyond-file');
      }
    }
    if (access === 'write' && this.farCode.has(number)) this.dropCode(page, page + PAGE_SIZE);
  }

  /** Pages of a file are about to be loaded: what shared mappings wrote to it must be in them. */
  protected settle(file: MappedFile): void {
    beforeFileAccess(file.mapKey);
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
    const state = this.pageState;
    const file = region.file;
    let end = to;
    if (file) {
      const size = file.size();
      if (region.offset + (page - region.start) >= size) fault(address, access, 'beyond-file');
      const inFile = region.start + (size - region.offset);
      end = Math.min(to, Math.ceil(inFile / PAGE_SIZE) * PAGE_SIZE);
      if (region.object === undefined) this.settle(file);
    }
    const last = this.slot(end - PAGE_SIZE);
    for (let i = this.slot(from); i <= last; i++) {
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
    const state = this.pageState;
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
    const state = this.pageState;
    const last = this.slot(to - PAGE_SIZE);
    const wanted = this.slot(page);
    // A clean file page is opened alone: opening its neighbours would make fork copy and msync write them.
    for (let i = this.slot(from); i <= last; i++) {
      if (i === wanted || (region.file === undefined && state[i] & PRESENT)) state[i] |= WRITTEN | STAINED;
    }
    this.refresh(from, to, region);
  }

  /** After `admit`: the bytes of the page, as an offset into the returned array given by `pageOffset`. */
  protected pageBytes(region: Region, page: number, write: boolean): Uint8Array {
    if (this.isDirect(region)) return this.u8;
    if (region.object) return region.object.page(region.offset + (page - region.start))!;
    const number = page / PAGE_SIZE;
    return this.far.get(number) ?? (write ? this.far.make(number) : ZERO_PAGE);
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
        const slot = this.slot(address);
        const state = this.pageState[slot];
        const position = region.offset + (address - region.start);
        // Untouched anonymous pages are zero and need no copy.
        if (state & PRESENT && state & STAINED && (region.file || state & WRITTEN)) {
          const at = RUNTIME_SIZE + slot * PAGE_SIZE;
          object.pages.set(position, this.u8.slice(at, at + PAGE_SIZE));
          if (state & WRITTEN && region.file) object.dirty.add(position);
        }
        this.pageState[slot] &= STAINED;
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
      const slot = this.slot(address);
      if ((this.pageState[slot] & WRITTEN) === 0) continue;
      const at = RUNTIME_SIZE + slot * PAGE_SIZE;
      const page = this.u8.subarray(at, at + PAGE_SIZE);
      if (!writePage(region.file, page, region.offset + (address - region.start))) complete = false;
      this.pageState[slot] &= ~WRITTEN;
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
    const slot = this.slot(page);
    // Far private pages do not tell whether they were written: they stay.
    if (slot < 0 && region.object === undefined) return;
    if (slot >= 0 && region.object === undefined && this.pageState[slot] & WRITTEN) return;
    this.dropCode(page, page + PAGE_SIZE);
    if (slot >= 0 && this.isDirect(region)) this.pageState[slot] &= STAINED;
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

  protected override releaseMemory(): void {
    privateUsers.delete(this);
    super.releaseMemory();
  }
}
