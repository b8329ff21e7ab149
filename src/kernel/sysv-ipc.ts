/** System V IPC objects: shared memory segments, semaphore sets, message queues, found by key or id. Flags, layouts and numbers are the personalities'. */
import { fail } from '../base/failures.ts';
import type { MappedFile } from '../memory/address-space.ts';
import { WaitQueue } from './wait.ts';

/** Who asks. */
export interface IpcCaller {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Seconds since the epoch. */
  readonly now: number;
}

export class IpcObject {
  readonly key: number;
  id = -1;
  uid: number;
  gid: number;
  readonly creatorUid: number;
  readonly creatorGid: number;
  /** Permission bits. */
  mode: number;
  changed: number;
  removed = false;

  constructor(key: number, mode: number, by: IpcCaller) {
    this.key = key;
    this.mode = mode & 0o777;
    this.uid = by.uid;
    this.gid = by.gid;
    this.creatorUid = by.uid;
    this.creatorGid = by.gid;
    this.changed = by.now;
  }

  /** EACCES unless `by` may do what `wanted` (4 read, 2 write) says. */
  check(by: IpcCaller, wanted: number): void {
    if (by.uid === 0) return;
    const shift = this.owns(by) ? 6 : by.gid === this.gid || by.groups.includes(this.gid) ? 3 : 0;
    if (((this.mode >> shift) & wanted) !== wanted) fail('EACCES');
  }

  owns(by: IpcCaller): boolean {
    return by.uid === 0 || by.uid === this.uid || by.uid === this.creatorUid;
  }

  /** Removed while someone still held or waited for it. */
  remove(): void {
    this.removed = true;
  }
}

/** All objects of one kind. Key 0 (IPC_PRIVATE) always makes a new one. */
export class IpcTable<T extends IpcObject> {
  readonly #objects = new Map<number, T>();
  #next = 0;

