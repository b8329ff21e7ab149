/** A space as the mirror of another: brought up to date with it and compared with it again and again, while the same instructions run in both. */
import type { MappedFile } from './address-space.ts';
import { CopiedPages } from './copied-pages.ts';
import type { FarPages } from './far-pages.ts';
import { HAS_CODE } from './page-map.ts';
import { PRESENT, STAINED, WRITTEN } from './page-store.ts';
import { Region } from './regions.ts';
import { PAGE_MAP, PAGE_SIZE, RUNTIME_SIZE } from './runtime-area.ts';
import { SharedObject } from './shared-objects.ts';

const ZEROS = new Uint8Array(PAGE_SIZE);
/** WRITTEN and PRESENT of four pages at once. */
const FOUR_WRITTEN = WRITTEN * 0x0101_0101;
const FOUR_PRESENT = PRESENT * 0x0101_0101;

/** The pages of a region that are not in the window, by address. */
interface PageTable {
  pages(): number[];
  get(page: number): Uint8Array | undefined;
  set(page: number, bytes: Uint8Array): void;
  drop(page: number): void;
}

export interface MemoryDifference {
  address: number;
  theirs: number;
  ours: number;
}

export abstract class MirroredPages extends CopiedPages {
  /** In a mirror, what stands in for the files and shared objects of the original: the same to read, but nothing written reaches them. */
  #standIns: WeakMap<object, MappedFile | SharedObject> | undefined;
  /** Pages whose contents the last comparison looked at: what it cost. */
  comparedPages = 0;

