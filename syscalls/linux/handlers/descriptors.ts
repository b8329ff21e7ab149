/** Calls on the descriptor table: close, duplicate, flags, record locks. */
import { fail, GuestError, missing } from '../../../src/base/failures.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import { PipeEnd } from '../../../src/kernel/pipe.ts';
import { RegularFile, type Seal } from '../../../src/kernel/regular-file.ts';
import { PROT_WRITE } from '../../../src/memory/address-space.ts';
import type { Task } from '../../../src/personality/task.ts';
import { CLOSE_RANGE, F, F_SEAL, FD_CLOEXEC, MFD, O } from '../abi/flags.ts';
import {
  getOwner,
  getOwnerEx,
  getSignal,
  isAsync,
  notifyOfNames,
  setAsync,
  setOwner,
  setOwnerEx,
  setSignal,
} from './file-owners.ts';
import { lockCommand } from './locks.ts';

export const close = (t: Task, { fd }: { fd: number }): void => t.files.close(fd);

export function close_range(t: Task, { first, last, flags }: { first: number; last: number; flags: number }): void {
  if (flags & ~(CLOSE_RANGE.CLOSE_RANGE_UNSHARE | CLOSE_RANGE.CLOSE_RANGE_CLOEXEC) || first > last) fail('EINVAL');
  if (flags & CLOSE_RANGE.CLOSE_RANGE_UNSHARE && t.files.shared) {
    const own = t.files.clone();
    t.files.release();
    t.process.files = own;
  }
  if (!(flags & CLOSE_RANGE.CLOSE_RANGE_CLOEXEC)) t.files.closeRange(first, last);
  else for (const [fd] of t.files.entries()) if (fd >= first && fd <= last) t.files.setCloseOnExec(fd, true);
}

export const dup = (t: Task, { oldfd }: { oldfd: number }) => t.files.dup(oldfd);
export const dup2 = (t: Task, { oldfd, newfd }: { oldfd: number; newfd: number }) => t.files.dupTo(oldfd, newfd);

export function dup3(t: Task, { oldfd, newfd, flags }: { oldfd: number; newfd: number; flags: number }): number {
  if (flags & ~O.O_CLOEXEC || oldfd === newfd) fail('EINVAL');
  return t.files.dupTo(oldfd, newfd, (flags & O.O_CLOEXEC) !== 0);
}

// ---- fcntl

/** Status flags as F_GETFL reports them. */
function statusFlags(file: OpenFile): number {
  if (file.kind === 'path') return O.O_PATH;
  const access = file.readable ? (file.writable ? O.O_RDWR : O.O_RDONLY) : file.writable ? O.O_WRONLY : O.O_RDONLY;
  // A 64-bit kernel sets O_LARGEFILE on whatever was opened by name.
  const large = file.place ? O.O_LARGEFILE : 0;
  const directory = file.kind === 'directory' ? O.O_DIRECTORY : 0;
  const async = isAsync(file) ? O.O_ASYNC : 0;
  return access | large | directory | async | (file.append ? O.O_APPEND : 0) | (file.nonblocking ? O.O_NONBLOCK : 0);
}

export function fcntl(t: Task, { fd, cmd, arg }: { fd: number; cmd: number; arg: number }) {
  const file = t.file(fd);
  const word = arg | 0;
  if (file.kind === 'path' && ![F.F_DUPFD, F.F_DUPFD_CLOEXEC, F.F_GETFD, F.F_SETFD, F.F_GETFL].includes(cmd as 0)) {
    fail('EBADF');
  }
  switch (cmd) {
    case F.F_DUPFD:
      return t.files.dup(fd, false, word);
    case F.F_DUPFD_CLOEXEC:
      return t.files.dup(fd, true, word);
    case F.F_GETFD:
      return t.files.isCloseOnExec(fd) ? FD_CLOEXEC : 0;
    case F.F_SETFD:
      t.files.setCloseOnExec(fd, (word & FD_CLOEXEC) !== 0);
      return 0;
    case F.F_GETFL:
      return statusFlags(file);
    case F.F_SETFL:
      file.append = (word & O.O_APPEND) !== 0;
      file.nonblocking = (word & O.O_NONBLOCK) !== 0;
      setAsync(t, fd, file, (word & O.O_ASYNC) !== 0);
      return 0;
    case F.F_GETLK:
    case F.F_SETLK:
    case F.F_SETLKW:
    case F.F_OFD_GETLK:
    case F.F_OFD_SETLK:
    case F.F_OFD_SETLKW:
      return lockCommand(t, file, cmd, arg);
    case F.F_GETPIPE_SZ:
    case F.F_SETPIPE_SZ:
      return pipeSize(file, cmd === F.F_SETPIPE_SZ ? word : undefined);
    case F.F_SETOWN:
      return setOwner(t, file, word);
    case F.F_GETOWN:
      return getOwner(file);
    case F.F_SETOWN_EX:
      return setOwnerEx(t, file, arg);
    case F.F_GETOWN_EX:
      return getOwnerEx(t, file, arg);
    case F.F_SETSIG:
      return setSignal(file, word);
    case F.F_GETSIG:
      return getSignal(file);
    case F.F_NOTIFY:
      return notifyOfNames(t, fd, file, word);
    case F.F_ADD_SEALS:
      return addSeals(t, file, arg);
    case F.F_GET_SEALS:
      return sealBits(sealable(file));
    case F.F_GETLEASE:
      return 2;
    default:
      return unknownCommand(cmd);
  }
}

