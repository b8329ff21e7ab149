/** Character devices: which number opens as what, and the small ones themselves (null, zero, full, random); terminals are tty.ts's and pty.ts's. */
import { fail } from '../base/failures.ts';
import type { Stat } from '../host/host.ts';
import { OpenFile } from './open-file.ts';
import type { OpenHow } from './vfs.ts';

/** A device number as stat shows it. */
export function deviceNumber(major: number, minor: number): number {
  return (
    (major & 0xfff) * 2 ** 8 + (minor & 0xff) + Math.floor(minor / 256) * 2 ** 20 + Math.floor(major / 4096) * 2 ** 44
  );
}

export function majorOf(rdev: number): number {
  return (Math.floor(rdev / 2 ** 8) & 0xfff) + Math.floor(rdev / 2 ** 44) * 4096;
}

export function minorOf(rdev: number): number {
  return (rdev % 256) + (Math.floor(rdev / 2 ** 20) & 0xffffff) * 256;
}

type Opener = (minor: number, how: OpenHow) => OpenFile | undefined;

/** Device numbers and who opens them. */
export class Devices {
  readonly #openers = new Map<string, Opener>();

  /** `minor` undefined: all of this major that have no opener of their own. */
  register(type: 'character' | 'block', major: number, minor: number | undefined, open: Opener): void {
    this.#openers.set(`${type} ${major} ${minor ?? '*'}`, open);
  }

  /** undefined: no such device. */
  open(type: 'character' | 'block', rdev: number, how: OpenHow): OpenFile | undefined {
    const major = majorOf(rdev);
    const minor = minorOf(rdev);
    const open = this.#openers.get(`${type} ${major} ${minor}`) ?? this.#openers.get(`${type} ${major} *`);
    return open?.(minor, how);
  }
}

/** null, zero, full, random, urandom: the memory devices, by Linux's well-known numbers (major 1). */
export function registerMemoryDevices(devices: Devices, random: (into: Uint8Array) => void): void {
  const nothing = () => 0;
  const zeroes = (into: Uint8Array) => into.fill(0).length;
  const noise = (into: Uint8Array) => {
    random(into);
    return into.length;
  };
  const all = (from: Uint8Array) => from.length;
  const rows: [minor: number, read: Transfer, write: Transfer][] = [
    [3, nothing, all],
    [5, zeroes, all],
    [7, zeroes, () => fail('ENOSPC')],
    [8, noise, all],
    [9, noise, all],
  ];
  for (const [minor, read, write] of rows) {
    devices.register('character', 1, minor, (_minor, how) => new MemoryDevice(minor, read, write, how));
  }
}

type Transfer = (bytes: Uint8Array) => number;

class MemoryDevice extends OpenFile {
  readonly kind = 'device';
  readonly #minor: number;
  readonly #read: Transfer;
  readonly #write: Transfer;

  constructor(minor: number, read: Transfer, write: Transfer, how: OpenHow) {
    super();
    this.#minor = minor;
    this.#read = read;
    this.#write = write;
    this.readable = how.read ?? false;
    this.writable = how.write ?? false;
    this.nonblocking = how.nonblock ?? false;
  }

  override read(into: Uint8Array): number {
    return this.readable ? this.#read(into) : fail('EBADF');
  }

  override write(from: Uint8Array): number {
    return this.writable ? this.#write(from) : fail('EBADF');
  }

  /** Seeking is allowed and means nothing: Linux reports position 0. */
  override readonly seekable = true;
  override seek(): number {
    return 0;
  }

  override reopen(how: OpenHow): OpenFile {
    const again = new MemoryDevice(this.#minor, this.#read, this.#write, how);
    again.path = this.path;
    return again;
  }

  override stat(): Stat {
    if (this.place !== undefined && !this.place.deleted) return this.place.mount.fs.lstat(this.place.path);
    return {
      type: 'character',
      mode: 0o666,
      ino: this.#minor,
      dev: 6,
      nlink: 1,
      uid: 0,
      gid: 0,
      rdev: deviceNumber(1, this.#minor),
      size: 0,
      blksize: 4096,
      blocks: 0,
      atime: 0n,
      mtime: 0n,
      ctime: 0n,
      birthtime: 0n,
    };
  }
}
