/** The futex call with all its operations, and what a dying thread owes to the mutexes it held. */
import { fail, MemoryFault, missing } from '../../../src/base/failures.ts';
import { type FutexKey, type FutexWaiter, privateKey, sharedKey } from '../../../src/kernel/futex.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { Task } from '../../../src/personality/task.ts';
import type { CallState, Thread } from '../../../src/process/thread.ts';
import { FUTEX } from '../abi/flags.ts';
import { robust_list_head, timespec } from '../abi/structs.ts';
import { fromTimespec } from './time.ts';

interface FutexArgs {
  uaddr: number;
  futex_op: number;
  val: number;
  /** A timespec's address, or for the requeueing operations a count. */
  timeout: number;
  uaddr2: number;
  val3: number;
}

const COMMAND = 0x7f;
const TID_MASK = 0x3fff_ffff;
const OWNER_DIED = 0x4000_0000;
const WAITERS = 0x8000_0000;

interface Parked extends CallState {
  waiter: FutexWaiter;
}

export function futex(t: Task, a: FutexArgs): number | Wait {
  const command = a.futex_op & COMMAND;
  if (a.uaddr % 4 !== 0) fail('EINVAL');
  switch (command) {
    case FUTEX.FUTEX_WAIT:
      return wait(t, a, -1, relativeDeadline);
    case FUTEX.FUTEX_WAIT_BITSET:
      return a.val3 === 0 ? fail('EINVAL') : wait(t, a, a.val3, absoluteDeadline);
    case FUTEX.FUTEX_WAKE:
      return t.kernel.futexes.wake(keyOf(t, a, a.uaddr), count(a.val));
    case FUTEX.FUTEX_WAKE_BITSET:
      return a.val3 === 0 ? fail('EINVAL') : t.kernel.futexes.wake(keyOf(t, a, a.uaddr), count(a.val), a.val3);
    case FUTEX.FUTEX_REQUEUE:
    case FUTEX.FUTEX_CMP_REQUEUE:
      return requeue(t, a, command === FUTEX.FUTEX_CMP_REQUEUE);
    case FUTEX.FUTEX_WAKE_OP:
      return wakeOp(t, a);
    case FUTEX.FUTEX_LOCK_PI:
    case FUTEX.FUTEX_LOCK_PI2:
      return lockPi(t, a, command === FUTEX.FUTEX_LOCK_PI);
    case FUTEX.FUTEX_TRYLOCK_PI:
      return tryLockPi(t, a.uaddr) ? 0 : fail('EAGAIN');
    case FUTEX.FUTEX_UNLOCK_PI:
      return unlockPi(t, a);
    default:
      missing(`linux futex operation ${command}`);
      return fail('ENOSYS');
  }
}

/** Linux wakes at least one whatever it is asked. */
const count = (wanted: number) => Math.max(1, wanted | 0);

function keyOf(t: Task, a: { futex_op: number }, address: number): FutexKey {
  if (address % 4 !== 0) fail('EINVAL');
  return a.futex_op & FUTEX.FUTEX_PRIVATE_FLAG ? privateKey(t.space, address) : sharedKey(t.space, address);
}

type DeadlineOf = (t: Task, a: FutexArgs) => bigint | undefined;

const relativeDeadline: DeadlineOf = (t, a) =>
  a.timeout === 0 ? undefined : t.thread.deadlineAfter(fromTimespec(timespec.get(t.space, a.timeout)));

function absoluteDeadline(t: Task, a: FutexArgs, realtime = (a.futex_op & FUTEX.FUTEX_CLOCK_REALTIME) !== 0) {
  if (a.timeout === 0) return undefined;
  const at = fromTimespec(timespec.get(t.space, a.timeout));
  return realtime ? at - t.kernel.realtime() + t.kernel.monotonic() : at;
}

function wait(t: Task, a: FutexArgs, bits: number, deadlineOf: DeadlineOf): number | Wait {
  const { thread } = t;
  const parked = thread.callState as Parked | undefined;
  if (parked?.waiter.woken) return 0;
  const deadline = deadlineOf(t, a);
  if (thread.timedOut) {
    parked?.waiter.leave();
    return fail('ETIMEDOUT');
  }
  if (parked) return new Wait([parked.waiter.queue], deadline);
  if (t.space.readU32(a.uaddr) !== a.val >>> 0) fail('EAGAIN');
  return park(t, keyOf(t, a, a.uaddr), bits, deadline);
}

function park(t: Task, key: FutexKey, bits: number, deadline: bigint | undefined): Wait {
  const waiter = t.kernel.futexes.park(key, bits);
  waiter.owner = t.thread.tid;
  t.thread.callState = { waiter, cancel: () => waiter.leave() } satisfies Parked;
  return new Wait([waiter.queue], deadline);
}

