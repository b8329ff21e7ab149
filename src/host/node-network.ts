/** The host's network by node:net and node:dgram: what Node does by events and callbacks becomes state that can be asked for. */
import type * as Dgram from 'node:dgram';
import type * as Net from 'node:net';
import * as os from 'node:os';
import { fail } from '../base/failures.ts';
import { dgram, net } from './builtins.ts';
import type { HostAddress, HostConnection, HostDatagrams, HostListener, HostNetwork } from './host-network.ts';

/** What a connection holds for either direction before the other side has to wait. */
const BUFFER = 262_144;
/** The longest that the end of the program waits for its last words to go out. */
const LAST_WORDS_MS = 5000;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'EIO';

function address(
  host: string | undefined,
  port: number | undefined,
  family: string | undefined,
): HostAddress | undefined {
  // biome-ignore format: one signature
  if (host === undefined || port === undefined) return undefined;
  return { family: family === 'IPv6' || host.includes(':') ? 'inet6' : 'inet', host: host.replace(/%.*/, ''), port };
}

abstract class Endpoint {
  onChange: () => void = () => {};
  #error: string | undefined;

  takeError(): string | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  protected failed(code: string): void {
    this.#error = code;
    this.onChange();
  }
}

/** Connections whose guest has let go of them and that still have something to send. */
const leaving = new Set<Net.Socket>();

class Connection extends Endpoint implements HostConnection {
  readonly #socket: Net.Socket;
  #state: HostConnection['state'];
  #chunks: Uint8Array[] = [];
  #taken = 0;
  #held = 0;
  #ended = false;
  #unsent = 0;
  #local: HostAddress | undefined;
  #remote: HostAddress | undefined;

  constructor(socket: Net.Socket, state: 'connecting' | 'open') {
    super();
    this.#socket = socket;
    this.#state = state;
    this.#names();
    socket.on('connect', () => {
      this.#state = 'open';
      this.#names();
      this.onChange();
    });
    socket.on('data', (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#held += chunk.length;
      if (this.#held >= BUFFER) socket.pause();
      this.onChange();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.onChange();
    });
    socket.on('error', (error) => this.failed(codeOf(error)));
    socket.on('close', () => {
      this.#state = 'closed';
      this.#ended = true;
      leaving.delete(socket);
      this.onChange();
    });
    socket.resume();
  }

  #names(): void {
    const { localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily } = this.#socket;
    this.#local = address(localAddress, localPort, localFamily) ?? this.#local;
    this.#remote = address(remoteAddress, remotePort, remoteFamily) ?? this.#remote;
  }

  get state() {
    return this.#state;
  }
  get local() {
    return this.#local;
  }
  get remote() {
    return this.#remote;
  }
  get available() {
    return this.#held;
  }
  get ended() {
    return this.#ended;
  }
  get room() {
    return Math.max(0, BUFFER - this.#unsent);
  }

  read(into: Uint8Array, peek: boolean): number {
    let count = 0;
    let skip = this.#taken;
    let used = 0;
    while (count < into.length && used < this.#chunks.length) {
      const chunk = this.#chunks[used];
      const part = chunk.subarray(skip, skip + into.length - count);
      into.set(part, count);
      count += part.length;
      skip += part.length;
      if (skip < chunk.length) break;
      used++;
      skip = 0;
    }
    if (peek) return count;
    if (used > 0) this.#chunks.splice(0, used);
    this.#taken = skip;
    this.#held -= count;
    if (this.#held < BUFFER / 2 && this.#socket.isPaused()) this.#socket.resume();
    return count;
  }

  write(from: Uint8Array): void {
    const bytes = from.slice();
    this.#unsent += bytes.length;
    this.#socket.write(bytes, () => {
      this.#unsent -= bytes.length;
      this.onChange();
    });
  }

  end(): void {
    this.#socket.end();
  }

  set(option: 'NODELAY' | 'KEEPALIVE', on: boolean): void {
    if (option === 'NODELAY') this.#socket.setNoDelay(on);
    else this.#socket.setKeepAlive(on);
  }

  close(abruptly: boolean): void {
    this.onChange = () => {};
    // As TCP does: what was never read makes it a reset.
    if (abruptly || this.#held > 0) {
      this.#socket.resetAndDestroy();
      return;
    }
    leaving.add(this.#socket);
    this.#socket.removeAllListeners('data');
    this.#socket.resume();
    this.#socket.destroySoon();
  }
}

class Listener extends Endpoint implements HostListener {
  readonly #server: Net.Server;
  readonly #waiting: Connection[] = [];
  #local: HostAddress | undefined;

  constructor(at: HostAddress, backlog: number, v6Only: boolean) {
    super();
    this.#server = net().createServer({ allowHalfOpen: true, pauseOnConnect: true });
    this.#server.on('listening', () => {
      const given = this.#server.address() as Net.AddressInfo;
      this.#local = address(given.address, given.port, given.family);
      this.onChange();
    });
    this.#server.on('connection', (socket) => {
      this.#waiting.push(new Connection(socket, 'open'));
      this.onChange();
    });
    this.#server.on('error', (error) => this.failed(codeOf(error)));
    this.#server.listen({ host: at.host, port: at.port, backlog, ipv6Only: v6Only, exclusive: true });
  }

  get local() {
    return this.#local;
  }
  get waiting() {
    return this.#waiting.length;
  }

  accept(): HostConnection | undefined {
    return this.#waiting.shift();
  }

  close(): void {
    this.onChange = () => {};
    this.#server.close();
    for (const one of this.#waiting) one.close(true);
  }
}

