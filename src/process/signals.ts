/** Signals, OS-neutral: symbolic names, pending queues, dispositions; numbers and frames belong to the personality. SKELETON: owner completes it. */

/** 'SIGINT', …; real-time signals are 'SIGRT0' … 'SIGRT32'. */
export type Signal = string;

export interface SignalInfo {
  signal: Signal;
  /** Symbolic si_code: 'SI_USER', 'SI_KERNEL', 'SI_QUEUE', 'SI_TKILL', 'SEGV_MAPERR', 'SEGV_ACCERR', 'BUS_ADRERR', 'FPE_INTDIV', 'ILL_ILLOPN', 'TRAP_BRKPT', 'CLD_EXITED', … */
  code: string;
  pid?: number;
  uid?: number;
  status?: number;
  /** Fault address. */
  address?: number;
  /** x86 trap number and error code for the frame. */
  trapno?: number;
  errorCode?: number;
  value?: bigint;
}

export interface SignalAction {
  handler: 'default' | 'ignore' | number;
  flags: ReadonlySet<'siginfo' | 'onstack' | 'restart' | 'nodefer' | 'resethand' | 'nocldstop' | 'nocldwait'>;
  restorer: number;
  mask: ReadonlySet<Signal>;
}
