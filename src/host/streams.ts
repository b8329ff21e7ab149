/** The CLI's own stdin, stdout and stderr as HostStreams, byte-exact whatever they are (files, pipes, sockets, devices); terminals are terminal.ts's. */
import * as fs from 'node:fs';
import type * as Net from 'node:net';
import { fail } from '../base/failures.ts';
import { net } from './builtins.ts';
import type { FileType, Stat } from './host.ts';
import type { HostStream } from './host-stream.ts';

/** The host's descriptor `fd` as a stream. */
export function standardStream(fd: number): HostStream {
  const stat = fs.fstatSync(fd);
  if (stat.isFile()) return new FileStream(fd);
  if (stat.isFIFO()) return new FlowStream(fd, 'pipe');
  if (stat.isSocket()) return new FlowStream(fd, 'socket');
  return new DeviceStream(fd);
}

/** Write all of `bytes` to a descriptor of the host, waiting where it is full: for our own messages. */
export function writeFully(fd: number, bytes: Uint8Array | string): void {
  let rest = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(fd, rest));
    } catch (error) {
      // A reader that has gone needs no message.
      if (errorCode(error) !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

abstract class DescriptorStream implements HostStream {
  abstract readonly kind: string;
  readonly path: string;
  readonly seekable: boolean = false;
  readonly readable: boolean;
  readonly writable: boolean;
  onReady: () => void = () => {};
  protected readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
    this.path = nameOf(fd);
    const access = accessMode(fd);
    this.readable = access !== fs.constants.O_WRONLY;
    this.writable = access !== fs.constants.O_RDONLY;
  }

  get position(): number {
    return 0;
  }
  set position(_to: number) {}
  stat(): Stat {
    return statOf(this.fd);
  }
  read(into: Uint8Array, at: number | undefined): number | undefined {
    return guarded(() => fs.readSync(this.fd, into, 0, into.length, at ?? null));
  }
  write(from: Uint8Array, at: number | undefined): number | undefined {
    return guarded(() => fs.writeSync(this.fd, from, 0, from.length, at ?? null));
  }
  canRead(): boolean {
    return true;
  }
  truncate(size: number): void {
    guarded(() => {
      fs.ftruncateSync(this.fd, size);
      return 0;
    });
  }
  settle(): void {}
}

/** /dev/null and its like: never makes anyone wait. */
class DeviceStream extends DescriptorStream {
  readonly kind = 'device';
}

/**
 * A regular file. Its position is shared with whoever started us (`(hospes run a; hospes run b) < file`) and Node has
 * no lseek: the guest's position is kept here. Writes without a seek before them go to the shared position, which also
 * keeps `> log 2>&1` in order; reads go to ours, and `settle` moves the shared one forward to it.
 */
class FileStream extends DescriptorStream {
  readonly kind = 'file';
  override readonly seekable = true;
  #shared: number;
  #ours: number;

  constructor(fd: number) {
    super(fd);
    this.#shared = sharedPosition(fd);
    this.#ours = this.#shared;
  }

  override get position(): number {
    return this.#ours;
  }
  override set position(to: number) {
    this.#ours = to;
  }

  override read(into: Uint8Array, at: number | undefined): number | undefined {
    const count = super.read(into, at ?? this.#ours);
    if (at === undefined && count !== undefined) this.#ours += count;
    return count;
  }

  override write(from: Uint8Array, at: number | undefined): number | undefined {
    if (at !== undefined) return super.write(from, at);
    const count = super.write(from, this.#ours === this.#shared ? undefined : this.#ours) ?? 0;
    if (this.#ours === this.#shared) this.#shared += count;
    this.#ours += count;
    return count;
  }

  override settle(): void {
    if (this.writable || this.#ours <= this.#shared) return;
    const scratch = Buffer.allocUnsafe(Math.min(this.#ours - this.#shared, 1 << 20));
    while (this.#shared < this.#ours) {
      const length = Math.min(scratch.length, this.#ours - this.#shared);
      const count = fs.readSync(this.fd, scratch, 0, length, null);
      if (count === 0) return;
      this.#shared += count;
    }
  }
}

/**
 * A pipe or socket. Reads never take more than the guest asked for, except one byte while someone waits: libuv has no
 * way to wait for input without reading, so a one-byte read does it. A pipe is opened a second time, non-blocking,
 * because O_NONBLOCK on the descriptor we were given would be seen by everyone who shares it.
 */
class FlowStream extends DescriptorStream {
  readonly kind: string;
  #own: number | undefined;
  #opened = false;
  #watcher: Net.Socket | undefined;
  #watching = false;
  #early = -1;
  #ended = false;
  #retries = 0;

  constructor(fd: number, kind: string) {
    super(fd);
    this.kind = kind;
  }

  override read(into: Uint8Array): number | undefined {
    if (into.length === 0) return 0;
    let have = 0;
    if (this.#early >= 0) {
      into[0] = this.#early;
      this.#early = -1;
      have = 1;
    } else if (this.#ended) {
      return 0;
    }
    const count = this.#readNow(have ? into.subarray(1) : into);
    if (have) return have + (count ?? 0);
    if (count === undefined) this.#watch();
    return count;
  }

  override canRead(): boolean {
    if (this.#early >= 0 || this.#ended) return true;
    const one = new Uint8Array(1);
    const count = this.#readNow(one);
    if (count === undefined) {
      this.#watch();
      return false;
    }
    if (count === 0) this.#ended = true;
    else this.#early = one[0];
    return true;
  }

  override write(from: Uint8Array): number | undefined {
    const fd = this.#nonblocking(fs.constants.O_WRONLY);
    const count = guarded(() => fs.writeSync(fd, from));
    if (count !== undefined) {
      this.#retries = 0;
      return count;
    }
    // Full. A quick reader has room again at the next turn of the event loop, a slow one costs a timer.
    if (this.#retries++ < 40) setImmediate(() => this.onReady());
    else setTimeout(() => this.onReady(), Math.min(this.#retries - 39, 10));
    return undefined;
  }

  #readNow(into: Uint8Array): number | undefined {
    // While a watch is under way the bytes go to it.
    if (this.#watching || into.length === 0) return undefined;
    const fd = this.#nonblocking(fs.constants.O_RDONLY);
    if (fd === this.fd) this.#socket();
    return guarded(() => fs.readSync(fd, into, 0, into.length, null));
  }

  /** Our own non-blocking description of a pipe, or the descriptor itself where there can be none. */
  #nonblocking(access: number): number {
    if (!this.#opened) {
      this.#opened = true;
      try {
        if (this.kind === 'pipe') this.#own = fs.openSync(`/proc/self/fd/${this.fd}`, access | fs.constants.O_NONBLOCK);
      } catch {
        // No /proc, no reader left, or not ours to open: the descriptor itself serves, blocking.
      }
    }
    return this.#own ?? this.fd;
  }

  /** Making the handle also makes the descriptor non-blocking. */
  #socket(): Net.Socket {
    if (this.#watcher) return this.#watcher;
    const options = {
      fd: this.#nonblocking(fs.constants.O_RDONLY),
      readable: true,
      writable: false,
      manualStart: true,
      onread: {
        buffer: new Uint8Array(1),
        callback: (count: number, buffer: Uint8Array) => {
          if (count > 0) this.#early = buffer[0];
          this.#watching = false;
          this.onReady();
          return false;
        },
      },
    };
    this.#watcher = new (net().Socket)(options as Net.SocketConstructorOpts);
    const end = () => {
      this.#ended = true;
      this.#watching = false;
      this.onReady();
    };
    this.#watcher.on('end', end).on('error', end).on('close', end);
    return this.#watcher;
  }

  #watch(): void {
    if (this.#watching || this.#ended) return;
    this.#watching = true;
    this.#socket().resume();
  }
}

function guarded(action: () => number): number | undefined {
  try {
    return action();
  } catch (error) {
    const code = errorCode(error);
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK') return undefined;
    if (code === 'EOF') return 0;
    return fail(code);
  }
}

function errorCode(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'EIO';
}

/** Linux tells more than fstat about a descriptor; elsewhere the usual is assumed. */
function descriptorInfo(fd: number): { position: number; flags: number } | undefined {
  try {
    const text = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    return {
      position: Number(/^pos:\s*(\d+)/m.exec(text)?.[1] ?? 0),
      flags: Number.parseInt(/^flags:\s*(\d+)/m.exec(text)?.[1] ?? '0', 8),
    };
  } catch {
    return undefined;
  }
}

const sharedPosition = (fd: number): number => descriptorInfo(fd)?.position ?? 0;

function accessMode(fd: number): number {
  const info = descriptorInfo(fd);
  if (info) return info.flags & 3;
  return fd === 0 ? fs.constants.O_RDONLY : fs.constants.O_WRONLY;
}

function nameOf(fd: number): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return `/dev/fd/${fd}`;
  }
}

function statOf(fd: number): Stat {
  const stat = fs.fstatSync(fd, { bigint: true });
  return {
    type: typeOf(stat),
    mode: Number(stat.mode) & 0o7777,
    ino: Number(stat.ino),
    dev: Number(stat.dev),
    nlink: Number(stat.nlink),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    rdev: Number(stat.rdev),
    size: Number(stat.size),
    blksize: Number(stat.blksize),
    blocks: Number(stat.blocks),
    atime: stat.atimeNs,
    mtime: stat.mtimeNs,
    ctime: stat.ctimeNs,
    birthtime: stat.birthtimeNs,
  };
}

function typeOf(stat: fs.BigIntStats): FileType {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isFIFO()) return 'fifo';
  if (stat.isSocket()) return 'socket';
  if (stat.isBlockDevice()) return 'block';
  return 'character';
}
