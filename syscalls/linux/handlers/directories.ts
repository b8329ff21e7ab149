/** Calls on names: open, stat, links, directories, permissions, times. The VFS does the work; here are Linux's flags and forms. */

import { fail, missing } from '../../../src/base/failures.ts';
import { bytesOf } from '../../../src/base/text.ts';
import type { DirectoryEntry } from '../../../src/host/host.ts';
import { DirectoryFile } from '../../../src/kernel/directory-file.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import { PipeEnd } from '../../../src/kernel/pipe.ts';
import { TtyFile } from '../../../src/kernel/tty.ts';
import { type LookUp, type NewTime, ON_BASE, type OpenHow } from '../../../src/kernel/vfs.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { GuestBuffer, Place } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import {
  AT,
  AT_EACCESS,
  AT_FDCWD,
  O,
  O_ACCMODE,
  RENAME,
  STATX_BASIC_STATS,
  STATX_BTIME,
  UTIME_NOW,
  UTIME_OMIT,
} from '../abi/flags.ts';
import { direntType, fileTypeOf, toStat, toStatfs, toStatx } from '../abi/stat.ts';
import {
  dirent,
  dirent64,
  open_how,
  type stat,
  type statfs,
  type statx,
  type Timespec,
  type Timeval,
} from '../abi/structs.ts';
import { acquireTerminal } from './ioctl.ts';

type Out<L> = Place<L extends { read(view: DataView, at: number): infer T } ? T : never>;

/** The open directory a relative path starts from. */
function base(t: Task, dirfd: number, path: string): OpenFile | undefined {
  // An absolute path ignores even a bad descriptor.
  return dirfd === AT_FDCWD || path.startsWith('/') ? undefined : t.file(dirfd);
}

const HERE: LookUp = {};
const NO_FOLLOW: LookUp = { follow: false };
const FOLLOW: LookUp = { follow: true };

function lookUp(flags: number, follow = true): LookUp {
  return { follow: follow && (flags & AT.AT_SYMLINK_NOFOLLOW) === 0, empty: (flags & AT.AT_EMPTY_PATH) !== 0 };
}

// ---- open

export function openHow(flags: number, mode: number): OpenHow {
  const access = flags & O_ACCMODE;
  const has = (bit: number) => (flags & bit) === bit;
  if (has(O.O_PATH)) {
    return { path: true, directory: has(O.O_DIRECTORY), nofollow: has(O.O_NOFOLLOW) };
  }
  return {
    read: access !== O.O_WRONLY,
    write: access !== O.O_RDONLY,
    create: has(O.O_CREAT),
    exclusive: has(O.O_EXCL),
    truncate: has(O.O_TRUNC),
    append: has(O.O_APPEND),
    directory: has(O.O_DIRECTORY),
    nofollow: has(O.O_NOFOLLOW),
    tmpfile: has(O.O_TMPFILE),
    nonblock: has(O.O_NONBLOCK),
    noctty: has(O.O_NOCTTY),
    sync: has(O.O_SYNC) || has(O.O_DSYNC),
    mode: mode & 0o7777,
  };
}

interface OpenArgs {
  dirfd: number;
  pathname: string;
  flags: number;
  mode: number;
}

export function openat(t: Task, { dirfd, pathname, flags, mode }: OpenArgs): number | Wait {
  const waiting = t.thread.callState;
  const file = waiting instanceof FifoOpening ? waiting.end : openFile(t, { dirfd, pathname, flags, mode });
  if (file instanceof PipeEnd && file.waiting?.()) {
    t.thread.callState ??= new FifoOpening(file);
    return new Wait([file.queue]);
  }
  if (file instanceof TtyFile && !(flags & O.O_NOCTTY)) acquireTerminal(t, file.tty);
  return t.files.add(file, (flags & O.O_CLOEXEC) !== 0);
}

function openFile(t: Task, { dirfd, pathname, flags, mode }: OpenArgs): OpenFile {
  if (flags & O.O_CREAT && flags & O.O_DIRECTORY && (flags & O.O_TMPFILE) !== O.O_TMPFILE) fail('EINVAL');
  if ((flags & O.O_TMPFILE) === O.O_TMPFILE && (flags & O_ACCMODE) === O.O_RDONLY) fail('EINVAL');
  return t.vfs.open(t.fs, base(t, dirfd, pathname), pathname, openHow(flags, mode));
}

