/** A socket of the host that we were given as stdin, stdout or stderr (Node's own pipes are such): a connected, unnamed Unix stream to the guest. */
import { fail } from '../base/failures.ts';
import type { Stat } from '../host/host.ts';
import type { HostStream } from '../host/host-stream.ts';
import { READABLE, WRITABLE } from './open-file.ts';
import { type Received, Socket, type SocketAddress } from './socket.ts';

const UNNAMED: SocketAddress = { family: 'unix', path: new Uint8Array(0), abstract: false };

export class StreamSocket extends Socket {
  readonly family = 'unix';
  readonly type = 'stream';
  readonly #stream: HostStream;
  readonly #written: (bytes: number) => void;

  /** `written` is told about every byte that goes out. */
  constructor(stream: HostStream, written: (bytes: number) => void = () => {}) {
    super();
    this.#stream = stream;
    this.#written = written;
    this.path = stream.path;
    this.readable = stream.readable;
    this.writable = stream.writable;
    stream.onReady = () => this.queue.wake();
  }

  override localAddress(): SocketAddress {
    return UNNAMED;
  }

  override peerAddress(): SocketAddress {
    return UNNAMED;
  }

  override connect(): void {
    fail('EISCONN');
  }

  override send(from: Uint8Array): number {
    const count = this.#stream.write(from, undefined) ?? fail('EAGAIN');
    this.#written(count);
    return count;
  }

  /** The host's bytes cannot be looked at and left. */
  override receive(into: Uint8Array, how: { peek?: boolean }): Received {
    if (how.peek) fail('EOPNOTSUPP');
    const length = this.#stream.read(into, undefined) ?? fail('EAGAIN');
    return { length, full: length, from: undefined, ancillary: undefined };
  }

  override read(into: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    return this.receive(into, {}).length;
  }

  override write(from: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    return this.send(from);
  }

  /** The host's other end is ours to keep open. */
  override shutdown(): void {
    fail('EOPNOTSUPP');
  }

  override stat(): Stat {
    return this.#stream.stat();
  }

  override readiness(): number {
    const reading = this.readable && this.#stream.canRead() ? READABLE : 0;
    return reading | (this.writable ? WRITABLE : 0);
  }
}
