/** The virtual file system: every operation on names, over mounts.ts and path-walk.ts; bytes and metadata belong to the host back ends, descriptors to FdTable. */
import { fail } from '../base/failures.ts';
import type { Attributes, FileType, HostFile, HostFs, Stat } from '../host/host.ts';
import { DirectoryFile, type NameSource, PathFile } from './directory-file.ts';
import { FsContext } from './fs-context.ts';
import type { Mount, MountOptions, Place, Places } from './mounts.ts';
import { type LookUp, Names } from './names.ts';
import type { OpenFile } from './open-file.ts';
import type { Found } from './path-walk.ts';
import { permits, type Want } from './permissions.ts';
import { RegularFile } from './regular-file.ts';

export { FsContext } from './fs-context.ts';
export type { MountOptions } from './mounts.ts';
export { type LookUp, ON_BASE } from './names.ts';

/** What open is asked for, symbolic. Neither read nor write with `path`: only a name to hang other calls on (O_PATH). */
export interface OpenHow {
  read?: boolean;
  write?: boolean;
  create?: boolean;
  exclusive?: boolean;
  truncate?: boolean;
  append?: boolean;
  directory?: boolean;
  /** Fail ELOOP when the last component is a link. */
  nofollow?: boolean;
  path?: boolean;
  tmpfile?: boolean;
  nonblock?: boolean;
  /** Do not make a terminal the controlling one. */
  noctty?: boolean;
  sync?: boolean;
  /** Permission bits of a file to create, before the umask. */
  mode?: number;
}

/** A time to set: nanoseconds since the epoch, the present, or unchanged. */
export type NewTime = bigint | 'now' | undefined;

export interface FsStat {
  type: number;
  blockSize: number;
  blocks: number;
  free: number;
  files: number;
  filesFree: number;
  readOnly: boolean;
}

/** What the VFS leaves to other parts of the kernel. */
export interface VfsOptions {
  /** Nanoseconds since the epoch, for utimes 'now'. */
  now?: () => bigint;
  /** Opens a device node by its number; undefined: no such device (ENXIO). */
  openDevice?: (type: 'character' | 'block', rdev: number, how: OpenHow) => OpenFile | undefined;
  /** Opens a named pipe; the pipe is known by the node's device and inode number. */
  openFifo?: (node: Stat, how: OpenHow) => OpenFile;
}

type Base = OpenFile | undefined;

const MODE_BITS = 0o7777;

/** `base`: the open directory a relative path starts from (dirfd), undefined for the current directory. Paths are the guest's, as strings. All fail with symbolic errors. */
export class Vfs {
  readonly #names = new Names();
  readonly mounts = this.#names.mounts;
  /** Where device nodes and named pipes lead; the composition root fills them in. */
  openDevice: NonNullable<VfsOptions['openDevice']>;
  openFifo: NonNullable<VfsOptions['openFifo']>;
  readonly #events = this.#names.places.events;
  readonly #now: () => bigint;
  readonly #source: NameSource;
  #unnamed = 0;

