/** Files in a memfs Volume, which a library user may share and change at the same time. Works on the Volume's links and nodes themselves: its path calls check the host user's permissions, reuse inode numbers at once, and know no fifos. */
import { Volume } from 'memfs';
import { fail } from '../base/failures.ts';
import { bytesOf } from '../base/text.ts';
import type { Attributes, DirectoryEntry, FileType, HostFile, HostFs, HostOpen, Stat } from './host.ts';
import { MemoryFile, occupied } from './memory-file.ts';

type Core = Volume['_core'];
export type Link = Core['root'];
export type Node = ReturnType<Link['getNode']>;

const S_IFMT = 0o170000;
const FORMATS: Record<FileType, number> = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
};
const TYPES = new Map(Object.entries(FORMATS).map(([type, format]) => [format, type as FileType]));

/** memfs's own kinds of change, told to whoever watches the volume. */
const CREATED = 0;
const DELETED = 1;
const MODIFIED = 2;
const CHANGED = 3;
const MOVED = 4;

/** A Date that knows its nanoseconds; memfs itself keeps milliseconds. */
class ExactDate extends Date {
  readonly ns: bigint;
  constructor(ns: bigint) {
    super(Number(ns / 1_000_000n));
    this.ns = ns;
  }
}

function nanoseconds(date: Date): bigint {
  return date instanceof ExactDate ? date.ns : BigInt(date.getTime()) * 1_000_000n;
}

let nextDevice = 0x40;

export interface MemoryFsOptions {
  /** Where the files are; default: a volume of its own. */
  volume?: Volume;
  /** Whose files are that nobody gives an owner; default 0. */
  uid?: number;
  gid?: number;
  readOnly?: boolean;
  /** Nanoseconds since the epoch. */
  now?: () => bigint;
  /** Bytes all files together may hold before ENOSPC. */
  capacity?: number;
}

export class MemoryFs implements HostFs {
  readonly name = 'memory';
  readonly readOnly: boolean;
  readonly volume: Volume;
  readonly device = nextDevice++;
  readonly capacity: number;
  readonly createsAs: { uid: number; gid: number };
  readonly #now: () => bigint;
  readonly #attributes = new WeakMap<Node, Attributes>();
  #used = 0;

  constructor(options: MemoryFsOptions = {}) {
    this.volume = options.volume ?? new Volume();
    this.createsAs = { uid: options.uid ?? 0, gid: options.gid ?? 0 };
    const root = this.volume._core.root.getNode();
    if (options.volume === undefined) {
      root.mode = FORMATS.directory | 0o755;
      root.uid = this.createsAs.uid;
      root.gid = this.createsAs.gid;
    }
    this.readOnly = options.readOnly ?? false;
    this.capacity = options.capacity ?? 2 ** 32;
    this.#now = options.now ?? (() => BigInt(Date.now()) * 1_000_000n);
  }

  open(path: string, how: HostOpen): HostFile {
    let link = this.#find(path);
    if (link === undefined) {
      if (!how.create) fail('ENOENT');
      link = this.#add(path, 'file', how.mode ?? 0o666);
    } else if (how.create && how.exclusive) fail('EEXIST');
    const node = link.getNode();
    const type = typeOf(node);
    if (type === 'directory') fail('EISDIR');
    if (type === 'symlink') fail('ELOOP');
    const file = new MemoryFile(this, link, node);
    if (how.truncate && node.getSize() > 0) file.truncate(0);
    return file;
  }

