/** A program file as loaders return it, whatever its format: what to map where, and what it needs. No IO here. */

export interface Segment {
  /** Virtual address as in the file, before any bias. */
  address: number;
  memorySize: number;
  fileOffset: number;
  fileSize: number;
  /** PROT_READ | PROT_WRITE | PROT_EXEC of memory/address-space.ts. */
  prot: number;
}

export interface Image {
  format: 'elf' | 'pe' | 'macho';
  isa: 'x86-64' | 'i386' | 'aarch64' | 'riscv64' | 'other';
  os: 'linux' | 'freebsd' | 'netbsd' | 'openbsd' | 'windows' | 'darwin' | 'unknown';
  /** Position independent: may be loaded anywhere. */
  relocatable: boolean;
  entry: number;
  segments: Segment[];
  /** Path of the program interpreter (PT_INTERP), if any. */
  interpreter: string | undefined;
  /** ELF program headers: where they lie in memory (0: not mapped), how many, and the size of one. */
  phdr: { address: number; count: number; size: number };
  /** PT_GNU_STACK asks for an executable stack. */
  executableStack: boolean;
  /** Needed libraries (DT_NEEDED, import table), for `inspect`. */
  needed: string[];
  /** Imported symbol names, for `inspect`. */
  imports: string[];
  /** Function symbols sorted by address, read lazily: fault reports and profiles. */
  symbols(): readonly { address: number; size: number; name: string }[];
  /** Where functions begin, sorted, as the tables for unwinding tell: also of programs without symbols. */
  functionStarts(): readonly number[];
}
