/** Who has which port of one transport: the rules by which two sockets may share one, and who answers to an address. */
import { fail } from '../base/failures.ts';
import { ANY4, ANY6, isAny, isInet4, unmapped } from './inet-address.ts';

const FIRST_EPHEMERAL = 32768;
const LAST_EPHEMERAL = 60999;

/** A socket as the table sees it. */
export interface PortHolder {
  readonly host: string;
  /** Of an IPv6 socket: not for IPv4 callers. */
  readonly v6Only: boolean;
  readonly reuseAddress: boolean;
  readonly reusePort: boolean;
  readonly listening: boolean;
  /** Whose datagrams alone it takes. */
  readonly only: { host: string; port: number } | undefined;
}

export class PortTable<Holder extends PortHolder> {
  readonly #byPort = new Map<number, Holder[]>();
  readonly #transport: 'stream' | 'datagram';
  #next = FIRST_EPHEMERAL;

  constructor(transport: 'stream' | 'datagram') {
    this.#transport = transport;
  }

  /** A port that nobody has. */
  free(): number {
    for (let tries = FIRST_EPHEMERAL; tries <= LAST_EPHEMERAL; tries++) {
      const port = this.#next;
      this.#next = port >= LAST_EPHEMERAL ? FIRST_EPHEMERAL : port + 1;
      if (!this.#byPort.has(port)) return port;
    }
    return fail('EADDRINUSE');
  }

  /** EADDRINUSE where the port is taken and not to be shared. */
  claim(holder: Holder, port: number, host: string): void {
    const holders = this.#byPort.get(port) ?? [];
    if (holders.some((other) => overlap(other, { host, v6Only: holder.v6Only }) && !this.#share(holder, other))) {
      fail('EADDRINUSE');
    }
    this.join(holder, port);
  }

  /** As claim, for a connection that its listener's port carries. */
  join(holder: Holder, port: number): void {
    const holders = this.#byPort.get(port);
    if (holders) holders.push(holder);
    else this.#byPort.set(port, [holder]);
  }

  /** Two may be bound to one port; only one of them may listen there. */
  mayListen(holder: Holder, port: number): boolean {
    const others = this.#byPort.get(port) ?? [];
    return !others.some(
      (other) =>
        other !== holder && other.listening && overlap(other, holder) && !(other.reusePort && holder.reusePort),
    );
  }

  release(holder: Holder, port: number): void {
    const left = (this.#byPort.get(port) ?? []).filter((one) => one !== holder);
    if (left.length === 0) this.#byPort.delete(port);
    else this.#byPort.set(port, left);
  }

  /** Who answers to this address: the most exact name wins, then who came last. */
  find(host: string, port: number, from?: { host: string; port: number }): Holder | undefined {
    let best: Holder | undefined;
    let bestScore = -1;
    for (const holder of this.#byPort.get(port) ?? []) {
      if (this.#transport === 'stream' && !holder.listening) continue;
      if (!covers(holder, host)) continue;
      const { only } = holder;
      if (only && !(from && only.port === from.port && unmapped(only.host) === unmapped(from.host))) continue;
      const score = (only ? 4 : 0) + (isAny(holder.host) ? 0 : 2) + (holder.host === ANY6 ? 0 : 1);
      if (score >= bestScore) {
        best = holder;
        bestScore = score;
      }
    }
    return best;
  }

  #share(one: PortHolder, other: PortHolder): boolean {
    if (one.reusePort && other.reusePort) return true;
    if (!one.reuseAddress || !other.reuseAddress) return false;
    return this.#transport === 'datagram' || !other.listening;
  }
}

type Name = Pick<PortHolder, 'host' | 'v6Only'>;

function covers(holder: Name, host: string): boolean {
  if (holder.host === ANY6) return !isInet4(host) || !holder.v6Only;
  if (isAny(holder.host)) return isInet4(host);
  return unmapped(holder.host) === unmapped(host);
}

function overlap(a: Name, b: Name): boolean {
  if (a.host === ANY6 && b.host === ANY4) return !a.v6Only;
  if (a.host === ANY4 && b.host === ANY6) return !b.v6Only;
  return covers(a, b.host) || covers(b, a.host);
}
