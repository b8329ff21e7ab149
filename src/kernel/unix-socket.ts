/** Unix-domain sockets: names are file nodes or abstract strings, resolved to keys by whoever knows the file system. */
import { LocalSocket, type SocketNames } from './local-socket.ts';
import type { SocketAddress, SocketFamily, SocketType } from './socket.ts';

export class UnixSocket extends LocalSocket {
  readonly family = 'unix';
  readonly #now: () => bigint;

  constructor(type: SocketType, names: SocketNames, now: () => bigint) {
    super(type, names, now());
    this.#now = now;
  }

  protected sibling(): UnixSocket {
    return new UnixSocket(this.type, this.names, this.#now);
  }

  protected unnamed(): SocketAddress {
    return { family: 'unix', path: new Uint8Array(0), abstract: false };
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
