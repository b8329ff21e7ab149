/** Calls on descriptors: read, write, seek, dup, fcntl, ioctl, directories, pipes. */

import { fail, missing } from '../../../src/base/failures.ts';
import { bytesOf } from '../../../src/base/text.ts';
import { DirectoryFile } from '../../../src/kernel/directory-file.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import { makePipe } from '../../../src/kernel/pipe.ts';
import { type Tty, TtyFile } from '../../../src/kernel/tty.ts';
import { ON_BASE } from '../../../src/kernel/vfs.ts';
import type { GuestBuffer, Place, PlaceArray } from '../../../src/personality/arguments.ts';
import type { Result } from '../../../src/personality/define.ts';
import type { Task } from '../../../src/personality/task.ts';
import { F, IOCTL, O } from '../abi/flags.ts';
import { direntHeader, direntType, type statfs as statfsLayout, winsize, word } from '../abi/structs.ts';
import { fromTermios, termios, toTermios } from '../abi/terminal.ts';
import { readInto, writeFrom } from './transfer.ts';

type FsStatPlace = Place<ReturnType<(typeof statfsLayout)['get']>>;
interface Slice {
  base: number;
  length: number;
}

const IOV_MAX = 1024;

function reader(task: Task, fd: number): OpenFile {
  const file = task.file(fd);
  return file.readable ? file : fail('EBADF');
}

function writer(task: Task, fd: number): OpenFile {
  const file = task.file(fd);
  return file.writable ? file : fail('EBADF');
}

export function read(task: Task, { fd, buf }: { fd: number; buf: GuestBuffer }) {
  return readInto(reader(task, fd), buf.output());
}

export function write(task: Task, { fd, buf }: { fd: number; buf: GuestBuffer }) {
  return writeFrom(task, writer(task, fd), buf.input());
}

export function pread(task: Task, { fd, buf, offset }: { fd: number; buf: GuestBuffer; offset: number }) {
  if (offset < 0) fail('EINVAL');
  return readInto(reader(task, fd), buf.output(), offset);
}

export function pwrite(task: Task, { fd, buf, offset }: { fd: number; buf: GuestBuffer; offset: number }) {
  if (offset < 0) fail('EINVAL');
  return writeFrom(task, writer(task, fd), buf.input(), offset);
}

function slices(task: Task, iov: PlaceArray<Slice>, access: 'read' | 'write'): Uint8Array[] {
  if (iov.count <= 0 || iov.count > IOV_MAX) fail('EINVAL');
  return iov.get().flatMap(({ base, length }) => task.space.spans(base, length, access));
}

export function readv(task: Task, { fd, iov }: { fd: number; iov: PlaceArray<Slice> }) {
  return readInto(reader(task, fd), slices(task, iov, 'write'));
}

export function writev(task: Task, { fd, iov }: { fd: number; iov: PlaceArray<Slice> }) {
  return writeFrom(task, writer(task, fd), slices(task, iov, 'read'));
}

export function preadv(task: Task, { fd, iov, offset }: { fd: number; iov: PlaceArray<Slice>; offset: number }) {
  return readInto(reader(task, fd), slices(task, iov, 'write'), offset);
}

export function pwritev(task: Task, { fd, iov, offset }: { fd: number; iov: PlaceArray<Slice>; offset: number }) {
  return writeFrom(task, writer(task, fd), slices(task, iov, 'read'), offset);
}

const WHENCE = ['set', 'current', 'end', 'data', 'hole'] as const;

export function lseek(task: Task, { fd, offset, whence }: { fd: number; offset: number; whence: number }) {
  return task.file(fd).seek(offset, WHENCE[whence] ?? fail('EINVAL'));
}

export function ftruncate(task: Task, { fd, length }: { fd: number; length: number }) {
  if (length < 0) fail('EINVAL');
  writer(task, fd).truncate(length);
}

export function fsync(task: Task, { fd }: { fd: number }) {
  task.file(fd).sync();
}

export function close(task: Task, { fd }: { fd: number }) {
  task.files.close(fd);
}

export function closeRange(task: Task, { lowfd, highfd, flags }: { lowfd: number; highfd: number; flags: number }) {
  if (flags !== 0 || highfd < lowfd) fail('EINVAL');
  task.files.closeRange(lowfd, highfd);
}

export function dup(task: Task, { fd }: { fd: number }) {
  return task.files.dup(fd);
}

export function dup2(task: Task, { from, to }: { from: number; to: number }) {
  return task.files.dupTo(from, to);
}

export function getdtablesize(task: Task) {
  return task.files.limit;
}

export function fcntl(task: Task, { fd, cmd, arg }: { fd: number; cmd: number; arg: number }) {
  const { files } = task;
  const file = task.file(fd);
  switch (cmd) {
    case F.F_DUPFD:
      return files.dup(fd, false, arg);
    case F.F_DUPFD_CLOEXEC:
      return files.dup(fd, true, arg);
    case F.F_DUP2FD:
      return files.dupTo(fd, arg);
    case F.F_DUP2FD_CLOEXEC:
      return files.dupTo(fd, arg, true);
    case F.F_GETFD:
      return files.isCloseOnExec(fd) ? 1 : 0;
    case F.F_SETFD:
      return files.setCloseOnExec(fd, (arg & 1) !== 0);
    case F.F_GETFL:
      return openFlags(file);
    case F.F_SETFL:
      file.nonblocking = (arg & O.O_NONBLOCK) !== 0;
      file.append = (arg & O.O_APPEND) !== 0;
      return 0;
    default:
      missing(`freebsd fcntl ${cmd}`);
      return fail('EINVAL');
  }
}

