/** A guest address space: which mappings exist, where new ones go, and what the memory calls do to them. Contents of pages: paged-memory.ts and what it extends; reading and writing them: guest-view.ts. */
import { fail } from '../base/failures.ts';
import { GuestView } from './guest-view.ts';
import { ADDRESS_LIMIT } from './page-store.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE, Region } from './regions.ts';
import { MINIMUM_ADDRESS, PAGE_SIZE, WINDOW_SIZE } from './runtime-area.ts';
import { SharedObject, sharedObjectOf } from './shared-objects.ts';

/** What backs a mapping of a file; the kernel's open files implement it. */
export interface MappedFile {
  /** Bytes at a file position into `into`; returns how many (short at end of file). */
  readAt(into: Uint8Array, position: number): number;
  writeAt(from: Uint8Array, position: number): number;
  size(): number;
  /** Two mappings with equal keys map the same file (shared mappings see each other). An object, or otherwise unique among all VMs. */
  readonly mapKey: unknown;
  /** Every mapping counts itself in and out, so that the file stays readable after its descriptor is closed. */
  retain?(): void;
  drop?(): void;
}

export { PROT_EXEC, PROT_READ, PROT_WRITE };

export interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly prot: number;
  /** What mprotect may raise it to. */
  readonly maxProt: number;
  readonly shared: boolean;
  readonly file: MappedFile | undefined;
  /** File position of `start`. */
  readonly offset: number;
  /** As /proc/self/maps prints it: a path, [heap], [stack], or empty. */
  readonly name: string;
  /** Grows downward on a fault just below it (the main stack). */
  readonly growsDown: boolean;
}

export interface MapRequest {
  /** Wanted start; with `fixed` exactly there (replacing what is there), else a hint. 0: anywhere. */
  address: number;
  length: number;
  prot: number;
  /** What mprotect may raise `prot` to (a shared mapping of a file opened for reading cannot become writable). */
  maxProt?: number;
  fixed?: boolean;
  /** With fixed: fail with EEXIST instead of replacing. */
  noReplace?: boolean;
  shared?: boolean;
  file?: MappedFile;
  offset?: number;
  name?: string;
  /** The mapping may grow down to `stackLimit` bytes. */
  growsDown?: boolean;
  /** Nothing at or above this address (MAP_32BIT). */
  below?: number;
}

/** Mappings that do not fit into the window go here. */
const FAR_BASE = 0x7000_0000_0000;
const MAX_MAPPINGS = 65530;
/** Reservations without access from this size on go outside the window, which they would fill for nothing. */
const LARGE_RESERVATION = 0x4000_0000;

const roundUp = (n: number) => Math.ceil(n / PAGE_SIZE) * PAGE_SIZE;
const isAligned = (n: number) => n % PAGE_SIZE === 0;

export class AddressSpace extends GuestView {
  /** Bytes this space may map before ENOMEM (RLIMIT_AS). */
  limit = Number.POSITIVE_INFINITY;
  /** Bytes this space may make accessible before ENOMEM (--limit-memory): reservations without access are free. */
  commitLimit = Number.POSITIVE_INFINITY;
  /** How far a growsDown mapping may reach below its end (RLIMIT_STACK). */
  stackLimit = 8 << 20;
  /** Where the search for a free place starts: the loader sets it above image, heap and stack. */
  mapBase: number;
  #breakStart = 0;
  #break = 0;

  constructor(options: { windowBase?: number; initialBytes?: number } = {}) {
    super(options.windowBase ?? 0, options.initialBytes ?? 0);
    this.mapBase = this.windowBase + 0x1000_0000;
  }

  // ---- making mappings

