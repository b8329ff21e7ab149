import { describe, expect, test } from 'vitest';
import { bytesAsSource } from '../../src/loader/byte-source.ts';
import { readElf } from '../../src/loader/elf.ts';
import { LoadError } from '../../src/loader/load-error.ts';
import { type ElfSpec, makeElf } from './elf-maker.ts';

const CODE = { flags: 5, offset: 0x1000, address: 0x40_1000, fileSize: 0x100 };
const read = (bytes: Uint8Array) => readElf(bytesAsSource(bytes), 'prog');
const readMade = (spec: ElfSpec = {}) => read(makeElf(spec));

/** The one-line message of the refusal. */
function refusal(bytes: Uint8Array): string {
  try {
    read(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(LoadError);
    expect((error as LoadError).exitCode).toBe(126);
    expect((error as LoadError).message).not.toContain('\n');
    return `${(error as LoadError).errno} ${(error as LoadError).message}`;
  }
  return 'accepted';
}
const refusalOf = (spec: ElfSpec) => refusal(makeElf(spec));
const segmentRefusal = (...segments: NonNullable<ElfSpec['segments']>) => refusalOf({ segments: [CODE, ...segments] });

describe('an ELF file', () => {
  test('becomes an image', () => {
    const image = readMade();
    expect(image).toMatchObject({ format: 'elf', isa: 'x86-64', os: 'linux', relocatable: false, entry: 0x40_1000 });
    expect(image.segments).toEqual([
      { address: 0x40_1000, memorySize: 0x100, fileOffset: 0x1000, fileSize: 0x100, prot: 5 },
      { address: 0x40_2100, memorySize: 0x3000, fileOffset: 0x1100, fileSize: 0x80, prot: 3 },
    ]);
    expect([image.interpreter, image.needed, image.imports, image.symbols()]).toEqual([undefined, [], [], []]);
  });
  test('names its interpreter and asks for an executable stack', () => {
    const image = readMade({
      type: 3,
      segments: [CODE, { type: 3, offset: 0x1800, fileSize: 28 }, { type: 0x6474_e551, flags: 7 }],
      data: { 6144: '/lib64/ld-linux-x86-64.so.2\0' },
    });
    expect(image).toMatchObject({
      relocatable: true,
      interpreter: '/lib64/ld-linux-x86-64.so.2',
      executableStack: true,
    });
  });
  test('finds its program headers through PT_PHDR, or the segment that holds them, or not at all', () => {
    expect(readMade().phdr.address).toBe(0);
    const whole = { flags: 5, offset: 0, address: 0x40_0000, fileSize: 0x1100 };
    expect(readMade({ segments: [whole] }).phdr).toEqual({ address: 0x40_0040, count: 1, size: 56 });
    expect(readMade({ segments: [CODE, { type: 6, address: 0x40_1040 }] }).phdr.address).toBe(0x40_1040);
  });
  test('tells its system by note, then by OSABI, then by interpreter', () => {
    const note = (owner: string, description: number) => {
      const bytes = new Uint8Array(32);
      const view = new DataView(bytes.buffer);
      view.setUint32(0, owner.length + 1, true);
      view.setUint32(4, 4, true);
      view.setUint32(8, 1, true);
      bytes.set(new TextEncoder().encode(owner), 12);
      view.setUint32(12 + Math.ceil((owner.length + 1) / 4) * 4, description, true);
      return readMade({ segments: [CODE, { type: 4, offset: 0x1800, fileSize: 32 }], data: { 6144: bytes } }).os;
    };
    expect([note('FreeBSD', 1400000), note('GNU', 0), note('NetBSD', 1), note('OpenBSD', 0)]).toEqual([
      'freebsd',
      'linux',
      'netbsd',
      'openbsd',
    ]);
    expect([0, 3, 9, 6].map((osabi) => readMade({ osabi }).os)).toEqual(['linux', 'linux', 'freebsd', 'unknown']);
    const byInterpreter = (path: string) =>
      readMade({
        segments: [CODE, { type: 3, offset: 0x1800, fileSize: path.length + 1 }],
        data: { 6144: `${path}\0` },
      }).os;
    expect(byInterpreter('/libexec/ld-elf.so.1')).toBe('freebsd');
  });
});

describe('refused with what was found and where', () => {
  test('files of another kind', () => {
    expect(refusal(new Uint8Array(0))).toBe('ENOEXEC prog: an empty file, not an ELF executable (offset 0x0)');
    expect(refusal(new TextEncoder().encode('echo hi\n'))).toContain('a text file without #!');
    expect(refusal(new TextEncoder().encode('MZ....'))).toContain('a DOS or Windows executable');
    expect(refusal(new Uint8Array([0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1]))).toContain('Mach-O');
  });
  test('truncation', () => {
    expect(refusal(makeElf().subarray(0, 40))).toContain('truncated: 40 bytes, the ELF header has 64');
    expect(refusal(makeElf().subarray(0, 100))).toContain('program headers at offset 0x40 lie beyond the end, 0x64');
    expect(refusal(makeElf().subarray(0, 0x1010))).toContain('ends at file offset 0x1100, the file at 0x1010');
  });
  test('wrong class, byte order, type and machine', () => {
    const patched = (at: number, value: number) => {
      const bytes = makeElf();
      bytes[at] = value;
      return refusal(bytes);
    };
    expect(patched(4, 1)).toContain('a 32-bit ELF file for x86-64 (class 1 at offset 0x4)');
    expect(patched(4, 9)).toContain('ELF class 9 at offset 0x4');
    expect(patched(5, 2)).toContain('byte order 2 at offset 0x5');
    expect(refusalOf({ type: 1 })).toContain('ELF type 1 (a relocatable object) at offset 0x10');
    expect(refusalOf({ machine: 183 })).toContain('built for AArch64 (offset 0x12)');
  });
  test('absurd program headers', () => {
    const patched = (at: number, value: number) => {
      const bytes = makeElf();
      new DataView(bytes.buffer).setUint16(at, value, true);
      return refusal(bytes);
    };
    expect(patched(54, 32)).toContain('program headers of 32 bytes (offset 0x36)');
    expect(patched(56, 0)).toContain('no program headers (offset 0x38)');
    expect(patched(56, 5000)).toContain('5000 program headers (offset 0x38) are too many');
    expect(refusalOf({ segments: [{ type: 4 }] })).toContain('no segment to load');
  });
  test('segments that cannot be', () => {
    const high = { address: 0x50_0000, offset: 0, fileSize: 0 };
    expect(segmentRefusal({ ...high, fileSize: 0x100, memorySize: 0x80 })).toContain(
      '0x100 bytes in the file but 0x80 in memory',
    );
    expect(segmentRefusal({ ...high, memorySize: 0xffff_ffff_ffff_f000n })).toContain(
      'does not fit into the address space',
    );
    expect(segmentRefusal({ ...high, offset: 0x100, fileSize: 16 })).toContain('differ modulo the page size');
    expect(segmentRefusal({ address: 0x40_10f0, memorySize: 16 })).toContain(
      'overlaps the one before it, which ends at 0x401100',
    );
    expect(segmentRefusal({ address: 0x1000, memorySize: 16 })).toContain('below the lowest mappable address');
    expect(segmentRefusal({ address: 0x40_0000_0000, memorySize: 16 })).toContain('segments span');
  });
  test('an entry point outside and a broken interpreter name', () => {
    expect(refusalOf({ entry: 0x1234 })).toContain('entry point 0x1234 (offset 0x18) lies in no segment');
    expect(segmentRefusal({ type: 3, offset: 0x1800, fileSize: 1 })).toContain('interpreter name of 1 bytes');
    expect(segmentRefusal({ type: 3, offset: 0x1800, fileSize: 4 })).toContain('does not end in NUL');
    expect(segmentRefusal({ type: 3, offset: 0x9000, fileSize: 4 })).toContain('lies beyond the end');
  });
});
