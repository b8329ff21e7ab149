/** WebAssembly memories for address spaces: makes them, and reuses those of spaces that ended, because the host's page faults on fresh memory cost most of a fork. */
import { RUNTIME_SIZE } from './runtime-area.ts';

/** Reused memories hold at most this many bytes of committed host memory each, so the pool itself stays small. */
const MAX_POOLED = 8;
const MAX_POOLED_BYTES = 64 << 20;

const pool: WebAssembly.Memory[] = [];

/** A memory that reads zero everywhere. */
export function takeMemory(): WebAssembly.Memory {
  return pool.pop() ?? new WebAssembly.Memory({ initial: RUNTIME_SIZE >>> 16, maximum: 65536 });
}

/** Give back a memory that its user has zeroed again. */
export function giveMemory(memory: WebAssembly.Memory, residentBytes: number): void {
  if (pool.length < MAX_POOLED && residentBytes <= MAX_POOLED_BYTES) pool.push(memory);
}
