/** Calls that begin, replace, end, await and describe processes and threads. */

import { fail, GuestError } from '../../../src/base/failures.ts';
import { bytesOf } from '../../../src/base/text.ts';
import { RAX, RDI, RDX, RSP } from '../../../src/isa/x86/state.ts';
import type { FutexWaiter } from '../../../src/kernel/futex.ts';
import { privateKey, sharedKey } from '../../../src/kernel/futex.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import { LoadError } from '../../../src/loader/load-error.ts';
import type { GuestBuffer, Place, PlaceArray } from '../../../src/personality/arguments.ts';
import { NO_RESULT } from '../../../src/personality/define.ts';
import type { Task } from '../../../src/personality/task.ts';
import { execute } from '../../../src/process/exec.ts';
import * as family from '../../../src/process/family.ts';
import type { ProcessStatus, Usage } from '../../../src/process/process.ts';
import { RESOURCES, WAIT } from '../abi/flags.ts';
import { signalNumber } from '../abi/signals.ts';
import { fromTimespec, type threadParameters, timespec, toTimeval } from '../abi/structs.ts';

export function exit(task: Task, { rval }: { rval: number }): typeof NO_RESULT {
  family.endProcess(task.process, { kind: 'exited', code: rval & 0xff });
  return NO_RESULT;
}

/** The child finds 0 in RAX and 1 in RDX; carry clear. */
function forked(task: Task, vfork: boolean): number {
  const child = family.clone(task.thread, { shareMemory: vfork, vfork, exitSignal: 'SIGCHLD' });
  child.cpu.set(RAX, 0);
  child.cpu.set(RDX, 1);
  child.cpu.flags &= ~1;
  task.cpu.set(RDX, 0);
  family.start(child);
  return child.process.pid;
}

export const fork = (task: Task) => forked(task, false);
export const vfork = (task: Task) => forked(task, true);

const RFPROC = 0x10;
const RFFDG = 4;

/** Only what libc asks of it: a new process that copies or shares its descriptors. */
export function rfork(task: Task, { flags }: { flags: number }) {
  if (flags !== (RFPROC | RFFDG)) fail('EINVAL');
  return forked(task, false);
}

export function execve(
  task: Task,
  { fname, argv, envv }: { fname: string; argv: number; envv: number },
): typeof NO_RESULT {
  try {
    execute(task.thread, { path: fname, argv: strings(task, argv), envp: strings(task, envv) });
  } catch (error) {
    throw error instanceof LoadError ? new GuestError(error.errno) : error;
  }
  return NO_RESULT;
}

/** A null-terminated array of string pointers. */
function strings(task: Task, at: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  if (at === 0) return found;
  for (;;) {
    const pointer = task.space.readU64(at + found.length * 8);
    if (pointer === 0) return found;
    if (found.length > 0x10000) fail('E2BIG');
    found.push(task.space.cstring(pointer, 0x40000));
  }
}

/** A status as wait() delivers it. */
function encodeStatus(status: ProcessStatus): number {
  if (status.kind === 'exited') return status.code << 8;
  if (status.kind === 'killed') return signalNumber(status.signal) | (status.core ? 0x80 : 0);
  if (status.kind === 'stopped') return (signalNumber(status.signal) << 8) | 0x7f;
  return 0x13;
}

export function encodeUsage(usage: Usage) {
  return {
    utime: toTimeval(BigInt(Math.round(usage.user))),
    stime: toTimeval(BigInt(Math.round(usage.system))),
    maxrss: Math.ceil(usage.maxResident / 1024),
    ixrss: 0,
    idrss: 0,
    isrss: 0,
    minflt: usage.minorFaults,
    majflt: 0,
    nswap: 0,
    inblock: 0,
    oublock: 0,
    msgsnd: 0,
    msgrcv: 0,
    nsignals: 0,
    nvcsw: usage.voluntarySwitches,
    nivcsw: usage.involuntarySwitches,
  };
}

type UsagePlace = Place<ReturnType<typeof encodeUsage>>;