  get(key: number, how: { create: boolean; exclusive: boolean }, make: () => T): T {
    const known = key === 0 ? undefined : [...this.#objects.values()].find((each) => each.key === key);
    if (known) return how.create && how.exclusive ? fail('EEXIST') : known;
    if (key !== 0 && !how.create) fail('ENOENT');
    if (this.#objects.size >= 32000) fail('ENOSPC');
    const made = make();
    made.id = this.#next++;
    this.#objects.set(made.id, made);
    return made;
  }

  find(id: number): T {
    return this.#objects.get(id) ?? fail('EINVAL');
  }

  all(): IterableIterator<T> {
    return this.#objects.values();
  }

  remove(object: T, by: IpcCaller): void {
    if (!object.owns(by)) fail('EPERM');
    this.#objects.delete(object.id);
    object.remove();
  }
}

/** Shared memory: mapped as a file whose bytes are here. */
export class Segment extends IpcObject implements MappedFile {
  readonly bytes: number;
  readonly creator: number;
  lastUser = 0;
  attached = 0;
  detached = 0;
  /** Contents, made when first looked at. */
  #contents: Uint8Array | undefined;

  constructor(key: number, bytes: number, mode: number, by: IpcCaller) {
    super(key, mode, by);
    this.bytes = bytes;
    this.creator = by.pid;
  }

  get mapKey(): unknown {
    return this;
  }

  readAt(into: Uint8Array, position: number): number {
    const end = Math.min(position + into.length, this.size());
    if (this.#contents) into.set(this.#contents.subarray(position, end));
    else into.fill(0, 0, Math.max(0, end - position));
    return Math.max(0, end - position);
  }

  writeAt(from: Uint8Array, position: number): number {
    this.#contents ??= new Uint8Array(this.size());
    this.#contents.set(from.subarray(0, this.size() - position), position);
    return from.length;
  }

  /** Whole pages. */
  size(): number {
    return Math.ceil(this.bytes / 4096) * 4096;
  }
}

export interface SemaphoreOperation {
  semaphore: number;
  /** Added when positive; waited for and taken when negative; zero: wait until the value is zero. */
  change: number;
  noWait: boolean;
  undo: boolean;
}

export const SEMAPHORE_MAX = 32767;

export class SemaphoreSet extends IpcObject {
  readonly values: number[];
  /** Who changed each one last. */
  readonly pids: number[];
  readonly queue = new WaitQueue();
  /** What is waited for, by whoever waits: index, and whether for zero. */
  readonly waiting = new Map<object, { semaphore: number; zero: boolean }>();
  operated = 0;
  /** What each holder's end is to add. */
  readonly #undo = new Map<object, number[]>();

  constructor(key: number, count: number, mode: number, by: IpcCaller) {
    super(key, mode, by);
    this.values = Array(count).fill(0);
    this.pids = Array(count).fill(0);
  }

  /** Do all operations or none. Returns the one that has to wait, if any. */
  operate(operations: readonly SemaphoreOperation[], by: IpcCaller, holder: object): SemaphoreOperation | undefined {
    const values = [...this.values];
    for (const operation of operations) {
      const { semaphore, change } = operation;
      if (semaphore >= values.length) fail('EFBIG');
      const value = values[semaphore];
      if (change === 0 ? value !== 0 : value + change < 0) return operation.noWait ? fail('EAGAIN') : operation;
      if (value + change > SEMAPHORE_MAX) fail('ERANGE');
      values[semaphore] = value + change;
    }
    for (const { semaphore, change, undo } of operations) {
      if (change !== 0) this.pids[semaphore] = by.pid;
      if (undo && change !== 0) this.#remember(holder, semaphore, -change);
    }
    this.operated = by.now;
    this.#become(values);
    return undefined;
  }

  set(semaphore: number, value: number, by: IpcCaller): void {
    if (value < 0 || value > SEMAPHORE_MAX) fail('ERANGE');
    this.pids[semaphore] = by.pid;
    for (const adjustments of this.#undo.values()) adjustments[semaphore] = 0;
    this.changed = by.now;
    const values = [...this.values];
    values[semaphore] = value;
    this.#become(values);
  }

  /** A holder is gone: take back what it asked to have taken back. */
  undo(holder: object): void {
    const adjustments = this.#undo.get(holder);
    this.#undo.delete(holder);
    if (adjustments && !this.removed) this.#become(this.values.map((value, i) => Math.max(0, value + adjustments[i])));
  }

  remembers(holder: object): boolean {
    return this.#undo.has(holder);
  }

  override remove(): void {
    super.remove();
    this.queue.wake();
  }

  #remember(holder: object, semaphore: number, adjustment: number): void {
    const adjustments = this.#undo.get(holder) ?? Array(this.values.length).fill(0);
    adjustments[semaphore] += adjustment;
    this.#undo.set(holder, adjustments);
  }

  #become(values: readonly number[]): void {
    const same = values.every((value, i) => value === this.values[i]);
    values.forEach((value, i) => {
      this.values[i] = value;
    });
    if (!same) this.queue.wake();
  }
}

export interface Message {
  readonly type: number;
  readonly bytes: Uint8Array;
}

export class MessageQueue extends IpcObject {
  readonly messages: Message[] = [];
  readonly queue = new WaitQueue();
  /** Most bytes it holds. */
  capacity = 16384;
  lastSender = 0;
  lastReceiver = 0;
  sent = 0;
  received = 0;

  get size(): number {
    return this.messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** False when it is full. */
  send(message: Message, by: IpcCaller): boolean {
    if (this.size + message.bytes.length > this.capacity || this.messages.length >= this.capacity) return false;
    this.messages.push(message);
    this.lastSender = by.pid;
    this.sent = by.now;
    this.queue.wake();
    return true;
  }

  /** Index of the message that `type` asks for: 0 the first, positive the first of (or, `except`, not of) that type, negative the lowest type up to its amount. */
  choose(type: number, except: boolean): number {
    if (type === 0) return this.messages.length > 0 ? 0 : -1;
    if (type > 0) return this.messages.findIndex((message) => (message.type === type) !== except);
    let best = -1;
    this.messages.forEach((message, i) => {
      if (message.type <= -type && (best < 0 || message.type < this.messages[best].type)) best = i;
    });
    return best;
  }

  take(index: number, by: IpcCaller): Message {
    const [message] = this.messages.splice(index, 1);
    this.lastReceiver = by.pid;
    this.received = by.now;
    this.queue.wake();
    return message;
  }

  override remove(): void {
    super.remove();
    this.queue.wake();
  }
}

/** What a VM has of all three. */
export class SystemVIpc {
  readonly segments = new IpcTable<Segment>();
  readonly semaphores = new IpcTable<SemaphoreSet>();
  readonly queues = new IpcTable<MessageQueue>();
}
