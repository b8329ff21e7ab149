/** Internet sockets as far as they stay inside the VM: a loopback of our own between guests; everything beyond is unreachable. */
import { fail, GuestError } from '../base/failures.ts';
import { ANY4, ANY6, type InetAddress, isAny, isInet4, isLoopback, shownIn, unmapped } from './inet-address.ts';
import { LocalSocket } from './local-socket.ts';
import { type PortHolder, PortTable } from './port-table.ts';
import type { Ancillary, SocketAddress, SocketFamily, SocketType } from './socket.ts';
import type { Wait } from './wait.ts';

/** What guests reach: nothing at all, as where no interface is up; each other; or what the host reaches. */
export type NetworkPolicy = 'none' | 'loopback' | 'host';

/** The longest datagram that its length field can tell. */
const LONGEST_DATAGRAM = 65_507;

interface Net {
  readonly streams: PortTable<InetSocket>;
  readonly datagrams: PortTable<InetSocket>;
  readonly policy: NetworkPolicy;
  readonly now: () => bigint;
}

export class InetSocket extends LocalSocket implements PortHolder {
  readonly family: 'inet' | 'inet6';
  readonly #net: Net;
  readonly #ports: PortTable<InetSocket>;
  /** A nonblocking connect whose outcome nobody has asked for. */
  #underWay = false;
  /** Ends the retrying of a connect to a listener whose backlog is full. */
  #stopTrying: (() => void) | undefined;
  #port = 0;

  constructor(family: 'inet' | 'inet6', type: SocketType, net: Net) {
    super(type, net.now());
    this.family = family;
    this.#net = net;
    this.#ports = type === 'stream' ? net.streams : net.datagrams;
  }

  // ---- as the port table sees it

  get host(): string {
    return (this.local as InetAddress | undefined)?.host ?? this.#any;
  }
  get v6Only(): boolean {
    return this.family === 'inet6' && this.#on('V6ONLY');
  }
  get reuseAddress(): boolean {
    return this.#on('REUSEADDR');
  }
  get reusePort(): boolean {
    return this.#on('REUSEPORT');
  }
  get only(): { host: string; port: number } | undefined {
    return this.type === 'datagram' ? (this.remote as InetAddress | undefined) : undefined;
  }

