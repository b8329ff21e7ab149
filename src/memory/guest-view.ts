/** Checked access to guest memory for everything that is not translated code: numbers, strings, spans, and the engine's slow paths. */

import { bug, fail, MemoryFault } from '../base/failures.ts';
import { textOf } from '../base/text.ts';
import { MirroredPages } from './mirrored-pages.ts';
import { EXECUTE, READ, WRITE } from './page-map.ts';
import type { Access } from './paged-memory.ts';
import type { Region } from './regions.ts';
import { PAGE_MAP, PAGE_SHIFT, PAGE_SIZE, READ_ENDS, RUNTIME_SIZE, WINDOW_SIZE, WRITE_ENDS } from './runtime-area.ts';

const TWO_32 = 0x1_0000_0000;

export abstract class GuestView extends MirroredPages {
  /** Engine slow paths: any address, any size 1..64, page crossing, outside the window, shared pages; throw MemoryFault. Little-endian in/out through `scratch`. */
  readonly scratch = new Uint8Array(64);
  readonly #scratchView = new DataView(this.scratch.buffer);

  // ---- engine slow paths

  loadSlow(address: number, size: number): void {
    const direct = this.#direct(address, size, READ_ENDS);
    if (direct >= 0) {
      for (let i = 0; i < size; i++) this.scratch[i] = this.u8[direct + i];
      return;
    }
    this.#checkSpan(address, size, 'read');
    const inFirst = Math.min(size, PAGE_SIZE - (address % PAGE_SIZE));
    this.#load(address, 0, inFirst);
    if (inFirst < size) this.#load(address + inFirst, inFirst, size);
  }

