/** ELF64 files: headers and program headers checked, into an Image. What is only for people (libraries, imports, symbols) is read when asked for, by elf-symbols.ts. */
import { textOf } from '../base/text.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../memory/address-space.ts';
import { type ByteSource, readBytes, viewOf, word } from './byte-source.ts';
import { readDynamic, readFunctionStarts, readSymbols } from './elf-symbols.ts';
import type { Image, Segment } from './image.ts';
import { hex, LoadError } from './load-error.ts';
import { recognise } from './recognise.ts';

const HEADER_SIZE = 64;
const PHDR_SIZE = 56;
/** Linux reads at most one page... of program headers times 16: 64 KiB. */
const MAX_PHDR_BYTES = 0x1_0000;
const MAX_INTERPRETER = 4096;
const ADDRESS_LIMIT = 0x7fff_ffff_f000;
/** Images that span more than this are taken for damaged. */
const MAX_SPAN = 0x10_0000_0000;

const ET_EXEC = 2;
const ET_DYN = 3;
const TYPES: Record<number, string> = { 0: 'no type', 1: 'a relocatable object', 4: 'a core dump' };
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const PT_NOTE = 4;
const PT_PHDR = 6;
const PT_GNU_EH_FRAME = 0x6474_e550;
const PT_GNU_STACK = 0x6474_e551;
const PF_X = 1;
const PF_W = 2;
const PF_R = 4;

const MACHINES: Record<number, { name: string; isa: Image['isa'] }> = {
  3: { name: 'i386', isa: 'i386' },
  8: { name: 'MIPS', isa: 'other' },
  20: { name: 'PowerPC', isa: 'other' },
  21: { name: 'PowerPC64', isa: 'other' },
  22: { name: 'S/390', isa: 'other' },
  40: { name: 'ARM', isa: 'other' },
  62: { name: 'x86-64', isa: 'x86-64' },
  183: { name: 'AArch64', isa: 'aarch64' },
  243: { name: 'RISC-V', isa: 'riscv64' },
  258: { name: 'LoongArch', isa: 'other' },
};

interface ProgramHeader {
  type: number;
  flags: number;
  offset: number;
  address: number;
  fileSize: number;
  memorySize: number;
  align: number;
  /** Where the entry itself lies in the file, for messages. */
  at: number;
}

/** Read and check an ELF executable or program interpreter; `name` is for messages. Throws LoadError. */
export function readElf(source: ByteSource, name: string): Image {
  const refuse = (what: string, errno = 'ENOEXEC'): never => {
    throw new LoadError(`${name}: ${what}`, errno);
  };
  const size = source.size();
  const head = readBytes(source, 0, Math.min(size, 512)) ?? refuse('cannot be read', 'EIO');
  const kind = recognise(head);
  if (kind.kind !== 'elf') refuse(`${kind.description}, not an ELF executable (offset 0x0)`);
  if (size < HEADER_SIZE) refuse(`truncated: ${size} bytes, the ELF header has ${HEADER_SIZE}`);
  const header = viewOf(head);
  checkIdentity(head, header, refuse);
  const type = header.getUint16(16, true);
  if (type !== ET_EXEC && type !== ET_DYN) {
    refuse(`ELF type ${type} (${TYPES[type] ?? 'unknown'}) at offset 0x10 is not an executable`);
  }
  const machineNumber = header.getUint16(18, true);
  const machine = MACHINES[machineNumber] ?? { name: `machine ${machineNumber}`, isa: 'other' };
  if (machine.isa !== 'x86-64') refuse(`built for ${machine.name} (offset 0x12); x86-64 is what runs here`);
  const phdrs = readProgramHeaders(source, header, refuse);
  const segments = checkSegments(phdrs, size, type === ET_DYN, refuse);
  const entry = word(header, 24);
  if (!segments.some((s) => entry >= s.address && entry < s.address + s.memorySize)) {
    refuse(`entry point ${hex(entry)} (offset 0x18) lies in no segment`);
  }
  const interpreter = readInterpreter(source, phdrs, refuse);
  const dynamic = phdrs.find((p) => p.type === PT_DYNAMIC);
  let details: ReturnType<typeof readDynamic> | undefined;
  let symbols: ReturnType<typeof readSymbols> | undefined;
  let starts: readonly number[] | undefined;
  const unwinding = phdrs.find((p) => p.type === PT_GNU_EH_FRAME);
  const dynamicDetails = () => {
    details ??= readDynamic(source, segments, dynamic?.offset ?? 0, dynamic?.fileSize ?? 0);
    return details;
  };
  return {
    format: 'elf',
    isa: machine.isa,
    os: detectOs(source, head, phdrs, interpreter),
    relocatable: type === ET_DYN,
    entry,
    segments,
    interpreter,
    phdr: { address: phdrAddress(phdrs, word(header, 32)), count: phdrs.length, size: PHDR_SIZE },
    executableStack: phdrs.some((p) => p.type === PT_GNU_STACK && (p.flags & PF_X) !== 0),
    get needed() {
      return dynamicDetails().needed;
    },
    get imports() {
      return dynamicDetails().imports;
    },
    symbols() {
      symbols ??= readSymbols(source, header);
      return symbols;
    },
    functionStarts() {
      starts ??= unwinding ? readFunctionStarts(source, unwinding.offset, unwinding.address, unwinding.fileSize) : [];
      return starts;
    },
  };
}

