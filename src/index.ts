/** The public API of the library: a virtual machine for programs of other systems, their processes, their files. */
export { UserError } from './base/failures.ts';
export type { Optimisation } from './base/optimisations.ts';
export type { EngineMode } from './engine/engine.ts';
export type {
  ExecOptions,
  ExecResult,
  FsKind,
  GuestProcess,
  GuestPty,
  HospesOptions,
  Limits,
  Mount,
  SpawnOptions,
  Stats,
} from './vm.ts';
export { Hospes, SANDBOX_LIMITS } from './vm.ts';
