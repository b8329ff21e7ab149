/** Calls that begin, replace, end, await and describe processes and threads. */
import { fail, GuestError, missing } from '../../../src/base/failures.ts';
import { RAX, RSP } from '../../../src/isa/x86/state.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import { LoadError } from '../../../src/loader/load-error.ts';
import type { Place } from '../../../src/personality/arguments.ts';
import { NO_RESULT } from '../../../src/personality/define.ts';
import type { Task } from '../../../src/personality/task.ts';
import { type ExecRequest, execute } from '../../../src/process/exec.ts';
import * as family from '../../../src/process/family.ts';
import { PidFile } from '../../../src/process/pid-file.ts';
import type { Process, ProcessStatus } from '../../../src/process/process.ts';
import { maySignal, sendToProcess, userSignal } from '../../../src/process/signaling.ts';
import { AT, AT_FDCWD, CLONE, WAIT } from '../abi/flags.ts';
import { encodeSiginfo, signalNumber, signalOf } from '../abi/signals.ts';
import { clone_args, type rusage as rusageLayout } from '../abi/structs.ts';
import { toRusage } from './info.ts';

type Value<L> = L extends { read(view: DataView, at: number): infer T } ? T : never;
type UsagePlace = Place<Value<typeof rusageLayout>>;

// ---- beginning

interface CloneRequest {
  flags: number;
  exitSignal: number;
  stack: number;
  parentTid: number;
  childTid: number;
  pidfd: number;
  tls: number;
}

const NAMESPACES =
  CLONE.CLONE_NEWNS |
  CLONE.CLONE_NEWCGROUP |
  CLONE.CLONE_NEWUTS |
  CLONE.CLONE_NEWIPC |
  CLONE.CLONE_NEWUSER |
  CLONE.CLONE_NEWPID |
  CLONE.CLONE_NEWNET;
const CLONE_CLEAR_SIGHAND = 0x1_0000_0000;
const CLONE_INTO_CGROUP = 0x2_0000_0000;

function doClone(t: Task, request: CloneRequest): number {
  const { flags } = request;
  const has = (bit: number) => (flags & bit) !== 0;
  if (has(CLONE.CLONE_THREAD) && !has(CLONE.CLONE_SIGHAND)) fail('EINVAL');
  if (has(CLONE.CLONE_SIGHAND) && !has(CLONE.CLONE_VM)) fail('EINVAL');
  if (has(CLONE.CLONE_FS) && has(CLONE.CLONE_NEWNS)) fail('EINVAL');
  if (has(CLONE.CLONE_PIDFD) && has(CLONE.CLONE_THREAD)) fail('EINVAL');
  if (has(NAMESPACES)) {
    missing('linux clone: namespaces');
    fail('EPERM');
  }
  const exitSignal = request.exitSignal === 0 ? undefined : (signalOf(request.exitSignal) ?? fail('EINVAL'));
  const child = family.clone(t.thread, {
    thread: has(CLONE.CLONE_THREAD),
    shareMemory: has(CLONE.CLONE_VM),
    shareFiles: has(CLONE.CLONE_FILES),
    shareFs: has(CLONE.CLONE_FS),
    shareActions: has(CLONE.CLONE_SIGHAND),
    clearActions: Math.floor(flags / CLONE_CLEAR_SIGHAND) % 2 === 1,
    vfork: has(CLONE.CLONE_VFORK),
    sibling: has(CLONE.CLONE_PARENT),
    exitSignal: has(CLONE.CLONE_PARENT) ? t.process.exitSignal : exitSignal,
  });
  const { cpu } = child;
  cpu.set(RAX, 0);
  if (request.stack !== 0) cpu.set(RSP, request.stack);
  if (has(CLONE.CLONE_SETTLS)) cpu.setBase('fs', request.tls);
  if (has(CLONE.CLONE_PARENT_SETTID)) t.space.writeU32(request.parentTid, child.tid);
  if (has(CLONE.CLONE_CHILD_SETTID)) child.process.space.writeU32(request.childTid, child.tid);
  if (has(CLONE.CLONE_CHILD_CLEARTID)) child.clearChildTid = request.childTid;
  if (has(CLONE.CLONE_PIDFD)) t.space.writeU32(request.pidfd, t.files.add(new PidFile(child.process), true));
  family.start(child);
  return child.tid;
}

