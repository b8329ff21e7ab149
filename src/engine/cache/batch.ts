/** A compiled module of the engine's with its bytes: the unit in which translations are kept and freed. */
import { pagesOf } from '../block-map.ts';
import type { MachineCode } from '../engine.ts';

type Bytes = Uint8Array | undefined;

export class Batch {
  readonly #bytes: Bytes | (() => Bytes);
  #module: WebAssembly.Module | undefined;
  #stored: { code: () => Bytes; machine: MachineCode } | undefined;

  /** `bytes`: the module as encoded, which V8 does not give back, or who has them; `module`: the same compiled, if it is already. */
  constructor(bytes: Bytes | (() => Bytes), module?: WebAssembly.Module) {
    this.#bytes = bytes;
    this.#module = module;
  }

  /** What V8 made of it in an earlier process, if that is there: to be used in place of compiling. */
  restore(machine: MachineCode, code: () => Bytes): void {
    this.#stored = { code, machine };
  }

  /** The compiled module; undefined: it comes from a store that no longer has it. */
  get module(): WebAssembly.Module | undefined {
    if (!this.#module) {
      const { bytes } = this;
      if (!bytes?.length) return undefined;
      const code = this.#stored?.code();
      if (code?.length) this.#module = this.#stored!.machine.load(code, bytes);
      this.#module ??= new WebAssembly.Module(bytes as never);
    }
    return this.#module;
  }

  get bytes(): Bytes {
    return typeof this.#bytes === 'function' ? this.#bytes() : this.#bytes;
  }

  /** Machine code to keep: V8's of now if some of it is optimised, else what was there before. */
  code(machine: MachineCode, optimised: boolean): Bytes {
    return optimised && this.#module ? machine.save(this.#module) : this.#stored?.code();
  }
}

/** Numbers of the pages that ranges of guest code touch. */
export function pagesUnder(sources: readonly { start: number; bytes: Uint8Array }[]): number[] {
  return [...new Set(sources.flatMap(({ start, bytes }) => pagesOf(start, start + bytes.length)))];
}
