/** Runs guest threads in turn, carries out what their exits ask for, and is the only place that awaits: when nobody can run, or when the host's event loop is due. */
import { milliseconds } from '../base/clock.ts';
import { bug } from '../base/failures.ts';
import type { Exit } from '../engine/engine.ts';
import type { Kernel, VmLimits } from '../kernel/kernel.ts';
import type { Timer } from '../kernel/timers.ts';
import type { Wait } from '../kernel/wait.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { ADDRESS_LIMIT } from '../memory/page-store.ts';
import { endProcess, endThread } from './family.ts';
import type { Process } from './process.ts';
import { deliverPending, hasDeliverable, sendFault, sendToProcess } from './signaling.ts';
import type { SignalInfo } from './signals.ts';
import type { Thread } from './thread.ts';

/** How the scheduler gives way to the host. */
export interface HostLoop {
  /** Milliseconds since some moment. */
  now(): number;
  /** Let the host's pending events happen, then come back. */
  yield(): Promise<void>;
  /** Come back after `ms` or when `cancel` is called, whichever is first; keeps the host process alive meanwhile. */
  sleep(ms: number): { done: Promise<void>; cancel(): void };
}

/** A time slice, and the longest that the host's events wait. */
const SLICE_MS = 5;
const HOST_TURN_MS = 10;
const FIRST_BUDGET = 200_000;
const MIN_BUDGET = 20_000;
const MAX_BUDGET = 20_000_000;
/** What a call counts for in a slice, in guest instructions: a program of nothing but calls gives way too. */
const CALL_COST = 400;
const LONGEST_SLEEP_MS = 0x7fff_ffff;

export class Scheduler {
  readonly #kernel: Kernel;
  readonly #loop: HostLoop;
  /** Threads that can run, next first; `#head` is the index of the first, so that taking one moves nothing. */
  #queue: Thread[] = [];
  #head = 0;
  #budget = FIRST_BUDGET;
  #instructions = 0;
  #wakeHost: (() => void) | undefined;
  #turnStart = 0;
  #deadlineMs = Number.POSITIVE_INFINITY;
  /** The thread now in the engine or in a call. */
  current: Thread | undefined;

  constructor(kernel: Kernel, loop: HostLoop = standardLoop) {
    this.#kernel = kernel;
    this.#loop = loop;
    kernel.scheduler = this;
    if (kernel.limits.time !== undefined) this.#deadlineMs = this.#loop.now() + kernel.limits.time * 1000;
  }

  /** Guest instructions executed so far by all threads. */
  get instructions(): number {
    return this.#instructions;
  }

