/** Advisory locks on files: byte ranges (POSIX and open-file-description locks) and whole files (flock). Who owns a lock is the caller's choice of object; descriptors tell when owners let go. */
import { Wait, WaitQueue } from './wait.ts';

export interface RangeLock {
  /** A descriptor table (POSIX) or an open file (OFD locks, flock). */
  readonly owner: object;
  /** As F_GETLK reports it; -1 for locks of open files. */
  readonly pid: number;
  readonly start: number;
  /** First byte after it; Infinity: to the end of the file, wherever that will be. */
  readonly end: number;
  readonly exclusive: boolean;
}

/** The locks on one file. */
export class FileLocks {
  readonly queue = new WaitQueue();
  #locks: RangeLock[] = [];

  /** The first lock that stands in the way of `wanted`. */
  conflict(wanted: RangeLock): RangeLock | undefined {
    return this.#locks.find((lock) => excludes(lock, wanted));
  }

  /** All that stand in its way. */
  conflicts(wanted: RangeLock): RangeLock[] {
    return this.#locks.filter((lock) => excludes(lock, wanted));
  }

  /** Take a range, replacing what the owner had there. False when another owner is in the way. */
  take(wanted: RangeLock): boolean {
    if (this.conflict(wanted)) return false;
    this.#carve(wanted.owner, wanted.start, wanted.end);
    this.#locks.push(wanted);
    this.#locks.sort((a, b) => a.start - b.start);
    this.queue.wake();
    return true;
  }

  release(owner: object, start = 0, end = Number.POSITIVE_INFINITY): void {
    const before = this.#locks.length;
    this.#carve(owner, start, end);
    if (before > 0) this.queue.wake();
  }

  get empty(): boolean {
    return this.#locks.length === 0;
  }

  /** Cut a range out of an owner's locks. */
  #carve(owner: object, start: number, end: number): void {
    const kept: RangeLock[] = [];
    for (const lock of this.#locks) {
      if (lock.owner !== owner || lock.end <= start || end <= lock.start) {
        kept.push(lock);
        continue;
      }
      if (lock.start < start) kept.push({ ...lock, end: start });
      if (end < lock.end) kept.push({ ...lock, start: end });
    }
    this.#locks = kept;
  }
}

function excludes(lock: RangeLock, wanted: RangeLock): boolean {
  const overlap = lock.start < wanted.end && wanted.start < lock.end;
  return overlap && lock.owner !== wanted.owner && (lock.exclusive || wanted.exclusive);
}

/** The locks of all files, by what identifies a file. */
export class LockTable {
  /** Open files whose end is already being listened for. */
  readonly watchers = new WeakSet<object>();
  readonly #objects = new WeakMap<object, FileLocks>();
  readonly #others = new Map<unknown, FileLocks>();

  of(identity: unknown): FileLocks {
    const known = this.find(identity);
    if (known) return known;
    const locks = new FileLocks();
    if (typeof identity === 'object' && identity !== null) this.#objects.set(identity, locks);
    else this.#others.set(identity, locks);
    return locks;
  }

  find(identity: unknown): FileLocks | undefined {
    if (typeof identity === 'object' && identity !== null) return this.#objects.get(identity);
    return this.#others.get(identity);
  }

  /** A file's locks are all gone: forget the file. */
  prune(identity: unknown): void {
    if (this.#others.get(identity)?.empty) this.#others.delete(identity);
  }
}

/** Take a lock, or a Wait for whoever holds it. */
export function takeOrWait(locks: FileLocks, wanted: RangeLock): Wait | undefined {
  return locks.take(wanted) ? undefined : new Wait([locks.queue]);
}
