/** What a VM has once: mounts, process table, sessions, clocks and timers, futexes, limits, statistics. It holds; the modules of process/ act. */
import { fail } from '../base/failures.ts';
import type { Engine } from '../engine/engine.ts';
import type { HostEnvironment } from '../host/host.ts';
import type { Personality } from '../personality/personality.ts';
import type { Process, ProcessStatus } from '../process/process.ts';
import type { Scheduler } from '../process/scheduler.ts';
import type { Thread } from '../process/thread.ts';
import { FutexTable } from './futex.ts';
import type { NetInterface } from './net-interface.ts';
import type { OpenFile } from './open-file.ts';
import type { Ptys } from './pty.ts';
import type { SocketFamily } from './socket.ts';
import { Timers } from './timers.ts';
import type { Tty } from './tty.ts';
import type { Vfs } from './vfs.ts';
import { WaitQueue } from './wait.ts';

/** What the whole VM may use; undefined or absent: no limit. */
export interface VmLimits {
  /** Wall-clock seconds. */
  time?: number;
  /** Bytes of guest memory, over all processes. */
  memory?: number;
  /** Guest instructions, over all processes. */
  instructions?: number;
  /** Processes and threads alive at one time. */
  processes?: number;
}

export interface KernelOptions {
  vfs: Vfs;
  engine: Engine;
  environment: HostEnvironment;
  personalities: readonly Personality[];
  limits?: VmLimits;
  /** First process id; the next ones count up. */
  firstPid?: number;
  /** The host's name as guests see it (uname); default: the environment's. */
  hostname?: string;
}

/** Sessions have at most one controlling terminal. */
export interface Session {
  readonly id: number;
  terminal: Tty | undefined;
}

export interface KernelStats {
  processes: number;
  threads: number;
  execs: number;
  switches: number;
  /** System calls made, by name; personalities count here. */
  calls: Map<string, number>;
  /** Milliseconds inside the engine, inside calls, and asleep. */
  engineMs: number;
  callMs: number;
  idleMs: number;
  signals: Map<string, number>;
}

/** Default resource limits: what a login on a current Linux gives. */
const LIMITS: readonly (readonly [string, number, number])[] = [
  ['CPU', Infinity, Infinity],
  ['FSIZE', Infinity, Infinity],
  ['DATA', Infinity, Infinity],
  ['STACK', 8 << 20, Infinity],
  ['CORE', 0, Infinity],
  ['RSS', Infinity, Infinity],
  ['NPROC', 32768, 32768],
  ['NOFILE', 1024, 1048576],
  ['MEMLOCK', 8 << 20, 8 << 20],
  ['AS', Infinity, Infinity],
  ['LOCKS', Infinity, Infinity],
  ['SIGPENDING', 32768, 32768],
  ['MSGQUEUE', 819200, 819200],
  ['NICE', 0, 0],
  ['RTPRIO', 0, 0],
  ['RTTIME', Infinity, Infinity],
];

const PID_MAX = 4194304;

export class Kernel {
  readonly vfs: Vfs;
  readonly engine: Engine;
  readonly environment: HostEnvironment;
  readonly personalities: readonly Personality[];
  readonly limits: VmLimits;
  readonly timers = new Timers();
  readonly futexes = new FutexTable();
  /** By pid, zombies included. */
  readonly processes = new Map<number, Process>();
  /** By tid, whichever process has them. */
  readonly threads = new Map<number, Thread>();
  readonly sessions = new Map<number, Session>();
  /** The session of the processes that the VM's user starts; its id is that of the VM itself, which plays init. */
  readonly firstSession: Session = { id: 1, terminal: undefined };
  /** What socket() can make, by symbolic family ('unix', 'inet', 'inet6', 'netlink'). */
  readonly socketFamilies = new Map<string, SocketFamily>();
  /** Network interfaces as guests see them. */
  interfaces: () => readonly NetInterface[] = () => [];
  /** Pseudo-terminals; set by the composition root, since they need to signal processes. */
  ptys!: Ptys;
  /** Set once by the scheduler's constructor. */
  scheduler!: Scheduler;
  hostname: string;
  domainname = '(none)';
  /** Nanoseconds added to the environment's real time by settimeofday. */
  realtimeOffset = 0n;
  /** Woken at every signal sent to anyone: a signalfd shared by several processes tells each of its own. */
  readonly signalSent = new WaitQueue();
  readonly bootTime: bigint;
  readonly bootRealtime: bigint;
  readonly stats: KernelStats = {
    processes: 0,
    threads: 0,
    execs: 0,
    switches: 0,
    calls: new Map(),
    engineMs: 0,
    callMs: 0,
    idleMs: 0,
    signals: new Map(),
  };
  /** The VM limit that ended the run, if one did. */
  violation: { limit: keyof VmLimits; value: number } | undefined;
  /** Told about every process that has ended. */
  onProcessEnd: (process: Process, status: ProcessStatus) => void = () => {};
  /** Told about a process killed by a signal, for the report on stderr: before its memory goes. */
  onFatalSignal: (process: Process, report: FatalSignal) => void = () => {};
  /** Told about a process of the VM's user that has stopped: nobody else can continue it. */
  onStop: (process: Process) => void = () => {};
  #nextPid: number;
  #nextInode = 1;

  constructor(options: KernelOptions) {
    this.vfs = options.vfs;
    this.engine = options.engine;
    this.environment = options.environment;
    this.personalities = options.personalities;
    this.limits = options.limits ?? {};
    this.#nextPid = options.firstPid ?? 100;
    this.hostname = options.hostname ?? options.environment.hostname();
    this.sessions.set(this.firstSession.id, this.firstSession);
    this.bootTime = this.environment.monotonic();
    this.bootRealtime = this.environment.realtime();
  }

  /** An unused process or thread id. */
  newPid(): number {
    const limit = this.limits.processes;
    if (limit !== undefined && this.#threadCount() >= limit) fail('EAGAIN');
    for (let tries = 0; tries < PID_MAX; tries++) {
      const pid = this.#nextPid;
      this.#nextPid = pid + 1 >= PID_MAX ? 100 : pid + 1;
      if (!this.#pidInUse(pid)) return pid;
    }
    return fail('EAGAIN');
  }

  /** A number for the inode of a pipe, socket or event object. */
  newInode(): number {
    return this.#nextInode++;
  }

  defaultLimits(): Map<string, { soft: number; hard: number }> {
    return new Map(LIMITS.map(([name, soft, hard]) => [name, { soft, hard }]));
  }

  /** Wall-clock nanoseconds since the epoch as the guest sees them. */
  realtime(): bigint {
    return this.environment.realtime() + this.realtimeOffset;
  }

  monotonic(): bigint {
    return this.environment.monotonic();
  }

  processGroup(id: number): Process[] {
    return [...this.processes.values()].filter((process) => process.processGroup === id);
  }

  #threadCount(): number {
    return this.threads.size;
  }

  #pidInUse(pid: number): boolean {
    if (this.processes.has(pid) || this.threads.has(pid) || this.sessions.has(pid)) return true;
    for (const process of this.processes.values()) if (process.processGroup === pid) return true;
    return false;
  }
}

/** What is known about a fatal signal when it strikes. */
export interface FatalSignal {
  signal: string;
  code: string | number;
  /** Guest PC of the thread that took it. */
  pc: number;
  address: number | undefined;
  core: boolean;
  /** The open file or path it came with, for signals of the kernel's own. */
  sender?: OpenFile;
}
