/** What a program may ask about the system and itself: names, limits, usage, scheduling, entropy, thread pointers. */

import { fail, missing } from '../../../src/base/failures.ts';
import { bytesOf, textOf } from '../../../src/base/text.ts';
import type { GuestBuffer, Place } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { Process, Usage } from '../../../src/process/process.ts';
import type { Thread } from '../../../src/process/thread.ts';
import { ARCH, PR, RLIMITS } from '../abi/flags.ts';
import { signalNumber, signalOf } from '../abi/signals.ts';
import {
  type rlimit,
  robust_list_head,
  type rusage,
  sched_attr,
  type sched_param,
  type sysinfo,
  type utsname,
} from '../abi/structs.ts';
import { toTimeval } from './time.ts';

type ValueIn<L> = L extends { read(view: DataView, at: number): infer T } ? T : never;
type Out<L> = Place<ValueIn<L>>;
type Word = Place<{ value: number }>;

/** The kernel that we claim to be: new enough for current C libraries. */
export const RELEASE = '6.1.0-hospes';
export const VERSION = '#1 SMP PREEMPT_DYNAMIC Hospes 0.1.0';

export function uname(t: Task, { buf }: { buf: Out<typeof utsname> }): void {
  buf.set({
    sysname: 'Linux',
    nodename: t.kernel.hostname,
    release: RELEASE,
    version: VERSION,
    machine: 'x86_64',
    domainname: t.kernel.domainname,
  });
}

export function sethostname(t: Task, { name, len }: { name: GuestBuffer; len: number }): void {
  if (t.process.credentials.euid !== 0) fail('EPERM');
  if (len < 0 || len > 64) fail('EINVAL');
  t.kernel.hostname = textOf(name.copy());
}

export function setdomainname(t: Task, { name, len }: { name: GuestBuffer; len: number }): void {
  if (t.process.credentials.euid !== 0) fail('EPERM');
  if (len < 0 || len > 64) fail('EINVAL');
  t.kernel.domainname = textOf(name.copy());
}

/** Memory of the machine that a guest sees when no limit says otherwise. */
const DEFAULT_MEMORY = 4 * 2 ** 30;

export function systemMemory(t: Task): { total: number; free: number } {
  const total = t.kernel.limits.memory ?? DEFAULT_MEMORY;
  let used = 0;
  for (const process of t.kernel.processes.values()) if (!process.zombie) used += process.space.usage().resident;
  return { total, free: Math.max(0, total - used) };
}

export function sysinfoCall(t: Task, { info }: { info: Out<typeof sysinfo> }): void {
  const { total, free } = systemMemory(t);
  info.set({
    uptime: Number((t.kernel.monotonic() - t.kernel.bootTime) / 1_000_000_000n),
    loads: [0, 0, 0],
    totalram: total,
    freeram: free,
    sharedram: 0,
    bufferram: 0,
    totalswap: 0,
    freeswap: 0,
    procs: t.kernel.threads.size,
    totalhigh: 0,
    freehigh: 0,
    mem_unit: 1,
  });
}

export function getrandom(t: Task, { buf, count, flags }: { buf: GuestBuffer; count: number; flags: number }): number {
  if (flags & ~7 || (flags & 6) === 6) fail('EINVAL');
  const length = Math.min(count, 0x1ff_ffff);
  for (const span of buf.output(length)) t.kernel.environment.random(span);
  return length;
}

export function getcpu(_t: Task, { cpu, node }: { cpu: Word; node: Word }): void {
  if (!cpu.isNull) cpu.set({ value: 0 });
  if (!node.isNull) node.set({ value: 0 });
}

// ---- limits and usage

const INFINITE = 0xffff_ffff_ffff_ffffn;
const toLimit = (n: number): bigint => (n === Number.POSITIVE_INFINITY ? INFINITE : BigInt(n));
const fromLimit = (n: bigint): number => (n === INFINITE ? Number.POSITIVE_INFINITY : Number(n));

type Limit = ValueIn<typeof rlimit>;

function processOf(t: Task, pid: number): Process {
  return pid === 0 ? t.process : (t.kernel.threads.get(pid)?.process ?? fail('ESRCH'));
}

export function prlimit64(
  t: Task,
  {
    pid,
    resource,
    new_limit,
    old_limit,
  }: { pid: number; resource: number; new_limit: Limit | undefined; old_limit: Place<Limit> },
): void {
  const name = RLIMITS[resource] ?? fail('EINVAL');
  const process = processOf(t, pid);
  const { soft, hard } = process.limits.get(name) ?? { soft: Number.POSITIVE_INFINITY, hard: Number.POSITIVE_INFINITY };
  if (new_limit) setLimit(t, process, name, fromLimit(new_limit.rlim_cur), fromLimit(new_limit.rlim_max), hard);
  if (!old_limit.isNull) old_limit.set({ rlim_cur: toLimit(soft), rlim_max: toLimit(hard) });
}