export function clone(
  t: Task,
  a: { flags: number; stack: number; parent_tid: number; child_tid: number; tls: number },
): number {
  return doClone(t, {
    flags: a.flags & ~0xff,
    exitSignal: a.flags & 0xff,
    stack: a.stack,
    parentTid: a.parent_tid,
    childTid: a.child_tid,
    pidfd: a.parent_tid,
    tls: a.tls,
  });
}

const CLONE_ARGS_FIRST = 64;

export function clone3(t: Task, { cl_args, size }: { cl_args: number; size: number }): number {
  if (size < CLONE_ARGS_FIRST) fail('EINVAL');
  if (size > 4096) fail('E2BIG');
  const bytes = new Uint8Array(Math.max(size, clone_args.size));
  bytes.set(t.space.copyIn(cl_args, size));
  if (bytes.subarray(clone_args.size).some((byte) => byte !== 0)) fail('E2BIG');
  const a = clone_args.read(new DataView(bytes.buffer), 0);
  if (a.set_tid !== 0 || a.flags >= CLONE_INTO_CGROUP) fail('EINVAL');
  if (a.exit_signal > 64 || (a.stack === 0) !== (a.stack_size === 0)) fail('EINVAL');
  return doClone(t, {
    flags: a.flags,
    exitSignal: a.exit_signal,
    stack: a.stack === 0 ? 0 : a.stack + a.stack_size,
    parentTid: a.parent_tid,
    childTid: a.child_tid,
    pidfd: a.pidfd,
    tls: a.tls,
  });
}

const SIGCHLD = 17;
const plain = { stack: 0, parentTid: 0, childTid: 0, pidfd: 0, tls: 0 };
export const fork = (t: Task) => doClone(t, { ...plain, flags: 0, exitSignal: SIGCHLD });
export const vfork = (t: Task) =>
  doClone(t, { ...plain, flags: CLONE.CLONE_VM | CLONE.CLONE_VFORK, exitSignal: SIGCHLD });

/** What a process shares with others it may stop sharing; namespaces are not there. */
export function unshare(t: Task, { flags }: { flags: number }): void {
  const { process } = t;
  if (flags & NAMESPACES) {
    missing('linux unshare: namespaces');
    fail('EPERM');
  }
  if (flags & ~(CLONE.CLONE_FS | CLONE.CLONE_FILES | CLONE.CLONE_SYSVSEM | CLONE.CLONE_THREAD)) fail('EINVAL');
  if (flags & CLONE.CLONE_THREAD && process.threads.size > 1) fail('EINVAL');
  if (flags & CLONE.CLONE_FILES && process.files.shared) {
    const own = process.files.clone();
    process.files.release();
    process.files = own;
  }
  if (flags & CLONE.CLONE_FS) {
    const own = process.fs.clone();
    process.fs.release();
    process.fs = own;
  }
}

// ---- replacing

/** A null-terminated array of string pointers; a null array is an empty one. */
function strings(t: Task, at: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  if (at === 0) return found;
  for (;;) {
    const pointer = t.space.readU64(at + found.length * 8);
    if (pointer === 0) return found;
    if (found.length >= 0x8_0000) fail('E2BIG');
    found.push(longString(t, pointer));
  }
}

/** One argument: too long a one is E2BIG, where a path would be ENAMETOOLONG. */
function longString(t: Task, at: number): Uint8Array {
  try {
    return t.space.cstring(at, 0x2_0000);
  } catch (error) {
    throw error instanceof GuestError && error.code === 'ENAMETOOLONG' ? new GuestError('E2BIG') : error;
  }
}

function replace(t: Task, request: ExecRequest): typeof NO_RESULT {
  try {
    execute(t.thread, request);
  } catch (error) {
    throw error instanceof LoadError ? new GuestError(error.errno) : error;
  }
  return NO_RESULT;
}

/** A program without arguments still gets its name's place, as Linux gives it since 5.18. */
const argumentsOf = (t: Task, at: number) => {
  const found = strings(t, at);
  return found.length === 0 ? [new Uint8Array(0)] : found;
};

