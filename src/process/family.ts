/** How processes and threads begin (fork, vfork, clone), end and are waited for; groups and sessions. */
import { fail, MemoryFault } from '../base/failures.ts';
import { sharedKey } from '../kernel/futex.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Process, ProcessMemory, type ProcessStatus, type Usage } from './process.ts';
import { isOrphanedGroup, kernelSignal, sendToGroup, sendToProcess } from './signaling.ts';
import type { Signal, SignalInfo } from './signals.ts';
import { Thread } from './thread.ts';

export interface CloneOptions {
  /** A thread of the same process; implies all the sharing. */
  thread?: boolean;
  shareMemory?: boolean;
  shareFiles?: boolean;
  shareFs?: boolean;
  shareActions?: boolean;
  /** Dispositions other than ignored ones go back to default (CLONE_CLEAR_SIGHAND). */
  clearActions?: boolean;
  /** The parent sleeps until the child executes or ends. */
  vfork?: boolean;
  /** The child's parent is the caller's parent. */
  sibling?: boolean;
  exitSignal?: Signal | undefined;
}

/**
 * A copy of the calling thread, in a new process or in its own. The registers are copied too:
 * the caller changes what must differ (result, stack, thread pointer), then calls `start`.
 */
export function clone(parent: Thread, options: CloneOptions): Thread {
  const { process } = parent;
  const { kernel } = process;
  if (!mayHaveMore(process)) fail('EAGAIN');
  const tid = kernel.newPid();
  kernel.stats.threads++;
  if (options.thread) {
    const thread = new Thread(tid, process, process.code.createCpu());
    thread.cpu.copyFrom(parent.cpu);
    thread.mask = new Set(parent.mask);
    thread.name = parent.name;
    process.threads.set(tid, thread);
    kernel.threads.set(tid, thread);
    return thread;
  }
  kernel.stats.processes++;
  const memory = options.shareMemory ? process.memory.retain() : forkMemory(kernel, process);
  const child = new Process(kernel, tid, {
    parent: options.sibling ? process.parent : process,
    processGroup: process.processGroup,
    session: process.session,
    personality: process.personality,
    memory,
    files: options.shareFiles ? process.files.share() : process.files.clone(),
    fs: options.shareFs ? process.fs.share() : process.fs.clone(),
    credentials: { ...process.credentials, groups: [...process.credentials.groups] },
    limits: new Map([...process.limits].map(([name, limit]) => [name, { ...limit }])),
  });
  child.actions = options.shareActions ? process.actions : new Map(process.actions);
  if (options.clearActions) {
    child.actions = new Map([...process.actions].filter(([, action]) => action.handler === 'ignore'));
  }
  child.exitSignal = options.exitSignal;
  child.executable = process.executable;
  child.argv = process.argv;
  child.envp = process.envp;
  child.auxv = process.auxv;
  child.nice = process.nice;
  child.dumpable = process.dumpable;
  child.noNewPrivileges = process.noNewPrivileges;
  child.personalityState = process.personalityState;
  const thread = new Thread(tid, child, child.code.createCpu());
  thread.cpu.copyFrom(parent.cpu);
  thread.mask = new Set(parent.savedMask ?? parent.mask);
  thread.name = parent.name;
  if (!options.shareMemory || options.vfork) thread.alternateStack = { ...parent.alternateStack };
  child.threads.set(tid, thread);
  kernel.threads.set(tid, thread);
  kernel.processes.set(tid, child);
  child.parent?.children.add(child);
  if (options.vfork) child.vforkParent = parent;
  return thread;
}

/** Let a cloned thread run; a vfork's parent waits from now on. */
export function start(thread: Thread): void {
  const { process } = thread;
  const { scheduler } = process.kernel;
  const parent = process.vforkParent;
  scheduler.ready(thread);
  if (parent && process.threads.size === 1 && !process.status) scheduler.suspend(parent);
}

function forkMemory(kernel: Kernel, process: Process): ProcessMemory {
  const space = process.space.fork();
  return new ProcessMemory(space, kernel.engine.attach(space)).retain();
}

/** RLIMIT_NPROC counts a user's threads, in all processes; root is never refused. */
function mayHaveMore(process: Process): boolean {
  const { uid } = process.credentials;
  if (uid === 0) return true;
  let count = 0;
  for (const one of process.kernel.processes.values()) if (one.credentials.uid === uid) count += one.threads.size;
  return count < process.limit('NPROC');
}

/** The vfork parent goes on: the child has executed or ended. */
export function releaseVforkParent(process: Process): void {
  const parent = process.vforkParent;
  if (!parent) return;
  process.vforkParent = undefined;
  if (parent.state === 'suspended') process.kernel.scheduler.ready(parent);
}

/** exit_group and fatal signals: every thread ends before it runs another instruction. */
export function endProcess(process: Process, status: ProcessStatus): void {
  if (process.ending) return;
  process.ending = status;
  process.stopped = undefined;
  for (const thread of [...process.threads.values()]) {
    thread.attention = true;
    if (thread.state !== 'runnable') endThread(thread, status);
  }
}