  constructor(options: VfsOptions = {}) {
    this.#now = options.now ?? (() => BigInt(Date.now()) * 1_000_000n);
    this.openDevice = options.openDevice ?? (() => undefined);
    this.openFifo = options.openFifo ?? (() => fail('ENXIO'));
    this.#source = {
      stat: (file) => this.#names.statOf(file.place!),
      list: (file) => this.#names.list(file.place!),
    };
  }

  /** Show `fs` at the guest path `at` (absolute, no links). A later mount at the same place hides the earlier one. */
  mount(at: string, fs: HostFs, options: MountOptions = {}): Mount {
    return this.mounts.add(at, fs, options);
  }

  unmount(mount: Mount): void {
    this.mounts.remove(mount);
  }

  /** The names in use, for who watches one (inotify). */
  get places(): Places {
    return this.#names.places;
  }

  /** The name a path leads to, held until `places.letGo`. */
  hold(context: FsContext, base: Base, path: string, how: { follow: boolean; directory: boolean }) {
    const found = this.#names.existing(context, base, path, { follow: how.follow });
    if (how.directory && found.stat!.type !== 'directory') fail('ENOTDIR');
    this.#names.demand(context, found, { read: true });
    return { place: this.#names.hold(found.mount, found.path), ino: found.stat!.ino };
  }

  /** A context at `cwd`, with '/' as its root. */
  context(cwd = '/'): FsContext {
    const place = this.#names.hold(this.mounts.find('/') ?? fail('ENOENT'), '/');
    const context = new FsContext(this.#names.places, place, place);
    this.#names.places.letGo(place);
    if (cwd !== '/') this.chdir(context, undefined, cwd);
    return context;
  }

  // Opening

  open(context: FsContext, base: Base, path: string, how: OpenHow): OpenFile {
    if (how.tmpfile) return this.#openUnnamed(context, base, path, how);
    if (how.create && path.endsWith('/')) {
      // Whatever is there or not: a path that says directory cannot be created by open.
      this.#names.find(context, base, path, { follow: 'never' });
      fail('EISDIR');
    }
    const follow = !how.nofollow && !(how.create && how.exclusive);
    const found = this.#names.find(context, base, path, { follow });
    const stat = found.stat;
    if (found.file !== undefined && !how.path) {
      if (how.create && how.exclusive) fail('EEXIST');
      if (how.directory && stat!.type !== 'directory') fail('ENOTDIR');
      if (stat!.type !== 'directory') return found.file.reopen(how);
    }
    if (found.deleted) fail('ENOENT');
    if (stat === undefined) {
      if (!how.create) fail('ENOENT');
      return this.#create(context, found, how);
    }
    if (how.create && how.exclusive) fail('EEXIST');
    if (how.directory && stat.type !== 'directory') fail('ENOTDIR');
    if (how.create && how.directory) fail('EINVAL');
    if (how.path) return this.#names.named(found, new PathFile(this.#source, stat));
    if (stat.type === 'symlink') fail('ELOOP');
    if (stat.type === 'directory') {
      if (how.write || how.create || how.truncate) fail('EISDIR');
      this.#names.demand(context, found, { read: true });
      const directory = new DirectoryFile(this.#source, stat);
      directory.nonblocking = how.nonblock ?? false;
      return this.#names.named(found, directory);
    }
    this.#names.demand(context, found, { read: how.read, write: how.write || how.truncate });
    const special = found.mount.fs.openFile?.(found.path, how);
    if (special !== undefined) return this.#names.named(found, special);
    switch (stat.type) {
      case 'file':
        if (how.write || how.truncate) this.#names.demandWritable(found);
        return this.#truncated(this.#regular(found, this.#openHost(found, how), how), how.truncate && stat.size > 0);
      case 'fifo':
        return this.#names.named(found, this.openFifo(stat, how));
      case 'character':
      case 'block':
        return this.#names.named(found, this.openDevice(stat.type, stat.rdev, how) ?? fail('ENXIO'));
      default:
        return fail('ENXIO');
    }
  }

  #truncated(file: RegularFile, happened: boolean | undefined): RegularFile {
    if (happened) this.#events.file(file.place!, 'modify');
    return file;
  }

  #openHost(found: Found, how: OpenHow): HostFile {
    return found.mount.fs.open(found.path, {
      read: how.read ?? false,
      write: how.write ?? false,
      truncate: how.truncate,
    });
  }

  #create(context: FsContext, found: Found, how: OpenHow): OpenFile {
    if (found.slash) fail('EISDIR');
    this.#names.demandWritableParent(context, found);
    const host = found.mount.fs.open(found.path, {
      read: how.read ?? false,
      write: how.write ?? false,
      create: true,
      exclusive: true,
      mode: (how.mode ?? 0) & MODE_BITS & ~context.umask,
    });
    this.#names.own(context, found);
    this.#events.entry(found.mount.fs, found.path, 'create', false);
    return this.#regular(found, host, how);
  }

  #openUnnamed(context: FsContext, base: Base, path: string, how: OpenHow): OpenFile {
    if (!how.write) fail('EINVAL');
    const found = this.#names.find(context, base, path, { follow: true });
    if (found.stat === undefined) fail('ENOENT');
    if (found.stat.type !== 'directory') fail('ENOTDIR');
    this.#names.demandWritable(found);
    const inside = `${found.path === '/' ? '' : found.path}/.unnamed-${Date.now().toString(36)}-${this.#unnamed++}`;
    const mode = (how.mode ?? 0) & MODE_BITS & ~context.umask;
    const host = found.mount.fs.open(inside, { read: true, write: true, create: true, exclusive: true, mode });
    const file = this.#regular({ ...found, path: inside }, host, how);
    found.mount.fs.unlink(inside);
    this.#names.places.removed(found.mount.fs, inside);
    return file;
  }

  #regular(found: Found, host: HostFile, how: OpenHow): RegularFile {
    const file = new RegularFile(host, how, (f, again) => this.#byName(f, again));
    return this.#names.named(found, file);
  }

  /** /proc/self/fd/N of a regular file opens its name afresh while it still has it. */
  #byName(file: RegularFile, how: OpenHow): OpenFile | undefined {
    const place = file.place;
    if (place === undefined || place.deleted) return undefined;
    if ((how.write || how.truncate) && place.mount.readOnly) fail('EROFS');
    const host = place.mount.fs.open(place.path, {
      read: how.read ?? false,
      write: how.write ?? false,
      truncate: false,
    });
    if (host.identity !== file.mapKey) {
      host.close();
      return undefined;
    }
    if (how.truncate) host.truncate(0);
    const found = { mount: place.mount, path: place.path, guest: place.guest };
    return this.#regular(found as Found, host, how);
  }

  // Asking

  stat(context: FsContext, base: Base, path: string, look: LookUp = {}): Stat {
    if (path === '' && look.empty && base !== undefined) return base.stat();
    const found = this.#names.find(context, base, path, { ...look, follow: look.follow ?? true });
    if (found.file !== undefined) return found.file.stat();
    return found.stat ?? fail('ENOENT');
  }

  /** EACCES, EROFS or ENOENT unless the wanted access is there. */
  access(context: FsContext, base: Base, path: string, want: Want, look: LookUp = {}): void {
    const found = this.#names.existing(context, base, path, { ...look, follow: look.follow ?? true });
    const type = found.stat!.type;
    if (want.write && (type === 'file' || type === 'directory')) this.#names.demandWritable(found);
    if (!permits(context, found.stat!, want)) fail('EACCES');
  }

  readlink(context: FsContext, base: Base, path: string): string {
    const found = this.#names.existing(context, base, path, { follow: false, empty: true });
    // An empty path with O_PATH|O_NOFOLLOW names the link itself; otherwise only links can be read.
    if (found.stat!.type !== 'symlink') fail(path === '' ? 'ENOENT' : 'EINVAL');
    return found.mount.fs.readlink(found.path);
  }

  statfs(context: FsContext, base: Base, path: string, look: LookUp = {}): FsStat {
    const found = this.#names.existing(context, base, path, { ...look, follow: look.follow ?? true });
    return { ...found.mount.fs.statfs(), readOnly: found.mount.readOnly };
  }

  // Changing the tree

  mkdir(context: FsContext, base: Base, path: string, mode: number): void {
    const found = this.#names.fresh(context, base, path, true);
    // The set-id bits are not for mkdir to set; the sticky bit is.
    found.mount.fs.mkdir(found.path, mode & 0o1777 & ~context.umask);
    this.#names.own(context, found);
    this.#events.entry(found.mount.fs, found.path, 'create', true);
  }

  rmdir(context: FsContext, base: Base, path: string): void {
    const found = this.#names.find(context, base, path, { follow: 'never' });
    if (found.last === '.') fail('EINVAL');
    if (found.last === '..') fail('ENOTEMPTY');
    if (found.stat === undefined) fail('ENOENT');
    if (found.stat.type !== 'directory') fail('ENOTDIR');
    this.#names.demandWritableParent(context, found, found.stat);
    this.#names.demandNoMount(found);
    found.mount.fs.rmdir(found.path);
    this.#removed(found, true);
  }

  unlink(context: FsContext, base: Base, path: string): void {
    const found = this.#names.find(context, base, path, { follow: 'never' });
    if (found.stat === undefined) fail('ENOENT');
    if (found.stat.type === 'directory') fail('EISDIR');
    if (found.slash) fail('ENOTDIR');
    this.#names.demandWritableParent(context, found, found.stat);
    this.#names.demandNoMount(found);
    found.mount.fs.unlink(found.path);
    this.#removed(found, false);
  }

  #removed({ mount: { fs }, path, stat }: Found, directory: boolean): void {
    const watched = this.#events.watchedPlaces(fs, path);
    this.#names.places.removed(fs, path);
    this.#events.removed(fs, path, { directory, ino: stat?.ino ?? 0 }, watched);
  }

  rename(
    context: FsContext,
    fromBase: Base,
    fromPath: string,
    toBase: Base,
    toPath: string,
    how: { noReplace?: boolean; exchange?: boolean } = {},
  ): void {
    if (how.noReplace && how.exchange) fail('EINVAL');
    const from = this.#names.find(context, fromBase, fromPath, { follow: 'never' });
    const to = this.#names.find(context, toBase, toPath, { follow: 'never' });
    if (!isName(from.last) || !isName(to.last)) fail('EBUSY');
    if (from.stat === undefined) fail('ENOENT');
    if (how.noReplace && to.stat !== undefined) fail('EEXIST');
    if (how.exchange && to.stat === undefined) fail('ENOENT');
    const fs = from.mount.fs;
    if (from.mount !== to.mount) fail(this.mounts.isMountPoint(from.guest) ? 'EBUSY' : 'EXDEV');
    this.#names.demandWritableParent(context, from, from.stat);
    this.#names.demandWritableParent(context, to, to.stat);
    this.#names.demandNoMount(from);
    if (to.stat !== undefined) this.#names.demandNoMount(to);
    const isDirectory = from.stat.type === 'directory';
    if ((from.slash || to.slash) && !isDirectory) fail('ENOTDIR');
    if (isDirectory && to.path.startsWith(`${from.path}/`)) fail('EINVAL');
    if (from.path.startsWith(`${to.path}/`)) fail(how.exchange ? 'EINVAL' : 'ENOTEMPTY');
    if (from.path === to.path) return;
    if (how.exchange) {
      this.#exchange(fs, from, to);
      return;
    }
    if (to.stat !== undefined) {
      if (isDirectory && to.stat.type !== 'directory') fail('ENOTDIR');
      if (!isDirectory && to.stat.type === 'directory') fail('EISDIR');
      // Two names of one file: rename does nothing.
      if (!isDirectory && from.stat.ino === to.stat.ino && from.stat.dev === to.stat.dev) return;
    }
    fs.rename(from.path, to.path);
    const replaced = this.#events.watchedPlaces(fs, to.path);
    this.#names.places.renamed(fs, from.path, to.path, isDirectory);
    this.#events.renamed(fs, from.path, to.path, isDirectory, replaced);
  }

  #exchange(fs: HostFs, from: Found, to: Found): void {
    if (fs.exchange !== undefined) fs.exchange(from.path, to.path);
    else {
      const parking = `${from.path}.exchange-${this.#unnamed++}`;
      fs.rename(from.path, parking);
      fs.rename(to.path, from.path);
      fs.rename(parking, to.path);
    }
    this.#names.places.exchanged(fs, from.path, to.path);
  }

  /** A hard link; `look.follow` as linkat's AT_SYMLINK_FOLLOW, default no. */
  link(context: FsContext, fromBase: Base, from: string, toBase: Base, to: string, look: LookUp = {}): void {
    const source =
      from === '' && look.empty && fromBase !== undefined
        ? undefined
        : this.#names.find(context, fromBase, from, { follow: look.follow ?? false });
    if (source !== undefined && source.stat === undefined && !source.deleted) fail('ENOENT');
    const file = source === undefined ? fromBase : source.file;
    const target = this.#names.fresh(context, toBase, to, false);
    if (file instanceof RegularFile && (file.place === undefined || file.place.deleted)) {
      this.#nameUnnamed(context, file, target);
      return;
    }
    const mount = source?.mount ?? file?.place?.mount ?? fail('EXDEV');
    const path = source?.path ?? file!.place!.path;
    const stat = source === undefined ? file!.stat() : (source.stat ?? fail('ENOENT'));
    if (stat.type === 'directory') fail('EPERM');
    if (mount !== target.mount) fail('EXDEV');
    mount.fs.link(path, target.path);
    this.#events.links(mount.fs, stat.ino);
    this.#events.entry(mount.fs, target.path, 'create', false);
  }

  /** linkat of a file opened with O_TMPFILE: no back end can name it again, so its bytes move into a named one. */
  #nameUnnamed(context: FsContext, file: RegularFile, target: Found): void {
    const old = file.stat();
    const host = target.mount.fs.open(target.path, {
      read: true,
      write: true,
      create: true,
      exclusive: true,
      mode: old.mode,
    });
    const piece = new Uint8Array(256 * 1024);
    for (let at = 0; at < old.size; ) {
      const n = file.readAt(piece, at);
      if (n === 0) break;
      host.write(piece.subarray(0, n), at);
      at += n;
    }
    this.#names.own(context, target);
    host.utimes(old.atime, old.mtime);
    file.adopt(host);
    file.place = undefined;
    this.#names.named(target, file);
  }

  symlink(context: FsContext, target: string, base: Base, path: string): void {
    if (target === '') fail('ENOENT');
    const found = this.#names.fresh(context, base, path, false);
    found.mount.fs.symlink(target, found.path);
    this.#names.own(context, found);
    this.#events.entry(found.mount.fs, found.path, 'create', false);
  }

  mknod(context: FsContext, base: Base, path: string, type: FileType, mode: number, rdev = 0): void {
    if (type === 'directory') fail('EPERM');
    if ((type === 'character' || type === 'block') && context.uid !== 0) fail('EPERM');
    const found = this.#names.fresh(context, base, path, false);
    const bits = mode & MODE_BITS & ~context.umask;
    if (type === 'file') {
      found.mount.fs.open(found.path, { read: false, write: true, create: true, exclusive: true, mode: bits }).close();
    } else {
      found.mount.fs.mknod(found.path, type, bits, rdev);
    }
    this.#names.own(context, found);
    this.#events.entry(found.mount.fs, found.path, 'create', false);
  }

  // Changing metadata

  chmod(context: FsContext, base: Base, path: string, mode: number, look: LookUp = {}): void {
    const found = this.#names.mutable(context, base, path, look);
    if (found === undefined) return;
    if (found.stat!.type === 'symlink') fail('EOPNOTSUPP');
    this.#names.demandOwner(context, found.stat!);
    if (found.file instanceof RegularFile) found.file.host.chmod(mode & MODE_BITS);
    else found.mount.fs.chmod(found.path, mode & MODE_BITS);
    this.#changed(found);
  }

  /** -1: leave alone. */
  chown(context: FsContext, base: Base, path: string, uid: number, gid: number, look: LookUp = {}): void {
    const found = this.#names.mutable(context, base, path, look);
    if (found === undefined) return;
    const stat = found.stat!;
    const newUid = uid === -1 ? stat.uid : uid;
    const newGid = gid === -1 ? stat.gid : gid;
    if (context.uid !== 0) {
      const mine = stat.uid === context.uid && newUid === stat.uid;
      if (!mine || (newGid !== stat.gid && newGid !== context.gid && !context.groups.includes(newGid))) fail('EPERM');
    }
    // As Linux: a change of owner takes the set-id bits off a program.
    const dropped = stat.type === 'file' && (stat.mode & 0o111) !== 0 ? stat.mode & ~0o6000 : stat.mode;
    const file = found.file instanceof RegularFile ? found.file.host : undefined;
    if (file !== undefined) {
      file.chown(newUid, newGid);
      if (dropped !== stat.mode) file.chmod(dropped);
    } else {
      found.mount.fs.chown(found.path, newUid, newGid);
      if (dropped !== stat.mode) found.mount.fs.chmod(found.path, dropped);
    }
    this.#changed(found);
  }

  utimes(context: FsContext, base: Base, path: string, atime: NewTime, mtime: NewTime, look: LookUp = {}): void {
    const found = this.#names.mutable(context, base, path, look);
    if (found === undefined || (atime === undefined && mtime === undefined)) return;
    const stat = found.stat!;
    if (context.uid !== 0 && context.uid !== stat.uid) {
      const both = atime === 'now' && mtime === 'now';
      if (!both) fail('EPERM');
      if (!permits(context, stat, { write: true })) fail('EACCES');
    }
    const now = atime === 'now' || mtime === 'now' ? this.#now() : undefined;
    const a = atime === 'now' ? now : atime;
    const m = mtime === 'now' ? now : mtime;
    if (found.file instanceof RegularFile) found.file.host.utimes(a, m);
    else found.mount.fs.utimes(found.path, a, m);
    this.#changed(found);
  }

  /** Extended attributes of a file, to read or to change; undefined where its file system keeps none. */
  attributes(
    context: FsContext,
    base: Base,
    path: string,
    look: LookUp,
    change: boolean,
  ): { stat: Stat; kept: Attributes | undefined } {
    const found = change
      ? this.#names.mutable(context, base, path, look)
      : this.#names.existing(context, base, path, look);
    if (found === undefined) return { stat: base!.stat(), kept: undefined };
    if (change) this.#changed(found);
    const stat = found.stat!;
    if (found.file instanceof RegularFile) return { stat, kept: found.file.host.attributes?.(change) };
    if (found.file !== undefined && found.file.place === undefined) return { stat, kept: undefined };
    return { stat, kept: found.mount.fs.attributes?.(found.path, change) };
  }

  #changed(found: Found): void {
    this.#events.file(found.file?.place ?? found, 'attrib', found.stat?.type === 'directory');
  }

  truncate(context: FsContext, base: Base, path: string, size: number): void {
    if (size < 0) fail('EINVAL');
    const found = this.#names.existing(context, base, path, { follow: true });
    if (found.stat!.type === 'directory') fail('EISDIR');
    if (found.stat!.type !== 'file') fail('EINVAL');
    this.#names.demand(context, found, { write: true });
    this.#names.demandWritable(found);
    const host = this.#openHost(found, { write: true });
    const file = new RegularFile(host, { write: true }, () => undefined).retain();
    try {
      file.truncate(size);
    } finally {
      file.drop();
    }
    this.#events.file(found, 'modify');
  }

  // Where one is

  chdir(context: FsContext, base: Base, path: string, look: LookUp = {}): void {
    const found = this.#names.existing(context, base, path, { ...look, follow: true });
    if (found.stat!.type !== 'directory') fail('ENOTDIR');
    if (found.deleted) fail('ENOENT');
    if (!permits(context, found.stat!, { execute: true })) fail('EACCES');
    const place = this.#names.hold(found.mount, found.path);
    context.cwd = place;
    this.#names.places.letGo(place);
  }

  chroot(context: FsContext, path: string): void {
    const found = this.#names.existing(context, undefined, path, { follow: true });
    if (found.stat!.type !== 'directory') fail('ENOTDIR');
    if (context.uid !== 0) fail('EPERM');
    const place = this.#names.hold(found.mount, found.path);
    context.root = place;
    this.#names.places.letGo(place);
  }

  /** The current directory as getcwd gives it; ENOENT when it was removed. */
  cwd(context: FsContext): string {
    if (context.cwd.deleted) fail('ENOENT');
    const path = this.#seenFrom(context, context.cwd.guest);
    return path ?? `(unreachable)${context.cwd.guest}`;
  }

  /** The path of an open file as /proc/self/fd shows it: '/a/b', '/a/b (deleted)', 'pipe:[12]'. */
  pathOf(context: FsContext, file: OpenFile): string {
    return file.place === undefined ? file.path : this.pathOfPlace(context, file.place);
  }

  pathOfPlace(context: FsContext, place: Place): string {
    const path = this.#seenFrom(context, place.guest) ?? place.guest;
    return place.deleted ? `${path} (deleted)` : path;
  }

  #seenFrom(context: FsContext, guest: string): string | undefined {
    const root = context.root.guest;
    if (root === '/') return guest;
    if (guest === root) return '/';
    return guest.startsWith(`${root}/`) ? guest.slice(root.length) : undefined;
  }
}

function isName(last: string): boolean {
  return last !== '' && last !== '.' && last !== '..';
}
