/** A read-only file system made of nodes that compute what they show: the frame of /dev and /proc, which supply the nodes. */

import { fail } from '../base/failures.ts';
import { bytesOf } from '../base/text.ts';
import type { DirectoryEntry, FileType, HostFile, HostOpen, Stat } from '../host/host.ts';
import type { KernelFs, Place } from './mounts.ts';
import type { OpenFile } from './open-file.ts';

interface Owned {
  mode?: number;
  uid?: number;
  gid?: number;
}

export interface SyntheticDirectory extends Owned {
  readonly kind: 'directory';
  names(): Iterable<string>;
  find(name: string): SyntheticNode | undefined;
}

export interface SyntheticFile extends Owned {
  readonly kind: 'file';
  read(): string | Uint8Array;
  /** What one write call brings. */
  write?(bytes: Uint8Array): void;
}

export interface SyntheticLink extends Owned {
  readonly kind: 'symlink';
  target(): string;
  /** Where it leads in truth, when the text alone does not (deleted files, pipes). */
  magic?(): Place | OpenFile | undefined;
}

export interface SyntheticDevice extends Owned {
  readonly kind: 'character' | 'block';
  readonly rdev: number;
}

export type SyntheticNode = SyntheticDirectory | SyntheticFile | SyntheticLink | SyntheticDevice;

/** A directory whose entries are all known beforehand. */
export function directory(entries: Record<string, SyntheticNode>, mode = 0o555): SyntheticDirectory {
  const map = new Map(Object.entries(entries));
  return { kind: 'directory', mode, names: () => map.keys(), find: (name) => map.get(name) };
}

export function text(read: () => string | Uint8Array, mode = 0o444): SyntheticFile {
  return { kind: 'file', mode, read };
}

export function link(target: () => string): SyntheticLink {
  return { kind: 'symlink', mode: 0o777, target };
}

let nextDevice = 0x20;

export class SyntheticFs implements KernelFs {
  readonly name: string;
  readonly readOnly = false;
  readonly #root: SyntheticDirectory;
  readonly #magic: number;
  readonly #now: () => bigint;
  readonly #device = nextDevice++;
  /** Inode numbers of the nodes that were looked at. */
  readonly #inodes = new Map<string, number>();

  constructor(name: string, root: SyntheticDirectory, magic: number, now: () => bigint) {
    this.name = name;
    this.#root = root;
    this.#magic = magic;
    this.#now = now;
  }

  open(path: string, how: HostOpen): HostFile {
    const node = this.#get(path);
    if (node.kind !== 'file') return fail(node.kind === 'directory' ? 'EISDIR' : 'ENXIO');
    if (how.write && node.write === undefined) fail('EACCES');
    return new ComputedFile(node, () => this.#describe(path, node));
  }

  lstat(path: string): Stat {
    return this.#describe(path, this.#get(path));
  }

  look(path: string): Stat | undefined {
    const node = this.#find(path);
    return node === undefined ? undefined : this.#describe(path, node);
  }

  plain(path: string): boolean {
    return this.#find(path)?.kind === 'directory';
  }

  readdir(path: string): DirectoryEntry[] {
    const node = this.#get(path);
    if (node.kind !== 'directory') return fail('ENOTDIR');
    const entries: DirectoryEntry[] = [];
    const prefix = path === '/' ? '/' : `${path}/`;
    for (const name of node.names()) {
      const child = node.find(name);
      if (child !== undefined) entries.push({ name, type: child.kind, ino: this.#inode(prefix + name) });
    }
    return entries;
  }

  readlink(path: string): string {
    const node = this.#get(path);
    return node.kind === 'symlink' ? node.target() : fail('EINVAL');
  }

  magic(path: string): Place | OpenFile | undefined {
    const node = this.#find(path);
    return node?.kind === 'symlink' ? node.magic?.() : undefined;
  }

  statfs(): ReturnType<KernelFs['statfs']> {
    return { type: this.#magic, blockSize: 4096, blocks: 0, free: 0, files: 0, filesFree: 0 };
  }

  mkdir(): void {
    fail('EPERM');
  }
  rmdir(): void {
    fail('EPERM');
  }
  unlink(): void {
    fail('EPERM');
  }
  rename(): void {
    fail('EPERM');
  }
  link(): void {
    fail('EPERM');
  }
  symlink(): void {
    fail('EPERM');
  }
  mknod(): void {
    fail('EPERM');
  }
  chmod(): void {
    fail('EPERM');
  }
  chown(): void {
    fail('EPERM');
  }
  /** Accepted and without effect: times here are always the present. */
  utimes(): void {}

  #get(path: string): SyntheticNode {
    return this.#find(path) ?? fail('ENOENT');
  }

  #find(path: string): SyntheticNode | undefined {
    let node: SyntheticNode | undefined = this.#root;
    if (path === '/') return node;
    for (const name of path.slice(1).split('/')) {
      if (node === undefined || node.kind !== 'directory') return undefined;
      node = node.find(name);
    }
    return node;
  }

  #inode(path: string): number {
    let ino = this.#inodes.get(path);
    if (ino === undefined) {
      ino = this.#inodes.size + 1;
      this.#inodes.set(path, ino);
    }
    return ino;
  }

  #describe(path: string, node: SyntheticNode): Stat {
    const now = this.#now();
    return {
      type: node.kind as FileType,
      mode: node.mode ?? (node.kind === 'directory' ? 0o555 : 0o444),
      ino: this.#inode(path),
      dev: this.#device,
      nlink: node.kind === 'directory' ? 2 : 1,
      uid: node.uid ?? 0,
      gid: node.gid ?? 0,
      rdev: node.kind === 'character' || node.kind === 'block' ? node.rdev : 0,
      size: node.kind === 'symlink' ? 64 : 0,
      blksize: 1024,
      blocks: 0,
      atime: now,
      mtime: now,
      ctime: now,
      birthtime: now,
    };
  }
}

/** The text as it was when reading began; reading from the start again shows the present. */
class ComputedFile implements HostFile {
  readonly #node: SyntheticFile;
  readonly #stat: () => Stat;
  #bytes: Uint8Array | undefined;

  constructor(node: SyntheticFile, stat: () => Stat) {
    this.#node = node;
    this.#stat = stat;
  }

  get identity(): unknown {
    return this;
  }

  read(into: Uint8Array, position: number): number {
    if (this.#bytes === undefined || position === 0) {
      const content = this.#node.read();
      this.#bytes = typeof content === 'string' ? bytesOf(content) : content;
    }
    const piece = this.#bytes.subarray(position, position + into.length);
    into.set(piece);
    return piece.length;
  }

  write(from: Uint8Array): number {
    if (this.#node.write === undefined) return fail('EINVAL');
    this.#node.write(from);
    return from.length;
  }

  size(): number {
    return 0;
  }

  stat(): Stat {
    return this.#stat();
  }

  /** O_TRUNC on a setting is no wish to empty it. */
  truncate(): void {}

  chmod(): void {
    fail('EPERM');
  }
  chown(): void {
    fail('EPERM');
  }
  utimes(): void {}
  sync(): void {}
  close(): void {}
}
