/** Timers that send signals: alarm, setitimer, timer_create and their like. */
import { fail } from '../../../src/base/failures.ts';
import type { Place } from '../../../src/personality/arguments.ts';
import { big64, i32, pad, struct } from '../../../src/personality/struct.ts';
import type { Task } from '../../../src/personality/task.ts';
import { IntervalTimer, type TimerClock } from '../../../src/process/interval-timers.ts';
import { sendToProcess, sendToThread } from '../../../src/process/signaling.ts';
import type { Signal, SignalInfo } from '../../../src/process/signals.ts';
import { CLOCK, ITIMER, TIMER_ABSTIME } from '../abi/flags.ts';
import { signalOf } from '../abi/signals.ts';
import type { Timespec, Timeval } from '../abi/structs.ts';
import { fromTimespec } from './time.ts';

interface IntervalValue<T> {
  it_interval: T;
  it_value: T;
}

const KINDS: Readonly<Record<number, readonly ['real' | 'virtual' | 'prof', TimerClock, Signal]>> = {
  [ITIMER.ITIMER_REAL]: ['real', 'monotonic', 'SIGALRM'],
  [ITIMER.ITIMER_VIRTUAL]: ['virtual', 'process-cpu', 'SIGVTALRM'],
  [ITIMER.ITIMER_PROF]: ['prof', 'process-cpu', 'SIGPROF'],
};

function intervalTimer(t: Task, which: number): IntervalTimer {
  const [name, clock, signal] = KINDS[which] ?? fail('EINVAL');
  const { process } = t;
  const known = process.intervalTimers.get(name);
  if (known) return known;
  const timer = new IntervalTimer(process, clock, () => void sendToProcess(process, { signal, code: 'SI_KERNEL' }));
  process.intervalTimers.set(name, timer);
  if (timer.onCpuTime) process.cpuWatched = true;
  return timer;
}

function fromTimeval({ tv_sec, tv_usec }: Timeval): bigint {
  if (tv_sec < 0 || tv_usec < 0 || tv_usec > 999_999) fail('EINVAL');
  return BigInt(tv_sec) * 1_000_000_000n + BigInt(tv_usec) * 1000n;
}

/** Rounded up: a running timer never shows zero. */
function toTimeval(nanoseconds: bigint): Timeval {
  const microseconds = (nanoseconds + 999n) / 1000n;
  return { tv_sec: Number(microseconds / 1_000_000n), tv_usec: Number(microseconds % 1_000_000n) };
}

const toTimespec = (nanoseconds: bigint): Timespec => ({
  tv_sec: Number(nanoseconds / 1_000_000_000n),
  tv_nsec: Number(nanoseconds % 1_000_000_000n),
});

const shown = (timer: IntervalTimer) => ({
  it_interval: toTimeval(timer.interval),
  it_value: toTimeval(timer.remaining()),
});

export function getitimer(t: Task, a: { which: number; curr_value: Place<IntervalValue<Timeval>> }): void {
  a.curr_value.set(shown(intervalTimer(t, a.which)));
}

export function setitimer(
  t: Task,
  a: {
    which: number;
    new_value: IntervalValue<Timeval> | undefined;
    old_value: Place<IntervalValue<Timeval>>;
  },
): void {
  const timer = intervalTimer(t, a.which);
  const value = a.new_value ? fromTimeval(a.new_value.it_value) : 0n;
  const interval = a.new_value ? fromTimeval(a.new_value.it_interval) : 0n;
  const old = shown(timer);
  timer.set(value, interval);
  if (!a.old_value.isNull) a.old_value.set(old);
}

export function alarm(t: Task, { seconds }: { seconds: number }): number {
  const timer = intervalTimer(t, ITIMER.ITIMER_REAL);
  const left = timer.remaining();
  timer.set(BigInt(seconds) * 1_000_000_000n, 0n);
  // To the nearest second, but never zero while one is running.
  return left === 0n ? 0 : Math.max(1, Number((left + 500_000_000n) / 1_000_000_000n));
}

// ---- POSIX timers

