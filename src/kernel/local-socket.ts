/** Sockets whose both ends are in this VM: streams, datagrams and sequenced packets over a name space of keys. Unix-domain and loopback sockets differ only in their names. */
import { fail } from '../base/failures.ts';
import type { FileType, Stat } from '../host/host.ts';
import { nextInode } from './anonymous-file.ts';
import { ERROR, HANGUP, READ_HANGUP, READABLE, WRITABLE } from './open-file.ts';
import { type Ancillary, type Received, Socket, type SocketAddress, type SocketType } from './socket.ts';

/** What a receiver holds at most before senders wait. */
const RECEIVE_BUFFER = 212_992;

interface Message {
  bytes: Uint8Array;
  /** Bytes of a stream's message that were taken already. */
  taken: number;
  from: SocketAddress | undefined;
  ancillary: Ancillary | undefined;
}

export type SocketNames = Map<string, LocalSocket>;

export abstract class LocalSocket extends Socket {
  readonly type: SocketType;
  readonly inode = nextInode();
  protected readonly names: SocketNames;
  readonly #time: bigint;
  #inbox: Message[] = [];
  #held = 0;
  #peer: LocalSocket | undefined;
  #wasConnected = false;
  #key: string | undefined;
  protected local: SocketAddress | undefined;
  #remote: SocketAddress | undefined;
  #backlog: LocalSocket[] | undefined;
  #backlogMost = 0;
  #readShut = false;
  #writeShut = false;
  /** TCP: the peer, gone, has answered a write with a reset. */
  #reset = false;
  #error: string | undefined;

  constructor(type: SocketType, names: SocketNames, now: bigint) {
    super();
    this.type = type;
    this.names = names;
    this.#time = now;
    this.path = `socket:[${this.inode}]`;
  }

  /** A fresh socket of the same kind: what accept returns. */
  protected abstract sibling(): LocalSocket;
  /** Give an unbound socket a name before it connects or sends, where the family does that. */
  protected autobind(): void {}
  /** The address that names nobody, for unnamed Unix sockets. */
  protected abstract unnamed(): SocketAddress;

  get connected(): boolean {
    return this.#peer !== undefined;
  }

  override get listening(): boolean {
    return this.#backlog !== undefined;
  }

