/** The public API of the library: a virtual machine for programs of other systems, their processes, their files. */
export { UserError } from './base/failures.ts';
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
  Sandbox,
  SpawnOptions,
  Stats,
} from './vm.ts';
export { Hospes } from './vm.ts';
