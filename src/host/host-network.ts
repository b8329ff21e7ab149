/** The contract of the host's network, as the kernel's HostSockets use it: connections, listeners and datagrams that report through `onChange`; nothing here blocks. Errors are symbolic ('ECONNREFUSED'). */

export interface HostAddress {
  family: 'inet' | 'inet6';
  host: string;
  port: number;
}

interface HostEndpoint {
  /** undefined until the host has given it one. */
  readonly local: HostAddress | undefined;
  /** What went wrong since this was last asked. */
  takeError(): string | undefined;
  /** Something of the above or below may have changed; set by the user. */
  onChange: () => void;
}

export interface HostConnection extends HostEndpoint {
  readonly state: 'connecting' | 'open' | 'closed';
  readonly remote: HostAddress | undefined;
  /** Bytes that a read would find. */
  readonly available: number;
  /** Beyond those nothing will come. */
  readonly ended: boolean;
  /** Bytes that a write would take. */
  readonly room: number;
  read(into: Uint8Array, peek: boolean): number;
  /** Takes all of `from`, which fits into `room`. */
  write(from: Uint8Array): void;
  /** What was written goes out, then the end. */
  end(): void;
  set(option: 'NODELAY' | 'KEEPALIVE', on: boolean): void;
  /** Gone for the guest; what it wrote still goes out, unless abruptly. */
  close(abruptly: boolean): void;
}

export interface HostListener extends HostEndpoint {
  readonly waiting: number;
  accept(): HostConnection | undefined;
  close(): void;
}

export interface HostDatagrams extends HostEndpoint {
  readonly remote: HostAddress | undefined;
  /** Length of the next datagram; undefined: none is there. */
  readonly next: number | undefined;
  bind(address: HostAddress): void;
  connect(address: HostAddress): void;
  disconnect(): void;
  receive(into: Uint8Array, peek: boolean): { length: number; full: number; from: HostAddress } | undefined;
  send(from: Uint8Array, to: HostAddress | undefined): void;
  set(option: 'BROADCAST' | 'TTL' | 'MULTICAST_TTL' | 'MULTICAST_LOOP', value: number): void;
  close(): void;
}

export interface HostNetwork {
  /** `from`: the name it is to have itself. */
  connect(to: HostAddress, from: HostAddress | undefined): HostConnection;
  /** Its `local` appears, or an error. */
  listen(at: HostAddress, backlog: number, v6Only: boolean): HostListener;
  datagrams(family: 'inet' | 'inet6', how: { v6Only: boolean; reuse: boolean }): HostDatagrams;
  interfaces(): {
    name: string;
    loopback: boolean;
    hardware: Uint8Array;
    addresses: { family: 'inet' | 'inet6'; host: string; prefix: number }[];
  }[];
  /** Until what closed connections had still to send has gone out, within reason. */
  settled(): Promise<void>;
}
