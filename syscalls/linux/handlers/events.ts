/** Waiting for many files at once (poll, select, epoll) and files that are events: eventfd, timerfd. */
import { fail } from '../../../src/base/failures.ts';
import { EpollFile, type Interest } from '../../../src/kernel/epoll.ts';
import { EventFile } from '../../../src/kernel/eventfd.ts';
import type { OpenFile } from '../../../src/kernel/open-file.ts';
import * as ready from '../../../src/kernel/open-file.ts';
import { TimerFile } from '../../../src/kernel/timerfd.ts';
import { Wait, type WaitQueue } from '../../../src/kernel/wait.ts';
import type { Place, PlaceArray } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { CallState } from '../../../src/process/thread.ts';
import { CLOCK } from '../abi/flags.ts';
import { epoll_event, type Timespec, type Timeval, timespec, timeval } from '../abi/structs.ts';
import { maskForCall } from './signals.ts';
import { fromTimespec } from './time.ts';

const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const MILLISECOND = 1_000_000n;
const SECOND = 1_000_000_000n;

// ---- readiness in Linux's bits, which poll and epoll share

const POLL = { IN: 1, PRI: 2, OUT: 4, ERR: 8, HUP: 16, NVAL: 32, RDNORM: 0x40, RDBAND: 0x80, WRNORM: 0x100, WRBAND: 0x200, RDHUP: 0x2000 }; // biome-ignore format: one row

function toReadiness(events: number): number {
  return (
    (events & (POLL.IN | POLL.RDNORM) ? ready.READABLE : 0) |
    (events & (POLL.OUT | POLL.WRNORM) ? ready.WRITABLE : 0) |
    (events & POLL.PRI ? ready.PRIORITY : 0) |
    (events & POLL.RDHUP ? ready.READ_HANGUP : 0)
  );
}

/** Of what is ready, what was asked for; errors and hang-ups always. */
function fromReadiness(readiness: number, asked: number): number {
  let events = 0;
  if (readiness & ready.READABLE) events |= asked & (POLL.IN | POLL.RDNORM);
  if (readiness & ready.WRITABLE) events |= asked & (POLL.OUT | POLL.WRNORM);
  if (readiness & ready.PRIORITY) events |= asked & POLL.PRI;
  if (readiness & ready.READ_HANGUP) events |= asked & POLL.RDHUP;
  if (readiness & ready.ERROR) events |= POLL.ERR;
  if (readiness & ready.HANGUP) events |= POLL.HUP;
  return events;
}

/** Wait for any of the files, until a time; the caller has found nothing ready. */
function waitForAny(t: Task, files: readonly OpenFile[], timeout: bigint | undefined): Wait {
  const queues = new Set<WaitQueue>();
  for (const file of files) queues.add(file.queue);
  return new Wait([...queues], timeout === undefined ? undefined : t.thread.deadlineAfter(timeout));
}

// ---- poll

interface PollFd {
  fd: number;
  events: number;
  revents: number;
}

function pollFiles(t: Task, fds: PlaceArray<PollFd>, timeout: bigint | undefined): number | Wait {
  if (fds.count > t.process.limit('NOFILE')) fail('EINVAL');
  const entries = fds.count === 0 ? [] : fds.get();
  const files: OpenFile[] = [];
  let count = 0;
  for (const entry of entries) {
    entry.revents = 0;
    if (entry.fd < 0) continue;
    const file = t.files.find(entry.fd);
    if (file) {
      files.push(file);
      entry.revents = fromReadiness(file.readiness(), entry.events & 0xffff);
    } else {
      entry.revents = POLL.NVAL;
    }
    if (entry.revents !== 0) count++;
  }
  if (count === 0 && timeout !== 0n && !t.thread.timedOut) return waitForAny(t, files, timeout);
  entries.forEach(({ revents }, i) => {
    t.space.writeU16(fds.address + i * fds.layout.size + 6, revents);
  });
  return count;
}

export function poll(t: Task, { fds, timeout }: { fds: PlaceArray<PollFd>; nfds: number; timeout: number }) {
  return pollFiles(t, fds, timeout < 0 ? undefined : BigInt(timeout) * MILLISECOND);
}

