/** Internet sockets as far as they stay inside the VM: a loopback of our own between guests, or nothing at all; everything beyond is unreachable. */
import { fail, GuestError } from '../base/failures.ts';
import { LocalSocket, type SocketNames } from './local-socket.ts';
import type { Ancillary, SocketAddress, SocketFamily, SocketType } from './socket.ts';

export type NetworkPolicy = 'none' | 'loopback';

type InetAddress = Extract<SocketAddress, { family: 'inet' | 'inet6' }>;

const FIRST_EPHEMERAL = 32768;
const LAST_EPHEMERAL = 60999;

interface Net {
  readonly names: SocketNames;
  readonly policy: NetworkPolicy;
  readonly now: () => bigint;
  nextPort: number;
}

export class InetSocket extends LocalSocket {
  readonly family: 'inet' | 'inet6';
  readonly #net: Net;
  /** A nonblocking connect whose outcome nobody has asked for. */
  #underWay = false;

  constructor(family: 'inet' | 'inet6', type: SocketType, net: Net) {
    super(type, net.names, net.now());
    this.family = family;
    this.#net = net;
  }

  protected sibling(): InetSocket {
    return new InetSocket(this.family, this.type, this.#net);
  }

  protected unnamed(): SocketAddress {
    return this.#address(0, true);
  }

  #address(port: number, any = false): InetAddress {
    return this.family === 'inet'
      ? { family: 'inet', host: any ? '0.0.0.0' : '127.0.0.1', port }
      : { family: 'inet6', host: any ? '::' : '::1', port };
  }

  #key(port: number): string {
    return `${this.type}:${port}`;
  }

  #freePort(): number {
    for (let tries = FIRST_EPHEMERAL; tries <= LAST_EPHEMERAL; tries++) {
      const port = this.#net.nextPort;
      this.#net.nextPort = port >= LAST_EPHEMERAL ? FIRST_EPHEMERAL : port + 1;
      if (!this.names.has(this.#key(port))) return port;
    }
    return fail('EADDRINUSE');
  }

  protected override autobind(): void {
    if (this.local) return;
    const port = this.#freePort();
    super.bind(this.#address(port), this.#key(port));
  }

  override bind(address: SocketAddress): void {
    const wanted = this.#own(address);
    if (!isAny(wanted.host) && !isLoopback(wanted.host)) fail('EADDRNOTAVAIL');
    const port = wanted.port === 0 ? this.#freePort() : wanted.port;
    super.bind({ ...wanted, port }, this.#key(port));
  }

  override connect(address: SocketAddress): void {
    if (address.family === 'unspecified') {
      super.connect(address, '');
      return;
    }
    const wanted = this.#own(address);
    this.#reach(wanted.host);
    if (this.#underWay) {
      // The outcome of a nonblocking connect is told once.
      this.#underWay = false;
      const error = this.takeError();
      if (error) fail(error);
      return;
    }
    const inBackground = this.type === 'stream' && this.nonblocking && !this.connected && !this.listening;
    try {
      super.connect(wanted, this.#key(wanted.port));
    } catch (error) {
      if (!inBackground || !(error instanceof GuestError) || error.code !== 'ECONNREFUSED') throw error;
      this.failLater(error.code);
    }
    if (this.local && isAny((this.local as InetAddress).host))
      this.local = this.#address((this.local as InetAddress).port);
    if (!inBackground) return;
    this.#underWay = true;
    fail('EINPROGRESS');
  }

  override send(from: Uint8Array, to?: SocketAddress, ancillary?: Ancillary): number {
    if (!to || to.family === 'unspecified') return super.send(from, to, ancillary);
    const wanted = this.#own(to);
    if (this.type === 'datagram') this.#reach(wanted.host);
    // Nobody listening is not the sender's business: the datagram is lost.
    if (this.type === 'datagram' && !this.names.has(this.#key(wanted.port))) return from.length;
    return super.send(from, to, ancillary, this.#key(wanted.port));
  }

  #own(address: SocketAddress): InetAddress {
    return address.family === 'inet' || address.family === 'inet6' ? address : fail('EAFNOSUPPORT');
  }

  #reach(host: string): void {
    if (!isAny(host) && !isLoopback(host)) fail('ENETUNREACH');
    if (this.#net.policy === 'none') fail('ECONNREFUSED');
  }
}

const isAny = (host: string) => host === '0.0.0.0' || host === '::';
const isLoopback = (host: string) => host.startsWith('127.') || host === '::1' || host.startsWith('::ffff:127.');

/** The two families, which share their ports. */
export function inetFamilies(policy: NetworkPolicy, now: () => bigint): { inet: SocketFamily; inet6: SocketFamily } {
  const net: Net = { names: new Map(), policy, now, nextPort: FIRST_EPHEMERAL };
  return {
    inet: { socket: (type) => new InetSocket('inet', type, net) },
    inet6: { socket: (type) => new InetSocket('inet6', type, net) },
  };
}
