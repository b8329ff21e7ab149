/** A socket of the host that we were given as stdin, stdout or stderr (Node's own pipes are such): a connected, unnamed Unix stream to the guest. */
import { fail } from '../base/failures.ts';
import type { Stat } from '../host/host.ts';
import type { HostStream } from '../host/host-stream.ts';
import { type Received, Socket, type SocketAddress } from './socket.ts';
import { adopt, readinessOf } from './stream-file.ts';

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
    adopt(stream, this);
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

  /** The host's other end is ours to keep open. */
  override shutdown(): void {
    fail('EOPNOTSUPP');
  }

  override stat(): Stat {
    return this.#stream.stat();
  }

  override readiness(): number {
    return readinessOf(this.#stream);
  }
}