  /** Run until `until` says so; several calls must not overlap. */
  async run(until: () => boolean): Promise<void> {
    const { timers } = this.#kernel;
    this.#turnStart = this.#loop.now();
    while (!until()) {
      const due = timers.next();
      if (due !== undefined) timers.expire(this.#kernel.monotonic());
      const thread = this.#take();
      if (thread) {
        this.#slice(thread);
        const now = this.#loop.now();
        if (now > this.#deadlineMs) this.#violate('time', this.#kernel.limits.time as number);
        if (now - this.#turnStart >= HOST_TURN_MS) {
          await this.#loop.yield();
          this.#turnStart = this.#loop.now();
        }
      } else {
        await this.#idle();
        this.#turnStart = this.#loop.now();
      }
    }
  }

  /** Make a thread runnable: new, continued, or its vfork child has gone. */
  ready(thread: Thread): void {
    if (thread.state === 'runnable' || thread.state === 'ended') return;
    thread.state = 'runnable';
    this.#queue.push(thread);
    this.poke();
  }

  /** Take a thread off until somebody calls `ready`. */
  suspend(thread: Thread): void {
    thread.state = 'suspended';
  }

  /** The host has something new (input, a signal): look again if asleep. */
  poke(): void {
    this.#wakeHost?.();
  }

  /** Give the rest of the slice away. */
  yieldNow(): void {
    this.#left = 0;
  }

  /** Leave the queues of a parked thread. */
  leaveWait(thread: Thread): void {
    thread.unpark = undefined;
    const parking = this.#parked.get(thread);
    if (!parking) return;
    this.#parked.delete(thread);
    for (const leave of parking.leave) leave();
    parking.timer?.cancel();
    thread.wait = undefined;
  }

  readonly #parked = new Map<Thread, { leave: (() => unknown)[]; timer: Timer | undefined }>();

  #take(): Thread | undefined {
    while (this.#head < this.#queue.length) {
      const thread = this.#queue[this.#head++];
      if (this.#head > 64 && this.#head * 2 > this.#queue.length) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      if (thread.state === 'runnable') return thread;
    }
    this.#queue.length = 0;
    this.#head = 0;
    return undefined;
  }

  async #idle(): Promise<void> {
    const before = this.#loop.now();
    const due = this.#kernel.timers.next();
    let ms = LONGEST_SLEEP_MS;
    if (due !== undefined) {
      const left = due - this.#kernel.monotonic();
      if (left <= 0n) return;
      ms = Math.min(ms, Number(left) / 1e6);
    }
    ms = Math.min(ms, this.#deadlineMs - before);
    if (ms <= 0) {
      this.#violate('time', this.#kernel.limits.time as number);
      return;
    }
    if (ms < 1) {
      // Timers of the host are no finer than a millisecond: give way once and look again.
      await this.#loop.yield();
    } else {
      const sleep = this.#loop.sleep(Math.floor(ms));
      this.#wakeHost = sleep.cancel;
      await sleep.done;
      this.#wakeHost = undefined;
    }
    this.#kernel.stats.idleMs += this.#loop.now() - before;
  }

  #left = 0;

  /** The present call was carried out, perhaps while the engine waited: what it waits for, or null. */
  #answered: Wait | null | undefined;

  /** A call while the engine waits: it goes on unless the call blocks, the thread has something else to do, or its slice is over. */
  readonly #answer = (exit: Exit): number => {
    const thread = this.current as Thread;
    const { process } = thread;
    const { code } = process;
    this.#answered = this.#call(thread, exit) ?? null;
    this.#left -= CALL_COST;
    if (
      this.#answered !== null ||
      this.#left <= 0 ||
      thread.state !== 'runnable' ||
      process.code !== code ||
      thread.attention ||
      thread.pending.size > 0 ||
      process.pending.size > 0
    )
      return -1;
    this.#answered = undefined;
    return CALL_COST;
  };

  /** One time slice of one thread. No awaits, no allocation for each call. */
  #slice(thread: Thread): void {
    const { process } = thread;
    const { kernel } = process;
    kernel.stats.switches++;
    const started = this.#loop.now();
    const budget = this.#budget;
    this.#left = budget;
    let executed = 0;
    this.current = thread;
    if (thread.call && !this.#retry(thread)) {
      this.#account(thread, started);
      this.current = undefined;
      return;
    }
    for (;;) {
      if (thread.attention || thread.pending.size > 0 || process.pending.size > 0) {
        if (!this.#attend(thread, undefined)) break;
      }
      const { code } = process;
      this.#answered = undefined;
      const exit = code.run(thread.cpu, this.#left, this.#answer);
      const done = code.executed;
      executed += done;
      this.#left -= done;
      if (exit.kind === 'call') {
        if (this.#answered === undefined) this.#answer(exit);
        const wait = this.#answered as Wait | null | undefined;
        if (wait) {
          this.#blocked(thread, exit, wait);
          break;
        }
        if (thread.state !== 'runnable') break;
      } else if (exit.kind !== 'budget') {
        this.#trouble(thread, exit);
      }
      if (this.#left <= 0) {
        process.usage.involuntarySwitches++;
        break;
      }
    }
    this.#instructions += executed;
    const spent = this.#account(thread, started);
    // A full slice of computing tells how much fits: aim for SLICE_MS.
    if (executed > budget / 2) {
      const wanted = (budget * SLICE_MS) / Math.max(spent, 0.05);
      this.#budget = Math.floor(Math.min(MAX_BUDGET, Math.max(MIN_BUDGET, Math.min(budget * 2, wanted))));
    }
    if (this.#instructions >= (kernel.limits.instructions ?? Infinity)) {
      this.#violate('instructions', kernel.limits.instructions as number);
    }
    if (thread.state === 'runnable') this.#queue.push(thread);
    this.current = undefined;
  }

  #call(thread: Thread, exit: Exit): Wait | undefined {
    const wait = thread.process.personality.call(thread, exit);
    if (wait) return wait;
    thread.endCall();
    if (thread.savedMask && thread.state === 'runnable') {
      thread.mask = thread.savedMask;
      thread.savedMask = undefined;
    }
    return undefined;
  }

  /** Try the blocked call again; false when the thread is parked again or gone. */
  #retry(thread: Thread): boolean {
    const call = thread.call as Exit;
    const { process } = thread;
    if (process.ending || thread.doomed || process.stopped) return this.#attend(thread, undefined);
    const wait = this.#call(thread, call);
    if (!wait) return thread.state === 'runnable';
    return this.#blocked(thread, call, wait);
  }

  /** A call cannot go on. A signal that is caught ends it; else the thread is parked. True when the thread runs on (into its handler). */
  #blocked(thread: Thread, exit: Exit, wait: Wait): boolean {
    const { process } = thread;
    if (exit !== thread.call) thread.call = { ...exit };
    if (thread.attention || hasDeliverable(thread)) {
      if (!this.#attend(thread, (restart) => this.#interrupt(thread, restart))) return false;
      // Handled: registers point at the handler. None: the signal meant nothing, the call goes on waiting.
      if (!thread.call) return true;
    }
    process.usage.voluntarySwitches++;
    this.#park(thread, wait);
    return false;
  }

  #interrupt(thread: Thread, restart: boolean): void {
    if (!thread.call) return;
    thread.cancelCall('signal');
    thread.process.personality.interrupt(thread, restart);
    thread.endCall();
  }

