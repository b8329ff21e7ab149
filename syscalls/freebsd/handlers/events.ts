/** poll and select: readiness of several files at once. */
import { fail } from '../../../src/base/failures.ts';
import { ERROR, HANGUP, PRIORITY, READABLE, WRITABLE } from '../../../src/kernel/open-file.ts';
import { Wait, type WaitQueue } from '../../../src/kernel/wait.ts';
import type { PlaceArray } from '../../../src/personality/arguments.ts';
import type { Task } from '../../../src/personality/task.ts';
import { POLL } from '../abi/flags.ts';
import { maskSet } from '../abi/signal-frame.ts';
import { fromTimespec, fromTimeval } from '../abi/structs.ts';

interface PollFd {
  fd: number;
  events: number;
  revents: number;
}

/** A file's readiness as poll's bits, those asked for and those that are always told. */
function pollBits(readiness: number, events: number): number {
  let bits = 0;
  if (readiness & READABLE) bits |= POLL.POLLIN | POLL.POLLRDNORM;
  if (readiness & WRITABLE) bits |= POLL.POLLOUT;
  if (readiness & PRIORITY) bits |= POLL.POLLPRI;
  bits &= events;
  if (readiness & ERROR) bits |= POLL.POLLERR;
  // A hang-up and writability exclude each other.
  if (readiness & HANGUP) bits = (bits & ~POLL.POLLOUT) | POLL.POLLHUP;
  return bits;
}

/** undefined: for ever. */
function wait(task: Task, queues: WaitQueue[], timeout: bigint | undefined): Wait | 0 {
  if (timeout === 0n || task.thread.timedOut) return 0;
  return new Wait(queues, timeout === undefined ? undefined : task.thread.deadlineAfter(timeout));
}

function pollAll(task: Task, fds: PlaceArray<PollFd>, timeout: bigint | undefined) {
  if (fds.count > task.files.limit) fail('EINVAL');
  const list = fds.get();
  const queues: WaitQueue[] = [];
  let ready = 0;
  for (const each of list) {
    each.revents = 0;
    if (each.fd < 0) continue;
    const file = task.files.find(each.fd);
    each.revents = file ? pollBits(file.readiness(), each.events) : POLL.POLLNVAL;
    if (file) queues.push(file.queue);
    if (each.revents !== 0) ready++;
  }
  const waiting = ready > 0 ? 0 : wait(task, queues, timeout);
  if (waiting === 0) fds.set(list);
  return waiting || ready;
}

export function poll(task: Task, { fds, timeout }: { fds: PlaceArray<PollFd>; timeout: number }) {
  return pollAll(task, fds, timeout < 0 ? undefined : BigInt(timeout) * 1_000_000n);
}

export function ppoll(
  task: Task,
  a: {
    fds: PlaceArray<PollFd>;
    ts: { sec: number; nsec: number } | undefined;
    newsigmask: { bits: number[] } | undefined;
  },
) {
  if (a.newsigmask) task.thread.maskDuringCall(maskSet(a.newsigmask.bits));
  return pollAll(task, a.fds, a.ts && fromTimespec(a.ts));
}

const WANTED = [READABLE | HANGUP, WRITABLE | ERROR, PRIORITY];

export function select(
  task: Task,
  a: { nd: number; in: number; ou: number; ex: number; tv: { sec: number; usec: number } | undefined },
) {
  if (a.nd < 0) fail('EINVAL');
  const places = [a.in, a.ou, a.ex];
  const size = Math.ceil(a.nd / 64) * 8;
  const asked = places.map((at) => (at === 0 ? undefined : task.space.copyIn(at, size)));
  const answers = asked.map((set) => set && new Uint8Array(set.length));
  const queues: WaitQueue[] = [];
  let ready = 0;
  for (let fd = 0; fd < a.nd; fd++) {
    const [byte, bit] = [fd >> 3, 1 << (fd & 7)];
    if (!asked.some((set) => set && set[byte] & bit)) continue;
    const file = task.file(fd);
    const readiness = file.readiness();
    queues.push(file.queue);
    asked.forEach((set, i) => {
      const answer = answers[i];
      if (!set || !answer || !(set[byte] & bit) || !(readiness & WANTED[i])) return;
      answer[byte] |= bit;
      ready++;
    });
  }
  const waiting = ready > 0 ? 0 : wait(task, queues, a.tv && fromTimeval(a.tv));
  if (waiting !== 0) return waiting;
  places.forEach((at, i) => {
    const answer = answers[i];
    if (answer) task.space.copyOut(at, answer);
  });
  return ready;
}
