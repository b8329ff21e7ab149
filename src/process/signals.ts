/** Signals, OS-neutral: symbolic names, default actions, pending queues, dispositions; numbers and frames belong to the personality, sending and delivery to signaling.ts. */

/** 'SIGINT', …; real-time signals are 'SIGRT0' … 'SIGRT32'. */
export type Signal = string;

export type DefaultAction = 'terminate' | 'core' | 'stop' | 'continue' | 'ignore';

/** Every signal with what it does when nobody says otherwise, in the order of delivery (lower first, faults before all). */
const DEFAULTS: readonly (readonly [Signal, DefaultAction])[] = [
  ['SIGSEGV', 'core'],
  ['SIGBUS', 'core'],
  ['SIGILL', 'core'],
  ['SIGTRAP', 'core'],
  ['SIGFPE', 'core'],
  ['SIGSYS', 'core'],
  ['SIGHUP', 'terminate'],
  ['SIGINT', 'terminate'],
  ['SIGQUIT', 'core'],
  ['SIGABRT', 'core'],
  ['SIGEMT', 'core'],
  ['SIGKILL', 'terminate'],
  ['SIGUSR1', 'terminate'],
  ['SIGUSR2', 'terminate'],
  ['SIGPIPE', 'terminate'],
  ['SIGALRM', 'terminate'],
  ['SIGTERM', 'terminate'],
  ['SIGSTKFLT', 'terminate'],
  ['SIGCHLD', 'ignore'],
  ['SIGCONT', 'continue'],
  ['SIGSTOP', 'stop'],
  ['SIGTSTP', 'stop'],
  ['SIGTTIN', 'stop'],
  ['SIGTTOU', 'stop'],
  ['SIGURG', 'ignore'],
  ['SIGXCPU', 'core'],
  ['SIGXFSZ', 'core'],
  ['SIGVTALRM', 'terminate'],
  ['SIGPROF', 'terminate'],
  ['SIGWINCH', 'ignore'],
  ['SIGIO', 'terminate'],
  ['SIGPWR', 'terminate'],
  ['SIGINFO', 'ignore'],
];

const ORDER = new Map<Signal, number>(DEFAULTS.map(([signal], index) => [signal, index]));
const ACTIONS = new Map<Signal, DefaultAction>(DEFAULTS);
const STOPS: ReadonlySet<Signal> = new Set(['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU']);

export function isRealTime(signal: Signal): boolean {
  return signal.startsWith('SIGRT');
}

export function isStop(signal: Signal): boolean {
  return STOPS.has(signal);
}

/** SIGKILL and SIGSTOP can be neither caught, blocked nor ignored. */
export function isUnblockable(signal: Signal): boolean {
  return signal === 'SIGKILL' || signal === 'SIGSTOP';
}

export function defaultAction(signal: Signal): DefaultAction {
  return ACTIONS.get(signal) ?? 'terminate';
}

function order(signal: Signal): number {
  return isRealTime(signal) ? 1000 + Number(signal.slice(5)) : (ORDER.get(signal) ?? 999);
}

export interface SignalInfo {
  signal: Signal;
  /** Symbolic si_code: 'SI_USER', 'SI_KERNEL', 'SI_QUEUE', 'SI_TKILL', 'SI_TIMER', 'SEGV_MAPERR', 'SEGV_ACCERR', 'BUS_ADRERR', 'FPE_INTDIV', 'ILL_ILLOPN', 'TRAP_BRKPT', 'CLD_EXITED', …; a number where a guest queued one of its own. */
  code: string | number;
  pid?: number;
  uid?: number;
  /** SIGCHLD: exit code, or the signal's name for CLD_KILLED, CLD_DUMPED, CLD_STOPPED, CLD_CONTINUED. */
  status?: number | Signal;
  /** SIGCHLD: CPU time of the child in nanoseconds. */
  utime?: number;
  stime?: number;
  /** Fault address. */
  address?: number;
  /** x86 trap number and error code for the frame. */
  trapno?: number;
  errorCode?: number;
  /** sigqueue's and timers' sival, as 64 bits. */
  value?: bigint;
  /** SI_TIMER: which timer and how often it ran over. */
  timer?: number;
  overrun?: number;
  /** SIGIO: descriptor and readiness band. */
  fd?: number;
  band?: number;
}

export type ActionFlag = 'siginfo' | 'onstack' | 'restart' | 'nodefer' | 'resethand' | 'nocldstop' | 'nocldwait';

export interface SignalAction {
  handler: 'default' | 'ignore' | number;
  flags: ReadonlySet<ActionFlag>;
  restorer: number;
  mask: ReadonlySet<Signal>;
}

export const DEFAULT_ACTION: SignalAction = { handler: 'default', flags: new Set(), restorer: 0, mask: new Set() };

/** Signals sent and not yet taken, of one thread or one process: ordinary ones once each, real-time ones as often as sent. */
export class PendingSignals {
  readonly #queue: SignalInfo[] = [];

  /** Number of queued signals: 0 in the common case, which callers test first. */
  get size(): number {
    return this.#queue.length;
  }

  /** False if the signal was pending already and does not queue. */
  add(info: SignalInfo): boolean {
    if (!isRealTime(info.signal) && this.has(info.signal)) return false;
    const rank = order(info.signal);
    let at = this.#queue.length;
    while (at > 0 && order(this.#queue[at - 1].signal) > rank) at--;
    this.#queue.splice(at, 0, info);
    return true;
  }

  has(signal: Signal): boolean {
    return this.#queue.some((info) => info.signal === signal);
  }

  /** Is this very signal still queued? */
  holds(info: SignalInfo): boolean {
    return this.#queue.includes(info);
  }

  /** The first pending signal that `wanted` accepts, left in the queue. */
  peek(wanted: (signal: Signal) => boolean): SignalInfo | undefined {
    return this.#queue.find((info) => wanted(info.signal));
  }

  take(wanted: (signal: Signal) => boolean): SignalInfo | undefined {
    const at = this.#queue.findIndex((info) => wanted(info.signal));
    return at < 0 ? undefined : this.#queue.splice(at, 1)[0];
  }

  remove(unwanted: (signal: Signal) => boolean): void {
    for (let at = this.#queue.length - 1; at >= 0; at--) {
      if (unwanted(this.#queue[at].signal)) this.#queue.splice(at, 1);
    }
  }

  /** The set of pending signals (sigpending). */
  signals(): Set<Signal> {
    return new Set(this.#queue.map((info) => info.signal));
  }

  clear(): void {
    this.#queue.length = 0;
  }
}
