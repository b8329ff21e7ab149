/** A writable layer over a tree that is only read: copy-up on the first change, hidden names for what was removed, merged listings. The upper layer has the tree's own paths, so it shows by itself what has changed. */
import { fail, GuestError } from '../base/failures.ts';
import type { Attributes, DirectoryEntry, HostFile, HostFs, HostOpen, Stat } from './host.ts';

/** New files get inode numbers from here on, out of the way of the lower tree's. */
const UPPER_INODES = 2 ** 44;
/** Numbers for files of the lower tree that lie on another device than its root. */
const FOREIGN_INODES = 2 ** 45;
const OVERLAYFS_MAGIC = 0x794c7630;

let overlays = 0;

export class OverlayFs implements HostFs {
  readonly name = 'overlay';
  readonly readOnly = false;
  readonly checksPermissions: boolean;
  readonly createsAs: { uid: number; gid: number } | undefined;
  readonly device: number;
  readonly #lower: HostFs;
  readonly #upper: HostFs;
  readonly #lowerDevice: number;
  /** Paths where the lower tree, with all that is below, is no longer seen: removed, or replaced. */
  readonly #hidden = new Set<string>();
  /** Inode number in the upper layer → the number the file had before it was copied up. */
  readonly #inodes = new Map<number, number>();
  readonly #foreign = new Map<string, number>();
  /** Files opened before they were copied up: they move to the copy. By identity of the lower file. */
  readonly #open = new Map<unknown, Set<OverlayFile>>();
  /** Identity of an upper file → identity it had as a lower one. */
  readonly #identities = new Map<unknown, unknown>();
  readonly #objects = new WeakMap<object, string>();
  #objectCount = 0;

  constructor(lower: HostFs, upper: HostFs) {
    this.#lower = lower;
    this.#upper = upper;
    this.device = 0x1000 + overlays++;
    this.#lowerDevice = lower.lstat('/').dev;
    // Copy-up needs only the right to read, so bits are checked by the host for the lower tree and by nobody above.
    this.checksPermissions = lower.checksPermissions ?? false;
    this.createsAs = upper.createsAs;
    const root = lower.lstat('/');
    upper.chmod('/', root.mode);
    upper.chown('/', root.uid, root.gid);
    upper.utimes('/', root.atime, root.mtime);
    this.#inodes.set(upper.lstat('/').ino, this.#lowerInode(root));
  }

  open(path: string, how: HostOpen): HostFile {
    const above = this.#upper.look(path);
    if (above === undefined) {
      const below = this.#below(path);
      if (below !== undefined) {
        if (how.create && how.exclusive) fail('EEXIST');
        if (!how.write && !how.truncate) return this.#openLower(path);
        this.#copyUp(path, below, how.truncate === true);
      } else {
        if (!how.create) fail('ENOENT');
        this.#makeParents(path);
      }
    }
    return this.#openUpper(path, how);
  }

  lstat(path: string): Stat {
    return this.look(path) ?? fail('ENOENT');
  }

  look(path: string): Stat | undefined {
    const above = this.#upper.look(path);
    if (above !== undefined) return this.#describeUpper(path, above);
    const below = this.#below(path);
    return below === undefined ? undefined : this.#describeLower(below);
  }