export function wait4(
  task: Task,
  a: { pid: number; status: Place<{ value: number }>; options: number; rusage: UsagePlace },
) {
  if (a.options & ~(WAIT.WNOHANG | WAIT.WUNTRACED | WAIT.WCONTINUED)) fail('EINVAL');
  const { process } = task;
  const selector =
    a.pid > 0 ? { pid: a.pid } : a.pid === -1 ? {} : { processGroup: a.pid === 0 ? process.processGroup : -a.pid };
  const found = family.waitForChild(process, selector, {
    exited: true,
    stopped: (a.options & WAIT.WUNTRACED) !== 0,
    continued: (a.options & WAIT.WCONTINUED) !== 0,
  });
  if (!found) return a.options & WAIT.WNOHANG ? 0 : new Wait([process.childQueue]);
  if (!a.status.isNull) a.status.set({ value: encodeStatus(found.status) });
  if (!a.rusage.isNull) a.rusage.set(encodeUsage(found.usage));
  return found.child.pid;
}

export function getrusage(task: Task, { who, rusage }: { who: number; rusage: UsagePlace }) {
  const { process } = task;
  const usage =
    who === 0 ? process.usage : who === -1 ? process.childrenUsage : who === 1 ? process.usage : fail('EINVAL');
  rusage.set(encodeUsage(usage));
}

export const getpid = (task: Task) => task.process.pid;
export const getppid = (task: Task) => task.process.parent?.pid ?? 1;
export const getuid = (task: Task) => task.process.credentials.uid;
export const geteuid = (task: Task) => task.process.credentials.euid;
export const getgid = (task: Task) => task.process.credentials.gid;
export const getegid = (task: Task) => task.process.credentials.egid;
export const getpgrp = (task: Task) => task.process.processGroup;
export const setsid = (task: Task) => family.newSession(task.process);

function processOf(task: Task, pid: number) {
  return pid === 0 ? task.process : (task.kernel.processes.get(pid) ?? fail('ESRCH'));
}

export const getpgid = (task: Task, { pid }: { pid: number }) => processOf(task, pid).processGroup;
export const getsid = (task: Task, { pid }: { pid: number }) => processOf(task, pid).session;

export function setpgid(task: Task, { pid, pgid }: { pid: number; pgid: number }) {
  family.setProcessGroup(task.process, pid, pgid);
}

export function getgroups(
  task: Task,
  { gidsetsize, gidset }: { gidsetsize: number; gidset: PlaceArray<{ value: number }> },
) {
  const { groups } = task.process.credentials;
  if (gidsetsize === 0) return groups.length;
  if (gidsetsize < groups.length) fail('EINVAL');
  gidset.set(groups.map((value) => ({ value })));
  return groups.length;
}

/** Infinity of the kernel is the largest signed number. */
const RLIM_INFINITY = 0x7fff_ffff_ffff_ffffn;
const fromLimit = (value: number) => (Number.isFinite(value) ? BigInt(value) : RLIM_INFINITY);
const toLimit = (value: bigint) => (value === RLIM_INFINITY ? Number.POSITIVE_INFINITY : Number(value));
type Limit = { current: bigint; maximum: bigint };

export function getrlimit(task: Task, { which, rlp }: { which: number; rlp: Place<Limit> }) {
  const limit = limitOf(task, which);
  rlp.set({ current: fromLimit(limit.soft), maximum: fromLimit(limit.hard) });
}

function limitOf(task: Task, which: number): { soft: number; hard: number } {
  if (which < 0 || which > 14) fail('EINVAL');
  const { limits } = task.process;
  return limits.get(RESOURCES[which] ?? '') ?? { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY };
}

export function setrlimit(task: Task, { which, rlp }: { which: number; rlp: Limit }) {
  const old = limitOf(task, which);
  const [soft, hard] = [toLimit(rlp.current), toLimit(rlp.maximum)];
  if (soft > hard) fail('EINVAL');
  if (hard > old.hard && task.process.credentials.euid !== 0) fail('EPERM');
  const name = RESOURCES[which];
  if (name) task.process.limits.set(name, { soft, hard });
  if (name === 'NOFILE') task.files.limit = soft;
}

// ---- threads

export function thr_self(task: Task, { id }: { id: Place<{ value: number }> }) {
  id.set({ value: task.thread.tid });
}