/** A fifo's end that waits for the other one; given up, it closes again. */
class FifoOpening {
  readonly end: PipeEnd;
  constructor(end: PipeEnd) {
    this.end = end;
  }
  cancel(): void {
    this.end.retain().drop();
  }
}

export const open = (t: Task, { pathname, flags, mode }: { pathname: string; flags: number; mode: number }) =>
  openat(t, { dirfd: AT_FDCWD, pathname, flags, mode });

export const creat = (t: Task, { pathname, mode }: { pathname: string; mode: number }) =>
  openat(t, { dirfd: AT_FDCWD, pathname, flags: O.O_CREAT | O.O_WRONLY | O.O_TRUNC, mode });

/** RESOLVE_… restrictions are refused: a caller that wants one must not get an open without it. */
export function openat2(
  t: Task,
  { dirfd, pathname, how, size }: { dirfd: number; pathname: string; how: number; size: number },
): number | Wait {
  if (size < open_how.size) fail('EINVAL');
  const { flags, mode, resolve } = open_how.get(t.space, how);
  if (resolve !== 0) {
    missing('linux openat2 resolve');
    fail('EINVAL');
  }
  if (mode > 0o7777 || flags > 0x7fff_ffff || (mode !== 0 && !(flags & (O.O_CREAT | 0o20000000)))) fail('EINVAL');
  return openat(t, { dirfd, pathname, flags, mode });
}

// ---- stat

type StatOut = { statbuf: Out<typeof stat> };

export const statCall = (t: Task, { pathname, statbuf }: { pathname: string } & StatOut): void =>
  statbuf.set(toStat(t.vfs.stat(t.fs, undefined, pathname, FOLLOW)));
export const lstat = (t: Task, { pathname, statbuf }: { pathname: string } & StatOut): void =>
  statbuf.set(toStat(t.vfs.stat(t.fs, undefined, pathname, NO_FOLLOW)));
export const fstat = (t: Task, { fd, statbuf }: { fd: number } & StatOut): void =>
  statbuf.set(toStat(t.file(fd).stat()));

export function newfstatat(
  t: Task,
  { dirfd, pathname, statbuf, flags }: { dirfd: number; pathname: string; flags: number } & StatOut,
): void {
  if (flags & ~(AT.AT_SYMLINK_NOFOLLOW | AT.AT_NO_AUTOMOUNT | AT.AT_EMPTY_PATH)) fail('EINVAL');
  statbuf.set(toStat(statAt(t, dirfd, pathname, flags)));
}

function statAt(t: Task, dirfd: number, path: string, flags: number) {
  if (path === '' && flags & AT.AT_EMPTY_PATH && dirfd !== AT_FDCWD) return t.file(dirfd).stat();
  return t.vfs.stat(t.fs, base(t, dirfd, path), path, lookUp(flags));
}

interface StatxArgs {
  dirfd: number;
  pathname: string | undefined;
  flags: number;
  mask: number;
  statxbuf: Out<typeof statx>;
}

export function statxCall(t: Task, { dirfd, pathname = '', flags, mask, statxbuf }: StatxArgs): void {
  if (mask & 0x8000_0000) fail('EINVAL');
  if ((flags & 0x6000) === 0x6000) fail('EINVAL');
  const result = statAt(t, dirfd, pathname, flags);
  statxbuf.set(toStatx(result, STATX_BASIC_STATS | STATX_BTIME));
}

export const access = (t: Task, { pathname, mode }: { pathname: string; mode: number }) =>
  faccessat2(t, { dirfd: AT_FDCWD, pathname, mode, flags: 0 });
export const faccessat = (t: Task, { dirfd, pathname, mode }: { dirfd: number; pathname: string; mode: number }) =>
  faccessat2(t, { dirfd, pathname, mode, flags: 0 });

/** Without AT_EACCESS the real ids are asked for. */
export function faccessat2(
  t: Task,
  { dirfd, pathname, mode, flags }: { dirfd: number; pathname: string; mode: number; flags: number },
): void {
  if (mode & ~7 || flags & ~(AT_EACCESS | AT.AT_SYMLINK_NOFOLLOW | AT.AT_EMPTY_PATH)) fail('EINVAL');
  const want = { read: (mode & 4) !== 0, write: (mode & 2) !== 0, execute: (mode & 1) !== 0 };
  const { fs } = t;
  const { uid, gid } = fs;
  if (!(flags & AT_EACCESS)) {
    fs.uid = t.process.credentials.uid;
    fs.gid = t.process.credentials.gid;
  }
  try {
    t.vfs.access(fs, base(t, dirfd, pathname), pathname, want, lookUp(flags));
  } finally {
    fs.uid = uid;
    fs.gid = gid;
  }
}

