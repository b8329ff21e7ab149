/** Real files through node:fs, confined to one directory; what the host cannot keep (exact times, fifos, foreign owners) is remembered beside it for the life of the VM. */
import * as fs from 'node:fs';
import { fail } from '../base/failures.ts';
import { bytesOf, isEscaped, textOf } from '../base/text.ts';
import type { DirectoryEntry, FileType, HostFile, HostFs, HostOpen, Stat } from './host.ts';
import { asGuestError } from './node-errors.ts';

const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC } = fs.constants;
/** Never follow a link, never wait for a fifo's other end, never take a terminal. Absent on Windows. */
const ALWAYS = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0) | (fs.constants.O_NOCTTY ?? 0);
const BIG = { bigint: true, throwIfNoEntry: false } as const;
const QUIET = { throwIfNoEntry: false } as const;
/** In names read as latin1, which is their bytes: what has to be decoded. */
const NOT_ASCII = /[\x80-\xff]/;
/** The largest transfer node:fs takes in one call. */
const MAX_TRANSFER = 0x7fff_0000;

/** What the guest was promised about an inode beyond what the host keeps. */
interface Kept {
  /** Tells the inode from a later one of the same number. */
  birth: bigint;
  type?: FileType;
  rdev?: number;
  uid?: number;
  gid?: number;
  /** As the guest set them, valid while the host's own value is still the rounded one. */
  atime?: { exact: bigint; host: bigint };
  mtime?: { exact: bigint; host: bigint };
}

export interface NodeFsOptions {
  readOnly?: boolean;
}

export class NodeFs implements HostFs {
  readonly name = 'host';
  readonly readOnly: boolean;
  readonly checksPermissions: boolean;
  readonly createsAs: { uid: number; gid: number };
  /** Host path of the back end's '/'; '' for the host's own root. */
  readonly #root: string;
  readonly #promises = new Map<string, Kept>();
  readonly #umask = process.umask();

  constructor(root: string, options: NodeFsOptions = {}) {
    const real = fs.realpathSync.native(root);
    this.#root = real === '/' ? '' : real;
    this.readOnly = options.readOnly ?? false;
    this.createsAs = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
    this.checksPermissions = process.geteuid !== undefined && process.geteuid() !== 0;
  }

