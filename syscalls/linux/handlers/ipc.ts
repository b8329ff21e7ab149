/** System V IPC: Linux's flags and structures over the kernel's segments, semaphore sets and message queues. */
import { fail, missing } from '../../../src/base/failures.ts';
import type { Kernel } from '../../../src/kernel/kernel.ts';
import {
  type IpcCaller,
  type IpcObject,
  type IpcTable,
  MessageQueue,
  Segment,
  SemaphoreSet,
  SystemVIpc,
} from '../../../src/kernel/sysv-ipc.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../src/memory/address-space.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { CallState } from '../../../src/process/thread.ts';
import { IPC, MSG, SEM, SHM } from '../abi/flags.ts';
import { ipc_perm, long, msqid_ds, sembuf, semid_ds, shmid_ds, timespec } from '../abi/structs.ts';
import { fromTimespec } from './time.ts';

const systems = new WeakMap<Kernel, SystemVIpc>();

function ipc(t: Task): SystemVIpc {
  const known = systems.get(t.kernel) ?? new SystemVIpc();
  systems.set(t.kernel, known);
  return known;
}

function caller(t: Task): IpcCaller {
  const { pid, credentials } = t.process;
  const now = Number(t.kernel.realtime() / 1_000_000_000n);
  return { pid, uid: credentials.euid, gid: credentials.egid, groups: credentials.groups, now };
}

const creation = (flags: number) => ({
  create: (flags & IPC.IPC_CREAT) !== 0,
  exclusive: (flags & IPC.IPC_EXCL) !== 0,
});

/** A get call: the object of the key, which must be as asked for (`fits`) and let the caller do what the mode bits say. */
function obtain<T extends IpcObject>(
  t: Task,
  table: IpcTable<T>,
  key: number,
  flags: number,
  make: (by: IpcCaller) => T,
  fits: (object: T) => boolean = () => true,
): number {
  const by = caller(t);
  const object = table.get(key, creation(flags), () => make(by));
  if (!fits(object)) fail('EINVAL');
  object.check(by, ((flags >> 6) | (flags >> 3) | flags) & 6);
  return object.id;
}

function permissions(object: IpcObject) {
  return {
    key: object.key,
    uid: object.uid,
    gid: object.gid,
    cuid: object.creatorUid,
    cgid: object.creatorGid,
    mode: object.mode,
    seq: 0,
  };
}

/** IPC_SET: owner, group and mode out of the structure's head. */
function change(t: Task, object: IpcObject, address: number): void {
  const by = caller(t);
  const { uid, gid, mode } = ipc_perm.get(t.space, address);
  if (!object.owns(by)) fail('EPERM');
  object.uid = uid;
  object.gid = gid;
  object.mode = mode & 0o777;
  object.changed = by.now;
}

/** The commands that all three kinds have; `describe` fills in the structure for IPC_STAT. */
function control<T extends IpcObject>(
  t: Task,
  call: string,
  table: IpcTable<T>,
  object: T,
  cmd: number,
  address: number,
  describe: () => void,
): 0 {
  if (cmd === IPC.IPC_RMID) table.remove(object, caller(t));
  else if (cmd === IPC.IPC_SET) change(t, object, address);
  else if (cmd === IPC.IPC_STAT) {
    object.check(caller(t), 4);
    describe();
  } else {
    missing(`linux ${call} ${cmd}`);
    fail('EINVAL');
  }
  return 0;
}

// ---- shared memory

const SEGMENT_MAX = 0x1_0000_0000;

export function shmget(t: Task, { key, size, shmflg }: { key: number; size: number; shmflg: number }): number {
  const make = (by: IpcCaller) =>
    size < 1 || size > SEGMENT_MAX ? fail('EINVAL') : new Segment(key, size, shmflg, by);
  return obtain(t, ipc(t).segments, key, shmflg, make, (segment) => size <= segment.bytes);
}

export function shmat(t: Task, { shmid, shmaddr, shmflg }: { shmid: number; shmaddr: number; shmflg: number }): number {
  const by = caller(t);
  const segment = ipc(t).segments.find(shmid);
  const readOnly = (shmflg & SHM.SHM_RDONLY) !== 0;
  segment.check(by, readOnly ? 4 : 6);
  const offset = shmaddr % 4096;
  if (offset !== 0 && !(shmflg & SHM.SHM_RND)) fail('EINVAL');
  if (shmaddr === 0 && shmflg & SHM.SHM_REMAP) fail('EINVAL');
  const at = t.space.map({
    address: shmaddr - offset,
    length: segment.size(),
    prot: PROT_READ | (readOnly ? 0 : PROT_WRITE) | (shmflg & SHM.SHM_EXEC ? PROT_EXEC : 0),
    fixed: shmaddr !== 0,
    noReplace: (shmflg & SHM.SHM_REMAP) === 0,
    shared: true,
    file: segment,
    offset: 0,
    name: `/SYSV${(segment.key >>> 0).toString(16).padStart(8, '0')} (deleted)`,
  });
  segment.lastUser = by.pid;
  segment.attached = by.now;
  return at;
}

