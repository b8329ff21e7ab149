/** Timers of a process that send signals: alarm, setitimer, timer_create; on the real and monotonic clocks by the VM's timers, on CPU time by the scheduler's accounting. */
import type { Timer } from '../kernel/timers.ts';
import type { Process } from './process.ts';
import type { SignalInfo } from './signals.ts';

export type TimerClock = 'monotonic' | 'realtime' | 'process-cpu' | 'thread-cpu';

export class IntervalTimer {
  readonly process: Process;
  readonly clock: TimerClock;
  /** What to do when it expires: send `notify()`'s signal, if it gives one. */
  readonly #expire: (timer: IntervalTimer) => void;
  /** Nanoseconds between expirations; 0n: once. */
  interval = 0n;
  /** Expirations not yet told to anybody since the last signal. */
  overrun = 0;
  /** The signal of the last expiration as queued, to count overruns on it. */
  queued: SignalInfo | undefined;
  #timer: Timer | undefined;
  /** When due, on the timer's own clock. */
  #due: bigint | undefined;

  constructor(process: Process, clock: TimerClock, expire: (timer: IntervalTimer) => void) {
    this.process = process;
    this.clock = clock;
    this.#expire = expire;
  }

  now(): bigint {
    const { kernel } = this.process;
    if (this.clock === 'realtime') return kernel.realtime();
    if (this.clock === 'monotonic') return kernel.monotonic();
    return BigInt(Math.round(this.process.usage.user + this.process.usage.system));
  }

  /** Arm for `value` nanoseconds from now (0n disarms), or at an absolute time; then every `interval`. */
  set(value: bigint, interval: bigint, absolute = false): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.interval = interval;
    this.#due = value === 0n ? undefined : absolute ? value : this.now() + value;
    this.#schedule();
  }

  /** Nanoseconds left; 0n when disarmed. */
  remaining(): bigint {
    if (this.#due === undefined) return 0n;
    const left = this.#due - this.now();
    return left > 0n ? left : 1n;
  }

  /** CPU-time clocks: called by the scheduler as time is spent. */
  check(): void {
    if (this.#due !== undefined && this.now() >= this.#due) this.#fire();
  }

  get onCpuTime(): boolean {
    return this.clock === 'process-cpu' || this.clock === 'thread-cpu';
  }

  cancel(): void {
    this.set(0n, 0n);
  }

  #schedule(): void {
    if (this.#due === undefined || this.onCpuTime) return;
    const { kernel } = this.process;
    // Realtime timers follow the clock as it was set when they were armed: nobody but settimeofday of ours could move it.
    const at = this.clock === 'realtime' ? this.#due - kernel.realtime() + kernel.monotonic() : this.#due;
    this.#timer = kernel.timers.at(at, () => this.#fire());
  }

  #fire(): void {
    const now = this.now();
    const due = this.#due as bigint;
    if (this.interval > 0n) {
      const periods = (now - due) / this.interval + 1n;
      this.overrun += Number(periods) - 1;
      this.#due = due + periods * this.interval;
    } else {
      this.#due = undefined;
    }
    this.#schedule();
    this.#expire(this);
  }
}
