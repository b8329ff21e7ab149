/** Internet sockets on the host's network: streams over its connections and listeners, datagrams over its datagram sockets. */
import { fail } from '../base/failures.ts';
import type { HostAddress, HostConnection, HostDatagrams, HostListener, HostNetwork } from '../host/host-network.ts';
import { ANY4, ANY6, type InetAddress, isInet4, shownIn, unmapped } from './inet-address.ts';
import { ERROR, HANGUP, READ_HANGUP, READABLE, WRITABLE } from './open-file.ts';
import {
  type Ancillary,
  OwnSocket,
  type Received,
  type Socket,
  type SocketAddress,
  type SocketFamily,
} from './socket.ts';
import { Wait } from './wait.ts';

/** What a listener is made with before the guest has said how many may wait. */
const BACKLOG = 511;

interface Surroundings {
  readonly network: HostNetwork;
  readonly now: () => bigint;
}

abstract class HostSocket extends OwnSocket {
  readonly family: 'inet' | 'inet6';
  protected readonly network: HostNetwork;
  protected readonly surroundings: Surroundings;

  constructor(family: 'inet' | 'inet6', surroundings: Surroundings) {
    super(surroundings.now());
    this.family = family;
    this.surroundings = surroundings;
    this.network = surroundings.network;
  }

  protected get v6Only(): boolean {
    return this.family === 'inet6' && (this.options.get('V6ONLY') ?? 0) !== 0;
  }

  protected get any(): HostAddress {
    return { family: this.family, host: this.family === 'inet' ? ANY4 : ANY6, port: 0 };
  }

  /** The guest's address for the host: in the socket's own family. */
  protected own(address: SocketAddress): HostAddress {
    if (address.family !== 'inet' && address.family !== 'inet6') return fail('EAFNOSUPPORT');
    if (this.family === 'inet' && address.family === 'inet6') return fail('EAFNOSUPPORT');
    if (this.v6Only && isInet4(address.host)) return fail('ENETUNREACH');
    return { family: this.family, host: shownIn(this.family, address.host), port: address.port };
  }

  protected shown(address: HostAddress | undefined): InetAddress {
    const { host, port } = address ?? this.any;
    return { family: this.family, host: shownIn(this.family, host), port };
  }
}

class HostStreamSocket extends HostSocket {
  readonly type = 'stream';
  #connection: HostConnection | undefined;
  #listener: HostListener | undefined;
  /** The name it was bound to, while no listener or connection holds it. */
  #bound: HostAddress | undefined;
  /** listen() has been called. */
  #listening = false;
  #untold = false;
  #readShut = false;
  #writeShut = false;
  #established = false;

  override get listening(): boolean {
    return this.#listening;
  }

  get connected(): boolean {
    return this.#connection !== undefined && this.#established;
  }

