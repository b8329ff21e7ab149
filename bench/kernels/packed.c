/* Packed float and double of SSE2: a filter, a dot product, a blend by comparison. */
#define COUNT 420000
#include "kernel.h"
#include <emmintrin.h>
enum { N = 8192 };
static float x[N + 16] __attribute__((aligned(16))), y[N + 16] __attribute__((aligned(16)));
static u64 kernel(u64 count) {
  for (int i = 0; i < N + 16; i++) x[i] = i % 97 * 0.25f, y[i] = i % 31 - 15;
  __m128 total = _mm_setzero_ps(); __m128d wide = _mm_setzero_pd(); const __m128 half = _mm_set1_ps(0.5f), limit = _mm_set1_ps(40);
  while (count--) {
    for (int i = 0; i < N; i += 4) {
      __m128 v = _mm_add_ps(_mm_mul_ps(_mm_load_ps(x + i), half), _mm_mul_ps(_mm_loadu_ps(x + i + 1), half));
      __m128 big = _mm_cmpgt_ps(v, limit);
      v = _mm_or_ps(_mm_and_ps(big, limit), _mm_andnot_ps(big, v));
      total = _mm_add_ps(total, _mm_mul_ps(v, _mm_load_ps(y + i)));
    }
    wide = _mm_add_pd(wide, _mm_cvtps_pd(total)); total = _mm_mul_ps(total, _mm_set1_ps(0.0625f));
  }
  u64 h[2]; memcpy(h, &wide, 16); return mix(h[0], h[1]);
}
