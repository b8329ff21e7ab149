/** The futex calls with a number each: waiting for one of several words, waking, waiting and moving waiters with sizes in the flags. */
import { fail } from '../../../src/base/failures.ts';
import { type FutexKey, type FutexWaiter, privateKey, sharedKey } from '../../../src/kernel/futex.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { CallState } from '../../../src/process/thread.ts';
import { CLOCK } from '../abi/flags.ts';
import { futex_waitv as entry, timespec } from '../abi/structs.ts';
import { fromTimespec } from './time.ts';

const SIZE_U32 = 2;
const SIZE_MASK = 3;
const PRIVATE = 128;
const MOST = 128;
/** What a word of 32 bits holds: values and masks beyond are refused. */
const LARGEST = 0xffff_ffff;

interface Parked extends CallState {
  waiters: readonly FutexWaiter[];
}

/** Words of 32 bits only, as Linux. */
function keyOf(t: Task, address: number, flags: number): FutexKey {
  if ((flags & SIZE_MASK) !== SIZE_U32 || flags & ~(SIZE_MASK | PRIVATE) || address % 4 !== 0) fail('EINVAL');
  return flags & PRIVATE ? privateKey(t.space, address) : sharedKey(t.space, address);
}

interface Timed {
  timeout: number;
  clockid: number;
}

function deadlineOf(t: Task, { timeout, clockid }: Timed): bigint | undefined {
  if (timeout === 0) return undefined;
  if (clockid !== CLOCK.CLOCK_REALTIME && clockid !== CLOCK.CLOCK_MONOTONIC) fail('EINVAL');
  const at = fromTimespec(timespec.get(t.space, timeout));
  return clockid === CLOCK.CLOCK_REALTIME ? at - t.kernel.realtime() + t.kernel.monotonic() : at;
}

interface Word {
  address: number;
  value: number;
  key: FutexKey;
  bits: number;
}

/** Park on every word; the index of the one that was woken. */
function waitForOne(t: Task, words: () => Word[], timed: Timed): number | Wait {
  const { thread } = t;
  const parked = thread.callState as Parked | undefined;
  const leave = (waiters: readonly FutexWaiter[]) => {
    for (const waiter of waiters) if (!waiter.woken) waiter.leave();
  };
  const woken = parked?.waiters.findIndex((waiter) => waiter.woken) ?? -1;
  if (woken >= 0) {
    leave(parked!.waiters);
    return woken;
  }
  const deadline = deadlineOf(t, timed);
  if (parked) {
    if (thread.timedOut) {
      leave(parked.waiters);
      return fail('ETIMEDOUT');
    }
    return new Wait(
      parked.waiters.map(({ queue }) => queue),
      deadline,
    );
  }
  const wanted = words();
  for (const { address, value } of wanted) if (t.space.readU32(address) !== value) fail('EAGAIN');
  const waiters = wanted.map(({ key, bits }) => t.kernel.futexes.park(key, bits));
  thread.callState = { waiters, cancel: () => leave(waiters) } satisfies Parked;
  return new Wait(
    waiters.map(({ queue }) => queue),
    deadline,
  );
}

export function futex_waitv(t: Task, a: { waiters: number; nr_futexes: number; flags: number } & Timed): number | Wait {
  if (a.flags !== 0 || a.nr_futexes === 0 || a.nr_futexes > MOST || a.waiters === 0) fail('EINVAL');
  return waitForOne(t, () => wordsOf(t, a.waiters, a.nr_futexes), a);
}

function wordsOf(t: Task, list: number, length: number): Word[] {
  return Array.from({ length }, (_, i) => {
    const { val, uaddr, flags, reserved } = entry.get(t.space, list + i * entry.size);
    if (reserved !== 0 || val > LARGEST) fail('EINVAL');
    return { address: uaddr, value: val, key: keyOf(t, uaddr, flags), bits: -1 };
  });
}

export function futex_wait(
  t: Task,
  { uaddr, val, mask, flags, ...timed }: { uaddr: number; val: number; mask: number; flags: number } & Timed,
): number | Wait {
  const key = keyOf(t, uaddr, flags);
  if (mask === 0 || mask > LARGEST) fail('EINVAL');
  return waitForOne(t, () => [{ address: uaddr, value: val, key, bits: mask | 0 }], timed);
}

export function futex_wake(
  t: Task,
  { uaddr, mask, nr, flags }: { uaddr: number; mask: number; nr: number; flags: number },
): number {
  const key = keyOf(t, uaddr, flags);
  if (mask === 0 || mask > LARGEST) fail('EINVAL');
  return nr <= 0 ? 0 : t.kernel.futexes.wake(key, nr, mask | 0);
}

/** The list names two words: who waits on the first, whose value is compared, is woken or waits on the second from now on. */
export function futex_requeue(
  t: Task,
  { waiters, flags, nr_wake, nr_requeue }: { waiters: number; flags: number; nr_wake: number; nr_requeue: number },
): number {
  if (flags !== 0 || waiters === 0) fail('EINVAL');
  const [from, to] = wordsOf(t, waiters, 2);
  if (nr_wake < 0 || nr_requeue < 0) fail('EINVAL');
  if (t.space.readU32(from.address) !== from.value) fail('EAGAIN');
  const [woken, moved] = t.kernel.futexes.requeue(from.key, to.key, nr_wake, nr_requeue);
  return woken + moved;
}
