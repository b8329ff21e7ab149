/** Any back end with every change refused (EROFS). */
import { fail } from '../base/failures.ts';
import type { Attributes, DirectoryEntry, HostFile, HostFs, HostOpen, Stat } from './host.ts';

export class ReadOnlyFs implements HostFs {
  readonly name: string;
  readonly readOnly = true;
  readonly #fs: HostFs;

  constructor(fs: HostFs) {
    this.#fs = fs;
    this.name = fs.name;
  }

  open(path: string, how: HostOpen): HostFile {
    if (how.write || how.truncate) fail('EROFS');
    if (!how.create) return new ReadOnlyFile(this.#fs.open(path, how));
    if (this.#fs.look(path) === undefined) fail('EROFS');
    return new ReadOnlyFile(this.#fs.open(path, { ...how, create: false }));
  }

  lstat(path: string): Stat {
    return this.#fs.lstat(path);
  }

  look(path: string): Stat | undefined {
    return this.#fs.look(path);
  }

  plain(path: string): boolean {
    return this.#fs.plain?.(path) ?? false;
  }

  readdir(path: string): DirectoryEntry[] {
    return this.#fs.readdir(path);
  }

  readlink(path: string): string {
    return this.#fs.readlink(path);
  }

  attributes(path: string, change: boolean): Attributes | undefined {
    if (change) fail('EROFS');
    return this.#fs.attributes?.(path, false);
  }

  statfs(): ReturnType<HostFs['statfs']> {
    return { ...this.#fs.statfs(), free: 0, filesFree: 0 };
  }

  mkdir(): void {
    fail('EROFS');
  }
  rmdir(): void {
    fail('EROFS');
  }
  unlink(): void {
    fail('EROFS');
  }
  rename(): void {
    fail('EROFS');
  }
  link(): void {
    fail('EROFS');
  }
  symlink(): void {
    fail('EROFS');
  }
  mknod(): void {
    fail('EROFS');
  }
  chmod(): void {
    fail('EROFS');
  }
  chown(): void {
    fail('EROFS');
  }
  utimes(): void {
    fail('EROFS');
  }
}

class ReadOnlyFile implements HostFile {
  readonly #file: HostFile;

  constructor(file: HostFile) {
    this.#file = file;
  }

  get identity(): unknown {
    return this.#file.identity;
  }
  read(into: Uint8Array, position: number): number {
    return this.#file.read(into, position);
  }
  size(): number {
    return this.#file.size();
  }
  stat(): Stat {
    return this.#file.stat();
  }
  attributes(change: boolean): Attributes | undefined {
    if (change) fail('EROFS');
    return this.#file.attributes?.(false);
  }
  write(): number {
    return fail('EROFS');
  }
  truncate(): void {
    fail('EROFS');
  }
  chmod(): void {
    fail('EROFS');
  }
  chown(): void {
    fail('EROFS');
  }
  utimes(): void {
    fail('EROFS');
  }
  sync(): void {}
  close(): void {
    this.#file.close();
  }
}
