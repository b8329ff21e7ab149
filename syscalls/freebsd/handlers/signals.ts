/** Dispositions, masks, sending and waiting for signals. */
import { fail } from '../../../src/base/failures.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { Place } from '../../../src/personality/arguments.ts';
import { NO_RESULT } from '../../../src/personality/define.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { Process } from '../../../src/process/process.ts';
import {
  dispositionChanged,
  maySignal,
  sendToProcess,
  sendToThread,
  userSignal,
} from '../../../src/process/signaling.ts';
import { type ActionFlag, isUnblockable, type Signal } from '../../../src/process/signals.ts';
import { HOW } from '../abi/flags.ts';
import { maskSet, maskWords, sigreturn as restore } from '../abi/signal-frame.ts';
import { signalName, signalNumber } from '../abi/signals.ts';

interface Action {
  handler: number;
  flags: number;
  mask: number[];
}
interface SignalSet {
  bits: number[];
}
interface Stack {
  sp: number;
  size: number;
  flags: number;
}

const FLAGS: readonly (readonly [ActionFlag, number])[] = [
  ['onstack', 1],
  ['restart', 2],
  ['resethand', 4],
  ['nocldstop', 8],
  ['nodefer', 0x10],
  ['nocldwait', 0x20],
  ['siginfo', 0x40],
];
const SIG_DFL = 0;
const SIG_IGN = 1;
const SS_ONSTACK = 1;
const SS_DISABLE = 4;
const MINSIGSTKSZ = 2048;

const nameOf = (number: number): Signal => signalName(number) ?? fail('EINVAL');

export function sigaction(
  task: Task,
  { sig, act, oact }: { sig: number; act: Action | undefined; oact: Place<Action> },
) {
  const signal = nameOf(sig);
  const old = task.process.action(signal);
  if (act && isUnblockable(signal) && act.handler !== SIG_DFL) fail('EINVAL');
  if (!oact.isNull) {
    const handler = old.handler === 'default' ? SIG_DFL : old.handler === 'ignore' ? SIG_IGN : old.handler;
    let flags = 0;
    for (const [name, bit] of FLAGS) if (old.flags.has(name)) flags |= bit;
    oact.set({ handler, flags, mask: maskWords(old.mask) });
  }
  if (!act) return;
  task.process.actions.set(signal, {
    handler: act.handler === SIG_DFL ? 'default' : act.handler === SIG_IGN ? 'ignore' : act.handler,
    flags: new Set(FLAGS.filter(([, bit]) => act.flags & bit).map(([name]) => name)),
    restorer: 0,
    mask: blockable(act.mask),
  });
  dispositionChanged(task.process, signal);
}

function blockable(words: readonly number[]): Set<Signal> {
  const set = maskSet(words);
  for (const signal of set) if (isUnblockable(signal)) set.delete(signal);
  return set;
}

export function sigprocmask(
  task: Task,
  { how, set, oset }: { how: number; set: SignalSet | undefined; oset: Place<SignalSet> },
) {
  const { thread } = task;
  const old = thread.mask;
  if (!oset.isNull) oset.set({ bits: maskWords(old) });
  if (!set) return;
  const wanted = blockable(set.bits);
  if (how === HOW.SIG_BLOCK) thread.mask = new Set([...old, ...wanted]);
  else if (how === HOW.SIG_UNBLOCK) thread.mask = new Set([...old].filter((signal) => !wanted.has(signal)));
  else if (how === HOW.SIG_SETMASK) thread.mask = wanted;
  else fail('EINVAL');
}

export function sigpending(task: Task, { set }: { set: Place<SignalSet> }) {
  set.set({ bits: maskWords([...task.thread.pending.signals(), ...task.process.pending.signals()]) });
}

export function sigsuspend(task: Task, { sigmask }: { sigmask: SignalSet }) {
  task.thread.maskDuringCall(blockable(sigmask.bits));
  return new Wait([]);
}

export function sigaltstack(task: Task, { ss, oss }: { ss: Stack | undefined; oss: Place<Stack> }) {
  const stack = task.thread.alternateStack;
  const sp = task.cpu.get(4);
  const active = stack.enabled && sp >= stack.address && sp < stack.address + stack.size;
  if (!oss.isNull) {
    oss.set({ sp: stack.address, size: stack.size, flags: stack.enabled ? (active ? SS_ONSTACK : 0) : SS_DISABLE });
  }
  if (!ss) return;
  if (active) fail('EPERM');
  if (ss.flags & ~SS_DISABLE) fail('EINVAL');
  const enabled = (ss.flags & SS_DISABLE) === 0;
  if (enabled && ss.size < MINSIGSTKSZ) fail('ENOMEM');
  task.thread.alternateStack = { address: ss.sp, size: ss.size, enabled };
}

export function sigreturn(task: Task, { sigcntxp }: { sigcntxp: number }): typeof NO_RESULT {
  restore(task.thread, sigcntxp);
  return NO_RESULT;
}

export function kill(task: Task, { pid, signum }: { pid: number; signum: number }) {
  const signal = signum === 0 ? undefined : nameOf(signum);
  const { kernel, process } = task;
  let targets: Process[];
  if (pid > 0) targets = [kernel.processes.get(pid) ?? fail('ESRCH')];
  else if (pid === -1) targets = [...kernel.processes.values()].filter((each) => each !== process && each.pid !== 1);
  else targets = kernel.processGroup(pid === 0 ? process.processGroup : -pid);
  if (targets.length === 0) fail('ESRCH');
  const allowed = targets.filter((target) => maySignal(process, target, signal));
  if (allowed.length === 0) fail('EPERM');
  if (signal) for (const target of allowed) sendToProcess(target, userSignal(process, signal));
}

export function thr_kill(task: Task, { id, sig }: { id: number; sig: number }) {
  const signal = sig === 0 ? undefined : nameOf(sig);
  const target = task.process.threads.get(id) ?? fail('ESRCH');
  if (signal) sendToThread(target, userSignal(task.process, signal, 'SI_TKILL'));
}

export function thr_kill2(task: Task, { pid, id, sig }: { pid: number; id: number; sig: number }) {
  const signal = sig === 0 ? undefined : nameOf(sig);
  const process = task.kernel.processes.get(pid) ?? fail('ESRCH');
  const target = process.threads.get(id) ?? fail('ESRCH');
  if (signal) sendToThread(target, userSignal(task.process, signal, 'SI_TKILL'));
}

export function sigqueue(task: Task, { pid, signum, value }: { pid: number; signum: number; value: bigint }) {
  const signal = nameOf(signum);
  const target = task.kernel.processes.get(pid) ?? fail('ESRCH');
  if (!maySignal(task.process, target, signal)) fail('EPERM');
  sendToProcess(target, { ...userSignal(task.process, signal, 'SI_QUEUE'), value });
}

/** sigwait: the number of a signal taken from the set. */
export function sigwait(task: Task, { set, sig }: { set: SignalSet; sig: Place<{ value: number }> }) {
  const wanted = maskSet(set.bits);
  const accepts = (signal: Signal) => wanted.has(signal);
  const info = task.thread.pending.take(accepts) ?? task.process.pending.take(accepts);
  if (!info) return new Wait([task.process.signalQueue]);
  sig.set({ value: signalNumber(info.signal) });
  return 0;
}
