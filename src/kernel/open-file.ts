/** An open file description: what a descriptor refers to; subclasses are regular files, directories, pipes, ttys, sockets, event objects. Knows no guest numbers. */
import { fail } from '../base/failures.ts';
import type { Stat } from '../host/host.ts';
import type { FileOwner } from './file-owner.ts';
import type { Place } from './mounts.ts';
import type { OpenHow } from './vfs.ts';
import { WaitQueue } from './wait.ts';

/** Readiness bits, OS-neutral. */
export const READABLE = 1;
export const WRITABLE = 2;
export const HANGUP = 4;
export const ERROR = 8;
export const PRIORITY = 16;
/** The peer closed its writing side (POLLRDHUP). */
export const READ_HANGUP = 32;

export abstract class OpenFile {
  /** Short word for traces and /proc/self/fd: 'file', 'pipe', 'eventfd', … */
  abstract readonly kind: string;
  /** The guest path it was opened by, or a name like 'pipe:[12]'. */
  path = '';
  readable = true;
  writable = true;
  append = false;
  nonblocking = false;
  /** Current position, for files that have one. */
  position = 0;
  /** The name it was opened by, for files that have one; follows renames. The VFS fills it in. */
  place: Place | undefined;
  /** Woken whenever `readiness` may have changed. */
  readonly queue = new WaitQueue();
  /** Who is signalled when it becomes ready, where anyone ever was. */
  owner: FileOwner | undefined;
  #references = 0;

  /** Bytes read into `into`, 0 at end of file. Would block: fails EAGAIN having changed nothing. `at`: an explicit position (pread), else the current one, which advances. */
  read(_into: Uint8Array, _at?: number): number {
    return fail('EINVAL');
  }
  /** As read. Fails EPIPE where nobody reads (the personality adds SIGPIPE). */
  write(_from: Uint8Array, _at?: number): number {
    return fail('EINVAL');
  }
  /** Whether there is a position to seek to: a terminal, pipe or socket has none. */
  readonly seekable: boolean = false;
  seek(_offset: number, _whence: 'set' | 'current' | 'end' | 'data' | 'hole'): number {
    return fail('ESPIPE');
  }
  abstract stat(): Stat;
  truncate(_size: number): void {
    fail('EINVAL');
  }
  sync(): void {}
  /** Opened once more through /proc/self/fd or /dev/fd: a description of its own where that makes sense, else this one. */
  reopen(_how: OpenHow): OpenFile {
    return this;
  }
  /** READABLE | WRITABLE | … at this moment. */
  readiness(): number {
    return READABLE | WRITABLE;
  }
  /** Called when the last descriptor is closed. */
  protected release(): void {}
  /** Called besides `release`, just before it: interest lists forget the file. */
  readonly releaseListeners = new Set<() => void>();

  /** Descriptors (and other holders) count themselves in and out. */
  retain(): this {
    this.#references++;
    return this;
  }
  drop(): void {
    if (--this.#references > 0) return;
    for (const listener of [...this.releaseListeners]) listener();
    this.release();
  }
}
