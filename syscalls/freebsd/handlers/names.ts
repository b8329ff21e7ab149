/** Calls on file names: open, stat, link, rename and their …at forms. */

import { fail } from '../../../src/base/failures.ts';
import { bytesOf } from '../../../src/base/text.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import { type LookUp, type NewTime, ON_BASE, type OpenHow } from '../../../src/kernel/vfs.ts';
import type { GuestBuffer, Place } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import { AT, AT_FDCWD, O } from '../abi/flags.ts';
import { encodeStat, fromTimespec, fromTimeval, timespec, timeval } from '../abi/structs.ts';

type StatPlace = Place<ReturnType<typeof encodeStat>>;
interface Time {
  sec: number;
  nsec: number;
}

/** The directory a relative path starts from; undefined: the current one. */
function base(task: Task, fd: number, path: string): OpenFile | undefined {
  return fd === AT_FDCWD || path.startsWith('/') ? undefined : task.file(fd);
}

function look(flags: number, followDefault = true): LookUp {
  const follow = flags & AT.AT_SYMLINK_NOFOLLOW ? false : flags & AT.AT_SYMLINK_FOLLOW ? true : followDefault;
  return { follow, empty: (flags & AT.AT_EMPTY_PATH) !== 0 };
}

export function openat(
  task: Task,
  { fd, path, flags, mode }: { fd: number; path: string; flags: number; mode: number },
) {
  const access = flags & 3;
  if (access === 3) fail('EINVAL');
  const onlyPath = (flags & O.O_PATH) !== 0;
  const how: OpenHow = {
    read: !onlyPath && access !== O.O_WRONLY,
    write: !onlyPath && access !== O.O_RDONLY,
    create: (flags & O.O_CREAT) !== 0,
    exclusive: (flags & O.O_EXCL) !== 0,
    truncate: (flags & O.O_TRUNC) !== 0,
    append: (flags & O.O_APPEND) !== 0,
    directory: (flags & O.O_DIRECTORY) !== 0,
    nofollow: (flags & O.O_NOFOLLOW) !== 0,
    path: onlyPath,
    nonblock: (flags & O.O_NONBLOCK) !== 0,
    noctty: (flags & O.O_NOCTTY) !== 0,
    sync: (flags & (O.O_SYNC | O.O_DSYNC)) !== 0,
    mode: mode & 0o7777,
  };
  return task.files.add(task.vfs.open(task.fs, base(task, fd, path), path, how), (flags & O.O_CLOEXEC) !== 0);
}

export function open(task: Task, { path, flags, mode }: { path: string; flags: number; mode: number }) {
  return openat(task, { fd: AT_FDCWD, path, flags, mode });
}

export function fstatat(task: Task, a: { fd: number; path: string; buf: StatPlace; flag: number }) {
  a.buf.set(encodeStat(task.vfs.stat(task.fs, base(task, a.fd, a.path), a.path, look(a.flag))));
}

export function fstat(task: Task, { fd, buf }: { fd: number; buf: StatPlace }) {
  buf.set(encodeStat(task.file(fd).stat()));
}

export function faccessat(task: Task, a: { fd: number; path: string; mode: number; flag: number }) {
  const want = { read: (a.mode & 4) !== 0, write: (a.mode & 2) !== 0, execute: (a.mode & 1) !== 0 };
  task.vfs.access(task.fs, base(task, a.fd, a.path), a.path, want, look(a.flag));
}

export function access(task: Task, { path, mode }: { path: string; mode: number }) {
  faccessat(task, { fd: AT_FDCWD, path, mode, flag: 0 });
}

export function readlinkat(task: Task, { fd, path, buf }: { fd: number; path: string; buf: GuestBuffer }) {
  const target = bytesOf(task.vfs.readlink(task.fs, base(task, fd, path), path)).subarray(0, buf.length);
  buf.fill(target);
  return target.length;
}

export function readlink(task: Task, { path, buf }: { path: string; buf: GuestBuffer }) {
  return readlinkat(task, { fd: AT_FDCWD, path, buf });
}

export function mkdirat(task: Task, { fd, path, mode }: { fd: number; path: string; mode: number }) {
  task.vfs.mkdir(task.fs, base(task, fd, path), path, mode & 0o7777);
}

export function mkdir(task: Task, { path, mode }: { path: string; mode: number }) {
  mkdirat(task, { fd: AT_FDCWD, path, mode });
}

export function rmdir(task: Task, { path }: { path: string }) {
  task.vfs.rmdir(task.fs, undefined, path);
}

export function unlinkat(task: Task, { fd, path, flag }: { fd: number; path: string; flag: number }) {
  const from = base(task, fd, path);
  if (flag & AT.AT_REMOVEDIR) task.vfs.rmdir(task.fs, from, path);
  else task.vfs.unlink(task.fs, from, path);
}

export function unlink(task: Task, { path }: { path: string }) {
  // FreeBSD says EPERM where POSIX has it and Linux says EISDIR.
  if (task.vfs.stat(task.fs, undefined, path, { follow: false }).type === 'directory') fail('EPERM');
  task.vfs.unlink(task.fs, undefined, path);
}

