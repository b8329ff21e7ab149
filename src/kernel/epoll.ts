/** Interest lists (epoll): which of many files are ready, by level or by edge, once or for good, nested; struct layouts are the personality's. */
import { fail } from '../base/failures.ts';
import { AnonymousFile } from './anonymous-file.ts';
import { ERROR, HANGUP, type OpenFile, READABLE } from './open-file.ts';

export interface Interest {
  /** Readiness bits asked for; errors and hang-ups are always reported. */
  events: number;
  /** The same in the personality's own bits, handed back with each event. */
  asked: number;
  edge: boolean;
  oneShot: boolean;
  exclusive: boolean;
  /** Returned with the event. */
  data: bigint;
}

class Watch {
  readonly fd: number;
  readonly file: OpenFile;
  interest: Interest;
  /** Woken since it was last reported: what edge-triggered watches report. */
  triggered = true;
  /** oneShot: reported, and not armed again. */
  spent = false;
  leave: () => void = () => {};

  constructor(fd: number, file: OpenFile, interest: Interest) {
    this.fd = fd;
    this.file = file;
    this.interest = interest;
  }

  /** What it would report now. */
  ready(): number {
    if (this.spent || (this.interest.edge && !this.triggered)) return 0;
    return this.file.readiness() & (this.interest.events | ERROR | HANGUP);
  }
}

const MAX_NESTING = 5;

export class EpollFile extends AnonymousFile {
  readonly kind = 'epoll';
  override path = 'anon_inode:[eventpoll]';
  /** By file and descriptor: a file watched through two descriptors is watched twice. */
  readonly #watches = new Map<OpenFile, Map<number, Watch>>();
  /** Watches that may be ready, in the order in which they are reported: round robin, so that none starves. */
  #candidates = new Set<Watch>();

  add(fd: number, file: OpenFile, interest: Interest): void {
    if (file === this || !isPollable(file)) fail(file === this ? 'EINVAL' : 'EPERM');
    if (file instanceof EpollFile && (file.#reaches(this) || file.#depth() + 1 > MAX_NESTING)) fail('ELOOP');
    const byFd = this.#watches.get(file) ?? new Map<number, Watch>();
    if (byFd.has(fd)) fail('EEXIST');
    const watch = new Watch(fd, file, interest);
    byFd.set(fd, watch);
    this.#watches.set(file, byFd);
    const wake = () => {
      watch.triggered = true;
      this.#candidates.add(watch);
      this.queue.wake();
    };
    const leaveQueue = file.queue.subscribe(wake);
    const forget = () => this.#forget(watch);
    file.releaseListeners.add(forget);
    watch.leave = () => {
      leaveQueue();
      file.releaseListeners.delete(forget);
    };
    this.#candidates.add(watch);
    if (watch.ready()) this.queue.wake();
  }

  modify(fd: number, file: OpenFile, interest: Interest): void {
    const watch = this.#find(fd, file);
    if (watch.interest.exclusive) fail('EINVAL');
    watch.interest = interest;
    watch.spent = false;
    watch.triggered = true;
    this.#candidates.add(watch);
    if (watch.ready()) this.queue.wake();
  }

  remove(fd: number, file: OpenFile): void {
    this.#forget(this.#find(fd, file));
  }

  /** At most `most` ready watches; empty if none. */
  collect(most: number): { events: number; asked: number; data: bigint }[] {
    const found: { events: number; asked: number; data: bigint }[] = [];
    const again: Watch[] = [];
    for (const watch of this.#candidates) {
      if (found.length >= most) break;
      const events = watch.ready();
      this.#candidates.delete(watch);
      if (events === 0) continue;
      watch.triggered = false;
      if (watch.interest.oneShot) watch.spent = true;
      // Level-triggered: ready until looked at again.
      if (!watch.interest.edge && !watch.interest.oneShot) again.push(watch);
      found.push({ events, asked: watch.interest.asked, data: watch.interest.data });
    }
    for (const watch of again) this.#candidates.add(watch);
    return found;
  }

  override readiness(): number {
    for (const watch of this.#candidates) {
      if (watch.ready()) return READABLE;
      if (watch.interest.edge) continue;
      this.#candidates.delete(watch);
    }
    return 0;
  }

  /** For /proc/self/fdinfo. */
  watches(): { fd: number; interest: Interest }[] {
    return [...this.#watches.values()].flatMap((byFd) => [...byFd.values()]);
  }

  #find(fd: number, file: OpenFile): Watch {
    return this.#watches.get(file)?.get(fd) ?? fail('ENOENT');
  }

  #forget(watch: Watch): void {
    watch.leave();
    this.#candidates.delete(watch);
    const byFd = this.#watches.get(watch.file);
    byFd?.delete(watch.fd);
    if (byFd?.size === 0) this.#watches.delete(watch.file);
  }

  #reaches(other: EpollFile): boolean {
    for (const file of this.#watches.keys()) {
      if (file === other || (file instanceof EpollFile && file.#reaches(other))) return true;
    }
    return false;
  }

  #depth(): number {
    let depth = 0;
    for (const file of this.#watches.keys()) if (file instanceof EpollFile) depth = Math.max(depth, file.#depth());
    return depth + 1;
  }

  protected override release(): void {
    for (const byFd of this.#watches.values()) for (const watch of byFd.values()) watch.leave();
    this.#watches.clear();
    this.#candidates.clear();
  }
}

/** Regular files and directories are always ready and cannot be watched. */
function isPollable(file: OpenFile): boolean {
  return file.kind !== 'file' && file.kind !== 'directory';
}
