/** Files in memory for mapping tests, which count how they are read. */
import type { MappedFile } from '../../src/memory/address-space.ts';

export interface TestFile extends MappedFile {
  bytes: Uint8Array;
  reads: number;
}

/** `length` bytes that tell their position, different for each seed. */
export function fileOf(length: number, seed = 1): TestFile {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 7 + (i >> 8) * 31 + seed * 101) & 0xff;
  const file: TestFile = {
    bytes,
    reads: 0,
    mapKey: {},
    size: () => file.bytes.length,
    readAt(into, position) {
      file.reads++;
      const part = file.bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
    writeAt(from, position) {
      file.bytes.set(from, position);
      return from.length;
    },
  };
  return file;
}