function setLimit(t: Task, process: Process, name: string, soft: number, hard: number, formerHard: number): void {
  if (soft > hard) fail('EINVAL');
  if (hard > formerHard && t.process.credentials.euid !== 0) fail('EPERM');
  process.limits.set(name, { soft, hard });
  if (name === 'NOFILE') process.files.limit = soft;
  if (name === 'AS') process.space.limit = soft;
}

export const getrlimit = (t: Task, { resource, rlim }: { resource: number; rlim: Place<Limit> }): void =>
  prlimit64(t, { pid: 0, resource, new_limit: undefined, old_limit: rlim });

export const setrlimit = (t: Task, { resource, rlim }: { resource: number; rlim: Limit }): void =>
  prlimit64(t, { pid: 0, resource, new_limit: rlim, old_limit: { isNull: true } as Place<Limit> });

export function toRusage(usage: Usage): ValueIn<typeof rusage> {
  return {
    ru_utime: toTimeval(usage.user),
    ru_stime: toTimeval(usage.system),
    ru_maxrss: Math.floor(usage.maxResident / 1024),
    ru_ixrss: 0,
    ru_idrss: 0,
    ru_isrss: 0,
    ru_minflt: usage.minorFaults,
    ru_majflt: 0,
    ru_nswap: 0,
    ru_inblock: 0,
    ru_oublock: 0,
    ru_msgsnd: 0,
    ru_msgrcv: 0,
    ru_nsignals: 0,
    ru_nvcsw: usage.voluntarySwitches,
    ru_nivcsw: usage.involuntarySwitches,
  };
}

export function getrusage(t: Task, { who, usage }: { who: number; usage: Out<typeof rusage> }): void {
  const { process, thread } = t;
  if (who === 0)
    usage.set(
      toRusage({ ...process.usage, maxResident: Math.max(process.usage.maxResident, process.space.usage().resident) }),
    );
  else if (who === -1) usage.set(toRusage(process.childrenUsage));
  else if (who === 1) usage.set(toRusage({ ...process.usage, user: thread.cpuTime, system: 0 }));
  else fail('EINVAL');
}

// ---- scheduling: one CPU, one class

function threadOf(t: Task, pid: number): Thread {
  if (pid < 0) fail('EINVAL');
  // Process 1 is the VM itself: it is scheduled like everybody.
  return pid === 0 || pid === 1 ? t.thread : (t.kernel.threads.get(pid) ?? fail('ESRCH'));
}

export function sched_getaffinity(
  t: Task,
  { pid, cpusetsize, mask }: { pid: number; cpusetsize: number; mask: GuestBuffer },
): number {
  if (cpusetsize % 8 !== 0 || cpusetsize === 0) fail('EINVAL');
  if (pid < 0) fail('ESRCH');
  threadOf(t, pid);
  t.space.writeU64(mask.address, 1);
  return 8;
}

export function sched_setaffinity(
  t: Task,
  { pid, mask }: { pid: number; cpusetsize: number; mask: GuestBuffer },
): void {
  threadOf(t, pid);
  if ((mask.copy(Math.min(mask.length, 8))[0] & 1) === 0) fail('EINVAL');
}

export const sched_yield = (): void => {};

export function sched_getscheduler(t: Task, { pid }: { pid: number }): number {
  threadOf(t, pid);
  return 0;
}

export function sched_setscheduler(
  t: Task,
  { pid, policy, param }: { pid: number; policy: number; param: ValueIn<typeof sched_param> },
): void {
  threadOf(t, pid);
  const base = policy & 0xffff;
  if (base === 1 || base === 2) fail(t.process.credentials.euid === 0 ? 'EINVAL' : 'EPERM');
  if (![0, 3, 5].includes(base) || param.sched_priority !== 0) fail('EINVAL');
}

export function sched_getparam(t: Task, { pid, param }: { pid: number; param: Out<typeof sched_param> }): void {
  threadOf(t, pid);
  param.set({ sched_priority: 0 });
}

export function sched_setparam(t: Task, { pid, param }: { pid: number; param: ValueIn<typeof sched_param> }): void {
  threadOf(t, pid);
  if (param.sched_priority !== 0) fail('EINVAL');
}