  #park(thread: Thread, wait: Wait): void {
    thread.state = 'waiting';
    thread.wait = wait;
    const wake = () => {
      if (thread.state !== 'waiting') return;
      this.leaveWait(thread);
      this.ready(thread);
    };
    thread.unpark = wake;
    const leave = wait.queues.map((queue) => queue.subscribe(wake));
    let timer: Timer | undefined;
    if (wait.deadline !== undefined) {
      timer = this.#kernel.timers.at(wait.deadline, () => {
        thread.timedOut = true;
        wake();
      });
    }
    this.#parked.set(thread, { leave, timer });
  }

  /** Signals, stops and the end. False when the thread does not go on to guest code now. */
  #attend(thread: Thread, interrupt: ((restart: boolean) => void) | undefined): boolean {
    const outcome = deliverPending(thread, interrupt);
    switch (outcome) {
      case 'ended':
        endThread(thread, thread.process.ending ?? { kind: 'exited', code: 0 });
        return false;
      case 'stopped':
        thread.state = 'stopped';
        return false;
      default:
        return thread.state === 'runnable';
    }
  }

  /** A fault or trap becomes a signal. */
  #trouble(thread: Thread, exit: Exit): void {
    if (exit.kind === 'halt') bug('engine: halt');
    sendFault(thread, exit.kind === 'fault' ? faultSignal(exit, thread.process.space) : trapSignal(thread, exit));
  }

  #account(thread: Thread, started: number): number {
    const spent = this.#loop.now() - started;
    thread.cpuTime += spent * 1e6;
    const { process } = thread;
    process.usage.user += spent * 1e6;
    if (process.cpuWatched || process.limit('CPU') !== Number.POSITIVE_INFINITY) watchCpuTime(process);
    return spent;
  }

  #violate(limit: keyof VmLimits, value: number): void {
    if (this.#kernel.violation) return;
    this.#kernel.violation = { limit, value };
    this.#deadlineMs = Number.POSITIVE_INFINITY;
    this.killAll();
  }

  /** End every process at once (a limit, disposal). */
  killAll(): void {
    for (const process of [...this.#kernel.processes.values()]) {
      if (process.status) continue;
      const { current } = this;
      endProcess(process, { kind: 'killed', signal: 'SIGKILL', core: false });
      // Runnable threads see it at their next turn, which may not come: end them here, all but the one on the stack.
      for (const thread of [...process.threads.values()]) {
        if (thread !== current) endThread(thread, { kind: 'killed', signal: 'SIGKILL', core: false });
      }
    }
    this.poke();
  }
}

