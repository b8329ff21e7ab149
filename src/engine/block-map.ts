/** The block map of one address space: guest PC → predecoded records, and what to drop when code changes. Knows no translation beyond a table index. */
import type { Instruction, Isa } from '../isa/isa.ts';
import {
  BLOCK_BITS,
  BLOCK_BYTES,
  BLOCK_COUNT,
  BLOCK_HEADER,
  BLOCK_HIGH,
  BLOCK_INDIRECT,
  BLOCK_LENGTH,
  BLOCK_NOTES,
  BLOCK_SIZE,
  BLOCK_SOURCE,
  REC_HANDLER,
  REC_NEXT,
  REC_PC,
  RECORD_SIZE,
  TARGETS_SIZE,
} from '../isa/record.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { PAGE_SIZE, RECORDS, RECORDS_END } from '../memory/runtime-area.ts';
import { BlockRecords } from './block-records.ts';
import type { KeptBlocks, KeptPage } from './cache/kept-blocks.ts';
import { GOTO_SHAPE } from './interpreter/handlers.ts';
import { JumpCache } from './jump-cache.ts';
import { cutAfterWrite, OPENED_AFTER } from './open-code.ts';

/** Code that was translated: entered at one PC, made from the bytes of some pages. */
export interface Translation {
  readonly pc: number;
  /** Index in the function table. */
  readonly index: number;
  readonly pages: readonly number[];
  readonly instructions: number;
  /** Made with what a smaller one left out. */
  readonly large: boolean;
  /** All places where it may be entered: more than one if it has an interpreter's handlers. */
  readonly entries: readonly number[];
}

/** Blocks that others have decoded, and how they are taken over. */
export interface KeptHere {
  readonly blocks: KeptBlocks;
  /** Make what they need callable. */
  prepare(): void;
  /** See ADOPT. */
  readonly adopt: (...p: [number, number, number, number, number, number, number, number]) => Iterable<number>;
  /** PCs in a page of which more is to be found than their blocks, when they come up for the first time; undefined: all. */
  asked(page: number): readonly number[] | undefined;
}

/** Longest run of instructions predecoded at once. */
const BLOCK_LIMIT = 64;

/** Code that changed in its operands alone will run, and change so, again: it counts for so many runs (kernel selfmod: 3.5 s -> 2.4 s). */
const RENEWED = 4096;

/** Everything made from a page. */
interface PageCode {
  /** First record of the block that was made last of those that begin in the page, 0: none; the others follow by BLOCK_NEXT. */
  newest: number;
  readonly translations: Set<Translation>;
  /** What is kept of it, if that was looked for, and how many bytes of its blocks and their sources have been taken over. */
  kept?: KeptPage | undefined;
  seen: number;
  seenSources: number;
  /** A block was dropped that may come again: it must not be kept a second time. */
  closed: boolean;
}

export class BlockMap {
  readonly #space: AddressSpace;
  readonly #isa: Isa;
  /** Table index of the handler of each shape; makes missing ones. */
  readonly #handlers: (instructions: readonly Instruction[]) => readonly number[];
  readonly #kept: KeptHere | undefined;
  readonly #hotMask: number;
  readonly #records: BlockRecords;
  readonly #jumps: JumpCache;
  readonly #translations = new Map<number, Translation>();
  /** A page that a block only goes on into has an entry as well. */
  readonly #pages = new Map<number, PageCode>();
  /** How often a page's code was dropped, and the pages whose code was dropped so often that they stay writable. */
  readonly #drops = new Map<number, number>();
  readonly #open = new Set<number>();
  #free = RECORDS;
  /** How far records ever reached. */
  #highest = RECORDS;
  /** Goes up whenever code was dropped, or a page that could be written no longer can: regions that wait for a callee must not go on. */
  generation = 0;
  #goto = 0;
  /** How many blocks were decoded, and how many taken over: for statistics. */
  decoded = 0;
  copied = 0;
  /** How many blocks there are. */
  #size = 0;

