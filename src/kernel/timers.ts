/** The VM's timers: callbacks at monotonic times, in order; the scheduler expires them and sleeps until the next. */

export class Timer {
  readonly at: bigint;
  readonly fire: () => void;
  active = true;

  constructor(at: bigint, fire: () => void) {
    this.at = at;
    this.fire = fire;
  }

  /** Cancelling costs nothing: the entry is dropped when it reaches the top. */
  cancel(): void {
    this.active = false;
  }
}

/** A binary heap by time. */
export class Timers {
  readonly #heap: Timer[] = [];

  at(monotonic: bigint, fire: () => void): Timer {
    const timer = new Timer(monotonic, fire);
    const heap = this.#heap;
    let i = heap.push(timer) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent].at <= timer.at) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = timer;
    return timer;
  }

  /** When the next timer is due; undefined when there is none. */
  next(): bigint | undefined {
    while (this.#heap.length > 0 && !this.#heap[0].active) this.#pop();
    return this.#heap[0]?.at;
  }

  /** Fire everything due at `now`; returns how many. */
  expire(now: bigint): number {
    let fired = 0;
    for (let due = this.next(); due !== undefined && due <= now; due = this.next()) {
      const timer = this.#pop();
      timer.active = false;
      timer.fire();
      fired++;
    }
    return fired;
  }

  #pop(): Timer {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop() as Timer;
    if (heap.length > 0) {
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && heap[child + 1].at < heap[child].at) child++;
        if (heap[child].at >= last.at) break;
        heap[i] = heap[child];
        i = child;
      }
      heap[i] = last;
    }
    return top;
  }
}