type Refuse = (what: string, errno?: string) => never;

function checkIdentity(head: Uint8Array, header: DataView, refuse: Refuse): void {
  const machine = MACHINES[header.getUint16(18, head[5] !== 2)]?.name ?? 'an unknown machine';
  if (head[4] === 1) refuse(`a 32-bit ELF file for ${machine} (class 1 at offset 0x4); 64-bit programs run here`);
  if (head[4] !== 2) refuse(`ELF class ${head[4]} at offset 0x4 is neither 32 nor 64 bits`);
  if (head[5] !== 1) refuse(`ELF byte order ${head[5]} at offset 0x5 is not little-endian (${machine})`);
}

function readProgramHeaders(source: ByteSource, header: DataView, refuse: Refuse): ProgramHeader[] {
  const table = word(header, 32);
  const entrySize = header.getUint16(54, true);
  const count = header.getUint16(56, true);
  if (entrySize !== PHDR_SIZE) refuse(`program headers of ${entrySize} bytes (offset 0x36), not ${PHDR_SIZE}`);
  if (count === 0) refuse('no program headers (offset 0x38)');
  if (count * PHDR_SIZE > MAX_PHDR_BYTES) refuse(`${count} program headers (offset 0x38) are too many`);
  const bytes = readBytes(source, table, count * PHDR_SIZE);
  if (!bytes) refuse(`truncated: program headers at offset ${hex(table)} lie beyond the end, ${hex(source.size())}`);
  const view = viewOf(bytes!);
  return Array.from({ length: count }, (_, i) => {
    const at = i * PHDR_SIZE;
    return {
      type: view.getUint32(at, true),
      flags: view.getUint32(at + 4, true),
      offset: word(view, at + 8),
      address: word(view, at + 16),
      fileSize: word(view, at + 32),
      memorySize: word(view, at + 40),
      align: word(view, at + 48),
      at: table + at,
    };
  });
}

/** The PT_LOAD entries that map anything, sorted, each within file and address space, none overlapping. */
function checkSegments(phdrs: ProgramHeader[], size: number, relocatable: boolean, refuse: Refuse): Segment[] {
  const loads = phdrs.filter((p) => p.type === PT_LOAD && p.memorySize > 0).sort((a, b) => a.address - b.address);
  if (loads.length === 0) refuse('no segment to load');
  let end = 0;
  for (const load of loads) {
    const where = `segment at ${hex(load.address)} (program header at offset ${hex(load.at)})`;
    if (load.fileSize > load.memorySize) {
      refuse(`${where} has ${hex(load.fileSize)} bytes in the file but ${hex(load.memorySize)} in memory`);
    }
    if (load.memorySize > MAX_SPAN || load.address + load.memorySize > ADDRESS_LIMIT) {
      refuse(`${where} of ${hex(load.memorySize)} bytes does not fit into the address space`);
    }
    if (load.offset + load.fileSize > size) {
      refuse(`truncated: ${where} ends at file offset ${hex(load.offset + load.fileSize)}, the file at ${hex(size)}`);
    }
    if (load.fileSize > 0 && load.offset % 4096 !== load.address % 4096) {
      refuse(`${where} and its file offset ${hex(load.offset)} differ modulo the page size`);
    }
    if (!relocatable && load.address < 0x1_0000) refuse(`${where} lies below the lowest mappable address`);
    if (load.address < end) refuse(`${where} overlaps the one before it, which ends at ${hex(end)}`);
    end = load.address + load.memorySize;
  }
  if (end - loads[0].address > MAX_SPAN) refuse(`segments span ${hex(end - loads[0].address)} bytes`);
  return loads.map((load) => ({
    address: load.address,
    memorySize: load.memorySize,
    fileOffset: load.offset,
    fileSize: load.fileSize,
    prot:
      (load.flags & PF_R ? PROT_READ : 0) | (load.flags & PF_W ? PROT_WRITE : 0) | (load.flags & PF_X ? PROT_EXEC : 0),
  }));
}

