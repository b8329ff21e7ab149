/** A bounded first-in first-out queue of bytes: what pipes, ptys and stream sockets are made of. */

const FIRST_SIZE = 4096;

/** A view of a few bytes costs more than the bytes. */
function copy(from: Uint8Array, at: number, into: Uint8Array, to: number, count: number): void {
  if (count > 64) into.set(from.subarray(at, at + count), to);
  else for (let i = 0; i < count; i++) into[to + i] = from[at + i];
}

export class ByteQueue {
  /** Most bytes it takes. */
  capacity: number;
  #ring = new Uint8Array(0);
  #start = 0;
  #length = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  get room(): number {
    return Math.max(0, this.capacity - this.#length);
  }

  /** Take as much of `from` as fits; returns how much. */
  push(from: Uint8Array): number {
    const count = Math.min(from.length, this.room);
    this.#reserve(this.#length + count);
    const ring = this.#ring;
    const end = (this.#start + this.#length) % (ring.length || 1);
    const first = Math.min(count, ring.length - end);
    copy(from, 0, ring, end, first);
    copy(from, first, ring, 0, count - first);
    this.#length += count;
    return count;
  }

  /** Copy out the oldest bytes, `skip` bytes in, without removing them; returns how many. */
  peek(into: Uint8Array, skip = 0): number {
    const count = Math.min(into.length, Math.max(0, this.#length - skip));
    if (count === 0) return 0;
    const ring = this.#ring;
    const start = (this.#start + skip) % ring.length;
    const first = Math.min(count, ring.length - start);
    copy(ring, start, into, 0, first);
    copy(ring, 0, into, first, count - first);
    return count;
  }

  take(into: Uint8Array): number {
    const count = this.peek(into);
    this.drop(count);
    return count;
  }

  /** Remove the oldest `count` bytes. */
  drop(count: number): void {
    this.#length -= count;
    this.#start = this.#length === 0 ? 0 : (this.#start + count) % this.#ring.length;
  }

  #reserve(wanted: number): void {
    if (wanted <= this.#ring.length) return;
    let size = Math.max(FIRST_SIZE, this.#ring.length);
    while (size < wanted) size *= 2;
    const ring = new Uint8Array(size);
    this.peek(ring.subarray(0, this.#length));
    this.#ring = ring;
    this.#start = 0;
  }
}
