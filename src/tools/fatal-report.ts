/** The one line about a program that a signal ended: which, where (guest PC and symbol), at which address. */
import { GuestError } from '../base/failures.ts';
import type { FatalSignal } from '../kernel/kernel.ts';
import type { OpenFile } from '../kernel/open-file.ts';
import { readElf } from '../loader/elf.ts';
import { LoadError } from '../loader/load-error.ts';
import type { MappedFile } from '../memory/address-space.ts';
import { PAGE_SIZE } from '../memory/runtime-area.ts';
import type { Process } from '../process/process.ts';

const hex = (n: number) => `0x${n.toString(16)}`;

/** Must be made while the process still has its memory. */
export function fatalReport(process: Process, fatal: FatalSignal): string {
  const symbol = symbolAt(process, fatal.pc);
  const where = symbol ? `${hex(fatal.pc)} (${symbol})` : hex(fatal.pc);
  const faulty = fatal.address !== undefined && /^(SEGV|BUS)_/.test(String(fatal.code));
  const address = faulty ? `, address ${hex(fatal.address as number)}` : '';
  const code = /^[A-Z]+_/.test(String(fatal.code)) && !/^SI_/.test(String(fatal.code)) ? ` (${fatal.code})` : '';
  return `${process.name || process.executable}: ${fatal.signal}${code} at ${where}${address}`;
}

/** `function+0x12 in /path`, from the symbol table of whatever file is mapped there. */
export function symbolAt(process: Process, pc: number): string | undefined {
  const { space } = process;
  const mapping = space.mappingAt(pc);
  if (!mapping?.name.startsWith('/')) return undefined;
  const file = mapping.name.slice(mapping.name.lastIndexOf('/') + 1);
  let opened: OpenFile | undefined;
  try {
    opened = process.kernel.vfs.open(process.fs, undefined, mapping.name, { read: true }).retain();
    const image = readElf(opened as OpenFile & MappedFile, mapping.name);
    const first = space.mappings().find((one) => one.name === mapping.name) ?? mapping;
    const low = image.segments[0].address;
    const bias = image.relocatable ? first.start - (low - (low % PAGE_SIZE)) : 0;
    const wanted = pc - bias;
    let best: { address: number; size: number; name: string } | undefined;
    for (const symbol of image.symbols()) {
      if (symbol.address > wanted) break;
      if (wanted < symbol.address + Math.max(symbol.size, 1)) best = symbol;
    }
    return best ? `${best.name}+${hex(wanted - best.address)} in ${file}` : `in ${file}`;
  } catch (error) {
    if (error instanceof GuestError || error instanceof LoadError) return `in ${file}`;
    throw error;
  } finally {
    opened?.drop();
  }
}
