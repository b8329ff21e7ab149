/** What a socket is to the calls that make, connect and use it; each family (Unix-domain, Internet) has its own subclass. */
import { fail } from '../base/failures.ts';
import type { Stat } from '../host/host.ts';
import { nextInode } from './anonymous-file.ts';
import { OpenFile } from './open-file.ts';
import type { Wait } from './wait.ts';

export type SocketType = 'stream' | 'datagram' | 'seqpacket' | 'raw';

/** An address in the words of its family. */
export type SocketAddress =
  | { family: 'unix'; path: Uint8Array; abstract: boolean }
  | { family: 'inet'; host: string; port: number }
  | { family: 'inet6'; host: string; port: number; scope?: number; flow?: number }
  | { family: 'netlink'; port: number; groups: number }
  | { family: 'unspecified' };

export interface Ancillary {
  /** Open files handed over (SCM_RIGHTS). */
  files: OpenFile[];
  credentials: { pid: number; uid: number; gid: number } | undefined;
  /** IP header fields that the receiver may ask for. */
  hopLimit?: number | undefined;
  trafficClass?: number | undefined;
}

export interface Received {
  length: number;
  /** Size of the whole datagram, which may be more than was taken. */
  full: number;
  from: SocketAddress | undefined;
  ancillary: Ancillary | undefined;
}

export interface SocketFamily {
  socket(type: SocketType, protocol: number): Socket;
  pair?(type: SocketType): [Socket, Socket];
}

export abstract class Socket extends OpenFile {
  abstract readonly family: 'unix' | 'inet' | 'inet6' | 'netlink';
  abstract readonly type: SocketType;
  readonly kind: string = 'socket';
  /** Set by setsockopt, read by getsockopt: by symbolic name ('REUSEADDR', …); what is here has no effect of its own. */
  readonly options = new Map<string, number>();
  /** SO_RCVTIMEO and SO_SNDTIMEO in nanoseconds; 0n: none. */
  receiveTimeout = 0n;
  sendTimeout = 0n;
  /** Who holds the other end, as of connecting (SO_PEERCRED). */
  peerCredentials: { pid: number; uid: number; gid: number } | undefined;
  /** Is it listening (SO_ACCEPTCONN). */
  get listening(): boolean {
    return false;
  }

  /** A Wait where the host has to be asked first: then call again. */
  bind(_address: SocketAddress, _context?: unknown): Wait | undefined {
    return fail('EOPNOTSUPP');
  }
  /** As bind. */
  listen(_backlog: number): Wait | undefined {
    return fail('EOPNOTSUPP');
  }
  /** EAGAIN while nobody has called. */
  accept(): Socket {
    return fail('EOPNOTSUPP');
  }
  /** EINPROGRESS or EAGAIN while it takes time. */
  connect(_address: SocketAddress, _context?: unknown): void {
    fail('EOPNOTSUPP');
  }
  localAddress(): SocketAddress {
    return { family: 'unspecified' };
  }
  peerAddress(): SocketAddress {
    return fail('ENOTCONN');
  }
  send(_from: Uint8Array, _to?: SocketAddress, _ancillary?: Ancillary, _context?: unknown): number {
    return fail('EOPNOTSUPP');
  }
  receive(_into: Uint8Array, _how: { peek?: boolean; wantAncillary?: boolean }): Received {
    return fail('EOPNOTSUPP');
  }
  override read(into: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    // Not even a datagram is looked at.
    return into.length === 0 ? 0 : this.receive(into, {}).length;
  }
  override write(from: Uint8Array, at?: number): number {
    return at === undefined ? this.send(from) : fail('ESPIPE');
  }
  shutdown(_how: 'read' | 'write' | 'both'): void {
    fail('ENOTCONN');
  }
  /** The error of an earlier asynchronous operation, taken (SO_ERROR); undefined: none. */
  takeError(): string | undefined {
    return undefined;
  }
  /** An option has been set; those that the kernel's sockets know by name ('NODELAY', 'V6ONLY', …) take effect here. */
  optionSet(_name: string, _value: number): void {}
  /** Bytes that a read would find (FIONREAD). */
  available(): number {
    return 0;
  }
}

/** A socket that the kernel made: a node without a name, and errors kept until somebody asks. */
export abstract class OwnSocket extends Socket {
  readonly inode = nextInode();
  readonly #time: bigint;
  #error: string | undefined;

  constructor(now: bigint) {
    super();
    this.#time = now;
    this.path = `socket:[${this.inode}]`;
  }

  protected keepError(code: string): void {
    this.#error = code;
  }

  protected get hasError(): boolean {
    return this.#error !== undefined;
  }

  override takeError(): string | undefined {
    const error = this.#error;
    this.#error = undefined;
    return error;
  }

  override stat(): Stat {
    const time = this.#time;
    const times = { atime: time, mtime: time, ctime: time, birthtime: time };
    const none = { nlink: 1, uid: 0, gid: 0, rdev: 0, size: 0, blksize: 4096, blocks: 0 };
    return { type: 'socket', mode: 0o777, ino: this.inode, dev: 8, ...none, ...times };
  }
}
