/** The engine of one VM: compiled modules, handlers, thresholds and the decision which tier runs. */

import { milliseconds } from '../base/clock.ts';
import type { Without } from '../base/optimisations.ts';
import type { Isa } from '../isa/isa.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { PAGE_SIZE } from '../memory/runtime-area.ts';
import { Batch } from './cache/batch.ts';
import { CodeCache } from './cache/code-cache.ts';
import { KeptBlocks } from './cache/kept-blocks.ts';
import { readBlocks, readTranslations, writeTranslations } from './cache/stored.ts';
import { WasmCodeSpace } from './code-space.ts';
import { Counters } from './counters.ts';
import type { CodeSpace, Cpu, Engine, EngineMode, EngineStats, TranslationStore } from './engine.ts';
import { EXIT_CALL, EXIT_NAMES } from './exits.ts';
import { HandlerSet } from './interpreter/handler-set.ts';
import { Linkage } from './linkage.ts';
import type { Prebuilt } from './prebuilt.ts';
import { countingRuntimeModule, runtimeModule } from './runtime-module.ts';
import { TableSpace } from './table-space.ts';
import type { RegionLimits } from './translator/region.ts';
import { type CompiledRegion, DEFAULT_LIMITS, LARGE_LIMITS, translateBatch } from './translator/translator.ts';

/** Runs after which a block is hot: an instruction costs about 80 µs of processor time to translate, V8's optimising compiler included, and 5 ns to interpret. Against 2,048: python3 -c pass 3.4 s -> 1.8 s of user time, gcc of a small file 6.4 s -> 4.9 s, long runs the same. */
const THRESHOLD = 16384;

/** Regions of at most this many instructions are worth repeating inside others that lead to them (inner loops). */
const SMALL_REGION = 48;

/** Entries of a region other than by calls, up to 15 ns each, after which it is made again with whatever is hot behind it. */
const GROWTH = 2 ** 21;

/** The same for an interpreter's, whose handlers then stay in one region: lua's matrix product 5.2 -> 2.8 times native. Where others take as little, sqlite3's short benchmark takes 8.2 s instead of 7.2, where they take twice as much 6.5, but kernel libc 2.4 s instead of 2.1. */
const INTERPRETER_GROWTH = 2 ** 20;

/** Where stored regions have come to such numbers, most of those below are gone: better start anew than have every instance carry the table. */
const MOST_NUMBERS = 2 ** 14;

/** A run of fewer guest instructions leaves V8 no time to optimise what is worth storing: to ask it about every function takes 8 ms of busybox true. */
const BRIEF = 5_000_000;

export type CpuFactory = (space: AddressSpace, state: number, flags: never) => Cpu;

export interface EngineOptions {
  mode: EngineMode;
  isa: Isa;
  createCpu: CpuFactory;
  /** A block is hot after this many runs (a power of two). */
  threshold?: number;
  /** Hot blocks that make a batch; one that comes twice is translated at once. */
  batchSize?: number;
  prebuilt?: Prebuilt | undefined;
  /** Optimisations to leave out. */
  without?: Without | undefined;
  /** Guest instructions in compiled regions before they are all dropped. */
  cacheCapacity?: number;
  /** Regions access memory outside the window themselves from the start. */
  reachesFar?: boolean;
  /** Count dispatches and ways out in generated code: it then runs a little slower. */
  count?: boolean | undefined;
}

