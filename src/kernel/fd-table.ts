/** The descriptor table of a process: small numbers to open file descriptions, with close-on-exec flags; what a file does is OpenFile's business. */
import { fail } from '../base/failures.ts';
import type { OpenFile } from './open-file.ts';

export interface Descriptor {
  readonly file: OpenFile;
  closeOnExec: boolean;
}

export class FdTable {
  /** Descriptors are below this (RLIMIT_NOFILE): adding past it fails EMFILE. */
  limit: number;
  /** Called before a descriptor lets go of its file, however that comes about; POSIX record locks hang on it. */
  onClose: (file: OpenFile) => void = () => {};
  readonly #slots: (Descriptor | undefined)[] = [];
  /** No free slot lies below this. */
  #lowestFree = 0;
  #users = 1;

  constructor(limit = 1024) {
    this.limit = limit;
  }

  /** The file of `fd`; EBADF when it is not open. */
  get(fd: number): OpenFile {
    const slot = this.#slots[fd];
    return slot === undefined ? fail('EBADF') : slot.file;
  }

  find(fd: number): OpenFile | undefined {
    return this.#slots[fd]?.file;
  }

  /** Install at the lowest free descriptor from `from` on. */
  add(file: OpenFile, closeOnExec = false, from = 0): number {
    if (from < 0 || from >= this.limit) fail('EINVAL');
    const slots = this.#slots;
    let fd = Math.max(from, this.#lowestFree);
    while (slots[fd] !== undefined) fd++;
    if (fd >= this.limit) fail('EMFILE');
    this.#install(fd, file, closeOnExec);
    if (from <= this.#lowestFree) this.#lowestFree = fd + 1;
    return fd;
  }

  /** Install at exactly `fd`, closing what was there. */
  set(fd: number, file: OpenFile, closeOnExec = false): void {
    if (!Number.isInteger(fd) || fd < 0 || fd >= this.limit) fail('EBADF');
    file.retain();
    if (this.#slots[fd] !== undefined) this.close(fd);
    this.#slots[fd] = { file, closeOnExec };
    this.#padTo(fd);
  }

  /** A second descriptor, at `from` or above, for the same open file (dup, F_DUPFD). */
  dup(fd: number, closeOnExec = false, from = 0): number {
    return this.add(this.get(fd), closeOnExec, from);
  }

  /** dup2: `to` refers to the file of `fd` afterwards; nothing happens when they are equal (dup3 refuses that case itself). */
  dupTo(fd: number, to: number, closeOnExec = false): number {
    const file = this.get(fd);
    if (fd !== to) this.set(to, file, closeOnExec);
    return to;
  }

  close(fd: number): void {
    const slot = this.#slots[fd];
    if (slot === undefined) fail('EBADF');
    this.#slots[fd] = undefined;
    if (fd < this.#lowestFree) this.#lowestFree = fd;
    this.onClose(slot.file);
    slot.file.drop();
  }

  isCloseOnExec(fd: number): boolean {
    const slot = this.#slots[fd];
    return slot === undefined ? fail('EBADF') : slot.closeOnExec;
  }

  setCloseOnExec(fd: number, on: boolean): void {
    const slot = this.#slots[fd];
    if (slot === undefined) fail('EBADF');
    slot.closeOnExec = on;
  }

  /** Open descriptors in ascending order; closing while iterating is fine. */
  *entries(): IterableIterator<[number, Descriptor]> {
    for (let fd = 0; fd < this.#slots.length; fd++) {
      const slot = this.#slots[fd];
      if (slot !== undefined) yield [fd, slot];
    }
  }

  get count(): number {
    let n = 0;
    for (const slot of this.#slots) if (slot !== undefined) n++;
    return n;
  }

  /** fork: a table of its own over the same open files. */
  clone(): FdTable {
    const copy = new FdTable(this.limit);
    for (const [fd, slot] of this.entries()) copy.#install(fd, slot.file, slot.closeOnExec);
    copy.#lowestFree = this.#lowestFree;
    return copy;
  }

  /** One more process uses this very table (CLONE_FILES); each ends with `release`. */
  share(): this {
    this.#users++;
    return this;
  }

  get shared(): boolean {
    return this.#users > 1;
  }

  /** A process is done with the table: the last one closes everything. */
  release(): void {
    if (--this.#users === 0) this.closeRange(0, Number.POSITIVE_INFINITY);
  }

  /** execve: close what is marked so. The caller has cloned a shared table before. */
  exec(): void {
    for (const [fd, slot] of this.entries()) if (slot.closeOnExec) this.close(fd);
  }

  closeRange(first: number, last: number): void {
    const end = Math.min(last, this.#slots.length - 1);
    for (let fd = first; fd <= end; fd++) if (this.#slots[fd] !== undefined) this.close(fd);
  }

  #install(fd: number, file: OpenFile, closeOnExec: boolean): void {
    this.#slots[fd] = { file: file.retain(), closeOnExec };
    this.#padTo(fd);
  }

  /** Holes stay `undefined` elements, so that the array keeps its fast form. */
  #padTo(fd: number): void {
    for (let i = fd - 1; i >= 0 && !(i in this.#slots); i--) this.#slots[i] = undefined;
  }
}