function readInterpreter(source: ByteSource, phdrs: ProgramHeader[], refuse: Refuse): string | undefined {
  const header = phdrs.find((p) => p.type === PT_INTERP);
  if (!header) return undefined;
  if (header.fileSize < 2 || header.fileSize > MAX_INTERPRETER) {
    refuse(`interpreter name of ${header.fileSize} bytes (program header at offset ${hex(header.at)})`);
  }
  const bytes = readBytes(source, header.offset, header.fileSize);
  if (!bytes) refuse(`truncated: interpreter name at offset ${hex(header.offset)} lies beyond the end`);
  if (bytes![bytes!.length - 1] !== 0) refuse(`interpreter name at offset ${hex(header.offset)} does not end in NUL`);
  return textOf(bytes!.subarray(0, bytes!.indexOf(0)));
}

/** Where the program headers are in memory: what PT_PHDR says, else wherever a segment brings them along. */
function phdrAddress(phdrs: ProgramHeader[], table: number): number {
  const own = phdrs.find((p) => p.type === PT_PHDR);
  if (own) return own.address;
  const load = phdrs.find((p) => p.type === PT_LOAD && table >= p.offset && table < p.offset + p.fileSize);
  return load ? load.address + (table - load.offset) : 0;
}

const OSABI: Record<number, Image['os']> = { 2: 'netbsd', 3: 'linux', 9: 'freebsd', 12: 'openbsd' };
const NOTE_OWNERS: Record<string, Image['os']> = {
  FreeBSD: 'freebsd',
  NetBSD: 'netbsd',
  OpenBSD: 'openbsd',
  Android: 'linux',
};

/** An ABI note says most, then EI_OSABI, then the interpreter's name; a file that says nothing is what Linux runs. */
function detectOs(
  source: ByteSource,
  head: Uint8Array,
  phdrs: ProgramHeader[],
  interpreter: string | undefined,
): Image['os'] {
  for (const header of phdrs) {
    if (header.type !== PT_NOTE || header.fileSize > 0x1_0000) continue;
    const notes = readBytes(source, header.offset, header.fileSize);
    const os = notes && osFromNotes(notes);
    if (os) return os;
  }
  const marked = OSABI[head[7]];
  if (marked) return marked;
  if (interpreter?.includes('ld-elf.so'))
    return interpreter.startsWith('/libexec/ld-elf.so') && !interpreter.includes('netbsd') ? 'freebsd' : 'netbsd';
  if (interpreter?.includes('/ld.so')) return 'openbsd';
  return head[7] === 0 ? 'linux' : 'unknown';
}

function osFromNotes(notes: Uint8Array): Image['os'] | undefined {
  const view = viewOf(notes);
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = view.getUint32(at, true);
    const descriptorSize = view.getUint32(at + 4, true);
    const type = view.getUint32(at + 8, true);
    const descriptor = at + 12 + Math.ceil(nameSize / 4) * 4;
    if (descriptor + descriptorSize > notes.length) return undefined;
    const owner = String.fromCharCode(...notes.subarray(at + 12, at + 12 + Math.min(16, Math.max(0, nameSize - 1))));
    if (owner === 'GNU' && type === 1 && descriptorSize >= 4) {
      return view.getUint32(descriptor, true) === 3
        ? 'freebsd'
        : view.getUint32(descriptor, true) === 0
          ? 'linux'
          : 'unknown';
    }
    if (type === 1 && NOTE_OWNERS[owner]) return NOTE_OWNERS[owner];
    at = descriptor + Math.ceil(descriptorSize / 4) * 4;
  }
  return undefined;
}
