/* Packed integers of SSE2: saturating blend, sums of differences, byte comparison with a mask. */
#define COUNT 550000
#include "kernel.h"
#include <emmintrin.h>
enum { N = 16384 };
static u8 a[N] __attribute__((aligned(16))), b[N] __attribute__((aligned(16)));
static u64 kernel(u64 count) {
  u64 h = 0;
  for (int i = 0; i < N; i++) a[i] = i * 7, b[i] = i * 13 + (i >> 8);
  while (count--) {
    __m128i sum = _mm_setzero_si128(), zero = sum; u32 marks = 0;
    for (int i = 0; i < N; i += 16) {
      __m128i v = _mm_load_si128((__m128i *)(a + i)), w = _mm_load_si128((__m128i *)(b + i));
      sum = _mm_add_epi64(sum, _mm_sad_epu8(v, w));
      __m128i lo = _mm_mullo_epi16(_mm_unpacklo_epi8(v, zero), _mm_set1_epi16(3)), hi = _mm_mullo_epi16(_mm_unpackhi_epi8(v, zero), _mm_set1_epi16(3));
      v = _mm_packus_epi16(_mm_srli_epi16(lo, 2), _mm_srli_epi16(hi, 2));
      v = _mm_adds_epu8(v, _mm_set1_epi8(64));
      marks += _mm_movemask_epi8(_mm_cmpeq_epi8(v, w));
      _mm_store_si128((__m128i *)(a + i), v);
    }
    h = mix(h, _mm_cvtsi128_si64(sum) + marks);
  }
  return h;
}
