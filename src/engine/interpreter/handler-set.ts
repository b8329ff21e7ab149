/** The interpreter's handlers of one VM: which shapes exist, at which table index, in which modules. Made on demand, shared by all address spaces. */
import type { Instruction, Isa } from '../../isa/isa.ts';
import type { Prebuilt } from '../prebuilt.ts';
import { TableSpace } from '../table-space.ts';
import { commonShapes, handlerModule, type Shape } from './handlers.ts';

export class HandlerSet {
  readonly #isa: Isa;
  readonly #table = new TableSpace();
  readonly #index = new Map<string, number>();
  /** In order of making; an address space instantiates them all, in this order. */
  readonly modules: WebAssembly.Module[] = [];

  constructor(isa: Isa, prebuilt: Prebuilt | undefined) {
    this.#isa = isa;
    if (!prebuilt) {
      this.#compile(commonShapes(isa));
      return;
    }
    const first = this.#table.take(prebuilt.shapes.length);
    prebuilt.shapes.forEach((keys, i) => {
      for (const key of keys.split(' ')) this.#index.set(key, first + i);
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
        const fresh = new Map(run.flatMap((i) => (this.#index.has(i.shape) ? [] : [[i.shape, i]])));
        this.#compile([...fresh].map(([key, instruction]) => ({ key, instruction })));
        return this.indices(run);
      }
      indices.push(index);
    }
    return indices;
  }

  #compile(shapes: readonly Shape[]): void {
    const first = this.#table.take(shapes.length);
    shapes.forEach((s, i) => {
      this.#index.set(s.key, first + i);
    });
    this.modules.push(new WebAssembly.Module(handlerModule(this.#isa, first, shapes)));
  }
}
