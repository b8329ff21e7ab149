/** The code cache of one VM: every region compiled so far, for all its address spaces; bounded, and emptied as a whole when full. */
import type { CompiledRegion } from '../translator/translator.ts';

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

/** What a region costs apart from its instructions, in instructions: a module of one small region takes V8 about 16 KB. */
const REGION_COST = 100;

export class CodeCache {
  readonly #regions = new Map<number, CompiledRegion[]>();
  readonly #users = new Set<CacheUser>();
  readonly #capacity: number;
  #instructions = 0;
  #cost = 0;
  #bytes = 0;
  #count = 0;
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
    this.#instructions = this.#cost = this.#bytes = this.#count = 0;
    this.generation++;
    for (const user of this.#users) user.dropTranslations();
  }

  add(region: CompiledRegion): void {
    for (const pc of region.entries) {
      const list = this.#regions.get(pc);
      if (list) list.push(region);
      else this.#regions.set(pc, [region]);
    }
    this.#cost += region.instructions + REGION_COST;
    this.#instructions += region.instructions;
    this.#bytes += region.bytes;
    this.#count++;
  }

  /** A region made of pages that are not open, for whichever address space, from the bytes that stand there now. */
  find(pc: number, fetch: (start: number, length: number) => Uint8Array): CompiledRegion | undefined {
    return this.#regions
      .get(pc)
      ?.findLast((r) => !r.open && r.sources.every((s) => equal(fetch(s.start, s.bytes.length), s.bytes)));
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((v, i) => v === b[i]);
}
