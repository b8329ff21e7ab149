/** The interpreter's handlers of one VM: which shapes exist, at which table index, in which modules. Made on demand, shared by all address spaces. */
import type { Instruction, Isa } from '../../isa/isa.ts';
import { Batch } from '../cache/batch.ts';
import type { Prebuilt } from '../prebuilt.ts';
import { TableSpace } from '../table-space.ts';
import { commonShapes, handlerModule, partsOf, type Shape } from './handlers.ts';

export class HandlerSet {
  readonly #isa: Isa;
  readonly #table = new TableSpace();
  /** Table index of each shape; those made at build time are entered when something is decoded. */
  readonly #index = new Map<string, number>();
  #unread: (() => void) | undefined;
  /** Table index of a pair, by those of its parts. */
  readonly #pairs = new Map<number, number>();
  #prebuiltSize = 1;
  /** In order of making; an address space instantiates them all, in this order. */
  readonly batches: Batch[] = [];

  constructor(isa: Isa, prebuilt: Prebuilt | undefined) {
    this.#isa = isa;
    if (!prebuilt) {
      this.#compile(commonShapes(isa));
      return;
    }
    const first = this.#table.take(prebuilt.count);
    this.#prebuiltSize = this.#table.size;
    this.#unread = () =>
      prebuilt.shapes().forEach((keys, i) => {
        for (const key of keys.split(' ')) this.#add(key, first + i);
      });
    this.batches.push(new Batch(prebuilt.handlers));
  }

  #add(key: string, index: number): void {
    const parts = partsOf(key);
    if (!parts) this.#index.set(key, index);
    else {
      const [first, second] = parts.map((part) => this.#index.get(part)!);
      this.#pairs.set(pairOf(first, second), index);
    }
  }

  /** Handlers made at build time, by number below this. */
  get prebuiltSize(): number {
    return this.#prebuiltSize;
  }

  get tableSize(): number {
    return this.#table.size;
  }

  /** Table indices of what the records of a run are to begin with: the instruction's handler, or its and the next one's. The last ones first: a jump belongs to what it depends on. */
  indices(run: readonly Instruction[]): readonly number[] {
    this.#unread?.();
    this.#unread = undefined;
    const indices = this.#single(run);
    for (let i = indices.length - 2; i >= 0; i--) {
      const pair = this.#pairs.get(pairOf(indices[i], indices[i + 1]));
      if (pair !== undefined) indices[i--] = pair;
    }
    return indices;
  }

  /** Table indices of the instructions' handlers; compiles those that are missing. */
  #single(run: readonly Instruction[]): number[] {
    const indices: number[] = [];
    for (const { shape } of run) {
      const index = this.#index.get(shape);
      if (index === undefined) {
        const fresh = new Map(run.flatMap((i) => (this.#index.has(i.shape) ? [] : [[i.shape, i]])));
        this.#compile([...fresh].map(([key, instruction]) => ({ key, instruction })));
        return this.#single(run);
      }
      indices.push(index);
    }
    return indices;
  }

  #compile(shapes: readonly Shape[]): void {
    const first = this.#table.take(shapes.length);
    shapes.forEach((s, i) => {
      this.#add(s.key, first + i);
    });
    this.batches.push(new Batch(undefined, new WebAssembly.Module(handlerModule(this.#isa, first, shapes))));
  }
}

const pairOf = (first: number, second: number): number => first * 0x1_0000 + second;
