/** Signal numbers and codes of FreeBSD (sys/signal.h); frames are in signal-frame.ts. */
import type { Signal } from '../../../src/process/signals.ts';

// biome-ignore format: a table
export const SIGNALS: readonly (Signal | '')[] = [
  '', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGEMT', 'SIGFPE', 'SIGKILL', 'SIGBUS',
  'SIGSEGV', 'SIGSYS', 'SIGPIPE', 'SIGALRM', 'SIGTERM', 'SIGURG', 'SIGSTOP', 'SIGTSTP', 'SIGCONT', 'SIGCHLD',
  'SIGTTIN', 'SIGTTOU', 'SIGIO', 'SIGXCPU', 'SIGXFSZ', 'SIGVTALRM', 'SIGPROF', 'SIGWINCH', 'SIGINFO', 'SIGUSR1',
  'SIGUSR2', 'SIGTHR', 'SIGLIBRT',
];

/** SIGRTMIN; real-time signals run from here to 126. */
const REAL_TIME = 65;

const numbers = new Map(SIGNALS.map((name, number) => [name, number]));

/** The number of a signal; one that FreeBSD lacks (SIGSTKFLT, SIGPWR) is 0, which is no signal. */
export function signalNumber(name: Signal): number {
  if (name.startsWith('SIGRT')) return REAL_TIME + Number(name.slice(5));
  return numbers.get(name) ?? 0;
}

/** The name of a signal number, undefined where there is none. */
export function signalName(number: number): Signal | undefined {
  if (number >= REAL_TIME && number <= 126) return `SIGRT${number - REAL_TIME}`;
  return SIGNALS[number] || undefined;
}

/** si_code values. */
// biome-ignore format: a table
export const CODES: Readonly<Record<string, number>> = {
  SI_USER: 0x10001, SI_QUEUE: 0x10002, SI_TIMER: 0x10003, SI_ASYNCIO: 0x10004, SI_MESGQ: 0x10005, SI_KERNEL: 0x10006, SI_TKILL: 0x10007,
  SEGV_MAPERR: 1, SEGV_ACCERR: 2, BUS_ADRALN: 1, BUS_ADRERR: 2, BUS_OBJERR: 3,
  FPE_INTOVF: 1, FPE_INTDIV: 2, FPE_FLTDIV: 3, FPE_FLTOVF: 4, FPE_FLTUND: 5, FPE_FLTRES: 6, FPE_FLTINV: 7, FPE_FLTSUB: 8,
  ILL_ILLOPC: 1, ILL_ILLOPN: 2, ILL_ILLADR: 3, ILL_ILLTRP: 4, ILL_PRVOPC: 5, ILL_PRVREG: 6, ILL_COPROC: 7, ILL_BADSTK: 8,
  TRAP_BRKPT: 1, TRAP_TRACE: 2,
  CLD_EXITED: 1, CLD_KILLED: 2, CLD_DUMPED: 3, CLD_TRAPPED: 4, CLD_STOPPED: 5, CLD_CONTINUED: 6,
};
