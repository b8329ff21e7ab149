/** A guest thread: registers, what it is doing, its blocked call, its signals; who runs it is the scheduler's affair. */
import type { Cpu, Exit } from '../engine/engine.ts';
import type { Wait } from '../kernel/wait.ts';
import type { Process } from './process.ts';
import { PendingSignals, type Signal } from './signals.ts';

/**
 * What a handler may keep between its attempts at one call, beyond plain scratch.
 * Any object may be a callState; these members are honoured where present.
 */
export interface CallState {
  /** Bytes moved so far: an interrupted call returns this count (when above zero) instead of EINTR. */
  progress?: number;
  /** The call ends without completing: by a signal that is caught, or with the thread. Leave queues, write what is left of a sleep. */
  cancel?(why: 'signal' | 'exit'): void;
}

export interface AlternateStack {
  address: number;
  size: number;
  enabled: boolean;
  /** SS_AUTODISARM: off while a handler runs on it. */
  autodisarm?: boolean;
}

/** new: being built by clone or exec. runnable: in the run queue or running. waiting: parked by a Wait. stopped: by job control. suspended: parent of a vfork. ended. */
export type ThreadState = 'new' | 'runnable' | 'waiting' | 'stopped' | 'suspended' | 'ended';

export class Thread {
  /** Changes only when a thread that is not the leader executes a program. */
  tid: number;
  readonly process: Process;
  cpu: Cpu;
  state: ThreadState = 'new';
  /** Blocked signals. Replace or change it freely; the scheduler looks again after every call. */
  mask = new Set<Signal>();
  /** The mask that sigsuspend, ppoll and the like put aside: it comes back when the call ends, or goes into the frame of the signal that ended it. */
  savedMask: Set<Signal> | undefined;
  readonly pending = new PendingSignals();
  /** What the last exceptions of the processor left behind, as every later signal frame shows it. */
  lastException = { trapno: 0, errorCode: 0, pageFault: 0 };
  alternateStack: AlternateStack = { address: 0, size: 0, enabled: false };
  /** Address of set_tid_address / CLONE_CHILD_CLEARTID, 0 if none. */
  clearChildTid = 0;
  robustList = { head: 0, length: 0 };
  name = '';
  /** True when the present call is re-entered because its Wait's deadline has passed. */
  timedOut = false;
  /** Scratch a handler may keep between its attempts at one call (see CallState); cleared when the call ends. */
  callState: unknown;
  /** The call this thread is blocked in, as the engine reported it. */
  call: Exit | undefined;
  /** What it waits for, while waiting. */
  wait: Wait | undefined;
  /** Something besides running on wants doing before the next guest instruction: a signal, the end, a stop. */
  attention = false;
  /** CPU time in nanoseconds. */
  cpuTime = 0;
  /** This thread must end before it runs another guest instruction (another thread's exec or exit_group). */
  doomed = false;
  /** Restart information kept by the personality (for example the number of the interrupted call). */
  personalityState: unknown;
  /** Ends the present parking; set by the scheduler. */
  unpark: (() => void) | undefined;

  constructor(tid: number, process: Process, cpu: Cpu) {
    this.tid = tid;
    this.process = process;
    this.cpu = cpu;
  }

  /** The deadline of the present call: computed at its first attempt, the same at every later one. */
  deadlineAfter(nanoseconds: bigint): bigint {
    this.#deadline ??= this.process.kernel.environment.monotonic() + nanoseconds;
    return this.#deadline;
  }
  #deadline: bigint | undefined;

  /** Block the signals of `mask` until the present call ends (ppoll, pselect, sigsuspend): call it at every attempt. */
  maskDuringCall(mask: Set<Signal>): void {
    if (this.savedMask) return;
    this.savedMask = this.mask;
    this.mask = mask;
  }

  /** The mask that a signal frame must restore. */
  maskForFrame(): Set<Signal> {
    return this.savedMask ?? this.mask;
  }

  /** Forget everything about the call that has just ended. */
  endCall(): void {
    this.call = undefined;
    this.callState = undefined;
    this.timedOut = false;
    this.#deadline = undefined;
  }

  /** Give up the present call for `why`. */
  cancelCall(why: 'signal' | 'exit'): void {
    const state = this.callState as CallState | undefined;
    if (typeof state === 'object' && state !== null && typeof state.cancel === 'function') state.cancel(why);
  }

  /** Bytes that the present call has moved already: what to return in place of EINTR when above zero. */
  get progress(): number {
    const state = this.callState as CallState | undefined;
    return typeof state === 'object' && state !== null && typeof state.progress === 'number' ? state.progress : 0;
  }
}
