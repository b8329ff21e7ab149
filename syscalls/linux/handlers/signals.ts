/** Dispositions, masks, sending and waiting for signals, and signals as files. */
import { fail, MemoryFault } from '../../../src/base/failures.ts';
import { RSP } from '../../../src/isa/x86/state.ts';
import { SignalFile } from '../../../src/kernel/signalfd.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { Place } from '../../../src/personality/arguments.ts';
import { NO_RESULT } from '../../../src/personality/define.ts';
import { big64, i32, i64, pad, struct, u16, u32 } from '../../../src/personality/struct.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { Process } from '../../../src/process/process.ts';
import {
  dispositionChanged,
  maySignal,
  sendFault,
  sendToProcess,
  sendToThread,
  userSignal,
} from '../../../src/process/signaling.ts';
import { isUnblockable, type Signal, type SignalInfo } from '../../../src/process/signals.ts';
import type { Thread } from '../../../src/process/thread.ts';
import { encodeStack, isOnStack, returnFromSignal } from '../abi/signal-frame.ts';
import {
  codeNumber,
  codeOf,
  encodeSiginfo,
  fromAction,
  SIGINFO_SIZE,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
  type sigaction,
  type siginfo,
  signalNumber,
  signalOf,
  type sigset,
  type stack_t,
  toAction,
} from '../abi/signals.ts';
import type { Timespec } from '../abi/structs.ts';
import { fromTimespec } from './time.ts';

type Value<L> = L extends { read(view: DataView, at: number): infer T } ? T : never;
type SetValue = Value<typeof sigset>;

const SIGSET_SIZE = 8;
const MINSIGSTKSZ = 2048;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

const named = (number: number): Signal => signalOf(number) ?? fail('EINVAL');

function blockable(set: ReadonlySet<Signal>): Set<Signal> {
  const mask = new Set(set);
  mask.delete('SIGKILL');
  mask.delete('SIGSTOP');
  return mask;
}

// ---- dispositions and masks

export function rt_sigaction(
  t: Task,
  a: {
    signum: number;
    act: Value<typeof sigaction> | undefined;
    oldact: Place<Value<typeof sigaction>>;
    sigsetsize: number;
  },
): void {
  if (a.sigsetsize !== SIGSET_SIZE) fail('EINVAL');
  const signal = named(a.signum);
  if (a.act && isUnblockable(signal)) fail('EINVAL');
  const old = t.process.action(signal);
  if (a.act) {
    t.process.actions.set(signal, toAction(a.act));
    dispositionChanged(t.process, signal);
  }
  if (!a.oldact.isNull) a.oldact.set(fromAction(old));
}

const HOW = { BLOCK: 0, UNBLOCK: 1, SETMASK: 2 };

export function rt_sigprocmask(
  t: Task,
  {
    how,
    set,
    oldset,
    sigsetsize,
  }: { how: number; set: SetValue | undefined; oldset: Place<SetValue>; sigsetsize: number },
): void {
  if (sigsetsize !== SIGSET_SIZE) fail('EINVAL');
  const { thread } = t;
  const old = thread.mask;
  if (set) {
    const wanted = blockable(set.set);
    if (how === HOW.BLOCK) thread.mask = new Set([...old, ...wanted]);
    else if (how === HOW.UNBLOCK) thread.mask = new Set([...old].filter((signal) => !wanted.has(signal)));
    else if (how === HOW.SETMASK) thread.mask = wanted;
    else fail('EINVAL');
  }
  if (!oldset.isNull) oldset.set({ set: old });
}

export function rt_sigpending(t: Task, { set, sigsetsize }: { set: Place<SetValue>; sigsetsize: number }): void {
  if (sigsetsize > SIGSET_SIZE) fail('EINVAL');
  const pending = [...t.thread.pending.signals(), ...t.process.pending.signals()];
  set.set({ set: new Set(pending.filter((signal) => t.thread.mask.has(signal))) });
}

export function rt_sigsuspend(t: Task, { mask, sigsetsize }: { mask: SetValue; sigsetsize: number }): Wait {
  if (sigsetsize !== SIGSET_SIZE) fail('EINVAL');
  t.thread.maskDuringCall(blockable(mask.set));
  return new Wait([]);
}

export const pause = () => new Wait([]);

/** ppoll, pselect and epoll_pwait: the mask at `address` holds while the call lasts. */
export function maskForCall(t: Task, address: number, sigsetsize: number): void {
  if (address === 0) return;
  if (sigsetsize !== SIGSET_SIZE) fail('EINVAL');
  if (t.thread.savedMask) return;
  t.thread.maskDuringCall(blockable(readSet(t, address)));
}