  /** Bring scratch[from, to) from `address`, all in one page. */
  #load(address: number, from: number, to: number): void {
    const region = this.admit(address, 'read');
    const bytes = this.pageBytes(region, address - (address % PAGE_SIZE), false);
    this.#show(region, address, bytes, false);
    const at = this.pageOffset(bytes, address) - from;
    for (let i = from; i < to; i++) this.scratch[i] = bytes[at + i];
  }

  /** A private page outside the window was accessed by code, which may do so again. */
  #show(region: Region, address: number, bytes: Uint8Array, write: boolean): void {
    if (region.object === undefined && bytes !== this.u8) this.far.show(Math.floor(address / PAGE_SIZE), bytes, write);
  }

  storeSlow(address: number, size: number): void {
    const direct = this.#direct(address, size, WRITE_ENDS);
    if (direct >= 0) {
      for (let i = 0; i < size; i++) this.u8[direct + i] = this.scratch[i];
      return;
    }
    this.#checkSpan(address, size, 'write');
    const inFirst = Math.min(size, PAGE_SIZE - (address % PAGE_SIZE));
    // Both pages are admitted before the first byte changes.
    const first = this.admit(address, 'write');
    const second = inFirst < size ? this.admit(address + inFirst, 'write') : first;
    this.#store(first, address, 0, inFirst);
    if (inFirst < size) this.#store(second, address + inFirst, inFirst, size);
  }

  #store(region: Region, address: number, from: number, to: number): void {
    const bytes = this.pageBytes(region, address - (address % PAGE_SIZE), true);
    this.#show(region, address, bytes, true);
    const at = this.pageOffset(bytes, address) - from;
    for (let i = from; i < to; i++) bytes[at + i] = this.scratch[i];
  }

  /** Addresses that wrap around or lie in the noncanonical hole fault as a whole. */
  #checkSpan(address: number, size: number, access: Access): void {
    if (address >= 0x8000_0000_0000 || address < 0) this.admit(address < 0 ? address + 2 ** 64 : address, access);
    if (size < 1 || size > 64) throw new RangeError(`slow access of ${size} bytes`);
  }

  /** Throw the fault that this access would raise, without doing it. */
  probe(address: number, size: number, access: 'read' | 'write'): void {
    this.admit(address, access);
    const last = address + size - 1;
    if (last - (last % PAGE_SIZE) > address) this.admit(last - (last % PAGE_SIZE), access);
  }

  /** Instruction bytes for the decoder: up to `length` bytes that may be executed (empty: the caller raises the fault found by `executeFault`). Possibly a view: read it at once. */
  fetch(address: number, length: number): Uint8Array {
    if (this.#allows(address, length, EXECUTE) && this.#allows(address, length, READ)) {
      const from = address - this.windowBase + RUNTIME_SIZE;
      return this.u8.subarray(from, from + length);
    }
    const reach = this.#reachable(address, length, 'execute');
    const bytes = new Uint8Array(reach);
    this.#eachPiece(address, reach, 'execute', (piece, done) => bytes.set(piece, done));
    return bytes;
  }

  /** The fault that executing at `address` raises. */
  executeFault(address: number): never {
    this.admit(address, 'execute');
    // The page itself is fine: the instruction runs on into the next one.
    this.admit(address - (address % PAGE_SIZE) + PAGE_SIZE, 'execute');
    bug('nothing keeps this from being executed');
  }

  // ---- spans

  /** Views of guest memory for [address, address+length) after the permission, code-page and growth work of a kernel access; throws MemoryFault at the first bad page. Use them before the next call that maps memory. */
  spans(address: number, length: number, access: 'read' | 'write'): Uint8Array[] {
    if (length === 0) return [];
    let at = this.placeOf(address, length, access);
    if (at < 0) {
      this.#admitAll(address, length, access);
      at = this.placeOf(address, length, access);
    }
    if (at >= 0) return [this.u8.subarray(at, at + length)];
    const spans: Uint8Array[] = [];
    this.#eachPiece(address, length, access, (piece) => spans.push(piece));
    return spans;
  }

  /** How many bytes from `address` on are accessible, at most `length`. */
  accessible(address: number, length: number, access: 'read' | 'write'): number {
    if (this.#allows(address, length, access === 'read' ? READ : WRITE)) return length;
    return this.#reachable(address, length, access);
  }

  /** A copy of guest bytes. */
  copyIn(address: number, length: number): Uint8Array {
    const copy = new Uint8Array(length);
    let done = 0;
    for (const span of this.spans(address, length, 'read')) {
      copy.set(span, done);
      done += span.length;
    }
    return copy;
  }

  copyOut(address: number, bytes: Uint8Array): void {
    let done = 0;
    for (const span of this.spans(address, bytes.length, 'write')) {
      span.set(bytes.subarray(done, done + span.length));
      done += span.length;
    }
  }

  /** A NUL-terminated string as raw bytes without the NUL; ENAMETOOLONG past `limit`. */
  cstring(address: number, limit = 4096): Uint8Array {
    const pieces: Uint8Array[] = [];
    let total = 0;
    while (true) {
      const count = PAGE_SIZE - ((address + total) % PAGE_SIZE);
      const [span] = this.spans(address + total, count, 'read');
      const end = span.indexOf(0);
      const piece = end < 0 ? span : span.subarray(0, end);
      if (total + piece.length >= limit) fail('ENAMETOOLONG');
      if (end >= 0 && pieces.length === 0) return piece.slice();
      pieces.push(piece.slice());
      total += piece.length;
      if (end >= 0) return concatenate(pieces, total);
    }
  }

  /** cstring decoded as UTF-8. */
  string(address: number, limit = 4096): string {
    return textOf(this.cstring(address, limit));
  }

  /** Offset in `view` of a range that the page map alone allows to access, else -1. */
  placeOf(address: number, length: number, access: 'read' | 'write'): number {
    if (!this.#allows(address, length, access === 'read' ? READ : WRITE)) return -1;
    return address - this.windowBase + RUNTIME_SIZE;
  }

  /** Whether the page map alone allows this access. */
  #allows(address: number, length: number, bit: number): boolean {
    const offset = address - this.windowBase;
    if (!(offset >= 0 && offset + length <= WINDOW_SIZE)) return false;
    const last = (offset + length - 1) >>> PAGE_SHIFT;
    const map = this.u8;
    for (let page = offset >>> PAGE_SHIFT; page <= last; page++) if ((map[PAGE_MAP + page] & bit) === 0) return false;
    return true;
  }

  #admitAll(address: number, length: number, access: Access): void {
    // The first page without asking: far up, where nothing can be mapped, address + length is not more than address.
    this.admit(address, access);
    const end = address + length;
    for (let at = nextPage(address); at < end; at = nextPage(at)) this.admit(at, access);
  }

  #reachable(address: number, length: number, access: Access): number {
    if (length === 0) return 0;
    const end = address + length;
    let at = address;
    try {
      this.admit(at, access);
      for (at = nextPage(at); at < end; at = nextPage(at)) this.admit(at, access);
    } catch (error) {
      if (error instanceof MemoryFault) return at - address;
      throw error;
    }
    return length;
  }

  /** Visit an admitted range page by page. */
  #eachPiece(address: number, length: number, access: Access, visit: (piece: Uint8Array, done: number) => void): void {
    for (let done = 0; done < length; ) {
      const at = address + done;
      const count = Math.min(length - done, PAGE_SIZE - (at % PAGE_SIZE));
      const region = this.regions.at(at)!;
      const bytes = this.pageBytes(region, at - (at % PAGE_SIZE), access === 'write');
      const from = this.pageOffset(bytes, at);
      visit(bytes.subarray(from, from + count), done);
      done += count;
    }
  }

  // ---- numbers

  /** Offset in `view` when the page map allows `size` bytes there at once, else -1. */
  #direct(address: number, size: number, ends: number): number {
    const offset = address - this.windowBase;
    if (!(offset >= 0 && offset < WINDOW_SIZE)) return -1;
    return offset + size <= this.u32[(ends >> 2) + (offset >>> PAGE_SHIFT)] ? offset + RUNTIME_SIZE : -1;
  }

  readU8(a: number): number {
    const at = this.#direct(a, 1, READ_ENDS);
    if (at >= 0) return this.u8[at];
    this.loadSlow(a, 1);
    return this.scratch[0];
  }

  readU16(a: number): number {
    const at = this.#direct(a, 2, READ_ENDS);
    if (at >= 0) return this.view.getUint16(at, true);
    this.loadSlow(a, 2);
    return this.#scratchView.getUint16(0, true);
  }

  readU32(a: number): number {
    const at = this.#direct(a, 4, READ_ENDS);
    if (at >= 0) return this.view.getUint32(at, true);
    this.loadSlow(a, 4);
    return this.#scratchView.getUint32(0, true);
  }

  readI32(a: number): number {
    return this.readU32(a) | 0;
  }

  /** As a number: exact below 2^53. */
  readU64(a: number): number {
    const at = this.#direct(a, 8, READ_ENDS);
    if (at >= 0) return this.view.getUint32(at, true) + this.view.getUint32(at + 4, true) * TWO_32;
    this.loadSlow(a, 8);
    return this.#scratchView.getUint32(0, true) + this.#scratchView.getUint32(4, true) * TWO_32;
  }

  readBig64(a: number): bigint {
    const at = this.#direct(a, 8, READ_ENDS);
    if (at >= 0) return this.view.getBigUint64(at, true);
    this.loadSlow(a, 8);
    return this.#scratchView.getBigUint64(0, true);
  }

  writeU8(a: number, v: number): void {
    const at = this.#direct(a, 1, WRITE_ENDS);
    if (at >= 0) {
      this.u8[at] = v;
      return;
    }
    this.scratch[0] = v;
    this.storeSlow(a, 1);
  }

  writeU16(a: number, v: number): void {
    const at = this.#direct(a, 2, WRITE_ENDS);
    if (at >= 0) {
      this.view.setUint16(at, v, true);
      return;
    }
    this.#scratchView.setUint16(0, v, true);
    this.storeSlow(a, 2);
  }

  writeU32(a: number, v: number): void {
    const at = this.#direct(a, 4, WRITE_ENDS);
    if (at >= 0) {
      this.view.setUint32(at, v, true);
      return;
    }
    this.#scratchView.setUint32(0, v, true);
    this.storeSlow(a, 4);
  }

  /** Accepts negative numbers. */
  writeU64(a: number, v: number | bigint): void {
    const at = this.#direct(a, 8, WRITE_ENDS);
    const view = at >= 0 ? this.view : this.#scratchView;
    const to = Math.max(at, 0);
    if (typeof v === 'bigint') {
      view.setBigUint64(to, BigInt.asUintN(64, v), true);
    } else {
      view.setUint32(to, v % TWO_32, true);
      view.setInt32(to + 4, Math.floor(v / TWO_32), true);
    }
    if (at < 0) this.storeSlow(a, 8);
  }
}

const nextPage = (address: number) => address - (address % PAGE_SIZE) + PAGE_SIZE;

function concatenate(pieces: Uint8Array[], total: number): Uint8Array {
  const all = new Uint8Array(total);
  let done = 0;
  for (const piece of pieces) {
    all.set(piece, done);
    done += piece.length;
  }
  return all;
}
