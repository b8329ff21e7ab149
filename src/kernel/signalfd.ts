/** Signals that are read like a file (signalfd); the record's layout is the personality's, handed in as `encode`. */
import { fail } from '../base/failures.ts';
import type { SignalInfo } from '../process/signals.ts';
import { AnonymousFile } from './anonymous-file.ts';
import { READABLE } from './open-file.ts';
import type { WaitQueue } from './wait.ts';

/** Whoever reads takes its own signals: the source answers for the process that is asking now. */
export interface SignalSource {
  /** Woken at every signal sent to anyone who may be reading. */
  readonly queue: WaitQueue;
  peek(wanted: (signal: string) => boolean): boolean;
  take(wanted: (signal: string) => boolean): SignalInfo | undefined;
}

export class SignalFile extends AnonymousFile {
  readonly kind = 'signalfd';
  override path = 'anon_inode:[signalfd]';
  override readonly queue: WaitQueue;
  mask: ReadonlySet<string>;
  readonly #source: SignalSource;
  readonly #encode: (info: SignalInfo) => Uint8Array;

  constructor(mask: ReadonlySet<string>, source: SignalSource, encode: (info: SignalInfo) => Uint8Array, now: bigint) {
    super(now);
    this.mask = mask;
    this.#source = source;
    this.queue = source.queue;
    this.#encode = encode;
    this.writable = false;
  }

  override read(into: Uint8Array): number {
    let done = 0;
    const wanted = (signal: string) => this.mask.has(signal);
    for (;;) {
      if (done > 0 && !this.#source.peek(wanted)) return done;
      const info = this.#source.peek(wanted) ? this.#source.take(wanted) : undefined;
      if (!info) return fail('EAGAIN');
      const record = this.#encode(info);
      if (done === 0 && into.length < record.length) fail('EINVAL');
      into.set(record, done);
      done += record.length;
      if (into.length - done < record.length) return done;
    }
  }

  override readiness(): number {
    return this.#source.peek((signal) => this.mask.has(signal)) ? READABLE : 0;
  }
}
