/** Translations as a store keeps them between processes: an index of regions, the guest bytes they were made from, and a module for each batch. Where the store is, and whether its bytes are whole, is the store's business. */
import type { TranslationStore } from '../engine.ts';
import type { CompiledRegion } from '../translator/translator.ts';
import { Batch, pagesUnder } from './batch.ts';

/** Part 0. */
interface Index {
  /** First number of the table of regions that is free: regions know their own. */
  readonly next: number;
  /** How many functions have optimised machine code here. */
  readonly optimised: number;
  readonly regions: readonly StoredRegion[];
}

type StoredRegion = Omit<CompiledRegion, 'batch' | 'sources' | 'pages'> & {
  readonly batch: number;
  /** Ranges of guest code: start and length in turn. */
  readonly ranges: readonly number[];
};

/** What there is to store. */
export interface Translations {
  readonly next: number;
  readonly optimised: number;
  readonly regions: readonly CompiledRegion[];
}

/** Part 1: the regions' guest bytes; part 2: decoded blocks. Then machine code of the engine's own modules, then bytes and machine code of each batch. */
const INDEX = 0;
const SOURCES = 1;
const BLOCKS = 2;
const CODES = 3;

export function readBlocks(store: TranslationStore): Uint8Array | undefined {
  return store.read(BLOCKS);
}

/** `own`: the engine's modules, whose machine code is put to use as well. */
export function readTranslations(store: TranslationStore, own: readonly Batch[]): Translations | undefined {
  const index = store.read(INDEX);
  const bytes = index && store.read(SOURCES);
  if (!bytes) return undefined;
  const { regions, ...counts }: Index = JSON.parse(new TextDecoder().decode(index));
  const { machineCode } = store;
  const restored = (batch: Batch, part: number) => {
    if (machineCode) batch.restore(machineCode, () => store.read(part));
    return batch;
  };
  for (const [i, batch] of own.entries()) restored(batch, CODES + i);
  const batches = new Map<number, Batch>();
  let at = 0;
  return {
    ...counts,
    regions: regions.map(({ batch: number, ranges, ...rest }) => {
      const part = CODES + own.length + 2 * number;
      const batch = batches.get(number) ?? restored(new Batch(() => store.read(part)), part + 1);
      batches.set(number, batch);
      const sources: { start: number; bytes: Uint8Array }[] = [];
      for (let i = 0; i < ranges.length; i += 2) {
        sources.push({ start: ranges[i], bytes: bytes.subarray(at, at + ranges[i + 1]) });
        at += ranges[i + 1];
      }
      return { ...rest, batch, sources, pages: pagesUnder(sources) };
    }),
  };
}

/** `blocks`: the decoded ones; `isOptimised`: has V8 optimised some of it by now? */
export function writeTranslations(
  store: TranslationStore,
  own: readonly Batch[],
  { regions: all, ...counts }: Translations,
  blocks: () => Uint8Array,
  isOptimised: (batch: Batch) => boolean,
): void {
  const batches = new Set(all.map(({ batch }) => batch));
  const numbers = new Map([...batches].map((batch, i) => [batch, i]));
  const index: Index = {
    ...counts,
    regions: all.map(({ batch, sources, pages: _pages, ...rest }) => ({
      ...rest,
      batch: numbers.get(batch)!,
      ranges: sources.flatMap(({ start, bytes }) => [start, bytes.length]),
    })),
  };
  const { machineCode } = store;
  const codeOf = (batch: Batch) => () =>
    (machineCode && batch.code(machineCode, isOptimised(batch))) ?? new Uint8Array(0);
  store.write([
    () => new TextEncoder().encode(JSON.stringify(index)),
    () => joined(all.flatMap(({ sources }) => sources.map(({ bytes }) => bytes))),
    blocks,
    ...own.map(codeOf),
    ...[...batches].flatMap((batch) => [() => batch.bytes ?? new Uint8Array(0), codeOf(batch)]),
  ]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