  /** `hotMask`: a block is reported whenever its count has none of these bits set; below 0: never. `kept`: where blocks of files' code are taken from and left. */
  constructor(
    space: AddressSpace,
    isa: Isa,
    handlers: (instructions: readonly Instruction[]) => readonly number[],
    hotMask: number,
    kept?: KeptHere,
  ) {
    this.#kept = kept;
    this.#hotMask = hotMask;
    this.#space = space;
    this.#records = new BlockRecords(space);
    this.#jumps = new JumpCache(space);
    this.#isa = isa;
    this.#handlers = handlers;
    space.onCodeChanged = (start, end) => this.drop(start, end);
  }

  get blocks(): number {
    return this.#size;
  }
  get translations(): number {
    return this.#translations.size;
  }

  /** How often the interpreter ran a block; 0 for one it never saw. */
  count(pc: number): number {
    const block = this.#at(pc);
    return block ? this.#space.view.getInt32(block + BLOCK_COUNT, true) : 0;
  }

  /** A block became part of a region: it has run as often as it has, but is not hot before it was entered from outside as often as any other. */
  countAnew(pc: number): void {
    const block = this.#at(pc);
    if (block) this.#space.view.setInt32(block + BLOCK_COUNT, (this.count(pc) | this.#hotMask) + 1, true);
  }