export class TranslatingEngine implements Engine {
  readonly mode: EngineMode;
  readonly isa: Isa;
  readonly createCpu: CpuFactory;
  readonly runtime: Batch;
  /** Numbers of regions. */
  readonly regions = new TableSpace();
  readonly handlers: HandlerSet;
  readonly hotMask: number;
  readonly cache: CodeCache;
  /** What is decoded in one address space serves all. */
  readonly kept = new KeptBlocks();
  /** Regions keep what they leave out by default (exception flags): some program has asked. */
  keeps = false;
  /** Whether regions access memory outside the window themselves from the start. */
  readonly reachesFar: boolean;
  /** Under --stats. */
  readonly counters: Counters | undefined;
  readonly #linkages = new WeakMap<WebAssembly.Memory, Linkage>();
  /** The same, as far as they are still there. */
  readonly #known: WeakRef<Linkage>[] = [];
  readonly #batchSize: number;
  readonly #threshold: number;
  readonly #without: Without;
  #store: TranslationStore | undefined;
  /** Functions with optimised machine code in it. */
  #stored = 0;
  /** How often each exit was taken, by code. */
  readonly #exits = new Float64Array(EXIT_NAMES.length);
  readonly #stats: EngineStats = {
    instructions: 0,
    decodedBlocks: 0,
    copiedBlocks: 0,
    translatedRegions: 0,
    translatedInstructions: 0,
    restoredRegions: 0,
    checksMade: 0,
    checksRemoved: 0,
    flagsMade: 0,
    translationMs: 0,
    compileMs: 0,
    cache: { regions: 0, instructions: 0, bytes: 0, emptied: 0 },
    exits: {},
    counters: undefined,
    unknown: new Map(),
  };

  constructor(options: EngineOptions) {
    this.mode = options.mode;
    this.#without = options.without ?? new Set();
    this.isa = this.#without.has('helpers') ? plain(options.isa) : options.isa;
    this.createCpu = options.createCpu;
    this.reachesFar = options.reachesFar ?? false;
    if (options.count) {
      this.counters = new Counters();
      const { bytes, sites } = countingRuntimeModule(this.isa);
      this.runtime = new Batch(bytes);
      this.counters.declare(this.runtime.module!, sites);
    } else {
      const made = this.isa === options.isa ? options.prebuilt?.runtime : undefined;
      this.runtime = new Batch(made ?? runtimeModule(this.isa));
    }
    this.handlers = new HandlerSet(options.isa, options.prebuilt);
    this.#threshold = options.threshold ?? THRESHOLD;
    this.#batchSize = options.batchSize ?? 8;
    this.cache = new CodeCache(options.cacheCapacity);
    this.hotMask = options.mode === 'interpreter' ? -1 : this.#threshold - 1;
  }

  get stats(): EngineStats {
    this.#stats.cache = this.cache.size;
    this.#stats.counters = this.counters;
    this.#stats.exits = {};
    for (const [code, count] of this.#exits.entries()) if (count > 0) this.#stats.exits[EXIT_NAMES[code]] = count;
    return this.#stats;
  }

  /** Count an exit that the process side sees; calls were events before. */
  noteExit(code: number, cpu: Cpu, executed: number): void {
    this.#stats.instructions += executed;
    if (code !== EXIT_CALL) this.noteEvent(code, cpu);
  }

  /** Count an event of the dispatch loop. */
  noteEvent(code: number, cpu: Cpu): void {
    this.#exits[code]++;
    this.counters?.note(EXIT_NAMES[code], cpu.pc);
  }

  /** Instances over this memory: those of the process that had it before, or new ones. */
  linkageOf(memory: WebAssembly.Memory): Linkage {
    let linkage = this.#linkages.get(memory);
    if (!linkage) {
      linkage = new Linkage(this.isa, this.runtime.module!, memory, this.counters);
      this.#linkages.set(memory, linkage);
      this.#known.push(new WeakRef(linkage));
    }
    return linkage;
  }

  attach(space: AddressSpace): CodeSpace {
    return new WasmCodeSpace(this, space);
  }

  /** Only regions as they are made by default go to a store. */
  remember(store: TranslationStore): void {
    if (this.mode !== 'auto' || this.counters || this.keeps || this.#without.size > 0) return;
    this.#store = store;
    const blocks = readBlocks(store);
    if (blocks) this.kept.restore(blocks);
    const earlier = readTranslations(store, this.#own);
    if (!earlier || earlier.next > MOST_NUMBERS) return;
    this.#stored = earlier.optimised;
    this.regions.reserve(earlier.next);
    this.cache.restore(earlier.regions);
  }
  keep(): void {
    if (!this.#store || this.keeps) return;
    const news = this.cache.worthStoring || this.kept.worthStoring;
    if (!news && this.#stats.instructions < BRIEF) return;
    const regions = this.cache.storable;
    const [runtime, handlers] = this.#own;
    const names = WebAssembly.Module.exports(runtime.module!).map(({ name }) => name);
    const fast = this.#optimised([
      ...regions.map(({ batch, index }) => [batch, (linkage: Linkage) => linkage.region(index)] as const),
      ...names.map((name) => [runtime, ({ imports }: Linkage) => imports[name]] as const),
    ]);
    let optimised = 0;
    for (const count of fast.values()) optimised += count;
    // A few more are not worth the writing.
    const enough = this.#stored === 0 ? 0 : this.#stored * 1.1 + 4;
    if (!news && optimised <= enough) return;
    const numbers = Array.from({ length: this.handlers.prebuiltSize }, (_, i) => i);
    const called = this.#optimised(numbers.map((i) => [handlers, (linkage: Linkage) => linkage.handler(i)]));
    const isOptimised = (batch: Batch) => fast.has(batch) || called.has(batch);
    const found = { next: this.regions.size, optimised, regions };
    writeTranslations(this.#store, this.#own, found, () => this.kept.storable(this.handlers.prebuiltSize), isOptimised);
  }
  get keepsBytes(): boolean {
    return this.#store !== undefined;
  }

  /** Modules that are the same for every program. */
  get #own(): Batch[] {
    return [this.runtime, this.handlers.batches[0]];
  }

  /** How many of these functions of modules V8 has optimised, for modules that have some. */
  #optimised(functions: readonly (readonly [Batch, (linkage: Linkage) => unknown])[]): Map<Batch, number> {
    const machine = this.#store?.machineCode;
    const counts = new Map<Batch, number>();
    if (!machine) return counts;
    const linkages = this.#known.flatMap((one) => one.deref() ?? []);
    const found = new Map<Batch, unknown[]>();
    for (const [batch, functionIn] of functions) {
      const one = linkages.map(functionIn).find((f) => typeof f === 'function');
      if (!one) continue;
      const some = found.get(batch);
      if (some) some.push(one);
      else found.set(batch, [one]);
    }
    for (const [batch, some] of found) {
      const count = machine.optimised(some);
      if (count > 0) counts.set(batch, count);
    }
    return counts;
  }

  /** The dispatch loop found nothing for this PC. */
  miss(code: WasmCodeSpace, pc: number): void {
    if (this.mode !== 'interpreter' && !code.blocks.translation(pc)) {
      const known = this.cache.find(pc, code.source);
      // One made for pages that do not change without notice does not notice.
      if (
        known?.batch.module &&
        !known.pages.some((page) => code.blocks.isOpen(page * PAGE_SIZE, page * PAGE_SIZE + 1))
      ) {
        this.#install(code, known, [pc]);
        if (this.cache.use(known)) this.#stats.restoredRegions++;
      } else if (this.mode === 'translator') this.#translate(code, [pc], () => true);
    }
    const { decoded, copied } = code.blocks;
    code.blocks.find(pc);
    this.#stats.decodedBlocks += code.blocks.decoded - decoded;
    this.#stats.copiedBlocks += code.blocks.copied - copied;
  }

  /** PCs in a page for which `miss` has more to do than to find the block; undefined: for all. */
  asked(page: number): readonly number[] | undefined {
    return this.mode === 'translator' ? undefined : this.cache.entriesIn(page);
  }

  /** From now on regions keep what they leave out by default; those made before are dropped. */
  keepAll(): void {
    if (this.keeps) return;
    this.keeps = true;
    this.cache.empty();
    this.regions.drop();
  }

  /** From now on a program has regions that look for memory outside the window, and no others, which leave in front of it. */
  reachFar(code: WasmCodeSpace): void {
    if (code.source.reachesFar || this.#without.has('far')) return;
    code.source.reachesFar = true;
    code.dropTranslations();
  }

  /** A block has run often: queue it, and translate the queue when it is long or its head is urgent. A region entered very often grows. */
  hot(code: WasmCodeSpace, pc: number): void {
    const own = code.blocks.translation(pc);
    if (own) {
      const growth = own.entries.length > 1 ? INTERPRETER_GROWTH : GROWTH;
      if (!own.large && !this.#without.has('growth') && code.blocks.count(pc) >= growth)
        this.#translate(code, [pc], (p) => this.#hasRun(code, p), LARGE_LIMITS);
      return;
    }
    const again = code.queue.has(pc);
    code.queue.add(pc);
    if (!again && code.queue.size < this.#batchSize) return;
    const entries = [...code.queue].filter((p) => !code.blocks.translation(p));
    code.queue.clear();
    this.#translate(code, entries, (p) => this.#worthFollowing(code, p));
  }

  #translate(
    code: WasmCodeSpace,
    entries: readonly number[],
    follow: (pc: number) => boolean,
    limits: RegionLimits = DEFAULT_LIMITS,
  ): void {
    const start = milliseconds();
    const before = this.#stats.compileMs;
    if (this.cache.makeRoom()) this.regions.drop();
    const isa = this.keeps
      ? { ...this.isa, regionBuilder: (o: object) => this.isa.regionBuilder({ ...o, keep: true }) }
      : this.isa;
    const regions = translateBatch(isa, this.regions, entries, code.source, follow, this, limits, this.#without);
    for (const r of regions) {
      this.cache.add(r);
      // Its own entry; the others unless something as large is there.
      const free = r.entries.filter((pc, i) => {
        const there = code.blocks.translation(pc);
        return i === 0 || !there || (r.large && !there.large);
      });
      this.#install(code, r, free);
      for (const pc of r.inside) code.blocks.countAnew(pc);
      this.#stats.translatedRegions++;
      this.#stats.translatedInstructions += r.instructions;
      this.#stats.checksMade += r.checks.made;
      this.#stats.checksRemoved += r.checks.removed;
      this.#stats.flagsMade += r.flags;
    }
    this.#stats.translationMs += milliseconds() - start - (this.#stats.compileMs - before);
  }

  /** V8 took this long over a module. */
  compiled(milliseconds: number): void {
    this.#stats.compileMs += milliseconds;
  }

  /** Has a block run often enough to belong to a region? Where nothing is interpreted, nobody has counted. */
  #hasRun(code: WasmCodeSpace, pc: number): boolean {
    return this.mode === 'translator' || code.blocks.count(pc) > this.#threshold >> 5 || this.cache.hasRun(pc);
  }

  /** Include a block that has run, unless it begins a sizeable region of its own: python3's start translates a third as much this way. */
  #worthFollowing(code: WasmCodeSpace, pc: number): boolean {
    if (!this.#hasRun(code, pc)) return false;
    const own = code.blocks.translation(pc);
    return own === undefined || own.instructions <= SMALL_REGION;
  }

  #install(code: WasmCodeSpace, region: CompiledRegion, entries: readonly number[]): void {
    const start = milliseconds();
    code.use(region.batch.module!, this.regions.size, this.cache.generation);
    this.compiled(milliseconds() - start);
    const { index, pages, instructions, large } = region;
    for (const pc of entries) code.blocks.install({ pc, index, pages, instructions, large, entries: region.entries });
  }

  unknownInstruction(bytes: string, _pc: number): void {
    this.#stats.unknown.set(bytes, (this.#stats.unknown.get(bytes) ?? 0) + 1);
  }
}

/** The ISA with no helper in wasm. */
function plain(isa: Isa): Isa {
  const rows = Object.entries(isa.helpers).map(([name, helper]) => [name, { ...helper, fast: undefined }]);
  return { ...isa, helpers: Object.fromEntries(rows) };
}