export function shmdt(t: Task, { shmaddr }: { shmaddr: number }): void {
  const mapping = t.space.mappingAt(shmaddr);
  const segment = mapping?.file;
  if (!(segment instanceof Segment) || mapping?.start !== shmaddr || mapping.offset !== 0) fail('EINVAL');
  t.space.unmap(shmaddr, segment.size());
  const by = caller(t);
  segment.lastUser = by.pid;
  segment.detached = by.now;
}

function attachments(t: Task, segment: Segment): number {
  let count = 0;
  for (const process of t.kernel.processes.values()) {
    if (process.zombie) continue;
    for (const { file, offset } of process.space.mappings()) if (file === segment && offset === 0) count++;
  }
  return count;
}

export function shmctl(t: Task, { shmid, cmd, buf }: { shmid: number; cmd: number; buf: number }): number {
  const { segments } = ipc(t);
  const segment = segments.find(shmid);
  // Guest memory is never swapped by us.
  if (cmd === SHM.SHM_LOCK || cmd === SHM.SHM_UNLOCK) return 0;
  return control(t, 'shmctl', segments, segment, cmd, buf, () =>
    shmid_ds.set(t.space, buf, {
      shm_perm: permissions(segment),
      shm_segsz: segment.bytes,
      shm_atime: segment.attached,
      shm_dtime: segment.detached,
      shm_ctime: segment.changed,
      shm_cpid: segment.creator,
      shm_lpid: segment.lastUser,
      shm_nattch: attachments(t, segment),
    }),
  );
}

// ---- semaphores

const MOST_SEMAPHORES = 32000;
const MOST_OPERATIONS = 500;

export function semget(t: Task, { key, nsems, semflg }: { key: number; nsems: number; semflg: number }): number {
  if (nsems < 0 || nsems > MOST_SEMAPHORES) fail('EINVAL');
  const make = (by: IpcCaller) => (nsems === 0 ? fail('EINVAL') : new SemaphoreSet(key, nsems, semflg, by));
  return obtain(t, ipc(t).semaphores, key, semflg, make, (set) => nsems <= set.values.length);
}

interface SemaphoreWait extends CallState {
  set: SemaphoreSet;
}

interface SemopArgs {
  semid: number;
  sops: number;
  nsops: number;
}

function operate(t: Task, { semid, sops, nsops }: SemopArgs, timeout: bigint | undefined): number | Wait {
  const before = t.thread.callState as SemaphoreWait | undefined;
  // The set may have been removed while this thread waited for it.
  if (before?.set.removed) fail('EIDRM');
  if (nsops > MOST_OPERATIONS) fail('E2BIG');
  if (nsops === 0) fail('EINVAL');
  const set = before?.set ?? ipc(t).semaphores.find(semid);
  const operations = sembuf.getArray(t.space, sops, nsops).map(({ sem_num, sem_op, sem_flg }) => ({
    semaphore: sem_num,
    change: sem_op,
    noWait: (sem_flg & IPC.IPC_NOWAIT) !== 0,
    undo: (sem_flg & SEM.SEM_UNDO) !== 0,
  }));
  const by = caller(t);
  set.check(by, operations.some(({ change: by }) => by !== 0) ? 2 : 4);
  const { process } = t;
  const known = set.remembers(process);
  const blocked = set.operate(operations, by, process);
  set.waiting.delete(t.thread);
  if (!known && set.remembers(process)) process.endQueue.subscribe(() => set.undo(process));
  if (!blocked) return 0;
  if (t.thread.timedOut) fail('EAGAIN');
  set.waiting.set(t.thread, { semaphore: blocked.semaphore, zero: blocked.change === 0 });
  t.thread.callState = { set, cancel: () => set.waiting.delete(t.thread) } satisfies SemaphoreWait;
  return new Wait([set.queue], timeout === undefined ? undefined : t.thread.deadlineAfter(timeout));
}

export const semop = (t: Task, args: SemopArgs): number | Wait => operate(t, args, undefined);
export const semtimedop = (t: Task, args: SemopArgs & { timeout: number }): number | Wait =>
  operate(t, args, args.timeout === 0 ? undefined : fromTimespec(timespec.get(t.space, args.timeout)));

interface SemctlArgs {
  semid: number;
  semnum: number;
  cmd: number;
  arg: number;
}