class Datagrams extends Endpoint implements HostDatagrams {
  readonly #socket: Dgram.Socket;
  #inbox: { bytes: Uint8Array; from: HostAddress }[] = [];
  #held = 0;
  #remote: HostAddress | undefined;

  constructor(family: 'inet' | 'inet6', how: { v6Only: boolean; reuse: boolean }) {
    super();
    this.#socket = dgram().createSocket({
      type: family === 'inet' ? 'udp4' : 'udp6',
      ipv6Only: how.v6Only,
      reuseAddr: how.reuse,
      // Addresses only: what they are is known at once.
      lookup: (host, _options, done) => done(null, host, host.includes(':') ? 6 : 4),
    });
    this.#socket.on('message', (bytes, { address: host, port, family }) => {
      // Nobody takes them: as the host's own buffer, ours drops what does not fit.
      if (this.#held + bytes.length > BUFFER) return;
      this.#inbox.push({ bytes, from: address(host, port, family) as HostAddress });
      this.#held += bytes.length;
      this.onChange();
    });
    this.#socket.on('error', (error) => this.failed(codeOf(error)));
  }

  bind(at: HostAddress): void {
    this.#now(() => this.#socket.bind({ address: at.host, port: at.port, exclusive: true }));
  }

  connect(to: HostAddress): void {
    if (this.#remote) this.disconnect();
    this.#now(() => this.#socket.connect(to.port, to.host));
    this.#remote = to;
  }

  disconnect(): void {
    if (this.#remote) this.#socket.disconnect();
    this.#remote = undefined;
  }

  /** What Node reports by an event, though it happens at once, is thrown. */
  #now(action: () => void): void {
    const { onChange } = this;
    this.onChange = () => {};
    try {
      action();
    } catch (error) {
      fail(codeOf(error));
    } finally {
      this.onChange = onChange;
    }
    const error = this.takeError();
    if (error) fail(error);
  }

  get local() {
    try {
      const { address: host, port, family } = this.#socket.address();
      return address(host, port, family);
    } catch {
      return undefined;
    }
  }
  get remote() {
    return this.#remote;
  }
  get next() {
    return this.#inbox[0]?.bytes.length;
  }

  receive(into: Uint8Array, peek: boolean) {
    const first = this.#inbox[0];
    if (!first) return undefined;
    const length = Math.min(into.length, first.bytes.length);
    into.set(first.bytes.subarray(0, length));
    if (!peek) {
      this.#inbox.shift();
      this.#held -= first.bytes.length;
    }
    return { length, full: first.bytes.length, from: first.from };
  }

  send(from: Uint8Array, to: HostAddress | undefined): void {
    const bytes = from.slice();
    const done = (error: Error | null) => {
      if (error) this.failed(codeOf(error));
    };
    if (to) this.#socket.send(bytes, 0, bytes.length, to.port, to.host, done);
    else this.#socket.send(bytes, 0, bytes.length, done);
  }

  set(option: 'BROADCAST' | 'TTL' | 'MULTICAST_TTL' | 'MULTICAST_LOOP', value: number): void {
    this.#now(() => {
      if (option === 'BROADCAST') this.#socket.setBroadcast(value !== 0);
      else if (option === 'TTL') this.#socket.setTTL(value);
      else if (option === 'MULTICAST_TTL') this.#socket.setMulticastTTL(value);
      else this.#socket.setMulticastLoopback(value !== 0);
    });
  }

  close(): void {
    this.onChange = () => {};
    this.#socket.close();
  }
}

export const nodeNetwork: HostNetwork = {
  connect(to, from) {
    const socket = net().connect({
      host: to.host,
      port: to.port,
      allowHalfOpen: true,
      ...(from ? { localAddress: from.host, ...(from.port ? { localPort: from.port } : {}) } : {}),
    });
    return new Connection(socket, 'connecting');
  },
  listen: (at, backlog, v6Only) => new Listener(at, backlog, v6Only),
  datagrams: (family, how) => new Datagrams(family, how),
  interfaces() {
    return Object.entries(os.networkInterfaces()).map(([name, addresses = []]) => ({
      name,
      loopback: addresses.some((one) => one.internal),
      hardware: Uint8Array.from((addresses[0]?.mac ?? '').split(':').map((byte) => Number.parseInt(byte, 16) || 0)),
      addresses: addresses.map(({ address: host, cidr, family }) => ({
        family: family === 'IPv6' ? ('inet6' as const) : ('inet' as const),
        host,
        prefix: Number(cidr?.split('/')[1] ?? 0),
      })),
    }));
  },
  async settled() {
    const late = performance.now() + LAST_WORDS_MS;
    while (leaving.size > 0 && performance.now() < late) await new Promise((resolve) => setTimeout(resolve, 1));
  },
};
