/** Sockets whose both ends are in this VM: streams, datagrams and sequenced packets whose names their family keeps. */
import { fail } from '../base/failures.ts';
import { ERROR, HANGUP, READ_HANGUP, READABLE, WRITABLE } from './open-file.ts';
import {
  type Ancillary,
  OwnSocket,
  type Received,
  type Socket,
  type SocketAddress,
  type SocketType,
} from './socket.ts';
import type { Wait } from './wait.ts';

/** What a receiver holds at most before senders wait, and a sender of datagrams may have on the way. */
const RECEIVE_BUFFER = 212_992;
/** Datagrams that wait at a Unix socket before those who are not its peer must wait. */
const MOST_WAITING = 10;

/** What a datagram counts against buffers: Linux counts the memory it takes, which its own notes are in as well. */
function memoryOf(length: number, smallest: number): number {
  const [notes, tail, block, page] = [256, 320, 16_384, 4096];
  const inPages = Math.max(0, length + tail - block);
  const inBlock = Math.max(smallest, 2 ** Math.ceil(Math.log2(length + tail - inPages)));
  return notes + inBlock + Math.ceil(inPages / page) * page;
}

interface Message {
  bytes: Uint8Array;
  /** Bytes of a stream's message that were taken already. */
  taken: number;
  from: SocketAddress | undefined;
  ancillary: Ancillary | undefined;
  /** Of datagrams: what it counts, and whose buffer it is in until it is taken. */
  memory?: number;
  sender?: LocalSocket;
}

export abstract class LocalSocket extends OwnSocket {
  readonly type: SocketType;
  #inbox: Message[] = [];
  #held = 0;
  /** Unix datagrams of this socket that nobody has taken yet. */
  #onTheWay = 0;
  #peer: LocalSocket | undefined;
  #wasConnected = false;
  #named = false;
  protected local: SocketAddress | undefined;
  protected remote: SocketAddress | undefined;
  #backlog: LocalSocket[] | undefined;
  #backlogMost = 0;
  #readShut = false;
  #writeShut = false;
  #released = false;
  /** TCP: the peer, gone, has answered a write with a reset. */
  #reset = false;

  constructor(type: SocketType, now: bigint) {
    super(now);
    this.type = type;
  }

  /** A fresh socket of the same kind: what accept returns. */
  protected abstract sibling(): LocalSocket;
  /** Give an unbound socket a name before it connects or sends, where the family does that. */
  protected autobind(): void {}
  /** The address that names nobody, for unnamed Unix sockets. */
  protected abstract unnamed(): SocketAddress;
  /** Take a name in the family's space, EADDRINUSE where somebody else has it; `key` is what the address stands for. */
  protected abstract claim(address: SocketAddress, key: string): void;
  protected abstract unclaim(): void;
  /** Who answers to a name: where a connect that failed EAGAIN waits. */
  abstract find(address: SocketAddress, key: string): LocalSocket | undefined;
  /** Who gets a datagram; undefined: it is lost on the way. */
  protected abstract recipient(to: SocketAddress | undefined, key: string | undefined): LocalSocket | undefined;
  /** What the listener's new socket takes over from it and from the caller. */
  protected accepted(listener: LocalSocket, _caller: LocalSocket, _called: SocketAddress): void {
    this.local = listener.local;
  }

  get connected(): boolean {
    return this.#peer !== undefined;
  }

  override get listening(): boolean {
    return this.#backlog !== undefined;
  }