export function ppoll(
  t: Task,
  a: { fds: PlaceArray<PollFd>; nfds: number; tmo_p: number; sigmask: number; sigsetsize: number },
): number | Wait {
  const wanted = a.tmo_p === 0 ? undefined : fromTimespec(timespec.get(t.space, a.tmo_p));
  maskForCall(t, a.sigmask, a.sigsetsize);
  const result = pollFiles(t, a.fds, wanted);
  if (!(result instanceof Wait)) reportLeft(t, a.tmo_p, wanted, 'timespec');
  return result;
}

/** select and ppoll write back how much of their time is left. */
function reportLeft(t: Task, address: number, wanted: bigint | undefined, form: 'timespec' | 'timeval'): void {
  if (address === 0 || wanted === undefined) return;
  const left = wanted === 0n ? 0n : t.thread.deadlineAfter(wanted) - t.kernel.monotonic();
  const rest = left > 0n ? left : 0n;
  const seconds = Number(rest / SECOND);
  const nanoseconds = Number(rest % SECOND);
  // Where the time lies in read-only memory the result stands all the same.
  if (t.space.accessible(address, 16, 'write') < 16) return;
  if (form === 'timespec') timespec.set(t.space, address, { tv_sec: seconds, tv_nsec: nanoseconds });
  else timeval.set(t.space, address, { tv_sec: seconds, tv_usec: Math.floor(nanoseconds / 1000) });
}

// ---- select

interface SelectSets {
  nfds: number;
  readfds: number;
  writefds: number;
  exceptfds: number;
}

function selectFiles(t: Task, a: SelectSets, timeout: bigint | undefined): number | Wait {
  if (a.nfds < 0) fail('EINVAL');
  const bits = Math.min(a.nfds, t.process.limit('NOFILE'));
  const size = Math.ceil(bits / 64) * 8;
  const inputs = [a.readfds, a.writefds, a.exceptfds].map((at) => (at === 0 ? undefined : t.space.copyIn(at, size)));
  const outputs = inputs.map((input) => input && new Uint8Array(size));
  const wanted = [ready.READABLE | ready.HANGUP | ready.ERROR, ready.WRITABLE | ready.ERROR, ready.PRIORITY];
  const files: OpenFile[] = [];
  let count = 0;
  for (let fd = 0; fd < bits; fd++) {
    const bit = 1 << (fd & 7);
    if (!inputs.some((set) => set && set[fd >> 3] & bit)) continue;
    const file = t.files.get(fd);
    files.push(file);
    const readiness = file.readiness();
    inputs.forEach((set, i) => {
      if (!set || !(set[fd >> 3] & bit) || !(readiness & wanted[i])) return;
      (outputs[i] as Uint8Array)[fd >> 3] |= bit;
      count++;
    });
  }
  if (count === 0 && timeout !== 0n && !t.thread.timedOut) return waitForAny(t, files, timeout);
  [a.readfds, a.writefds, a.exceptfds].forEach((at, i) => {
    const output = outputs[i];
    if (output) t.space.copyOut(at, output);
  });
  return count;
}

export function select(t: Task, a: SelectSets & { timeout: number }): number | Wait {
  let wanted: bigint | undefined;
  if (a.timeout !== 0) {
    const { tv_sec, tv_usec }: Timeval = timeval.get(t.space, a.timeout);
    if (tv_sec < 0 || tv_usec < 0) fail('EINVAL');
    wanted = BigInt(tv_sec) * SECOND + BigInt(tv_usec) * 1000n;
  }
  wanted = sameAtEveryAttempt(t, wanted);
  const result = selectFiles(t, a, wanted);
  if (!(result instanceof Wait)) reportLeft(t, a.timeout, wanted, 'timeval');
  return result;
}