function readSet(t: Task, address: number): Set<Signal> {
  const set = new Set<Signal>();
  const words = [t.space.readU32(address), t.space.readU32(address + 4)];
  for (let n = 1; n <= 64; n++) {
    const signal = (words[(n - 1) >> 5] >>> ((n - 1) & 31)) & 1 ? signalOf(n) : undefined;
    if (signal) set.add(signal);
  }
  return set;
}

export function sigaltstack(
  t: Task,
  { ss, old_ss }: { ss: Value<typeof stack_t> | undefined; old_ss: Place<Value<typeof stack_t>> },
): void {
  const { thread } = t;
  const sp = t.cpu.get(RSP);
  const old = encodeStack(thread.alternateStack, sp);
  if (ss) {
    if (isOnStack(thread.alternateStack, sp)) fail('EPERM');
    const mode = ss.ss_flags & ~SS_AUTODISARM;
    if (mode !== SS_DISABLE && mode !== SS_ONSTACK && mode !== 0) fail('EINVAL');
    const enabled = mode !== SS_DISABLE;
    if (enabled && ss.ss_size < MINSIGSTKSZ) fail('ENOMEM');
    const autodisarm = (ss.ss_flags & SS_AUTODISARM) !== 0;
    thread.alternateStack = enabled
      ? { address: ss.ss_sp, size: ss.ss_size, enabled, autodisarm }
      : { address: 0, size: 0, enabled };
  }
  if (!old_ss.isNull) old_ss.set(old);
}

export function rt_sigreturn(t: Task): typeof NO_RESULT {
  try {
    returnFromSignal(t.thread);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    sendFault(t.thread, { signal: 'SIGSEGV', code: 'SI_KERNEL', address: 0, trapno: 13, errorCode: 0 });
  }
  return NO_RESULT;
}

// ---- sending

function optional(number: number): Signal | undefined {
  return number === 0 ? undefined : named(number);
}

export function kill(t: Task, { pid, sig }: { pid: number; sig: number }): void {
  const signal = optional(sig);
  const { kernel, process } = t;
  let targets: Process[];
  if (pid > 0) targets = [kernel.processes.get(pid) ?? kernel.threads.get(pid)?.process ?? fail('ESRCH')];
  else if (pid === -1) targets = [...kernel.processes.values()].filter((each) => each !== process);
  else targets = kernel.processGroup(pid === 0 ? process.processGroup : -pid);
  if (targets.length === 0) fail('ESRCH');
  const allowed = targets.filter((target) => maySignal(process, target, signal));
  if (allowed.length === 0) fail('EPERM');
  if (signal) for (const target of allowed) sendToProcess(target, userSignal(process, signal));
}

function threadOf(t: Task, tgid: number | undefined, tid: number): Thread {
  if (tid <= 0 || (tgid !== undefined && tgid <= 0)) fail('EINVAL');
  const thread = t.kernel.threads.get(tid);
  return thread && (tgid === undefined || thread.process.pid === tgid) ? thread : fail('ESRCH');
}

function signalThread(t: Task, tgid: number | undefined, tid: number, sig: number): void {
  const thread = threadOf(t, tgid, tid);
  const signal = optional(sig);
  if (!maySignal(t.process, thread.process, signal)) fail('EPERM');
  if (signal) sendToThread(thread, userSignal(t.process, signal, 'SI_TKILL'));
}

export const tkill = (t: Task, { tid, sig }: { tid: number; sig: number }): void =>
  signalThread(t, undefined, tid, sig);
export const tgkill = (t: Task, { tgid, tid, sig }: { tgid: number; tid: number; sig: number }): void =>
  signalThread(t, tgid, tid, sig);

type GivenInfo = Value<typeof siginfo>;

/** A siginfo as a guest hands it in: codes from 0 on, and tkill's, may not be faked for others. */
function given(t: Task, target: Process, sig: number, info: GivenInfo): SignalInfo | undefined {
  const signal = optional(sig);
  if ((info.si_code >= 0 || info.si_code === codeNumber('SI_TKILL')) && target !== t.process) fail('EPERM');
  if (!maySignal(t.process, target, signal)) fail('EPERM');
  if (!signal) return undefined;
  return { signal, code: codeOf(info.si_code), pid: info.si_pid, uid: info.si_uid, value: info.si_value };
}

export function rt_sigqueueinfo(t: Task, { pid, sig, info }: { pid: number; sig: number; info: GivenInfo }): void {
  const target = t.kernel.processes.get(pid) ?? fail('ESRCH');
  const signal = given(t, target, sig, info);
  if (signal && !sendToProcess(target, signal)) fail('EAGAIN');
}

