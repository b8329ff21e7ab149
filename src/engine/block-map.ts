/** The block map of one address space: guest PC → predecoded records, and what to drop when code changes. Knows no translation beyond a table index. */
import type { Instruction, Isa } from '../isa/isa.ts';
import {
  BLOCK_BITS,
  BLOCK_BYTES,
  BLOCK_COUNT,
  BLOCK_DIRECT,
  BLOCK_HEADER,
  BLOCK_HIGH,
  BLOCK_INDIRECT,
  BLOCK_LENGTH,
  BLOCK_NEXT,
  BLOCK_NOTES,
  BLOCK_SIZE,
  BLOCK_SOURCE,
  blockPc,
  REC_HANDLER,
  REC_NEXT,
  REC_PC,
  RECORD_SIZE,
  TARGETS_SIZE,
} from '../isa/record.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import { PAGE_SIZE, RECORDS, RECORDS_END } from '../memory/runtime-area.ts';
import { BlockIndex } from './block-index.ts';
import type { KeptPage } from './cache/kept-blocks.ts';
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

/** Blocks that others have decoded, and who takes them. */
export interface KeptHere {
  /** Those of a page that has the bytes which `fetch` gives. */
  pageAt(page: number, fetch: Fetch): KeptPage;
  add(page: KeptPage, image: Uint8Array, source: Uint8Array, handlers: readonly number[]): void;
  /** Is there more to be done than to find the block, when a PC comes up for the first time? */
  isAsked(pc: number): boolean;
}

type Fetch = (start: number, length: number) => Uint8Array;

/** Longest run of instructions predecoded at once. */
const BLOCK_LIMIT = 64;

/** Code that changed in its operands alone will run, and change so, again: it counts for so many runs (kernel selfmod: 3.5 s -> 2.4 s). */
const RENEWED = 4096;

/** Everything made from a page. */
interface PageCode {
  /** First record of the block that was made last of those that begin in the page, 0: none; the others follow by BLOCK_NEXT. */
  newest: number;
  readonly translations: Set<Translation>;
  /** What is kept of it, as far as it was looked for, and the newest block there that has been seen to. */
  kept?: KeptPage;
  seen?: number;
}

