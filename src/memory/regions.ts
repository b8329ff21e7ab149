/** The sorted list of a space's mappings: finding, cutting, merging and looking for holes. Knows nothing of page contents. */
import type { MappedFile, Mapping } from './address-space.ts';
import type { SharedObject } from './shared-objects.ts';

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

/** Distance that must stay free below a mapping that grows downward. */
const STACK_GUARD = 0x10_0000;

export class Region implements Mapping {
  start: number;
  end: number;
  prot: number;
  readonly maxProt: number;
  readonly file: MappedFile | undefined;
  offset: number;
  readonly name: string;
  readonly growsDown: boolean;
  /** Set for MAP_SHARED: the pages that all mappings of the object see; positions in it are `offset`s. */
  readonly object: SharedObject | undefined;
  /** growsDown: the lowest start it may ever have. */
  floor: number;

  constructor(from: Omit<Region, 'shared' | 'piece' | 'release'>) {
    this.start = from.start;
    this.end = from.end;
    this.prot = from.prot;
    this.maxProt = from.maxProt;
    this.file = from.file;
    this.offset = from.offset;
    this.name = from.name;
    this.growsDown = from.growsDown;
    this.object = from.object;
    this.floor = from.floor;
    this.object?.retain();
    this.file?.retain?.();
  }

  /** The region is gone: its object and file no longer serve it. */
  release(): void {
    this.object?.release();
    this.file?.drop?.();
  }

  get shared(): boolean {
    return this.object !== undefined;
  }

  /** The part [start, end) of this region as a region of its own. */
  piece(start: number, end: number): Region {
    const piece = new Region(this);
    piece.start = start;
    piece.end = end;
    if (this.file || this.object) piece.offset = this.offset + (start - this.start);
    return piece;
  }
}

export class RegionList {
  readonly #regions: Region[] = [];
  /** The region the last lookup found: accesses cluster. */
  #last: Region | undefined;
  /** Regions never extend across these addresses (the window's borders): what lies on either side is stored differently. */
  readonly #seams: readonly number[];
  /** Sum of all lengths, and of those that are accessible at all. */
  mapped = 0;
  committed = 0;

  constructor(seams: readonly number[]) {
    this.#seams = seams;
  }

  get all(): readonly Region[] {
    return this.#regions;
  }

  /** Index of the first region that ends after `address`. */
  indexFrom(address: number): number {
    const regions = this.#regions;
    let low = 0;
    let high = regions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (regions[middle].end <= address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  at(address: number): Region | undefined {
    const last = this.#last;
    if (last !== undefined && address >= last.start && address < last.end) return last;
    const region = this.#regions[this.indexFrom(address)];
    if (region === undefined || region.start > address) return undefined;
    this.#last = region;
    return region;
  }

  /** Regions that touch [start, end), in order. */
  overlapping(start: number, end: number): Region[] {
    const found: Region[] = [];
    for (let i = this.indexFrom(start); i < this.#regions.length && this.#regions[i].start < end; i++) {
      found.push(this.#regions[i]);
    }
    return found;
  }

  isFree(start: number, end: number): boolean {
    const region = this.#regions[this.indexFrom(start)];
    return region === undefined || region.start >= end;
  }

  insert(region: Region): void {
    this.#regions.splice(this.indexFrom(region.start), 0, region);
    this.mapped += region.end - region.start;
    if (region.prot !== 0) this.committed += region.end - region.start;
  }

  /** Split regions so that `start` and `end` are region borders, and return those between. */
  isolate(start: number, end: number): Region[] {
    this.#cutAt(start);
    this.#cutAt(end);
    return this.overlapping(start, end);
  }

  remove(region: Region): void {
    const index = this.#regions.indexOf(region, this.indexFrom(region.start));
    this.#regions.splice(index, 1);
    if (this.#last === region) this.#last = undefined;
    this.mapped -= region.end - region.start;
    if (region.prot !== 0) this.committed -= region.end - region.start;
  }

  setProt(region: Region, prot: number): void {
    const length = region.end - region.start;
    if (region.prot !== 0) this.committed -= length;
    if (prot !== 0) this.committed += length;
    region.prot = prot;
  }

  /** Move a border outward (stack growth, brk, mremap in place). */
  extend(region: Region, start: number, end: number): void {
    const growth = end - start - (region.end - region.start);
    this.mapped += growth;
    if (region.prot !== 0) this.committed += growth;
    region.start = start;
    region.end = end;
  }

  /** Join neighbours within [start, end] that differ in nothing. */
  merge(start: number, end: number): void {
    const regions = this.#regions;
    let i = Math.max(1, this.indexFrom(start - 1));
    while (i < regions.length && regions[i].start <= end) {
      const left = regions[i - 1];
      const right = regions[i];
      if (!joinable(left, right) || this.#seams.includes(right.start)) {
        i++;
        continue;
      }
      left.end = right.end;
      regions.splice(i, 1);
      right.release();
      this.#last = undefined;
    }
  }

  /** Lowest free range of `length` bytes inside [low, high), or -1. */
  hole(length: number, low: number, high: number): number {
    let candidate = low;
    for (let i = this.indexFrom(low); i < this.#regions.length; i++) {
      const region = this.#regions[i];
      const bottom = region.growsDown ? Math.min(region.start, region.floor) - STACK_GUARD : region.start;
      if (bottom - candidate >= length) break;
      if (region.end > candidate) candidate = region.end;
      if (candidate + length > high) return -1;
    }
    return candidate + length <= high ? candidate : -1;
  }

  /** How far down a growing region may reach, given its neighbour below. */
  growthFloor(region: Region): number {
    const neighbour = this.#regions[this.indexFrom(region.start) - 1];
    return neighbour === undefined ? region.floor : Math.max(region.floor, neighbour.end + STACK_GUARD);
  }

  /** The growing region just above `address`, if that is what comes next. */
  growableAbove(address: number): Region | undefined {
    const region = this.#regions[this.indexFrom(address)];
    return region?.growsDown && address < region.start && address >= this.growthFloor(region) ? region : undefined;
  }

  #cutAt(address: number): void {
    const index = this.indexFrom(address);
    const region = this.#regions[index];
    if (region === undefined || region.start >= address) return;
    const right = region.piece(address, region.end);
    region.end = address;
    this.#regions.splice(index + 1, 0, right);
    this.#last = undefined;
  }
}

function joinable(left: Region, right: Region): boolean {
  return (
    left.end === right.start &&
    left.prot === right.prot &&
    left.maxProt === right.maxProt &&
    left.file === right.file &&
    left.object === right.object &&
    left.name === right.name &&
    !left.growsDown &&
    !right.growsDown &&
    ((left.file === undefined && left.object === undefined) || right.offset === left.offset + (left.end - left.start))
  );
}