  plain(path: string): boolean {
    try {
      const above = this.#upper.look(path);
      if (above !== undefined) return above.type === 'directory' && (this.#upper.plain?.(path) ?? false);
    } catch (error) {
      // Something on the way is no directory above, whatever it is below.
      if (error instanceof GuestError) return false;
      throw error;
    }
    return this.#seesLower(path) && (this.#lower.plain?.(path) ?? false);
  }

  readdir(path: string): DirectoryEntry[] {
    const above = this.#upper.look(path);
    if (above !== undefined && above.type !== 'directory') fail('ENOTDIR');
    const entries: DirectoryEntry[] = [];
    const names = new Set<string>();
    if (above !== undefined) {
      for (const { name, type, ino } of this.#upper.readdir(path)) {
        names.add(name);
        entries.push({ name, type, ino: this.#upperInode(ino) });
      }
    }
    const below = this.#below(path);
    if (below === undefined && above === undefined) fail('ENOENT');
    if (below === undefined || (above !== undefined && below.type !== 'directory')) return entries;
    const prefix = path === '/' ? '/' : `${path}/`;
    for (const entry of this.#lower.readdir(path)) {
      if (!names.has(entry.name) && !this.#hidden.has(prefix + entry.name)) entries.push(entry);
    }
    return entries;
  }

  readlink(path: string): string {
    const above = this.#upper.look(path);
    if (above !== undefined) return this.#upper.readlink(path);
    if (!this.#seesLower(path)) fail('ENOENT');
    return this.#lower.readlink(path);
  }

  mkdir(path: string, mode: number): void {
    this.#mustBeFree(path);
    this.#upper.mkdir(path, mode);
  }

  rmdir(path: string): void {
    const stat = this.lstat(path);
    if (stat.type !== 'directory') fail('ENOTDIR');
    if (this.readdir(path).length > 0) fail('ENOTEMPTY');
    this.#remove(path);
  }

  unlink(path: string): void {
    if (this.lstat(path).type === 'directory') fail('EISDIR');
    this.#remove(path);
  }

  rename(from: string, to: string): void {
    const moved = this.lstat(from);
    const replaced = this.look(to);
    if (replaced !== undefined) {
      if (moved.type === 'directory') {
        if (replaced.type !== 'directory') fail('ENOTDIR');
        if (this.readdir(to).length > 0) fail('ENOTEMPTY');
      } else if (replaced.type === 'directory') fail('EISDIR');
      else if (replaced.ino === moved.ino) return;
    }
    this.#copyUpTree(from);
    this.#makeParents(to);
    const hadFrom = this.#below(from) !== undefined;
    const hadTo = this.#below(to) !== undefined;
    if (replaced !== undefined) this.#forget(to);
    this.#upper.rename(from, to);
    if (hadFrom) this.#hide(from);
    if (hadTo) this.#hide(to);
  }

  exchange(a: string, b: string): void {
    this.#copyUpTree(a);
    this.#copyUpTree(b);
    const upper = this.#upper;
    if (upper.exchange !== undefined) upper.exchange(a, b);
    else {
      const parking = `${a}.exchange`;
      upper.rename(a, parking);
      upper.rename(b, a);
      upper.rename(parking, b);
    }
    for (const path of [a, b]) if (this.#below(path) !== undefined) this.#hide(path);
  }

  link(existing: string, path: string): void {
    if (this.lstat(existing).type === 'directory') fail('EPERM');
    this.#mustBeFree(path);
    this.#own(existing);
    this.#upper.link(existing, path);
  }

  symlink(target: string, path: string): void {
    this.#mustBeFree(path);
    this.#upper.symlink(target, path);
  }

  mknod(path: string, type: Stat['type'], mode: number, rdev: number): void {
    this.#mustBeFree(path);
    this.#upper.mknod(path, type, mode, rdev);
  }

  chmod(path: string, mode: number): void {
    this.#own(path);
    this.#upper.chmod(path, mode);
  }

  chown(path: string, uid: number, gid: number): void {
    this.#own(path);
    this.#upper.chown(path, uid, gid);
  }

  utimes(path: string, atime: bigint | undefined, mtime: bigint | undefined): void {
    this.#own(path);
    this.#upper.utimes(path, atime, mtime);
  }

  attributes(path: string, change: boolean): Attributes | undefined {
    if (change) this.#own(path);
    const layer = this.#upper.look(path) === undefined ? this.#lower : this.#upper;
    return layer.attributes?.(path, change) ?? new Map();
  }

  statfs(): ReturnType<HostFs['statfs']> {
    return { ...this.#upper.statfs(), type: OVERLAYFS_MAGIC };
  }

  // For the files this back end opened

  /** The file behind a lower one that is to be changed: its copy, made under its name or, when the name is gone, without one. */
  ownOpened(file: OverlayFile, path: string): void {
    const current = this.look(path);
    if (current !== undefined && this.#below(path) !== undefined && this.#upper.look(path) === undefined) {
      const probe = this.#lower.open(path, { read: true, write: false });
      const same = probe.identity === file.layer.identity;
      probe.close();
      if (same) {
        this.#copyUp(path, this.#below(path)!, false);
        return;
      }
    }
    const nameless = `/.copy-${Date.now().toString(36)}-${this.#objectCount++}`;
    const copy = this.#upper.open(nameless, { read: true, write: true, create: true, exclusive: true, mode: 0o600 });
    this.#upper.unlink(nameless);
    copyBytes(file.layer, copy);
    copyAttributes(file.layer, copy);
    copyMetadata(file.layer.stat(), copy);
    this.#moveOpened(file.layer, () => copy);
  }

  describe(file: HostFile, upper: boolean): Stat {
    const stat = file.stat();
    return upper ? this.#toOverlay(stat, this.#upperInode(stat.ino)) : this.#describeLower(stat);
  }

  /** Unique among all overlays, and the same before and after copy-up. */
  identityOf(file: HostFile, upper: boolean): unknown {
    const own = upper ? (this.#identities.get(file.identity) ?? file.identity) : file.identity;
    if (typeof own === 'object' && own !== null) {
      let name = this.#objects.get(own);
      if (name === undefined) {
        name = `#${this.#objectCount++}`;
        this.#objects.set(own, name);
      }
      return `overlay ${this.device} ${name}`;
    }
    return `overlay ${this.device} ${String(own)}`;
  }

  closed(file: OverlayFile): void {
    const files = this.#open.get(file.layer.identity);
    files?.delete(file);
    if (files?.size === 0) this.#open.delete(file.layer.identity);
  }

  // Layers

  /** No removed or replaced name on the way: the lower tree shows here. */
  #seesLower(path: string): boolean {
    const hidden = this.#hidden;
    if (hidden.size === 0) return true;
    for (let end = path.indexOf('/', 1); end !== -1; end = path.indexOf('/', end + 1)) {
      if (hidden.has(path.slice(0, end))) return false;
    }
    return !hidden.has(path);
  }

  #below(path: string): Stat | undefined {
    return this.#seesLower(path) ? this.#lower.look(path) : undefined;
  }

  #hide(path: string): void {
    const prefix = `${path}/`;
    for (const inner of this.#hidden) if (inner.startsWith(prefix)) this.#hidden.delete(inner);
    this.#hidden.add(path);
  }

  #remove(path: string): void {
    const above = this.#upper.look(path);
    const below = this.#below(path);
    // Its directory's times change, so the directory must be ours.
    this.#makeParents(path);
    if (above !== undefined) {
      this.#forget(path);
      if (above.type === 'directory') this.#upper.rmdir(path);
      else this.#upper.unlink(path);
    }
    if (below !== undefined) {
      this.#hide(path);
      if (above === undefined) this.#upper.utimes(parentOf(path), undefined, this.#present(parentOf(path)));
    }
  }

  /** The upper layer's idea of now: what it stamps a change with. */
  #present(directory: string): bigint {
    const { mode } = this.#upper.lstat(directory);
    this.#upper.chmod(directory, mode);
    return this.#upper.lstat(directory).ctime;
  }

  /** An upper inode loses a name, perhaps its last. */
  #forget(path: string): void {
    const stat = this.#upper.look(path);
    if (stat !== undefined && (stat.type === 'directory' || stat.nlink === 1)) this.#inodes.delete(stat.ino);
  }

  #mustBeFree(path: string): void {
    if (this.look(path) !== undefined) fail('EEXIST');
    this.#makeParents(path);
  }

  #makeParents(path: string): void {
    const parent = parentOf(path);
    if (this.#upper.look(parent) === undefined) this.#copyUp(parent, this.#below(parent) ?? fail('ENOENT'), false);
  }

  /** Make sure the upper layer has `path` itself. */
  #own(path: string): void {
    if (this.#upper.look(path) !== undefined) return;
    this.#copyUp(path, this.#below(path) ?? fail('ENOENT'), false);
  }

  #copyUpTree(path: string): void {
    this.#own(path);
    if (this.lstat(path).type !== 'directory') return;
    for (const { name } of this.readdir(path)) this.#copyUpTree(`${path}/${name}`);
  }

  #copyUp(path: string, stat: Stat, empty: boolean): void {
    const upper = this.#upper;
    this.#makeParents(path);
    const parent = parentOf(path);
    const before = upper.lstat(parent);
    switch (stat.type) {
      case 'directory':
        upper.mkdir(path, stat.mode);
        break;
      case 'symlink':
        upper.symlink(this.#lower.readlink(path), path);
        break;
      case 'file':
        this.#copyFile(path, stat, empty);
        break;
      default:
        upper.mknod(path, stat.type, stat.mode, stat.rdev);
    }
    upper.chown(path, stat.uid, stat.gid);
    if (stat.type !== 'symlink') upper.chmod(path, stat.mode);
    upper.utimes(path, stat.atime, stat.mtime);
    // The name was there before: its directory has not changed.
    upper.utimes(parent, before.atime, before.mtime);
    this.#inodes.set(upper.lstat(path).ino, this.#lowerInode(stat));
  }

  #copyFile(path: string, stat: Stat, empty: boolean): void {
    const from = this.#lower.open(path, { read: true, write: false });
    const to = this.#upper.open(path, { read: true, write: true, create: true, exclusive: true, mode: stat.mode });
    if (!empty) copyBytes(from, to);
    copyAttributes(from, to);
    this.#moveOpened(from, () => this.#upper.open(path, { read: true, write: true }));
    to.close();
    from.close();
  }

