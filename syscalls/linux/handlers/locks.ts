/** fcntl's record locks and flock over the kernel's lock table. A descriptor table owns POSIX locks, an open file the others. */
import { fail } from '../../../src/base/failures.ts';
import type { Kernel } from '../../../src/kernel/kernel.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import { type FileLocks, LockTable, type RangeLock, takeOrWait } from '../../../src/kernel/record-locks.ts';
import { RegularFile } from '../../../src/kernel/regular-file.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { Thread } from '../../../src/process/thread.ts';
import { F, F_RDLCK, F_UNLCK, F_WRLCK, LOCK } from '../abi/flags.ts';
import { flock as flockStruct } from '../abi/structs.ts';

/** Record locks and flock's do not see each other. */
interface Tables {
  records: LockTable;
  whole: LockTable;
  /** Who waits for a record lock. */
  waiting: Waiting;
}
const tables = new WeakMap<Kernel, Tables>();
const watched = new WeakSet<object>();

function tablesOf(t: Task): Tables {
  const known = tables.get(t.kernel) ?? { records: new LockTable(), whole: new LockTable(), waiting: new Map() };
  tables.set(t.kernel, known);
  return known;
}

function identityOf(file: OpenFile): unknown {
  if (file instanceof RegularFile) return file.mapKey;
  const { dev, ino } = file.stat();
  return `${dev}:${ino}`;
}

export function lockCommand(t: Task, file: OpenFile, cmd: number, address: number): number | Wait {
  const wanted = flockStruct.get(t.space, address);
  const ofd = cmd >= F.F_OFD_GETLK;
  if (ofd && wanted.l_pid !== 0) fail('EINVAL');
  const { start, end } = range(file, wanted);
  const identity = identityOf(file);
  const locks = tablesOf(t).records.of(identity);
  const owner = ofd ? file : t.files;
  const exclusive = wanted.l_type === F_WRLCK;
  const lock: RangeLock = { owner, pid: ofd ? -1 : t.process.pid, start, end, exclusive };
  if (cmd === F.F_GETLK || cmd === F.F_OFD_GETLK) return report(t, address, wanted, locks.conflict(lock));
  if (wanted.l_type === F_UNLCK) {
    locks.release(owner, start, end);
    return 0;
  }
  if (wanted.l_type !== F_RDLCK && !exclusive) fail('EINVAL');
  if (exclusive ? !file.writable : !file.readable) fail('EBADF');
  watch(t, file, ofd);
  if (cmd === F.F_SETLK || cmd === F.F_OFD_SETLK) return locks.take(lock) ? 0 : fail('EAGAIN');
  return waitUnlessDeadlocked(t, locks, lock, ofd);
}

/** F_SETLKW among owners that wait for each other in a circle would wait for ever; locks of open files are not looked at. */
function waitUnlessDeadlocked(t: Task, locks: FileLocks, lock: RangeLock, ofd: boolean): number | Wait {
  const { waiting } = tablesOf(t);
  waiting.delete(t.thread);
  if (locks.take(lock)) return 0;
  if (!ofd) {
    if (waitsFor(waiting, locks, lock, lock.owner, new Set())) fail('EDEADLK');
    waiting.set(t.thread, { locks, lock });
  }
  return new Wait([locks.queue]);
}

/** Is `owner` among those that this lock, directly or through others that wait, has to wait for? */
function waitsFor(waiting: Waiting, locks: FileLocks, lock: RangeLock, owner: object, seen: Set<object>): boolean {
  for (const holder of locks.conflicts(lock)) {
    if (holder.owner === owner) return true;
    if (seen.has(holder.owner)) continue;
    seen.add(holder.owner);
    for (const [thread, other] of waiting) {
      // A thread that waits for something else by now has given up.
      if (!thread.wait?.queues.includes(other.locks.queue)) waiting.delete(thread);
      else if (other.lock.owner === holder.owner && waitsFor(waiting, other.locks, other.lock, owner, seen))
        return true;
    }
  }
  return false;
}

type Waiting = Map<Thread, { locks: FileLocks; lock: RangeLock }>;
type Flock = { l_type: number; l_whence: number; l_start: number; l_len: number; l_pid: number };

/** A negative length reaches back from the start; 0 reaches to the end of the file for ever. */
function range(file: OpenFile, { l_whence, l_start, l_len }: Flock): { start: number; end: number } {
  let base = 0;
  if (l_whence === 1) base = file.position;
  else if (l_whence === 2) base = file.stat().size;
  else if (l_whence !== 0) fail('EINVAL');
  const at = base + l_start;
  const start = l_len < 0 ? at + l_len : at;
  if (start < 0) fail('EINVAL');
  return { start, end: l_len === 0 ? Number.POSITIVE_INFINITY : l_len < 0 ? at : at + l_len };
}

function report(t: Task, address: number, wanted: Flock, found: RangeLock | undefined): number {
  const value = found
    ? {
        l_type: found.exclusive ? F_WRLCK : F_RDLCK,
        l_whence: 0,
        l_start: found.start,
        l_len: found.end === Number.POSITIVE_INFINITY ? 0 : found.end - found.start,
        l_pid: found.pid,
      }
    : { ...wanted, l_type: F_UNLCK };
  flockStruct.set(t.space, address, value);
  return 0;
}

/** POSIX locks go with the first close of any descriptor of the file, the others with the last close of the open file. */
function watch(t: Task, file: OpenFile, ofd: boolean): void {
  const { records } = tablesOf(t);
  const { files } = t;
  if (ofd) watchRelease(file, records);
  else if (!watched.has(files)) {
    watched.add(files);
    files.onClose = (closed) => {
      // Only regular files carry record locks in practice; asking others for their identity could fail by now.
      if (closed instanceof RegularFile) records.find(closed.mapKey)?.release(files);
    };
  }
}

function watchRelease(file: OpenFile, table: LockTable): void {
  const identity = identityOf(file);
  const { watchers } = table;
  if (watchers.has(file)) return;
  watchers.add(file);
  file.releaseListeners.add(() => {
    table.find(identity)?.release(file);
    table.prune(identity);
  });
}

export function flock(t: Task, { fd, operation }: { fd: number; operation: number }): Wait | undefined {
  const file = t.file(fd);
  const kind = operation & ~LOCK.LOCK_NB;
  const { whole } = tablesOf(t);
  const locks: FileLocks = whole.of(identityOf(file));
  if (kind === LOCK.LOCK_UN) {
    locks.release(file);
    return undefined;
  }
  if (kind !== LOCK.LOCK_SH && kind !== LOCK.LOCK_EX) fail('EINVAL');
  watchRelease(file, whole);
  const lock = { owner: file, pid: -1, start: 0, end: Number.POSITIVE_INFINITY, exclusive: kind === LOCK.LOCK_EX };
  if (operation & LOCK.LOCK_NB) return locks.take(lock) ? undefined : fail('EAGAIN');
  return takeOrWait(locks, lock);
}
