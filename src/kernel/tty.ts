/** A terminal as programs see it: line discipline, window size, session and foreground group, job control; where its keys come from and its output goes to is the TtyDevice's business (a pty master, the host's terminal). */
import { fail } from '../base/failures.ts';
import type { Stat } from '../host/host.ts';
import { LineDiscipline, type TerminalSettings } from './line-discipline.ts';
import { ERROR, HANGUP, OpenFile, READ_HANGUP, READABLE, WRITABLE } from './open-file.ts';
import type { Timer, Timers } from './timers.ts';
import { WaitQueue } from './wait.ts';

/** The far side: takes what the screen is to show. */
export interface TtyDevice {
  /** How many bytes `show` takes now without holding anything up. */
  room(): number;
  show(bytes: Uint8Array): void;
  /** Settings or window size changed by a program (the host's terminal goes raw and back with them). */
  changed?(tty: Tty): void;
  /** Throw away what is not shown yet. */
  flush?(): void;
  /** Output stopped or started by XOFF and XON. */
  flow?(stopped: boolean): void;
}

/** What a terminal needs to know of processes. */
export interface JobControl {
  readonly timers: Timers;
  monotonic(): bigint;
  signalGroup(group: number, signal: string): void;
  /**
   * A process in the background is about to use its terminal. Returns when it may go on; fails EIO where it never may;
   * else sends the signal to its group and fails EAGAIN, which makes the call wait and, after the stop, try again.
   */
  background(tty: Tty, signal: 'SIGTTIN' | 'SIGTTOU'): void;
  now(): bigint;
}

export interface WindowSize {
  rows: number;
  columns: number;
  xPixels: number;
  yPixels: number;
}

export class Tty {
  readonly name: string;
  readonly device: TtyDevice;
  readonly jobs: JobControl;
  readonly number: { major: number; minor: number };
  readonly queue = new WaitQueue();
  readonly line: LineDiscipline;
  size: WindowSize = { rows: 24, columns: 80, xPixels: 0, yPixels: 0 };
  /** Session it controls and its foreground group; 0: none. */
  session = 0;
  foreground = 0;
  /** The far side is gone. */
  hungUp = false;
  /** TIOCEXCL: further opens are refused. */
  exclusive = false;
  opens = 0;
  everOpened = false;
  mode = 0o620;
  uid = 0;
  gid = 5;
  readonly created: bigint;
  /** VTIME: running, or run out. */
  #timer: Timer | undefined;
  #expired = false;

  constructor(name: string, device: TtyDevice, jobs: JobControl, number: { major: number; minor: number }) {
    this.name = name;
    this.device = device;
    this.jobs = jobs;
    this.number = number;
    this.created = jobs.now();
    this.line = new LineDiscipline({
      echo: (bytes) => this.device.show(Uint8Array.from(bytes)),
      signal: (signal) => {
        if (this.foreground > 0) this.jobs.signalGroup(this.foreground, signal);
      },
      flow: (stopped) => {
        this.device.flow?.(stopped);
        this.queue.wake();
      },
      flushOutput: () => this.device.flush?.(),
    });
  }

  get settings(): TerminalSettings {
    return this.line.settings;
  }

  /** tcsetattr. `flush`: throw away what was typed and not read. */
  configure(settings: TerminalSettings, flush = false): void {
    if (flush) this.line.flushInput();
    this.line.settings = settings;
    this.device.changed?.(this);
    this.queue.wake();
  }

  resize(size: WindowSize): void {
    const old = this.size;
    const same =
      old.rows === size.rows &&
      old.columns === size.columns &&
      old.xPixels === size.xPixels &&
      old.yPixels === size.yPixels;
    if (same) return;
    this.size = size;
    if (this.foreground > 0) this.jobs.signalGroup(this.foreground, 'SIGWINCH');
  }

  /** Keys from the far side; returns how many were taken. */
  type(bytes: Uint8Array): number {
    if (this.hungUp) return bytes.length;
    let taken = 0;
    while (taken < bytes.length && this.line.room > 0) this.line.type(bytes[taken++]);
    if (taken > 0) {
      this.#restartTimer();
      this.queue.wake();
    }
    return taken;
  }

  /** The far side can show more. */
  drained(): void {
    this.queue.wake();
  }