  open(path: string, how: HostOpen): HostFile {
    const host = this.#host(path);
    const access = how.write ? (how.read ? O_RDWR : O_WRONLY) : how.truncate ? O_RDWR : O_RDONLY;
    const flags =
      access | ALWAYS | (how.create ? O_CREAT : 0) | (how.exclusive ? O_EXCL : 0) | (how.truncate ? O_TRUNC : 0);
    const mode = how.mode ?? 0o666;
    try {
      const fd = fs.openSync(host, flags, mode);
      if (how.create && how.exclusive && (mode & this.#umask) !== 0) fs.fchmodSync(fd, mode);
      return new NodeFile(this, fd);
    } catch (error) {
      return asGuestError(error);
    }
  }

  lstat(path: string): Stat {
    return this.look(path) ?? fail('ENOENT');
  }

  look(path: string): Stat | undefined {
    try {
      const stat = fs.lstatSync(this.#host(path), BIG);
      return stat === undefined ? undefined : this.describe(stat);
    } catch (error) {
      return asGuestError(error);
    }
  }

  plain(path: string): boolean {
    const host = this.#host(path);
    try {
      // A name that is no string answers "unknown".
      return fs.realpathSync.native(host) === host;
    } catch {
      return false;
    }
  }

  readdir(path: string): DirectoryEntry[] {
    try {
      // In the order of the host's file system, as programs see it there: readdirSync would sort.
      const directory = fs.opendirSync(this.#host(path), { encoding: 'latin1', bufferSize: 1024 });
      const entries: DirectoryEntry[] = [];
      try {
        for (let entry = directory.readSync(); entry; entry = directory.readSync()) {
          const name = NOT_ASCII.test(entry.name) ? textOf(Buffer.from(entry.name, 'latin1')) : entry.name;
          entries.push(new NodeEntry(this, name, this.#host(path === '/' ? `/${name}` : `${path}/${name}`)));
        }
      } finally {
        directory.closeSync();
      }
      return entries;
    } catch (error) {
      return asGuestError(error);
    }
  }

  readlink(path: string): string {
    try {
      return textOf(fs.readlinkSync(this.#host(path), 'buffer'));
    } catch (error) {
      return asGuestError(error);
    }
  }

  mkdir(path: string, mode: number): void {
    const host = this.#host(path);
    try {
      fs.mkdirSync(host, { mode });
      if ((mode & (this.#umask | 0o7000)) !== 0) fs.chmodSync(host, mode | (fs.statSync(host).mode & 0o2000));
    } catch (error) {
      asGuestError(error);
    }
  }

  rmdir(path: string): void {
    try {
      fs.rmdirSync(this.#host(path));
    } catch (error) {
      asGuestError(error);
    }
  }

  unlink(path: string): void {
    const host = this.#host(path);
    this.#forget(host);
    try {
      fs.unlinkSync(host);
    } catch (error) {
      asGuestError(error);
    }
  }

  rename(from: string, to: string): void {
    this.#forget(this.#host(to));
    try {
      fs.renameSync(this.#host(from), this.#host(to));
    } catch (error) {
      asGuestError(error);
    }
  }

  link(existing: string, path: string): void {
    try {
      fs.linkSync(this.#host(existing), this.#host(path));
    } catch (error) {
      asGuestError(error);
    }
  }

  symlink(target: string, path: string): void {
    try {
      fs.symlinkSync(named(target), this.#host(path));
    } catch (error) {
      asGuestError(error);
    }
  }

  /** Node cannot make these: an empty file holds the name, and the type is remembered while the VM lives. */
  mknod(path: string, type: FileType, mode: number, rdev: number): void {
    const file = this.open(path, { read: false, write: true, create: true, exclusive: true, mode });
    file.close();
    const stat = this.#lstat(this.#host(path));
    Object.assign(this.#promise(stat), { type, rdev });
  }

  chmod(path: string, mode: number): void {
    try {
      fs.chmodSync(this.#host(path), mode);
    } catch (error) {
      asGuestError(error);
    }
  }

  chown(path: string, uid: number, gid: number): void {
    const host = this.#host(path);
    try {
      fs.lchownSync(host, uid, gid);
    } catch (error) {
      this.rememberOwner(error, this.#lstat(host), uid, gid);
    }
  }

  utimes(path: string, atime: bigint | undefined, mtime: bigint | undefined): void {
    const host = this.#host(path);
    this.setTimes(
      () => this.#lstat(host),
      (a, m) => fs.lutimesSync(host, a, m),
      atime,
      mtime,
    );
  }

  statfs(): ReturnType<HostFs['statfs']> {
    try {
      const s = fs.statfsSync(this.#root || '/');
      return {
        type: s.type,
        blockSize: s.bsize,
        blocks: s.blocks,
        free: s.bavail,
        files: s.files,
        filesFree: s.ffree,
      };
    } catch (error) {
      return asGuestError(error);
    }
  }

  // For the files this back end opened

  /** The host's answer with what was promised on top. */
  describe(s: fs.BigIntStats): Stat {
    const mode = Number(s.mode);
    const stat: Stat = {
      type: typeOf(mode),
      mode: mode & 0o7777,
      ino: Number(s.ino),
      dev: Number(s.dev),
      nlink: Number(s.nlink),
      uid: Number(s.uid),
      gid: Number(s.gid),
      rdev: Number(s.rdev),
      size: Number(s.size),
      blksize: Number(s.blksize),
      blocks: Number(s.blocks),
      atime: s.atimeNs,
      mtime: s.mtimeNs,
      ctime: s.ctimeNs,
      birthtime: s.birthtimeNs,
    };
    if (this.#promises.size > 0) this.#keep(s, stat);
    return stat;
  }

  typeOf(s: fs.Stats): FileType {
    if (this.#promises.size > 0) {
      const promise = this.#promises.get(`${s.dev}:${s.ino}`);
      if (promise?.type !== undefined && s.isFile()) return promise.type;
    }
    return typeOf(s.mode);
  }

  /** A host that refuses (we are not root there) or cannot: the guest, who is root here, sees its wish fulfilled. */
  rememberOwner(error: unknown, s: fs.BigIntStats, uid: number, gid: number): void {
    const code = (error as { code?: string }).code;
    if (code !== 'EPERM' && code !== 'ENOSYS' && code !== 'EINVAL') asGuestError(error);
    Object.assign(this.#promise(s), { uid, gid });
  }

  /** node:fs takes seconds as a double, some 240 ns coarse: where that loses something, the exact value is remembered. */
  setTimes(
    look: () => fs.BigIntStats,
    set: (atime: number, mtime: number) => void,
    atime: bigint | undefined,
    mtime: bigint | undefined,
  ): void {
    const before = atime === undefined || mtime === undefined ? this.describe(look()) : undefined;
    const a = atime ?? before!.atime;
    const m = mtime ?? before!.mtime;
    try {
      set(seconds(a), seconds(m));
    } catch (error) {
      asGuestError(error);
    }
    const after = look();
    if (after.atimeNs === a && after.mtimeNs === m) return;
    Object.assign(this.#promise(after), {
      atime: { exact: a, host: after.atimeNs },
      mtime: { exact: m, host: after.mtimeNs },
    });
  }

  #host(path: string): string | Buffer {
    return path === '/' ? this.#root || '/' : named(this.#root + path);
  }

  #lstat(host: fs.PathLike): fs.BigIntStats {
    let stat: fs.BigIntStats | undefined;
    try {
      stat = fs.lstatSync(host, BIG);
    } catch (error) {
      asGuestError(error);
    }
    return stat ?? fail('ENOENT');
  }

  #promise(s: fs.BigIntStats): Kept {
    const key = `${s.dev}:${s.ino}`;
    let promise = this.#promises.get(key);
    if (promise === undefined || promise.birth !== s.birthtimeNs) {
      promise = { birth: s.birthtimeNs };
      this.#promises.set(key, promise);
    }
    return promise;
  }

  #keep(s: fs.BigIntStats, stat: Stat): void {
    const promise = this.#promises.get(`${s.dev}:${s.ino}`);
    if (promise === undefined || promise.birth !== s.birthtimeNs) return;
    if (promise.type !== undefined && stat.type === 'file') {
      stat.type = promise.type;
      stat.rdev = promise.rdev ?? 0;
    }
    stat.uid = promise.uid ?? stat.uid;
    stat.gid = promise.gid ?? stat.gid;
    if (promise.atime?.host === s.atimeNs) stat.atime = promise.atime.exact;
    if (promise.mtime?.host === s.mtimeNs) stat.mtime = promise.mtime.exact;
  }

  /** The last name of an inode is about to go: its number may be reused. */
  #forget(host: fs.PathLike): void {
    if (this.#promises.size === 0) return;
    const s = fs.lstatSync(host, BIG);
    if (s?.nlink === 1n) this.#promises.delete(`${s.dev}:${s.ino}`);
  }
}

/** Asks the host for type and inode only when somebody looks. */
class NodeEntry implements DirectoryEntry {
  readonly name: string;
  readonly #fs: NodeFs;
  readonly #host: fs.PathLike;
  #stat: fs.Stats | undefined;

  constructor(owner: NodeFs, name: string, host: fs.PathLike) {
    this.name = name;
    this.#fs = owner;
    this.#host = host;
  }

  get type(): FileType {
    const stat = this.#look();
    return stat === undefined ? 'file' : this.#fs.typeOf(stat);
  }

  get ino(): number {
    return this.#look()?.ino ?? 1;
  }

  #look(): fs.Stats | undefined {
    try {
      this.#stat ??= fs.lstatSync(this.#host, QUIET);
    } catch {
      // Gone or out of reach since the directory was read: the name alone is still true.
    }
    return this.#stat;
  }
}

class NodeFile implements HostFile {
  readonly #fs: NodeFs;
  readonly #fd: number;
  #identity: string | undefined;

  constructor(owner: NodeFs, fd: number) {
    this.#fs = owner;
    this.#fd = fd;
  }

  get identity(): string {
    if (this.#identity === undefined) {
      const { dev, ino } = fs.fstatSync(this.#fd);
      this.#identity = `${dev}:${ino}`;
    }
    return this.#identity;
  }

  read(into: Uint8Array, position: number): number {
    try {
      return fs.readSync(this.#fd, into, 0, Math.min(into.length, MAX_TRANSFER), position);
    } catch (error) {
      return asGuestError(error);
    }
  }

  write(from: Uint8Array, position: number): number {
    try {
      return fs.writeSync(this.#fd, from, 0, Math.min(from.length, MAX_TRANSFER), position);
    } catch (error) {
      return asGuestError(error);
    }
  }

  size(): number {
    return fs.fstatSync(this.#fd).size;
  }

  stat(): Stat {
    return this.#fs.describe(fs.fstatSync(this.#fd, { bigint: true }));
  }

  truncate(size: number): void {
    try {
      fs.ftruncateSync(this.#fd, size);
    } catch (error) {
      asGuestError(error);
    }
  }

  chmod(mode: number): void {
    try {
      fs.fchmodSync(this.#fd, mode);
    } catch (error) {
      asGuestError(error);
    }
  }

  chown(uid: number, gid: number): void {
    try {
      fs.fchownSync(this.#fd, uid, gid);
    } catch (error) {
      this.#fs.rememberOwner(error, fs.fstatSync(this.#fd, { bigint: true }), uid, gid);
    }
  }

  utimes(atime: bigint | undefined, mtime: bigint | undefined): void {
    this.#fs.setTimes(
      () => fs.fstatSync(this.#fd, { bigint: true }),
      (a, m) => fs.futimesSync(this.#fd, a, m),
      atime,
      mtime,
    );
  }

  sync(): void {
    try {
      fs.fsyncSync(this.#fd);
    } catch (error) {
      asGuestError(error);
    }
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

/** A name as node:fs takes it: bytes when they are not UTF-8. */
function named(path: string): string | Buffer {
  return isEscaped(path) ? Buffer.from(bytesOf(path)) : path;
}

function seconds(ns: bigint): number {
  return Number(ns / 1_000_000_000n) + Number(ns % 1_000_000_000n) / 1e9;
}

/** By the S_IFMT nibble, the same on every host. */
const TYPES: Record<number, FileType> = {
  1: 'fifo',
  2: 'character',
  4: 'directory',
  6: 'block',
  8: 'file',
  10: 'symlink',
  12: 'socket',
};

function typeOf(mode: number): FileType {
  return TYPES[(mode >> 12) & 15] ?? 'file';
}
