/** Clocks and sleeping; interval timers and timer_create are in timers.ts. */
import { fail } from '../../../src/base/failures.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { Place } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { CallState } from '../../../src/process/thread.ts';
import { CLOCK, TIMER_ABSTIME } from '../abi/flags.ts';
import { toTimespec } from '../abi/stat.ts';
import type { Timespec, Timeval } from '../abi/structs.ts';

const SECOND = 1_000_000_000n;

export function toTimeval(nanoseconds: number): Timeval {
  const microseconds = Math.floor(nanoseconds / 1000);
  return { tv_sec: Math.floor(microseconds / 1_000_000), tv_usec: microseconds % 1_000_000 };
}

/** Nanoseconds of a timespec that a guest hands in; EINVAL when it is not normalised. */
export function fromTimespec({ tv_sec, tv_nsec }: Timespec): bigint {
  if (tv_sec < 0 || tv_nsec < 0 || tv_nsec > 999_999_999) fail('EINVAL');
  return BigInt(tv_sec) * SECOND + BigInt(tv_nsec);
}

/** Present nanoseconds of a clock; EINVAL when there is no such clock. */
export function clockNow(t: Task, clock: number): bigint {
  switch (clock) {
    case CLOCK.CLOCK_REALTIME:
    case CLOCK.CLOCK_REALTIME_COARSE:
    case CLOCK.CLOCK_REALTIME_ALARM:
    case CLOCK.CLOCK_TAI:
      return t.kernel.realtime();
    case CLOCK.CLOCK_MONOTONIC:
    case CLOCK.CLOCK_MONOTONIC_RAW:
    case CLOCK.CLOCK_MONOTONIC_COARSE:
    case CLOCK.CLOCK_BOOTTIME:
    case CLOCK.CLOCK_BOOTTIME_ALARM:
      return t.kernel.monotonic();
    case CLOCK.CLOCK_PROCESS_CPUTIME_ID:
      return BigInt(Math.round(t.process.usage.user + t.process.usage.system));
    case CLOCK.CLOCK_THREAD_CPUTIME_ID:
      return BigInt(Math.round(t.thread.cpuTime));
    default:
      return otherCpuClock(t, clock);
  }
}

/** clock_getcpuclockid's numbers: the complement of a pid above three bits that say which clock. */
function otherCpuClock(t: Task, clock: number): bigint {
  if (clock >= 0) return fail('EINVAL');
  const id = ~(clock >> 3);
  const perThread = (clock & 4) !== 0;
  if (perThread) {
    const thread = id === 0 ? t.thread : t.kernel.threads.get(id);
    return BigInt(Math.round(thread?.cpuTime ?? fail('EINVAL')));
  }
  const usage = (id === 0 ? t.process : t.kernel.processes.get(id))?.usage ?? fail('EINVAL');
  return BigInt(Math.round(usage.user + usage.system));
}

export function clock_gettime(t: Task, { clockid, tp }: { clockid: number; tp: Place<Timespec> }): void {
  tp.set(toTimespec(clockNow(t, clockid)));
}

export function clock_getres(t: Task, { clockid, res }: { clockid: number; res: Place<Timespec> }): void {
  clockNow(t, clockid);
  const coarse = clockid === CLOCK.CLOCK_REALTIME_COARSE || clockid === CLOCK.CLOCK_MONOTONIC_COARSE;
  if (!res.isNull) res.set({ tv_sec: 0, tv_nsec: coarse ? 4_000_000 : 1 });
}

export function clock_settime(t: Task, { clockid, tp }: { clockid: number; tp: Timespec }): void {
  if (clockid !== CLOCK.CLOCK_REALTIME) fail('EINVAL');
  if (t.process.credentials.euid !== 0) fail('EPERM');
  t.kernel.realtimeOffset = fromTimespec(tp) - t.kernel.environment.realtime();
}

export function gettimeofday(
  t: Task,
  { tv, tz }: { tv: Place<Timeval>; tz: Place<{ tz_minuteswest: number; tz_dsttime: number }> },
): void {
  if (!tv.isNull) {
    const { tv_sec, tv_nsec } = toTimespec(t.kernel.realtime());
    tv.set({ tv_sec, tv_usec: Math.floor(tv_nsec / 1000) });
  }
  if (!tz.isNull) tz.set({ tz_minuteswest: 0, tz_dsttime: 0 });
}

export function settimeofday(t: Task, { tv }: { tv: Timeval | undefined }): void {
  if (t.process.credentials.euid !== 0) fail('EPERM');
  if (!tv) return;
  const wanted = fromTimespec({ tv_sec: tv.tv_sec, tv_nsec: tv.tv_usec * 1000 });
  t.kernel.realtimeOffset = wanted - t.kernel.environment.realtime();
}

export function time(t: Task, { tloc }: { tloc: Place<{ value: number }> }): number {
  const seconds = Number(t.kernel.realtime() / SECOND);
  if (!tloc.isNull) tloc.set({ value: seconds });
  return seconds;
}

const TICK = 10_000_000;

export function times(
  t: Task,
  { buf }: { buf: Place<{ tms_utime: number; tms_stime: number; tms_cutime: number; tms_cstime: number }> },
): number {
  const { usage, childrenUsage } = t.process;
  const ticks = (nanoseconds: number) => Math.floor(nanoseconds / TICK);
  if (!buf.isNull) {
    buf.set({
      tms_utime: ticks(usage.user),
      tms_stime: ticks(usage.system),
      tms_cutime: ticks(childrenUsage.user),
      tms_cstime: ticks(childrenUsage.system),
    });
  }
  return Number(t.kernel.monotonic() / BigInt(TICK));
}

// ---- sleeping

/** Sleep until a monotonic deadline; `remain` is told what was left when a signal ends it. */
function sleepUntil(t: Task, deadline: bigint, remain: Place<Timespec> | undefined): undefined | Wait {
  const { thread, kernel } = t;
  if (thread.timedOut || kernel.monotonic() >= deadline) return undefined;
  const state: CallState = {
    cancel: (why) => {
      if (why !== 'signal' || !remain || remain.isNull) return;
      const left = deadline - kernel.monotonic();
      // The call is over already: what cannot be reported is lost.
      if (t.space.accessible(remain.address, remain.layout.size, 'write') < remain.layout.size) return;
      remain.set(toTimespec(left > 0n ? left : 0n));
    },
  };
  thread.callState ??= state;
  return new Wait([], deadline);
}

export function nanosleep(t: Task, { rqtp, rmtp }: { rqtp: Timespec; rmtp: Place<Timespec> }) {
  return sleepUntil(t, t.thread.deadlineAfter(fromTimespec(rqtp)), rmtp);
}

export function clock_nanosleep(
  t: Task,
  { clockid, flags, rqtp, rmtp }: { clockid: number; flags: number; rqtp: Timespec; rmtp: Place<Timespec> },
) {
  if (clockid === CLOCK.CLOCK_THREAD_CPUTIME_ID) fail('EINVAL');
  const now = clockNow(t, clockid);
  const wanted = fromTimespec(rqtp);
  if (flags & TIMER_ABSTIME) return sleepUntil(t, t.thread.deadlineAfter(wanted > now ? wanted - now : 0n), undefined);
  return sleepUntil(t, t.thread.deadlineAfter(wanted), rmtp);
}