  /** The far side is gone: readers see the end, writers an error, the session's leader and foreground a SIGHUP. */
  hangUp(): void {
    if (this.hungUp) return;
    this.hungUp = true;
    if (this.session > 0) {
      this.jobs.signalGroup(this.session, 'SIGHUP');
      this.jobs.signalGroup(this.session, 'SIGCONT');
    }
    if (this.foreground > 0 && this.foreground !== this.session) {
      this.jobs.signalGroup(this.foreground, 'SIGHUP');
      this.jobs.signalGroup(this.foreground, 'SIGCONT');
    }
    this.queue.wake();
  }

  read(into: Uint8Array): number {
    if (this.hungUp) return 0;
    this.jobs.background(this, 'SIGTTIN');
    if (into.length === 0) return 0;
    const { line } = this;
    if (line.canonical) return line.hasInput ? line.take(into) : fail('EAGAIN');
    const { minimum, time } = line.settings;
    const enough = line.available >= Math.min(Math.max(minimum, 1), into.length);
    if (!enough && !this.#expired && (minimum > 0 || time > 0)) {
      if (time > 0 && (minimum === 0 || line.available > 0) && !this.#timer) this.#startTimer(time);
      fail('EAGAIN');
    }
    this.#stopTimer();
    return line.take(into);
  }

  write(from: Uint8Array): number {
    if (this.hungUp) fail('EIO');
    if (this.settings.flags.has('TOSTOP')) this.jobs.background(this, 'SIGTTOU');
    if (from.length === 0) return 0;
    if (this.line.stopped) fail('EAGAIN');
    let done = 0;
    while (done < from.length) {
      // Output processing at most turns a byte into eight (a tab into blanks); mostly newlines into two.
      const room = this.device.room();
      const worst = this.settings.flags.has('XTABS') ? 8 : 2;
      const count = Math.min(from.length - done, Math.floor(room / worst), 4096);
      if (count === 0) break;
      this.device.show(this.line.process(from.subarray(done, done + count)));
      done += count;
    }
    return done === 0 ? fail('EAGAIN') : done;
  }

  readiness(): number {
    if (this.hungUp) return READABLE | WRITABLE | HANGUP | ERROR | READ_HANGUP;
    const { minimum, time } = this.settings;
    const enough = this.line.canonical
      ? this.line.hasInput
      : this.line.available >= (time === 0 && minimum > 0 ? minimum : 1);
    return (enough ? READABLE : 0) | (!this.line.stopped && this.device.room() > 8 ? WRITABLE : 0);
  }

  stat(): Stat {
    const time = this.created;
    return {
      type: 'character',
      mode: this.mode,
      ino: this.number.minor + 3,
      dev: 0x17,
      nlink: 1,
      uid: this.uid,
      gid: this.gid,
      rdev: deviceNumber(this.number.major, this.number.minor),
      size: 0,
      blksize: 1024,
      blocks: 0,
      atime: time,
      mtime: time,
      ctime: time,
      birthtime: time,
    };
  }

  #startTimer(tenths: number): void {
    this.#timer = this.jobs.timers.at(this.jobs.monotonic() + BigInt(tenths) * 100_000_000n, () => {
      this.#timer = undefined;
      this.#expired = true;
      this.queue.wake();
    });
  }

  #restartTimer(): void {
    const running = this.#timer !== undefined;
    if (!running) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.settings.minimum > 0) this.#startTimer(this.settings.time);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#expired = false;
  }
}

/** A device number in the split form that stat shows: 12 bits of major, 20 of minor. */
export function deviceNumber(major: number, minor: number): number {
  return ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & ~0xff) << 12);
}

/** An open file on a terminal. */
export class TtyFile extends OpenFile {
  readonly kind = 'tty';
  readonly tty: Tty;
  override readonly queue: WaitQueue;

  constructor(tty: Tty, path = tty.name) {
    super();
    this.tty = tty;
    this.queue = tty.queue;
    this.path = path;
    tty.opens++;
    tty.everOpened = true;
  }

  override read(into: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    return this.tty.read(into);
  }

  override write(from: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    return this.tty.write(from);
  }

  override stat(): Stat {
    // The same node as its name shows: ttyname() compares them.
    if (this.place !== undefined && !this.place.deleted) return this.place.mount.fs.lstat(this.place.path);
    return this.tty.stat();
  }

  override readiness(): number {
    return this.tty.readiness();
  }

  protected override release(): void {
    this.tty.opens--;
    this.tty.queue.wake();
  }
}