function requeue(t: Task, a: FutexArgs, compare: boolean): number {
  const move = a.timeout | 0;
  if ((a.val | 0) < 0 || move < 0) fail('EINVAL');
  if (compare && t.space.readU32(a.uaddr) !== a.val3 >>> 0) fail('EAGAIN');
  const [woken, moved] = t.kernel.futexes.requeue(keyOf(t, a, a.uaddr), keyOf(t, a, a.uaddr2), a.val | 0, move);
  return woken + moved;
}

/** Change the second word, wake on the first, and on the second if its old value compares so. */
function wakeOp(t: Task, a: FutexArgs): number {
  const code = a.val3;
  const operation = (code >>> 28) & 7;
  const comparison = (code >>> 24) & 15;
  let operand = (code << 8) >> 20;
  const against = (code << 20) >> 20;
  if (code & 0x8000_0000) operand = 1 << (operand & 31);
  const [first, second] = [keyOf(t, a, a.uaddr), keyOf(t, a, a.uaddr2)];
  const old = t.space.readI32(a.uaddr2);
  const changed = [operand, old + operand, old | operand, old & ~operand, old ^ operand][operation];
  if (changed === undefined) fail('ENOSYS');
  t.space.writeU32(a.uaddr2, changed >>> 0);
  const holds = [old === against, old !== against, old < against, old <= against, old > against, old >= against][
    comparison
  ];
  if (holds === undefined) fail('ENOSYS');
  let woken = t.kernel.futexes.wake(first, count(a.val));
  if (holds) woken += t.kernel.futexes.wake(second, count(a.timeout));
  return woken;
}

// ---- priority inheritance: ownership and hand-over as user space sees them; there are no priorities to inherit

function tryLockPi(t: Task, address: number): boolean {
  const word = t.space.readU32(address);
  const owner = word & TID_MASK;
  if (owner === t.thread.tid) fail('EDEADLK');
  if (owner !== 0) return false;
  t.space.writeU32(address, ((word & ~TID_MASK) | t.thread.tid) >>> 0);
  return true;
}

function lockPi(t: Task, a: FutexArgs, realtime: boolean): number | Wait {
  const { thread } = t;
  const parked = thread.callState as Parked | undefined;
  if (parked?.waiter.woken) return 0;
  if (thread.timedOut) {
    parked?.waiter.leave();
    return fail('ETIMEDOUT');
  }
  const deadline = absoluteDeadline(t, a, realtime || undefined);
  if (parked) return new Wait([parked.waiter.queue], deadline);
  if (tryLockPi(t, a.uaddr)) return 0;
  const word = t.space.readU32(a.uaddr);
  if (!t.kernel.threads.has(word & TID_MASK)) fail('ESRCH');
  t.space.writeU32(a.uaddr, (word | WAITERS) >>> 0);
  return park(t, keyOf(t, a, a.uaddr), -1, deadline);
}

function unlockPi(t: Task, a: FutexArgs): number {
  const word = t.space.readU32(a.uaddr);
  if ((word & TID_MASK) !== t.thread.tid) fail('EPERM');
  const { futexes } = t.kernel;
  const key = keyOf(t, a, a.uaddr);
  const [next, more] = futexes.first(key);
  if (!next) {
    t.space.writeU32(a.uaddr, 0);
    return 0;
  }
  t.space.writeU32(a.uaddr, (next.owner | (more ? WAITERS : 0)) >>> 0);
  futexes.wake(key, 1);
  return 0;
}

// ---- robust lists

const ROBUST_LIMIT = 2048;

/** The thread is about to end: mark the robust mutexes it holds and wake those who wait for them. */
export function abandonRobustList(thread: Thread): void {
  const { head } = thread.robustList;
  if (head === 0) return;
  thread.robustList = { head: 0, length: 0 };
  const { space } = thread.process;
  try {
    const { list, futex_offset, list_op_pending } = robust_list_head.get(space, head);
    let entry = list;
    for (let n = 0; n < ROBUST_LIMIT && clean(entry) !== head; n++) {
      // Read the link first: whoever is woken may reuse the entry.
      const next = space.readU64(clean(entry));
      if (clean(entry) !== clean(list_op_pending)) abandon(thread, clean(entry) + futex_offset);
      entry = next;
    }
    if (list_op_pending !== 0) abandon(thread, clean(list_op_pending) + futex_offset);
  } catch (error) {
    // A broken list is the program's own affair.
    if (!(error instanceof MemoryFault)) throw error;
  }
}

/** The lowest bit of a link says that the mutex inherits priorities. */
const clean = (pointer: number) => pointer - (pointer % 2);

function abandon(thread: Thread, address: number): void {
  const { process } = thread;
  const word = process.space.readU32(address);
  if ((word & TID_MASK) !== thread.tid) return;
  process.space.writeU32(address, ((word & WAITERS) | OWNER_DIED) >>> 0);
  if (word & WAITERS) process.kernel.futexes.wake(sharedKey(process.space, address), 1);
}
