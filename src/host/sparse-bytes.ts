/** The bytes of a file in pages that exist once they are written: what never was reads as zeros and takes no room. */
const PAGE = 4096;

/** A page that was asked for and not written yet: it counts, and is a hole to look for. */
const RESERVED = new Uint8Array(PAGE);

export class SparseBytes {
  #size = 0;
  readonly #pages = new Map<number, Uint8Array>();

  get size(): number {
    return this.#size;
  }

  /** Bytes of all pages that exist. */
  get occupied(): number {
    return this.#pages.size * PAGE;
  }

  /** Bytes of the pages in [from, to) that do not exist. */
  missing(from: number, to: number): number {
    const [first, last] = [Math.floor(from / PAGE), Math.ceil(to / PAGE)];
    return Math.max(0, last - first - this.#existing(first, last).length) * PAGE;
  }

  read(into: Uint8Array, position: number): number {
    const count = Math.min(into.length, this.#size - position);
    for (let done = 0; done < count; ) {
      const at = (position + done) % PAGE;
      const n = Math.min(count - done, PAGE - at);
      const page = this.#pages.get(Math.floor((position + done) / PAGE));
      if (page) into.set(page.subarray(at, at + n), done);
      else into.fill(0, done, done + n);
      done += n;
    }
    return Math.max(0, count);
  }

  write(from: Uint8Array, position: number): void {
    for (let done = 0; done < from.length; ) {
      const at = (position + done) % PAGE;
      const n = Math.min(from.length - done, PAGE - at);
      this.#owned(Math.floor((position + done) / PAGE)).set(from.subarray(done, done + n), at);
      done += n;
    }
    this.#size = Math.max(this.#size, position + from.length);
  }

  #owned(index: number): Uint8Array {
    const page = this.#pages.get(index);
    if (page && page !== RESERVED) return page;
    const fresh = new Uint8Array(PAGE);
    this.#pages.set(index, fresh);
    return fresh;
  }

  truncate(size: number): void {
    if (size < this.#size) this.punch(size, Number.MAX_SAFE_INTEGER);
    this.#size = size;
  }

  /** Pages from `first` to before `last` that exist: a range may be far larger than what is in it. */
  #existing(first: number, last: number): number[] {
    if (last - first > this.#pages.size) return [...this.#pages.keys()].filter((i) => i >= first && i < last);
    const found: number[] = [];
    for (let i = first; i < last; i++) if (this.#pages.has(i)) found.push(i);
    return found;
  }

  /** Let the pages of [from, to) exist, also beyond the end. */
  reserve(from: number, to: number): void {
    for (let i = Math.floor(from / PAGE); i * PAGE < to; i++) if (!this.#pages.has(i)) this.#pages.set(i, RESERVED);
  }

  /** Zeros in [from, to); whole pages go. */
  punch(from: number, to: number): void {
    for (const index of this.#existing(Math.floor(from / PAGE), Math.ceil(to / PAGE))) {
      const page = this.#pages.get(index)!;
      const [start, end] = [Math.max(0, from - index * PAGE), Math.min(PAGE, to - index * PAGE)];
      if (start === 0 && end === PAGE) this.#pages.delete(index);
      else if (page !== RESERVED) page.fill(0, start, end);
    }
  }

  /** The next position from `position` on that is written, or that is not; the size at the end. */
  next(position: number, what: 'data' | 'hole'): number {
    const isData = (index: number) => (this.#pages.get(index) ?? RESERVED) !== RESERVED;
    let index = Math.floor(position / PAGE);
    if (isData(index) === (what === 'data')) return position;
    if (what === 'hole') {
      while (isData(index)) index++;
    } else {
      let next = Number.POSITIVE_INFINITY;
      for (const i of this.#pages.keys()) if (i > index && i < next && isData(i)) next = i;
      index = next;
    }
    return Math.min(this.#size, index * PAGE);
  }
}
