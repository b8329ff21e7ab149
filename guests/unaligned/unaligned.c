/* Unaligned accesses of every width at every offset around a page edge, to one's own pages, the edge of a mapping, and by locked and vector instructions. */
#include "../lib/sys.h"
#include <emmintrin.h>
static u64 hash = 1;
static void mix(u64 v) { hash = (hash ^ v) * 0x9e3779b97f4a7c15UL; hash ^= hash >> 29; }
#define AT(type, at) (*(volatile type __attribute__((aligned(1), may_alias)) *)(at))
static int run(i64 *stack) {
  (void)stack;
  u8 *p = (u8 *)sys6(9, 0, 4 * 4096, 3, 0x22, -1, 0);
  for (int i = 0; i < 4 * 4096; i++) p[i] = i * 31 + (i >> 8);
  for (int edge = 4096; edge <= 8192; edge += 4096)
    for (int i = -17; i <= 17; i++) {
      u8 *q = p + edge + i;
      mix(AT(unsigned short, q)); mix(AT(u32, q)); mix(AT(u64, q));
      __m128i v = _mm_loadu_si128((__m128i *)q);
      mix(_mm_cvtsi128_si64(v)); mix(_mm_cvtsi128_si64(_mm_srli_si128(v, 8)));
      AT(unsigned short, q) = hash; mix(AT(u64, q - 3));
      AT(u32, q) = hash >> 7; mix(AT(u64, q - 1));
      AT(u64, q) = hash >> 3; mix(AT(u64, q + 1));
      _mm_storeu_si128((__m128i *)q, _mm_set_epi64x(hash, ~hash)); mix(AT(u64, q + 5));
      mix(__atomic_fetch_add((u32 *)q, 12345, __ATOMIC_SEQ_CST));
      mix(__atomic_exchange_n((u64 *)q, hash, __ATOMIC_SEQ_CST));
      double d = AT(double, q); u64 b; __builtin_memcpy(&b, &d, 8); mix(b);
      u64 rsp;
      __asm__ volatile("mov %%rsp, %0\n mov %1, %%rsp\n push %2\n pushw $7\n popw %%cx\n pop %%rdx\n mov %0, %%rsp" : "=&r"(rsp) : "r"(q + 8), "r"(hash) : "rcx", "rdx", "memory");
      mix(AT(u64, q));
      AT(u64, q)++; AT(unsigned short, q) -= 3; AT(u32, q + 1) ^= 0x55aa55aa; mix(AT(u64, q));
    }
  line_hex("around page edges", hash);
  /* The last bytes of a mapping may be used, though nothing follows. */
  sys2(11, p + 3 * 4096, 4096);
  u8 *end = p + 3 * 4096;
  AT(u64, end - 8) = 0x1122334455667788; AT(u32, end - 4) += 1; AT(unsigned short, end - 2) += 1; end[-1]++;
  mix(_mm_cvtsi128_si64(_mm_loadu_si128((__m128i *)(end - 16)))); mix(AT(u64, end - 8));
  line_hex("at the end of a mapping", AT(u64, end - 8));
  /* An aligned vector access in the middle, with the whole instruction crossing a page of code elsewhere. */
  _mm_store_si128((__m128i *)(p + 4096 - 16), _mm_set1_epi32(7));
  line("vector", AT(u32, p + 4096 - 4));
  line_hex("hash", hash);
  return 0;
}