  #moveOpened(lower: HostFile, open: () => HostFile): void {
    const opened = this.#open.get(lower.identity);
    const sample = open();
    this.#identities.set(sample.identity, lower.identity);
    if (opened !== undefined) {
      this.#open.delete(lower.identity);
      for (const file of opened) file.moveUp(open());
    }
    if (opened === undefined || opened.size === 0) sample.close();
  }

  #openLower(path: string): HostFile {
    const layer = this.#lower.open(path, { read: true, write: false });
    const file = new OverlayFile(this, path, layer, false);
    const others = this.#open.get(layer.identity);
    if (others === undefined) this.#open.set(layer.identity, new Set([file]));
    else others.add(file);
    return file;
  }

  #openUpper(path: string, how: HostOpen): HostFile {
    return new OverlayFile(this, path, this.#upper.open(path, how), true);
  }

  #upperInode(ino: number): number {
    return this.#inodes.get(ino) ?? UPPER_INODES + ino;
  }

  #lowerInode(stat: Stat): number {
    if (stat.dev === this.#lowerDevice) return stat.ino;
    const key = `${stat.dev}:${stat.ino}`;
    let ino = this.#foreign.get(key);
    if (ino === undefined) {
      ino = FOREIGN_INODES + this.#foreign.size;
      this.#foreign.set(key, ino);
    }
    return ino;
  }

  #describeLower(stat: Stat): Stat {
    return this.#toOverlay(stat, this.#lowerInode(stat));
  }

  #describeUpper(path: string, stat: Stat): Stat {
    const described = this.#toOverlay(stat, this.#upperInode(stat.ino));
    // As overlayfs: a merged directory does not know its links, which 1 says to whoever counts.
    if (stat.type === 'directory' && this.#seesLower(path) && this.#inodes.has(stat.ino)) described.nlink = 1;
    // The root is in both layers from the start; as long as the upper one holds no directory it has the lower's links.
    else if (path === '/' && this.#seesLower(path)) {
      described.nlink = stat.nlink === 2 ? this.#lower.lstat(path).nlink : 1;
    }
    return described;
  }

  #toOverlay(stat: Stat, ino: number): Stat {
    stat.dev = this.device;
    stat.ino = ino;
    return stat;
  }
}

