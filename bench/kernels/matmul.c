/* Scalar double arithmetic over arrays: a matrix product. */
#define COUNT 90
#include "kernel.h"
enum { N = 300 };
static double a[N][N], b[N][N], c[N][N];
static u64 kernel(u64 count) {
  for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) a[i][j] = i - j * 0.5, b[i][j] = i * 0.25 + j;
  while (count--) {
    for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) { double s = 0; for (int k = 0; k < N; k++) s += a[i][k] * b[k][j]; c[i][j] = s; }
    a[count % N][3] += c[1][2] * 1e-9;
  }
  u64 h; memcpy(&h, &c[17][29], 8); return h;
}
