/** Open directories, and files opened only as a name (O_PATH): no bytes, but a place that relative paths start from. */
import { fail } from '../base/failures.ts';
import type { DirectoryEntry, Stat } from '../host/host.ts';
import { OpenFile } from './open-file.ts';

/** What the VFS supplies for the names it opened. */
export interface NameSource {
  stat(file: OpenFile): Stat;
  /** With '.' and '..' first. */
  list(file: OpenFile): DirectoryEntry[];
}

abstract class NamedFile extends OpenFile {
  readonly #source: NameSource;
  /** As it was last seen: what a removed name still answers. */
  #seen: Stat;

  /** A directory is; of a mere name nobody finds out, EBADF comes first. */
  override readonly seekable = true;

  constructor(source: NameSource, seen: Stat) {
    super();
    this.#source = source;
    this.#seen = seen;
    this.writable = false;
  }

  protected get source(): NameSource {
    return this.#source;
  }

  get type(): Stat['type'] {
    return this.#seen.type;
  }

  override stat(): Stat {
    if (this.place?.deleted) return { ...this.#seen, nlink: 0 };
    this.#seen = this.#source.stat(this);
    return this.#seen;
  }
}

export class DirectoryFile extends NamedFile {
  readonly kind = 'directory';
  /** Entries as they were when reading began, so that positions stay true while names come and go. */
  #entries: DirectoryEntry[] | undefined;

  override read(_into: Uint8Array): number {
    return fail('EISDIR');
  }

  override write(_from: Uint8Array): number {
    return fail('EBADF');
  }

  /** The entry at the current position, which stays; undefined at the end. Its cookie is `position + 1`. */
  peek(): DirectoryEntry | undefined {
    if (this.#entries === undefined) {
      if (this.place?.deleted) fail('ENOENT');
      this.#entries = this.source.list(this);
    }
    return this.#entries[this.position];
  }

  advance(): void {
    this.position++;
  }

  override seek(offset: number, whence: 'set' | 'current' | 'end' | 'data' | 'hole'): number {
    let target = offset;
    if (whence === 'current') target += this.position;
    else if (whence !== 'set') fail('EINVAL');
    if (target < 0) fail('EINVAL');
    // Rewinding shows what has changed since.
    if (target === 0) this.#entries = undefined;
    this.position = target;
    return target;
  }

  /** What the directory holds now, for callers inside the kernel. */
  list(): DirectoryEntry[] {
    return this.source.list(this);
  }
}

/** O_PATH: good for stat, *at calls and /proc/self/fd, for nothing else. */
export class PathFile extends NamedFile {
  readonly kind = 'path';

  constructor(source: NameSource, seen: Stat) {
    super(source, seen);
    this.readable = false;
  }

  override read(_into: Uint8Array): number {
    return fail('EBADF');
  }

  override write(_from: Uint8Array): number {
    return fail('EBADF');
  }

  override seek(): number {
    return fail('EBADF');
  }

  override truncate(): void {
    fail('EBADF');
  }

  override readiness(): number {
    return 0;
  }
}
