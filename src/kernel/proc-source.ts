/** What /proc shows, as plain data: the process side supplies it, proc-fs.ts and proc-formats.ts print it. */
import type { Mapping } from '../memory/address-space.ts';
import type { FdTable } from './fd-table.ts';
import type { FsContext } from './fs-context.ts';

export interface ProcSource {
  /** The thread that is asking, whose 'self' is meant; undefined: nobody in the guest. */
  asking(): { pid: number; tid: number } | undefined;
  pids(): number[];
  /** By process id, or by the id of any of its threads. */
  process(id: number): ProcProcess | undefined;
  readonly system: ProcSystem;
}

export interface ProcSystem {
  readonly ostype: string;
  readonly release: string;
  /** The long text of uname -v. */
  readonly version: string;
  hostname(): string;
  setHostname(name: string): void;
  domainname(): string;
  readonly cpus: readonly ProcCpu[];
  /** Bytes. */
  memory(): { total: number; free: number; cached: number };
  /** Nanoseconds since the epoch. */
  realtime(): bigint;
  /** Nanoseconds since the VM started. */
  uptime(): bigint;
  /** CPU nanoseconds used by all processes. */
  cpuTime(): { user: number; system: number };
  /** Processes made, context switches, runnable threads, last process id. */
  counters(): { forks: number; switches: number; runnable: number; threads: number; lastPid: number };
  random(into: Uint8Array): void;
  readonly pidMax: number;
}

/** What /proc/cpuinfo prints of a processor. */
export interface ProcCpu {
  vendor: string;
  family: number;
  model: number;
  stepping: number;
  name: string;
  mhz: number;
  /** Linux's words for the features. */
  flags: readonly string[];
}

/** R running, S sleeping, D disk, T stopped, Z zombie. */
export type ProcState = 'R' | 'S' | 'D' | 'T' | 'Z';

export interface ProcThread {
  tid: number;
  name: string;
  state: ProcState;
  /** Nanoseconds. */
  user: number;
  system: number;
  /** Signal sets as bit masks, bit 0 for signal 1. */
  pending: bigint;
  blocked: bigint;
  voluntarySwitches: number;
  involuntarySwitches: number;
  rename(name: string): void;
}

export interface ProcProcess {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Device number of the controlling terminal, 0 for none, and its foreground group, -1 for none. */
  readonly terminal: number;
  readonly foreground: number;
  readonly name: string;
  readonly state: ProcState;
  /** Wait status as waitpid would give it, once ended. */
  readonly exitCode: number;
  /** Real, effective, saved, file-system. */
  readonly uids: readonly [number, number, number, number];
  readonly gids: readonly [number, number, number, number];
  readonly groups: readonly number[];
  /** Sets of bits; undefined: as its effective user has them. */
  readonly capabilities?: { permitted: bigint; effective: bigint; inheritable: bigint } | undefined;
  /** undefined once it has ended. */
  readonly context: FsContext | undefined;
  readonly files: FdTable | undefined;
  readonly executable: string;
  readonly argv: readonly Uint8Array[];
  readonly envp: readonly Uint8Array[];
  readonly auxv: Uint8Array;
  readonly nice: number;
  /** Nanoseconds after the VM's start. */
  readonly startTime: bigint;
  readonly user: number;
  readonly system: number;
  readonly childrenUser: number;
  readonly childrenSystem: number;
  readonly minorFaults: number;
  readonly threads: readonly ProcThread[];
  mappings(): readonly Mapping[];
  /** Bytes mapped, resident, and the most that ever was. */
  memory(): { mapped: number; resident: number; peak: number };
  /** By symbolic name ('NOFILE'); Infinity for none. */
  limit(name: string): { soft: number; hard: number };
  readonly sharedPending: bigint;
  readonly ignored: bigint;
  readonly caught: bigint;
  readonly noNewPrivileges: boolean;
}
