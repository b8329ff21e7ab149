/** Clocks and sleeping. */
import { fail } from '../../../src/base/failures.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { Place } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import { CLOCK } from '../abi/flags.ts';
import { fromTimespec, toTimespec, toTimeval } from '../abi/structs.ts';

interface Timespec {
  sec: number;
  nsec: number;
}

const TIMER_ABSTIME = 1;

function now(task: Task, clock: number): bigint {
  switch (clock) {
    case CLOCK.CLOCK_REALTIME:
    case CLOCK.CLOCK_REALTIME_PRECISE:
    case CLOCK.CLOCK_REALTIME_FAST:
      return task.kernel.realtime();
    case CLOCK.CLOCK_SECOND:
      return (task.kernel.realtime() / 1_000_000_000n) * 1_000_000_000n;
    case CLOCK.CLOCK_MONOTONIC:
    case CLOCK.CLOCK_MONOTONIC_PRECISE:
    case CLOCK.CLOCK_MONOTONIC_FAST:
    case CLOCK.CLOCK_UPTIME:
    case CLOCK.CLOCK_UPTIME_PRECISE:
    case CLOCK.CLOCK_UPTIME_FAST:
      return task.kernel.monotonic();
    case CLOCK.CLOCK_THREAD_CPUTIME_ID:
      return BigInt(Math.round(task.thread.cpuTime));
    case CLOCK.CLOCK_VIRTUAL:
      return BigInt(Math.round(task.process.usage.user));
    case CLOCK.CLOCK_PROF:
    case CLOCK.CLOCK_PROCESS_CPUTIME_ID:
      return BigInt(Math.round(task.process.usage.user + task.process.usage.system));
    default:
      return fail('EINVAL');
  }
}

export function clock_gettime(task: Task, { clock_id, tp }: { clock_id: number; tp: Place<Timespec> }) {
  tp.set(toTimespec(now(task, clock_id)));
}

export function clock_getres(task: Task, { clock_id, tp }: { clock_id: number; tp: Place<Timespec> }) {
  now(task, clock_id);
  if (!tp.isNull)
    tp.set({ sec: clock_id === CLOCK.CLOCK_SECOND ? 1 : 0, nsec: clock_id === CLOCK.CLOCK_SECOND ? 0 : 1 });
}

export function gettimeofday(
  task: Task,
  { tp, tzp }: { tp: Place<{ sec: number; usec: number }>; tzp: Place<{ minutesWest: number; dstTime: number }> },
) {
  if (!tp.isNull) tp.set(toTimeval(task.kernel.realtime()));
  if (!tzp.isNull) tzp.set({ minutesWest: 0, dstTime: 0 });
}

/** Until a monotonic time; a caught signal writes what is left to `remaining`. */
function sleep(task: Task, duration: bigint, remaining: Place<Timespec> | undefined): Wait | undefined {
  const { thread } = task;
  if (thread.timedOut || duration <= 0n) return undefined;
  const deadline = thread.deadlineAfter(duration);
  thread.callState = {
    cancel(why: 'signal' | 'exit') {
      const left = deadline - task.kernel.monotonic();
      if (why === 'signal' && remaining && !remaining.isNull) remaining.set(toTimespec(left > 0n ? left : 0n));
    },
  };
  return new Wait([], deadline);
}

function checked(time: Timespec): bigint {
  if (time.sec < 0 || time.nsec < 0 || time.nsec > 999_999_999) fail('EINVAL');
  return fromTimespec(time);
}

export function nanosleep(task: Task, { rqtp, rmtp }: { rqtp: Timespec; rmtp: Place<Timespec> }) {
  return sleep(task, checked(rqtp), rmtp);
}

export function clock_nanosleep(
  task: Task,
  a: { clock_id: number; flags: number; rqtp: Timespec; rmtp: Place<Timespec> },
) {
  const wanted = checked(a.rqtp);
  if ((a.flags & TIMER_ABSTIME) === 0) return sleep(task, wanted, a.rmtp);
  return sleep(task, wanted - now(task, a.clock_id), undefined);
}