export function pselect6(t: Task, a: SelectSets & { timeout: number; sigmask: number }): number | Wait {
  const given = a.timeout === 0 ? undefined : fromTimespec(timespec.get(t.space, a.timeout));
  const wanted = sameAtEveryAttempt(t, given);
  // The sixth argument points at the mask's address and size.
  if (a.sigmask !== 0) maskForCall(t, t.space.readU64(a.sigmask), t.space.readU64(a.sigmask + 8));
  const result = selectFiles(t, a, wanted);
  if (!(result instanceof Wait)) reportLeft(t, a.timeout, wanted, 'timespec');
  return result;
}

/** Another thread may write to the guest's timeout while this one waits: the first reading counts. */
function sameAtEveryAttempt(t: Task, wanted: bigint | undefined): bigint | undefined {
  const state = t.thread.callState as (CallState & { wanted?: bigint | undefined }) | undefined;
  if (state && 'wanted' in state) return state.wanted;
  t.thread.callState = { wanted };
  return wanted;
}

// ---- epoll

const EPOLL = { ET: 0x8000_0000, ONESHOT: 0x4000_0000, WAKEUP: 0x2000_0000, EXCLUSIVE: 0x1000_0000 };
/** What may go with EXCLUSIVE: POLLIN, POLLOUT, POLLERR, POLLHUP and the flags of waking. */
const EXCLUSIVE_OK = 0x1d | EPOLL.WAKEUP | EPOLL.ET | EPOLL.EXCLUSIVE;
const OP = { ADD: 1, DEL: 2, MOD: 3 };
const MAX_EVENTS = Math.floor(0x7fff_ffff / 12);

export function epoll_create1(t: Task, { flags }: { flags: number }): number {
  if (flags & ~O_CLOEXEC) fail('EINVAL');
  return t.files.add(new EpollFile(t.kernel.realtime()), (flags & O_CLOEXEC) !== 0);
}

export function epoll_create(t: Task, { size }: { size: number }): number {
  if (size <= 0) fail('EINVAL');
  return epoll_create1(t, { flags: 0 });
}

function epollOf(t: Task, epfd: number): EpollFile {
  const file = t.file(epfd);
  return file instanceof EpollFile ? file : fail('EINVAL');
}

export function epoll_ctl(
  t: Task,
  { epfd, op, fd, event }: { epfd: number; op: number; fd: number; event: number },
): void {
  const { events, data } = op === OP.DEL ? { events: 0, data: 0n } : epoll_event.get(t.space, event);
  t.file(epfd);
  const file = t.file(fd);
  const epoll = epollOf(t, epfd);
  if (file === epoll) fail('EINVAL');
  if (events & EPOLL.EXCLUSIVE && (op === OP.MOD || events & ~EXCLUSIVE_OK || file instanceof EpollFile))
    fail('EINVAL');
  const interest: Interest = {
    events: toReadiness(events),
    asked: events & 0x7fff,
    edge: (events & EPOLL.ET) !== 0,
    oneShot: (events & EPOLL.ONESHOT) !== 0,
    exclusive: (events & EPOLL.EXCLUSIVE) !== 0,
    data,
  };
  if (op === OP.ADD) epoll.add(fd, file, interest);
  else if (op === OP.MOD) {
    epoll.modify(fd, file, interest);
  } else if (op === OP.DEL) epoll.remove(fd, file);
  else fail('EINVAL');
}

interface EpollWaitArgs {
  epfd: number;
  events: number;
  maxevents: number;
}

function collect(t: Task, a: EpollWaitArgs, timeout: bigint | undefined): number | Wait {
  if (a.maxevents <= 0 || a.maxevents > MAX_EVENTS) fail('EINVAL');
  const epoll = epollOf(t, a.epfd);
  // The buffer must be there before events are taken out of the list; without any, nobody looks at it.
  if (epoll.readiness() !== 0 && t.space.accessible(a.events, epoll_event.size, 'write') < epoll_event.size)
    fail('EFAULT');
  const found = epoll.collect(a.maxevents);
  if (found.length === 0) {
    if (timeout === 0n || t.thread.timedOut) return 0;
    return waitForAny(t, [epoll], timeout);
  }
  epoll_event.setArray(
    t.space,
    a.events,
    found.map(({ events, asked, data }) => ({ events: fromReadiness(events, asked), data })),
  );
  return found.length;
}