  /** Where the indirect jump or call at a PC was seen to go. */
  targets(pc: number): number[] {
    const seen = new Set<number>();
    const page = Math.floor(pc / PAGE_SIZE);
    // A block that ends there may begin in the page before.
    for (const block of [...this.#chain(page), ...this.#chain(page - 1)]) {
      if (this.#records.indirectPc(block) === pc) for (const target of this.#records.targets(block)) seen.add(target);
    }
    seen.delete(0);
    return [...seen];
  }

  /** Make the PC findable for the dispatch loop; throws MemoryFault if it cannot be fetched. */
  find(pc: number): void {
    const block = this.block(pc);
    const translation = this.#translations.get(pc);
    this.#jumps.enter(pc, block, translation?.index ?? 0);
  }

  /** Offset of the first record of the predecoded block at a PC. */
  block(pc: number): number {
    const block = this.#at(pc);
    if (!block) return this.#copy(pc) || this.#predecode(pc);
    return this.#records.isCompared(block) && !this.#records.isFresh(block) ? this.#renew(block) : block;
  }

  /** May bytes there change without notice? */
  isOpen(start: number, end: number): boolean {
    return this.#open.size > 0 && pagesOf(start, end).some((page) => this.#isOpenPage(page));
  }

  /** What is mapped there now may be of another kind than what was when the page was opened. */
  #isOpenPage(page: number): boolean {
    return this.#open.has(page) && this.#space.canBeOpen(page);
  }

  /** The code at a PC was found to have changed without notice. The translation has to go if the block had not been found so before: it stands more changes than the block. */
  stale(pc: number): void {
    const block = this.#at(pc);
    const translation = this.#translations.get(pc);
    if (block && this.#records.isCompared(block) && !this.#records.isFresh(block)) this.#renew(block);
    else if (translation) this.#dropTranslation(translation);
  }

  /** Decode a block anew, in its old place if that will do, and keep its count if it differs in operands only. */
  #renew(old: number): number {
    this.#dropBlock(old);
    const { view } = this.#space;
    const before = this.#records.handlers(old).join();
    const count = view.getInt32(old + BLOCK_COUNT, true);
    const fresh = this.#predecode(this.#records.pc(old), old);
    if (this.#records.handlers(fresh).join() === before) {
      // The next run may be the one that is reported, no later one.
      const due = count | this.#hotMask;
      view.setInt32(fresh + BLOCK_COUNT, due < 0 ? count : Math.min(count + RENEWED, due), true);
    }
    return fresh;
  }

  translation(pc: number): Translation | undefined {
    return this.#translations.get(pc);
  }

  /** Decode the straight run at a PC: up to a jump, a limit, or bytes that cannot be fetched. */
  decodeRun(pc: number, limit = BLOCK_LIMIT): Instruction[] {
    const run: Instruction[] = [];
    let at = pc;
    let bytes = new Uint8Array(0);
    let from = pc;
    while (run.length < limit) {
      if (at - from + this.#isa.maxLength > bytes.length) {
        bytes = this.#space.fetch(at, 128) as Uint8Array<ArrayBuffer>;
        from = at;
      }
      if (bytes.length === 0) {
        if (run.length > 0) break;
        this.#space.executeFault(at);
      }
      const instruction = this.#isa.decode(bytes, at, at - from);
      if (!instruction) {
        // The instruction goes on where nothing can be fetched.
        if (run.length > 0) break;
        this.#space.executeFault(from + bytes.length);
      }
      run.push(instruction);
      at += instruction.length;
      if (instruction.ends) break;
    }
    return this.isOpen(pc, at) ? cutAfterWrite(this.#isa, run) : run;
  }

  /** `place`: a block no longer in use, with a copy of its bytes, whose records may serve. */
  #predecode(pc: number, place = 0): number {
    const run = this.decodeRun(pc);
    const last = run[run.length - 1];
    const end = last.pc + last.length;
    const open = this.isOpen(pc, end);
    const indirect = last.flow === 'indirect' || last.flow === 'indirect-call';
    // A jump sets PC, anything else goes on to the next record.
    const records = run.length + (last.flow === 'next' || last.flow === 'stop' ? 1 : 0);
    const tables = BLOCK_HEADER + records * RECORD_SIZE + (indirect ? TARGETS_SIZE * 4 : 0);
    const size = tables + (open ? (end - pc + 7) & -8 : 0);
    const { view, u8 } = this.#space;
    const fits =
      place !== 0 &&
      this.#records.end(place) === end &&
      view.getUint16(place + BLOCK_SIZE, true) === size &&
      this.#records.indirectPc(place) >= 0 === indirect;
    if (!fits && this.#free + size > RECORDS_END) this.flush();
    const handlers = this.#handlers(run);
    const record = fits ? place : this.#free + BLOCK_HEADER;
    if (!fits) this.#free += size;
    u8.fill(0, record - BLOCK_HEADER, record - BLOCK_HEADER + size);
    if (open) {
      const copy = record - BLOCK_HEADER + tables;
      view.setInt32(record + BLOCK_SOURCE, copy, true);
      u8.set(this.#space.fetch(pc, end - pc), copy);
    }
    const notes = indirect || last.flow === 'return' ? 0 : BLOCK_NOTES;
    view.setInt32(record + BLOCK_BITS, notes | (indirect ? BLOCK_INDIRECT : 0), true);
    view.setUint16(record + BLOCK_HIGH, Math.floor(pc / 0x1_0000_0000), true);
    view.setInt32(record + BLOCK_BYTES, end - pc, true);
    view.setUint16(record + BLOCK_SIZE, size, true);
    view.setUint16(record + BLOCK_LENGTH, run.length, true);
    for (let i = 0; i < run.length; i++) {
      const instruction = run[i];
      const at = record + i * RECORD_SIZE;
      view.setUint16(at + REC_HANDLER, handlers[i], true);
      view.setUint32(at + REC_PC, instruction.pc, true);
      view.setUint32(at + REC_NEXT, instruction.pc + instruction.length, true);
      this.#isa.encode(instruction, view, at);
    }
    const at = record + run.length * RECORD_SIZE;
    if (records > run.length) {
      view.setUint16(at + REC_HANDLER, this.gotoHandler, true);
      view.setUint32(at + REC_PC, end, true);
    }
    this.decoded++;
    this.#enter(record);
    if (!open && this.#space.isFile(pc)) this.#keep(record);
    return record;
  }

  /** Leave a block to other address spaces. */
  #keep(record: number): void {
    if (!this.#kept) return;
    const { u8, view } = this.#space;
    const pc = this.#records.pc(record);
    const number = Math.floor(pc / PAGE_SIZE);
    const page = this.#page(number);
    const start = record - BLOCK_HEADER;
    const image = u8.subarray(start, start + view.getUint16(record + BLOCK_SIZE, true));
    const source = this.#fetch(pc, this.#records.end(record) - pc);
    if (page.closed) return;
    page.kept ??= this.#kept.blocks.pageAt(number, this.#fetch);
    // Something was kept that there was no room for.
    if (page.kept && page.seen !== page.kept.length) return;
    page.kept = this.#kept.blocks.add(number, page.kept, image, source);
    page.seen = page.kept?.length ?? 0;
    page.seenSources = page.kept?.sourceLength ?? 0;
  }

  readonly #fetch = (start: number, length: number): Uint8Array => this.#space.fetch(start, length);

  /**
   * Take over what others have decoded of a PC's page, all of it: to ask for each block costs more than most are worth. Answers the PC's own block, 0 if
   * nobody has decoded it.
   */
  #copy(pc: number): number {
    const number = Math.floor(pc / PAGE_SIZE);
    const kept = this.#kept;
    if (!kept || this.isOpen(pc, pc + 1)) return 0;
    const known = this.#pages.get(number);
    if (known?.closed) return 0;
    const from = known?.kept ?? (this.#space.isFile(pc) ? kept.blocks.pageAt(number, this.#fetch) : undefined);
    if (!from) return 0;
    const page = this.#page(number);
    page.kept = from;
    from.used = true;
    if (from.length === page.seen) return 0;
    kept.prepare();
    const images = from.images.subarray(page.seen, from.length);
    const sources = from.sources.subarray(page.seenSources, from.sourceLength);
    const start = number * PAGE_SIZE;
    const until = start + PAGE_SIZE;
    const now = this.#fetch(start, PAGE_SIZE + (this.isOpen(until, until + 1) ? 0 : from.beyond));
    const first = this.#free;
    const end = first + images.length;
    // Behind the blocks, for the moment.
    const behind = end + sources.length + now.length;
    if (behind > RECORDS_END) return 0;
    const { u8 } = this.#space;
    u8.set(images, first);
    u8.set(sources, end);
    u8.set(now, end + sources.length);
    this.#highest = Math.max(this.#highest, behind);
    this.#free = end;
    const asked = kept.asked(number);
    const [newest, count] = kept.adopt(
      first + BLOCK_HEADER,
      end,
      end,
      start,
      end + sources.length,
      now.length,
      page.newest,
      asked ? 1 : 0,
    );
    page.newest = newest;
    page.seen = from.length;
    page.seenSources = from.sourceLength;
    this.#size += count;
    this.copied += count;
    for (const one of asked ?? []) this.#jumps.forget(one);
    for (const { pc: one } of page.translations) this.#records.setDirect(this.#at(one), false);
    this.#markAll(start, start + now.length);
    return this.#at(pc);
  }

  /** Let a block be found whose records are complete. */
  #enter(record: number): void {
    const pc = this.#records.pc(record);
    this.#markAll(pc, this.#records.end(record));
    this.#records.setDirect(record, !this.#translations.has(pc));
    const page = this.#page(Math.floor(pc / PAGE_SIZE));
    this.#records.setNext(record, page.newest);
    page.newest = record;
    this.#size++;
  }

  /** The block that begins at a PC, 0: none. */
  #at(pc: number): number {
    const page = this.#pages.get(Math.floor(pc / PAGE_SIZE));
    return page ? this.#records.find(page.newest, pc) : 0;
  }

  /** The blocks that begin in a page. */
  #chain(page: number): number[] {
    return this.#records.chain(this.#pages.get(page)?.newest ?? 0);
  }

  /** Table index of the handler that only sets PC. */
  get gotoHandler(): number {
    if (!this.#goto) this.#goto = this.#handlers([{ shape: GOTO_SHAPE } as Instruction])[0];
    return this.#goto;
  }

  /** Enter a translation; the dispatch loop finds it from now on. */
  install(translation: Translation): void {
    this.#translations.set(translation.pc, translation);
    this.#records.setDirect(this.#at(translation.pc), false);
    for (const page of translation.pages) {
      this.#page(page).translations.add(translation);
      this.#mark(page);
    }
    this.#jumps.forget(translation.pc);
  }

  /** There is code from all pages of [start, end). */
  #markAll(start: number, end: number): void {
    for (let page = Math.floor(start / PAGE_SIZE); page * PAGE_SIZE < end; page++) this.#mark(page);
  }

  /** There is code from this page: be told of writes, unless it is open. */
  #mark(page: number): void {
    this.#page(page);
    if (this.#space.markCode(page * PAGE_SIZE, page * PAGE_SIZE + 1, this.#isOpenPage(page))) this.generation++;
  }

  #page(page: number): PageCode {
    let entry = this.#pages.get(page);
    if (!entry) {
      entry = { newest: 0, translations: new Set(), seen: 0, seenSources: 0, closed: false };
      this.#pages.set(page, entry);
    }
    return entry;
  }

