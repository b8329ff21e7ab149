/** Who is signalled when an open file becomes ready (O_ASYNC): a subscription to its queue that reports each new readiness; the signal is sent by whoever made it. */
import { ERROR, HANGUP, type OpenFile, READABLE, WRITABLE } from './open-file.ts';

export interface OwnerName {
  kind: 'thread' | 'process' | 'group';
  id: number;
}

export class FileOwner {
  name: OwnerName = { kind: 'process', id: 0 };
  /** undefined: SIGIO without particulars. */
  signal: string | undefined;
  readonly #file: OpenFile;
  #stop: (() => void) | undefined;
  #last = 0;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  get async(): boolean {
    return this.#stop !== undefined;
  }

  /** From now on `report` is told what the file has become ready for. */
  start(report: (fresh: number) => void): void {
    this.stop();
    this.#last = this.#file.readiness();
    // A file wakes its readers when something comes, so being readable then is news; room for writing is only once.
    const leave = this.#file.queue.subscribe(() => {
      const now = this.#file.readiness() & (READABLE | WRITABLE | HANGUP | ERROR);
      const fresh = now & (~this.#last | READABLE);
      this.#last = now;
      if (fresh) report(fresh);
    });
    this.#file.releaseListeners.add(leave);
    this.#stop = () => {
      leave();
      this.#file.releaseListeners.delete(leave);
    };
  }

  stop(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