export function thr_exit(task: Task, { state }: { state: number }): typeof NO_RESULT {
  const { thread, process } = task;
  if (state !== 0) {
    // As UMTX_OP_WAKE on the word: the joiner waits there.
    task.space.copyOut(state, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]));
    wakeWord(task, state, Number.POSITIVE_INFINITY);
  }
  if (process.threads.size > 1) family.endThread(thread, { kind: 'exited', code: 0 });
  else family.endProcess(process, { kind: 'exited', code: 0 });
  return NO_RESULT;
}

type ThreadParameters = ReturnType<(typeof threadParameters)['get']>;

export function thr_new(task: Task, { param, param_size }: { param: ThreadParameters; param_size: number }) {
  if (param_size < 64) fail('EINVAL');
  const thread = family.clone(task.thread, { thread: true });
  const { cpu } = thread;
  cpu.pc = param.start;
  cpu.set(RDI, param.arg);
  cpu.set(RSP, param.stackBase + param.stackSize - ((param.stackBase + param.stackSize) % 16) - 8);
  cpu.setBase('fs', param.tlsBase);
  for (const at of [param.childTid, param.parentTid]) if (at !== 0) task.space.writeU64(at, thread.tid);
  family.start(thread);
}

const UMTX = { WAIT: 2, WAKE: 3, WAIT_UINT: 11, WAIT_UINT_PRIVATE: 15, WAKE_PRIVATE: 16 };

/** The waiting and waking operations; mutexes, condition variables and locks of libthr are not there. */
export function _umtx_op(task: Task, a: { obj: number; op: number; val: number; uaddr: number; uaddr2: number }) {
  switch (a.op) {
    case UMTX.WAKE:
    case UMTX.WAKE_PRIVATE:
      wakeWord(task, a.obj, a.val);
      return 0;
    case UMTX.WAIT:
      return waitOnWord(task, a, task.space.readU64(a.obj));
    case UMTX.WAIT_UINT:
    case UMTX.WAIT_UINT_PRIVATE:
      return waitOnWord(task, { ...a, val: a.val % 0x1_0000_0000 }, task.space.readU32(a.obj));
    default:
      return fail('EINVAL');
  }
}

function wakeWord(task: Task, at: number, count: number): void {
  const { futexes } = task.kernel;
  const woken = futexes.wake(privateKey(task.space, at), count);
  const shared = sharedKey(task.space, at);
  if (shared.object !== task.space) futexes.wake(shared, count - woken);
}

interface Parked {
  waiter: FutexWaiter;
  cancel(): void;
}

function waitOnWord(task: Task, a: { obj: number; val: number; uaddr: number; uaddr2: number }, value: number) {
  const { thread } = task;
  const parked = thread.callState as Parked | undefined;
  if (parked?.waiter.woken) return 0;
  if (thread.timedOut) {
    parked?.waiter.leave();
    return fail('ETIMEDOUT');
  }
  if (!parked && value !== a.val) return 0;
  const waiter = parked?.waiter ?? task.kernel.futexes.park(sharedKey(task.space, a.obj), -1);
  thread.callState = { waiter, cancel: () => waiter.leave() } satisfies Parked;
  return new Wait([waiter.queue], timeout(task, a));
}

/** uaddr2: a timespec, or with uaddr above its size a struct _umtx_time { timespec, flags, clock }. */
function timeout(task: Task, { uaddr, uaddr2 }: { uaddr: number; uaddr2: number }): bigint | undefined {
  if (uaddr2 === 0) return undefined;
  const wanted = fromTimespec(timespec.get(task.space, uaddr2));
  if (uaddr <= timespec.size) return task.thread.deadlineAfter(wanted);
  const absolute = task.space.readU32(uaddr2 + 16) & 1;
  const clock = task.space.readU32(uaddr2 + 20);
  if (!absolute) return task.thread.deadlineAfter(wanted);
  return clock === 0 ? wanted - task.kernel.realtime() + task.kernel.monotonic() : wanted;
}

export function thr_set_name(task: Task, { id, name }: { id: number; name: string }) {
  const thread = task.process.threads.get(id) ?? fail('ESRCH');
  thread.name = name.slice(0, 19);
}

export function getlogin(_task: Task, { namebuf }: { namebuf: GuestBuffer }) {
  const name = bytesOf('root\0');
  if (name.length > namebuf.length) fail('ERANGE');
  namebuf.fill(name);
}

export const yieldNow = (task: Task) => {
  task.kernel.scheduler.yieldNow();
};
