/** Pipes and named pipes: bytes in at one end, out at the other, with the ends' coming and going. SIGPIPE is the personality's addition to EPIPE. */
import { fail } from '../base/failures.ts';
import type { FileType } from '../host/host.ts';
import { AnonymousFile, nextInode } from './anonymous-file.ts';
import { ByteQueue } from './byte-queue.ts';
import { ERROR, HANGUP, READABLE, WRITABLE } from './open-file.ts';
import type { OpenHow } from './vfs.ts';
import { WaitQueue } from './wait.ts';

/** A write of up to this many bytes is not mixed with others'. */
export const PIPE_BUF = 4096;
export const PIPE_CAPACITY = 65536;
export const PIPE_CAPACITY_MAX = 1 << 20;

export class Pipe {
  readonly bytes = new ByteQueue(PIPE_CAPACITY);
  /** Who reads hears of writes, who writes of reads; who has a fifo open for both, of both. */
  readonly forReaders = new WaitQueue();
  readonly forWriters = new WaitQueue();
  readonly forBoth = new WaitQueue();
  readonly inode = nextInode();
  readers = 0;
  writers = 0;
  /** How often each side has been opened: a fifo's open waits for the other side to come, even if it goes at once. */
  readersEver = 0;
  writersEver = 0;

  /** F_SETPIPE_SZ: rounded up to a power of two of at least a page. */
  resize(wanted: number): number {
    if (wanted > PIPE_CAPACITY_MAX) fail('EPERM');
    let size = PIPE_BUF;
    while (size < wanted) size *= 2;
    if (size < this.bytes.length) fail('EBUSY');
    this.bytes.capacity = size;
    this.changed();
    return size;
  }

  /** An end came or went, or its size changed. */
  changed(): void {
    this.forReaders.wake();
    this.forWriters.wake();
    this.forBoth.wake();
  }
}

/** One open end, or (a fifo opened for both) both of them. */
export class PipeEnd extends AnonymousFile {
  readonly kind = 'pipe';
  readonly pipe: Pipe;
  override readonly queue: WaitQueue;
  /** A fifo: it has a name, and stat of it is the name's. */
  named = false;
  /** A fifo opened without O_NONBLOCK: true while the open has to wait for the other side. */
  waiting: (() => boolean) | undefined;
  #seenWriters: number;

  constructor(pipe: Pipe, ends: { read?: boolean; write?: boolean }, now: bigint) {
    super(now, pipe.inode);
    this.pipe = pipe;
    this.readable = ends.read ?? false;
    this.writable = ends.write ?? false;
    this.queue = this.readable ? (this.writable ? pipe.forBoth : pipe.forReaders) : pipe.forWriters;
    this.path = `pipe:[${pipe.inode}]`;
    if (this.readable) {
      pipe.readers++;
      pipe.readersEver++;
    }
    if (this.writable) {
      pipe.writers++;
      pipe.writersEver++;
    }
    this.#seenWriters = pipe.writersEver;
    pipe.changed();
  }

  protected override get nodeType(): FileType {
    return 'fifo';
  }

  /** /dev/fd/N of a pipe: one more end of it, for reading or for writing as asked. */
  override reopen(how: OpenHow): PipeEnd {
    const end = new PipeEnd(this.pipe, how, this.time);
    end.named = this.named;
    end.nonblocking = how.nonblock ?? false;
    return end;
  }

  override read(into: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    if (into.length === 0) return 0;
    const { bytes, writers } = this.pipe;
    if (bytes.length === 0) return writers === 0 ? 0 : fail('EAGAIN');
    const count = bytes.take(into);
    this.pipe.forWriters.wake();
    this.pipe.forBoth.wake();
    return count;
  }

  override write(from: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    const { bytes, readers } = this.pipe;
    if (readers === 0) fail('EPIPE');
    if (from.length === 0) return 0;
    const { room } = bytes;
    if (room === 0 || (from.length <= PIPE_BUF && room < from.length)) fail('EAGAIN');
    const count = bytes.push(from);
    this.pipe.forReaders.wake();
    this.pipe.forBoth.wake();
    return count;
  }

  override readiness(): number {
    const { bytes, readers, writers, writersEver } = this.pipe;
    let ready = 0;
    if (this.readable) {
      if (bytes.length > 0) ready |= READABLE;
      // A fifo's reader sees a hang-up only after a writer has been there since it opened.
      if (writers === 0 && (!this.named || writersEver > this.#seenWriters)) ready |= HANGUP;
    }
    if (this.writable) {
      if (bytes.room >= PIPE_BUF) ready |= WRITABLE;
      if (readers === 0) ready |= ERROR | WRITABLE;
    }
    return ready;
  }

  /** Bytes that a read would find (FIONREAD). */
  available(): number {
    return this.pipe.bytes.length;
  }

  protected override release(): void {
    if (this.readable) this.pipe.readers--;
    if (this.writable) this.pipe.writers--;
    this.pipe.changed();
  }
}

export function makePipe(now: bigint): [reader: PipeEnd, writer: PipeEnd] {
  const pipe = new Pipe();
  return [new PipeEnd(pipe, { read: true }, now), new PipeEnd(pipe, { write: true }, now)];
}

/** Named pipes by the file they are: whoever opens the same name meets in the same pipe. */
export class Fifos {
  readonly #pipes = new Map<string, Pipe>();

  /**
   * Open one end of the fifo `key`. Where the open has to wait for the other side, the end is returned all the same:
   * the caller (openat) waits on its queue while `waiting` says so.
   */
  open(key: string, how: { read?: boolean; write?: boolean; nonblock?: boolean }, now: bigint): PipeEnd {
    for (const [other, { readers, writers }] of this.#pipes) if (readers + writers === 0) this.#pipes.delete(other);
    const pipe = this.#pipes.get(key) ?? new Pipe();
    if (how.write && !how.read && how.nonblock && pipe.readers === 0) fail('ENXIO');
    this.#pipes.set(key, pipe);
    const end = new PipeEnd(pipe, how, now);
    end.named = true;
    end.nonblocking = how.nonblock ?? false;
    if (!how.nonblock && how.read && !how.write && pipe.writers === 0) {
      const before = pipe.writersEver;
      end.waiting = () => pipe.writersEver === before;
    } else if (!how.nonblock && how.write && !how.read && pipe.readers === 0) {
      const before = pipe.readersEver;
      end.waiting = () => pipe.readersEver === before;
    }
    return end;
  }
}