  /** The code in [start, end) changed: drop whatever came from its pages. Records that are being executed turn into "look up again". */
  drop(start: number, end: number): void {
    const first = Math.floor(start / PAGE_SIZE);
    const last = Math.floor((end - 1) / PAGE_SIZE);
    if (last - first > this.#pages.size) {
      for (const page of [...this.#pages.keys()]) if (page >= first && page <= last) this.#dropPage(page);
    } else for (let page = first; page <= last; page++) this.#dropPage(page);
  }

  #dropPage(page: number): void {
    const entry = this.#pages.get(page);
    if (!entry) return;
    this.generation++;
    this.#pages.delete(page);
    const drops = (this.#drops.get(page) ?? 0) + 1;
    this.#drops.set(page, drops);
    if (drops >= OPENED_AFTER) this.#open.add(page);
    // A block that begins in the page before may go on into this one.
    const previous = this.#pages.get(page - 1);
    const before = this.#chain(page - 1).filter((block) => this.#records.end(block) > page * PAGE_SIZE);
    if (previous && before.length > 0) previous.closed = true;
    for (const block of [...this.#records.chain(entry.newest), ...before]) {
      this.#dropBlock(block);
      this.#records.setHandlers(block, this.gotoHandler);
    }
    for (const translation of entry.translations) this.#dropTranslation(translation);
  }

  #dropBlock(block: number): void {
    const pc = this.#records.pc(block);
    this.#records.setDirect(block, false);
    this.#size--;
    this.#jumps.forget(pc);
    const entry = this.#pages.get(Math.floor(pc / PAGE_SIZE));
    if (!entry) return;
    const next = this.#records.next(block);
    if (entry.newest === block) entry.newest = next;
    else {
      const newer = this.#records.chain(entry.newest).find((b) => this.#records.next(b) === block);
      if (newer) this.#records.setNext(newer, next);
    }
  }

  #dropTranslation(translation: Translation): void {
    if (this.#translations.get(translation.pc) === translation) {
      this.#translations.delete(translation.pc);
      this.#records.setDirect(this.#at(translation.pc), true);
    }
    this.#jumps.forget(translation.pc);
    for (const page of translation.pages) this.#pages.get(page)?.translations.delete(translation);
  }

  #emptyJumpCache(): void {
    this.#jumps.empty(this.#size, () =>
      [...this.#pages.values()].flatMap(({ newest }) => this.#records.chain(newest).map((b) => this.#records.pc(b))),
    );
  }

  /** Zero all that was ever written, so that the memory can be used again. */
  erase(): void {
    // The records say which PCs are in the jump cache.
    this.#emptyJumpCache();
    this.#space.zero(RECORDS, Math.max(this.#highest, this.#free));
  }

  /** Forget every translation, keep the records. */
  dropTranslations(): void {
    this.generation++;
    for (const pc of this.#translations.keys()) this.#records.setDirect(this.#at(pc), true);
    this.#translations.clear();
    for (const entry of this.#pages.values()) entry.translations.clear();
    this.#emptyJumpCache();
  }

  /** Drop everything. */
  flush(): void {
    this.generation++;
    this.#emptyJumpCache();
    this.#size = 0;
    this.#translations.clear();
    this.#pages.clear();
    this.#highest = Math.max(this.#highest, this.#free);
    this.#free = RECORDS;
  }
}

/** Numbers of the pages that [start, end) touches. */
export function pagesOf(start: number, end: number): number[] {
  const pages: number[] = [];
  for (let page = Math.floor(start / PAGE_SIZE); page <= Math.floor((end - 1) / PAGE_SIZE); page++) pages.push(page);
  return pages;
}
