/** WebAssembly memories for address spaces: makes them, and reuses those of spaces that ended, because fresh ones cost the host's page faults. */
import { fail } from '../base/failures.ts';
import { MEMORY_LIMIT, RUNTIME_SIZE, WINDOW_SIZE } from './runtime-area.ts';

/** What the pool may hold: so many memories that occupy so many bytes of the host's together. */
const MAX_POOLED = 8;
const MAX_POOLED_BYTES = 256 << 20;

/** A memory and the page states that belong to it, both all zero when taken. */
export interface PooledMemory {
  memory: WebAssembly.Memory;
  state: Uint8Array;
}

/** Those that take longest to zero come first. */
const pool: { given: PooledMemory; touched: number; zero: () => void }[] = [];

/** What usual programs need with heap, stack and room for mappings, so that they seldom grow. */
const USUAL_SIZE = RUNTIME_SIZE + (192 << 20);

/**
 * A memory that reads zero everywhere, of at least `bytes`. It is a shared one although no second thread sees it: of another V8 counts the whole
 * size as a reason to collect garbage, touched or not, which every start on Node 24 paid with 40 ms of processor time, and growing takes 2 us
 * instead of 600.
 */
export function takeMemory(bytes: number): PooledMemory {
  const pooled = pool.pop();
  if (pooled) {
    pooled.zero();
    return pooled.given;
  }
  const initial = Math.ceil(Math.max(bytes, USUAL_SIZE) / 0x1_0000);
  try {
    return {
      memory: new WebAssembly.Memory({ initial, maximum: MEMORY_LIMIT, shared: true }),
      state: new Uint8Array(WINDOW_SIZE >>> 12),
    };
  } catch {
    // V8 reserves 10 GiB of addresses for each.
    fail('ENOMEM');
  }
}

/** Give back a memory of which `touched` bytes occupy the host's; `zero` is called if it is taken again, which the last one never is; without it the memory cannot be. */
export function giveMemory(given: PooledMemory, touched: number, zero?: () => void): void {
  if (zero) {
    pool.push({ given, touched, zero });
    pool.sort((a, b) => b.touched - a.touched);
  } else sayGarbage(touched);
  while (pool.length > MAX_POOLED || pool.reduce((sum, one) => sum + one.touched, 0) > MAX_POOLED_BYTES) {
    sayGarbage(pool.shift()!.touched);
  }
}

/** V8 does not know what a shared memory occupies: a buffer of that size, dropped at once and never touched, has it look for garbage when it should. */
function sayGarbage(bytes: number): void {
  try {
    new ArrayBuffer(Math.min(bytes, 1 << 30));
  } catch {
    // No address space for it: V8 has looked for garbage already.
  }
}