  /** `key`: the name in the name space that `address` stands for. */
  override bind(address: SocketAddress, key: string): Wait | undefined {
    if (this.#named) fail('EINVAL');
    this.claim(address, key);
    this.#named = true;
    this.local = address;
    return undefined;
  }

  /** It has a name without having claimed one: it shares its listener's. */
  protected named(): void {
    this.#named = true;
  }

  override listen(backlog: number): Wait | undefined {
    if (this.type === 'datagram') fail('EOPNOTSUPP');
    if (this.#peer) fail('EINVAL');
    if (!this.#named) this.autobind();
    if (!this.#named) fail('EINVAL');
    this.#backlog ??= [];
    this.#backlogMost = Math.max(1, Math.min(backlog < 0 ? 4096 : backlog + 1, 4096));
    return undefined;
  }

  override accept(): Socket {
    if (!this.#backlog) return fail('EINVAL');
    const next = this.#backlog.shift();
    if (!next) return this.#readShut ? fail('EINVAL') : fail('EAGAIN');
    this.queue.wake();
    return next;
  }

  override connect(address: SocketAddress, key: string): void {
    if (address.family === 'unspecified') {
      this.remote = undefined;
      this.#detach();
      this.#wasConnected = false;
      this.#reset = false;
      return;
    }
    const target = this.find(address, key);
    if (this.type === 'datagram') {
      if (!target) fail('ECONNREFUSED');
      if (target.type !== this.type) fail('EPROTOTYPE');
      this.autobind();
      this.#peer = target;
      this.remote = address;
      return;
    }
    if (this.#peer || this.#wasConnected) fail('EISCONN');
    if (this.#backlog) fail('EINVAL');
    if (!target) fail('ECONNREFUSED');
    if (target.type !== this.type) fail('EPROTOTYPE');
    const backlog = target.#backlog;
    if (backlog === undefined || target.#readShut) fail('ECONNREFUSED');
    if (backlog.length >= target.#backlogMost) fail('EAGAIN');
    this.autobind();
    const server = target.sibling();
    server.remote = this.local ?? this.unnamed();
    server.accepted(target, this, address);
    server.peerCredentials = this.ownCredentials;
    this.peerCredentials = target.ownCredentials;
    this.remote = address;
    join(this, server);
    backlog.push(server);
    target.queue.wake();
  }

  /** Who made this socket: what the other end reads as SO_PEERCRED. */
  ownCredentials: { pid: number; uid: number; gid: number } | undefined;

  /** Who takes what this socket sends: where a send that failed EAGAIN waits. */
  receiver(to: SocketAddress | undefined, key: string | undefined): LocalSocket | undefined {
    return to && key ? this.find(to, key) : this.#peer;
  }

  protected get peer(): LocalSocket | undefined {
    return this.#peer;
  }

  /** It has had a peer, even if that is gone. */
  protected get connectedBefore(): boolean {
    return this.#wasConnected;
  }

  /** SO_PASSCRED, on either side: messages come with their sender's credentials. */
  askForCredentials(on: boolean): void {
    this.options.set('PASSCRED', on ? 1 : 0);
  }

  get wantsCredentials(): boolean {
    return (this.options.get('PASSCRED') ?? 0) !== 0 || (this.#peer?.options.get('PASSCRED') ?? 0) !== 0;
  }

  /** Join two unconnected sockets (socketpair, connect). */
  static join(one: LocalSocket, other: LocalSocket): void {
    join(one, other);
  }

  attach(peer: LocalSocket): void {
    this.#peer = peer;
    this.#wasConnected = true;
  }

  override localAddress(): SocketAddress {
    return this.local ?? this.unnamed();
  }

  override peerAddress(): SocketAddress {
    if (!this.#peer && !this.remote) fail('ENOTCONN');
    return this.remote ?? this.unnamed();
  }

  override send(from: Uint8Array, to?: SocketAddress, ancillary?: Ancillary, key?: string): number {
    if (this.#writeShut) fail('EPIPE');
    if (this.type === 'datagram') return this.#sendDatagram(from, to, ancillary, key);
    const addressed = to !== undefined && to.family !== 'unspecified';
    // TCP does not look at the address of a connected socket.
    if (addressed && this.family === 'unix') fail(this.#peer ? 'EISCONN' : 'EOPNOTSUPP');
    const peer = this.#peer;
    if (!peer) return this.#sendToNobody(from.length);
    // TCP tells nobody that it no longer listens.
    if (peer.#readShut && this.family === 'unix') fail('EPIPE');
    if (this.type === 'seqpacket') {
      if (from.length > RECEIVE_BUFFER) fail('EMSGSIZE');
      if (peer.#held > 0 && peer.#held + from.length > RECEIVE_BUFFER) fail('EAGAIN');
      peer.#deliver({ bytes: from.slice(), taken: 0, from: undefined, ancillary });
      return from.length;
    }
    const room = peer.#roomFor(this);
    if (room <= 0) fail('EAGAIN');
    if (from.length === 0) return 0;
    const part = from.subarray(0, room);
    const last = peer.#inbox[peer.#inbox.length - 1];
    if (!ancillary && last && !last.ancillary && last.bytes.length - last.taken + part.length <= 4096) {
      // Small writes share a message, so that a chatty writer does not make a long list.
      const joined = new Uint8Array(last.bytes.length - last.taken + part.length);
      joined.set(last.bytes.subarray(last.taken));
      joined.set(part, last.bytes.length - last.taken);
      last.bytes = joined;
      last.taken = 0;
      peer.#held += part.length;
      peer.queue.wake();
    } else {
      peer.#deliver({ bytes: part.slice(), taken: 0, from: undefined, ancillary });
    }
    return part.length;
  }

  /** How much more `sender` may have on the way here. A Unix stream counts against its sender's buffer alone. */
  #roomFor(sender: LocalSocket): number {
    const sending = this.type === 'stream' ? sender.options.get('SNDBUF') : undefined;
    const receiving = this.family === 'unix' ? 0 : (this.options.get('RCVBUF') ?? RECEIVE_BUFFER);
    return (sending === undefined ? RECEIVE_BUFFER : sending + receiving) - this.#held;
  }

  /** The peer has closed. Over TCP the first write after that still goes out, and brings the reset back. */
  #sendToNobody(length: number): number {
    if (!this.#wasConnected) fail(this.family === 'unix' ? 'ENOTCONN' : 'EPIPE');
    if (this.family !== 'unix') {
      const error = this.takeError();
      if (error) fail(error);
    }
    if (this.family === 'unix' || this.#reset) fail('EPIPE');
    this.#reset = true;
    return length;
  }

  #sendDatagram(
    from: Uint8Array,
    to: SocketAddress | undefined,
    ancillary: Ancillary | undefined,
    key?: string,
  ): number {
    this.autobind();
    const target = this.recipient(to && to.family !== 'unspecified' ? to : undefined, key);
    if (!target) return from.length;
    if (target.type !== 'datagram') fail('EPROTOTYPE');
    if (target.#released) {
      this.#peer = undefined;
      this.remote = undefined;
      fail('ECONNREFUSED');
    }
    const message: Message = { bytes: from.slice(), taken: 0, from: this.nameFor(target), ancillary };
    if (this.family === 'unix') this.#charge(message, target);
    else message.memory = memoryOf(from.length, 576);
    if (target.#readShut) fail('EPIPE');
    // Datagrams of a network that nobody has room for are dropped; a single one always has.
    const room = target.options.get('RCVBUF') ?? RECEIVE_BUFFER;
    if (this.family !== 'unix' && target.#held > 0 && target.#held + message.memory! > room) return from.length;
    this.#onTheWay += message.sender ? message.memory! : 0;
    target.#deliver(message);
    return from.length;
  }

  /** A Unix datagram counts against its sender's buffer, which the last one may exceed; EAGAIN where it must wait. */
  #charge(message: Message, target: LocalSocket): void {
    const room = this.#sendBuffer;
    if (message.bytes.length > room - 32) fail('EMSGSIZE');
    if (this.#onTheWay >= room || target.isFullFor(this)) fail('EAGAIN');
    message.memory = memoryOf(message.bytes.length, 512);
    message.sender = this;
  }

  get #sendBuffer(): number {
    return this.options.get('SNDBUF') ?? RECEIVE_BUFFER;
  }

  protected isFullFor(sender: LocalSocket): boolean {
    return this.#peer !== sender && this.#inbox.length > MOST_WAITING;
  }

  /** This socket's name as the one who gets its datagrams sees it. */
  protected nameFor(_receiver: LocalSocket): SocketAddress {
    return this.local ?? this.unnamed();
  }

  #deliver(message: Message): void {
    for (const file of message.ancillary?.files ?? []) file.retain();
    this.#inbox.push(message);
    this.#held += message.memory ?? message.bytes.length;
    this.queue.wake();
  }

  override receive(into: Uint8Array, how: { peek?: boolean; wantAncillary?: boolean }): Received {
    const nothing = { length: 0, full: 0, from: undefined, ancillary: undefined };
    const first = this.#inbox[0];
    if (!first) {
      if (this.#readShut) return nothing;
      const { type } = this;
      if (type !== 'datagram' && (!this.#peer || this.#peer.#writeShut)) {
        const error = this.takeError();
        if (error) fail(error);
        return this.#wasConnected ? nothing : fail(type === 'stream' && this.family === 'unix' ? 'EINVAL' : 'ENOTCONN');
      }
      const error = this.takeError();
      return fail(error ?? 'EAGAIN');
    }
    if (this.type !== 'stream') {
      const count = Math.min(into.length, first.bytes.length);
      into.set(first.bytes.subarray(0, count));
      const received = { length: count, full: first.bytes.length, from: first.from, ancillary: first.ancillary };
      if (!how.peek) this.#take(first, first.bytes.length, how.wantAncillary ?? false);
      return received;
    }
    let count = 0;
    let ancillary: Ancillary | undefined;
    for (let i = 0; i < this.#inbox.length && count < into.length; ) {
      const message = this.#inbox[i];
      // What came with descriptors begins a reading of its own.
      if (message.ancillary && (count > 0 || ancillary)) break;
      ancillary ??= message.ancillary;
      const part = message.bytes.subarray(message.taken, message.taken + into.length - count);
      into.set(part, count);
      count += part.length;
      if (how.peek) i++;
      else this.#take(message, part.length, how.wantAncillary ?? false);
    }
    return { length: count, full: count, from: undefined, ancillary };
  }

  /** `count` bytes of the first message are gone; descriptors nobody asked for are closed with it. */
  #take(message: Message, count: number, keepFiles: boolean): void {
    message.taken += count;
    this.#held -= message.memory ?? count;
    message.sender?.arrived(message);
    const { ancillary } = message;
    if (ancillary) {
      message.ancillary = undefined;
      if (!keepFiles) for (const file of ancillary.files) file.drop();
    }
    if (message.taken >= message.bytes.length) this.#inbox.shift();
    // Who sends datagrams to a name waits on the name's owner; others on themselves.
    (this.#peer ?? this).queue.wake();
    if (this.type === 'datagram' && this.#peer) this.queue.wake();
  }

  protected arrived(message: Message): void {
    this.#onTheWay -= message.memory!;
    this.queue.wake();
  }

  override shutdown(how: 'read' | 'write' | 'both'): void {
    if (!this.#peer && !this.#wasConnected && !this.#backlog && !this.remote) fail('ENOTCONN');
    if (how !== 'write') this.#readShut = true;
    if (how !== 'read') this.#writeShut = true;
    this.queue.wake();
    this.#peer?.queue.wake();
  }

  /** An operation in the background failed: readers and writers wake to find `code`. */
  protected failLater(code: string): void {
    this.keepError(code);
    this.queue.wake();
  }

  override available(): number {
    return this.type === 'stream' ? this.#held : (this.#inbox[0]?.bytes.length ?? 0);
  }

  override readiness(): number {
    if (this.#backlog) return this.#backlog.length > 0 ? READABLE : 0;
    let ready = this.#inbox.length > 0 ? READABLE : 0;
    const peer = this.#peer;
    if (this.type === 'datagram') {
      if (this.#readShut) ready |= READABLE | READ_HANGUP;
      // Three quarters of the buffer must be free.
      if (this.family !== 'unix' || (this.#onTheWay * 4 <= this.#sendBuffer && !peer?.isFullFor(this)))
        ready |= WRITABLE;
    } else if (peer) {
      const ended = this.#readShut || peer.#writeShut;
      if (ended) ready |= READABLE | READ_HANGUP;
      if (ended && (this.#writeShut || peer.#readShut)) ready |= HANGUP;
      if (peer.#roomFor(this) > 0 || peer.#readShut) ready |= WRITABLE;
    } else if (this.#wasConnected) {
      // TCP's end of their direction alone is no hang-up.
      const both = this.family === 'unix' || this.#reset || this.#writeShut;
      ready |= READABLE | WRITABLE | READ_HANGUP | (both ? HANGUP : 0);
    } else {
      ready |= WRITABLE | HANGUP;
    }
    if (this.hasError) ready |= this.type === 'datagram' ? ERROR : ERROR | READABLE | WRITABLE | HANGUP;
    return ready;
  }

  #detach(): void {
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer && peer.#peer === this && this.type !== 'datagram') {
      peer.#peer = undefined;
      // Data that was never read makes the close abrupt, and so does SO_LINGER with no time at all.
      if (this.#inbox.length > 0 || this.closesAbruptly()) peer.#broken();
      peer.queue.wake();
    }
  }

  protected closesAbruptly(): boolean {
    return false;
  }

  /** The peer has answered with a reset. */
  #broken(): void {
    this.keepError('ECONNRESET');
    this.#reset = true;
  }

  protected override release(): void {
    if (this.#named) this.unclaim();
    // Callers that nobody has answered are sent away.
    for (const waiting of this.#backlog ?? []) {
      if (waiting.#peer && waiting.family !== 'unix') waiting.#peer.#broken();
      waiting.release();
    }
    this.#backlog = undefined;
    this.#detach();
    for (const message of this.#inbox) {
      message.sender?.arrived(message);
      for (const file of message.ancillary?.files ?? []) file.drop();
    }
    this.#inbox = [];
    this.#released = true;
    this.#readShut = true;
    this.queue.wake();
  }
}

function join(one: LocalSocket, other: LocalSocket): void {
  one.attach(other);
  other.attach(one);
}
