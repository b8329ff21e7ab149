/** A naive address space, one object per page, that the property tests hold against the real one. */
import type { FaultReason } from '../../src/base/failures.ts';

export const PAGE = 4096;

/** Pages of a shared object have the same `bytes` array wherever they are mapped. */
export interface ModelPage {
  prot: number;
  bytes: Uint8Array;
  shared: boolean;
  /** What MADV_DONTNEED brings back. */
  fresh: Uint8Array;
}

export type Outcome = 'ok' | FaultReason;

export class Model {
  readonly pages = new Map<number, ModelPage>();

  map(start: number, count: number, prot: number, content: (page: number) => Uint8Array, shared: boolean): void {
    for (let i = 0; i < count; i++) {
      const fresh = content(i);
      this.pages.set(start / PAGE + i, { prot, bytes: shared ? fresh : fresh.slice(), shared, fresh });
    }
  }

  unmap(start: number, count: number): void {
    for (let i = 0; i < count; i++) this.pages.delete(start / PAGE + i);
  }

  /** False where mprotect says ENOMEM, after doing what comes before the hole. */
  protect(start: number, count: number, prot: number): boolean {
    for (let i = 0; i < count; i++) {
      const page = this.pages.get(start / PAGE + i);
      if (!page) return false;
      page.prot = prot;
    }
    return true;
  }

  discard(start: number, count: number): boolean {
    let complete = true;
    for (let i = 0; i < count; i++) {
      const page = this.pages.get(start / PAGE + i);
      if (!page) complete = false;
      else if (!page.shared) page.bytes = page.fresh.slice();
    }
    return complete;
  }

  /** What an access to [address, address + size) gives: the first fault in address order. */
  check(address: number, size: number, write: boolean): Outcome {
    for (let at = address; at < address + size; at++) {
      const page = this.pages.get(Math.floor(at / PAGE));
      if (!page) return 'unmapped';
      if (page.prot === 0 || (write && (page.prot & 2) === 0)) return 'protected';
    }
    return 'ok';
  }

  read(address: number, size: number): number[] {
    return Array.from({ length: size }, (_, i) => this.byte(address + i));
  }

  byte(at: number): number {
    return this.pages.get(Math.floor(at / PAGE))!.bytes[at % PAGE];
  }

  write(address: number, bytes: Uint8Array): void {
    bytes.forEach((byte, i) => {
      const at = address + i;
      this.pages.get(Math.floor(at / PAGE))!.bytes[at % PAGE] = byte;
    });
  }

  fork(): Model {
    const child = new Model();
    for (const [number, page] of this.pages) {
      child.pages.set(number, { ...page, bytes: page.shared ? page.bytes : page.bytes.slice() });
    }
    return child;
  }
}
