/** The contract of a byte stream that belongs to the host, as the kernel's StreamFile uses it; nothing here blocks. */
import type { Stat } from './host.ts';

export interface HostStream {
  /** Word for traces and /proc/self/fd: 'file', 'pipe', 'socket', 'device'. */
  readonly kind: string;
  /** Name on the host where it has one, else such as 'pipe:[17]'. */
  readonly path: string;
  /** True for regular files: position, seek and pread work. */
  readonly seekable: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
  stat(): Stat;
  /** Bytes read, 0 at end of file, undefined when there is nothing yet: then `onReady` will be called. */
  read(into: Uint8Array, at: number | undefined): number | undefined;
  /** Bytes written, undefined when the other side is full: then `onReady` will be called. */
  write(from: Uint8Array, at: number | undefined): number | undefined;
  /** Whether a read would find something (or the end) now; if not, `onReady` will be called when it does. */
  canRead(): boolean;
  /** Where the next read or write without position lands, for seekable streams. */
  position: number;
  truncate(size: number): void;
  /** Set by the user of the stream. */
  onReady: () => void;
  /** Leave the host's descriptor as a program that had used it directly would leave it. */
  settle(): void;
}
