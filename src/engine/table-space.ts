/** Numbers of the function table: one numbering for all address spaces of a VM, so that compiled modules fit every one of them. */

export class TableSpace {
  /** 0 stays empty: it means "no translation". */
  #next = 1;

  get size(): number {
    return this.#next;
  }
  allocate(count: number): number {
    const first = this.#next;
    this.#next += count;
    return first;
  }
}
