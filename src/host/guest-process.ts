/** A guest process as node:child_process shows one: streams, events, kill; the process itself is the kernel's. */
import { EventEmitter } from 'node:events';
import type { Readable, Writable } from 'node:stream';

/** How it ended: an exit status, or the name of a fatal signal. */
export interface Ending {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

/** What the process can be asked to do. */
export interface GuestControl {
  /** It goes on after a stop. */
  continued(): void;
  kill(signal: string): boolean;
}

export interface GuestProcessEvents {
  /** It has ended. */
  exit: [exitCode: number | null, signal: NodeJS.Signals | null];
  /** It has ended and its streams have been read to their ends. */
  close: [exitCode: number | null, signal: NodeJS.Signals | null];
  /** A signal has stopped it, and nobody in its virtual machine will continue it. */
  stop: [];
  error: [error: Error];
}

export class GuestProcess extends EventEmitter<GuestProcessEvents> {
  readonly pid: number;
  /** null where the stream is not a pipe of ours. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** With the option `pty`: its terminal. */
  readonly pty: GuestPty | undefined;
  exitCode: number | null = null;
  signalCode: NodeJS.Signals | null = null;
  killed = false;
  /** One line about the fatal signal that ended it: which, at which guest PC and symbol, which address. */
  fatalReport: string | undefined;
  readonly #control: GuestControl;

  constructor(
    pid: number,
    streams: { stdin: Writable | null; stdout: Readable | null; stderr: Readable | null },
    pty: GuestPty | undefined,
    control: GuestControl,
  ) {
    super();
    this.pid = pid;
    this.stdin = streams.stdin;
    this.stdout = streams.stdout;
    this.stderr = streams.stderr;
    this.pty = pty;
    this.#control = control;
  }

  /** Send a signal by name; false when it has ended. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): boolean {
    if (this.exitCode !== null || this.signalCode !== null) return false;
    this.killed = this.#control.kill(signal);
    return this.killed;
  }

  /** Go on after a stop. */
  continue(): void {
    this.#control.continued();
    this.kill('SIGCONT');
  }

  /** Called by the VM at the process's end. */
  ended(ending: Ending): void {
    this.exitCode = ending.exitCode;
    this.signalCode = ending.signal;
    this.emit('exit', ending.exitCode, ending.signal);
    const open = [this.stdout, this.stderr].filter((stream) => stream !== null && !stream.closed) as Readable[];
    let left = open.length;
    const close = () => this.emit('close', ending.exitCode, ending.signal);
    if (left === 0) queueMicrotask(close);
    for (const stream of open) {
      // As node:child_process: what nobody listens to is read to its end and dropped.
      if (stream.listenerCount('readable') + stream.listenerCount('data') === 0) stream.resume();
      stream.once('close', () => {
        if (--left === 0) close();
      });
    }
  }
}

/** The other side of a guest's terminal, with node-pty's members. */
export interface GuestPty {
  readonly columns: number;
  readonly rows: number;
  /** What the guest's terminal shows, as bytes; returns how to stop listening. */
  onData(listener: (data: string) => void): { dispose(): void };
  onExit(listener: (event: { exitCode: number; signal: string | undefined }) => void): { dispose(): void };
  /** As typed. */
  write(data: string | Uint8Array): void;
  resize(columns: number, rows: number): void;
  kill(signal?: NodeJS.Signals): void;
}
