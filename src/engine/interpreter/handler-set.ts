/** The interpreter's handlers of one VM: which shapes exist, at which table index, in which modules. Made on demand, shared by all address spaces. */
import type { Instruction, Isa } from '../../isa/isa.ts';
import type { Prebuilt } from '../prebuilt.ts';
import { TableSpace } from '../table-space.ts';
import { GOTO_SHAPE, handlerModule } from './handlers.ts';

export class HandlerSet {
  readonly #isa: Isa;
  readonly #table = new TableSpace();
  readonly #index = new Map<string, number>();
  /** In order of making; an address space instantiates them all, in this order. */
  readonly modules: WebAssembly.Module[] = [];

  constructor(isa: Isa, prebuilt: Prebuilt | undefined) {
    this.#isa = isa;
    if (!prebuilt) return;
    const first = this.#table.take(prebuilt.shapes.length);
    prebuilt.shapes.forEach((key, i) => {
      this.#index.set(key, first + i);
    });
    this.modules.push(new WebAssembly.Module(prebuilt.handlers as never));
  }

  get tableSize(): number {
    return this.#table.size;
  }

  /** Table indices of the instructions' handlers; compiles those that are missing. */
  indices(run: readonly Instruction[]): readonly number[] {
    const indices: number[] = [];
    for (const { shape } of run) {
      const index = this.#index.get(shape);
      if (index === undefined) {
        this.#compile(new Map(run.flatMap((i) => (this.#index.has(i.shape) ? [] : [[i.shape, i]]))));
        return this.indices(run);
      }
      indices.push(index);
    }
    return indices;
  }

  #compile(fresh: Map<string, Instruction>): void {
    const first = this.#table.take(fresh.size);
    const shapes = [...fresh].map(([key, instruction]) => ({
      key,
      instruction: key === GOTO_SHAPE ? undefined : instruction,
    }));
    shapes.forEach((s, i) => {
      this.#index.set(s.key, first + i);
    });
    this.modules.push(new WebAssembly.Module(handlerModule(this.#isa, first, shapes)));
  }
}