function unknownCommand(cmd: number): never {
  const name = Object.keys(F).find((each) => F[each as keyof typeof F] === cmd) ?? String(cmd);
  missing(`linux fcntl ${name}`);
  return fail('EINVAL');
}

/** Pipes hold a power of two of pages. */
function pipeSize(file: OpenFile, wanted: number | undefined): number {
  if (!(file instanceof PipeEnd)) return fail('EBADF');
  if (wanted === undefined) return file.pipe.bytes.capacity;
  return wanted < 0 ? fail('EINVAL') : file.pipe.resize(wanted);
}

// ---- files without a name

const SEALS: readonly (readonly [Seal, number])[] = [
  ['seal', F_SEAL.F_SEAL_SEAL],
  ['shrink', F_SEAL.F_SEAL_SHRINK],
  ['grow', F_SEAL.F_SEAL_GROW],
  ['write', F_SEAL.F_SEAL_WRITE],
  ['future-write', F_SEAL.F_SEAL_FUTURE_WRITE],
  ['exec', F_SEAL.F_SEAL_EXEC],
];

const sealable = (file: OpenFile): Set<Seal> =>
  (file instanceof RegularFile ? file.seals : undefined) ?? fail('EINVAL');

const sealBits = (seals: ReadonlySet<Seal>): number =>
  SEALS.reduce((bits, [seal, bit]) => (seals.has(seal) ? bits | bit : bits), 0);

function addSeals(t: Task, file: OpenFile, bits: number): number {
  const seals = sealable(file);
  if (!file.writable) fail('EPERM');
  if (bits & ~0x3f) fail('EINVAL');
  if (seals.has('seal')) fail('EPERM');
  // A writable mapping could still change what is to be sealed.
  if (bits & F_SEAL.F_SEAL_WRITE && isMappedWritable(t, file as RegularFile)) fail('EBUSY');
  for (const [seal, bit] of SEALS) if (bits & bit) seals.add(seal);
  return 0;
}

function isMappedWritable(t: Task, file: RegularFile): boolean {
  for (const process of t.kernel.processes.values()) {
    if (process.status) continue;
    for (const { shared, file: mapped, maxProt } of process.space.mappings()) {
      if (shared && mapped?.mapKey === file.mapKey && maxProt & PROT_WRITE) return true;
    }
  }
  return false;
}

/** Memory as a file. */
export function memfd_create(t: Task, { name, flags }: { name: string; flags: number }): number {
  if (flags & ~(MFD.MFD_CLOEXEC | MFD.MFD_ALLOW_SEALING | MFD.MFD_NOEXEC_SEAL | MFD.MFD_EXEC)) {
    missing('linux memfd_create flags');
    fail('EINVAL');
  }
  if (name.length > 249) fail('EINVAL');
  const file = unnamedFile(t) as RegularFile;
  const mayBeSealed = (flags & (MFD.MFD_ALLOW_SEALING | MFD.MFD_NOEXEC_SEAL)) !== 0;
  file.seals = new Set(mayBeSealed ? [] : ['seal']);
  if (flags & MFD.MFD_NOEXEC_SEAL) {
    file.host.chmod(0o666);
    file.seals.add('exec');
  }
  return t.files.add(file, (flags & MFD.MFD_CLOEXEC) !== 0);
}

/** An unnamed file wherever one can be made: memory first. */
function unnamedFile(t: Task): OpenFile {
  // The umask has no part in it.
  const context = t.fs.clone();
  context.umask = 0;
  try {
    for (const folder of ['/dev/shm', '/tmp']) {
      try {
        return t.vfs.open(context, undefined, folder, { tmpfile: true, read: true, write: true, mode: 0o777 });
      } catch (error) {
        if (!(error instanceof GuestError)) throw error;
      }
    }
    return t.vfs.open(context, undefined, '/', { tmpfile: true, read: true, write: true, mode: 0o777 });
  } finally {
    context.release();
  }
}
