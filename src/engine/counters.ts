/** What --stats asks of running code: counters as mutable globals of generated modules, one for each site, and events by guest PC. Made only when asked for: without them the code holds nothing of it. */
import type { ModuleBuilder } from './wasm/encoder.ts';

/**
 * interpreted: instructions of the interpreter; block: its runs of blocks; region: regions entered by the dispatch loop through the jump cache.
 * In regions: direct: calls to a known target; indirect-call: calls through the jump cache; return: returns to the
 * expected place; return-miss: returns elsewhere, which a nested dispatch loop follows; inline-cache: indirect jumps to a target inside the region;
 * leave: ways out to a PC outside; passed: those that its region was entered by at once; restart: ways out to the interpreter; stop: ways out for the process side; flags: flags of a kind only known at run time.
 */
export type SiteKind =
  | 'interpreted'
  | 'block'
  | 'region'
  | 'direct'
  | 'indirect-call'
  | 'return'
  | 'return-miss'
  | 'inline-cache'
  | 'leave'
  | 'passed'
  | 'restart'
  | 'stop'
  | 'flags';

interface Site {
  readonly kind: SiteKind;
  /** Where; for a way out where to. 0 where there is no single place. */
  readonly pc: number;
}

/** The counters of one module while it is built. */
export class SiteList {
  readonly #module: ModuleBuilder;
  readonly #index = new Map<string, number>();
  readonly sites: Site[] = [];

  constructor(module: ModuleBuilder) {
    this.#module = module;
  }

  /** Index of the global that counts this. */
  global(kind: SiteKind, pc = 0): number {
    const key = `${kind} ${pc}`;
    let index = this.#index.get(key);
    if (index === undefined) {
      index = this.#module.counter();
      this.#index.set(key, index);
      this.sites.push({ kind, pc });
    }
    return index;
  }
}

/** All counters of an engine. */
export class Counters {
  readonly #sites = new WeakMap<WebAssembly.Module, readonly Site[]>();
  readonly #live: { sites: readonly Site[]; globals: WebAssembly.Global[] }[] = [];
  /** Exits and events by what they were and the guest PC. */
  readonly events = new Map<string, Map<number, number>>();

  declare(module: WebAssembly.Module, list: SiteList): void {
    this.#sites.set(module, list.sites);
  }

  /** An instance of a module begins to count. */
  adopt(module: WebAssembly.Module, instance: WebAssembly.Instance): void {
    const sites = this.#sites.get(module);
    if (!sites || sites.length === 0) return;
    const globals = sites.map((_, i) => instance.exports[`count${i}`] as WebAssembly.Global);
    this.#live.push({ sites, globals });
  }

  note(what: string, pc: number): void {
    let places = this.events.get(what);
    if (!places) {
      places = new Map();
      this.events.set(what, places);
    }
    places.set(pc, (places.get(pc) ?? 0) + 1);
  }

  /** Sums by kind and, within it, by place. */
  read(): Map<SiteKind, Map<number, number>> {
    const sums = new Map<SiteKind, Map<number, number>>();
    for (const { sites, globals } of this.#live) {
      sites.forEach(({ kind, pc }, i) => {
        const count = Number(globals[i].value);
        if (count === 0) return;
        const places = sums.get(kind) ?? new Map<number, number>();
        sums.set(kind, places);
        places.set(pc, (places.get(pc) ?? 0) + count);
      });
    }
    return sums;
  }
}
