/** An open file over a byte stream of the host (the CLI's stdin, stdout, stderr); what the host's descriptor is, is the HostStream's business. */
import { fail } from '../base/failures.ts';
import type { Stat } from '../host/host.ts';
import type { HostStream } from '../host/host-stream.ts';
import { OpenFile, READABLE, WRITABLE } from './open-file.ts';

/** What every open file over a stream takes from it. */
export function adopt(stream: HostStream, file: OpenFile): void {
  file.path = stream.path;
  file.readable = stream.readable;
  file.writable = stream.writable;
  stream.onReady = () => file.queue.wake();
}

export function readinessOf(stream: HostStream): number {
  return (stream.readable && stream.canRead() ? READABLE : 0) | (stream.writable ? WRITABLE : 0);
}

export class StreamFile extends OpenFile {
  readonly kind: string;
  override readonly seekable: boolean;
  readonly #stream: HostStream;
  readonly #written: (bytes: number) => void;

  /** `written` is told about every byte that goes out. */
  constructor(stream: HostStream, written: (bytes: number) => void = () => {}) {
    super();
    this.#stream = stream;
    this.#written = written;
    this.kind = stream.kind;
    this.seekable = stream.seekable;
    adopt(stream, this);
  }

  override read(into: Uint8Array, at?: number): number {
    if (at !== undefined && !this.#stream.seekable) fail('ESPIPE');
    return this.#stream.read(into, at) ?? fail('EAGAIN');
  }

  override write(from: Uint8Array, at?: number): number {
    if (at !== undefined && !this.#stream.seekable) fail('ESPIPE');
    const count = this.#stream.write(from, at) ?? fail('EAGAIN');
    this.#written(count);
    return count;
  }

  override seek(offset: number, whence: 'set' | 'current' | 'end' | 'data' | 'hole'): number {
    if (!this.#stream.seekable) fail('ESPIPE');
    const size = this.stat().size;
    if ((whence === 'data' || whence === 'hole') && (offset < 0 || offset >= size)) fail('ENXIO');
    const base = { set: 0, current: this.#stream.position, end: size, data: 0, hole: size - offset }[whence];
    const position = base + offset;
    if (position < 0) fail('EINVAL');
    this.#stream.position = position;
    return position;
  }

  override stat(): Stat {
    return this.#stream.stat();
  }

  override truncate(size: number): void {
    if (!this.#stream.seekable) fail('EINVAL');
    this.#stream.truncate(size);
  }

  override readiness(): number {
    return readinessOf(this.#stream);
  }
}