/** An open file of either layer; a lower one moves to its copy when that is made. */
class OverlayFile implements HostFile {
  layer: HostFile;
  readonly #fs: OverlayFs;
  readonly #path: string;
  #upper: boolean;
  #identity: unknown;

  constructor(owner: OverlayFs, path: string, layer: HostFile, upper: boolean) {
    this.#fs = owner;
    this.#path = path;
    this.layer = layer;
    this.#upper = upper;
  }

  moveUp(copy: HostFile): void {
    this.#identity = this.identity;
    this.layer.close();
    this.layer = copy;
    this.#upper = true;
  }

  get identity(): unknown {
    this.#identity ??= this.#fs.identityOf(this.layer, this.#upper);
    return this.#identity;
  }

  read(into: Uint8Array, position: number): number {
    return this.layer.read(into, position);
  }

  write(from: Uint8Array, position: number): number {
    this.#own();
    return this.layer.write(from, position);
  }

  size(): number {
    return this.layer.size();
  }

  stat(): Stat {
    return this.#fs.describe(this.layer, this.#upper);
  }

  truncate(size: number): void {
    this.#own();
    this.layer.truncate(size);
  }

  next(position: number, what: 'data' | 'hole'): number | undefined {
    return this.layer.next?.(position, what);
  }

  allocate(from: number, to: number): void {
    this.#own();
    this.layer.allocate?.(from, to);
  }

  punch(from: number, to: number): boolean {
    this.#own();
    return this.layer.punch?.(from, to) ?? false;
  }

  chmod(mode: number): void {
    this.#own();
    this.layer.chmod(mode);
  }

  chown(uid: number, gid: number): void {
    this.#own();
    this.layer.chown(uid, gid);
  }

  utimes(atime: bigint | undefined, mtime: bigint | undefined): void {
    this.#own();
    this.layer.utimes(atime, mtime);
  }

  attributes(change: boolean): Attributes | undefined {
    if (change) this.#own();
    return this.layer.attributes?.(change) ?? new Map();
  }

  sync(): void {
    if (this.#upper) this.layer.sync();
  }

  close(): void {
    if (!this.#upper) this.#fs.closed(this);
    this.layer.close();
  }

  #own(): void {
    if (!this.#upper) this.#fs.ownOpened(this, this.#path);
  }
}

function copyBytes(from: HostFile, to: HostFile): void {
  const piece = new Uint8Array(Math.min(1 << 20, Math.max(1, from.size())));
  for (let at = 0; ; ) {
    const n = from.read(piece, at);
    if (n === 0) return;
    for (let done = 0; done < n; ) done += to.write(piece.subarray(done, n), at + done);
    at += n;
  }
}

function copyAttributes(from: HostFile, to: HostFile): void {
  const kept = from.attributes?.(false);
  if (!kept?.size) return;
  for (const [name, value] of kept) to.attributes?.(true)?.set(name, value);
}

function copyMetadata(stat: Stat, to: HostFile): void {
  to.chown(stat.uid, stat.gid);
  to.chmod(stat.mode);
  to.utimes(stat.atime, stat.mtime);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
