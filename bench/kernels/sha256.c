/* SHA-256: rotates and additions with many live values. */
#define COUNT 5200
#include "kernel.h"
static u32 k[64];
static inline u32 r(u32 x, int n) { return x >> n | x << (32 - n); }
static NOINLINE void block(u32 *s, const u8 *p) {
  u32 w[64];
  for (int i = 0; i < 16; i++) { memcpy(&w[i], p + 4 * i, 4); w[i] = __builtin_bswap32(w[i]); }
  for (int i = 16; i < 64; i++) w[i] = w[i - 16] + (r(w[i - 15], 7) ^ r(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] + (r(w[i - 2], 17) ^ r(w[i - 2], 19) ^ w[i - 2] >> 10);
  u32 a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
  for (int i = 0; i < 64; i++) {
    u32 t = h + (r(e, 6) ^ r(e, 11) ^ r(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i], u = (r(a, 2) ^ r(a, 13) ^ r(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g; g = f; f = e; e = d + t; d = c; c = b; b = a; a = t + u;
  }
  s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e; s[5] += f; s[6] += g; s[7] += h;
}
static u64 kernel(u64 count) {
  static u8 data[1 << 15]; u32 s[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  for (int i = 0; i < 64; i++) k[i] = (i + 1) * 0x9e3779b9;
  for (int i = 0; i < 1 << 15; i++) data[i] = i * 37;
  while (count--) for (int i = 0; i < 1 << 15; i += 64) block(s, data + i);
  return (u64)s[0] << 32 | s[5];
}
