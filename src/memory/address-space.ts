/** A guest address space: mappings, protection, growth, and the checked access of everything that is not translated code. SKELETON: bodies to be filled by its owner, signatures are the contract. */
import { bug } from '../base/failures.ts';

/** What backs a mapping of a file; the kernel's open files implement it. */
export interface MappedFile {
  /** Bytes at a file position into `into`; returns how many (short at end of file). */
  readAt(into: Uint8Array, position: number): number;
  writeAt(from: Uint8Array, position: number): number;
  size(): number;
  /** Two mappings with equal keys map the same file (shared mappings see each other). */
  readonly mapKey: unknown;
}

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

export interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly prot: number;
  readonly shared: boolean;
  readonly file: MappedFile | undefined;
  /** File position of `start`. */
  readonly offset: number;
  /** As /proc/self/maps prints it: a path, [heap], [stack], or empty. */
  readonly name: string;
  /** Grows downward on a fault just below it (the main stack). */
  readonly growsDown: boolean;
}

export interface MapRequest {
  /** Wanted start; with `fixed` exactly there (replacing what is there), else a hint. 0: anywhere. */
  address: number;
  length: number;
  prot: number;
  fixed?: boolean;
  /** With fixed: fail with EEXIST instead of replacing. */
  noReplace?: boolean;
  shared?: boolean;
  file?: MappedFile;
  offset?: number;
  name?: string;
  growsDown?: boolean;
}

export class AddressSpace {
  /** Address − offset of the guest window in `memory`: guest address A is at byte A − windowBase + RUNTIME_SIZE. Constant; 0 for Linux. */
  readonly windowBase: number = 0;
  readonly memory: WebAssembly.Memory;
  /** Views over the whole wasm memory; re-made here and only here when it grows: never keep them across a call that may map memory. */
  u8!: Uint8Array;
  i32!: Int32Array;
  u32!: Uint32Array;
  view!: DataView;
  /** The engine registers here to learn that pages with HAS_CODE were written, unmapped or lost execute permission ([start, end) guest addresses). */
  onCodeChanged: (start: number, end: number) => void = () => {};

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 1 });
    bug('AddressSpace: skeleton');
  }

  map(_request: MapRequest): number { return bug('skeleton'); }
  unmap(_start: number, _length: number): void { bug('skeleton'); }
  protect(_start: number, _length: number, _prot: number): void { bug('skeleton'); }
  /** mremap: returns the new address; fails ENOMEM when it cannot grow in place and may not move. */
  remap(_start: number, _oldLength: number, _newLength: number, _mayMove: boolean, _fixedAt?: number): number { return bug('skeleton'); }
  /** Drop contents (MADV_DONTNEED): anonymous pages read zero again, private file pages read the file again. */
  discard(_start: number, _length: number): void { bug('skeleton'); }
  /** Write shared file pages back to their file (msync). */
  sync(_start: number, _length: number): void { bug('skeleton'); }
  /** Current program break; set by exec through `setBreakStart`. */
  brk(_wanted: number): number { return bug('skeleton'); }
  setBreakStart(_address: number): void { bug('skeleton'); }
  mappings(): readonly Mapping[] { return bug('skeleton'); }
  mappingAt(_address: number): Mapping | undefined { return bug('skeleton'); }

  /** Views of guest memory for [address, address+length) after the permission, code-page and growth work of a kernel access; throws MemoryFault at the first bad page. Use them before the next call that maps memory. */
  spans(_address: number, _length: number, _access: 'read' | 'write'): Uint8Array[] { return bug('skeleton'); }
  /** How many bytes from `address` on are accessible, at most `length`. */
  accessible(_address: number, _length: number, _access: 'read' | 'write'): number { return bug('skeleton'); }
  /** A copy of guest bytes. */
  copyIn(_address: number, _length: number): Uint8Array { return bug('skeleton'); }
  copyOut(_address: number, _bytes: Uint8Array): void { bug('skeleton'); }
  /** A NUL-terminated string as bytes decoded latin1 would lose names: returns raw bytes without the NUL; ENAMETOOLONG past `limit`. */
  cstring(_address: number, _limit?: number): Uint8Array { return bug('skeleton'); }
  /** cstring decoded as UTF-8. */
  string(_address: number, _limit?: number): string { return bug('skeleton'); }
  readU8(_a: number): number { return bug('skeleton'); }
  readU16(_a: number): number { return bug('skeleton'); }
  readU32(_a: number): number { return bug('skeleton'); }
  readI32(_a: number): number { return bug('skeleton'); }
  /** As a number: exact below 2^53. */
  readU64(_a: number): number { return bug('skeleton'); }
  readBig64(_a: number): bigint { return bug('skeleton'); }
  writeU8(_a: number, _v: number): void { bug('skeleton'); }
  writeU16(_a: number, _v: number): void { bug('skeleton'); }
  writeU32(_a: number, _v: number): void { bug('skeleton'); }
  /** Accepts negative numbers. */
  writeU64(_a: number, _v: number | bigint): void { bug('skeleton'); }
  /** Instruction bytes for the decoder: up to `length` bytes that may be executed (empty: the caller raises the fault found by `executeFault`). */
  fetch(_address: number, _length: number): Uint8Array { return bug('skeleton'); }
  /** The fault that executing at `address` raises. */
  executeFault(_address: number): never { return bug('skeleton'); }

  /** Engine slow paths: any address, any size 1..64, page crossing, outside the window, shared pages; throw MemoryFault. Little-endian in/out through `scratch`. */
  readonly scratch = new Uint8Array(64);
  loadSlow(_address: number, _size: number): void { bug('skeleton'); }
  storeSlow(_address: number, _size: number): void { bug('skeleton'); }
  /** Throw the fault that this access would raise, without doing it. */
  probe(_address: number, _size: number, _access: 'read' | 'write'): void { bug('skeleton'); }
  /** Mark pages [start, end) as holding translated code: sets HAS_CODE, clears WRITE bits. */
  markCode(_start: number, _end: number): void { bug('skeleton'); }

  /** A copy for fork: private pages copied, shared ones shared. */
  fork(): AddressSpace { return bug('skeleton'); }
  /** Give the memory back for reuse by a later address space. */
  dispose(): void { bug('skeleton'); }
  /** Bytes mapped and bytes resident, for limits and /proc. */
  usage(): { mapped: number; resident: number } { return bug('skeleton'); }
  /** Bytes this space may map before ENOMEM (RLIMIT_AS, --limit-memory). */
  limit = Number.POSITIVE_INFINITY;
}
