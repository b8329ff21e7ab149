/** A timer that is read like a file (timerfd). */
import { fail } from '../base/failures.ts';
import { AnonymousFile } from './anonymous-file.ts';
import { READABLE } from './open-file.ts';
import type { Timer, Timers } from './timers.ts';

export interface TimerHost {
  readonly timers: Timers;
  monotonic(): bigint;
  realtime(): bigint;
}

export class TimerFile extends AnonymousFile {
  readonly kind = 'timerfd';
  override path = 'anon_inode:[timerfd]';
  readonly clock: 'monotonic' | 'realtime';
  readonly #host: TimerHost;
  #timer: Timer | undefined;
  #due: bigint | undefined;
  #interval = 0n;
  #expirations = 0n;

  constructor(host: TimerHost, clock: 'monotonic' | 'realtime') {
    super(host.realtime());
    this.#host = host;
    this.clock = clock;
  }

  #now(): bigint {
    return this.clock === 'realtime' ? this.#host.realtime() : this.#host.monotonic();
  }

  /** Arm; value 0n disarms. Returns what was set before, as `get`. */
  set(value: bigint, interval: bigint, absolute: boolean): { value: bigint; interval: bigint } {
    const old = this.get();
    this.#timer?.cancel();
    this.#expirations = 0n;
    this.#interval = interval;
    this.#due = value === 0n ? undefined : absolute ? value : this.#now() + value;
    this.#schedule();
    return old;
  }

  /** Nanoseconds to the next expiration (0n: disarmed) and between later ones. */
  get(): { value: bigint; interval: bigint } {
    if (this.#due === undefined) return { value: 0n, interval: this.#interval };
    const left = this.#due - this.#now();
    return { value: left > 0n ? left : 1n, interval: this.#interval };
  }

  #schedule(): void {
    if (this.#due === undefined) return;
    const at = this.#due - this.#now() + this.#host.monotonic();
    this.#timer = this.#host.timers.at(at, () => {
      const due = this.#due as bigint;
      if (this.#interval > 0n) {
        const periods = (this.#now() - due) / this.#interval + 1n;
        this.#expirations += periods;
        this.#due = due + periods * this.#interval;
      } else {
        this.#expirations++;
        this.#due = undefined;
      }
      this.#schedule();
      this.queue.wake();
    });
  }

  override read(into: Uint8Array): number {
    if (into.length < 8) fail('EINVAL');
    if (this.#expirations === 0n) fail('EAGAIN');
    new DataView(into.buffer, into.byteOffset, 8).setBigUint64(0, this.#expirations, true);
    this.#expirations = 0n;
    return 8;
  }

  override readiness(): number {
    return this.#expirations > 0n ? READABLE : 0;
  }

  protected override release(): void {
    this.#timer?.cancel();
  }
}
