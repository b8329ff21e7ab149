/** Futexes: threads parked on a guest word until another wakes them; how the word is compared and what a wait returns is the caller's. */
import type { AddressSpace, Mapping } from '../memory/address-space.ts';
import { WaitQueue } from './wait.ts';

/** One parked thread. */
export class FutexWaiter {
  bucket: FutexBucket;
  readonly bits: number;
  readonly queue = new WaitQueue();
  woken = false;
  /** Who waits, for locks that are handed over. */
  owner = 0;

  constructor(bucket: FutexBucket, bits: number) {
    this.bucket = bucket;
    this.bits = bits;
  }

  wake(): void {
    this.woken = true;
    this.bucket.waiters.delete(this);
    this.queue.wake();
  }

  /** Leave without having been woken: time-out, signal, end. */
  leave(): void {
    this.bucket.remove(this);
  }
}

/** Everyone parked on one word, in order of arrival. */
export class FutexBucket {
  readonly waiters = new Set<FutexWaiter>();
  readonly onEmpty: () => void;
  constructor(onEmpty: () => void) {
    this.onEmpty = onEmpty;
  }
  remove(waiter: FutexWaiter): void {
    this.waiters.delete(waiter);
    if (this.waiters.size === 0) this.onEmpty();
  }
}

/** Words are known by (address space or shared object, offset): two processes that map one object meet. */
export class FutexTable {
  readonly #objects = new WeakMap<object, Map<number, FutexBucket>>();

  bucket(key: FutexKey): FutexBucket {
    const words = this.#objects.get(key.object) ?? new Map<number, FutexBucket>();
    this.#objects.set(key.object, words);
    const known = words.get(key.offset);
    if (known) return known;
    const bucket = new FutexBucket(() => words.delete(key.offset));
    words.set(key.offset, bucket);
    return bucket;
  }

  park(key: FutexKey, bits: number): FutexWaiter {
    const bucket = this.bucket(key);
    const waiter = new FutexWaiter(bucket, bits);
    bucket.waiters.add(waiter);
    return waiter;
  }

  /** Wake at most `count` whose bits meet `bits`; returns how many. */
  wake(key: FutexKey, count: number, bits = -1): number {
    const bucket = this.#objects.get(key.object)?.get(key.offset);
    if (!bucket) return 0;
    let woken = 0;
    for (const waiter of bucket.waiters) {
      if (woken >= count) break;
      if ((waiter.bits & bits) === 0) continue;
      waiter.wake();
      woken++;
    }
    if (bucket.waiters.size === 0) bucket.onEmpty();
    return woken;
  }

  /** The longest waiter on a word, and whether there are others. */
  first(key: FutexKey): [first: FutexWaiter | undefined, more: boolean] {
    const waiters = this.#objects.get(key.object)?.get(key.offset)?.waiters;
    return [waiters?.values().next().value, (waiters?.size ?? 0) > 1];
  }

  /** Wake `wake` and move at most `move` others to another word; returns [woken, moved]. */
  requeue(from: FutexKey, to: FutexKey, wake: number, move: number): [number, number] {
    const woken = this.wake(from, wake);
    const source = this.#objects.get(from.object)?.get(from.offset);
    if (!source) return [woken, 0];
    const target = this.bucket(to);
    let moved = 0;
    for (const waiter of source.waiters) {
      if (moved >= move) break;
      if (source !== target) {
        source.waiters.delete(waiter);
        waiter.bucket = target;
        target.waiters.add(waiter);
      }
      moved++;
    }
    if (source.waiters.size === 0) source.onEmpty();
    if (target.waiters.size === 0) target.onEmpty();
    return [woken, moved];
  }
}

export interface FutexKey {
  readonly object: object;
  readonly offset: number;
}

/** A word of one address space only. */
export function privateKey(space: AddressSpace, address: number): FutexKey {
  return { object: space, offset: address };
}

/** A word wherever it lives: memory shared between processes is known by its object, so that every mapping of it agrees. */
export function sharedKey(space: AddressSpace, address: number): FutexKey {
  const mapping: (Mapping & { readonly object?: object | undefined }) | undefined = space.mappingAt(address);
  if (!mapping?.object) return privateKey(space, address);
  return { object: mapping.object, offset: mapping.offset + (address - mapping.start) };
}
