/** The parts of an ELF file that only people ask for: needed libraries, imports, symbols. Damaged tables give fewer names, never an error. */
import { type ByteSource, readBytes, stringAt, viewOf, word } from './byte-source.ts';
import type { Segment } from './image.ts';

const SYMBOL_SIZE = 24;
/** Tables larger than this are taken for damaged. */
const MAX_TABLE = 0x2000_0000;
const MAX_SYMBOLS = 4_000_000;

const DT_NEEDED = 1;
const DT_HASH = 4;
const DT_STRTAB = 5;
const DT_SYMTAB = 6;
const DT_STRSZ = 10;
const DT_GNU_HASH = 0x6fff_fef5;
const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
const STT_FUNC = 2;
const STT_GNU_IFUNC = 10;

export interface Symbol {
  address: number;
  size: number;
  name: string;
}

/** Libraries and undefined symbols named by the dynamic section. */
export function readDynamic(
  source: ByteSource,
  segments: readonly Segment[],
  offset: number,
  size: number,
): { needed: string[]; imports: string[] } {
  const bytes = size > 0 && size < MAX_TABLE ? readBytes(source, offset, size - (size % 16)) : undefined;
  if (!bytes) return { needed: [], imports: [] };
  const view = viewOf(bytes);
  const tags = new Map<number, number>();
  const needed: number[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const tag = word(view, at);
    if (tag === 0) break;
    if (tag === DT_NEEDED) needed.push(word(view, at + 8));
    else tags.set(tag, word(view, at + 8));
  }
  const strings = readAtAddress(source, segments, tags.get(DT_STRTAB), tags.get(DT_STRSZ)) ?? new Uint8Array(0);
  const count = symbolCount(source, segments, tags);
  const symbols = readAtAddress(source, segments, tags.get(DT_SYMTAB), count * SYMBOL_SIZE);
  return {
    needed: needed.map((at) => stringAt(strings, at)).filter((name) => name !== ''),
    imports: symbols ? undefinedNames(symbols, strings) : [],
  };
}

function undefinedNames(symbols: Uint8Array, strings: Uint8Array): string[] {
  const view = viewOf(symbols);
  const names: string[] = [];
  for (let at = SYMBOL_SIZE; at + SYMBOL_SIZE <= symbols.length; at += SYMBOL_SIZE) {
    if (view.getUint16(at + 6, true) !== 0) continue;
    const name = stringAt(strings, view.getUint32(at, true));
    if (name !== '') names.push(name);
  }
  return names;
}

/** DT_SYMTAB has no length: the hash tables know it. */
function symbolCount(source: ByteSource, segments: readonly Segment[], tags: ReadonlyMap<number, number>): number {
  const plain = readAtAddress(source, segments, tags.get(DT_HASH), 8);
  if (plain) return Math.min(MAX_SYMBOLS, viewOf(plain).getUint32(4, true));
  const start = tags.get(DT_GNU_HASH);
  const head = readAtAddress(source, segments, start, 16);
  if (!head || start === undefined) return 0;
  const view = viewOf(head);
  const bucketCount = view.getUint32(0, true);
  const firstHashed = view.getUint32(4, true);
  const buckets = start + 16 + view.getUint32(8, true) * 8;
  if (bucketCount > MAX_SYMBOLS) return 0;
  const bucketBytes = readAtAddress(source, segments, buckets, bucketCount * 4);
  if (!bucketBytes) return 0;
  let last = 0;
  for (let i = 0; i < bucketCount; i++) last = Math.max(last, viewOf(bucketBytes).getUint32(i * 4, true));
  if (last < firstHashed) return Math.min(MAX_SYMBOLS, firstHashed);
  // The chain of the highest bucket ends with an odd hash.
  const chains = buckets + bucketCount * 4;
  for (; last < MAX_SYMBOLS; last++) {
    const hash = readAtAddress(source, segments, chains + (last - firstHashed) * 4, 4);
    if (!hash) return 0;
    if (hash[0] & 1) return last + 1;
  }
  return 0;
}

/** File bytes of an address range of the image. */
function readAtAddress(
  source: ByteSource,
  segments: readonly Segment[],
  address: number | undefined,
  length: number | undefined,
): Uint8Array | undefined {
  if (address === undefined || length === undefined || length > MAX_TABLE) return undefined;
  const segment = segments.find((s) => address >= s.address && address + length <= s.address + s.fileSize);
  return segment && readBytes(source, segment.fileOffset + (address - segment.address), length);
}

/** Function symbols by address, from .symtab or else .dynsym. */
export function readSymbols(source: ByteSource, header: DataView): Symbol[] {
  const table = word(header, 40);
  const entrySize = header.getUint16(58, true);
  const count = header.getUint16(60, true);
  const sections = entrySize === 64 ? readBytes(source, table, count * 64) : undefined;
  if (!sections) return [];
  const view = viewOf(sections);
  const ofType = (type: number) => {
    for (let i = 0; i < count; i++) if (view.getUint32(i * 64 + 4, true) === type) return i;
    return -1;
  };
  const chosen = ofType(SHT_SYMTAB) >= 0 ? ofType(SHT_SYMTAB) : ofType(SHT_DYNSYM);
  if (chosen < 0) return [];
  const section = (index: number) => {
    if (index >= count) return undefined;
    const size = word(view, index * 64 + 32);
    return size <= MAX_TABLE ? readBytes(source, word(view, index * 64 + 24), size) : undefined;
  };
  const symbols = section(chosen);
  const strings = section(view.getUint32(chosen * 64 + 40, true));
  return symbols && strings ? functions(symbols, strings) : [];
}

function functions(symbols: Uint8Array, strings: Uint8Array): Symbol[] {
  const view = viewOf(symbols);
  const found: Symbol[] = [];
  for (let at = 0; at + SYMBOL_SIZE <= symbols.length && found.length < MAX_SYMBOLS; at += SYMBOL_SIZE) {
    const type = symbols[at + 4] & 15;
    if ((type !== STT_FUNC && type !== STT_GNU_IFUNC) || view.getUint16(at + 6, true) === 0) continue;
    const name = stringAt(strings, view.getUint32(at, true));
    if (name !== '') found.push({ address: word(view, at + 8), size: word(view, at + 16), name });
  }
  return found.sort((a, b) => a.address - b.address);
}

/** The binary search table of .eh_frame_hdr (Linux Standard Base, "Exception Frames"): first addresses of functions, in order. */
export function readFunctionStarts(source: ByteSource, offset: number, address: number, size: number): number[] {
  const bytes = size <= MAX_TABLE ? readBytes(source, offset, size) : undefined;
  // Version 1, then the encodings of: pointer to .eh_frame (any of 4 bytes), count (udata4), table (sdata4 from the header's start).
  if (!bytes || bytes.length < 12 || bytes[0] !== 1 || bytes[2] !== 0x03 || bytes[3] !== 0x3b) return [];
  const view = viewOf(bytes);
  const count = Math.min(view.getUint32(8, true), Math.floor((bytes.length - 12) / 8));
  return Array.from({ length: count }, (_, i) => address + view.getInt32(12 + i * 8, true));
}