  /** A mirror comes after its original: what that wrote after it loaded the page must not be in it. */
  protected override settle(file: MappedFile): void {
    if (!this.#standIns) super.settle(file);
  }

  /** Make this space's mappings and contents those of `original`; what is alike already stays, with the code made from it. */
  follow(original: MirroredPages): void {
    this.#standIns ??= new WeakMap();
    const theirs = original.regions.all;
    const ours = this.regions.all;
    if (theirs.length !== ours.length || theirs.some((one, i) => !this.#standsFor(ours[i], one))) {
      this.#followRegions(theirs);
    }
    for (const [i, region] of ours.entries()) {
      if (this.isDirect(region)) this.#followWindow(original, region);
      else this.#followTable(original.#table(theirs[i]), this.#table(region));
    }
  }

  // ---- mappings

  #standsFor(ours: Region, theirs: Region): boolean {
    return (
      ours.start === theirs.start &&
      ours.end === theirs.end &&
      ours.prot === theirs.prot &&
      ours.offset === theirs.offset &&
      ours.growsDown === theirs.growsDown &&
      ours.floor === theirs.floor &&
      ours.file === (theirs.file && this.#standIns!.get(theirs.file)) &&
      ours.object === (theirs.object && this.#standIns!.get(theirs.object)) &&
      ours.object?.sole === theirs.object?.sole
    );
  }

  #followRegions(theirs: readonly Region[]): void {
    const missing = new Map(theirs.map((region) => [region.start, region]));
    for (const region of [...this.regions.all]) {
      const same = missing.get(region.start);
      if (same && this.#standsFor(region, same)) {
        missing.delete(region.start);
        continue;
      }
      this.forget(region, region.start, region.end);
      this.regions.remove(region);
      this.refresh(region.start, region.end, undefined);
      region.release();
    }
    for (const region of missing.values()) {
      const copy = new Region({ ...region, file: this.#fileFor(region), object: this.#objectFor(region) });
      this.regions.insert(copy);
      if (copy.file && !copy.object) this.notePrivateFile(copy.file);
      this.prepare(copy, copy.start, copy.end);
      this.expose(copy, copy.start, copy.end);
    }
  }

  #fileFor({ file }: Region): MappedFile | undefined {
    if (!file) return undefined;
    const known = this.#standIns!.get(file);
    if (known) return known as MappedFile;
    const standIn: MappedFile = {
      mapKey: file.mapKey,
      size: () => file.size(),
      readAt: (into, position) => file.readAt(into, position),
      writeAt: (from) => from.length,
    };
    this.#standIns!.set(file, standIn);
    return standIn;
  }

  #objectFor(region: Region): SharedObject | undefined {
    const { object } = region;
    if (!object) return undefined;
    const known = this.#standIns!.get(object) as SharedObject | undefined;
    if (known?.sole === object.sole) return known;
    const standIn = new SharedObject(this.#fileFor(region));
    standIn.sole = object.sole;
    standIn.users.add(this);
    this.#standIns!.set(object, standIn);
    return standIn;
  }

  // ---- contents

  /** Window pages get the state of the original's too, and whether there is code from them: by these the engine chooses how far a REP instruction goes at once. */
  #followWindow(original: MirroredPages, region: Region): void {
    const [theirs, ours] = [original.pageState, this.pageState];
    let [from, to] = [region.end, region.start];
    for (const slot of this.#doubtful(original, region)) {
      const content = original.#contentAt(slot);
      const same = samePage(content, this.#contentAt(slot));
      const coded = original.#hasCode(slot);
      if (same && theirs[slot] === ours[slot] && coded === this.#hasCode(slot)) continue;
      const page = this.windowBase + slot * PAGE_SIZE;
      from = Math.min(from, page);
      to = page + PAGE_SIZE;
      if (!same) {
        this.dropCode(page, to);
        this.reach(to);
        this.u8.set(content, RUNTIME_SIZE + slot * PAGE_SIZE);
      }
      if (!coded) this.dropCode(page, to);
      else if (!this.#hasCode(slot)) this.markCode(page, to);
      ours[slot] = theirs[slot];
    }
    if (from < to) this.refresh(from, to, region);
  }

  #followTable(theirs: PageTable, ours: PageTable): void {
    for (const page of ours.pages()) if (!theirs.get(page)) ours.drop(page);
    for (const page of theirs.pages()) {
      const bytes = theirs.get(page)!;
      const held = ours.get(page);
      if (held && samePage(bytes, held)) continue;
      this.dropCode(page, page + PAGE_SIZE);
      ours.set(page, bytes.slice());
    }
  }

  /** Where the contents of `original` first differ from those of this mirror of it. */
  differenceFrom(original: MirroredPages): MemoryDifference | undefined {
    this.comparedPages = 0;
    for (const ours of this.regions.all) {
      const theirs = original.regions.at(ours.start);
      if (theirs?.end !== ours.end) return { address: ours.start, theirs: theirs?.end ?? 0, ours: ours.end };
      for (const [page, a, b] of this.#pairs(original, theirs, ours)) {
        this.comparedPages++;
        // A page of a file that only one of the two has loaded has not been used by the other.
        if (ours.file && !(a && b)) continue;
        const found = differenceOf(page, a ?? ZEROS, b ?? ZEROS);
        if (found) return found;
      }
    }
    return undefined;
  }

  /** Pages of a region and its mirror that may differ; undefined: nothing has brought the page in. */
  *#pairs(
    original: MirroredPages,
    theirs: Region,
    ours: Region,
  ): Generator<[page: number, Uint8Array | undefined, Uint8Array | undefined]> {
    if (this.isDirect(ours)) {
      for (const slot of this.#doubtful(original, ours)) {
        yield [this.windowBase + slot * PAGE_SIZE, original.#presentAt(slot), this.#presentAt(slot)];
      }
    } else {
      const [a, b] = [original.#table(theirs), this.#table(ours)];
      for (const page of new Set([...a.pages(), ...b.pages()])) yield [page, a.get(page), b.get(page)];
    }
  }

  /** Window pages that were written, or whose states differ; of a shared file also those that are not written: writing them back to the file made them so, or reading them again. */
  *#doubtful(original: MirroredPages, region: Region): Generator<number> {
    const [theirs, ours] = [original.pageState, this.pageState];
    const [theirFours, ourFours] = [fours(theirs), fours(ours)];
    const last = this.slot(region.end - PAGE_SIZE);
    const [fourMay, oneMay] = region.object?.file ? [FOUR_PRESENT, PRESENT] : [FOUR_WRITTEN, WRITTEN];
    for (let slot = this.slot(region.start); slot <= last; slot++) {
      const four = theirFours[slot >> 2];
      if ((slot & 3) === 0 && four === ourFours[slot >> 2] && (four & fourMay) === 0) slot += 3;
      else if (theirs[slot] !== ours[slot] || theirs[slot] & oneMay) yield slot;
    }
  }

  #hasCode(slot: number): boolean {
    return (this.u8[PAGE_MAP + slot] & HAS_CODE) !== 0;
  }

  #presentAt(slot: number): Uint8Array | undefined {
    return this.pageState[slot] & PRESENT ? this.#contentAt(slot) : undefined;
  }

  #contentAt(slot: number): Uint8Array {
    if ((this.pageState[slot] & STAINED) === 0) return ZEROS;
    const at = RUNTIME_SIZE + slot * PAGE_SIZE;
    return this.u8.subarray(at, at + PAGE_SIZE);
  }

  #table({ start, end, offset, object }: Region): PageTable {
    const held: Map<number, Uint8Array> | FarPages = object ? object.pages : this.far;
    const keyOf = (page: number) => (object ? offset + (page - start) : page / PAGE_SIZE);
    const pageOf = (key: number) => (object ? start + (key - offset) : key * PAGE_SIZE);
    return {
      pages: () => [...held.keys()].map(pageOf).filter((page) => page >= start && page < end),
      get: (page) => held.get(keyOf(page)),
      set: (page, bytes) => held.set(keyOf(page), bytes),
      drop: (page) => (object ? object.drop(keyOf(page)) : held.delete(keyOf(page))),
    };
  }
}

const fours = (states: Uint8Array) => new Int32Array(states.buffer, states.byteOffset, states.length >> 2);

/** Node's memcmp takes 0.2 µs a page, our loop 1.3. */
const compare = (globalThis as { Buffer?: { compare(a: Uint8Array, b: Uint8Array): number } }).Buffer?.compare;

function samePage(a: Uint8Array, b: Uint8Array): boolean {
  return compare ? compare(a, b) === 0 : a.every((byte, i) => byte === b[i]);
}

function differenceOf(page: number, a: Uint8Array, b: Uint8Array): MemoryDifference | undefined {
  if (samePage(a, b)) return undefined;
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return { address: page + at, theirs: a[at], ours: b[at] };
}