  map(request: MapRequest): number {
    const { prot, fixed = false, offset = 0 } = request;
    if (request.length <= 0) fail('EINVAL');
    const length = roundUp(request.length);
    if (length > ADDRESS_LIMIT) fail('ENOMEM');
    if (!isAligned(offset)) fail('EINVAL');
    if (this.regions.all.length >= MAX_MAPPINGS) fail('ENOMEM');
    let start: number;
    if (fixed) {
      start = request.address;
      if (!isAligned(start)) fail('EINVAL');
      if (start + length > ADDRESS_LIMIT) fail('ENOMEM');
      if (start < MINIMUM_ADDRESS) fail('EPERM');
      if (request.noReplace && !this.regions.isFree(start, start + length)) fail('EEXIST');
      this.#checkLimits(start, start + length, length, prot);
      this.#clear(start, start + length);
    } else {
      this.#checkLimits(0, 0, length, prot);
      start = this.#place(request.address, length, prot, request.below);
    }
    if (prot !== 0 && this.inWindow(start)) {
      this.reach(Math.min(start + length, this.windowBase + WINDOW_SIZE));
    }
    const object = request.shared ? this.#sharedObject(request.file) : undefined;
    if (request.file && !object) this.notePrivateFile(request.file);
    const region = new Region({
      start,
      end: start + length,
      prot,
      maxProt: request.maxProt ?? 7,
      file: request.file,
      offset: request.file ? offset : 0,
      name: request.name ?? '',
      growsDown: request.growsDown ?? false,
      object,
      floor: request.growsDown ? Math.max(MINIMUM_ADDRESS, start + length - this.stackLimit) : start,
    });
    this.#insert(region);
    this.regions.merge(start, start + length);
    return start;
  }