  /** The host knows no name without a listener: one is opened at once, and takes callers from then on. */
  override bind(address: SocketAddress): Wait | undefined {
    if (this.#connection || this.#bound) fail('EINVAL');
    return this.#open(this.own(address));
  }

  #open(at: HostAddress): Wait | undefined {
    if (!this.#listener) {
      // IPv4 by way of IPv6 is the plain address to the host.
      this.#listener = this.network.listen({ ...at, host: unmapped(at.host) }, BACKLOG, this.v6Only);
      this.#listener.onChange = () => this.queue.wake();
    }
    const error = this.#listener.takeError();
    if (error) {
      this.#listener.close();
      this.#listener = undefined;
      fail(error);
    }
    if (!this.#listener.local) return new Wait([this.queue]);
    this.#bound = this.#listener.local;
    return undefined;
  }

  override listen(_backlog: number): Wait | undefined {
    if (this.#connection) fail('EINVAL');
    if (!this.#bound) {
      const wait = this.#open(this.any);
      if (wait) return wait;
    }
    if (!this.#listening) {
      this.#listening = true;
      // Who came before this call would have been refused.
      for (let early = this.#listener?.accept(); early; early = this.#listener?.accept()) early.close(true);
    }
    return undefined;
  }

  override accept(): Socket {
    const connection = this.#listener?.accept() ?? fail('EAGAIN');
    const accepted = new HostStreamSocket(this.family, this.surroundings);
    for (const [name, value] of this.options) accepted.options.set(name, value);
    accepted.#use(connection);
    accepted.#established = true;
    if (this.options.get('NODELAY')) connection.set('NODELAY', true);
    return accepted;
  }

  #use(connection: HostConnection): void {
    this.#connection = connection;
    connection.onChange = () => this.#changed(connection);
  }

  #changed(connection: HostConnection): void {
    if (connection.state === 'open') this.#established = true;
    const error = connection.takeError();
    if (error) this.keepError(error);
    this.queue.wake();
  }

  override connect(address: SocketAddress): void {
    if (address.family === 'unspecified') {
      this.#connection?.close(true);
      this.#connection = undefined;
      this.#established = false;
      return;
    }
    if (this.#listening) fail('EINVAL');
    const connection = this.#connection;
    if (!connection) {
      const to = this.own(address);
      this.#listener?.close();
      this.#listener = undefined;
      this.#use(this.network.connect({ ...to, host: unmapped(to.host) }, this.#bound));
      if (this.options.get('NODELAY')) this.#connection?.set('NODELAY', true);
      this.#untold = true;
      fail(this.nonblocking ? 'EINPROGRESS' : 'EAGAIN');
    }
    if (connection.state === 'connecting') fail(this.nonblocking ? 'EALREADY' : 'EAGAIN');
    const error = this.takeError();
    if (error && !this.#established) {
      // It may try again, elsewhere.
      this.#connection = undefined;
      fail(error);
    }
    if (!this.#untold) fail('EISCONN');
    this.#untold = false;
    if (!this.#established) {
      this.#connection = undefined;
      fail('ECONNABORTED');
    }
  }

  override localAddress(): SocketAddress {
    return this.shown(this.#connection?.local ?? this.#bound);
  }

  override peerAddress(): SocketAddress {
    return this.#established ? this.shown(this.#connection?.remote) : fail('ENOTCONN');
  }

  override send(from: Uint8Array, _to?: SocketAddress, _ancillary?: Ancillary): number {
    if (this.#writeShut) fail('EPIPE');
    const connection = this.#connection ?? fail('EPIPE');
    const error = this.takeError();
    if (error) fail(error);
    if (connection.state === 'connecting') fail('EAGAIN');
    if (connection.state === 'closed') fail('EPIPE');
    const { room } = connection;
    if (room === 0) fail('EAGAIN');
    const part = from.length > room ? from.subarray(0, room) : from;
    connection.write(part);
    return part.length;
  }

  override receive(into: Uint8Array, how: { peek?: boolean }): Received {
    const connection = this.#connection ?? fail('ENOTCONN');
    const length = connection.read(into, how.peek ?? false);
    if (length === 0 && into.length > 0) {
      const error = this.takeError();
      if (error) fail(error);
      if (!connection.ended && !this.#readShut) fail('EAGAIN');
    }
    return { length, full: length, from: undefined, ancillary: undefined };
  }

  override shutdown(how: 'read' | 'write' | 'both'): void {
    const connection = this.#connection;
    if (!connection || connection.state !== 'open') {
      if (this.#listening && how !== 'write') return;
      fail('ENOTCONN');
    }
    if (how !== 'write') this.#readShut = true;
    if (how !== 'read' && !this.#writeShut) {
      this.#writeShut = true;
      connection.end();
    }
    this.queue.wake();
  }

  override optionSet(name: string, value: number): void {
    if (name === 'NODELAY' || name === 'KEEPALIVE') this.#connection?.set(name, value !== 0);
  }

  override available(): number {
    return this.#connection?.available ?? 0;
  }

  override readiness(): number {
    if (this.#listening) return (this.#listener?.waiting ?? 0) > 0 ? READABLE : 0;
    const connection = this.#connection;
    if (!connection) return WRITABLE | HANGUP;
    if (connection.state === 'connecting') return 0;
    let ready = connection.available > 0 ? READABLE : 0;
    const ended = connection.ended || this.#readShut;
    if (ended) ready |= READABLE | READ_HANGUP;
    if (connection.room > 0 || connection.state === 'closed') ready |= WRITABLE;
    if (connection.state === 'closed' || (ended && this.#writeShut)) ready |= HANGUP;
    if (this.hasError) ready |= ERROR | READABLE | WRITABLE | HANGUP;
    return ready;
  }

  protected override release(): void {
    this.#listener?.close();
    const abruptly = (this.options.get('LINGER') ?? 0) !== 0 && this.options.get('LINGER_TIME') === 0;
    this.#connection?.close(abruptly);
  }
}

class HostDatagramSocket extends HostSocket {
  readonly type = 'datagram';
  #datagrams: HostDatagrams | undefined;
  #shut: 'read' | 'write' | 'both' | undefined;

  /** Made at its first use, when it is known whether IPv4 is wanted too. */
  #socket(): HostDatagrams {
    if (this.#datagrams) return this.#datagrams;
    const made = this.network.datagrams(this.family, {
      v6Only: this.v6Only,
      reuse: (this.options.get('REUSEADDR') ?? 0) !== 0,
    });
    made.onChange = () => {
      const error = made.takeError();
      if (error) this.keepError(error);
      this.queue.wake();
    };
    this.#datagrams = made;
    return made;
  }

  #named(): HostDatagrams {
    const socket = this.#socket();
    if (!socket.local) this.bind(this.any);
    return socket;
  }

  override bind(address: SocketAddress): Wait | undefined {
    const socket = this.#socket();
    if (socket.local) fail('EINVAL');
    socket.bind(this.own(address));
    for (const [name, value] of this.options) this.optionSet(name, value);
    return undefined;
  }

  override connect(address: SocketAddress): void {
    if (address.family === 'unspecified') this.#datagrams?.disconnect();
    else this.#named().connect(this.own(address));
  }

  override localAddress(): SocketAddress {
    return this.shown(this.#datagrams?.local);
  }

  override peerAddress(): SocketAddress {
    return this.#datagrams?.remote ? this.shown(this.#datagrams.remote) : fail('ENOTCONN');
  }

  override send(from: Uint8Array, to?: SocketAddress): number {
    if (this.#shut && this.#shut !== 'read') fail('EPIPE');
    const error = this.takeError();
    if (error) fail(error);
    const socket = this.#named();
    if (from.length > 65_507) fail('EMSGSIZE');
    if (to && to.family !== 'unspecified') {
      const wanted = this.own(to);
      const { remote } = socket;
      // Node refuses an address on a connected socket, where Linux sends.
      if (!remote) socket.send(from, wanted);
      else if (remote.host === wanted.host && remote.port === wanted.port) socket.send(from, undefined);
      else fail('EISCONN');
    } else if (socket.remote) {
      socket.send(from, undefined);
    } else {
      fail('EDESTADDRREQ');
    }
    return from.length;
  }

  override receive(into: Uint8Array, how: { peek?: boolean }): Received {
    const received = this.#datagrams?.receive(into, how.peek ?? false);
    if (received) return { ...received, from: this.shown(received.from), ancillary: undefined };
    const error = this.takeError();
    if (error) fail(error);
    if (this.#shut && this.#shut !== 'write') return { length: 0, full: 0, from: undefined, ancillary: undefined };
    return fail('EAGAIN');
  }

  override shutdown(how: 'read' | 'write' | 'both'): void {
    if (!this.#datagrams?.remote) fail('ENOTCONN');
    this.#shut = this.#shut && this.#shut !== how ? 'both' : how;
    this.queue.wake();
  }

  override optionSet(name: string, value: number): void {
    if (!this.#datagrams?.local) return;
    if (name === 'BROADCAST' || name === 'TTL' || name === 'MULTICAST_TTL' || name === 'MULTICAST_LOOP') {
      this.#datagrams.set(name, value);
    }
  }

  override available(): number {
    return this.#datagrams?.next ?? 0;
  }

  override readiness(): number {
    let ready = WRITABLE;
    if (this.#datagrams?.next !== undefined) ready |= READABLE;
    if (this.#shut && this.#shut !== 'write') ready |= READABLE | READ_HANGUP;
    if (this.hasError) ready |= ERROR;
    return ready;
  }

  protected override release(): void {
    this.#datagrams?.close();
  }
}

/** Both families over the host's network. */
export function hostFamilies(network: HostNetwork, now: () => bigint): { inet: SocketFamily; inet6: SocketFamily } {
  const family = (name: 'inet' | 'inet6'): SocketFamily => ({
    socket: (type) =>
      type === 'datagram'
        ? new HostDatagramSocket(name, { network, now })
        : new HostStreamSocket(name, { network, now }),
  });
  return { inet: family('inet'), inet6: family('inet6') };
}
