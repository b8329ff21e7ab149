/** Kernel files as Node streams, and plain bytes as kernel files: how a program of ours talks to a guest's stdin, stdout and stderr. */
import type { Readable, Writable } from 'node:stream';
import { fail, GuestError } from '../base/failures.ts';
import { OpenFile, READABLE, WRITABLE } from '../kernel/open-file.ts';
import { stream } from './builtins.ts';
import type { Stat } from './host.ts';

export type { Readable, Writable } from 'node:stream';

const CHUNK = 65_536;

/** What the guest writes into the other end, as a Readable; owns one reference to `file`. `passed` is told of every byte. */
export function readableFrom(file: OpenFile, passed: (bytes: number) => void = () => {}): Readable {
  const buffer = new Uint8Array(CHUNK);
  let leave: (() => void) | undefined;
  const attempt = (stream: Readable): void => {
    leave?.();
    leave = undefined;
    if (stream.destroyed) return;
    try {
      const count = file.read(buffer);
      passed(count);
      stream.push(count === 0 ? null : Buffer.from(buffer.subarray(0, count)));
    } catch (error) {
      if (isAgain(error)) leave = once(file, () => attempt(stream));
      else stream.destroy(asError(error));
    }
  };
  return new (stream().Readable)({
    read() {
      attempt(this);
    },
    destroy(error, done) {
      leave?.();
      file.drop();
      done(error);
    },
  });
}

/** What is written here the guest reads at the other end; owns one reference to `file`, given back at the end. */
export function writableTo(file: OpenFile): Writable {
  let leave: (() => void) | undefined;
  let dropped = false;
  const drop = () => {
    if (!dropped) file.drop();
    dropped = true;
  };
  const attempt = (rest: Uint8Array, done: (error?: Error | null) => void): void => {
    leave?.();
    leave = undefined;
    try {
      while (rest.length > 0) rest = rest.subarray(file.write(rest));
      done();
    } catch (error) {
      if (isAgain(error)) leave = once(file, () => attempt(rest, done));
      else done(asError(error));
    }
  };
  return new (stream().Writable)({
    decodeStrings: true,
    write(chunk: Buffer, _encoding, done) {
      attempt(chunk, done);
    },
    final(done) {
      drop();
      done();
    },
    destroy(error, done) {
      leave?.();
      drop();
      done(error);
    },
  });
}

/** Call back after the next wake; not inside it, because the kernel is then in the middle of something. */
function once(file: OpenFile, action: () => void): () => void {
  let left = false;
  const unsubscribe = file.queue.subscribe(() => {
    if (left) return;
    left = true;
    unsubscribe();
    queueMicrotask(action);
  });
  return () => {
    left = true;
    unsubscribe();
  };
}

const isAgain = (error: unknown) => error instanceof GuestError && error.code === 'EAGAIN';

function asError(error: unknown): Error {
  if (error instanceof GuestError) return Object.assign(new Error(error.code), { code: error.code });
  return error instanceof Error ? error : new Error(String(error));
}

let inodes = 0;

function pipeStat(): Stat {
  const now = BigInt(Date.now()) * 1_000_000n;
  return {
    type: 'fifo',
    mode: 0o600,
    ino: ++inodes,
    dev: 13,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    size: 0,
    blksize: 4096,
    blocks: 0,
    atime: now,
    mtime: now,
    ctime: now,
    birthtime: now,
  };
}

/** A descriptor that looks like a pipe and hands every write over at once. */
export class SinkFile extends OpenFile {
  readonly kind = 'pipe';
  override path = 'pipe:[host]';
  override readable = false;
  readonly #take: (bytes: Uint8Array) => void;
  readonly #stat = pipeStat();

  /** `take` keeps what it is given. */
  constructor(take: (bytes: Uint8Array) => void) {
    super();
    this.#take = take;
  }
  override write(from: Uint8Array): number {
    this.#take(from.slice());
    return from.length;
  }
  override stat(): Stat {
    return this.#stat;
  }
  override readiness(): number {
    return WRITABLE;
  }
}

/** A descriptor that looks like a pipe and gives these bytes, then the end. */
export class SourceFile extends OpenFile {
  readonly kind = 'pipe';
  override path = 'pipe:[host]';
  override writable = false;
  #rest: Uint8Array;
  readonly #stat = pipeStat();

  constructor(bytes: Uint8Array) {
    super();
    this.#rest = bytes;
  }
  override read(into: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    const count = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }
  override stat(): Stat {
    return this.#stat;
  }
  override readiness(): number {
    return READABLE;
  }
}
