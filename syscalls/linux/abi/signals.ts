/** Linux signals as numbers: signal numbers, sets, si_code values, and the structures that carry them. Frames are in signal-frame.ts. */
import { bug } from '../../../src/base/failures.ts';
import type { ArgumentType } from '../../../src/personality/arguments.ts';
import { enumeration } from '../../../src/personality/arguments.ts';
import { big64, type Field, i32, i64, pad, pointer, shown, struct, u32, u64 } from '../../../src/personality/struct.ts';
import type { ActionFlag, Signal, SignalAction, SignalInfo } from '../../../src/process/signals.ts';

/** Numbers 1 to 31; real-time signals follow from 32 (the C library keeps the first two for itself). */
const NAMES = ['', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGKILL', 'SIGUSR1', 'SIGSEGV', 'SIGUSR2', 'SIGPIPE', 'SIGALRM', 'SIGTERM', 'SIGSTKFLT', 'SIGCHLD', 'SIGCONT', 'SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGURG', 'SIGXCPU', 'SIGXFSZ', 'SIGVTALRM', 'SIGPROF', 'SIGWINCH', 'SIGIO', 'SIGPWR', 'SIGSYS']; // biome-ignore format: one list
const FIRST_REAL_TIME = 32;
export const LAST_SIGNAL = 64;
for (let n = FIRST_REAL_TIME; n <= LAST_SIGNAL; n++) NAMES.push(`SIGRT${n - FIRST_REAL_TIME}`);

const NUMBERS = new Map<Signal, number>(NAMES.map((name, n) => [name, n]));

export function signalNumber(signal: Signal): number {
  return NUMBERS.get(signal) ?? bug(`no Linux number for ${signal}`);
}

/** Undefined for 0 and for numbers that are no signal. */
export function signalOf(number: number): Signal | undefined {
  return number >= 1 && number <= LAST_SIGNAL ? NAMES[number] : undefined;
}

/** A signal argument, still a number: 0 and bad numbers are the handler's business. */
export const Sig: ArgumentType<number> = enumeration({
  ...Object.fromEntries(NAMES.map((name, n) => [name || '0', n])),
});

// ---- sets

export function setOf(low: number, high: number): Set<Signal> {
  const set = new Set<Signal>();
  for (let bit = 0; bit < 32; bit++) if (low & (1 << bit)) set.add(NAMES[bit + 1]);
  for (let bit = 0; bit < 32; bit++) if (high & (1 << bit)) set.add(NAMES[bit + 33]);
  return set;
}

export function bitsOf(set: ReadonlySet<Signal>): { low: number; high: number } {
  let low = 0;
  let high = 0;
  for (const signal of set) {
    const n = NUMBERS.get(signal);
    if (n === undefined) continue;
    if (n <= 32) low |= 1 << (n - 1);
    else high |= 1 << (n - 33);
  }
  return { low: low >>> 0, high: high >>> 0 };
}

const showSet = (set: ReadonlySet<Signal>): string => `[${[...set].map((name) => name.replace('SIG', '')).join(' ')}]`;

/** sigset_t as the kernel has it: 64 bits. */
export const sigset_t: Field<ReadonlySet<Signal>> = {
  size: 8,
  align: 8,
  read: (view, at) => setOf(view.getUint32(at, true), view.getUint32(at + 4, true)),
  write: (view, at, value) => {
    const { low, high } = bitsOf(value);
    view.setUint32(at, low, true);
    view.setUint32(at + 4, high, true);
  },
  show: showSet,
};
export const sigset = struct({ set: sigset_t });

// ---- actions

const SA: Readonly<Record<ActionFlag, number>> = {
  nocldstop: 1,
  nocldwait: 2,
  siginfo: 4,
  onstack: 0x0800_0000,
  restart: 0x1000_0000,
  nodefer: 0x4000_0000,
  resethand: 0x8000_0000,
};
const SA_RESTORER = 0x0400_0000;

export const sigaction = struct({
  sa_handler: shown(pointer, (n) => (n === 0 ? 'SIG_DFL' : n === 1 ? 'SIG_IGN' : `0x${n.toString(16)}`)),
  sa_flags: shown(u64, (n) => `0x${n.toString(16)}`),
  sa_restorer: pointer,
  sa_mask: sigset_t,
});
type SigactionValue = { sa_handler: number; sa_flags: number; sa_restorer: number; sa_mask: ReadonlySet<Signal> };

export function toAction(from: SigactionValue): SignalAction {
  const flags = new Set<ActionFlag>();
  for (const [name, bit] of Object.entries(SA)) if ((from.sa_flags & bit) !== 0) flags.add(name as ActionFlag);
  const mask = new Set(from.sa_mask);
  mask.delete('SIGKILL');
  mask.delete('SIGSTOP');
  return {
    handler: from.sa_handler === 0 ? 'default' : from.sa_handler === 1 ? 'ignore' : from.sa_handler,
    flags,
    restorer: from.sa_flags & SA_RESTORER ? from.sa_restorer : 0,
    mask,
  };
}

export function fromAction(action: SignalAction): SigactionValue {
  let flags = action.restorer === 0 ? 0 : SA_RESTORER;
  for (const flag of action.flags) flags |= SA[flag];
  const { handler } = action;
  return {
    sa_handler: handler === 'default' ? 0 : handler === 'ignore' ? 1 : handler,
    sa_flags: flags >>> 0,
    sa_restorer: action.restorer,
    sa_mask: action.mask,
  };
}

// ---- siginfo

const CODES: Readonly<Record<string, number>> = {
  SI_USER: 0,
  SI_KERNEL: 0x80,
  SI_QUEUE: -1,
  SI_TIMER: -2,
  SI_MESGQ: -3,
  SI_ASYNCIO: -4,
  SI_SIGIO: -5,
  SI_TKILL: -6,
  ILL_ILLOPC: 1,
  ILL_ILLOPN: 2,
  ILL_ILLADR: 3,
  ILL_ILLTRP: 4,
  ILL_PRVOPC: 5,
  ILL_PRVREG: 6,
  ILL_COPROC: 7,
  ILL_BADSTK: 8,
  FPE_INTDIV: 1,
  FPE_INTOVF: 2,
  FPE_FLTDIV: 3,
  FPE_FLTOVF: 4,
  FPE_FLTUND: 5,
  FPE_FLTRES: 6,
  FPE_FLTINV: 7,
  FPE_FLTSUB: 8,
  SEGV_MAPERR: 1,
  SEGV_ACCERR: 2,
  BUS_ADRALN: 1,
  BUS_ADRERR: 2,
  BUS_OBJERR: 3,
  TRAP_BRKPT: 1,
  TRAP_TRACE: 2,
  TRAP_BRANCH: 3,
  TRAP_HWBKPT: 4,
  CLD_EXITED: 1,
  CLD_KILLED: 2,
  CLD_DUMPED: 3,
  CLD_TRAPPED: 4,
  CLD_STOPPED: 5,
  CLD_CONTINUED: 6,
  POLL_IN: 1,
  POLL_OUT: 2,
  POLL_MSG: 3,
  POLL_ERR: 4,
  POLL_PRI: 5,
  POLL_HUP: 6,
  SYS_SECCOMP: 1,
};

export function codeNumber(code: string | number): number {
  return typeof code === 'number' ? code : (CODES[code] ?? bug(`no Linux number for ${code}`));
}

/** Symbolic si_code of what a guest queues itself (rt_sigqueueinfo): the negative ones have names, others stay numbers. */
export function codeOf(number: number): string | number {
  const known = Object.entries(CODES).find(([name, n]) => name.startsWith('SI_') && n === number);
  return known ? known[0] : number;
}

const head = { si_signo: i32, si_errno: i32, si_code: i32, _pad: pad(4) } as const;
/** The five shapes of siginfo_t's union. */
const siginfoRt = struct({ ...head, si_pid: i32, si_uid: u32, si_value: big64, _rest: pad(96) });
const siginfoTimer = struct({ ...head, si_tid: i32, si_overrun: i32, si_value: big64, _rest: pad(96) });
const siginfoChild = struct({
  ...head,
  si_pid: i32,
  si_uid: u32,
  si_status: i32,
  _pad2: pad(4),
  si_utime: i64,
  si_stime: i64,
  _rest: pad(80),
});
const siginfoFault = struct({ ...head, si_addr: pointer, _rest: pad(104) });
const siginfoPoll = struct({ ...head, si_band: i64, si_fd: i32, _rest: pad(100) });
export const SIGINFO_SIZE = siginfoRt.size;
/** A siginfo that a guest hands in. */
export const siginfo = siginfoRt;

const FAULTS: ReadonlySet<Signal> = new Set(['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP']);
const ticks = (nanoseconds: number | undefined): number => Math.floor((nanoseconds ?? 0) / 10_000_000);

/** siginfo_t of a signal, 128 bytes. */
export function encodeSiginfo(info: SignalInfo): Uint8Array {
  const si_signo = signalNumber(info.signal);
  const si_code = codeNumber(info.code);
  const common = { si_signo, si_errno: 0, si_code };
  const si_value = info.value ?? 0n;
  if (info.code === 'SI_TIMER') {
    const { timer = 0, overrun = 0 } = info;
    return siginfoTimer.encode([{ ...common, si_tid: timer, si_overrun: overrun, si_value }]);
  }
  if (info.signal === 'SIGCHLD' && si_code > 0 && si_code < 0x80) {
    const si_status = typeof info.status === 'string' ? signalNumber(info.status) : (info.status ?? 0);
    const { pid: si_pid = 0, uid: si_uid = 0, utime, stime } = info;
    return siginfoChild.encode([
      { ...common, si_pid, si_uid, si_status, si_utime: ticks(utime), si_stime: ticks(stime) },
    ]);
  }
  if (FAULTS.has(info.signal) && si_code > 0) {
    return siginfoFault.encode([{ ...common, si_addr: si_code === 0x80 ? 0 : (info.address ?? 0) }]);
  }
  // Whatever signal F_SETSIG chose.
  if (info.fd !== undefined && si_code > 0 && si_code < 0x80) {
    return siginfoPoll.encode([{ ...common, si_band: info.band ?? 0, si_fd: info.fd ?? 0 }]);
  }
  return siginfoRt.encode([{ ...common, si_pid: info.pid ?? 0, si_uid: info.uid ?? 0, si_value }]);
}

// ---- the alternate stack

export const SS_ONSTACK = 1;
export const SS_DISABLE = 2;
export const SS_AUTODISARM = 0x8000_0000;
export const stack_t = struct({ ss_sp: pointer, ss_flags: u32, _pad: pad(4), ss_size: u64 });
