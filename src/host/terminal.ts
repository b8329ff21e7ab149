/** The host's terminal as the far side of the guest's: raw only from the first read until the end, size and its changes, exact output; the line discipline is the kernel's. */
import * as fs from 'node:fs';
import type { ReadStream } from 'node:tty';
import type { Ptys } from '../kernel/pty.ts';
import type { JobControl, Tty, TtyDevice, WindowSize } from '../kernel/tty.ts';
import { Tty as KernelTty } from '../kernel/tty.ts';
import { tty } from './builtins.ts';
import { writeFully } from './streams.ts';

const NEWLINE = 10;
const RETURN = 13;
const VERTICAL_TAB = 11;

/** Whether the host's descriptor is a terminal. Files, pipes and /dev/null are none, which needs no node:tty to tell. */
export function isTerminal(fd: number): boolean {
  try {
    const stat = fs.fstatSync(fd);
    return stat.isCharacterDevice() && stat.rdev !== fs.statSync('/dev/null').rdev && tty().isatty(fd);
  } catch {
    return false;
  }
}

/** The guest's side: notices when a program starts to listen. */
class HostTty extends KernelTty {
  readonly #terminal: HostTerminal;

  constructor(terminal: HostTerminal, jobs: JobControl, number: number) {
    super(`/dev/pts/${number}`, terminal, jobs, { major: 136, minor: number });
    this.#terminal = terminal;
  }
  override read(into: Uint8Array): number {
    this.#terminal.listen();
    return super.read(into);
  }
  override readiness(): number {
    this.#terminal.listen();
    return super.readiness();
  }
}

export class HostTerminal implements TtyDevice {
  /** The guest's terminal. */
  readonly tty: Tty;
  readonly #input: number | undefined;
  readonly #output: number;
  #reader: ReadStream | undefined;
  #source = 0;
  #untaken: Uint8Array = new Uint8Array(0);
  #afterReturn = false;
  #raw = false;
  readonly #onResize = () => this.tty.resize(this.#size());
  readonly #onExit = () => this.restore();

  /** `fds`: those of 0, 1 and 2 that are the terminal. */
  constructor(fds: readonly number[], jobs: JobControl, ptys: Ptys) {
    this.#input = fds.includes(0) ? 0 : undefined;
    this.#output = fds.find((fd) => fd !== 0) ?? 0;
    this.tty = ptys.adopt((number) => new HostTty(this, jobs, number));
    this.tty.size = this.#size();
    process.on('SIGWINCH', this.#onResize);
    process.on('exit', this.#onExit);
  }

  /** Start to take keys, in raw mode: from now on Ctrl-C and its like are the line discipline's. */
  listen(): void {
    if (this.#reader) {
      if (this.#untaken.length > 0) this.#type(this.#untaken);
      return;
    }
    const fd = this.#input ?? openControlling();
    if (fd === undefined) return;
    this.#reader = new (tty().ReadStream)(fd);
    this.#source = fd;
    this.resume();
    this.#reader.on('data', (chunk: Buffer) => this.#type(chunk));
    const gone = () => this.tty.hangUp();
    this.#reader.on('end', gone).on('error', gone);
  }

  /** Go raw, after taking what was typed before we listened: the host's terminal has edited and shown it already. */
  #takeOver(fd: number, reader: ReadStream): void {
    const { line } = this.tty;
    const { settings } = line;
    line.settings = { ...settings, flags: new Set([...settings.flags].filter((flag) => flag !== 'ECHO')) };
    let own: number | undefined;
    try {
      own = fs.openSync(`/proc/self/fd/${fd}`, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY);
      // Finished lines first; an empty read is an end of file that was typed.
      for (let text = readNow(own); text; text = readNow(own)) {
        this.#type(text.length > 0 ? text : Uint8Array.of(settings.characters.EOF));
      }
      reader.setRawMode(true);
      this.#type(readNow(own) ?? new Uint8Array(0));
    } catch {
      // The host has no /proc: what was typed is shown twice.
      reader.setRawMode(true);
    } finally {
      if (own !== undefined) fs.closeSync(own);
      line.settings = settings;
    }
  }

  /** Raw, at first or again after the host had stopped us. */
  resume(): void {
    if (!this.#reader || this.#raw) return;
    this.#raw = true;
    this.#takeOver(this.#source, this.#reader);
  }

  /** The host's terminal as it was. */
  restore(): void {
    if (!this.#raw) return;
    this.#raw = false;
    try {
      this.#reader?.setRawMode(false);
    } catch {
      // The terminal is gone.
    }
  }

  /** A program changed the settings: it is about to listen, and does not want the host to show what is typed meanwhile. */
  changed(): void {
    this.listen();
  }

  close(): void {
    this.restore();
    this.#reader?.destroy();
    process.off('SIGWINCH', this.#onResize);
    process.off('exit', this.#onExit);
  }

  room(): number {
    return 65_536;
  }

  /**
   * The host's terminal still does its own output processing, and Node offers no way to turn that off: it makes CR LF of
   * each LF. So CR LF is sent as LF, and a bare LF as the vertical tab, which terminals treat alike.
   */
  show(bytes: Uint8Array): void {
    const out = new Uint8Array(bytes.length);
    let length = 0;
    for (const byte of bytes) {
      if (byte === NEWLINE && length > 0 && out[length - 1] === RETURN) out[length - 1] = NEWLINE;
      else if (byte === NEWLINE && !(length === 0 && this.#afterReturn)) out[length++] = VERTICAL_TAB;
      else out[length++] = byte;
    }
    this.#afterReturn = bytes.length > 0 && bytes[bytes.length - 1] === RETURN;
    writeFully(this.#output, out.subarray(0, length));
  }

  #type(bytes: Uint8Array): void {
    const taken = this.tty.type(bytes);
    this.#untaken = bytes.subarray(taken);
    if (this.#untaken.length > 0) this.#reader?.pause();
    else this.#reader?.resume();
  }

  #size(): WindowSize {
    const sizes = [this.#output, 1, 2].map((fd) => windowSize(fd));
    const [columns, rows] = sizes.find((size) => size !== undefined) ?? [80, 24];
    return { columns, rows, xPixels: 0, yPixels: 0 };
  }
}

/** What can be read without waiting; undefined: nothing. */
function readNow(fd: number): Uint8Array | undefined {
  const buffer = new Uint8Array(4096);
  try {
    return buffer.subarray(0, fs.readSync(fd, buffer, 0, buffer.length, null));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

function windowSize(fd: number): [number, number] | undefined {
  const stream = fd === 1 ? process.stdout : fd === 2 ? process.stderr : undefined;
  if (stream?.isTTY) {
    (stream as unknown as { _refreshSize?: () => void })._refreshSize?.();
    return stream.getWindowSize();
  }
  if (fd !== 0 || !isTerminal(0)) return undefined;
  const own = new (tty().WriteStream)(0);
  return own.getWindowSize();
}

/** Where stdin is not the terminal but something else is, keys come from the controlling terminal. */
function openControlling(): number | undefined {
  try {
    return fs.openSync('/dev/tty', 'r');
  } catch {
    return undefined;
  }
}
