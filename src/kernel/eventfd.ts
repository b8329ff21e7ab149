/** A counter that threads wait for (eventfd). */
import { fail } from '../base/failures.ts';
import { AnonymousFile } from './anonymous-file.ts';
import { READABLE, WRITABLE } from './open-file.ts';

const MAX = 0xffff_ffff_ffff_fffen;

export class EventFile extends AnonymousFile {
  readonly kind = 'eventfd';
  override path = 'anon_inode:[eventfd]';
  #count: bigint;
  readonly #semaphore: boolean;

  constructor(initial: bigint, semaphore: boolean, now: bigint) {
    super(now);
    this.#count = initial;
    this.#semaphore = semaphore;
  }

  get count(): bigint {
    return this.#count;
  }

  override read(into: Uint8Array): number {
    if (into.length < 8) fail('EINVAL');
    if (this.#count === 0n) fail('EAGAIN');
    const value = this.#semaphore ? 1n : this.#count;
    this.#count -= value;
    new DataView(into.buffer, into.byteOffset, 8).setBigUint64(0, value, true);
    this.queue.wake();
    return 8;
  }

  override write(from: Uint8Array): number {
    if (from.length < 8) fail('EINVAL');
    const value = new DataView(from.buffer, from.byteOffset, 8).getBigUint64(0, true);
    if (value === 0xffff_ffff_ffff_ffffn) fail('EINVAL');
    if (this.#count + value > MAX) fail('EAGAIN');
    this.#count += value;
    this.queue.wake();
    return 8;
  }

  override readiness(): number {
    return (this.#count > 0n ? READABLE : 0) | (this.#count < MAX ? WRITABLE : 0);
  }
}