export class BlockMap {
  readonly #space: AddressSpace;
  readonly #isa: Isa;
  /** Table index of the handler of each shape; makes missing ones. */
  readonly #handlers: (instructions: readonly Instruction[]) => readonly number[];
  readonly #kept: KeptHere | undefined;
  readonly #hotMask: number;
  readonly #blocks: BlockIndex;
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
  /** How many blocks were decoded: for statistics. */
  decoded = 0;
  /** Tables of targets seen, by the PC of the indirect jump or call. */
  readonly #indirect = new Map<number, number[]>();

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
    this.#blocks = new BlockIndex(space);
    this.#jumps = new JumpCache(space);
    this.#isa = isa;
    this.#handlers = handlers;
    space.onCodeChanged = (start, end) => this.drop(start, end);
  }

  get blocks(): number {
    return this.#blocks.size;
  }
  get translations(): number {
    return this.#translations.size;
  }

  /** How often the interpreter ran a block; 0 for one it never saw. */
  count(pc: number): number {
    const block = this.#blocks.get(pc);
    return block ? this.#space.view.getInt32(block + BLOCK_COUNT, true) : 0;
  }

  /** A block became part of a region: it has run as often as it has, but is not hot before it was entered from outside as often as any other. */
  countAnew(pc: number): void {
    const block = this.#blocks.get(pc);
    if (block) this.#space.view.setInt32(block + BLOCK_COUNT, (this.count(pc) | this.#hotMask) + 1, true);
  }

  /** Where the indirect jump or call at a PC was seen to go. */
  targets(pc: number): number[] {
    const seen = new Set<number>();
    for (const table of this.#indirect.get(pc) ?? []) {
      for (let i = 0; i < TARGETS_SIZE; i++) seen.add(this.#space.view.getUint32(table + i * 4, true));
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
    const block = this.#blocks.get(pc);
    if (!block) return this.#copy(pc) || this.#predecode(pc);
    return this.#isCompared(block) && !this.#isFresh(block) ? this.#renew(block) : block;
  }

  #pc(block: number): number {
    return blockPc(this.#space.view, block);
  }
  /** First guest address behind a block. */
  #end(block: number): number {
    return this.#pc(block) + this.#space.view.getInt32(block + BLOCK_BYTES, true);
  }
  #instructions(block: number): number {
    return this.#space.view.getUint16(block + BLOCK_LENGTH, true);
  }
  /** PC of the indirect jump or call at its end, or -1. */
  #indirectPc(block: number): number {
    const { view } = this.#space;
    if ((view.getInt32(block + BLOCK_BITS, true) & BLOCK_INDIRECT) === 0) return -1;
    const last = block + (this.#instructions(block) - 1) * RECORD_SIZE;
    return this.#pc(block) + ((view.getInt32(last + REC_PC, true) - view.getInt32(block + REC_PC, true)) >>> 0);
  }
  /** Its bytes may change without notice. */
  #isCompared(block: number): boolean {
    return this.#space.view.getInt32(block + BLOCK_SOURCE, true) !== 0;
  }

  /** May bytes there change without notice? */
  isOpen(start: number, end: number): boolean {
    return this.#open.size > 0 && pagesOf(start, end).some((page) => this.#isOpenPage(page));
  }

  /** What is mapped there now may be of another kind than what was when the page was opened. */
  #isOpenPage(page: number): boolean {
    return this.#open.has(page) && this.#space.canBeOpen(page);
  }

  /** Is the block what stands there now? */
  #isFresh(block: number): boolean {
    const { view, u8 } = this.#space;
    const copy = view.getInt32(block + BLOCK_SOURCE, true);
    const bytes = view.getInt32(block + BLOCK_BYTES, true);
    const now = this.#space.fetch(this.#pc(block), bytes);
    return now.length === bytes && now.every((byte, i) => u8[copy + i] === byte);
  }

  /** The code at a PC was found to have changed without notice. The translation has to go if the block had not been found so before: it stands more changes than the block. */
  stale(pc: number): void {
    const block = this.#blocks.get(pc);
    const translation = this.#translations.get(pc);
    if (block && this.#isCompared(block) && !this.#isFresh(block)) this.#renew(block);
    else if (translation) this.#dropTranslation(translation);
  }

  /** Decode a block anew, in its old place if that will do, and keep its count if it differs in operands only. */
  #renew(old: number): number {
    this.#dropBlock(old);
    const { view } = this.#space;
    const handlers = (block: number) =>
      Array.from({ length: this.#instructions(block) }, (_, i) =>
        view.getUint16(block + i * RECORD_SIZE + REC_HANDLER, true),
      );
    const before = handlers(old).join();
    const count = view.getInt32(old + BLOCK_COUNT, true);
    const fresh = this.#predecode(this.#pc(old), old);
    if (handlers(fresh).join() === before) {
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
      this.#end(place) === end &&
      view.getUint16(place + BLOCK_SIZE, true) === size &&
      this.#indirectPc(place) >= 0 === indirect;
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
    if (!open && this.#space.isFile(pc)) this.#keep(record, handlers);
    return record;
  }

  /** Leave a block to other address spaces. */
  #keep(record: number, handlers: readonly number[]): void {
    if (!this.#kept) return;
    const { u8, view } = this.#space;
    const pc = this.#pc(record);
    const page = this.#page(Math.floor(pc / PAGE_SIZE));
    page.kept ??= this.#kept.pageAt(Math.floor(pc / PAGE_SIZE), this.#fetch);
    const all = (page.seen ?? 0) === page.kept.newest;
    const start = record - BLOCK_HEADER;
    const image = u8.subarray(start, start + view.getUint16(record + BLOCK_SIZE, true));
    this.#kept.add(page.kept, image, this.#fetch(pc, this.#end(record) - pc), handlers);
    if (all) page.seen = page.kept.newest;
  }

  readonly #fetch: Fetch = (start, length) => this.#space.fetch(start, length);

  /**
   * Copy what others have decoded of a PC's page from the same bytes, all of it: asking for each block costs more than most are worth. Answers the PC's own block, 0 if
   * nobody has decoded it.
   */
  #copy(pc: number): number {
    const kept = this.#kept;
    const number = Math.floor(pc / PAGE_SIZE);
    if (!kept || this.isOpen(pc, pc + 1)) return 0;
    const known = this.#pages.get(number);
    const from = known?.kept ?? (this.#space.isFile(pc) ? kept.pageAt(number, this.#fetch) : undefined);
    if (!from || from.newest === (known?.seen ?? 0)) return 0;
    const { u8, view } = this.#space;
    const page = this.#page(number);
    page.kept = from;
    let end = 0;
    from.each(page.seen ?? 0, this.#fetch, (at, image) => {
      if (this.#blocks.get(at) !== 0 || this.#free + image.length > RECORDS_END) return;
      const record = this.#free + BLOCK_HEADER;
      u8.set(image, this.#free);
      this.#free += image.length;
      this.#link(record, at, page);
      if (!kept.isAsked(at)) this.#jumps.offer(at, record);
      end = Math.max(end, at + view.getInt32(record + BLOCK_BYTES, true));
    });
    page.seen = from.newest;
    this.#markAll(pc, end);
    return this.#blocks.get(pc);
  }

  /** Let a block be found whose records are complete. */
  #enter(record: number): void {
    const pc = this.#pc(record);
    this.#markAll(pc, this.#end(record));
    this.#link(record, pc, this.#page(Math.floor(pc / PAGE_SIZE)));
  }

  #link(record: number, pc: number, page: PageCode): void {
    const jump = this.#indirectPc(record);
    if (jump >= 0) {
      const table = record + this.#instructions(record) * RECORD_SIZE;
      this.#indirect.set(jump, [...(this.#indirect.get(jump) ?? []), table]);
    }
    this.#blocks.add(record);
    this.#setDirect(record, !this.#translations.has(pc));
    this.#space.view.setInt32(record + BLOCK_NEXT, page.newest, true);
    page.newest = record;
  }

  /** Table index of the handler that only sets PC. */
  get gotoHandler(): number {
    if (!this.#goto) this.#goto = this.#handlers([{ shape: GOTO_SHAPE } as Instruction])[0];
    return this.#goto;
  }

  /** Let the interpreter go into a block from the one before it, or only by way of the dispatch loop. */
  #setDirect(block: number, direct: boolean): void {
    if (!block) return;
    const { view } = this.#space;
    const rest = view.getInt32(block + BLOCK_BITS, true) & ~BLOCK_DIRECT;
    view.setInt32(block + BLOCK_BITS, direct && !this.#isCompared(block) ? rest | BLOCK_DIRECT : rest, true);
  }

  /** Enter a translation; the dispatch loop finds it from now on. */
  install(translation: Translation): void {
    this.#translations.set(translation.pc, translation);
    this.#setDirect(this.#blocks.get(translation.pc), false);
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
      entry = { newest: 0, translations: new Set() };
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
    const before = this.#chain(this.#pages.get(page - 1)).filter((block) => this.#end(block) > page * PAGE_SIZE);
    for (const block of [...this.#chain(entry), ...before]) {
      this.#dropBlock(block);
      for (let i = 0; i < this.#instructions(block); i++) {
        this.#space.view.setUint16(block + i * RECORD_SIZE + REC_HANDLER, this.gotoHandler, true);
      }
    }
    for (const translation of entry.translations) this.#dropTranslation(translation);
  }

  /** The blocks that begin in a page. */
  #chain(entry: PageCode | undefined): number[] {
    const blocks: number[] = [];
    for (let block = entry?.newest ?? 0; block !== 0; block = this.#next(block)) blocks.push(block);
    return blocks;
  }

  #next(block: number): number {
    return this.#space.view.getInt32(block + BLOCK_NEXT, true);
  }

  #dropBlock(block: number): void {
    const pc = this.#pc(block);
    this.#setDirect(block, false);
    this.#blocks.delete(pc);
    this.#jumps.forget(pc);
    const indirect = this.#indirectPc(block);
    if (indirect >= 0) this.#indirect.delete(indirect);
    const entry = this.#pages.get(Math.floor(pc / PAGE_SIZE));
    if (!entry) return;
    if (entry.newest === block) entry.newest = this.#next(block);
    else {
      const newer = this.#chain(entry).find((b) => this.#next(b) === block);
      if (newer) this.#space.view.setInt32(newer + BLOCK_NEXT, this.#next(block), true);
    }
  }

  #dropTranslation(translation: Translation): void {
    if (this.#translations.get(translation.pc) === translation) {
      this.#translations.delete(translation.pc);
      this.#setDirect(this.#blocks.get(translation.pc), true);
    }
    this.#jumps.forget(translation.pc);
    for (const page of translation.pages) this.#pages.get(page)?.translations.delete(translation);
  }

  #emptyJumpCache(): void {
    this.#jumps.empty(this.#blocks.size, () => this.#blocks.pcs());
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
    for (const pc of this.#translations.keys()) this.#setDirect(this.#blocks.get(pc), true);
    this.#translations.clear();
    for (const entry of this.#pages.values()) entry.translations.clear();
    this.#emptyJumpCache();
  }

  /** Drop everything. */
  flush(): void {
    this.generation++;
    this.#emptyJumpCache();
    this.#blocks.clear();
    this.#translations.clear();
    this.#pages.clear();
    // Their tables lie where new records will.
    this.#indirect.clear();
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
