/** A guest process: address space, descriptors, file-system context, credentials, signal dispositions, family. SKELETON: owner completes it; fields here are the contract. */
import type { CodeSpace } from '../engine/engine.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Personality } from '../personality/personality.ts';
import type { FdTable } from '../kernel/fd-table.ts';
import type { FsContext } from '../kernel/vfs.ts';
import type { SignalAction, Signal } from './signals.ts';
import type { Thread } from './thread.ts';
import type { Kernel } from '../kernel/kernel.ts';

export interface Process {
  readonly pid: number;
  parent: Process | undefined;
  processGroup: number;
  session: number;
  personality: Personality;
  space: AddressSpace;
  code: CodeSpace;
  files: FdTable;
  fs: FsContext;
  credentials: Credentials;
  actions: Map<Signal, SignalAction>;
  threads: Map<number, Thread>;
  /** VM-wide objects: mounts, process table, clocks, limits. */
  readonly kernel: Kernel;
  /** For /proc/self. */
  executable: string;
  argv: readonly Uint8Array[];
  envp: readonly Uint8Array[];
  auxv: Uint8Array;
  /** What is left of each resource: symbolic name ('NOFILE', 'STACK', …) → soft and hard limit. */
  limits: Map<string, { soft: number; hard: number }>;
}

export interface Credentials {
  uid: number;
  euid: number;
  suid: number;
  gid: number;
  egid: number;
  sgid: number;
  groups: number[];
}