function openFlags(file: OpenFile): number {
  const access = file.readable ? (file.writable ? O.O_RDWR : O.O_RDONLY) : O.O_WRONLY;
  return access | (file.append ? O.O_APPEND : 0) | (file.nonblocking ? O.O_NONBLOCK : 0);
}

export function ioctl(task: Task, { fd, com, data }: { fd: number; com: number; data: number }) {
  const file = task.file(fd);
  const { space } = task;
  switch (com) {
    case IOCTL.FIOCLEX:
      return task.files.setCloseOnExec(fd, true);
    case IOCTL.FIONCLEX:
      return task.files.setCloseOnExec(fd, false);
    case IOCTL.FIONBIO:
      file.nonblocking = word.get(space, data).value !== 0;
      return 0;
    case IOCTL.FIONREAD:
      return word.set(space, data, { value: available(file) });
    default:
      return file instanceof TtyFile ? terminalControl(task, file.tty, com, data) : fail('ENOTTY');
  }
}

/** Bytes that can be read at once. */
function available(file: OpenFile): number {
  if (file instanceof TtyFile) return file.tty.line.available;
  if ('available' in file) return Number(file.available);
  return file.kind === 'file' ? Math.max(0, file.stat().size - file.position) : fail('ENOTTY');
}

function terminalControl(task: Task, tty: Tty, com: number, data: number): Result {
  const { space, process } = task;
  switch (com) {
    case IOCTL.TIOCGETA:
      return termios.set(space, data, toTermios(tty.settings));
    case IOCTL.TIOCSETA:
    case IOCTL.TIOCSETAW:
    case IOCTL.TIOCSETAF:
      return tty.configure(fromTermios(termios.get(space, data), tty.settings), com === IOCTL.TIOCSETAF);
    case IOCTL.TIOCGWINSZ: {
      const { rows, columns, xPixels, yPixels } = tty.size;
      return winsize.set(space, data, { rows, columns, x: xPixels, y: yPixels });
    }
    case IOCTL.TIOCSWINSZ: {
      const { rows, columns, x, y } = winsize.get(space, data);
      return tty.resize({ rows, columns, xPixels: x, yPixels: y });
    }
    case IOCTL.TIOCGPGRP:
      return word.set(space, data, { value: tty.foreground || 99999 });
    case IOCTL.TIOCSPGRP: {
      const group = word.get(space, data).value;
      if (process.session !== tty.session) fail('ENOTTY');
      if (task.kernel.processGroup(group).length === 0) fail('EPERM');
      tty.foreground = group;
      return undefined;
    }
    default:
      missing(`freebsd ioctl 0x${com.toString(16)}`);
      return fail('ENOTTY');
  }
}

/** Whole entries as many as fit; EINVAL when not even the first does. */
export function getdirentries(task: Task, { fd, buf, basep }: { fd: number; buf: GuestBuffer; basep: number }) {
  const directory = task.file(fd);
  if (!(directory instanceof DirectoryFile)) return fail('EINVAL');
  const start = directory.position;
  const bytes = new Uint8Array(Math.min(buf.length, 0x1_0000));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (let entry = directory.peek(); entry !== undefined; entry = directory.peek()) {
    const name = bytesOf(entry.name);
    // d_reclen is a multiple of eight and leaves room for a NUL.
    const reclen = Math.ceil((direntHeader.size + name.length + 1) / 8) * 8;
    if (at + reclen > bytes.length) {
      if (at === 0) fail('EINVAL');
      break;
    }
    const off = directory.position + 1;
    direntHeader.write(view, at, { fileno: entry.ino, off, reclen, type: direntType(entry.type), namlen: name.length });
    bytes.set(name, at + direntHeader.size);
    at += reclen;
    directory.advance();
  }
  buf.fill(bytes.subarray(0, at));
  if (basep !== 0) task.space.writeU64(basep, start);
  return at;
}

export function pipe2(
  task: Task,
  { fildes, flags }: { fildes: Place<{ first: number; second: number }>; flags: number },
) {
  const [from, to] = makePipe(task.kernel.realtime());
  for (const end of [from, to]) end.nonblocking = (flags & O.O_NONBLOCK) !== 0;
  const first = task.files.add(from, (flags & O.O_CLOEXEC) !== 0);
  const second = task.files.add(to, (flags & O.O_CLOEXEC) !== 0);
  fildes.set({ first, second });
}

export function fstatfs(task: Task, { fd, buf }: { fd: number; buf: FsStatPlace }) {
  statfsOf(task, task.file(fd), '', buf);
}

export function statfs(task: Task, { path, buf }: { path: string; buf: FsStatPlace }) {
  statfsOf(task, undefined, path, buf);
}

function statfsOf(task: Task, base: OpenFile | undefined, path: string, buf: FsStatPlace): void {
  const s = task.vfs.statfs(task.fs, base, path, base ? ON_BASE : undefined);
  buf.set({
    version: 0x20140518,
    type: s.type & 0xff,
    flags: s.readOnly ? 1 : 0,
    bsize: s.blockSize,
    iosize: s.blockSize,
    blocks: s.blocks,
    bfree: s.free,
    bavail: s.free,
    files: s.files,
    ffree: s.filesFree,
    syncwrites: 0,
    asyncwrites: 0,
    syncreads: 0,
    asyncreads: 0,
    namemax: 255,
    owner: 0,
    fsid: [0, 0],
    fstypename: 'hospes',
    mntfromname: 'hospes',
    mntonname: '/',
  });
}
