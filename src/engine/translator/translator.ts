/** Batches of regions: from hot PCs to one compiled module with its table entries, and what must hold for it to be used again elsewhere. */
import { milliseconds } from '../../base/clock.ts';
import { MemoryFault } from '../../base/failures.ts';
import type { Without } from '../../base/optimisations.ts';
import type { Instruction, Isa } from '../../isa/isa.ts';
import { MEMORY_LIMIT } from '../../memory/runtime-area.ts';
import type { BlockMap } from '../block-map.ts';
import { Batch, pagesUnder } from '../cache/batch.ts';
import { type Counters, SiteList } from '../counters.ts';
import { callable } from '../interpreter/handlers.ts';
import { REGION } from '../signatures.ts';
import type { TableSpace } from '../table-space.ts';
import { ModuleBuilder } from '../wasm/encoder.ts';
import { formRegion, type Region, type RegionLimits } from './region.ts';
import { RegionLowering } from './region-lowering.ts';

/** A region as compiled: valid wherever these bytes stand at these addresses. */
export interface CompiledRegion {
  /** Where it may be entered. */
  readonly entries: readonly number[];
  readonly index: number;
  readonly batch: Batch;
  readonly sources: readonly { start: number; bytes: Uint8Array }[];
  readonly pages: readonly number[];
  /** Where its blocks begin. */
  readonly inside: readonly number[];
  readonly instructions: number;
  /** Made with more than the usual limits. */
  readonly large: boolean;
  /** Its accesses look for memory outside the window before they leave. */
  readonly reachesFar: boolean;
  /** It has code of open pages, which it reads where only such pages are. */
  readonly open: boolean;
  /** Size of the module's bytes that fall to this region. */
  readonly bytes: number;
  readonly checks: { made: number; removed: number };
  /** Places that ask for flags of a kind only known at run time. */
  readonly flags: number;
  /** Where its indirect jumps and calls were seen to go, by their PCs. */
  readonly targets: readonly (readonly [pc: number, targets: readonly number[]])[];
}

/** Who wants to know what translating costs. */
export interface Watcher {
  /** V8 took this long over a module. */
  compiled(milliseconds: number): void;
  /** Regions count what happens in them. */
  readonly counters?: Counters | undefined;
  /** Modules go to a store: their bytes must be kept. */
  readonly keepsBytes: boolean;
}

export const DEFAULT_LIMITS: RegionLimits = { blocks: 64, instructions: 600, inlined: 40, shared: true };
export const LARGE_LIMITS: RegionLimits = { blocks: 800, instructions: 4800, inlined: 40, shared: true };

export interface Source {
  readonly blocks: BlockMap;
  /** Where the indirect jump or call at a PC was seen to go. */
  targets(pc: number): number[];
  /** Bytes as they stand now. */
  fetch(start: number, length: number): Uint8Array;
  /** The program uses memory outside the window much. */
  reachesFar: boolean;
}

/** Translate the regions entered at these PCs into one module. PCs that give nothing are left out. */
export function translateBatch(
  isa: Isa,
  table: TableSpace,
  entries: readonly number[],
  source: Source,
  follow: (pc: number) => boolean,
  watcher: Watcher,
  limits: RegionLimits,
  without: Without,
): CompiledRegion[] {
  const m = new ModuleBuilder();
  const sites = watcher.counters && new SiteList(m);
  m.importMemory(MEMORY_LIMIT);
  m.importTable('regions');
  const imports = (name: string) => m.importFunction(name, callable(isa, name));
  const made: { region: Region; lowering: RegionLowering; targets: Map<number, number[]> }[] = [];
  const runs = new Map<number, readonly Instruction[]>();
  const run = (pc: number) => {
    const known = runs.get(pc) ?? reachable(source, pc);
    runs.set(pc, known);
    return known;
  };
  for (const entry of entries) {
    // It may have become hot with the blocks around it, and be entered no more once those are translated.
    if (made.some(({ region }) => region.blocks.some((b) => b.pc === entry))) continue;
    const targets = new Map<number, number[]>();
    const region = formRegion(
      entry,
      {
        run: (pc) => (pc === entry ? source.blocks.decodeRun(pc) : run(pc)),
        follow,
        targets: (pc) => {
          const seen = targets.get(pc) ?? (without.has('indirect') ? [] : source.targets(pc));
          targets.set(pc, seen);
          return seen;
        },
        open: (start, end) => (source.blocks.isOpen(start, end) ? source.fetch(start, end - start) : undefined),
      },
      {
        ...limits,
        ...(without.has('regions') ? { blocks: 1 } : {}),
        ...(without.has('inlining') ? { inlined: 0 } : {}),
        ...(without.has('tables') ? { shared: false } : {}),
      },
    );
    if (!region) continue;
    const lowering = new RegionLowering(isa, m.type(REGION), imports, without, source.reachesFar, sites);
    lowering.lower(region);
    made.push({ region, lowering, targets });
  }
  if (made.length === 0) return [];
  const first = table.take(made.length);
  m.elements(
    first,
    made.map(({ lowering }) => m.define(REGION, lowering.f)),
  );
  const encoded = m.encode();
  const start = milliseconds();
  const module = new WebAssembly.Module(encoded as never);
  watcher.compiled(milliseconds() - start);
  if (sites) watcher.counters?.declare(module, sites);
  const batch = new Batch(watcher.keepsBytes ? encoded : undefined, module);
  return made.map(({ region, lowering, targets }, i) => {
    const ranges = mergeRanges(region.blocks.map((b) => [b.pc, b.end]));
    const sources = ranges.map(([start, end]) => ({ start, bytes: source.fetch(start, end - start) }));
    return {
      entries: lowering.entries,
      index: first + i,
      batch,
      sources,
      pages: pagesUnder(sources),
      inside: region.blocks.map((b) => b.pc),
      instructions: lowering.instructions,
      large: limits !== DEFAULT_LIMITS,
      reachesFar: source.reachesFar,
      open: region.blocks.some(({ source }) => source !== undefined),
      bytes: Math.round(encoded.length / made.length),
      checks: { made: lowering.checksMade, removed: lowering.checksRemoved },
      flags: lowering.flagsMade,
      targets: [...targets],
    };
  });
}

/** What follows inside a region may never run, and need not even be code: a jump to what cannot be fetched leaves the region. */
function reachable(source: Source, pc: number): readonly Instruction[] {
  try {
    return source.blocks.decodeRun(pc);
  } catch (error) {
    if (error instanceof MemoryFault) return [];
    throw error;
  }
}

function mergeRanges(ranges: [number, number][]): [number, number][] {
  ranges.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [start, end] of ranges) {
    const last = merged[merged.length - 1];
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}
