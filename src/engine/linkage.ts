/** The engine's modules instantiated over one wasm memory: function table, imports, exports. Outlives an address space, because memories are used again and instantiating is what costs most in a new process. */
import type { Isa } from '../isa/isa.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import type { Counters } from './counters.ts';
import type { HandlerSet } from './interpreter/handler-set.ts';

// biome-ignore lint/suspicious/noExplicitAny: helpers take and give whatever their row says
type Callable = (...args: any[]) => any;

export type SlowAccess = 'read' | 'probe' | 'write';

/** Who answers what the code asks for: the code space that uses the memory at present. */
export interface LinkageOwner {
  readonly space: AddressSpace;
  slow(state: number, low: number, high: number, bytes: number, what: SlowAccess): number;
  event(state: number, what: number): number;
}

export class Linkage {
  /** What modules may import, by name: the functions below, helpers, and the runtime's exports. */
  readonly imports: Record<string, WebAssembly.ImportValue>;
  readonly #handlers = new WebAssembly.Table({ element: 'anyfunc', initial: 1 });
  readonly #regions = new WebAssembly.Table({ element: 'anyfunc', initial: 1 });
  readonly #isa: Isa;
  readonly #helpers: Record<string, Callable> = {};
  #owner!: LinkageOwner;
  /** How many of the handler modules are instantiated here. */
  #handlerModules = 0;
  readonly #used = new Set<WebAssembly.Module>();
  #generation = 0;

  readonly #counters: Counters | undefined;

  constructor(isa: Isa, runtime: WebAssembly.Module, memory: WebAssembly.Memory, counters?: Counters) {
    this.#counters = counters;
    this.#isa = isa;
    type A = [state: number, low: number, high: number, bytes: number];
    const imports: Record<string, WebAssembly.ImportValue> = {
      memory,
      handlers: this.#handlers,
      regions: this.#regions,
      slowRead: (...[state, low, high, bytes]: A) => this.#owner.slow(state, low, high, bytes, 'read'),
      slowProbe: (...[state, low, high, bytes]: A) => this.#owner.slow(state, low, high, bytes, 'probe'),
      slowWrite: (...[state, low, high, bytes]: A) => this.#owner.slow(state, low, high, bytes, 'write'),
      event: (state: number, what: number) => this.#owner.event(state, what),
    };
    for (const [name, helper] of Object.entries(isa.helpers)) {
      imports[name] = forward(this.#helpers, name, helper.params.length + 1);
    }
    const instance = new WebAssembly.Instance(runtime, { e: imports });
    counters?.adopt(runtime, instance);
    this.imports = { ...imports, ...instance.exports };
  }

  /** From now on everything is asked of this owner. */
  adopt(owner: LinkageOwner): void {
    this.#owner = owner;
    for (const [name, helper] of Object.entries(this.#isa.helpers)) {
      this.#helpers[name] = helper.make(owner.space) as Callable;
    }
  }

  /** Make all handlers made so far callable here. */
  useHandlers({ batches, tableSize }: HandlerSet): void {
    grow(this.#handlers, tableSize);
    while (this.#handlerModules < batches.length) this.#instantiate(batches[this.#handlerModules++].module!);
  }

  /** Functions made callable here, by their number in a table. */
  region(index: number): unknown {
    return index < this.#regions.length ? this.#regions.get(index) : null;
  }
  handler(index: number): unknown {
    return index < this.#handlers.length ? this.#handlers.get(index) : null;
  }

  /** Make a module's functions callable here. `generation`: the code cache's. */
  use(module: WebAssembly.Module, tableSize: number, generation: number): void {
    if (generation !== this.#generation) {
      // The regions of before are dropped: let their instances go.
      for (let i = 0; i < this.#regions.length; i++) this.#regions.set(i, null);
      this.#used.clear();
      this.#generation = generation;
    }
    if (this.#used.has(module)) return;
    this.#used.add(module);
    grow(this.#regions, tableSize);
    this.#instantiate(module);
  }

  /** A module's element segments fill the table. */
  #instantiate(module: WebAssembly.Module): void {
    const instance = new WebAssembly.Instance(module, { e: this.imports });
    this.#counters?.adopt(module, instance);
  }
}

/** Ahead of need, because growing copies what every instance keeps. */
function grow(table: WebAssembly.Table, size: number): void {
  if (table.length < size) table.grow(Math.ceil(size * 1.25) + 16 - table.length);
}

/** A function of fixed arity that calls whatever stands under `name` then: the helper bound to the present owner. */
function forward(to: Record<string, Callable>, name: string, arity: number): Callable {
  switch (arity) {
    case 1:
      return (a) => to[name](a);
    case 2:
      return (a, b) => to[name](a, b);
    case 3:
      return (a, b, c) => to[name](a, b, c);
    case 4:
      return (a, b, c, d) => to[name](a, b, c, d);
    case 5:
      return (a, b, c, d, e) => to[name](a, b, c, d, e);
    case 6:
      return (a, b, c, d, e, f) => to[name](a, b, c, d, e, f);
    default:
      return (...args) => to[name](...args);
  }
}
