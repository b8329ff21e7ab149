/* 64-bit multiply and divide, 128-bit products, and a bignum power: the weak spot of wasm. */
#define COUNT 1400
#include "kernel.h"
enum { N = 64 };
static void multiply(u64 *r, const u64 *a, const u64 *b) {
  memset(r, 0, 2 * N * 8);
  for (int i = 0; i < N; i++) { unsigned __int128 carry = 0; for (int j = 0; j < N; j++) { carry += (unsigned __int128)a[i] * b[j] + r[i + j]; r[i + j] = carry; carry >>= 64; } r[i + N] = carry; }
}
static u64 kernel(u64 count) {
  u64 a[N], b[N], r[2 * N], h = 1;
  for (int i = 0; i < N; i++) a[i] = b[i] = h = h * 6364136223846793005u + 1442695040888963407u;
  while (count--) {
    for (int k = 0; k < 100; k++) { multiply(r, a, b); memcpy(a, r + N / 2, sizeof a); }
    u64 q = a[3] | 1;
    for (int k = 1; k < 30000; k++) { h += (a[k & 63] + k) / (q >> (k & 31) | 1) + (i64)(a[k & 63]) % k; }
  }
  return h ^ a[7];
}
