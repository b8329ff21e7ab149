/** POSIX message queues: named, bounded, the highest priority first; layouts, flags and signals are the personality's. */

import { fail } from '../base/failures.ts';
import { bytesOf } from '../base/text.ts';
import type { Stat } from '../host/host.ts';
import { nextInode } from './anonymous-file.ts';
import type { FsContext } from './fs-context.ts';
import { OpenFile, READABLE, WRITABLE } from './open-file.ts';
import { permits } from './permissions.ts';
import { WaitQueue } from './wait.ts';

interface Message {
  bytes: Uint8Array;
  priority: number;
}

/** Who is told that a message has come to an empty queue; told once. */
export interface Registration {
  /** Who it is: for another's attempt, and for taking it back. */
  readonly owner: object;
  notify(): void;
}

export class MessageQueue {
  readonly name: string;
  readonly mostMessages: number;
  readonly mostBytes: number;
  readonly changed = new WaitQueue();
  readonly inode = nextInode();
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly #time: bigint;
  #messages: Message[] = [];
  /** Threads inside a receive: a message for them is no news for the registered. */
  receivers = 0;
  registration: Registration | undefined;

  constructor(
    name: string,
    limits: { messages: number; bytes: number },
    owner: { mode: number; uid: number; gid: number },
    now: bigint,
  ) {
    // biome-ignore format: one signature
    this.name = name;
    this.mostMessages = limits.messages;
    this.mostBytes = limits.bytes;
    this.mode = owner.mode;
    this.uid = owner.uid;
    this.gid = owner.gid;
    this.#time = now;
  }

  get count(): number {
    return this.#messages.length;
  }

  get bytes(): number {
    return this.#messages.reduce((sum, message) => sum + message.bytes.length, 0);
  }

  /** EAGAIN while full. */
  send(bytes: Uint8Array, priority: number): void {
    if (bytes.length > this.mostBytes) fail('EMSGSIZE');
    if (this.#messages.length >= this.mostMessages) fail('EAGAIN');
    const wasEmpty = this.#messages.length === 0;
    // Behind all of its own priority.
    let at = this.#messages.length;
    while (at > 0 && this.#messages[at - 1].priority < priority) at--;
    this.#messages.splice(at, 0, { bytes: bytes.slice(), priority });
    this.changed.wake();
    if (!wasEmpty || this.receivers > 0) return;
    const { registration } = this;
    this.registration = undefined;
    registration?.notify();
  }

  /** EAGAIN while empty. */
  receive(): Message {
    const message = this.#messages.shift() ?? fail('EAGAIN');
    this.changed.wake();
    return message;
  }

  stat(): Stat {
    const time = this.#time;
    const times = { atime: time, mtime: time, ctime: time, birthtime: time };
    const { mode, uid, gid, inode: ino } = this;
    return { type: 'file', mode, ino, dev: 19, nlink: 1, uid, gid, rdev: 0, size: 80, blksize: 4096, blocks: 0, ...times }; // biome-ignore format: one record
  }
}

/** An open queue; reading it as a file tells its state. */
export class MessageQueueFile extends OpenFile {
  readonly kind = 'mqueue';
  readonly messages: MessageQueue;
  override readonly queue: WaitQueue;

  constructor(messages: MessageQueue, readable: boolean, writable: boolean) {
    super();
    this.messages = messages;
    this.queue = messages.changed;
    this.readable = readable;
    this.writable = writable;
    this.path = `/${messages.name}`;
  }

  override read(into: Uint8Array, at?: number): number {
    const text = `QSIZE:${this.messages.bytes.toString().padEnd(10)} NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n`;
    const from = at ?? this.position;
    const bytes = bytesOf(text).subarray(from, from + into.length);
    into.set(bytes);
    if (at === undefined) this.position += bytes.length;
    return bytes.length;
  }

  override stat(): Stat {
    return this.messages.stat();
  }

  override readiness(): number {
    const { count, mostMessages } = this.messages;
    return (count > 0 ? READABLE : 0) | (count < mostMessages ? WRITABLE : 0);
  }
}

/** The names of one VM. */
export class MessageQueues {
  readonly #byName = new Map<string, MessageQueue>();

  find(name: string): MessageQueue | undefined {
    return this.#byName.get(name);
  }

  add(queue: MessageQueue): void {
    this.#byName.set(queue.name, queue);
  }

  /** EACCES unless the context may use the queue so. */
  open(queue: MessageQueue, context: FsContext, want: { read: boolean; write: boolean }): MessageQueueFile {
    if (context.uid !== 0 && !permits(context, queue.stat(), want)) fail('EACCES');
    return new MessageQueueFile(queue, want.read, want.write);
  }

  /** Only the name goes: who has it open goes on. */
  unlink(name: string, uid: number): void {
    const queue = this.#byName.get(name) ?? fail('ENOENT');
    if (uid !== 0 && uid !== queue.uid) fail('EACCES');
    this.#byName.delete(name);
  }
}
