/** Our own CRC-32 against zlib's. */
import { crc32 as zlibs } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32 } from '../../src/base/crc32.ts';

test('the check value of the catalogue', () => expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926));
test('of any bytes, as zlib has it', () =>
  fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => crc32(bytes) === zlibs(bytes))));