  lstat(path: string): Stat {
    return this.describe(this.#get(path).getNode());
  }

  look(path: string): Stat | undefined {
    const link = this.#find(path);
    return link === undefined ? undefined : this.describe(link.getNode());
  }

  plain(path: string): boolean {
    let link: Link | undefined = this.volume._core.root;
    for (let start = 1; start < path.length; ) {
      if (!link.getNode().isDirectory()) return false;
      const end = path.indexOf('/', start);
      link = link.children.get(end === -1 ? path.slice(start) : path.slice(start, end));
      if (link === undefined) return false;
      start = end === -1 ? path.length : end + 1;
    }
    return link.getNode().isDirectory();
  }

  readdir(path: string): DirectoryEntry[] {
    const entries: DirectoryEntry[] = [];
    for (const [name, link] of this.#directory(path).children) {
      if (link === undefined || name === '.' || name === '..') continue;
      const node = link.getNode();
      entries.push({ name, type: typeOf(node), ino: node.ino });
    }
    return entries;
  }

  readlink(path: string): string {
    const node = this.#get(path).getNode();
    if (!node.isSymlink()) fail('EINVAL');
    return node.symlink;
  }

  mkdir(path: string, mode: number): void {
    this.#add(path, 'directory', mode);
  }

  rmdir(path: string): void {
    const link = this.#get(path);
    if (!link.getNode().isDirectory()) fail('ENOTDIR');
    if (hasChildren(link)) fail('ENOTEMPTY');
    if (link === this.volume._core.root) fail('EBUSY');
    this.#remove(link);
  }

  unlink(path: string): void {
    const link = this.#get(path);
    if (link.getNode().isDirectory()) fail('EISDIR');
    this.#remove(link);
  }

  rename(from: string, to: string): void {
    const link = this.#get(from);
    const directory = this.#directory(parentOf(to));
    const replaced = this.#find(to);
    if (replaced === link) return;
    if (replaced !== undefined) {
      const isDirectory = link.getNode().isDirectory();
      if (replaced.getNode() === link.getNode() && !isDirectory) return;
      if (isDirectory && !replaced.getNode().isDirectory()) fail('ENOTDIR');
      if (!isDirectory && replaced.getNode().isDirectory()) fail('EISDIR');
      if (isDirectory && hasChildren(replaced)) fail('ENOTEMPTY');
      this.#remove(replaced);
    }
    this.#move(link, directory, nameOf(to));
  }

  exchange(a: string, b: string): void {
    const first = this.#get(a);
    const second = this.#get(b);
    const home = first.parent!;
    this.#move(first, second.parent!, `${nameOf(b)}\0`);
    this.#move(second, home, nameOf(a));
    this.#move(first, first.parent!, nameOf(b));
  }

  link(existing: string, path: string): void {
    const node = this.#get(existing).getNode();
    if (node.isDirectory()) fail('EPERM');
    const directory = this.#directory(parentOf(path));
    if (directory.children.has(nameOf(path))) fail('EEXIST');
    node.nlink++;
    const link = directory.createChild(nameOf(path), node);
    this.#stamp(node, false);
    this.#stamp(directory.getNode(), true);
    this.#tell(CREATED, link);
  }

  symlink(target: string, path: string): void {
    const node = this.#add(path, 'symlink', 0o777).getNode();
    node.symlink = target;
    node.mode = FORMATS.symlink | 0o777;
  }

  mknod(path: string, type: FileType, mode: number, rdev: number): void {
    this.#add(path, type, mode).getNode().rdev = rdev;
  }

  chmod(path: string, mode: number): void {
    const link = this.#get(path);
    this.setMode(link, link.getNode(), mode);
  }

  chown(path: string, uid: number, gid: number): void {
    const link = this.#get(path);
    this.setOwner(link, link.getNode(), uid, gid);
  }

  utimes(path: string, atime: bigint | undefined, mtime: bigint | undefined): void {
    const link = this.#get(path);
    this.setTimes(link, link.getNode(), atime, mtime);
  }

  attributes(path: string, change: boolean): Attributes {
    return this.attributesOf(this.#get(path).getNode(), change);
  }

  statfs(): ReturnType<HostFs['statfs']> {
    const blockSize = 4096;
    const blocks = Math.floor(this.capacity / blockSize);
    const free = Math.max(0, blocks - Math.ceil(this.#used / blockSize));
    const inodes = Object.keys(this.volume._core.inodes).length;
    // The type of tmpfs, which is what a guest expects of files in memory.
    return { type: 0x01021994, blockSize, blocks, free, files: 1 << 20, filesFree: (1 << 20) - inodes };
  }

  // For the files this back end opened

  describe(node: Node): Stat {
    const type = typeOf(node);
    const size = type === 'symlink' ? bytesOf(node.symlink).length : type === 'directory' ? 4096 : node.getSize();
    // memfs counts '.' and '..' of the root three times more than elsewhere.
    const nlink = node === this.volume._core.root.getNode() ? node.nlink - 3 : node.nlink;
    return {
      type,
      mode: node.mode & 0o7777,
      ino: node.ino,
      dev: this.device,
      nlink: Math.max(0, nlink),
      uid: node.uid,
      gid: node.gid,
      rdev: node.rdev,
      size,
      blksize: 4096,
      blocks: type === 'file' ? Math.ceil(occupied(node) / 4096) * 8 : 0,
      atime: nanoseconds(node.atime),
      mtime: nanoseconds(node.mtime),
      ctime: nanoseconds(node.ctime),
      birthtime: nanoseconds(node.btime),
    };
  }

  setMode(link: Link, node: Node, mode: number): void {
    node.mode = (node.mode & S_IFMT) | (mode & 0o7777);
    this.#stamp(node, false);
    this.#tell(CHANGED, link);
  }

  setOwner(link: Link, node: Node, uid: number, gid: number): void {
    node.uid = uid;
    node.gid = gid;
    this.#stamp(node, false);
    this.#tell(CHANGED, link);
  }

  setTimes(link: Link, node: Node, atime: bigint | undefined, mtime: bigint | undefined): void {
    if (atime !== undefined) node.atime = new ExactDate(atime);
    if (mtime !== undefined) node.mtime = new ExactDate(mtime);
    this.#stamp(node, false);
    this.#tell(CHANGED, link);
  }

  attributesOf(node: Node, change: boolean): Attributes {
    let attributes = this.#attributes.get(node);
    if (attributes === undefined) {
      attributes = new Map();
      this.#attributes.set(node, attributes);
    }
    if (change) this.#stamp(node, false);
    return attributes;
  }

  /** Files are about to take so many bytes more: ENOSPC when they may not. */
  reserve(more: number): void {
    if (more > 0 && this.#used + more > this.capacity) fail('ENOSPC');
  }

  changed(link: Link, node: Node, grownBy: number): void {
    this.#used = Math.max(0, this.#used + grownBy);
    this.#stamp(node, true);
    this.#tell(MODIFIED, link);
  }

  #find(path: string): Link | undefined {
    let link: Link = this.volume._core.root;
    if (path === '/') return link;
    for (let start = 1; ; ) {
      const end = path.indexOf('/', start);
      if (!link.getNode().isDirectory()) fail('ENOTDIR');
      const next = link.children.get(end === -1 ? path.slice(start) : path.slice(start, end));
      if (next === undefined || end === -1) return next;
      link = next;
      start = end + 1;
    }
  }

  #get(path: string): Link {
    return this.#find(path) ?? fail('ENOENT');
  }

  #directory(path: string): Link {
    const link = this.#get(path);
    if (!link.getNode().isDirectory()) fail('ENOTDIR');
    return link;
  }

  #add(path: string, type: FileType, mode: number): Link {
    const directory = this.#directory(parentOf(path));
    const name = nameOf(path);
    if (directory.children.has(name)) fail('EEXIST');
    const core = this.volume._core;
    const node = core.createNode(FORMATS[type] | (mode & 0o7777));
    const home = directory.getNode();
    const inherits = (home.mode & 0o2000) !== 0;
    node.uid = this.createsAs.uid;
    node.gid = inherits ? home.gid : this.createsAs.gid;
    if (inherits && type === 'directory') node.mode |= 0o2000;
    const link = directory.createChild(name, node);
    const now = this.#stamp(node, true);
    node.atime = now;
    node.btime = now;
    this.#stamp(home, true);
    this.#tell(CREATED, link);
    return link;
  }

  #remove(link: Link): void {
    const node = link.getNode();
    const parent = link.parent!;
    this.#tell(DELETED, link);
    parent.deleteChild(link);
    node.nlink -= node.isDirectory() ? 2 : 1;
    this.#stamp(node, false);
    this.#stamp(parent.getNode(), true);
    // The number is not handed back to memfs: an open file may still carry it.
    if (node.nlink <= 0) {
      if (typeOf(node) === 'file') this.#used = Math.max(0, this.#used - occupied(node));
      node.del();
      delete this.volume._core.inodes[node.ino];
    }
  }

  #move(link: Link, directory: Link, name: string): void {
    const oldSteps = link.steps;
    const oldHome = link.parent!;
    oldHome.deleteChild(link);
    link.name = name;
    link.steps = [...directory.steps, name];
    directory.setChild(name, link);
    this.#stamp(oldHome.getNode(), true);
    this.#stamp(directory.getNode(), true);
    this.#stamp(link.getNode(), false);
    this.#tell(MOVED, link, oldSteps);
  }

  /** Set the change time, and the modification time with it where the contents changed. */
  #stamp(node: Node, contents: boolean): Date {
    const now = new ExactDate(this.#now());
    if (contents) node.mtime = now;
    node.ctime = now;
    return now;
  }

  #tell(type: number, link: Link, oldSteps?: string[]): void {
    const event = { type, steps: link.steps, node: link.getNode(), link, oldSteps };
    this.volume._core.changes.emit(event as Parameters<Core['changes']['emit']>[0]);
  }
}

function typeOf(node: Node): FileType {
  return TYPES.get(node.mode & S_IFMT) ?? 'file';
}

function hasChildren(link: Link): boolean {
  for (const name of link.children.keys()) if (name !== '.' && name !== '..') return true;
  return false;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
