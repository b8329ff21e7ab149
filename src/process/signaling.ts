/** Sending, choosing and delivering signals, stopping and continuing; frames are the personality's, ends of processes family.ts's. */
import { MemoryFault } from '../base/failures.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { endProcess, notifyParent } from './family.ts';
import type { Process } from './process.ts';
import { DEFAULT_ACTION, defaultAction, isStop, isUnblockable, type Signal, type SignalInfo } from './signals.ts';
import type { Thread } from './thread.ts';

/** Send to a process as a whole: any thread that does not block it may take it. */
export function sendToProcess(process: Process, info: SignalInfo): boolean {
  if (process.status || process.ending) return true;
  prepare(process, info.signal);
  if (isIgnored(process, process.leader, info.signal)) return true;
  if (!queue(process, process.pending, info)) return false;
  const taker = chooseThread(process, info.signal);
  if (taker) alert(taker);
  process.signalQueue.wake();
  process.kernel.signalSent.wake();
  return true;
}

/** Send to one thread (tkill, faults, SIGPIPE). */
export function sendToThread(thread: Thread, info: SignalInfo): boolean {
  const { process } = thread;
  if (process.status || process.ending || thread.state === 'ended') return true;
  prepare(process, info.signal);
  if (isIgnored(process, thread, info.signal)) return true;
  if (!queue(process, thread.pending, info)) return false;
  if (!thread.mask.has(info.signal) || isUnblockable(info.signal)) alert(thread);
  process.signalQueue.wake();
  process.kernel.signalSent.wake();
  return true;
}

const PAGE_FAULT = 14;

/** A fault of the thread's own making: blocked or ignored, it kills. */
export function sendFault(thread: Thread, info: SignalInfo): void {
  const { process } = thread;
  const action = process.action(info.signal);
  if (thread.mask.has(info.signal) || action.handler === 'ignore') {
    process.actions.set(info.signal, DEFAULT_ACTION);
    thread.mask.delete(info.signal);
  }
  const { trapno, errorCode = 0, address = 0 } = info;
  if (trapno !== undefined) {
    const pageFault = trapno === PAGE_FAULT ? address : thread.lastException.pageFault;
    thread.lastException = { trapno, errorCode, pageFault };
  }
  thread.pending.add(info);
  thread.attention = true;
}

/** Send to every process of a group; false if there is none. */
export function sendToGroup(kernel: Kernel, group: number, info: SignalInfo): boolean {
  let any = false;
  for (const process of kernel.processGroup(group)) {
    if (process.status) continue;
    sendToProcess(process, { ...info });
    any = true;
  }
  return any;
}

/** What kill() says of itself. */
export function userSignal(sender: Process, signal: Signal, code: SignalInfo['code'] = 'SI_USER'): SignalInfo {
  return { signal, code, pid: sender.pid, uid: sender.credentials.uid };
}

export const kernelSignal = (signal: Signal): SignalInfo => ({ signal, code: 'SI_KERNEL' });

/** May `sender` send this signal to `target`: same user, or root, or SIGCONT within a session. */
export function maySignal(sender: Process, target: Process, signal: Signal | undefined): boolean {
  const { uid, euid } = sender.credentials;
  if (euid === 0 || sender === target) return true;
  const other = target.credentials;
  if (uid === other.uid || uid === other.suid || euid === other.uid || euid === other.suid) return true;
  return signal === 'SIGCONT' && sender.session === target.session;
}

/** A new disposition: what is now ignored is no longer pending. */
export function dispositionChanged(process: Process, signal: Signal): void {
  const { handler } = process.action(signal);
  const ignored =
    handler === 'ignore' || (handler === 'default' && ['ignore', 'continue'].includes(defaultAction(signal)));
  if (!ignored) return;
  process.pending.remove((pending) => pending === signal);
  for (const thread of process.threads.values()) thread.pending.remove((pending) => pending === signal);
}

/** Is some signal waiting that this thread would take? */
export function hasDeliverable(thread: Thread): boolean {
  const open = (signal: Signal) => !thread.mask.has(signal) || isUnblockable(signal);
  return (
    (thread.pending.size > 0 && thread.pending.peek(open) !== undefined) ||
    (thread.process.pending.size > 0 && thread.process.pending.peek(open) !== undefined)
  );
}

/** What became of the signals that a thread had to take: go on; a handler's frame is set up; the process stopped or ends. */
export type Outcome = 'none' | 'handled' | 'stopped' | 'ended';

/**
 * Take every deliverable signal, at a point between two guest instructions.
 * `interrupt` is called before the first handler's frame is built, with whether its action restarts calls.
 */