/** exit of one thread; with the last one the process ends, with `status` unless something stronger ends it. */
export function endThread(thread: Thread, status: ProcessStatus): void {
  if (thread.state === 'ended') return;
  const { process } = thread;
  const { kernel } = process;
  if (thread.state === 'waiting') kernel.scheduler.leaveWait(thread);
  thread.cancelCall('exit');
  thread.endCall();
  thread.state = 'ended';
  leaveMemory(thread);
  process.threads.delete(thread.tid);
  kernel.threads.delete(thread.tid);
  process.code.releaseCpu(thread.cpu);
  process.threadEndQueue.wake();
  if (process.threads.size === 0) finish(process, process.ending ?? status);
}

/** What a thread leaves behind in memory: robust mutexes marked, its tid cleared and its joiner woken. */
export function leaveMemory(thread: Thread): void {
  const { process } = thread;
  const { futexes } = process.kernel;
  process.personality.abandon?.(thread);
  const address = thread.clearChildTid;
  thread.clearChildTid = 0;
  if (address === 0) return;
  // Alone in its memory, nobody could look at the word.
  if (process.threads.size <= 1 && !process.memory.shared && process.ending) return;
  try {
    process.space.writeU32(address, 0);
    futexes.wake(sharedKey(process.space, address), 1);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
  }
}

/** The last thread has ended. */
function finish(process: Process, status: ProcessStatus): void {
  const { kernel } = process;
  process.status = status;
  for (const timer of [...process.intervalTimers.values(), ...process.posixTimers.values()]) timer.cancel();
  process.posixTimers.clear();
  process.usage.maxResident = Math.max(process.usage.maxResident, process.space.usage().resident);
  releaseVforkParent(process);
  process.files.release();
  process.fs.release();
  process.memory.drop();
  process.pending.clear();
  leaveSession(process);
  for (const child of [...process.children]) adopt(child);
  const { parent } = process;
  process.endQueue.wake();
  process.onEnd?.(status);
  kernel.onProcessEnd(process, status);
  orphanedGroupsHangUp(kernel, process);
  if (!parent) {
    reap(process);
    return;
  }
  const action = parent.action('SIGCHLD');
  const unwanted = process.exitSignal === 'SIGCHLD' && (action.handler === 'ignore' || action.flags.has('nocldwait'));
  if (process.exitSignal && !(unwanted && action.handler === 'ignore'))
    notifyParent(process, status, process.exitSignal);
  if (unwanted) reap(process);
  parent.childQueue.wake();
}

/** A child whose parent has ended goes to the nearest subreaper, else to the VM itself, which reaps at once. */
function adopt(child: Process): void {
  const old = child.parent as Process;
  old.children.delete(child);
  let ancestor = old.parent;
  while (ancestor && (!ancestor.subreaper || ancestor.status)) ancestor = ancestor.parent;
  child.parent = ancestor;
  if (child.parentDeathSignal && !child.status) {
    sendToProcess(child, { signal: child.parentDeathSignal, code: 'SI_USER', pid: old.pid, uid: old.credentials.uid });
  }
  if (!ancestor) {
    if (child.status) reap(child);
    return;
  }
  ancestor.children.add(child);
  child.exitSignal = 'SIGCHLD';
  if (child.status) {
    notifyParent(child, child.status, 'SIGCHLD');
    ancestor.childQueue.wake();
  }
}

/** Remove a zombie. */
export function reap(process: Process): void {
  process.kernel.processes.delete(process.pid);
  process.parent?.children.delete(process);
}

const CLD_CODES = { exited: 'CLD_EXITED', stopped: 'CLD_STOPPED', continued: 'CLD_CONTINUED' } as const;

/** The siginfo that tells of a child's change, for SIGCHLD and waitid. */
export function childInfo(process: Process, status: ProcessStatus, signal: Signal): SignalInfo {
  const code = status.kind === 'killed' ? (status.core ? 'CLD_DUMPED' : 'CLD_KILLED') : CLD_CODES[status.kind];
  return {
    signal,
    code,
    pid: process.pid,
    uid: process.credentials.uid,
    status: status.kind === 'exited' ? status.code : status.kind === 'continued' ? 'SIGCONT' : status.signal,
    utime: process.usage.user,
    stime: process.usage.system,
  };
}

export function notifyParent(process: Process, status: ProcessStatus, signal: Signal): void {
  if (process.parent) sendToProcess(process.parent, childInfo(process, status, signal));
}

/** Which children a wait is about. */
export interface WaitSelector {
  pid?: number;
  processGroup?: number;
  /** 'ordinary': those that send SIGCHLD; 'clone': the others; 'all'. */
  kinds?: 'ordinary' | 'clone' | 'all';
}

export interface WaitOptions {
  exited?: boolean;
  stopped?: boolean;
  continued?: boolean;
  /** Leave it to be waited for again (WNOWAIT). */
  keep?: boolean;
}

