/** The engine's own wasm module: checked access for handlers, bulk moves, the interpreter loop, the dispatch loop, and the ISA's internal functions. Regions and handlers link against its exports. */
import type { Node } from '../ir/builder.ts';
import { Node as IrNode, NO_NODES } from '../ir/builder.ts';
import type { Helper } from '../isa/helper.ts';
import type { InternalFunction, Isa } from '../isa/isa.ts';
import { MEMORY_LIMIT } from '../memory/runtime-area.ts';
import { adoptFunction } from './adopt.ts';
import { SiteList } from './counters.ts';
import { Lowering } from './lowering.ts';
import { PureBuilder, StateBuilder } from './pure-builder.ts';
import { dispatchFunction, interpretFunction, stepFunction } from './runtime-loops.ts';
import { bulkFunction, farFunction, pointerFunction } from './runtime-memory.ts';
import { ADOPT, DISPATCH, ENGINE_FUNCTIONS, HANDLER, REGION, SLOW_FUNCTIONS } from './signatures.ts';
import { Func, ModuleBuilder } from './wasm/encoder.ts';

class PureLowering extends Lowering {
  readonly #index: Map<string, number>;
  constructor(f: Func, index: Map<string, number>) {
    super(f);
    this.#index = index;
  }
  protected functionIndex(name: string): number {
    return this.#index.get(name)!;
  }
  #effect(): never {
    throw new Error('an internal function has no effects');
  }
  protected getRegister(): number {
    return this.#effect();
  }
  protected setRegister(): void {
    this.#effect();
  }
  protected load(): void {
    this.#effect();
  }
  protected store(): void {
    this.#effect();
  }
  protected probe(): void {
    this.#effect();
  }
  protected leave(): void {
    this.#effect();
  }
}

function internalFunction(fn: InternalFunction, index: Map<string, number>): Func {
  const f = new Func(fn.params.length);
  const body = (choice: number) => {
    const params = fn.params.map((type, i): Node => {
      const n = new IrNode('param', type, NO_NODES);
      n.local = i;
      return n;
    });
    const lowering = new PureLowering(f, index);
    lowering.value(use(fn.build(new PureBuilder(), choice, ...params)));
    lowering.releaseTemps();
  };
  if (!fn.switch) {
    body(0);
    return f;
  }
  const labels: number[] = [];
  for (let i = 0; i < fn.switch; i++) labels.unshift(f.block());
  f.get(0);
  f.brTable(labels, labels[0]);
  for (let i = 0; i < fn.switch; i++) {
    f.end();
    body(i);
    f.return();
  }
  f.unreachable();
  return f;
}

class StateLowering extends PureLowering {
  readonly #slow: number;
  constructor(f: Func, index: Map<string, number>, slow: number) {
    super(f, index);
    this.#slow = slow;
  }
  protected override guard(n: Node): void {
    this.value(n.args[0]);
    this.f.brIf(this.#slow);
  }
}

/** A helper's fast form, and where that gives up the helper itself (function index `plain`). */
function fastHelper(helper: Helper, plain: number, index: Map<string, number>): Func {
  const f = new Func(helper.params.length + 1);
  const slow = f.block();
  const b = new StateBuilder();
  const params = helper.params.map((type, i): Node => {
    const n = new IrNode('param', type, NO_NODES);
    n.local = i + 1;
    return n;
  });
  const result = helper.fast!(b, ...params);
  if (result) use(result);
  const lowering = new StateLowering(f, index, slow);
  for (const n of b.body) lowering.statement(n);
  if (result) lowering.value(result);
  lowering.releaseTemps();
  f.return();
  f.end();
  for (let i = 0; i <= helper.params.length; i++) f.get(i);
  f.call(plain);
  return f;
}

/** A root counts as one use of its node. */
function use(n: Node): Node {
  n.uses++;
  return n;
}

/** What was built, by instruction set, of which alone it is made: it takes 100 ms, and a process may make many engines. */
const built = new WeakMap<Isa, Uint8Array>();

/** Build the module. Exports: every internal and engine function, helpers that have a fast form, interpret, step, dispatch. */
export function runtimeModule(isa: Isa): Uint8Array {
  const bytes = built.get(isa) ?? buildRuntime(new ModuleBuilder(), isa, undefined);
  built.set(isa, bytes);
  return bytes;
}

/** The same with counters of what the two loops do. */
export function countingRuntimeModule(isa: Isa): { bytes: Uint8Array; sites: SiteList } {
  const m = new ModuleBuilder();
  const sites = new SiteList(m);
  return { bytes: buildRuntime(m, isa, sites), sites };
}

function buildRuntime(m: ModuleBuilder, isa: Isa, sites: SiteList | undefined): Uint8Array {
  m.importMemory(MEMORY_LIMIT);
  m.importTable('handlers');
  m.importTable('regions');
  const slow = Object.fromEntries(
    Object.entries(SLOW_FUNCTIONS).map(([name, signature]) => [name, m.importFunction(name, signature)]),
  );
  const fast = Object.entries(isa.helpers).filter(([, helper]) => helper.fast);
  const plain = fast.map(([name, { params, result }]) =>
    m.importFunction(name, { params: ['i32', ...params], results: result ? [result] : [] }),
  );
  const index = new Map<string, number>();
  for (const [name, fn] of Object.entries(isa.functions)) {
    index.set(name, m.define({ params: fn.params, results: [fn.result] }, internalFunction(fn, index), name));
  }
  const engine = {
    readPointer: pointerFunction(isa, slow.slowRead, false),
    writePointer: pointerFunction(isa, slow.slowProbe, true),
    farRead: farFunction(false),
    farWrite: farFunction(true),
    bulkMove: bulkFunction(true),
    bulkFill: bulkFunction(false),
  };
  for (const [name, f] of Object.entries(engine)) index.set(name, m.define(ENGINE_FUNCTIONS[name], f, name));
  fast.forEach(([name, helper], i) => {
    const { params, result } = helper;
    m.define(
      { params: ['i32', ...params], results: result ? [result] : [] },
      fastHelper(helper, plain[i], index),
      name,
    );
  });
  const handlerType = m.type(HANDLER);
  const regionType = m.type(REGION);
  const imports = (name: string) => index.get(name) ?? slow[name];
  m.define(ADOPT, adoptFunction(), 'adopt');
  m.define(HANDLER, interpretFunction(isa, handlerType, imports, sites), 'interpret');
  const interpret = m.nextIndex - 1;
  m.define(HANDLER, stepFunction(isa, handlerType), 'step');
  m.define(DISPATCH, dispatchFunction(isa, regionType, interpret, slow.event, sites), 'dispatch');
  return m.encode();
}
