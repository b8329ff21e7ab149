/* qsort of the C library with a callback, and a quicksort with the comparison inline. */
#define COUNT 12
#include "kernel.h"
enum { N = 200000 };
static u32 data[N];
static int compare(const void *a, const void *b) { u32 x = *(u32 *)a, y = *(u32 *)b; return x < y ? -1 : x > y; }
static void quick(u32 *v, i64 n) {
  while (n > 1) {
    u32 pivot = v[(n - 1) / 2]; i64 i = -1, j = n;
    for (;;) { do i++; while (v[i] < pivot); do j--; while (v[j] > pivot); if (i >= j) break; u32 t = v[i]; v[i] = v[j]; v[j] = t; }
    quick(v, j + 1); v += j + 1; n -= j + 1;
  }
}
static u64 kernel(u64 count) {
  u64 h = 0; u32 seed = 1;
  while (count--) {
    for (int i = 0; i < N; i++) data[i] = seed = seed * 1664525 + 1013904223;
    if (count & 1) qsort(data, N, sizeof *data, compare); else quick(data, N);
    h = mix(h, data[N / 3]);
  }
  return h;
}
