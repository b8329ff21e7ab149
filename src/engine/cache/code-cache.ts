/** The code cache of one VM: every region compiled so far, for all its address spaces; bounded, and emptied as a whole when full. */
import { PAGE_SIZE } from '../../memory/runtime-area.ts';
import type { CompiledRegion, Source } from '../translator/translator.ts';

/** An address space's code, as far as the cache can ask it to let go. */
export interface CacheUser {
  dropTranslations(): void;
}

/**
 * Guest instructions in compiled regions before everything is dropped: at most 450 MB of V8's memory (150 bytes an instruction with its optimised code). With
 * 800,000, gcc's cc1 was translated anew three times: 164 s of user time instead of 108 s (on a busy machine), and 828 MB at the peak
 * instead of 646 MB, since the tables of Node 20 hold on to every instance ever made.
 */
const CAPACITY = 3_000_000;

/** Bytes of code at the same address that tell programs apart. */
const COMPARED = 32;

/** What a region costs apart from its instructions, in instructions: a module of one small region takes V8 about 16 KB. */
const REGION_COST = 100;

/** Bytes of modules that go to a store; beyond it goes only what was used. */
const STORED = 32 * 2 ** 20;

export class CodeCache {
  readonly #regions = new Map<number, CompiledRegion[]>();
  /** Where they may be entered, by page. */
  readonly #entries = new Map<number, number[]>();
  readonly #users = new Set<CacheUser>();
  readonly #capacity: number;
  #instructions = 0;
  #cost = 0;
  #bytes = 0;
  #count = 0;
  /** From a store: these regions, how many instructions they have, those put to use, and what they tell: which blocks have run, where jumps went. */
  readonly #restored = new Set<CompiledRegion>();
  #restoredInstructions = 0;
  readonly #used = new Set<CompiledRegion>();
  #ran: Set<number> | undefined;
  readonly #targets = new Map<number, readonly number[]>();
  /** Goes up whenever the cache was emptied: instances made before hold regions that are no longer there. */
  generation = 0;

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /** For statistics. */
  get size(): { regions: number; instructions: number; bytes: number; emptied: number } {
    return { regions: this.#count, instructions: this.#instructions, bytes: this.#bytes, emptied: this.generation };
  }

  join(user: CacheUser): void {
    this.#users.add(user);
  }
  leave(user: CacheUser): void {
    this.#users.delete(user);
  }

  /** Before more is compiled: empty the cache if it is full. Answers whether it was. */
  makeRoom(): boolean {
    if (this.#cost < this.#capacity) return false;
    this.empty();
    return true;
  }

  empty(): void {
    // Compiled modules are the unit of freeing, and regions jump to each other: dropping them one by one would free nothing.
    this.#regions.clear();
    this.#entries.clear();
    this.#restored.clear();
    this.#used.clear();
    this.#instructions = this.#cost = this.#bytes = this.#count = this.#restoredInstructions = 0;
    this.generation++;
    for (const user of this.#users) user.dropTranslations();
  }

  add(region: CompiledRegion): void {
    for (const pc of region.entries) {
      const list = this.#regions.get(pc);
      if (list) {
        list.push(region);
        continue;
      }
      this.#regions.set(pc, [region]);
      const page = Math.floor(pc / PAGE_SIZE);
      const others = this.#entries.get(page);
      if (others) others.push(pc);
      else this.#entries.set(page, [pc]);
    }
    this.#cost += region.instructions + REGION_COST;
    this.#instructions += region.instructions;
    this.#bytes += region.bytes;
    this.#count++;
  }

  /** Regions of an earlier process. */
  restore(regions: readonly CompiledRegion[]): void {
    for (const region of regions) {
      this.#restored.add(region);
      this.add(region);
      for (const [pc, targets] of region.targets) this.#targets.set(pc, targets);
    }
    this.#restoredInstructions = this.#instructions;
  }

  /** Did an earlier process find this block worth translating? What was inside a region is not counted in this one. */
  hasRun(pc: number): boolean {
    this.#ran ??= new Set([...this.#restored].flatMap(({ inside }) => inside));
    return this.#ran.has(pc);
  }

  /** Where an earlier process saw the indirect jump or call at a PC go. */
  targets(pc: number): readonly number[] {
    return this.#targets.get(pc) ?? [];
  }

  /** A region is put to use; answers whether it comes from an earlier process, the first time. */
  use(region: CompiledRegion): boolean {
    if (!this.#restored.has(region) || this.#used.has(region)) return false;
    this.#used.add(region);
    return true;
  }

  /** Is there so much that came up in this process that storing it pays? */
  get worthStoring(): boolean {
    return this.#instructions - this.#restoredInstructions > this.#restoredInstructions / 16;
  }

  /** What another process may use: not what stands in open pages, nor what another region has taken the place of. */
  get storable(): CompiledRegion[] {
    const kept = new Set<CompiledRegion>();
    for (const [pc, list] of this.#regions)
      list.forEach((region, i) => {
        if (!region.open && !list.some((later, j) => j > i && alike(region, later, pc))) kept.add(region);
      });
    const all = [...kept].sort((a, b) => a.index - b.index);
    if (all.reduce((sum, { bytes }) => sum + bytes, 0) <= STORED) return all;
    return all.filter((region) => !this.#restored.has(region) || this.#used.has(region));
  }

  /** PCs in a page at which regions may be entered. */
  entriesIn(page: number): readonly number[] {
    return this.#entries.get(page) ?? [];
  }

  /** A region made of pages that are not open, for whichever address space, from the bytes that stand there now. */
  find(pc: number, { fetch, reachesFar }: Pick<Source, 'fetch' | 'reachesFar'>): CompiledRegion | undefined {
    const same = (r: CompiledRegion) => r.sources.every((s) => equal(fetch(s.start, s.bytes.length), s.bytes));
    return this.#regions.get(pc)?.findLast((r) => !r.open && r.reachesFar === reachesFar && same(r));
  }
}

/** Do both have the same code at this entry of theirs? */
function alike(a: CompiledRegion, b: CompiledRegion, pc: number): boolean {
  const [first, second] = [a, b].map(({ sources }) => {
    const source = sources.find(({ start, bytes }) => pc >= start && pc < start + bytes.length);
    return source?.bytes.subarray(pc - source.start, pc - source.start + COMPARED);
  });
  return !!first && !!second && first.every((byte, i) => i >= second.length || byte === second[i]);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}
