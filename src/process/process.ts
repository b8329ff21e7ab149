/** A guest process: address space, descriptors, file-system context, credentials, signal dispositions, family. How processes begin, change and end is in family.ts and exec.ts. */
import type { CodeSpace } from '../engine/engine.ts';
import type { FdTable } from '../kernel/fd-table.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { FsContext } from '../kernel/vfs.ts';
import { WaitQueue } from '../kernel/wait.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Personality } from '../personality/personality.ts';
import type { IntervalTimer } from './interval-timers.ts';
import { DEFAULT_ACTION, PendingSignals, type Signal, type SignalAction } from './signals.ts';
import type { Thread } from './thread.ts';

export interface Credentials {
  uid: number;
  euid: number;
  suid: number;
  gid: number;
  egid: number;
  sgid: number;
  groups: number[];
  /** What it may do besides, a bit for each; undefined: user 0 may do everything, others nothing. Replaced, never changed. */
  capabilities?: Capabilities | undefined;
}

export interface Capabilities {
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly inheritable: bigint;
}

/** How a process ended, or that it stopped or went on, as its parent learns it. */
export type ProcessStatus =
  | { kind: 'exited'; code: number }
  | { kind: 'killed'; signal: Signal; core: boolean }
  | { kind: 'stopped'; signal: Signal }
  | { kind: 'continued' };

/** CPU times in nanoseconds and counters, for rusage and /proc. */
export interface Usage {
  user: number;
  system: number;
  maxResident: number;
  minorFaults: number;
  voluntarySwitches: number;
  involuntarySwitches: number;
}

export const noUsage = (): Usage => ({
  user: 0,
  system: 0,
  maxResident: 0,
  minorFaults: 0,
  voluntarySwitches: 0,
  involuntarySwitches: 0,
});

/** One address space and its code, shared by the processes of a vfork or CLONE_VM. */
export class ProcessMemory {
  readonly space: AddressSpace;
  readonly code: CodeSpace;
  #users = 0;

  constructor(space: AddressSpace, code: CodeSpace) {
    this.space = space;
    this.code = code;
  }

  retain(): this {
    this.#users++;
    return this;
  }

  drop(): void {
    if (--this.#users > 0) return;
    this.code.dispose();
    this.space.dispose();
  }

  get shared(): boolean {
    return this.#users > 1;
  }
}

/** Dispositions, shared by processes cloned with CLONE_SIGHAND. */
export type SignalActions = Map<Signal, SignalAction>;

export class Process {
  readonly pid: number;
  /** VM-wide objects: mounts, process table, clocks, limits. */
  readonly kernel: Kernel;
  parent: Process | undefined;
  readonly children = new Set<Process>();
  processGroup: number;
  session: number;
  personality: Personality;
  memory: ProcessMemory;
  files: FdTable;
  fs: FsContext;
  credentials: Credentials;
  actions: SignalActions = new Map();
  readonly threads = new Map<number, Thread>();
  readonly pending = new PendingSignals();
  /** Woken whenever a signal is sent here, blocked or not: sigtimedwait and signalfd park on it. */
  readonly signalQueue = new WaitQueue();
  /** Woken whenever a child ends, stops or goes on. */
  readonly childQueue = new WaitQueue();
  /** Woken when this process ends (pidfd). */
  readonly endQueue = new WaitQueue();
  /** What the parent is sent at the end; undefined: nothing (clone without an exit signal). */
  exitSignal: Signal | undefined = 'SIGCHLD';
  /** Started by the VM's user, who plays the shell of its session. */
  hostParent = false;
  /** Woken when one of its threads ends. */
  readonly threadEndQueue = new WaitQueue();
  /** Some timer or limit counts its CPU time. */
  cpuWatched = false;
  /** CPU seconds at which SIGXCPU was last sent. */
  cpuWarned = 0;
  /** Set once it has ended (a zombie until its parent has looked). */
  status: ProcessStatus | undefined;
  /** Set while exit_group or a fatal signal ends it thread by thread. */
  ending: ProcessStatus | undefined;
  /** The signal that stopped it, while stopped. */
  stopped: Signal | undefined;
  /** A stop or continue that the parent has not yet seen by wait. */
  unreported: ProcessStatus | undefined;
  /** For /proc/self. */
  executable = '';
  argv: readonly Uint8Array[] = [];
  envp: readonly Uint8Array[] = [];
  auxv: Uint8Array = new Uint8Array(0);
  /** Soft and hard limit of each resource by symbolic name ('NOFILE', 'STACK', …). */
  limits: Map<string, { soft: number; hard: number }>;
  usage = noUsage();
  /** Sum over children that were waited for. */
  childrenUsage = noUsage();
  /** Monotonic nanoseconds at start. */
  startTime: bigint;
  nice = 0;
  dumpable = true;
  noNewPrivileges = false;
  subreaper = false;
  keepCapabilities = false;
  /** Sent here when the parent ends (PR_SET_PDEATHSIG). */
  parentDeathSignal: Signal | undefined;
  /** The parent waiting in vfork until this child executes or ends. */
  vforkParent: Thread | undefined;
  /** True once execve has run in it (setpgid by the parent is then refused). */
  executed = false;
  /** setitimer's three: real, virtual, profiling. */
  readonly intervalTimers = new Map<'real' | 'virtual' | 'prof', IntervalTimer>();
  /** timer_create's, by id. */
  readonly posixTimers = new Map<number, IntervalTimer>();
  /** Called once with the final status: the VM's view of it. */
  onEnd: ((status: ProcessStatus) => void) | undefined;
  /** Kept by the personality for the whole process (for example the brk heap's or vDSO's address). */
  personalityState: unknown;

  constructor(
    kernel: Kernel,
    pid: number,
    parts: {
      parent: Process | undefined;
      processGroup: number;
      session: number;
      personality: Personality;
      memory: ProcessMemory;
      files: FdTable;
      fs: FsContext;
      credentials: Credentials;
      limits: Map<string, { soft: number; hard: number }>;
    },
  ) {
    this.kernel = kernel;
    this.pid = pid;
    this.parent = parts.parent;
    this.processGroup = parts.processGroup;
    this.session = parts.session;
    this.personality = parts.personality;
    this.memory = parts.memory;
    this.files = parts.files;
    this.fs = parts.fs;
    this.credentials = parts.credentials;
    this.limits = parts.limits;
    this.startTime = kernel.environment.monotonic();
  }

  get space(): AddressSpace {
    return this.memory.space;
  }

  get code(): CodeSpace {
    return this.memory.code;
  }

  /** The thread whose tid is the pid, while it lives; else any. */
  get leader(): Thread {
    return this.threads.get(this.pid) ?? (this.threads.values().next().value as Thread);
  }

  /** Last component of what it runs, at most 15 characters: /proc/self/comm. */
  get name(): string {
    return this.threads.size > 0 ? this.leader.name : '';
  }

  get zombie(): boolean {
    return this.status !== undefined;
  }

  action(signal: Signal): SignalAction {
    return this.actions.get(signal) ?? DEFAULT_ACTION;
  }

  limit(resource: string): number {
    return this.limits.get(resource)?.soft ?? Number.POSITIVE_INFINITY;
  }
}
