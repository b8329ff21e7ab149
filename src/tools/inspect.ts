/** What a program file is and needs, for `hospes inspect`: reads the file, runs nothing. Call names and their support come from whoever knows the tables. */
import { type ByteSource, readBytes } from '../loader/byte-source.ts';
import { readElf } from '../loader/elf.ts';
import type { Image } from '../loader/image.ts';
import { LoadError } from '../loader/load-error.ts';
import { recognise } from '../loader/recognise.ts';
import { parseScript, SCRIPT_HEAD } from '../loader/script.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../memory/address-space.ts';

/** Name and support status of a system call, from the table of `os`. */
export type CallNames = (os: string, number: number) => { name: string; status: string } | undefined;

export interface Inspection {
  path: string;
  size: number;
  /** In words: 'an ELF file', 'a script', … */
  format: string;
  /** Why it cannot run here, if it cannot. */
  problem?: string;
  script?: { interpreter: string; argument?: string };
  program?: {
    isa: string;
    os: string;
    kind: 'fixed executable' | 'position-independent';
    entry: number;
    interpreter?: string;
    executableStack: boolean;
    needed: string[];
    imports: string[];
    segments: { address: number; memorySize: number; fileOffset: number; fileSize: number; access: string }[];
    /** System calls whose numbers stand right before a syscall instruction: a hint, neither complete nor certain. */
    calls: { number: number; name?: string; status?: string }[];
  };
}

export function inspect(source: ByteSource, path: string, names: CallNames = () => undefined): Inspection {
  const size = source.size();
  const head = readBytes(source, 0, Math.min(size, 512)) ?? new Uint8Array(0);
  const kind = recognise(head);
  const found: Inspection = { path, size, format: kind.description };
  if (kind.kind === 'script') {
    const script = parseScript(head.subarray(0, SCRIPT_HEAD));
    if (!script) return { ...found, problem: 'its #! line names no interpreter within the first 256 bytes' };
    const argument = script.argument && new TextDecoder().decode(script.argument);
    return { ...found, script: { interpreter: script.interpreter, ...(argument === undefined ? {} : { argument }) } };
  }
  try {
    return { ...found, program: describe(source, readElf(source, path), names) };
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return { ...found, problem: error.message.replace(`${path}: `, '') };
  }
}

function describe(source: ByteSource, image: Image, names: CallNames): Inspection['program'] {
  const calls = [...callNumbers(source, image)].sort((a, b) => a - b);
  return {
    isa: image.isa,
    os: image.os,
    kind: image.relocatable ? 'position-independent' : 'fixed executable',
    entry: image.entry,
    ...(image.interpreter === undefined ? {} : { interpreter: image.interpreter }),
    executableStack: image.executableStack,
    needed: image.needed,
    imports: image.imports,
    segments: image.segments.map(({ prot, ...segment }) => ({ ...segment, access: accessWord(prot) })),
    calls: calls.map((number) => ({ number, ...names(image.os, number) })),
  };
}

const accessWord = (prot: number) =>
  `${prot & PROT_READ ? 'r' : '-'}${prot & PROT_WRITE ? 'w' : '-'}${prot & PROT_EXEC ? 'x' : '-'}`;

/** How far before a syscall instruction its number is looked for. */
const LOOK_BACK = 24;
const CHUNK = 1 << 20;

function callNumbers(source: ByteSource, image: Image): Set<number> {
  const numbers = new Set<number>();
  for (const segment of image.segments) {
    if (!(segment.prot & PROT_EXEC)) continue;
    for (let from = 0; from < segment.fileSize; from += CHUNK) {
      const start = Math.max(0, from - LOOK_BACK);
      const length = Math.min(segment.fileSize, from + CHUNK + 1) - start;
      const code = readBytes(source, segment.fileOffset + start, length);
      if (code) scan(code, numbers);
    }
  }
  return numbers;
}

function scan(code: Uint8Array, numbers: Set<number>): void {
  for (let at = code.indexOf(0x0f); at >= 0; at = code.indexOf(0x0f, at + 1)) {
    if (code[at + 1] !== 0x05) continue;
    const number = numberBefore(code, at);
    if (number !== undefined) numbers.add(number);
  }
}

/** The nearest `mov eax, imm32` (also in its REX.W form) or `xor eax, eax` that precedes the call. */
function numberBefore(code: Uint8Array, call: number): number | undefined {
  for (let at = call - 2; at >= Math.max(0, call - LOOK_BACK); at--) {
    if (code[at] === 0x31 && code[at + 1] === 0xc0) return 0;
    const immediate = code[at] === 0xb8 ? at + 1 : code[at] === 0xc7 && code[at + 1] === 0xc0 ? at + 2 : -1;
    // Numbers are small: the upper half of the constant is zero.
    if (immediate < 0 || immediate + 4 > call || code[immediate + 2] !== 0 || code[immediate + 3] !== 0) continue;
    const number = code[immediate] | (code[immediate + 1] << 8);
    if (number < 1024) return number;
  }
  return undefined;
}

/** The inspection as text, a line for each fact. */
export function formatInspection(found: Inspection): string {
  const lines = [`${found.path}: ${found.format}, ${found.size} bytes`];
  const fact = (name: string, value: string) => lines.push(`  ${name.padEnd(12)} ${value}`);
  if (found.problem) fact('cannot run', found.problem);
  if (found.script) fact('interpreter', [found.script.interpreter, found.script.argument ?? ''].join(' ').trim());
  const program = found.program;
  if (!program) return lines.join('\n');
  fact('format', `ELF, ${program.isa}, ${program.os}, ${program.kind}`);
  fact('entry', `0x${program.entry.toString(16)}`);
  fact('interpreter', program.interpreter ?? 'none (static)');
  if (program.executableStack) fact('stack', 'executable');
  fact('libraries', program.needed.join(' ') || 'none');
  for (const s of program.segments) {
    const address = `0x${s.address.toString(16)}`.padEnd(12);
    fact(
      'segment',
      `${address} ${s.access}  ${s.memorySize} bytes, ${s.fileSize} from offset 0x${s.fileOffset.toString(16)}`,
    );
  }
  fact('imports', program.imports.length === 0 ? 'none' : `${program.imports.length}: ${program.imports.join(' ')}`);
  const byStatus = new Map<string, string[]>();
  for (const call of program.calls) {
    const status = call.status ?? 'not in the table';
    byStatus.set(status, [...(byStatus.get(status) ?? []), call.name ?? String(call.number)]);
  }
  for (const [status, calls] of byStatus) fact('calls', `${status}: ${calls.join(' ')}`);
  return lines.join('\n');
}
