/** The engine of one VM: compiled modules, handlers, thresholds and the decision which tier runs. */
import type { Isa } from '../isa/isa.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { WasmCodeSpace } from './code-space.ts';
import type { CodeSpace, Cpu, Engine, EngineMode, EngineStats } from './engine.ts';
import { HandlerSet } from './interpreter/handler-set.ts';
import { Linkage } from './linkage.ts';
import type { Prebuilt } from './prebuilt.ts';
import { runtimeModule } from './runtime-module.ts';
import { TableSpace } from './table-space.ts';
import { type CompiledRegion, translateBatch } from './translator/translator.ts';

/** Runs after which a block is hot: translating costs about as much as interpreting an instruction two thousand times (10 µs against 6 ns). */
const THRESHOLD = 2048;

/** Regions of at most this many instructions are worth repeating inside others that lead to them (inner loops). */
const SMALL_REGION = 48;

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
}

export class TranslatingEngine implements Engine {
  readonly mode: EngineMode;
  readonly isa: Isa;
  readonly createCpu: CpuFactory;
  readonly runtime: WebAssembly.Module;
  readonly table = new TableSpace();
  readonly handlers: HandlerSet;
  readonly hotMask: number;
  /** Every region compiled so far, by entry. */
  readonly #regions = new Map<number, CompiledRegion[]>();
  readonly #linkages = new WeakMap<WebAssembly.Memory, Linkage>();
  readonly #batchSize: number;
  readonly #threshold: number;
  readonly stats: EngineStats = {
    instructions: 0,
    interpretedBlocks: 0,
    translatedRegions: 0,
    translatedInstructions: 0,
    translationMs: 0,
    exits: {},
    unknown: new Map(),
  };

  constructor(options: EngineOptions) {
    this.mode = options.mode;
    this.isa = options.isa;
    this.createCpu = options.createCpu;
    this.runtime = new WebAssembly.Module((options.prebuilt?.runtime ?? runtimeModule(options.isa)) as never);
    this.handlers = new HandlerSet(options.isa, this.table, options.prebuilt);
    this.#threshold = options.threshold ?? THRESHOLD;
    this.#batchSize = options.batchSize ?? 8;
    this.hotMask = options.mode === 'interpreter' ? -1 : this.#threshold - 1;
  }

  /** Instances over this memory: those of the process that had it before, or new ones. */
  linkageOf(memory: WebAssembly.Memory): Linkage {
    let linkage = this.#linkages.get(memory);
    if (!linkage) {
      linkage = new Linkage(this.isa, this.runtime, memory);
      this.#linkages.set(memory, linkage);
    }
    return linkage;
  }

  attach(space: AddressSpace): CodeSpace {
    return new WasmCodeSpace(this, space);
  }

  /** The dispatch loop found nothing for this PC. */
  miss(code: WasmCodeSpace, pc: number): void {
    if (this.mode !== 'interpreter' && !code.blocks.translation(pc)) {
      const known = this.#cached(code, pc);
      if (known) this.#install(code, known);
      else if (this.mode === 'translator') this.#translate(code, [pc], () => true);
    }
    code.blocks.find(pc);
    this.stats.interpretedBlocks++;
  }

  /** A block has run often: queue it, and translate the queue when it is long or its head is urgent. */
  hot(code: WasmCodeSpace, pc: number): void {
    const again = code.queue.has(pc);
    code.queue.add(pc);
    if (!again && code.queue.size < this.#batchSize) return;
    const entries = [...code.queue].filter((p) => !code.blocks.translation(p));
    code.queue.clear();
    this.#translate(code, entries, (p) => this.#worthFollowing(code, p));
  }

  #translate(code: WasmCodeSpace, entries: readonly number[], follow: (pc: number) => boolean): void {
    const start = performance.now();
    const regions = translateBatch(this.isa, this.table, entries, code.source, follow);
    for (const r of regions) {
      const list = this.#regions.get(r.pc) ?? [];
      list.push(r);
      this.#regions.set(r.pc, list);
      this.#install(code, r);
      this.stats.translatedRegions++;
      this.stats.translatedInstructions += r.instructions;
    }
    this.stats.translationMs += performance.now() - start;
  }

  /** Include a block that has run, unless it begins a sizeable region of its own: python3's start translates a third as much this way. */
  #worthFollowing(code: WasmCodeSpace, pc: number): boolean {
    if (code.blocks.count(pc) <= this.#threshold >> 5) return false;
    const own = code.blocks.translation(pc);
    return own === undefined || own.instructions <= SMALL_REGION;
  }

  #install(code: WasmCodeSpace, region: CompiledRegion): void {
    code.use(region.module, this.table.size);
    code.blocks.install(region);
  }

  /** A region of another address space (a fork, an earlier run of the program) made from the same bytes at the same place. */
  #cached(code: WasmCodeSpace, pc: number): CompiledRegion | undefined {
    return this.#regions
      .get(pc)
      ?.find((r) => r.sources.every((s) => equal(code.source.fetch(s.start, s.bytes.length), s.bytes)));
  }

  unknownInstruction(bytes: string, _pc: number): void {
    this.stats.unknown.set(bytes, (this.stats.unknown.get(bytes) ?? 0) + 1);
  }
  flushed(_code: WasmCodeSpace): void {}
  released(_code: WasmCodeSpace): void {}
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}
