/** What kind of file some bytes begin, by their magic numbers: for choosing a loader and for saying why there is none. */

export type FileKind = 'elf' | 'script' | 'pe' | 'macho' | 'other';

export interface Recognised {
  kind: FileKind;
  /** For a sentence: 'a Mach-O executable', 'an empty file', … */
  description: string;
}

const MAGICS: readonly { at: number; bytes: string; kind: FileKind; description: string }[] = [
  { at: 0, bytes: '\x7fELF', kind: 'elf', description: 'an ELF file' },
  { at: 0, bytes: '#!', kind: 'script', description: 'a script' },
  { at: 0, bytes: 'MZ', kind: 'pe', description: 'a DOS or Windows executable' },
  { at: 0, bytes: '\xcf\xfa\xed\xfe', kind: 'macho', description: 'a 64-bit Mach-O executable (macOS)' },
  { at: 0, bytes: '\xce\xfa\xed\xfe', kind: 'macho', description: 'a 32-bit Mach-O executable (macOS)' },
  { at: 0, bytes: '\xfe\xed\xfa', kind: 'macho', description: 'a big-endian Mach-O executable (macOS)' },
  { at: 0, bytes: '\0asm', kind: 'other', description: 'a WebAssembly module' },
  { at: 0, bytes: '!<arch>\n', kind: 'other', description: 'an ar archive (static library or Debian package)' },
  { at: 0, bytes: 'PK\x03\x04', kind: 'other', description: 'a zip archive' },
  { at: 0, bytes: '\x1f\x8b', kind: 'other', description: 'gzip data' },
  { at: 0, bytes: '\xfd7zXZ\0', kind: 'other', description: 'xz data' },
  { at: 0, bytes: 'BZh', kind: 'other', description: 'bzip2 data' },
  { at: 0, bytes: '\x28\xb5\x2f\xfd', kind: 'other', description: 'zstd data' },
  { at: 0, bytes: '\x4c\x01', kind: 'other', description: 'an i386 COFF file' },
  { at: 0, bytes: '\x07\x01', kind: 'other', description: 'an a.out file' },
  { at: 257, bytes: 'ustar', kind: 'other', description: 'a tar archive' },
];

/** Decide from the first bytes (512 are enough). */
export function recognise(head: Uint8Array): Recognised {
  if (head.length === 0) return { kind: 'other', description: 'an empty file' };
  for (const magic of MAGICS) {
    if (startsWith(head, magic.at, magic.bytes)) return magic;
  }
  // A Java class and a fat Mach-O file share their magic; the second word is a version or a small count.
  if (startsWith(head, 0, '\xca\xfe\xba\xbe')) {
    const fat = head.length >= 8 && head[4] === 0 && head[5] === 0 && head[6] === 0 && head[7] < 32;
    return fat
      ? { kind: 'macho', description: 'a universal Mach-O file (macOS)' }
      : { kind: 'other', description: 'a Java class' };
  }
  const text = head.every((byte) => byte >= 32 || (byte >= 7 && byte <= 13) || byte === 27);
  return { kind: 'other', description: text ? 'a text file without #!' : 'no known kind of executable' };
}

function startsWith(head: Uint8Array, at: number, magic: string): boolean {
  if (head.length < at + magic.length) return false;
  for (let i = 0; i < magic.length; i++) if (head[at + i] !== magic.charCodeAt(i)) return false;
  return true;
}