export function sched_get_priority_max(_t: Task, { policy }: { policy: number }): number {
  if (policy === 1 || policy === 2) return 99;
  return [0, 3, 5, 6].includes(policy) ? 0 : fail('EINVAL');
}

export function sched_get_priority_min(_t: Task, { policy }: { policy: number }): number {
  if (policy === 1 || policy === 2) return 1;
  return [0, 3, 5, 6].includes(policy) ? 0 : fail('EINVAL');
}

export function sched_rr_get_interval(
  t: Task,
  { pid, tp }: { pid: number; tp: Place<{ tv_sec: number; tv_nsec: number }> },
): void {
  threadOf(t, pid);
  tp.set({ tv_sec: 0, tv_nsec: 4_000_000 });
}

/** The raw call returns 20 - nice, so that it is never negative. */
export function getpriority(t: Task, { which, who }: { which: number; who: number }): number {
  const nices = prioritised(t, which, who).map((process) => process.nice);
  if (nices.length === 0) fail('ESRCH');
  return 20 - Math.min(...nices);
}

export function setpriority(t: Task, { which, who, prio }: { which: number; who: number; prio: number }): void {
  const nice = Math.max(-20, Math.min(19, prio));
  const processes = prioritised(t, which, who);
  if (processes.length === 0) fail('ESRCH');
  for (const process of processes) {
    if (nice < process.nice && t.process.credentials.euid !== 0) fail('EACCES');
    process.nice = nice;
  }
}

/** PRIO_PROCESS, PRIO_PGRP, PRIO_USER. */
function prioritised(t: Task, which: number, who: number): Process[] {
  if (which === 0) {
    const thread = who === 0 ? t.thread : t.kernel.threads.get(who);
    return thread ? [thread.process] : [];
  }
  if (which === 1) return t.kernel.processGroup(who === 0 ? t.process.processGroup : who);
  if (which !== 2) fail('EINVAL');
  const uid = who === 0 ? t.process.credentials.uid : who;
  return [...t.kernel.processes.values()].filter((process) => process.credentials.uid === uid);
}

// ---- the thread itself

export function arch_prctl(t: Task, { code, addr }: { code: number; addr: number }): void {
  const { cpu, space } = t;
  // Thread pointers must be canonical user addresses.
  if ((code === ARCH.ARCH_SET_FS || code === ARCH.ARCH_SET_GS) && addr >= 0x7fff_ffff_f000) fail('EPERM');
  if (code === ARCH.ARCH_SET_FS) cpu.setBase('fs', addr);
  else if (code === ARCH.ARCH_SET_GS) cpu.setBase('gs', addr);
  else if (code === ARCH.ARCH_GET_FS) space.writeU64(addr, cpu.getBase('fs'));
  else if (code === ARCH.ARCH_GET_GS) space.writeU64(addr, cpu.getBase('gs'));
  else fail('EINVAL');
}

export function set_tid_address(t: Task, { tidptr }: { tidptr: number }): number {
  t.thread.clearChildTid = tidptr;
  return t.thread.tid;
}

export function set_robust_list(t: Task, { head, len }: { head: number; len: number }): void {
  if (len !== robust_list_head.size) fail('EINVAL');
  t.thread.robustList = { head, length: len };
}

export function get_robust_list(t: Task, { pid, head, len }: { pid: number; head: Word; len: Word }): void {
  const { robustList } = threadOf(t, pid);
  head.set({ value: robustList.head });
  len.set({ value: robustList.length === 0 ? robust_list_head.size : robustList.length });
}

/** Execution domains other than Linux's own do not exist here; some personality bits are harmless to ask for. */
export function personality(_t: Task, { persona }: { persona: number }): number {
  if (persona !== 0 && persona !== 0xffff_ffff && (persona & 0xff) !== 0) fail('EINVAL');
  return 0;
}

interface PrctlArgs {
  option: number;
  arg2: number;
  arg3: number;
  arg4: number;
  arg5: number;
}

