/** Calls on open files' bytes: read, write, seek, sizes, copies between files. Names are in directories.ts, descriptors in descriptors.ts. */
import { fail, GuestError } from '../../../src/base/failures.ts';
import { type OpenFile, READABLE } from '../../../src/kernel/open-file.ts';
import { RegularFile } from '../../../src/kernel/regular-file.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { GuestBuffer, Place } from '../../../src/personality/arguments.ts';
import { wouldBlock } from '../../../src/personality/blocking.ts';
import type { Task } from '../../../src/personality/task.ts';
import { FALLOC, RWF, SEEK, SPLICE } from '../abi/flags.ts';
import { brokenPipe, checkedCount, readFile, readVectors, tooLarge, writeFile, writeVectors } from './io.ts';

interface Transfer {
  fd: number;
  buf: GuestBuffer;
}

export const read = (t: Task, { fd, buf }: Transfer) => readFile(t, t.file(fd), buf);
export const write = (t: Task, { fd, buf }: Transfer) => writeFile(t, t.file(fd), buf);

/** Files that have no position refuse positional transfers. */
function positioned(t: Task, fd: number): OpenFile {
  const file = t.file(fd);
  if (file.kind === 'pipe' || file.kind === 'socket' || file.kind === 'tty' || file.kind === 'fifo') fail('ESPIPE');
  return file;
}

export function pread64(t: Task, { fd, buf, pos }: Transfer & { pos: number }) {
  if (pos < 0) fail('EINVAL');
  return readFile(t, positioned(t, fd), buf, pos);
}

export function pwrite64(t: Task, { fd, buf, pos }: Transfer & { pos: number }) {
  if (pos < 0) fail('EINVAL');
  return writeFile(t, positioned(t, fd), buf, pos);
}

interface Vectored {
  fd: number;
  vec: number;
  vlen: number;
}

export const readv = (t: Task, { fd, vec, vlen }: Vectored) => readVectors(t, t.file(fd), vec, vlen);
export const writev = (t: Task, { fd, vec, vlen }: Vectored) => writeVectors(t, t.file(fd), vec, vlen);

export const preadv = (t: Task, { fd, vec, vlen, pos }: Vectored & { pos: number }) =>
  readVectors(t, positioned(t, fd), vec, vlen, pos < 0 ? fail('EINVAL') : pos);
export const pwritev = (t: Task, { fd, vec, vlen, pos }: Vectored & { pos: number }) =>
  writeVectors(t, positioned(t, fd), vec, vlen, pos < 0 ? fail('EINVAL') : pos);

type Vectored2 = Vectored & { pos: number; flags: number };
const RWF_KNOWN = RWF.RWF_HIPRI | RWF.RWF_DSYNC | RWF.RWF_SYNC | RWF.RWF_NOWAIT | RWF.RWF_APPEND;

/** Position -1 is the file's own. */
export function preadv2(t: Task, { fd, vec, vlen, pos, flags }: Vectored2) {
  if (flags & ~RWF_KNOWN) fail('EOPNOTSUPP');
  const file = pos === -1 ? t.file(fd) : positioned(t, fd);
  if (flags & RWF.RWF_NOWAIT && !(file.readiness() & READABLE)) fail('EAGAIN');
  return readVectors(t, file, vec, vlen, pos === -1 ? undefined : pos);
}

export function pwritev2(t: Task, { fd, vec, vlen, pos, flags }: Vectored2) {
  if (flags & ~RWF_KNOWN) fail('EOPNOTSUPP');
  const file = pos === -1 ? t.file(fd) : positioned(t, fd);
  const { append } = file;
  file.append ||= (flags & RWF.RWF_APPEND) !== 0;
  try {
    return writeVectors(t, file, vec, vlen, pos === -1 ? undefined : pos);
  } finally {
    file.append = append;
  }
}

const NO_POSITION = new GuestError('ESPIPE');

/** Every stdio asks it of its pipes and terminals. */
export function lseek(t: Task, { fd, offset, whence }: { fd: number; offset: number; whence: number }) {
  const file = t.file(fd);
  const from = SEEK[whence] ?? fail('EINVAL');
  return file.seekable ? file.seek(offset, from) : NO_POSITION;
}

// ---- sizes and durability

