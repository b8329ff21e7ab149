/** The engine's contract with the process side: run a guest thread until something happens that the engine does not handle, and say what. */
import type { FaultReason } from '../base/failures.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Counters } from './counters.ts';

/** Why `run` came back. The object is reused by the next run of the same CodeSpace: read it at once. */
export interface Exit {
  /** call: a system-call instruction (PC already after it); fault/trap: PC at (fault, illegal, divide) or after (breakpoint) the instruction. */
  kind: 'call' | 'fault' | 'trap' | 'budget' | 'halt';
  /** fault: the guest address and what was tried. */
  address: number;
  access: 'read' | 'write' | 'execute';
  reason: FaultReason;
  /** trap: which. privileged: general protection by a privileged or malformed instruction. */
  trap: 'divide' | 'breakpoint' | 'illegal' | 'step' | 'floating-point' | 'simd' | 'privileged';
  /** call: how the guest asked (`syscall`, `int 0x80`). */
  gate: 'syscall' | 'int80';
}

export type FloatError = 'invalid' | 'divide' | 'overflow' | 'underflow' | 'inexact';

export type EngineMode = 'auto' | 'interpreter' | 'translator' | 'lockstep';

/** A guest thread's registers, as personalities and debuggers see them; the ISA's state.ts says which index is which. */
export interface Cpu {
  /** Offset of the thread's state block in the wasm memory. */
  readonly state: number;
  pc: number;
  /** All bits of it, where a program has jumped to an address that is nobody's. */
  readonly bigPc: bigint;
  /** A general register as an address or small integer (unsigned, exact below 2^53; larger values lose low bits: use getBig). */
  get(register: number): number;
  /** The low 32 bits, signed. */
  getInt(register: number): number;
  getBig(register: number): bigint;
  /** Accepts negative numbers (two's complement, 64 bits). */
  set(register: number, value: number | bigint): void;
  /** Architectural flags register, materialised. */
  flags: number;
  /** Thread pointers (x86: FS and GS base). */
  getBase(segment: 'fs' | 'gs'): number;
  setBase(segment: 'fs' | 'gs', value: number): void;
  /** After a trap 'floating-point' or 'simd': the unmasked exception that is reported. */
  floatError(trap: 'floating-point' | 'simd'): FloatError;
  /** Copy every architectural register from another thread's state block, which may be in another memory (fork, clone). */
  copyFrom(other: Cpu): void;
  /** Every register as one block, and back. */
  save(): Uint8Array;
  restore(saved: Uint8Array): void;
  /** Registers as a program finds them after exec: all zero, default FP control words. */
  reset(): void;
  /** The FP and vector state in the ISA's own save format (x86: 512 bytes FXSAVE image), for signal frames. */
  saveVectors(): Uint8Array;
  restoreVectors(image: Uint8Array): void;
}

/** Carries out the call of an Exit while the engine waits: instructions that it counts for in the slice, or below 0 when `run` must come back. */
export type Answer = (exit: Exit) => number;

/** One address space's code: interpreter instance, translations, block map. Shared by all threads of the address space. */
export interface CodeSpace {
  /** Take a fresh state block. */
  createCpu(): Cpu;
  releaseCpu(cpu: Cpu): void;
  /** Run at most about `budget` guest instructions of this thread. System calls may be put to `answer` at once, which saves coming back for each. */
  run(cpu: Cpu, budget: number, answer?: Answer): Exit;
  /** Guest instructions executed by the last run; in `answer` also: so far. */
  readonly executed: number;
  dispose(): void;
}

/** One per VM: holds compiled modules, which address spaces share, and statistics. */
export interface Engine {
  readonly mode: EngineMode;
  attach(space: AddressSpace): CodeSpace;
  readonly stats: EngineStats;
  /** Take up the translations in this store, and put there what is in the code cache when `keep` is called. Before anything runs. */
  remember?(store: TranslationStore): void;
  keep?(): void;
}

/** Where a program's translations outlive the process: numbered parts, replaced as a whole. Gives back what was written, by this version of everything that made it, or nothing. */
export interface TranslationStore {
  read(part: number): Uint8Array | undefined;
  /** Each part is asked for once, in order, and not held: together they may be many megabytes. */
  write(parts: readonly (() => Uint8Array)[]): void;
  /** Nothing is read any more. */
  close(): void;
  /** If V8's machine code can be kept as well. */
  readonly machineCode?: MachineCode | undefined;
}

/** What V8 has made of a module, as bytes. */
export interface MachineCode {
  /** How many of these exported functions have been compiled by the optimising compiler: only such code is kept. */
  optimised(functions: readonly unknown[]): number;
  /** Of a module with at least one such function. */
  save(module: WebAssembly.Module): Uint8Array;
  /** undefined: V8 is of another version, processor or set of flags. */
  load(code: Uint8Array, bytes: Uint8Array): WebAssembly.Module | undefined;
}

export interface EngineStats {
  instructions: number;
  decodedBlocks: number;
  /** Those that another address space or process had decoded. */
  copiedBlocks: number;
  translatedRegions: number;
  translatedInstructions: number;
  /** Regions of an earlier process that were put to use. */
  restoredRegions: number;
  /** Page checks in translated code, and accesses that need none of their own. */
  checksMade: number;
  checksRemoved: number;
  /** Places in translated code that ask for flags whose kind is only known at run time. */
  flagsMade: number;
  /** Milliseconds of our own translating, without V8's part. */
  translationMs: number;
  /** Milliseconds that V8 took over our modules, as far as it makes us wait: checking and instantiating. */
  compileMs: number;
  /** What is in the code cache now, and how often it was emptied. */
  cache: { regions: number; instructions: number; bytes: number; emptied: number };
  exits: Record<string, number>;
  /** What generated code counted, where it was made to count. */
  counters: Counters | undefined;
  /** Instructions nobody knows: bytes → count. */
  unknown: Map<string, number>;
}
