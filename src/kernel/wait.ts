/** Waiting without awaiting: a kernel object owns a WaitQueue and wakes it; a handler returns a Wait naming the queues; only the scheduler parks threads on them. */

export class WaitQueue {
  readonly #wakers = new Set<() => void>();

  /** Call `waker` at every wake until the returned function is called. */
  subscribe(waker: () => void): () => void {
    this.#wakers.add(waker);
    return () => this.#wakers.delete(waker);
  }

  /** Something changed: everyone parked here tries again. */
  wake(): void {
    if (this.#wakers.size === 0) return;
    for (const waker of [...this.#wakers]) waker();
  }

  /** Wake at most `count` subscribers in order of arrival (futex); returns how many. */
  wakeSome(count: number): number {
    let woken = 0;
    for (const waker of [...this.#wakers]) {
      if (woken >= count) break;
      waker();
      woken++;
    }
    return woken;
  }

  get size(): number {
    return this.#wakers.size;
  }
}

/** What a handler returns when it has changed nothing and must wait: it is called again after a wake. A signal ends the wait with EINTR or a restart. */
export class Wait {
  readonly queues: readonly WaitQueue[];
  /** Monotonic nanoseconds at which to call the handler again with `thread.timedOut` set; undefined: no limit. */
  readonly deadline: bigint | undefined;
  constructor(queues: readonly WaitQueue[], deadline?: bigint) {
    this.queues = queues;
    this.deadline = deadline;
  }
}