const fromMilliseconds = (timeout: number) => (timeout < 0 ? undefined : BigInt(timeout) * MILLISECOND);

export const epoll_wait = (t: Task, a: EpollWaitArgs & { timeout: number }) =>
  collect(t, a, fromMilliseconds(a.timeout));

export function epoll_pwait(t: Task, a: EpollWaitArgs & { timeout: number; sigmask: number; sigsetsize: number }) {
  maskForCall(t, a.sigmask, a.sigsetsize);
  return collect(t, a, fromMilliseconds(a.timeout));
}

export function epoll_pwait2(
  t: Task,
  a: EpollWaitArgs & { timeout: Timespec | undefined; sigmask: number; sigsetsize: number },
) {
  const wanted = a.timeout && fromTimespec(a.timeout);
  maskForCall(t, a.sigmask, a.sigsetsize);
  return collect(t, a, wanted);
}

// ---- eventfd and timerfd

const EFD_SEMAPHORE = 1;

export function eventfd2(t: Task, { initval, flags }: { initval: number; flags: number }): number {
  if (flags & ~(EFD_SEMAPHORE | O_NONBLOCK | O_CLOEXEC)) fail('EINVAL');
  const file = new EventFile(BigInt(initval >>> 0), (flags & EFD_SEMAPHORE) !== 0, t.kernel.realtime());
  file.nonblocking = (flags & O_NONBLOCK) !== 0;
  return t.files.add(file, (flags & O_CLOEXEC) !== 0);
}

export const eventfd = (t: Task, { initval }: { initval: number }): number => eventfd2(t, { initval, flags: 0 });

export function timerfd_create(t: Task, { clockid, flags }: { clockid: number; flags: number }): number {
  if (flags & ~(O_NONBLOCK | O_CLOEXEC)) fail('EINVAL');
  const realtime = clockid === CLOCK.CLOCK_REALTIME || clockid === CLOCK.CLOCK_REALTIME_ALARM;
  const monotonic =
    clockid === CLOCK.CLOCK_MONOTONIC || clockid === CLOCK.CLOCK_BOOTTIME || clockid === CLOCK.CLOCK_BOOTTIME_ALARM;
  if (!realtime && !monotonic) fail('EINVAL');
  const file = new TimerFile(t.kernel, realtime ? 'realtime' : 'monotonic');
  file.nonblocking = (flags & O_NONBLOCK) !== 0;
  return t.files.add(file, (flags & O_CLOEXEC) !== 0);
}

interface TimerValue {
  it_interval: Timespec;
  it_value: Timespec;
}

function timerFile(t: Task, fd: number): TimerFile {
  const file = t.file(fd);
  return file instanceof TimerFile ? file : fail('EINVAL');
}

const toTimespec = (nanoseconds: bigint): Timespec => ({
  tv_sec: Number(nanoseconds / SECOND),
  tv_nsec: Number(nanoseconds % SECOND),
});
const shown = ({ value, interval }: { value: bigint; interval: bigint }): TimerValue => ({
  it_interval: toTimespec(interval),
  it_value: toTimespec(value),
});

const TFD_TIMER_ABSTIME = 1;
const TFD_TIMER_CANCEL_ON_SET = 2;

export function timerfd_settime(
  t: Task,
  a: { fd: number; flags: number; new_value: TimerValue; old_value: Place<TimerValue> },
): void {
  if (a.flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) fail('EINVAL');
  const file = timerFile(t, a.fd);
  const value = fromTimespec(a.new_value.it_value);
  const interval = fromTimespec(a.new_value.it_interval);
  const old = file.set(value, interval, (a.flags & TFD_TIMER_ABSTIME) !== 0);
  if (!a.old_value.isNull) a.old_value.set(shown(old));
}

export function timerfd_gettime(t: Task, { fd, curr_value }: { fd: number; curr_value: Place<TimerValue> }): void {
  curr_value.set(shown(timerFile(t, fd).get()));
}