export function rt_tgsigqueueinfo(
  t: Task,
  { tgid, tid, sig, info }: { tgid: number; tid: number; sig: number; info: GivenInfo },
): void {
  const thread = threadOf(t, tgid, tid);
  const signal = given(t, thread.process, sig, info);
  if (signal && !sendToThread(thread, signal)) fail('EAGAIN');
}

// ---- waiting

export function rt_sigtimedwait(
  t: Task,
  a: { set: SetValue; info: number; timeout: Timespec | undefined; sigsetsize: number },
): number | Wait {
  if (a.sigsetsize !== SIGSET_SIZE) fail('EINVAL');
  const wait = a.timeout && fromTimespec(a.timeout);
  const wanted = (signal: Signal) => a.set.set.has(signal);
  const { thread, process } = t;
  const info = thread.pending.take(wanted) ?? process.pending.take(wanted);
  if (info) {
    if (a.info !== 0) t.space.copyOut(a.info, encodeSiginfo(info).subarray(0, SIGINFO_SIZE));
    return signalNumber(info.signal);
  }
  if (thread.timedOut || wait === 0n) fail('EAGAIN');
  return new Wait([process.signalQueue], wait === undefined ? undefined : thread.deadlineAfter(wait));
}

// ---- signals as files

const signalfdInfo = struct({
  ssi_signo: u32,
  ssi_errno: i32,
  ssi_code: i32,
  ssi_pid: u32,
  ssi_uid: u32,
  ssi_fd: i32,
  ssi_tid: u32,
  ssi_band: u32,
  ssi_overrun: u32,
  ssi_trapno: u32,
  ssi_status: i32,
  ssi_int: i32,
  ssi_ptr: big64,
  ssi_utime: i64,
  ssi_stime: i64,
  ssi_addr: i64,
  ssi_addr_lsb: u16,
  _rest: pad(46),
});

function encodeForFile(info: SignalInfo): Uint8Array {
  const ticks = (nanoseconds: number | undefined) => Math.floor((nanoseconds ?? 0) / 10_000_000);
  return signalfdInfo.encode([
    {
      ssi_signo: signalNumber(info.signal),
      ssi_errno: 0,
      ssi_code: codeNumber(info.code),
      ssi_pid: info.pid ?? 0,
      ssi_uid: info.uid ?? 0,
      ssi_fd: info.fd ?? 0,
      ssi_tid: info.timer ?? 0,
      ssi_band: info.band ?? 0,
      ssi_overrun: info.overrun ?? 0,
      ssi_trapno: 0,
      ssi_status: typeof info.status === 'string' ? signalNumber(info.status) : (info.status ?? 0),
      ssi_int: Number(BigInt.asIntN(32, info.value ?? 0n)),
      ssi_ptr: info.value ?? 0n,
      ssi_utime: ticks(info.utime),
      ssi_stime: ticks(info.stime),
      ssi_addr: info.address ?? 0,
      ssi_addr_lsb: 0,
    },
  ]);
}

export function signalfd4(
  t: Task,
  { fd, mask, sizemask, flags }: { fd: number; mask: SetValue; sizemask: number; flags: number },
): number {
  if (flags & ~(O_NONBLOCK | O_CLOEXEC) || sizemask !== SIGSET_SIZE) fail('EINVAL');
  const wanted = blockable(mask.set);
  if (fd !== -1) {
    const file = t.file(fd);
    if (!(file instanceof SignalFile)) return fail('EINVAL');
    file.mask = wanted;
    file.queue.wake();
    return fd;
  }
  const { kernel, process } = t;
  // Whoever reads gets its own signals: after a fork the child reads the child's.
  const reader = () => kernel.scheduler.current ?? process.leader;
  const file = new SignalFile(
    wanted,
    {
      queue: kernel.signalSent,
      peek: (accepts) =>
        reader().pending.peek(accepts) !== undefined || reader().process.pending.peek(accepts) !== undefined,
      take: (accepts) => reader().pending.take(accepts) ?? reader().process.pending.take(accepts),
    },
    encodeForFile,
    kernel.realtime(),
  );
  file.nonblocking = (flags & O_NONBLOCK) !== 0;
  return t.files.add(file, (flags & O_CLOEXEC) !== 0);
}

export const signalfd = (t: Task, a: { fd: number; mask: SetValue; sizemask: number }): number =>
  signalfd4(t, { ...a, flags: 0 });
