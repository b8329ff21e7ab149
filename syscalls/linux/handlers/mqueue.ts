/** POSIX message queues: Linux's flags, limits and structures over the kernel's queues. */
import { fail, missing } from '../../../src/base/failures.ts';
import type { Kernel } from '../../../src/kernel/kernel.ts';
import { MessageQueue, MessageQueueFile, MessageQueues } from '../../../src/kernel/posix-mqueue.ts';
import { Wait } from '../../../src/kernel/wait.ts';
import type { GuestBuffer } from '../../../src/personality/arguments.ts';
import { wouldBlock } from '../../../src/personality/blocking.ts';
import type { Task } from '../../../src/personality/task.ts';
import { sendToProcess } from '../../../src/process/signaling.ts';
import type { CallState } from '../../../src/process/thread.ts';
import { O } from '../abi/flags.ts';
import { signalOf } from '../abi/signals.ts';
import { mq_attr, timespec } from '../abi/structs.ts';
import { fromTimespec } from './time.ts';
import { SIGEV, sigevent } from './timers.ts';

/** /proc/sys/fs/mqueue of a current Linux: the defaults, what anybody may ask for, and what root may. */
const DEFAULT = { messages: 10, bytes: 8192 };
const ROOT = { messages: 65_536, bytes: 16 << 20 };
/** O_ACCMODE. */
const ACCESS = 3;
const PRIORITIES = 32_768;
/** What the kernel counts for a message besides its bytes. */
const OVERHEAD = 96;

const systems = new WeakMap<Kernel, MessageQueues>();

function queues(t: Task): MessageQueues {
  const known = systems.get(t.kernel) ?? new MessageQueues();
  systems.set(t.kernel, known);
  return known;
}

function checkedName(name: string): string {
  if (name === '') fail('ENOENT');
  if (name.length > 255) fail('ENAMETOOLONG');
  if (name.includes('/')) fail('EACCES');
  return name;
}

export function mq_open(t: Task, a: { name: string; oflag: number; mode: number; attr: number }): number {
  const name = checkedName(a.name);
  const access = a.oflag & ACCESS;
  if (access === ACCESS) fail('EINVAL');
  const want = { read: access !== O.O_WRONLY, write: access !== O.O_RDONLY };
  const all = queues(t);
  let queue = all.find(name);
  if (queue && a.oflag & O.O_CREAT && a.oflag & O.O_EXCL) fail('EEXIST');
  if (!queue) {
    if (!(a.oflag & O.O_CREAT)) fail('ENOENT');
    queue = new MessageQueue(name, limits(t, a.attr), owner(t, a.mode), t.kernel.realtime());
    all.add(queue);
  }
  const file = all.open(queue, t.fs, want);
  file.nonblocking = (a.oflag & O.O_NONBLOCK) !== 0;
  const fd = t.files.add(file, true);
  file.releaseListeners.add(() => {
    if (queue.registration?.owner === t.process) queue.registration = undefined;
  });
  return fd;
}

const owner = (t: Task, mode: number) => ({ mode: mode & 0o777 & ~t.fs.umask, uid: t.fs.uid, gid: t.fs.gid });

function limits(t: Task, attr: number): { messages: number; bytes: number } {
  if (attr === 0) return DEFAULT;
  const { mq_maxmsg: messages, mq_msgsize: bytes } = mq_attr.get(t.space, attr);
  const most = t.fs.uid === 0 ? ROOT : DEFAULT;
  if (messages <= 0 || bytes <= 0 || messages > most.messages || bytes > most.bytes) fail('EINVAL');
  if (messages * (bytes + OVERHEAD) > t.process.limit('MSGQUEUE')) fail('EMFILE');
  return { messages, bytes };
}

export const mq_unlink = (t: Task, { name }: { name: string }): void => queues(t).unlink(checkedName(name), t.fs.uid);

function opened(t: Task, fd: number): MessageQueueFile {
  const file = t.file(fd);
  return file instanceof MessageQueueFile ? file : fail('EBADF');
}