/** One process-wide or thread-wide word each. */
export function prctl(t: Task, { option, arg2 }: PrctlArgs): number {
  const { process, thread, space } = t;
  const flag = (): boolean => (arg2 > 1 ? fail('EINVAL') : arg2 === 1);
  switch (option) {
    case PR.PR_SET_PDEATHSIG:
      process.parentDeathSignal = arg2 === 0 ? undefined : (signalOf(arg2) ?? fail('EINVAL'));
      return 0;
    case PR.PR_GET_PDEATHSIG:
      space.writeU32(arg2, process.parentDeathSignal ? signalNumber(process.parentDeathSignal) : 0);
      return 0;
    case PR.PR_GET_DUMPABLE:
      return process.dumpable ? 1 : 0;
    case PR.PR_SET_DUMPABLE:
      process.dumpable = flag();
      return 0;
    case PR.PR_GET_KEEPCAPS:
      return process.keepCapabilities ? 1 : 0;
    case PR.PR_SET_KEEPCAPS:
      process.keepCapabilities = flag();
      return 0;
    case PR.PR_SET_NAME:
      thread.name = textOf(shortName(t, arg2));
      return 0;
    case PR.PR_GET_NAME: {
      const name = new Uint8Array(16);
      name.set(bytesOf(thread.name).subarray(0, 15));
      space.copyOut(arg2, name);
      return 0;
    }
    case PR.PR_CAPBSET_READ:
      return arg2 > 40 ? fail('EINVAL') : 1;
    case PR.PR_CAP_AMBIENT:
      return 0;
    case PR.PR_GET_SECCOMP:
    case PR.PR_GET_TIMING:
    case PR.PR_GET_SECUREBITS:
    case PR.PR_GET_THP_DISABLE:
    case PR.PR_SET_THP_DISABLE:
    case PR.PR_SET_TIMERSLACK:
    case PR.PR_SET_PTRACER:
    case PR.PR_SET_VMA:
      return 0;
    case PR.PR_GET_TIMERSLACK:
      return 50_000;
    case PR.PR_GET_TSC:
      space.writeU32(arg2, 1);
      return 0;
    case PR.PR_SET_CHILD_SUBREAPER:
      process.subreaper = arg2 !== 0;
      return 0;
    case PR.PR_GET_CHILD_SUBREAPER:
      space.writeU32(arg2, process.subreaper ? 1 : 0);
      return 0;
    case PR.PR_SET_NO_NEW_PRIVS:
      if (arg2 !== 1) fail('EINVAL');
      process.noNewPrivileges = true;
      return 0;
    case PR.PR_GET_NO_NEW_PRIVS:
      return process.noNewPrivileges ? 1 : 0;
    case PR.PR_GET_TID_ADDRESS:
      space.writeU64(arg2, thread.clearChildTid);
      return 0;
    default:
      missing(`linux prctl ${option}`);
      return fail('EINVAL');
  }
}

/** A name of at most 15 bytes; longer ones are cut, not refused. */
function shortName(t: Task, address: number): Uint8Array {
  const bytes: number[] = [];
  for (let i = 0; i < 15; i++) {
    const byte = t.space.readU8(address + i);
    if (byte === 0) break;
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

// ---- more of scheduling, for programs that ask before they change anything

export function sched_getattr(
  t: Task,
  { pid, attr, size, flags }: { pid: number; attr: Out<typeof sched_attr>; size: number; flags: number },
): void {
  if (flags !== 0 || size < 48 || size > 4096) fail('EINVAL');
  const { process } = threadOf(t, pid);
  const rest = { sched_runtime: 0, sched_deadline: 0, sched_period: 0, sched_util_min: 0, sched_util_max: 1024 };
  const value = { size: 56, sched_policy: 0, sched_flags: 0, sched_nice: process.nice, sched_priority: 0, ...rest };
  if (size < 56) t.space.copyOut(attr.address, sched_attr.encode([{ ...value, size: 48 }]).subarray(0, 48));
  else attr.set(value);
}

export function sched_setattr(t: Task, { pid, attr, flags }: { pid: number; attr: number; flags: number }): void {
  if (flags !== 0) fail('EINVAL');
  const { process } = threadOf(t, pid);
  const size = t.space.readU32(attr);
  if (size !== 0 && size < 48) fail('E2BIG');
  const policy = t.space.readU32(attr + 4);
  if (![0, 3, 5].includes(policy)) fail(t.process.credentials.euid === 0 ? 'EINVAL' : 'EPERM');
  process.nice = Math.max(-20, Math.min(19, t.space.readI32(attr + 16)));
}

/** Best effort, level 4: what a process that nobody has changed has. */
const DEFAULT_IO_PRIORITY = (2 << 13) | 4;

export function ioprio_get(t: Task, { which, who }: { which: number; who: number }): number {
  if (which < 1 || which > 3) fail('EINVAL');
  if (prioritised(t, which - 1, who).length === 0) fail('ESRCH');
  return DEFAULT_IO_PRIORITY;
}

export function ioprio_set(t: Task, { which, who, ioprio }: { which: number; who: number; ioprio: number }): void {
  if (which < 1 || which > 3 || ioprio >> 13 > 3) fail('EINVAL');
  if (prioritised(t, which - 1, who).length === 0) fail('ESRCH');
}