export function execve(t: Task, { pathname, argv, envp }: { pathname: string; argv: number; envp: number }) {
  return replace(t, { path: pathname, argv: argumentsOf(t, argv), envp: strings(t, envp) });
}

export function execveat(
  t: Task,
  {
    dirfd,
    pathname,
    argv,
    envp,
    flags,
  }: { dirfd: number; pathname: string; argv: number; envp: number; flags: number },
) {
  if (flags & ~(AT.AT_EMPTY_PATH | AT.AT_SYMLINK_NOFOLLOW)) fail('EINVAL');
  const base = dirfd === AT_FDCWD || pathname.startsWith('/') ? undefined : t.file(dirfd);
  return replace(t, {
    base,
    path: pathname,
    look: { follow: (flags & AT.AT_SYMLINK_NOFOLLOW) === 0, empty: (flags & AT.AT_EMPTY_PATH) !== 0 },
    argv: argumentsOf(t, argv),
    envp: strings(t, envp),
  });
}

// ---- ending

export function exit(t: Task, { status }: { status: number }): typeof NO_RESULT {
  family.endThread(t.thread, { kind: 'exited', code: status & 0xff });
  return NO_RESULT;
}

export function exit_group(t: Task, { status }: { status: number }): typeof NO_RESULT {
  family.endProcess(t.process, { kind: 'exited', code: status & 0xff });
  return NO_RESULT;
}

// ---- awaiting

function encodeStatus(status: ProcessStatus): number {
  switch (status.kind) {
    case 'exited':
      return status.code << 8;
    case 'killed':
      return signalNumber(status.signal) | (status.core ? 0x80 : 0);
    case 'stopped':
      return (signalNumber(status.signal) << 8) | 0x7f;
    case 'continued':
      return 0xffff;
  }
}

const kindsOf = (options: number) =>
  options & WAIT.__WALL ? 'all' : options & WAIT.__WCLONE ? 'clone' : ('ordinary' as const);
const THREAD_BITS = WAIT.__WNOTHREAD | WAIT.__WALL | WAIT.__WCLONE;

export function wait4(
  t: Task,
  a: { pid: number; wstatus: Place<{ value: number }>; options: number; rusage: UsagePlace },
): number | Wait {
  if (a.options & ~(WAIT.WNOHANG | WAIT.WUNTRACED | WAIT.WCONTINUED | THREAD_BITS)) fail('EINVAL');
  if (a.pid === -0x8000_0000) fail('ESRCH');
  const { process } = t;
  const which =
    a.pid > 0 ? { pid: a.pid } : a.pid === -1 ? {} : { processGroup: a.pid === 0 ? process.processGroup : -a.pid };
  const found = family.waitForChild(
    process,
    { ...which, kinds: kindsOf(a.options) },
    {
      exited: true,
      stopped: (a.options & WAIT.WUNTRACED) !== 0,
      continued: (a.options & WAIT.WCONTINUED) !== 0,
    },
  );
  if (!found) return a.options & WAIT.WNOHANG ? 0 : new Wait([process.childQueue]);
  if (!a.wstatus.isNull) a.wstatus.set({ value: encodeStatus(found.status) });
  if (!a.rusage.isNull) a.rusage.set(toRusage(found.usage));
  return found.child.pid;
}

const P = { ALL: 0, PID: 1, PGID: 2, PIDFD: 3 };