/** Pages of the kernel are always there, for all that Linux tells. */
function looksPresent({ address, reason }: Exit, space: AddressSpace): boolean {
  if (address < 0 || address >= ADDRESS_LIMIT) return true;
  return reason === 'protected' && space.holdsPage(address);
}

function faultSignal(exit: Exit, space: AddressSpace): SignalInfo {
  // The error code of the page fault as the processor pushes it: bit 0 page present, 1 write, 2 user, 4 fetch.
  const errorCode =
    (looksPresent(exit, space) ? 1 : 0) | (exit.access === 'write' ? 2 : 0) | 4 | (exit.access === 'execute' ? 16 : 0);
  switch (exit.reason) {
    case 'unmapped':
      return { signal: 'SIGSEGV', code: 'SEGV_MAPERR', address: exit.address, trapno: 14, errorCode };
    case 'protected':
      return { signal: 'SIGSEGV', code: 'SEGV_ACCERR', address: exit.address, trapno: 14, errorCode };
    case 'beyond-file':
      return { signal: 'SIGBUS', code: 'BUS_ADRERR', address: exit.address, trapno: 14, errorCode };
    case 'noncanonical':
      return { signal: 'SIGSEGV', code: 'SI_KERNEL', address: 0, trapno: 13, errorCode: 0 };
    case 'stack':
      return { signal: 'SIGBUS', code: 'SI_KERNEL', address: 0, trapno: 12, errorCode: 0 };
  }
}

const FLOAT_CODES = {
  invalid: 'FPE_FLTINV',
  divide: 'FPE_FLTDIV',
  overflow: 'FPE_FLTOVF',
  underflow: 'FPE_FLTUND',
  inexact: 'FPE_FLTRES',
} as const;

function trapSignal(thread: Thread, exit: Exit): SignalInfo {
  const address = thread.cpu.pc;
  switch (exit.trap) {
    case 'divide':
      return { signal: 'SIGFPE', code: 'FPE_INTDIV', address, trapno: 0, errorCode: 0 };
    case 'breakpoint':
      return { signal: 'SIGTRAP', code: 'SI_KERNEL', address: 0, trapno: 3, errorCode: 0 };
    case 'step':
      return { signal: 'SIGTRAP', code: 'TRAP_TRACE', address, trapno: 1, errorCode: 0 };
    case 'illegal':
      return { signal: 'SIGILL', code: 'ILL_ILLOPN', address, trapno: 6, errorCode: 0 };
    case 'floating-point':
    case 'simd': {
      const code = FLOAT_CODES[thread.cpu.floatError(exit.trap)];
      return { signal: 'SIGFPE', code, address, trapno: exit.trap === 'simd' ? 19 : 16, errorCode: 0 };
    }
    case 'privileged':
      return { signal: 'SIGSEGV', code: 'SI_KERNEL', address: 0, trapno: 13, errorCode: 0 };
  }
}

/** RLIMIT_CPU, ITIMER_VIRTUAL and the like. */
function watchCpuTime(process: Process): void {
  for (const timer of process.intervalTimers.values()) if (timer.onCpuTime) timer.check();
  for (const timer of process.posixTimers.values()) if (timer.onCpuTime) timer.check();
  const limit = process.limits.get('CPU');
  if (!limit) return;
  const seconds = process.usage.user / 1e9;
  if (seconds >= limit.hard) sendToProcess(process, { signal: 'SIGKILL', code: 'SI_KERNEL' });
  else if (seconds >= Math.max(limit.soft, process.cpuWarned + 1)) {
    process.cpuWarned = Math.floor(seconds);
    sendToProcess(process, { signal: 'SIGXCPU', code: 'SI_KERNEL' });
  }
}

/** What every JavaScript host offers; Node's and the browsers' timers alike. */
export const standardLoop: HostLoop = {
  now: milliseconds,
  yield: () =>
    new Promise((resolve) => {
      if (typeof setImmediate === 'function') setImmediate(resolve);
      else setTimeout(resolve, 0);
    }),
  sleep(ms) {
    let cancel = () => {};
    const done = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      cancel = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return { done, cancel };
  },
};
