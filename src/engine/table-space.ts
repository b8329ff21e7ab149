/** Numbers of a function table: one numbering for all address spaces of a VM, so that compiled modules fit every one of them. There are two, of handlers and of regions: V8 keeps a copy of a table for every instance that imports it, so what only handlers need stays out of regions' way (4,000 entries cost 150 KB an instance). */
export class TableSpace {
  /** 0 stays empty: it means "none". */
  #next = 1;

  /** Entries a table needs. */
  get size(): number {
    return this.#next;
  }
  take(count: number): number {
    const first = this.#next;
    this.#next += count;
    return first;
  }
  /** These below are taken. */
  reserve(next: number): void {
    this.#next = Math.max(this.#next, next);
  }
  /** All are gone: their numbers may be used again. */
  drop(): void {
    this.#next = 1;
  }
}
