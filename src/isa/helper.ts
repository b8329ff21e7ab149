/** Helpers: the few operations that translated code calls in JavaScript instead of computing inline (x87, CPUID, rare divides); each row states its wasm signature. */
import type { Builder, Node } from '../ir/builder.ts';
import type { AddressSpace } from '../memory/address-space.ts';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** A helper's row. Its first argument is always the offset of the thread's state block in the wasm memory; i64 arguments and results are BigInts. */
export interface Helper {
  params: readonly ('i32' | 'i64' | 'f32' | 'f64')[];
  result?: 'i32' | 'i64' | 'f32' | 'f64';
  /** Bind to one address space; read `space.view` anew at each call, since it is re-made on growth. */
  make(space: AddressSpace): (state: number, ...args: never[]) => unknown;
  /**
   * The common cases as a wasm function over the state block, with the same parameters: it answers, or leaves by `leaveIf` before it has changed anything,
   * and `make`'s function does the work.
   */
  fast?: (b: Builder, ...params: Node[]) => Node | undefined;
}
