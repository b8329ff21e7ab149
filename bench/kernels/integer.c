/* Arithmetic, logic and shifts in registers; branches that depend on data. */
#define COUNT 150000000
#include "kernel.h"
static u64 kernel(u64 count) {
  u32 a = 1, b = 2, c = 3;
  for (u64 i = 0; i < count; i++) {
    a += b ^ c; b = b << 7 | b >> 25; c -= a >> 3;
    if (a & 4) c ^= (u32)i; else b += c;
  }
  return (u64)a << 32 ^ (u64)b << 16 ^ c;
}