/** Try; where it would block, wait until the absolute time. */
function attempt<T>(t: Task, file: MessageQueueFile, absolute: number, action: () => T): T | Wait {
  let deadline: bigint | undefined;
  if (absolute !== 0) {
    const at = fromTimespec(timespec.get(t.space, absolute));
    deadline = at - t.kernel.realtime() + t.kernel.monotonic();
  }
  try {
    return action();
  } catch (error) {
    if (!wouldBlock(error, file)) throw error;
    if (t.thread.timedOut || (deadline !== undefined && deadline <= t.kernel.monotonic())) fail('ETIMEDOUT');
    return new Wait([file.queue], deadline);
  }
}

export function mq_timedsend(
  t: Task,
  a: { mqdes: number; msg_ptr: GuestBuffer; msg_len: number; msg_prio: number; abs_timeout: number },
): number | Wait {
  if (a.msg_prio >= PRIORITIES) fail('EINVAL');
  const file = opened(t, a.mqdes);
  if (!file.writable) fail('EBADF');
  if (a.msg_len > file.messages.mostBytes) fail('EMSGSIZE');
  const bytes = a.msg_ptr.copy();
  return attempt(t, file, a.abs_timeout, () => {
    senders.set(file.messages, t);
    file.messages.send(bytes, a.msg_prio);
    return 0;
  });
}

/** Who sends now: a notification tells. */
const senders = new WeakMap<MessageQueue, Task>();

interface Receiving extends CallState {
  queue: MessageQueue;
}

export function mq_timedreceive(
  t: Task,
  a: { mqdes: number; msg_ptr: number; msg_len: number; msg_prio: number; abs_timeout: number },
): number | Wait {
  const file = opened(t, a.mqdes);
  if (!file.readable) fail('EBADF');
  const queue = file.messages;
  if (a.msg_len < queue.mostBytes) fail('EMSGSIZE');
  if (t.thread.callState) {
    queue.receivers--;
    t.thread.callState = undefined;
  }
  const message = attempt(t, file, a.abs_timeout, () => queue.receive());
  if (message instanceof Wait) {
    queue.receivers++;
    t.thread.callState = { queue, cancel: () => void queue.receivers-- } satisfies Receiving;
    return message;
  }
  t.space.copyOut(a.msg_ptr, message.bytes);
  if (a.msg_prio !== 0) t.space.writeU32(a.msg_prio, message.priority);
  return message.bytes.length;
}

export function mq_notify(t: Task, { mqdes, sevp }: { mqdes: number; sevp: number }): void {
  const { messages } = opened(t, mqdes);
  const { process } = t;
  if (sevp === 0) {
    if (messages.registration?.owner === process) messages.registration = undefined;
    return;
  }
  const { sigev_notify, sigev_signo, sigev_value: value } = sigevent.get(t.space, sevp);
  if (sigev_notify === SIGEV.THREAD) {
    missing('linux mq_notify SIGEV_THREAD');
    fail('EINVAL');
  }
  if (sigev_notify !== SIGEV.NONE && sigev_notify !== SIGEV.SIGNAL) fail('EINVAL');
  const signal = sigev_notify === SIGEV.NONE ? undefined : (signalOf(sigev_signo) ?? fail('EINVAL'));
  if (messages.registration) fail('EBUSY');
  messages.registration = {
    owner: process,
    notify() {
      const sender = senders.get(messages)?.process;
      const by = { pid: sender?.pid ?? 0, uid: sender?.credentials.uid ?? 0 };
      if (signal) sendToProcess(process, { signal, code: 'SI_MESGQ', value, ...by });
    },
  };
}

export function mq_getsetattr(
  t: Task,
  { mqdes, newattr, oldattr }: { mqdes: number; newattr: number; oldattr: number },
): void {
  const file = opened(t, mqdes);
  const wanted = newattr === 0 ? undefined : mq_attr.get(t.space, newattr).mq_flags;
  if (wanted !== undefined && wanted & ~O.O_NONBLOCK) fail('EINVAL');
  if (oldattr !== 0) {
    const { mostMessages, mostBytes, count } = file.messages;
    const mq_flags = file.nonblocking ? O.O_NONBLOCK : 0;
    mq_attr.set(t.space, oldattr, { mq_flags, mq_maxmsg: mostMessages, mq_msgsize: mostBytes, mq_curmsgs: count });
  }
  if (wanted !== undefined) file.nonblocking = (wanted & O.O_NONBLOCK) !== 0;
}
