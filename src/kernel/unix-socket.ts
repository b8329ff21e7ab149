/** Unix-domain sockets: names are file nodes or abstract strings, resolved to keys by whoever knows the file system. */
import { fail } from '../base/failures.ts';
import { LocalSocket } from './local-socket.ts';
import type { SocketAddress, SocketFamily, SocketType } from './socket.ts';

type SocketNames = Map<string, UnixSocket>;

export class UnixSocket extends LocalSocket {
  readonly family = 'unix';
  readonly #names: SocketNames;
  readonly #now: () => bigint;
  #key: string | undefined;

  constructor(type: SocketType, names: SocketNames, now: () => bigint) {
    super(type, now());
    this.#names = names;
    this.#now = now;
  }

  protected sibling(): UnixSocket {
    return new UnixSocket(this.type, this.#names, this.#now);
  }

  protected unnamed(): SocketAddress {
    return { family: 'unix', path: new Uint8Array(0), abstract: false };
  }

  protected claim(_address: SocketAddress, key: string): void {
    const holder = this.#names.get(key);
    if (holder && holder !== this) fail('EADDRINUSE');
    this.#names.set(key, this);
    this.#key = key;
  }

  protected unclaim(): void {
    if (this.#key !== undefined && this.#names.get(this.#key) === this) this.#names.delete(this.#key);
  }

  find(_address: SocketAddress, key: string): LocalSocket | undefined {
    return this.#names.get(key);
  }

  protected recipient(to: SocketAddress | undefined, key: string | undefined): LocalSocket | undefined {
    if (to) return this.#names.get(key as string) ?? fail('ECONNREFUSED');
    return this.peer ?? fail(this.remote || this.connectedBefore ? 'ECONNREFUSED' : 'ENOTCONN');
  }

  /** The name-space key of an abstract name, or of the node `dev:ino`. */
  static abstractKey(name: Uint8Array): string {
    return `@${[...name].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  }
}

export function unixFamily(now: () => bigint): SocketFamily {
  const names: SocketNames = new Map();
  return {
    socket: (type) => new UnixSocket(type, names, now),
    pair(type) {
      const one = new UnixSocket(type, names, now);
      const other = new UnixSocket(type, names, now);
      LocalSocket.join(one, other);
      return [one, other];
    },
  };
}