  #sharedObject(file: MappedFile | undefined): SharedObject {
    const object = file ? sharedObjectOf(file) : new SharedObject(undefined);
    object.users.add(this);
    return object;
  }

  /** Enter a region into the list, cut where it leaves or enters the window. */
  #insert(region: Region): void {
    this.regions.insert(region);
    const low = this.windowBase;
    const high = low + WINDOW_SIZE;
    for (const seam of [low, high]) if (region.start < seam && seam < region.end) this.regions.isolate(seam, seam);
    for (const piece of this.regions.overlapping(region.start, Math.max(region.end, region.start + 1))) {
      this.#show(piece);
    }
    // The seams shortened `region` itself; its later pieces follow it.
    if (region.end === low || region.end === high) {
      for (const piece of this.regions.overlapping(region.end, region.end + 1)) this.#show(piece);
    }
  }

  #show(region: Region): void {
    this.prepare(region, region.start, region.end);
    this.expose(region, region.start, region.end);
  }

  /** Fail ENOMEM when `length` more bytes, less those replaced in [start, end), would pass a limit. */
  #checkLimits(start: number, end: number, length: number, prot: number): void {
    if (this.limit === Number.POSITIVE_INFINITY && this.commitLimit === Number.POSITIVE_INFINITY) return;
    let mapped = length;
    let committed = prot === 0 ? 0 : length;
    for (const region of this.regions.overlapping(start, end)) {
      const overlap = Math.min(end, region.end) - Math.max(start, region.start);
      mapped -= overlap;
      if (region.prot !== 0) committed -= overlap;
    }
    if (this.regions.mapped + mapped > this.limit && mapped > 0) fail('ENOMEM');
    if (this.regions.committed + committed > this.commitLimit && committed > 0) fail('ENOMEM');
  }

  #place(hint: number, length: number, prot: number, below = ADDRESS_LIMIT): number {
    const windowEnd = this.windowBase + WINDOW_SIZE;
    if (hint > 0) {
      const start = Math.max(roundUp(hint), MINIMUM_ADDRESS);
      // A hint outside the window is declined: memory there works, but every access is slow.
      const fits = start >= this.windowBase && start + length <= Math.min(windowEnd, below);
      if (fits && this.regions.hole(length, start, start + length) === start) return start;
    }
    if (prot !== 0 || length < LARGE_RESERVATION) {
      const low = Math.max(this.windowBase, MINIMUM_ADDRESS);
      let start = this.regions.hole(length, this.mapBase, Math.min(windowEnd, below));
      if (start < 0) start = this.regions.hole(length, low, Math.min(this.mapBase, below));
      if (start >= 0) return start;
    }
    const far = this.regions.hole(length, FAR_BASE, Math.min(ADDRESS_LIMIT, below));
    if (far >= 0) return far;
    const anywhere = this.regions.hole(length, windowEnd, Math.min(FAR_BASE, below));
    return anywhere >= 0 ? anywhere : fail('ENOMEM');
  }

  /** A free range inside the window at or above `low`, for images and stacks; fails ENOMEM. */
  findFree(length: number, low: number): number {
    const start = this.regions.hole(roundUp(length), Math.max(low, MINIMUM_ADDRESS), this.windowBase + WINDOW_SIZE);
    return start >= 0 ? start : fail('ENOMEM');
  }

  // ---- taking away

  unmap(start: number, length: number): void {
    if (!isAligned(start) || length <= 0 || start + roundUp(length) > ADDRESS_LIMIT) fail('EINVAL');
    this.#clear(start, start + roundUp(length));
  }

  #clear(start: number, end: number): void {
    if (this.regions.isFree(start, end)) return;
    for (const region of this.regions.isolate(start, end)) {
      this.writeBackRange(region, region.start, region.end);
      this.forget(region, region.start, region.end);
      this.regions.remove(region);
      this.refresh(region.start, region.end, undefined);
      region.release();
    }
  }

  protect(start: number, length: number, prot: number): void {
    if (!isAligned(start)) fail('EINVAL');
    const end = start + roundUp(length);
    if (end > ADDRESS_LIMIT) fail('ENOMEM');
    if (end === start) return;
    let reached = start;
    for (const part of this.regions.overlapping(start, end)) {
      if (part.start > reached) break;
      if ((prot & ~part.maxProt) !== 0) fail('EACCES');
      reached = Math.min(part.end, end);
    }
    for (const region of reached > start ? this.regions.isolate(start, reached) : []) {
      if (region.prot === prot) continue;
      if (region.prot === 0) this.#checkLimits(0, 0, 0, 0);
      if (region.prot === 0 && this.regions.committed + (region.end - region.start) > this.commitLimit) fail('ENOMEM');
      if (region.prot & PROT_EXEC && !(prot & PROT_EXEC)) this.dropCode(region.start, region.end);
      this.regions.setProt(region, prot);
      this.expose(region, region.start, region.end);
    }
    this.regions.merge(start, reached);
    if (reached < end) fail('ENOMEM');
  }

  /** mremap: returns the new address; fails ENOMEM when it cannot grow in place and may not move. */
  remap(start: number, oldLength: number, newLength: number, mayMove: boolean, fixedAt?: number): number {
    if (!isAligned(start) || newLength <= 0) fail('EINVAL');
    const oldSize = roundUp(oldLength);
    const newSize = roundUp(newLength);
    if (fixedAt !== undefined) {
      if (!isAligned(fixedAt) || fixedAt + newSize > ADDRESS_LIMIT) fail('EINVAL');
      if (fixedAt < start + oldSize && start < fixedAt + newSize) fail('EINVAL');
    }
    const region = this.regions.at(start);
    if (region === undefined) fail('EFAULT');
    if (oldSize === 0) {
      if (!region.object) fail('EINVAL');
      return this.#duplicate(region, start, newSize, fixedAt);
    }
    if (newSize <= oldSize && fixedAt === undefined) {
      this.#clear(start + newSize, start + oldSize);
      return start;
    }
    if (start + oldSize > region.end) fail('EFAULT');
    if (newSize > oldSize) this.#checkLimits(0, 0, newSize - oldSize, region.prot);
    if (fixedAt === undefined && this.#growInPlace(region, start + oldSize, start + newSize)) return start;
    if (!mayMove) fail('ENOMEM');
    return this.#move(start, oldSize, newSize, fixedAt);
  }

  #growInPlace(region: Region, oldEnd: number, end: number): boolean {
    if (region.end !== oldEnd || region.growsDown || !this.regions.isFree(oldEnd, end)) return false;
    if (end > ADDRESS_LIMIT || this.inWindow(oldEnd - 1) !== this.inWindow(end - 1)) return false;
    this.regions.extend(region, region.start, end);
    this.prepare(region, oldEnd, end);
    this.expose(region, oldEnd, end);
    return true;
  }

  #move(start: number, oldSize: number, newSize: number, fixedAt: number | undefined): number {
    const kept = Math.min(oldSize, newSize);
    if (fixedAt !== undefined) this.#clear(fixedAt, fixedAt + newSize);
    const at = fixedAt ?? this.#place(0, newSize, this.regions.at(start)!.prot);
    const [source] = this.regions.isolate(start, start + oldSize);
    const target = source.piece(source.start, source.end);
    target.start = at;
    target.end = at + newSize;
    if (this.inWindow(start) !== this.inWindow(at)) source.object?.share();
    this.writeBackRange(source, start, start + oldSize);
    this.#insert(target);
    this.movePages(source, start, target, at, kept);
    this.forget(source, start, start + oldSize);
    this.regions.remove(source);
    this.refresh(start, start + oldSize, undefined);
    source.release();
    this.regions.merge(at, at + newSize);
    return at;
  }

  /** mremap of length 0: a second mapping of the same shared object. */
  #duplicate(region: Region, start: number, size: number, fixedAt: number | undefined): number {
    region.object!.share();
    if (fixedAt !== undefined) this.#clear(fixedAt, fixedAt + size);
    const at = fixedAt ?? this.#place(0, size, region.prot);
    const copy = region.piece(start, region.end);
    copy.start = at;
    copy.end = at + size;
    this.#insert(copy);
    return at;
  }

  // ---- contents

  /** Drop contents (MADV_DONTNEED): anonymous pages read zero again, private file pages read the file again. */
  discard(start: number, length: number): void {
    if (!isAligned(start)) fail('EINVAL');
    const end = start + roundUp(length);
    let covered = start;
    for (const region of this.regions.overlapping(start, end)) {
      const from = Math.max(start, region.start);
      const to = Math.min(end, region.end);
      if (from === covered) covered = to;
      if (region.object) continue;
      this.forget(region, from, to);
      this.prepare(region, from, to);
      this.refresh(from, to, region);
    }
    if (covered < end) fail('ENOMEM');
  }

  /** Write shared file pages back to their file (msync). */
  sync(start: number, length: number): void {
    if (!isAligned(start)) fail('EINVAL');
    const end = start + roundUp(length);
    let covered = start;
    let refused = false;
    for (const region of this.regions.overlapping(start, end)) {
      if (region.start <= covered) covered = Math.min(end, region.end);
      if (region.object?.flush() === false) refused = true;
    }
    if (refused) fail('EIO');
    if (covered < end) fail('ENOMEM');
  }

  // ---- the break

  /** Current program break; set by exec through `setBreakStart`. */
  brk(wanted: number): number {
    if (wanted < this.#breakStart) return this.#break;
    const oldEnd = roundUp(this.#break);
    const newEnd = roundUp(wanted);
    try {
      if (newEnd < oldEnd) this.#clear(newEnd, oldEnd);
      else if (newEnd > oldEnd) this.#growHeap(oldEnd, newEnd);
    } catch {
      return this.#break;
    }
    this.#break = wanted;
    return wanted;
  }

  #growHeap(oldEnd: number, newEnd: number): void {
    if (this.regions.hole(newEnd - oldEnd, oldEnd, newEnd) !== oldEnd) fail('ENOMEM');
    const name = '[heap]';
    this.map({
      address: oldEnd,
      length: newEnd - oldEnd,
      prot: PROT_READ | PROT_WRITE,
      fixed: true,
      noReplace: true,
      name,
    });
  }

  setBreakStart(address: number): void {
    this.#breakStart = roundUp(address);
    this.#break = this.#breakStart;
  }

  /** Where the heap starts, for /proc and prctl. */
  get breakStart(): number {
    return this.#breakStart;
  }

  // ---- views of the whole

  mappings(): readonly Mapping[] {
    return this.regions.all;
  }

  mappingAt(address: number): Mapping | undefined {
    return this.regions.at(address);
  }

  /** Bytes mapped and bytes resident, for limits and /proc. */
  usage(): { mapped: number; resident: number } {
    return { mapped: this.regions.mapped, resident: this.residentBytes() };
  }

  /** A copy for fork: private pages copied, shared ones shared. */
  fork(): AddressSpace {
    const child = new AddressSpace({ windowBase: this.windowBase, initialBytes: this.u8.length });
    child.limit = this.limit;
    child.commitLimit = this.commitLimit;
    child.stackLimit = this.stackLimit;
    child.mapBase = this.mapBase;
    child.#breakStart = this.#breakStart;
    child.#break = this.#break;
    for (const region of this.regions.all) {
      region.object?.share();
      region.object?.users.add(child);
      if (region.file && !region.object) child.notePrivateFile(region.file);
      const copy = region.piece(region.start, region.end);
      child.regions.insert(copy);
      if (copy.object === undefined) child.copyPages(this, copy);
      child.expose(copy, copy.start, copy.end);
    }
    return child;
  }

  /** A copy to run the same instructions in once more: nothing written there reaches a file or another space. `follow` brings it up to date. */
  mirror(): AddressSpace {
    const mirror = new AddressSpace({ windowBase: this.windowBase, initialBytes: this.u8.length });
    mirror.follow(this);
    return mirror;
  }

  /** Give the memory back for reuse by a later address space. */
  dispose(): void {
    for (const region of this.regions.all) {
      this.writeBackRange(region, region.start, region.end);
      region.object?.users.delete(this);
      region.release();
    }
    this.onCodeChanged = () => {};
    this.releaseMemory();
  }
}