export const statfsCall = (t: Task, { pathname, buf }: { pathname: string; buf: Out<typeof statfs> }): void =>
  buf.set(toStatfs(t.vfs.statfs(t.fs, undefined, pathname)));
export const fstatfs = (t: Task, { fd, buf }: { fd: number; buf: Out<typeof statfs> }): void =>
  buf.set(toStatfs(t.vfs.statfs(t.fs, t.file(fd), '', ON_BASE)));

// ---- reading directories

/** Fill a buffer with records while they fit; the directory's position moves past each one. */
function listing(
  t: Task,
  fd: number,
  buffer: GuestBuffer,
  record: (entry: DirectoryEntry, name: Uint8Array, next: number) => Uint8Array,
): number {
  const directory = t.file(fd);
  if (!(directory instanceof DirectoryFile)) return fail('ENOTDIR');
  let done = 0;
  for (;;) {
    const entry = directory.peek();
    if (entry === undefined) return done;
    const bytes = record(entry, bytesOf(entry.name), directory.position + 1);
    if (done + bytes.length > buffer.length) return done > 0 ? done : fail('EINVAL');
    buffer.space.copyOut(buffer.address + done, bytes);
    done += bytes.length;
    directory.advance();
  }
}

const padded = (n: number): number => Math.ceil(n / 8) * 8;

export const getdents64 = (t: Task, { fd, dirp }: { fd: number; dirp: GuestBuffer }): number =>
  listing(t, fd, dirp, (entry, name, next) => {
    const bytes = new Uint8Array(padded(dirent64.size + name.length + 1));
    const head = { d_ino: entry.ino, d_off: next, d_reclen: bytes.length, d_type: direntType(entry.type) };
    dirent64.write(new DataView(bytes.buffer), 0, head);
    bytes.set(name, dirent64.size);
    return bytes;
  });

export const getdents = (t: Task, { fd, dirp }: { fd: number; dirp: GuestBuffer }): number =>
  listing(t, fd, dirp, (entry, name, next) => {
    const bytes = new Uint8Array(padded(dirent.size + name.length + 2));
    dirent.write(new DataView(bytes.buffer), 0, { d_ino: entry.ino, d_off: next, d_reclen: bytes.length });
    bytes.set(name, dirent.size);
    bytes[bytes.length - 1] = direntType(entry.type);
    return bytes;
  });

// ---- links and names

export const readlink = (t: Task, { pathname, buf }: { pathname: string; buf: GuestBuffer }) =>
  readlinkat(t, { dirfd: AT_FDCWD, pathname, buf });

export function readlinkat(
  t: Task,
  { dirfd, pathname, buf }: { dirfd: number; pathname: string; buf: GuestBuffer },
): number {
  if (buf.length <= 0) fail('EINVAL');
  const target = bytesOf(t.vfs.readlink(t.fs, base(t, dirfd, pathname), pathname));
  const bytes = target.subarray(0, buf.length);
  buf.fill(bytes);
  return bytes.length;
}

interface TwoNames {
  olddirfd: number;
  oldpath: string;
  newdirfd: number;
  newpath: string;
}

export const rename = (t: Task, { oldpath, newpath }: { oldpath: string; newpath: string }): void =>
  t.vfs.rename(t.fs, undefined, oldpath, undefined, newpath);
export const renameat = (t: Task, args: TwoNames): void => renameat2(t, { ...args, flags: 0 });

export function renameat2(
  t: Task,
  { olddirfd, oldpath, newdirfd, newpath, flags }: TwoNames & { flags: number },
): void {
  if (flags & ~3 || flags === 3) fail('EINVAL');
  t.vfs.rename(t.fs, base(t, olddirfd, oldpath), oldpath, base(t, newdirfd, newpath), newpath, {
    noReplace: (flags & RENAME.RENAME_NOREPLACE) !== 0,
    exchange: (flags & RENAME.RENAME_EXCHANGE) !== 0,
  });
}

export const link = (t: Task, { oldpath, newpath }: { oldpath: string; newpath: string }): void =>
  t.vfs.link(t.fs, undefined, oldpath, undefined, newpath);

