/** CRC-32 as in ISO 3309 and gzip, of what is too little to load node:zlib for. */
import { once } from './once.ts';

/** Of four bits: a table for bytes takes longer to make than a start has to sum up. */
const table = once(() => {
  const table = new Int32Array(16);
  for (let n = 0; n < 16; n++) {
    let c = n;
    for (let k = 0; k < 4; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    table[n] = c;
  }
  return table;
});

export function crc32(bytes: Uint8Array): number {
  const step = table();
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    crc = step[(crc ^ bytes[i]) & 15] ^ (crc >>> 4);
    crc = step[(crc ^ (bytes[i] >>> 4)) & 15] ^ (crc >>> 4);
  }
  return ~crc >>> 0;
}
