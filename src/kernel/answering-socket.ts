/** A datagram socket whose other end is the kernel itself: each request is answered at once (netlink); what the messages mean is the personality's. */
import { fail } from '../base/failures.ts';
import { READABLE, WRITABLE } from './open-file.ts';
import { OwnSocket, type Received, type SocketAddress, type SocketType } from './socket.ts';
import type { Wait } from './wait.ts';

export class AnsweringSocket extends OwnSocket {
  readonly family = 'netlink';
  readonly type: SocketType;
  readonly #answer: (request: Uint8Array, port: number) => Uint8Array[];
  readonly #ownPort: number;
  #inbox: Uint8Array[] = [];
  #port = 0;
  #groups = 0;

  /** `ownPort`: the name it gets when it asks for none. */
  constructor(
    type: SocketType,
    ownPort: number,
    answer: (request: Uint8Array, port: number) => Uint8Array[],
    now: bigint,
  ) {
    super(now);
    this.type = type;
    this.#ownPort = ownPort;
    this.#answer = answer;
  }

  override bind(address: SocketAddress): Wait | undefined {
    if (address.family !== 'netlink') return fail('EINVAL');
    this.#port = address.port || this.#ownPort;
    this.#groups = address.groups;
    return undefined;
  }

  override connect(address: SocketAddress): void {
    if (address.family !== 'netlink' && address.family !== 'unspecified') fail('EINVAL');
    this.#port ||= this.#ownPort;
  }

  override localAddress(): SocketAddress {
    return { family: 'netlink', port: this.#port, groups: this.#groups };
  }

  override peerAddress(): SocketAddress {
    return { family: 'netlink', port: 0, groups: 0 };
  }

  override send(from: Uint8Array): number {
    this.#port ||= this.#ownPort;
    this.#inbox.push(...this.#answer(from, this.#port));
    this.queue.wake();
    return from.length;
  }

  override receive(into: Uint8Array, how: { peek?: boolean }): Received {
    const first = this.#inbox[0] ?? fail('EAGAIN');
    const length = Math.min(into.length, first.length);
    into.set(first.subarray(0, length));
    if (!how.peek) this.#inbox.shift();
    return { length, full: first.length, from: this.peerAddress(), ancillary: undefined };
  }

  override available(): number {
    return this.#inbox[0]?.length ?? 0;
  }

  override readiness(): number {
    return WRITABLE | (this.#inbox.length > 0 ? READABLE : 0);
  }
}
