/** Pseudo-terminals: a master file whose other side is a Tty; which programs hold what is their descriptors' business. */
import { fail } from '../base/failures.ts';
import type { Stat } from '../host/host.ts';
import { ByteQueue } from './byte-queue.ts';
import { HANGUP, OpenFile, READABLE, WRITABLE } from './open-file.ts';
import { deviceNumber, type JobControl, Tty, type TtyDevice, TtyFile } from './tty.ts';

const OUTPUT_MAX = 16_384;

/** The master's side: what the program wrote, not yet read. */
class MasterDevice implements TtyDevice {
  readonly output = new ByteQueue(OUTPUT_MAX);
  onOutput: () => void = () => {};

  room(): number {
    return this.output.room;
  }

  show(bytes: Uint8Array): void {
    this.output.push(bytes);
    this.onOutput();
  }

  flush(): void {
    this.output.drop(this.output.length);
  }
}

export class PtyMaster extends OpenFile {
  readonly kind = 'ptmx';
  readonly tty: Tty;
  readonly number: number;
  /** TIOCSPTLCK: the other side cannot be opened while set. */
  locked = true;
  readonly #device: MasterDevice;
  readonly #onClose: () => void;

  constructor(tty: Tty, number: number, device: MasterDevice, onClose: () => void) {
    super();
    this.tty = tty;
    this.number = number;
    this.#device = device;
    this.#onClose = onClose;
    this.path = '/dev/ptmx';
    device.onOutput = () => this.queue.wake();
    // The program's side coming and going changes what the master may read.
    tty.queue.subscribe(() => this.queue.wake());
  }

  /** The other side was open once and nobody holds it now. */
  get #deserted(): boolean {
    return this.tty.everOpened && this.tty.opens === 0;
  }

  override read(into: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    const { output } = this.#device;
    if (output.length === 0) return this.#deserted ? fail('EIO') : fail('EAGAIN');
    const count = output.take(into);
    this.tty.drained();
    return count;
  }

  override write(from: Uint8Array, at?: number): number {
    if (at !== undefined) fail('ESPIPE');
    if (from.length === 0) return 0;
    const taken = this.tty.type(from);
    return taken === 0 ? fail('EAGAIN') : taken;
  }

  /** Bytes that a read would find (FIONREAD). */
  available(): number {
    return this.#device.output.length;
  }

  override readiness(): number {
    let ready = this.#device.output.length > 0 ? READABLE : 0;
    if (this.tty.line.room > 0) ready |= WRITABLE;
    if (this.#deserted) ready |= HANGUP;
    return ready;
  }

  override stat(): Stat {
    return { ...this.tty.stat(), mode: 0o666, ino: 2, rdev: deviceNumber(5, 2) };
  }

  protected override release(): void {
    this.tty.hangUp();
    this.#onClose();
  }
}

/** All pairs of a VM: /dev/ptmx makes them, /dev/pts lists them. */
export class Ptys {
  readonly #masters = new Map<number, PtyMaster>();
  /** Terminals whose far side is the host's. */
  readonly #others = new Map<number, Tty>();
  readonly #jobs: JobControl;

  constructor(jobs: JobControl) {
    this.#jobs = jobs;
  }

  /** Give a terminal that somebody else makes a number, and with it a name in /dev/pts. */
  adopt(make: (number: number) => Tty): Tty {
    const number = this.#free();
    const tty = make(number);
    this.#others.set(number, tty);
    return tty;
  }

  /** Open /dev/ptmx: a new pair. */
  create(): PtyMaster {
    const number = this.#free();
    const device = new MasterDevice();
    const tty = new Tty(`/dev/pts/${number}`, device, this.#jobs, { major: 136, minor: number });
    const master = new PtyMaster(tty, number, device, () => this.#masters.delete(number));
    this.#masters.set(number, master);
    return master;
  }

  /** The numbers in use, for a listing of /dev/pts. */
  numbers(): number[] {
    return [...this.#masters.keys(), ...this.#others.keys()].sort((a, b) => a - b);
  }

  tty(number: number): Tty | undefined {
    return this.#others.get(number) ?? this.#masters.get(number)?.tty;
  }

  #free(): number {
    let number = 0;
    while (this.#masters.has(number) || this.#others.has(number)) number++;
    return number;
  }

  /** Open /dev/pts/N. */
  open(number: number): TtyFile {
    const other = this.#others.get(number);
    if (other) return new TtyFile(other);
    const master = this.#masters.get(number);
    if (!master) return fail('ENXIO');
    if (master.locked) fail('EIO');
    return new TtyFile(master.tty);
  }
}