export const sigevent = struct({
  sigev_value: big64,
  sigev_signo: i32,
  sigev_notify: i32,
  sigev_tid: i32,
  _rest: pad(44),
});
export const SIGEV = { SIGNAL: 0, NONE: 1, THREAD: 2, THREAD_ID: 4 };

function timerClock(clock: number): TimerClock {
  switch (clock) {
    case CLOCK.CLOCK_REALTIME:
    case CLOCK.CLOCK_TAI:
    case CLOCK.CLOCK_REALTIME_ALARM:
      return 'realtime';
    case CLOCK.CLOCK_MONOTONIC:
    case CLOCK.CLOCK_BOOTTIME:
    case CLOCK.CLOCK_BOOTTIME_ALARM:
      return 'monotonic';
    case CLOCK.CLOCK_PROCESS_CPUTIME_ID:
      return 'process-cpu';
    case CLOCK.CLOCK_THREAD_CPUTIME_ID:
      return 'thread-cpu';
    default:
      return clock < 0 ? 'process-cpu' : fail('EINVAL');
  }
}

export function timer_create(
  t: Task,
  { clockid, sevp, timerid }: { clockid: number; sevp: number; timerid: Place<{ value: number }> },
): void {
  const clock = timerClock(clockid);
  const { process } = t;
  let id = 0;
  while (process.posixTimers.has(id)) id++;
  const event =
    sevp === 0
      ? { sigev_value: BigInt(id), sigev_signo: 14, sigev_notify: SIGEV.SIGNAL, sigev_tid: 0 }
      : sigevent.get(t.space, sevp);
  const { sigev_notify: notify, sigev_tid, sigev_value: value } = event;
  if (!Object.values(SIGEV).includes(notify)) fail('EINVAL');
  const signal = notify === SIGEV.NONE ? undefined : (signalOf(event.sigev_signo) ?? fail('EINVAL'));
  const target = notify === SIGEV.THREAD_ID ? (process.threads.get(sigev_tid) ?? fail('EINVAL')) : undefined;
  const timer = new IntervalTimer(process, clock, (expired) => {
    if (!signal) return;
    const pending = target?.pending ?? process.pending;
    // One signal is queued for a timer at a time; what expires meanwhile is counted on it.
    if (expired.queued && pending.holds(expired.queued)) {
      expired.queued.overrun = (expired.queued.overrun ?? 0) + 1 + expired.overrun;
    } else {
      const info: SignalInfo = { signal, code: 'SI_TIMER', timer: id, overrun: expired.overrun, value };
      expired.queued = info;
      if (target) sendToThread(target, info);
      else sendToProcess(process, info);
    }
    expired.overrun = 0;
  });
  if (timer.onCpuTime) process.cpuWatched = true;
  process.posixTimers.set(id, timer);
  timerid.set({ value: id });
}

const timerOf = (t: Task, timerid: number) => t.process.posixTimers.get(timerid) ?? fail('EINVAL');
const posixShown = (timer: IntervalTimer) => ({
  it_interval: toTimespec(timer.interval),
  it_value: toTimespec(timer.remaining()),
});

export function timer_settime(
  t: Task,
  a: {
    timerid: number;
    flags: number;
    new_value: IntervalValue<Timespec>;
    old_value: Place<IntervalValue<Timespec>>;
  },
): void {
  const timer = timerOf(t, a.timerid);
  const value = fromTimespec(a.new_value.it_value);
  const interval = fromTimespec(a.new_value.it_interval);
  const old = posixShown(timer);
  timer.overrun = 0;
  timer.set(value, interval, (a.flags & TIMER_ABSTIME) !== 0);
  if (!a.old_value.isNull) a.old_value.set(old);
}

export function timer_gettime(t: Task, a: { timerid: number; curr_value: Place<IntervalValue<Timespec>> }): void {
  a.curr_value.set(posixShown(timerOf(t, a.timerid)));
}

export const timer_getoverrun = (t: Task, { timerid }: { timerid: number }): number =>
  timerOf(t, timerid).queued?.overrun ?? 0;

export function timer_delete(t: Task, { timerid }: { timerid: number }): void {
  timerOf(t, timerid).cancel();
  t.process.posixTimers.delete(timerid);
}
