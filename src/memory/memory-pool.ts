/** WebAssembly memories for address spaces: makes them, and reuses those of spaces that ended. Fresh ones cost the host's page faults, and V8 counts their whole size as a reason to collect garbage. */
import { RUNTIME_SIZE, WINDOW_SIZE } from './runtime-area.ts';

/** What the pool may hold: so many memories, each with so many bytes once touched. */
const MAX_POOLED = 8;
const MAX_POOLED_BYTES = 64 << 20;

/** A memory and the page states that belong to it, both all zero when taken. */
export interface PooledMemory {
  memory: WebAssembly.Memory;
  state: Uint8Array;
}

const pool: { given: PooledMemory; zero: () => void }[] = [];

/** What usual programs need with heap, stack and room for mappings: at each growth V8 would look for garbage. */
const USUAL_SIZE = RUNTIME_SIZE + (192 << 20);

/** A memory that reads zero everywhere, of at least `bytes`. */
export function takeMemory(bytes: number): PooledMemory {
  const pooled = pool.pop();
  if (pooled) {
    pooled.zero();
    return pooled.given;
  }
  const initial = Math.ceil(Math.max(bytes, USUAL_SIZE) / 0x1_0000);
  return {
    memory: new WebAssembly.Memory({ initial, maximum: 65536 }),
    state: new Uint8Array(WINDOW_SIZE >>> 12),
  };
}

/** Give back a memory of which `touched` bytes occupy the host's; `zero` is called if it is taken again, which the last one never is. */
export function giveMemory(given: PooledMemory, touched: number, zero: () => void): void {
  if (pool.length < MAX_POOLED && touched <= MAX_POOLED_BYTES) pool.push({ given, zero });
}
