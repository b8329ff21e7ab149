/* CRC-32 by table: a dependent load for each byte. */
#define COUNT 8200
#include "kernel.h"
static u32 table[256];
static u64 kernel(u64 count) {
  static u8 data[1 << 15]; u32 c = ~0u;
  for (u32 i = 0; i < 256; i++) { u32 v = i; for (int j = 0; j < 8; j++) v = v >> 1 ^ (v & 1 ? 0xedb88320 : 0); table[i] = v; }
  for (int i = 0; i < 1 << 15; i++) data[i] = i * 41 >> 3;
  while (count--) for (int i = 0; i < 1 << 15; i++) c = table[(c ^ data[i]) & 255] ^ c >> 8;
  return c;
}