  /** `key`: the name in the name space that `address` stands for. */
  override bind(address: SocketAddress, key: string): void {
    if (this.#key !== undefined) fail('EINVAL');
    const holder = this.names.get(key);
    if (holder && holder !== this) fail('EADDRINUSE');
    this.names.set(key, this);
    this.#key = key;
    this.local = address;
  }

  override listen(backlog: number): void {
    if (this.type === 'datagram') fail('EOPNOTSUPP');
    if (this.#peer) fail('EINVAL');
    if (this.#key === undefined) this.autobind();
    if (this.#key === undefined) fail('EINVAL');
    this.#backlog ??= [];
    this.#backlogMost = Math.max(1, Math.min(backlog < 0 ? 4096 : backlog + 1, 4096));
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
      this.#remote = undefined;
      this.#detach();
      return;
    }
    const target = this.names.get(key);
    if (this.type === 'datagram') {
      if (!target) fail('ECONNREFUSED');
      if (target.type !== this.type) fail('EPROTOTYPE');
      this.autobind();
      this.#peer = target;
      this.#remote = address;
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
    server.local = target.local;
    server.#remote = this.local ?? this.unnamed();
    server.peerCredentials = this.ownCredentials;
    this.peerCredentials = target.ownCredentials;
    this.#remote = address;
    join(this, server);
    backlog.push(server);
    target.queue.wake();
  }

  /** Who made this socket: what the other end reads as SO_PEERCRED. */
  ownCredentials: { pid: number; uid: number; gid: number } | undefined;

  /** Where a connect that failed EAGAIN waits: the listener's queue. */
  listener(key: string): LocalSocket | undefined {
    return this.names.get(key);
  }

  /** Who takes what this socket sends: where a send that failed EAGAIN waits. */
  receiver(key: string | undefined): LocalSocket | undefined {
    return key ? this.names.get(key) : this.#peer;
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
    if (!this.#peer && !this.#remote) fail('ENOTCONN');
    return this.#remote ?? this.unnamed();
  }

  override send(from: Uint8Array, to?: SocketAddress, ancillary?: Ancillary, key?: string): number {
    if (this.#writeShut) fail('EPIPE');
    if (this.type === 'datagram') return this.#sendDatagram(from, to, ancillary, key);
    const addressed = to !== undefined && to.family !== 'unspecified';
    // TCP does not look at the address of a connected socket.
    if (addressed && this.family === 'unix') fail(this.#peer ? 'EISCONN' : 'EOPNOTSUPP');
    const peer = this.#peer;
    if (!peer) return this.#sendToNobody(from.length);
    if (peer.#readShut) fail('EPIPE');
    if (this.type === 'seqpacket') {
      if (from.length > RECEIVE_BUFFER) fail('EMSGSIZE');
      if (peer.#held > 0 && peer.#held + from.length > RECEIVE_BUFFER) fail('EAGAIN');
      peer.#deliver({ bytes: from.slice(), taken: 0, from: undefined, ancillary });
      return from.length;
    }
    const room = RECEIVE_BUFFER - peer.#held;
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

  /** The peer has closed. Over TCP the first write after that still goes out, and brings the reset back. */
  #sendToNobody(length: number): number {
    if (!this.#wasConnected) fail('ENOTCONN');
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
    const named = to !== undefined && to.family !== 'unspecified';
    const target = named ? this.names.get(key as string) : this.#peer;
    if (!target) {
      return fail(named || this.#remote || this.#wasConnected ? 'ECONNREFUSED' : 'ENOTCONN');
    }
    if (target.type !== 'datagram') fail('EPROTOTYPE');
    if (from.length > RECEIVE_BUFFER) fail('EMSGSIZE');
    if (target.#readShut) fail('EPIPE');
    if (target.#held > 0 && target.#held + from.length > RECEIVE_BUFFER) fail('EAGAIN');
    this.autobind();
    target.#deliver({ bytes: from.slice(), taken: 0, from: this.local ?? this.unnamed(), ancillary });
    return from.length;
  }

  #deliver(message: Message): void {
    for (const file of message.ancillary?.files ?? []) file.retain();
    this.#inbox.push(message);
    this.#held += message.bytes.length;
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
      return fail('EAGAIN');
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
    this.#held -= count;
    const { ancillary } = message;
    if (ancillary) {
      message.ancillary = undefined;
      if (!keepFiles) for (const file of ancillary.files) file.drop();
    }
    if (message.taken >= message.bytes.length) this.#inbox.shift();
    (this.#peer ?? this).queue.wake();
    this.queue.wake();
  }

  override read(into: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    if (into.length === 0 && this.type === 'stream') return 0;
    return this.receive(into, {}).length;
  }

  override write(from: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    return this.send(from);
  }

  override shutdown(how: 'read' | 'write' | 'both'): void {
    if (!this.#peer && !this.#wasConnected && !this.#backlog) fail('ENOTCONN');
    if (how !== 'write') this.#readShut = true;
    if (how !== 'read') this.#writeShut = true;
    this.queue.wake();
    this.#peer?.queue.wake();
  }

  override takeError(): string | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  /** An operation in the background failed: readers and writers wake to find `code`. */
  protected failLater(code: string): void {
    this.#error = code;
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
      if (!peer || peer.#held < RECEIVE_BUFFER) ready |= WRITABLE;
    } else if (peer) {
      const ended = this.#readShut || peer.#writeShut;
      if (ended) ready |= READABLE | READ_HANGUP;
      if (ended && (this.#writeShut || peer.#readShut)) ready |= HANGUP;
      if (peer.#held < RECEIVE_BUFFER || peer.#readShut) ready |= WRITABLE;
    } else if (this.#wasConnected) {
      ready |= READABLE | WRITABLE | HANGUP | READ_HANGUP;
    } else {
      ready |= WRITABLE | HANGUP;
    }
    if (this.#error) ready |= ERROR | READABLE | WRITABLE | HANGUP;
    return ready;
  }

  override stat(): Stat {
    const time = this.#time;
    return {
      type: 'socket' as FileType,
      mode: 0o777,
      ino: this.inode,
      dev: 8,
      nlink: 1,
      uid: 0,
      gid: 0,
      rdev: 0,
      size: 0,
      blksize: 4096,
      blocks: 0,
      atime: time,
      mtime: time,
      ctime: time,
      birthtime: time,
    };
  }

  #detach(): void {
    const peer = this.#peer;
    this.#peer = undefined;
    if (peer && peer.#peer === this && this.type !== 'datagram') {
      peer.#peer = undefined;
      // Data that was never read makes the close abrupt.
      if (this.#inbox.length > 0) peer.#error = 'ECONNRESET';
      peer.queue.wake();
    }
  }

  protected override release(): void {
    if (this.#key !== undefined && this.names.get(this.#key) === this) this.names.delete(this.#key);
    for (const waiting of this.#backlog ?? []) waiting.release();
    this.#detach();
    for (const message of this.#inbox) for (const file of message.ancillary?.files ?? []) file.drop();
    this.#inbox = [];
    this.#readShut = true;
    this.queue.wake();
  }
}

function join(one: LocalSocket, other: LocalSocket): void {
  one.attach(other);
  other.attach(one);
}