export function ftruncate(t: Task, { fd, length }: { fd: number; length: number }): void {
  const file = t.file(fd);
  if (length < 0 || !file.writable) fail('EINVAL');
  if (length > file.stat().size) withinFileSize(t, length);
  file.truncate(length);
}

/** RLIMIT_FSIZE: growing a file past it is a signal and an error. */
export function withinFileSize(t: Task, size: number): void {
  if (size > t.process.limit('FSIZE')) tooLarge(t);
}

export function fallocate(
  t: Task,
  { fd, mode, offset, len }: { fd: number; mode: number; offset: number; len: number },
): void {
  const file = t.file(fd);
  if (!file.writable) fail('EBADF');
  if (offset < 0 || len <= 0) fail('EINVAL');
  if (!(file instanceof RegularFile)) fail(file.kind === 'pipe' ? 'ESPIPE' : 'ENODEV');
  const keep = (mode & FALLOC.FALLOC_FL_KEEP_SIZE) !== 0;
  const rest = mode & ~FALLOC.FALLOC_FL_KEEP_SIZE;
  if (!keep && offset + len > file.stat().size) withinFileSize(t, offset + len);
  if (rest === 0) file.allocate(keep ? 'keep-size' : 'grow', offset, len);
  else if (rest === FALLOC.FALLOC_FL_PUNCH_HOLE && keep) file.allocate('punch', offset, len);
  else if (rest === FALLOC.FALLOC_FL_ZERO_RANGE) file.allocate(keep ? 'punch' : 'zero', offset, len);
  else fail('EOPNOTSUPP');
}

/** Pipes, sockets and devices have nothing that could be made durable. */
export function fsync(t: Task, { fd }: { fd: number }): void {
  const file = t.file(fd);
  if (file.kind === 'path') fail('EBADF');
  const { type } = file.stat();
  if (type !== 'file' && type !== 'directory' && type !== 'block') fail('EINVAL');
  file.sync();
}

export const syncfs = (t: Task, { fd }: { fd: number }): void => t.file(fd).sync();
export const sync = (): void => {};

export function sync_file_range(
  t: Task,
  { fd, offset, nbytes, flags }: { fd: number; offset: number; nbytes: number; flags: number },
): void {
  const file = t.file(fd);
  if (flags & ~7 || offset < 0 || nbytes < 0) fail('EINVAL');
  file.sync();
}

/** Advice about access patterns: nothing to do but to refuse nonsense. */
export function fadvise64(t: Task, { fd, advice }: { fd: number; offset: number; len: number; advice: number }): void {
  const file = t.file(fd);
  if (file.kind === 'pipe' || file.kind === 'fifo') fail('ESPIPE');
  if (advice < 0 || advice > 5) fail('EINVAL');
}

export function readahead(t: Task, { fd }: { fd: number; offset: number; count: number }): void {
  const file = t.file(fd);
  if (!file.readable) fail('EBADF');
  if (file.kind !== 'file') fail('EINVAL');
}

// ---- from file to file

const CHUNK = 0x1_0000;

/**
 * Copy up to `count` bytes. What the sink does not take goes back by moving the source's position, so a source without one is
 * read only as far as the sink surely takes.
 */
function transfer(
  t: Task,
  from: OpenFile,
  to: OpenFile,
  count: number,
  fromAt: number | undefined,
  toAt: number | undefined,
): number | Wait {
  const chunk = new Uint8Array(Math.min(CHUNK, count));
  let done = 0;
  while (done < count) {
    let got = 0;
    let put = 0;
    const source = fromAt === undefined ? undefined : fromAt + done;
    const seekable = source !== undefined || from instanceof RegularFile;
    try {
      const { position } = from;
      got = from.read(chunk.subarray(0, Math.min(chunk.length, count - done)), source);
      if (got === 0) break;
      try {
        while (put < got) put += to.write(chunk.subarray(put, got), toAt === undefined ? undefined : toAt + done + put);
      } finally {
        // An unseekable source keeps nothing: the rest is written by the caller's next attempt at the latest.
        if (seekable && source === undefined) from.position = position + put;
      }
    } catch (error) {
      done += put;
      if (!(error instanceof GuestError)) throw error;
      if (done > 0) return done;
      if (error.code === 'EPIPE') brokenPipe(t);
      const blocked = got === 0 ? from : to;
      if (wouldBlock(error, blocked)) return new Wait([blocked.queue]);
      throw error;
    }
    done += put;
    if (got < chunk.length && done < count && !(from instanceof RegularFile)) break;
  }
  return done;
}