/** A child's change, if there is one to report; undefined: none yet. ECHILD when no child could ever qualify. */
export function waitForChild(
  process: Process,
  selector: WaitSelector,
  options: WaitOptions,
): { child: Process; status: ProcessStatus; usage: Usage } | undefined {
  let any = false;
  for (const child of process.children) {
    if (!selects(selector, child)) continue;
    any = true;
    if (child.status) {
      if (!options.exited) continue;
      const { status } = child;
      const usage = totalUsage(child);
      if (!options.keep) {
        addUsage(process.childrenUsage, usage);
        reap(child);
      }
      return { child, status, usage };
    }
    const { unreported } = child;
    if (!unreported || !options[unreported.kind as 'stopped' | 'continued']) continue;
    if (!options.keep) child.unreported = undefined;
    return { child, status: unreported, usage: totalUsage(child) };
  }
  return any ? undefined : fail('ECHILD');
}

function selects(selector: WaitSelector, child: Process): boolean {
  const { kinds = 'ordinary' } = selector;
  if (kinds !== 'all' && (kinds === 'ordinary') !== (child.exitSignal === 'SIGCHLD')) return false;
  if (selector.pid !== undefined) return child.pid === selector.pid;
  if (selector.processGroup !== undefined) return child.processGroup === selector.processGroup;
  return true;
}

function totalUsage(process: Process): Usage {
  const sum = { ...process.usage };
  addUsage(sum, process.childrenUsage);
  return sum;
}

function addUsage(into: Usage, from: Usage): void {
  into.user += from.user;
  into.system += from.system;
  into.maxResident = Math.max(into.maxResident, from.maxResident);
  into.minorFaults += from.minorFaults;
  into.voluntarySwitches += from.voluntarySwitches;
  into.involuntarySwitches += from.involuntarySwitches;
}

/** setpgid: `pid` 0 is the caller, `group` 0 the target's own id. */
export function setProcessGroup(caller: Process, pid: number, group: number): void {
  const found = pid === 0 ? caller : caller.kernel.processes.get(pid);
  if (group < 0) fail('EINVAL');
  const target = found === caller || found?.parent === caller ? found : fail('ESRCH');
  if (target !== caller && target.session !== caller.session) fail('EPERM');
  if (target !== caller && target.executed) fail('EACCES');
  if (target.pid === target.session) fail('EPERM');
  const wanted = group === 0 ? target.pid : group;
  if (wanted !== target.pid) {
    const exists = caller.kernel.processGroup(wanted).some((member) => member.session === target.session);
    if (!exists) fail('EPERM');
  }
  target.processGroup = wanted;
}

export function newSession(process: Process): number {
  const { kernel } = process;
  if (kernel.processGroup(process.pid).length > 0) fail('EPERM');
  process.session = process.pid;
  process.processGroup = process.pid;
  kernel.sessions.set(process.pid, { id: process.pid, terminal: undefined });
  return process.pid;
}

/** A session leader's end hangs up its terminal's foreground group and gives the terminal up. */
function leaveSession(process: Process): void {
  const { kernel } = process;
  if (process.session !== process.pid) return;
  const session = kernel.sessions.get(process.pid);
  const terminal = session?.terminal;
  if (session && terminal) {
    session.terminal = undefined;
    if (terminal.session === session.id) {
      const foreground = terminal.foreground;
      terminal.session = 0;
      terminal.foreground = 0;
      if (foreground > 0) {
        sendToGroup(kernel, foreground, kernelSignal('SIGHUP'));
        sendToGroup(kernel, foreground, kernelSignal('SIGCONT'));
      }
    }
  }
  kernel.sessions.delete(process.pid);
}

/** Stopped groups that lose their last outside parent get SIGHUP and SIGCONT. */
function orphanedGroupsHangUp(kernel: Kernel, ended: Process): void {
  const groups = new Set([ended.processGroup]);
  for (const process of kernel.processes.values()) {
    if (process.parent === undefined && !process.hostParent && !process.status) groups.add(process.processGroup);
  }
  for (const group of groups) {
    const members = kernel.processGroup(group).filter((member) => !member.status);
    if (!members.some((member) => member.stopped) || !isOrphanedGroup(kernel, group)) continue;
    sendToGroup(kernel, group, kernelSignal('SIGHUP'));
    sendToGroup(kernel, group, kernelSignal('SIGCONT'));
  }
}

/** All other threads of the process end (execve); the caller takes over the leader's id. */
export function becomeOnlyThread(thread: Thread): void {
  const { process } = thread;
  const { kernel } = process;
  for (const other of [...process.threads.values()]) {
    if (other === thread) continue;
    endThread(other, { kind: 'exited', code: 0 });
  }
  if (thread.tid === process.pid) return;
  process.threads.delete(thread.tid);
  kernel.threads.delete(thread.tid);
  thread.tid = process.pid;
  process.threads.set(thread.tid, thread);
  kernel.threads.set(thread.tid, thread);
}
