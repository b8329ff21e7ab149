/** The engine of one VM: compiled modules, handlers, thresholds and the decision which tier runs. */
import type { Isa } from '../isa/isa.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { WasmCodeSpace } from './code-space.ts';
import type { CodeSpace, Cpu, Engine, EngineMode, EngineStats } from './engine.ts';
import { HandlerSet } from './interpreter/handler-set.ts';
import { runtimeModule } from './runtime-module.ts';
import { TableSpace } from './table-space.ts';

export type CpuFactory = (space: AddressSpace, state: number, flags: never) => Cpu;

export interface EngineOptions {
  mode: EngineMode;
  isa: Isa;
  createCpu: CpuFactory;
  /** A block is hot after this many runs (a power of two). */
  threshold?: number;
}

export class TranslatingEngine implements Engine {
  readonly mode: EngineMode;
  readonly isa: Isa;
  readonly createCpu: CpuFactory;
  readonly runtime: WebAssembly.Module;
  readonly table = new TableSpace();
  readonly handlers: HandlerSet;
  readonly hotMask: number;
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
    this.runtime = new WebAssembly.Module(runtimeModule(options.isa));
    this.handlers = new HandlerSet(options.isa, this.table);
    this.hotMask = options.mode === 'interpreter' ? -1 : (options.threshold ?? 64) - 1;
  }

  attach(space: AddressSpace): CodeSpace {
    return new WasmCodeSpace(this, space);
  }

  /** The dispatch loop found nothing for this PC. */
  miss(code: WasmCodeSpace, pc: number): void {
    code.blocks.find(pc);
    this.stats.interpretedBlocks++;
  }

  /** A block has run often. */
  hot(_code: WasmCodeSpace, _pc: number): void {}

  unknownInstruction(bytes: string, _pc: number): void {
    this.stats.unknown.set(bytes, (this.stats.unknown.get(bytes) ?? 0) + 1);
  }
  flushed(_code: WasmCodeSpace): void {}
  released(_code: WasmCodeSpace): void {}
}