  #on(option: string): boolean {
    return (this.options.get(option) ?? 0) !== 0;
  }

  get #any(): string {
    return this.family === 'inet' ? ANY4 : ANY6;
  }

  // ---- names

  protected sibling(): InetSocket {
    return new InetSocket(this.family, this.type, this.#net);
  }

  protected unnamed(): SocketAddress {
    return { family: this.family, host: this.#any, port: 0 };
  }

  protected claim(address: SocketAddress): void {
    const { host, port } = address as InetAddress;
    this.#ports.claim(this, port, host);
    this.#port = port;
  }

  protected unclaim(): void {
    this.#ports.release(this, this.#port);
  }

  find(address: SocketAddress): LocalSocket | undefined {
    const { host, port } = address as InetAddress;
    return this.#ports.find(host === ANY6 ? '::1' : host === ANY4 ? '127.0.0.1' : host, port);
  }

  protected override autobind(): void {
    if (!this.local) super.bind({ family: this.family, host: this.#any, port: this.#ports.free() }, '');
  }

  override bind(address: SocketAddress): Wait | undefined {
    if (this.#port !== 0) fail('EINVAL');
    const wanted = this.#own(address);
    if (!isAny(wanted.host) && !isLoopback(wanted.host)) fail('EADDRNOTAVAIL');
    if (this.#net.policy === 'none' && wanted.host === '::1') fail('EADDRNOTAVAIL');
    return super.bind({ ...wanted, port: wanted.port === 0 ? this.#ports.free() : wanted.port }, '');
  }

  override listen(backlog: number): Wait | undefined {
    if (this.type !== 'datagram' && this.#port !== 0 && !this.#ports.mayListen(this, this.#port)) fail('EADDRINUSE');
    return super.listen(backlog);
  }

  /** A connection has the address that was called, on the listener's port, and the listener's settings. */
  protected override accepted(listener: LocalSocket, _caller: LocalSocket, called: SocketAddress): void {
    const { host, port } = called as InetAddress;
    this.local = { family: this.family, host: shownIn(this.family, host), port };
    this.remote = this.#shown(this.remote as InetAddress);
    for (const [name, value] of listener.options) this.options.set(name, value);
    this.named();
    this.#port = port;
    this.#ports.join(this, port);
  }

  #shown({ host, port }: InetAddress): InetAddress {
    return { family: this.family, host: shownIn(this.family, host), port };
  }

  // ---- connecting

  override connect(address: SocketAddress): void {
    if (address.family === 'unspecified') {
      this.#stopTrying?.();
      super.connect(address, '');
      return;
    }
    const wanted = this.#reachable(this.#own(address));
    if (this.type === 'datagram') {
      this.autobind();
      this.remote = wanted;
      this.#settleHost(wanted.host);
      return;
    }
    if (this.#stopTrying) fail('EALREADY');
    if (this.#underWay) {
      // The outcome of a nonblocking connect is told once.
      this.#underWay = false;
      const error = this.takeError();
      if (error) fail(error);
      return;
    }
    const inBackground = this.nonblocking && !this.connected && !this.connectedBefore && !this.listening;
    try {
      this.#connectNow(wanted);
    } catch (error) {
      if (!inBackground || !(error instanceof GuestError)) throw error;
      if (error.code === 'EAGAIN') this.#keepTrying(wanted);
      else if (error.code === 'ECONNREFUSED') this.failLater(error.code);
      else throw error;
    }
    if (!inBackground) return;
    this.#underWay = true;
    fail('EINPROGRESS');
  }

  #connectNow(wanted: InetAddress): void {
    if (!this.connectedBefore && !this.listening) {
      this.autobind();
      this.#settleHost(wanted.host);
    }
    super.connect(wanted, '');
  }

  /** A socket bound to any address gets the one that its route leads through. */
  #settleHost(called: string): void {
    const local = this.local as InetAddress;
    if (!isAny(local.host)) return;
    const host = isInet4(called) ? shownIn(this.family, '127.0.0.1') : '::1';
    this.local = { ...local, host };
  }

  /** The listener has no room: it is asked again whenever that may have changed. */
  #keepTrying(wanted: InetAddress): void {
    const listener = this.find(wanted) as LocalSocket;
    const leave = listener.queue.subscribe(() => {
      this.#stopTrying?.();
      try {
        this.#connectNow(wanted);
        this.queue.wake();
      } catch (error) {
        if (!(error instanceof GuestError)) throw error;
        if (error.code === 'EAGAIN') this.#keepTrying(wanted);
        else this.failLater(error.code);
      }
    });
    this.#stopTrying = () => {
      this.#stopTrying = undefined;
      leave();
    };
  }

  override readiness(): number {
    return this.#stopTrying ? 0 : super.readiness();
  }

  // ---- datagrams

  protected recipient(to: SocketAddress | undefined): LocalSocket | undefined {
    const target = to ? this.#reachable(this.#own(to)) : (this.remote as InetAddress | undefined);
    if (!target) return fail('EDESTADDRREQ');
    if (target.port === 0) fail('EINVAL');
    const own = this.local as InetAddress;
    const from = isAny(own.host) ? { host: isInet4(target.host) ? '127.0.0.1' : '::1', port: own.port } : own;
    const found = this.#ports.find(target.host, target.port, from);
    // Nobody there: whoever is connected hears of it at the next call, others never.
    if (!found && this.remote) this.failLater('ECONNREFUSED');
    return found;
  }

  override send(from: Uint8Array, to?: SocketAddress, ancillary?: Ancillary): number {
    if (this.type === 'datagram') {
      const error = this.takeError();
      if (error) fail(error);
      if (from.length > LONGEST_DATAGRAM) fail('EMSGSIZE');
    }
    return super.send(from, to, ancillary);
  }

  protected override nameFor(receiver: LocalSocket): SocketAddress {
    const own = this.local as InetAddress;
    const family = receiver.family as 'inet' | 'inet6';
    const any = isAny(own.host);
    const four = family === 'inet' || (any ? isInet4((receiver as InetSocket).host) && family === this.family : isInet4(own.host)); // biome-ignore format: one choice
    const host = any ? (four || this.family === 'inet' ? '127.0.0.1' : '::1') : own.host;
    return { family, host: shownIn(family, host), port: own.port };
  }

  protected override closesAbruptly(): boolean {
    return this.type === 'stream' && this.#on('LINGER') && this.options.get('LINGER_TIME') === 0;
  }

  protected override release(): void {
    this.#stopTrying?.();
    super.release();
  }

  #own(address: SocketAddress): InetAddress {
    if (address.family !== 'inet' && address.family !== 'inet6') return fail('EAFNOSUPPORT');
    if (address.family === this.family) return address;
    if (this.family === 'inet') return fail('EAFNOSUPPORT');
    // An IPv6 socket may be told an IPv4 address as it is.
    return { family: 'inet6', host: shownIn('inet6', address.host), port: address.port };
  }

  /** Where a call to this address goes: any means the loopback. */
  #reachable(address: InetAddress): InetAddress {
    const { host } = address;
    if (this.#net.policy === 'none') fail(isInet4(host) ? 'ENETUNREACH' : 'EADDRNOTAVAIL');
    if (isInet4(host) && this.v6Only) fail('ENETUNREACH');
    if (isAny(host)) return { ...address, host: host === ANY6 ? '::1' : shownIn(this.family, '127.0.0.1') };
    if (!isLoopback(unmapped(host))) fail('ENETUNREACH');
    return address;
  }
}

/** The two families, which share their ports. */
export function inetFamilies(policy: NetworkPolicy, now: () => bigint): { inet: SocketFamily; inet6: SocketFamily } {
  const net: Net = { streams: new PortTable('stream'), datagrams: new PortTable('datagram'), policy, now };
  return {
    inet: { socket: (type) => new InetSocket('inet', type, net) },
    inet6: { socket: (type) => new InetSocket('inet6', type, net) },
  };
}