export function renameat(task: Task, a: { oldfd: number; old: string; newfd: number; new: string }) {
  task.vfs.rename(task.fs, base(task, a.oldfd, a.old), a.old, base(task, a.newfd, a.new), a.new);
}

export function rename(task: Task, { from, to }: { from: string; to: string }) {
  task.vfs.rename(task.fs, undefined, from, undefined, to);
}

export function linkat(task: Task, a: { fd1: number; path1: string; fd2: number; path2: string; flag: number }) {
  const from = base(task, a.fd1, a.path1);
  task.vfs.link(task.fs, from, a.path1, base(task, a.fd2, a.path2), a.path2, look(a.flag, false));
}

/** FreeBSD's link follows a symbolic link, Linux's does not. */
export function link(task: Task, { path, link: name }: { path: string; link: string }) {
  task.vfs.link(task.fs, undefined, path, undefined, name, { follow: true });
}

export function symlinkat(task: Task, { path1, fd, path2 }: { path1: string; fd: number; path2: string }) {
  task.vfs.symlink(task.fs, path1, base(task, fd, path2), path2);
}

export function symlink(task: Task, { path, link: name }: { path: string; link: string }) {
  task.vfs.symlink(task.fs, path, undefined, name);
}

export function mkfifo(task: Task, { path, mode }: { path: string; mode: number }) {
  task.vfs.mknod(task.fs, undefined, path, 'fifo', mode & 0o7777);
}

export function fchmodat(task: Task, a: { fd: number; path: string; mode: number; flag: number }) {
  task.vfs.chmod(task.fs, base(task, a.fd, a.path), a.path, a.mode & 0o7777, look(a.flag));
}

export function chmod(task: Task, { path, mode }: { path: string; mode: number }) {
  task.vfs.chmod(task.fs, undefined, path, mode & 0o7777);
}

export function fchmod(task: Task, { fd, mode }: { fd: number; mode: number }) {
  task.vfs.chmod(task.fs, task.file(fd), '', mode & 0o7777, ON_BASE);
}

export function fchownat(task: Task, a: { fd: number; path: string; uid: number; gid: number; flag: number }) {
  task.vfs.chown(task.fs, base(task, a.fd, a.path), a.path, a.uid, a.gid, look(a.flag));
}

export function chown(task: Task, { path, uid, gid }: { path: string; uid: number; gid: number }) {
  task.vfs.chown(task.fs, undefined, path, uid, gid, { follow: true });
}

export function lchown(task: Task, { path, uid, gid }: { path: string; uid: number; gid: number }) {
  task.vfs.chown(task.fs, undefined, path, uid, gid, { follow: false });
}

export function fchown(task: Task, { fd, uid, gid }: { fd: number; uid: number; gid: number }) {
  task.vfs.chown(task.fs, task.file(fd), '', uid, gid, ON_BASE);
}

export function truncate(task: Task, { path, length }: { path: string; length: number }) {
  if (length < 0) fail('EINVAL');
  task.vfs.truncate(task.fs, undefined, path, length);
}

const UTIME_NOW = -1;
const UTIME_OMIT = -2;

function newTime(time: Time): NewTime {
  if (time.nsec === UTIME_NOW) return 'now';
  if (time.nsec === UTIME_OMIT) return undefined;
  if (time.nsec < 0 || time.nsec > 999_999_999) fail('EINVAL');
  return fromTimespec(time);
}

/** Two times at an address, both the present for a null pointer. */
function newTimes(task: Task, address: number): NewTime[] {
  return address === 0 ? ['now', 'now'] : timespec.getArray(task.space, address, 2).map(newTime);
}

export function utimensat(task: Task, a: { fd: number; path: string; times: number; flag: number }) {
  const [atime, mtime] = newTimes(task, a.times);
  task.vfs.utimes(task.fs, base(task, a.fd, a.path), a.path, atime, mtime, look(a.flag));
}

export function futimens(task: Task, { fd, times }: { fd: number; times: number }) {
  const [atime, mtime] = newTimes(task, times);
  task.vfs.utimes(task.fs, task.file(fd), '', atime, mtime, ON_BASE);
}

export function utimes(task: Task, { path, times }: { path: string; times: number }) {
  const given = times === 0 ? undefined : timeval.getArray(task.space, times, 2).map(fromTimeval);
  const [atime, mtime] = given ?? (['now', 'now'] as const);
  task.vfs.utimes(task.fs, undefined, path, atime, mtime, { follow: true });
}

export function chdir(task: Task, { path }: { path: string }) {
  task.vfs.chdir(task.fs, undefined, path);
}

export function fchdir(task: Task, { fd }: { fd: number }) {
  task.vfs.chdir(task.fs, task.file(fd), '', ON_BASE);
}

export function chroot(task: Task, { path }: { path: string }) {
  task.vfs.chroot(task.fs, path);
}

export function getcwd(task: Task, { buf }: { buf: GuestBuffer }) {
  const path = bytesOf(`${task.vfs.cwd(task.fs)}\0`);
  if (path.length > buf.length) fail('ERANGE');
  buf.fill(path);
}

export function umask(task: Task, { mask }: { mask: number }) {
  const old = task.fs.umask;
  task.fs.umask = mask & 0o777;
  return old;
}
