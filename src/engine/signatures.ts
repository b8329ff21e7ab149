/** Types of the functions by which generated modules and JavaScript know each other. */
import type { Signature } from './wasm/encoder.ts';

/** Signature of interpreter handlers: (state, record) → next record, 0: look up PC, -1: left before the instruction, -2: left after it. */
export const HANDLER: Signature = { params: ['i32', 'i32'], results: ['i32'] };
/**
 * Signature of regions: (state, depth of nested calls, instructions left, stack pointer) → where to go on, stack pointer. What every call and return
 * needs travels in machine registers: through the state block it is a chain of stores and loads (fib: 4.1 s against 3.5 s).
 * Where: instructions left in the upper half; in the lower one the PC, or if below REGION_PC: an exit code, 0 for "look up PC"; then PC is in the state block.
 */
export const REGION: Signature = { params: ['i32', 'i32', 'i32', 'i64'], results: ['i64', 'i64'] };
/** Lowest PC that a region returns as a value. */
export const REGION_PC = 32;
/** Signature of the dispatch loop: (state, depth, PC and stack pointer at which it is done) → 0: done, or the stack was unwound beyond; else an exit code. */
export const DISPATCH: Signature = { params: ['i32', 'i32', 'i64', 'i64'], results: ['i32'] };

/**
 * Signature of `adopt`: (first record of the first block, end of the last one; their guest bytes, one after the other; lower half of the guest address where their page begins, where its
 * bytes are and how many; the page's newest block; 1: enter them in the jump cache) → the page's newest block, blocks taken over.
 */
export const ADOPT: Signature = {
  params: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  results: ['i32', 'i32'],
};

/** Functions that handlers and regions may import from this module. */
export const ENGINE_FUNCTIONS: Record<string, Signature> = {
  /** (state, address, bytes) → offset to read at, 0 after a fault. */
  readPointer: { params: ['i32', 'i64', 'i32'], results: ['i32'] },
  /** (state, address, bytes) → offset to write at, 0 after a fault; the scratch area means: then call writeBack. */
  writePointer: { params: ['i32', 'i64', 'i32'], results: ['i32'] },
  /** (address, bytes) → where outside the window to read at, or to write at, 0: unknown, the interpreter has to ask. */
  farRead: { params: ['i64', 'i32'], results: ['i32'] },
  farWrite: { params: ['i64', 'i32'], results: ['i32'] },
  /** (state, to, from, count, bytes, backward) → elements moved. */
  bulkMove: { params: ['i32', 'i64', 'i64', 'i64', 'i32', 'i32'], results: ['i64'] },
  dispatch: DISPATCH,
  /** (state, to, value, count, bytes, backward) → elements stored. */
  bulkFill: { params: ['i32', 'i64', 'i64', 'i64', 'i32', 'i32'], results: ['i64'] },
};

/** JavaScript functions. slow…: (state, low, high, bytes) of an address; 0 after a fault. */
export const SLOW_FUNCTIONS: Record<string, Signature> = {
  slowRead: { params: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] },
  slowProbe: { params: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] },
  slowWrite: { params: ['i32', 'i32', 'i32', 'i32'], results: ['i32'] },
  /** (state, exit code): a miss, a hot block or an instruction to step; 0 to go on, else an exit code. */
  event: { params: ['i32', 'i32'], results: ['i32'] },
};