export function waitid(
  t: Task,
  a: { idtype: number; id: number; infop: number; options: number; rusage: UsagePlace },
): number | Wait {
  const allowed = WAIT.WNOHANG | WAIT.WNOWAIT | WAIT.WEXITED | WAIT.WUNTRACED | WAIT.WCONTINUED | THREAD_BITS;
  if (a.options & ~allowed) fail('EINVAL');
  if ((a.options & (WAIT.WEXITED | WAIT.WUNTRACED | WAIT.WCONTINUED)) === 0) fail('EINVAL');
  const { process } = t;
  let nonblocking = false;
  let selector: family.WaitSelector;
  if (a.idtype === P.ALL) selector = {};
  else if (a.idtype === P.PID) selector = { pid: a.id > 0 ? a.id : fail('EINVAL') };
  else if (a.idtype === P.PGID) {
    selector = { processGroup: a.id === 0 ? process.processGroup : a.id > 0 ? a.id : fail('EINVAL') };
  } else if (a.idtype === P.PIDFD) {
    const file = t.file(a.id);
    nonblocking = file.nonblocking;
    selector = { pid: file instanceof PidFile ? file.process.pid : fail('EBADF') };
  } else return fail('EINVAL');
  const found = family.waitForChild(
    process,
    { ...selector, kinds: kindsOf(a.options) },
    {
      exited: (a.options & WAIT.WEXITED) !== 0,
      stopped: (a.options & WAIT.WUNTRACED) !== 0,
      continued: (a.options & WAIT.WCONTINUED) !== 0,
      keep: (a.options & WAIT.WNOWAIT) !== 0,
    },
  );
  if (!found) {
    if ((a.options & WAIT.WNOHANG) === 0) return nonblocking ? fail('EAGAIN') : new Wait([process.childQueue]);
    if (a.infop !== 0) t.space.copyOut(a.infop, new Uint8Array(32));
    return 0;
  }
  if (a.infop !== 0) {
    // The kernel writes these members of siginfo_t and no more.
    const info = encodeSiginfo(family.childInfo(found.child, found.status, 'SIGCHLD'));
    t.space.copyOut(a.infop, info.subarray(0, 12));
    t.space.copyOut(a.infop + 16, info.subarray(16, 28));
  }
  if (!a.rusage.isNull) a.rusage.set(toRusage(found.usage));
  return 0;
}

// ---- who is who

export const getpid = (t: Task) => t.process.pid;
export const gettid = (t: Task) => t.thread.tid;
/** A process that the user started has the VM itself for a parent, which is process 1. */
export const getppid = (t: Task) => t.process.parent?.pid ?? 1;
export const getpgrp = (t: Task) => t.process.processGroup;

function processOf(t: Task, pid: number): Process {
  return pid === 0 ? t.process : (t.kernel.processes.get(pid) ?? fail('ESRCH'));
}

export const getpgid = (t: Task, { pid }: { pid: number }) => processOf(t, pid).processGroup;
export const getsid = (t: Task, { pid }: { pid: number }) => processOf(t, pid).session;
export const setsid = (t: Task) => family.newSession(t.process);

export function setpgid(t: Task, { pid, pgid }: { pid: number; pgid: number }): void {
  family.setProcessGroup(t.process, pid, pgid);
}

// ---- descriptors for processes

const PIDFD_NONBLOCK = 0o4000;

export function pidfd_open(t: Task, { pid, flags }: { pid: number; flags: number }): number {
  if (flags & ~PIDFD_NONBLOCK || pid <= 0) fail('EINVAL');
  const process = t.kernel.processes.get(pid);
  if (!process) return fail(t.kernel.threads.has(pid) ? 'EINVAL' : 'ESRCH');
  const file = new PidFile(process);
  file.nonblocking = flags !== 0;
  return t.files.add(file, true);
}

/** A pidfd, or the directory of the process in /proc. */
function processBehind(t: Task, fd: number): Process {
  const file = t.file(fd);
  if (file instanceof PidFile) return file.process;
  const [, pid] = /^\/proc\/([0-9]+)$/.exec(file.kind === 'directory' ? file.path : '') ?? [];
  if (pid === undefined) return fail('EBADF');
  return t.kernel.processes.get(Number(pid)) ?? fail('ESRCH');
}

export function pidfd_send_signal(
  t: Task,
  { pidfd, sig, flags }: { pidfd: number; sig: number; info: number; flags: number },
): void {
  if (flags !== 0) fail('EINVAL');
  const target = processBehind(t, pidfd);
  const signal = sig === 0 ? undefined : (signalOf(sig) ?? fail('EINVAL'));
  if (target.status) fail('ESRCH');
  if (!maySignal(t.process, target, signal)) fail('EPERM');
  if (signal) sendToProcess(target, userSignal(t.process, signal));
}

export function pidfd_getfd(t: Task, { pidfd, targetfd, flags }: { pidfd: number; targetfd: number; flags: number }) {
  if (flags !== 0) fail('EINVAL');
  const file = t.file(pidfd);
  if (!(file instanceof PidFile)) return fail('EBADF');
  if (file.process.status) fail('ESRCH');
  return t.files.add(file.process.files.get(targetfd), true);
}