export function linkat(t: Task, { olddirfd, oldpath, newdirfd, newpath, flags }: TwoNames & { flags: number }): void {
  if (flags & ~(AT.AT_SYMLINK_FOLLOW | AT.AT_EMPTY_PATH)) fail('EINVAL');
  const look = { follow: (flags & AT.AT_SYMLINK_FOLLOW) !== 0, empty: (flags & AT.AT_EMPTY_PATH) !== 0 };
  t.vfs.link(t.fs, base(t, olddirfd, oldpath), oldpath, base(t, newdirfd, newpath), newpath, look);
}

export const symlink = (t: Task, { target, linkpath }: { target: string; linkpath: string }): void =>
  t.vfs.symlink(t.fs, target, undefined, linkpath);
export const symlinkat = (
  t: Task,
  { target, newdirfd, linkpath }: { target: string; newdirfd: number; linkpath: string },
): void => t.vfs.symlink(t.fs, target, base(t, newdirfd, linkpath), linkpath);

export const unlink = (t: Task, { pathname }: { pathname: string }): void => t.vfs.unlink(t.fs, undefined, pathname);
export const rmdir = (t: Task, { pathname }: { pathname: string }): void => t.vfs.rmdir(t.fs, undefined, pathname);

export function unlinkat(
  t: Task,
  { dirfd, pathname, flags }: { dirfd: number; pathname: string; flags: number },
): void {
  if (flags & ~AT.AT_REMOVEDIR) fail('EINVAL');
  const from = base(t, dirfd, pathname);
  if (flags & AT.AT_REMOVEDIR) t.vfs.rmdir(t.fs, from, pathname);
  else t.vfs.unlink(t.fs, from, pathname);
}

export const mkdir = (t: Task, { pathname, mode }: { pathname: string; mode: number }) =>
  mkdirat(t, { dirfd: AT_FDCWD, pathname, mode });
export const mkdirat = (t: Task, { dirfd, pathname, mode }: { dirfd: number; pathname: string; mode: number }): void =>
  t.vfs.mkdir(t.fs, base(t, dirfd, pathname), pathname, mode & 0o1777);

export const mknod = (t: Task, { pathname, mode, dev }: { pathname: string; mode: number; dev: number }) =>
  mknodat(t, { dirfd: AT_FDCWD, pathname, mode, dev });

export function mknodat(
  t: Task,
  { dirfd, pathname, mode, dev }: { dirfd: number; pathname: string; mode: number; dev: number },
): void {
  const type = fileTypeOf(mode) ?? fail('EINVAL');
  if (type === 'directory') fail('EPERM');
  if (type === 'symlink') fail('EINVAL');
  if ((type === 'block' || type === 'character') && t.fs.uid !== 0) fail('EPERM');
  t.vfs.mknod(t.fs, base(t, dirfd, pathname), pathname, type, mode & 0o7777, dev);
}

// ---- permissions and owners

export const chmod = (t: Task, { pathname, mode }: { pathname: string; mode: number }): void =>
  t.vfs.chmod(t.fs, undefined, pathname, mode & 0o7777);
export const fchmod = (t: Task, { fd, mode }: { fd: number; mode: number }): void =>
  t.vfs.chmod(t.fs, t.file(fd), '', mode & 0o7777, ON_BASE);
export const fchmodat = (t: Task, { dirfd, pathname, mode }: { dirfd: number; pathname: string; mode: number }): void =>
  t.vfs.chmod(t.fs, base(t, dirfd, pathname), pathname, mode & 0o7777, HERE);

export function fchmodat2(
  t: Task,
  { dirfd, pathname, mode, flags }: { dirfd: number; pathname: string; mode: number; flags: number },
): void {
  if (flags & ~(AT.AT_SYMLINK_NOFOLLOW | AT.AT_EMPTY_PATH)) fail('EINVAL');
  t.vfs.chmod(t.fs, base(t, dirfd, pathname), pathname, mode & 0o7777, lookUp(flags));
}

interface Owner {
  owner: number;
  group: number;
}

export const chown = (t: Task, { pathname, owner, group }: { pathname: string } & Owner): void =>
  t.vfs.chown(t.fs, undefined, pathname, owner, group, FOLLOW);
export const lchown = (t: Task, { pathname, owner, group }: { pathname: string } & Owner): void =>
  t.vfs.chown(t.fs, undefined, pathname, owner, group, NO_FOLLOW);
export const fchown = (t: Task, { fd, owner, group }: { fd: number } & Owner): void =>
  t.vfs.chown(t.fs, t.file(fd), '', owner, group, ON_BASE);

