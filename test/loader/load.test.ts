import { expect, test } from 'vitest';
import { MemoryFault } from '../../src/base/failures.ts';
import { bytesAsSource } from '../../src/loader/byte-source.ts';
import { readElf } from '../../src/loader/elf.ts';
import { loadProgram, type Program } from '../../src/loader/load.ts';
import { AddressSpace } from '../../src/memory/address-space.ts';
import { type ElfSpec, makeElf } from './elf-maker.ts';

function program(spec: ElfSpec = {}, path = '/bin/prog'): Program {
  const source = bytesAsSource(makeElf(spec));
  return { image: readElf(source, path), file: { ...source, writeAt: () => 0, mapKey: {} }, path };
}

const PIE: ElfSpec = {
  type: 3,
  entry: 0x1010,
  segments: [
    { flags: 4, offset: 0, address: 0, fileSize: 0x200 },
    { flags: 5, offset: 0x1000, address: 0x1000, fileSize: 0x100 },
  ],
};

test('a fixed program lies where it says, its BSS is zero, its heap follows', () => {
  const space = new AddressSpace();
  const loaded = loadProgram(space, program());
  expect(loaded).toMatchObject({ start: 0x40_1000, entry: 0x40_1000, bias: 0, interpreterBase: 0 });
  expect(space.readU8(0x40_1000)).toBe(0xcc);
  expect(space.readU8(0x40_217f)).toBe(0xcc);
  expect(space.copyIn(0x40_2180, 0x2f80).every((b) => b === 0)).toBe(true);
  expect(space.brk(0)).toBe(0x40_6000);
  expect(() => space.writeU8(0x40_1000, 1)).toThrow(expect.any(MemoryFault));
  expect(
    space.mappings().map((m) => `${m.start.toString(16)}-${m.end.toString(16)} ${m.prot} ${m.name}`.trim()),
  ).toEqual([
    '401000-402000 5 /bin/prog',
    '402000-403000 3 /bin/prog',
    '403000-406000 3',
    `${(loaded.stackTop - 0x2_1000).toString(16)}-${loaded.stackTop.toString(16)} 3 [stack]`,
  ]);
});

test('a position-independent program and its interpreter get places of their own', () => {
  const space = new AddressSpace();
  const loaded = loadProgram(space, program(PIE), program(PIE, '/lib/ld.so'));
  expect(loaded.entry).toBe(loaded.bias + 0x1010);
  expect(loaded.start).toBe(loaded.interpreterBase + 0x1010);
  expect(loaded.phdr.address).toBe(loaded.bias + 64);
  expect(loaded.interpreterBase).toBe(space.mapBase);
  expect(space.mappingAt(loaded.start)).toMatchObject({ name: '/lib/ld.so', prot: 5, offset: 0x1000 });
});

test('a BSS segment on the last page of data leaves the data alone', () => {
  const space = new AddressSpace();
  loadProgram(
    space,
    program({
      segments: [
        { flags: 7, offset: 0x1000, address: 0x40_1000, fileSize: 0x100 },
        { flags: 6, address: 0x40_1200, memorySize: 0x2000 },
      ],
    }),
  );
  expect(space.readU8(0x40_1050)).toBe(0xcc);
  expect(space.readU8(0x40_3000)).toBe(0);
});

test('a BSS segment on the last page of code has that page to itself', () => {
  const space = new AddressSpace();
  loadProgram(
    space,
    program({
      segments: [
        { flags: 5, offset: 0x1000, address: 0x40_1000, fileSize: 0x100, memorySize: 0x1002 },
        { flags: 6, address: 0x40_2200, memorySize: 0x100 },
      ],
    }),
  );
  space.writeU8(0x40_2210, 1);
  expect(space.readU8(0x40_2000)).toBe(0);
});

test('an image above the window runs from far memory, its stack lies in the window', () => {
  const high: ElfSpec = {
    entry: 0x1_4000_1000,
    segments: [{ flags: 5, offset: 0x1000, address: 0x1_4000_1000, fileSize: 16 }],
  };
  const space = new AddressSpace();
  const loaded = loadProgram(space, program(high));
  expect(space.fetch(loaded.start, 4)).toEqual(new Uint8Array(4).fill(0xcc));
  expect(loaded.stackTop).toBeLessThan(2 ** 32);
});

test('an image at the top of the window leaves the room below to everything else', () => {
  const space = new AddressSpace();
  const top: ElfSpec = {
    entry: 0xf000_1000,
    segments: [{ flags: 5, offset: 0x1000, address: 0xf000_1000, fileSize: 16 }],
  };
  const loaded = loadProgram(space, program(top));
  expect(loaded.stackTop).toBeLessThan(0xf000_0000);
  space.writeU8(loaded.stackTop - (7 << 20), 1);
  expect(space.map({ address: 0, length: 4096, prot: 3 })).toBeGreaterThan(loaded.stackTop);
});
