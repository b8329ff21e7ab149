/** The block map of one address space: guest PC → predecoded records, jump cache, and what to drop when code changes. Knows no translation beyond a table index. */
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
  put64,
  REC_HANDLER,
  REC_NEXT,
  REC_PC,
  RECORD_SIZE,
  TARGETS_SIZE,
} from '../isa/record.ts';
import type { AddressSpace } from '../memory/address-space.ts';
import {
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_CACHE_ENTRY,
  JUMP_CACHE_GROUP,
  PAGE_SIZE,
  RECORDS,
  RECORDS_END,
} from '../memory/runtime-area.ts';
import { BlockIndex } from './block-index.ts';
import { GOTO_SHAPE } from './interpreter/handlers.ts';
import { jumpCacheSlot } from './jump-cache.ts';
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

/** Blocks that others have decoded, callable in this address space. */
export interface KeptHere {
  /** What stands from the header of a block on, if there is one of the bytes that `fetch` gives. */
  find(pc: number, fetch: (length: number) => Uint8Array): Uint8Array | undefined;
  add(image: Uint8Array, source: Uint8Array, handlers: readonly number[]): void;
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
}

export class BlockMap {
  readonly #space: AddressSpace;
  readonly #isa: Isa;
  /** Table index of the handler of each shape; makes missing ones. */
  readonly #handlers: (instructions: readonly Instruction[]) => readonly number[];
  readonly #kept: KeptHere | undefined;
  readonly #hotMask: number;
  readonly #blocks: BlockIndex;
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
  #turn = 0;
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
    const slot = jumpCacheSlot(pc);
    const { view, u8 } = this.#space;
    // PCs that share a place and take turns must not push each other out: the older one moves on.
    const taken = view.getInt32(slot, true);
    if (taken !== 0 && taken !== (pc | 0) + 1) {
      const free = JUMP_CACHE_GROUP.find((way) => view.getInt32(slot ^ way, true) === 0);
      u8.copyWithin(slot ^ (free ?? this.#victim()), slot, slot + JUMP_CACHE_ENTRY);
    }
    put64(view, slot, pc + 1);
    view.setInt32(slot + 8, block, true);
    view.setInt32(slot + 12, translation?.index ?? 0, true);
  }

  /** Any of the other places of a full group, in turn. */
  #victim(): number {
    this.#turn = (this.#turn % (JUMP_CACHE_GROUP.length - 1)) + 1;
    return JUMP_CACHE_GROUP[this.#turn];
  }

  /** Offset of the first record of the predecoded block at a PC. */
  block(pc: number): number {
    const block = this.#blocks.get(pc);
    if (!block) return this.#copied(pc) || this.#predecode(pc);
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
    if (this.#kept && !open && this.#space.isFile(pc)) {
      const start = record - BLOCK_HEADER;
      this.#kept.add(u8.subarray(start, start + size), this.#space.fetch(pc, end - pc), handlers);
    }
    this.#enter(record);
    return record;
  }

  /** The block at a PC as somebody else has decoded it from the same bytes; 0 if nobody has. */
  #copied(pc: number): number {
    const image = this.#kept?.find(pc, (length) => this.#space.fetch(pc, this.isOpen(pc, pc + length) ? 0 : length));
    if (!image) return 0;
    if (this.#free + image.length > RECORDS_END) this.flush();
    const record = this.#free + BLOCK_HEADER;
    this.#space.u8.set(image, this.#free);
    this.#free += image.length;
    this.#enter(record);
    return record;
  }

  /** Let a block be found whose records are complete. */
  #enter(record: number): void {
    const pc = this.#pc(record);
    const end = this.#end(record);
    const jump = this.#indirectPc(record);
    if (jump >= 0) {
      const table = record + this.#instructions(record) * RECORD_SIZE;
      this.#indirect.set(jump, [...(this.#indirect.get(jump) ?? []), table]);
    }
    this.#blocks.add(record);
    this.#setDirect(record, !this.#translations.has(pc));
    for (let page = Math.floor(pc / PAGE_SIZE); page * PAGE_SIZE < end; page++) this.#mark(page);
    const entry = this.#page(Math.floor(pc / PAGE_SIZE));
    this.#space.view.setInt32(record + BLOCK_NEXT, entry.newest, true);
    entry.newest = record;
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
    this.#forget(translation.pc);
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

  /** Take a PC out of the jump cache. */
  #forget(pc: number): void {
    const { u8, view } = this.#space;
    const first = jumpCacheSlot(pc);
    const [low, high] = [(pc + 1) | 0, Math.floor((pc + 1) / 0x1_0000_0000) | 0];
    for (const way of JUMP_CACHE_GROUP) {
      const slot = first ^ way;
      if (view.getInt32(slot, true) === low && view.getInt32(slot + 4, true) === high) {
        u8.fill(0, slot, slot + JUMP_CACHE_ENTRY);
      }
    }
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
    this.#forget(pc);
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
    this.#forget(translation.pc);
    for (const page of translation.pages) this.#pages.get(page)?.translations.delete(translation);
  }

  /** Only PCs with a block are in it: a small process need not touch all of it. */
  #emptyJumpCache(): void {
    if (this.#blocks.size < JUMP_CACHE_ENTRIES >> 3)
      for (const block of this.#blocks.records()) this.#forget(this.#pc(block));
    else this.#space.zero(JUMP_CACHE, JUMP_CACHE + JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY);
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