export function fchownat(
  t: Task,
  { dirfd, pathname, owner, group, flags }: { dirfd: number; pathname: string; flags: number } & Owner,
): void {
  if (flags & ~(AT.AT_SYMLINK_NOFOLLOW | AT.AT_EMPTY_PATH)) fail('EINVAL');
  t.vfs.chown(t.fs, base(t, dirfd, pathname), pathname, owner, group, lookUp(flags));
}

export function umask(t: Task, { mask }: { mask: number }): number {
  const former = t.fs.umask;
  t.fs.umask = mask & 0o777;
  return former;
}

// ---- times

const SECOND = 1_000_000_000n;

function newTime({ tv_sec, tv_nsec }: Timespec): NewTime {
  if (tv_nsec === UTIME_NOW) return 'now';
  if (tv_nsec === UTIME_OMIT) return undefined;
  if (tv_nsec < 0 || tv_nsec > 999_999_999) fail('EINVAL');
  return BigInt(tv_sec) * SECOND + BigInt(tv_nsec);
}

function fromTimeval({ tv_sec, tv_usec }: Timeval): bigint {
  if (tv_usec < 0 || tv_usec > 999_999) fail('EINVAL');
  return BigInt(tv_sec) * SECOND + BigInt(tv_usec) * 1000n;
}

interface UtimensatArgs {
  dirfd: number;
  pathname: string | undefined;
  times: { atime: Timespec; mtime: Timespec } | undefined;
  flags: number;
}

/** A null path means the descriptor itself (futimens). */
export function utimensat(t: Task, { dirfd, pathname, times, flags }: UtimensatArgs): void {
  if (flags & ~(AT.AT_SYMLINK_NOFOLLOW | AT.AT_EMPTY_PATH)) fail('EINVAL');
  const atime = times ? newTime(times.atime) : 'now';
  const mtime = times ? newTime(times.mtime) : 'now';
  // Nothing to set: the file is not even looked for.
  if (atime === undefined && mtime === undefined) return;
  if (pathname === undefined) {
    if (dirfd === AT_FDCWD) fail('EFAULT');
    t.vfs.utimes(t.fs, t.file(dirfd), '', atime, mtime, ON_BASE);
  } else t.vfs.utimes(t.fs, base(t, dirfd, pathname), pathname, atime, mtime, lookUp(flags));
}

type Timevals = { atime: Timeval; mtime: Timeval } | undefined;

export function futimesat(
  t: Task,
  { dirfd, pathname, times }: { dirfd: number; pathname: string | undefined; times: Timevals },
): void {
  const atime = times ? fromTimeval(times.atime) : 'now';
  const mtime = times ? fromTimeval(times.mtime) : 'now';
  if (pathname === undefined) t.vfs.utimes(t.fs, t.file(dirfd), '', atime, mtime, ON_BASE);
  else t.vfs.utimes(t.fs, base(t, dirfd, pathname), pathname, atime, mtime, FOLLOW);
}

export const utimes = (t: Task, { pathname, times }: { pathname: string; times: Timevals }) =>
  futimesat(t, { dirfd: AT_FDCWD, pathname, times });

export function utime(
  t: Task,
  { pathname, times }: { pathname: string; times: { actime: number; modtime: number } | undefined },
): void {
  const atime = times ? BigInt(times.actime) * SECOND : 'now';
  const mtime = times ? BigInt(times.modtime) * SECOND : 'now';
  t.vfs.utimes(t.fs, undefined, pathname, atime, mtime, FOLLOW);
}

export function truncate(t: Task, { pathname, length }: { pathname: string; length: number }): void {
  if (length < 0) fail('EINVAL');
  t.vfs.truncate(t.fs, undefined, pathname, length);
}

// ---- where a process stands

/** The length returned counts the NUL. */
export function getcwd(t: Task, { buf }: { buf: GuestBuffer }): number {
  const path = bytesOf(`${t.vfs.cwd(t.fs)}\0`);
  if (path.length > buf.length) fail('ERANGE');
  buf.fill(path);
  return path.length;
}

export const chdir = (t: Task, { pathname }: { pathname: string }): void => t.vfs.chdir(t.fs, undefined, pathname);
export const fchdir = (t: Task, { fd }: { fd: number }): void => t.vfs.chdir(t.fs, t.file(fd), '', ON_BASE);

export function chroot(t: Task, { pathname }: { pathname: string }): void {
  if (t.process.credentials.euid !== 0) fail('EPERM');
  t.vfs.chroot(t.fs, pathname);
}