export function deliverPending(thread: Thread, interrupt: ((restart: boolean) => void) | undefined): Outcome {
  const { process } = thread;
  const { kernel } = process;
  let handled = false;
  for (;;) {
    if (process.ending || thread.doomed) return 'ended';
    if (process.stopped) return 'stopped';
    const open = (signal: Signal) => !thread.mask.has(signal) || isUnblockable(signal);
    const info = thread.pending.take(open) ?? process.pending.take(open);
    if (!info) break;
    const { signal } = info;
    kernel.stats.signals.set(signal, (kernel.stats.signals.get(signal) ?? 0) + 1);
    const action = process.action(signal);
    if (action.handler === 'ignore' && !isUnblockable(signal)) continue;
    if (action.handler === 'default' || action.handler === 'ignore') {
      const deed = defaultAction(signal);
      if (deed === 'ignore' || deed === 'continue') continue;
      if (deed === 'stop') {
        if (signal !== 'SIGSTOP' && isOrphanedGroup(kernel, process.processGroup)) continue;
        stop(process, signal);
        continue;
      }
      const core = deed === 'core';
      kernel.onFatalSignal(process, { signal, code: info.code, pc: thread.cpu.pc, address: info.address, core });
      endProcess(process, { kind: 'killed', signal, core: core && process.limit('CORE') > 0 });
      return 'ended';
    }
    interrupt?.(action.flags.has('restart'));
    interrupt = undefined;
    handled = true;
    if (action.flags.has('resethand')) process.actions.set(signal, { ...action, handler: 'default' });
    try {
      process.personality.deliver(thread, info, action);
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      // No room for the frame: SIGSEGV in its place, which kills when it was SIGSEGV's own frame.
      if (signal === 'SIGSEGV') process.actions.set('SIGSEGV', DEFAULT_ACTION);
      sendFault(thread, { signal: 'SIGSEGV', code: 'SI_KERNEL', address: error.address });
      continue;
    }
    const mask = new Set(thread.mask);
    for (const blocked of action.mask) mask.add(blocked);
    if (!action.flags.has('nodefer')) mask.add(signal);
    thread.mask = mask;
    thread.savedMask = undefined;
  }
  thread.attention = false;
  return handled ? 'handled' : 'none';
}

/** Look at a thread before its next guest instruction: it may have a signal to take, a stop or its end to see. */
export function alert(thread: Thread): void {
  thread.attention = true;
  if (thread.state === 'waiting') thread.unpark?.();
}

/** Stop all threads; the parent learns it. */
function stop(process: Process, signal: Signal): void {
  process.stopped = signal;
  for (const thread of process.threads.values()) alert(thread);
  report(process, { kind: 'stopped', signal });
}

export function resume(process: Process): void {
  if (!process.stopped) return;
  process.stopped = undefined;
  for (const thread of process.threads.values()) {
    if (thread.state === 'stopped') process.kernel.scheduler.ready(thread);
  }
  report(process, { kind: 'continued' });
}

function report(process: Process, status: { kind: 'stopped'; signal: Signal } | { kind: 'continued' }): void {
  process.unreported = status;
  const { parent } = process;
  if (!parent) {
    if (process.hostParent && status.kind === 'stopped') process.kernel.onStop(process);
    return;
  }
  parent.childQueue.wake();
  if (parent.action('SIGCHLD').flags.has('nocldstop')) return;
  notifyParent(process, status, 'SIGCHLD');
}

/** What a stop or continue signal does at the moment it is sent, whoever blocks it. */
function prepare(process: Process, signal: Signal): void {
  const everywhere = (unwanted: (signal: Signal) => boolean) => {
    process.pending.remove(unwanted);
    for (const thread of process.threads.values()) thread.pending.remove(unwanted);
  };
  if (signal === 'SIGCONT') {
    everywhere(isStop);
    resume(process);
  } else if (isStop(signal)) {
    everywhere((other) => other === 'SIGCONT');
  } else if (signal === 'SIGKILL' && process.stopped) {
    process.stopped = undefined;
    for (const thread of process.threads.values()) {
      if (thread.state === 'stopped') process.kernel.scheduler.ready(thread);
    }
  }
}

/** Dropped at once: ignored and not blocked (a blocked one may find a handler by the time it is unblocked). */
function isIgnored(process: Process, thread: Thread | undefined, signal: Signal): boolean {
  if (isUnblockable(signal)) return false;
  if (thread?.mask.has(signal) || thread?.savedMask?.has(signal)) return false;
  const { handler } = process.action(signal);
  if (handler === 'ignore') return true;
  if (handler !== 'default') return false;
  const deed = defaultAction(signal);
  return deed === 'ignore' || deed === 'continue';
}

function queue(process: Process, pending: Process['pending'], info: SignalInfo): boolean {
  if (pending.size >= process.limit('SIGPENDING')) {
    // A full queue loses what only repeats; what a program queued explicitly it is told about.
    if (info.signal.startsWith('SIGRT') && info.code !== 'SI_USER' && info.code !== 'SI_TKILL') return false;
  }
  pending.add(info);
  return true;
}

function chooseThread(process: Process, signal: Signal): Thread | undefined {
  const open = (thread: Thread) => thread.state !== 'ended' && (!thread.mask.has(signal) || isUnblockable(signal));
  const { leader } = process;
  if (leader && open(leader)) return leader;
  for (const thread of process.threads.values()) if (open(thread)) return thread;
  return undefined;
}

/** No member of the group has a parent in another group of the same session: nobody could continue it. */
export function isOrphanedGroup(kernel: Kernel, group: number): boolean {
  for (const process of kernel.processGroup(group)) {
    if (process.status) continue;
    const { parent } = process;
    if (!parent) {
      // The VM itself is the parent of its first processes and plays the shell that started them.
      if (process.hostParent) return false;
      continue;
    }
    if (parent.processGroup !== group && parent.session === process.session) return false;
  }
  return true;
}