export function semctl(t: Task, { semid, semnum, cmd, arg }: SemctlArgs): number {
  const { semaphores } = ipc(t);
  const set = semaphores.find(semid);
  const by = caller(t);
  const one = (): number => (semnum >= 0 && semnum < set.values.length ? semnum : fail('EINVAL'));
  const waiters = (zero: boolean) => [...set.waiting.values()].filter((w) => w.semaphore === one() && w.zero === zero);
  if (cmd === SEM.SETVAL || cmd === SEM.SETALL) set.check(by, 2);
  else if (cmd !== IPC.IPC_RMID && cmd !== IPC.IPC_SET) set.check(by, 4);
  switch (cmd) {
    case SEM.GETVAL:
      return set.values[one()];
    case SEM.GETPID:
      return set.pids[one()];
    case SEM.GETNCNT:
      return waiters(false).length;
    case SEM.GETZCNT:
      return waiters(true).length;
    case SEM.SETVAL:
      set.set(one(), arg | 0, by);
      return 0;
    case SEM.GETALL:
      t.space.copyOut(arg, new Uint8Array(Uint16Array.from(set.values).buffer));
      return 0;
    case SEM.SETALL: {
      const values = new Uint16Array(t.space.copyIn(arg, set.values.length * 2).buffer);
      if (values.some((value) => value > 32767)) fail('ERANGE');
      values.forEach((value, i) => {
        set.set(i, value, by);
      });
      return 0;
    }
    default:
      return control(t, 'semctl', semaphores, set, cmd, arg, () =>
        semid_ds.set(t.space, arg, {
          sem_perm: permissions(set),
          sem_otime: set.operated,
          sem_ctime: set.changed,
          sem_nsems: set.values.length,
        }),
      );
  }
}

// ---- messages

const MESSAGE_MAX = 8192;

export function msgget(t: Task, { key, msgflg }: { key: number; msgflg: number }): number {
  return obtain(t, ipc(t).queues, key, msgflg, (by) => new MessageQueue(key, msgflg, by));
}

/** The queue of a call that may have waited for it. */
function queueOf(t: Task, msqid: number): MessageQueue {
  const waitedFor = t.thread.callState;
  if (waitedFor instanceof MessageQueue) return waitedFor.removed ? fail('EIDRM') : waitedFor;
  return ipc(t).queues.find(msqid);
}

function waitFor(t: Task, queue: MessageQueue): Wait {
  t.thread.callState = queue;
  return new Wait([queue.queue]);
}

interface MessageArgs {
  msqid: number;
  msgp: number;
  msgsz: number;
  msgflg: number;
}

export function msgsnd(t: Task, { msqid, msgp, msgsz, msgflg }: MessageArgs): number | Wait {
  if (msqid < 0 || msgsz > MESSAGE_MAX) fail('EINVAL');
  const type = long.get(t.space, msgp).value;
  if (type < 1) fail('EINVAL');
  const bytes = t.space.copyIn(msgp + 8, msgsz);
  const queue = queueOf(t, msqid);
  const by = caller(t);
  queue.check(by, 2);
  if (queue.send({ type, bytes }, by)) return 0;
  return msgflg & IPC.IPC_NOWAIT ? fail('EAGAIN') : waitFor(t, queue);
}

export function msgrcv(
  t: Task,
  { msqid, msgp, msgsz, msgtyp, msgflg }: MessageArgs & { msgtyp: number },
): number | Wait {
  if (msqid < 0 || msgsz >= 0x8000_0000) fail('EINVAL');
  if (msgflg & MSG.MSG_COPY) {
    missing('linux msgrcv MSG_COPY');
    fail('EINVAL');
  }
  const queue = queueOf(t, msqid);
  const by = caller(t);
  queue.check(by, 4);
  const index = queue.choose(msgtyp, (msgflg & MSG.MSG_EXCEPT) !== 0);
  if (index < 0) return msgflg & IPC.IPC_NOWAIT ? fail('ENOMSG') : waitFor(t, queue);
  const { bytes, type } = queue.messages[index];
  if (bytes.length > msgsz && !(msgflg & MSG.MSG_NOERROR)) fail('E2BIG');
  const taken = bytes.subarray(0, msgsz);
  t.space.probe(msgp, 8, 'write');
  t.space.copyOut(msgp + 8, taken);
  t.space.writeU64(msgp, type);
  queue.take(index, by);
  return taken.length;
}

export function msgctl(t: Task, { msqid, cmd, buf }: { msqid: number; cmd: number; buf: number }): number {
  const { queues } = ipc(t);
  const queue = queues.find(msqid);
  if (cmd === IPC.IPC_SET) {
    const capacity = msqid_ds.get(t.space, buf).msg_qbytes;
    if (capacity > queue.capacity && t.process.credentials.euid !== 0) fail('EPERM');
    change(t, queue, buf);
    queue.capacity = capacity;
    queue.queue.wake();
    return 0;
  }
  return control(t, 'msgctl', queues, queue, cmd, buf, () =>
    msqid_ds.set(t.space, buf, {
      msg_perm: permissions(queue),
      msg_stime: queue.sent,
      msg_rtime: queue.received,
      msg_ctime: queue.changed,
      msg_cbytes: queue.size,
      msg_qnum: queue.messages.length,
      msg_qbytes: queue.capacity,
      msg_lspid: queue.lastSender,
      msg_lrpid: queue.lastReceiver,
    }),
  );
}
