/* Pointer chasing through a random cycle that fits the cache. */
#define COUNT 560000000
#include "kernel.h"
enum { N = 1 << 12 };
static void *cell[N];
static u64 kernel(u64 count) {
  static u32 order[N]; u32 seed = 7;
  for (int i = 0; i < N; i++) order[i] = i;
  for (int i = N - 1; i > 0; i--) { seed = seed * 1664525 + 1013904223; int j = (seed >> 8) % (i + 1); u32 t = order[i]; order[i] = order[j]; order[j] = t; }
  for (int i = 0; i < N; i++) cell[order[i]] = &cell[order[(i + 1) % N]];
  void **p = cell;
  while (count--) p = *p;
  return p - cell;
}