type Offset = Place<{ value: number }>;

export function sendfile(
  t: Task,
  { out_fd, in_fd, offset, count }: { out_fd: number; in_fd: number; offset: Offset; count: number },
): number | Wait {
  const from = t.file(in_fd);
  const to = t.file(out_fd);
  if (!from.readable || !to.writable) fail('EBADF');
  if (!(from instanceof RegularFile) || to.append) fail('EINVAL');
  const at = offset.isNull ? undefined : offset.get().value;
  if (at !== undefined && at < 0) fail('EINVAL');
  const moved = transfer(t, from, to, checkedCount(count), at, undefined);
  if (at !== undefined && typeof moved === 'number') offset.set({ value: at + moved });
  return moved;
}

interface CopyArgs {
  fd_in: number;
  off_in: Offset;
  fd_out: number;
  off_out: Offset;
  len: number;
  flags: number;
}

export function copy_file_range(t: Task, { fd_in, off_in, fd_out, off_out, len, flags }: CopyArgs): number | Wait {
  const from = t.file(fd_in);
  const to = t.file(fd_out);
  if (flags !== 0) fail('EINVAL');
  if (from.kind === 'directory' || to.kind === 'directory') fail('EISDIR');
  if (!(from instanceof RegularFile) || !(to instanceof RegularFile)) fail('EINVAL');
  if (!from.readable || !to.writable || to.append) fail('EBADF');
  const fromAt = off_in.isNull ? from.position : off_in.get().value;
  const toAt = off_out.isNull ? to.position : off_out.get().value;
  const count = checkedCount(len);
  if (from.mapKey === to.mapKey && fromAt < toAt + count && toAt < fromAt + count) fail('EINVAL');
  const moved = transfer(t, from, to, count, fromAt, toAt);
  if (typeof moved !== 'number') return moved;
  if (off_in.isNull) from.position += moved;
  else off_in.set({ value: fromAt + moved });
  if (off_out.isNull) to.position += moved;
  else off_out.set({ value: toAt + moved });
  return moved;
}

/** One end must be a pipe; bytes are copied where Linux moves pages. */
export function splice(t: Task, { fd_in, off_in, fd_out, off_out, len, flags }: CopyArgs): number | Wait {
  const from = t.file(fd_in);
  const to = t.file(fd_out);
  if (!from.readable || !to.writable) fail('EBADF');
  const isPipe = (file: OpenFile) => file.kind === 'pipe' || file.kind === 'fifo';
  if (!isPipe(from) && !isPipe(to)) fail('EINVAL');
  if ((isPipe(from) && !off_in.isNull) || (isPipe(to) && !off_out.isNull)) fail('ESPIPE');
  if (to.append) fail('EINVAL');
  const fromAt = off_in.isNull ? undefined : off_in.get().value;
  const toAt = off_out.isNull ? undefined : off_out.get().value;
  // A pipe's bytes cannot be put back: take no more than the other side surely takes at once.
  const count = Math.min(checkedCount(len), isPipe(from) ? 4096 : CHUNK);
  if (isPipe(from) && !(to.readiness() & 2)) {
    return to.nonblocking || flags & SPLICE.SPLICE_F_NONBLOCK ? fail('EAGAIN') : new Wait([to.queue]);
  }
  const moved = transfer(t, from, to, count, fromAt, toAt);
  if (moved instanceof Wait && flags & SPLICE.SPLICE_F_NONBLOCK) fail('EAGAIN');
  if (typeof moved !== 'number') return moved;
  if (fromAt !== undefined) off_in.set({ value: fromAt + moved });
  if (toAt !== undefined) off_out.set({ value: toAt + moved });
  return moved;
}

/** Linux gifts pages to the pipe; here they are copied. */
export function vmsplice(t: Task, { fd, vec, vlen }: Vectored & { flags: number }): number | Wait {
  const file = t.file(fd);
  if (file.kind !== 'pipe' && file.kind !== 'fifo') fail('EBADF');
  return file.writable ? writeVectors(t, file, vec, vlen) : readVectors(t, file, vec, vlen);
}
