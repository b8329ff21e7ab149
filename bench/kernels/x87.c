/* long double: sums, products, divisions and comparisons in 80 bits. */
#define COUNT 83000000
#include "kernel.h"
static u64 kernel(u64 count) {
  long double sum = 0, x = 1, factor = 1.0000001L;
  for (u64 i = 1; i <= count; i++) { x *= factor; sum += x / i - (long double)i * 1e-12L; if (x > 2) x -= 1; }
  u64 h; memcpy(&h, &sum, 8); return h;
}
