/** A guest thread: registers, blocked-call state, signal mask. SKELETON: owner completes it; fields here are the contract. */
import type { Cpu } from '../engine/engine.ts';
import type { Process } from './process.ts';
import type { Signal } from './signals.ts';

export interface Thread {
  readonly tid: number;
  readonly process: Process;
  readonly cpu: Cpu;
  /** Blocked signals. */
  mask: Set<Signal>;
  alternateStack: { address: number; size: number; enabled: boolean };
  /** Address of set_tid_address / CLONE_CHILD_CLEARTID, 0 if none. */
  clearChildTid: number;
  robustList: { head: number; length: number };
  name: string;
  /** True when the present call is re-entered because its Wait's deadline has passed. */
  timedOut: boolean;
  /** Scratch a handler may keep between its attempts at one call (deadline, bytes done); cleared when the call ends. */
  callState: unknown;
}
