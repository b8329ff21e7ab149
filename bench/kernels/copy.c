/* Block copies and fills: REP MOVSB and STOSQ, vector loops, short and long. */
#define COUNT 17000
#include "kernel.h"
static u8 a[1 << 20], b[1 << 20];
static inline void rep_movsb(void *to, const void *from, u64 n) { __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory"); }
static inline void rep_stosq(void *to, u64 v, u64 n) { __asm__ volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(v) : "memory"); }
static u64 kernel(u64 count) {
  u64 h = 0;
  for (int i = 0; i < 1 << 20; i++) a[i] = i * 31;
  while (count--) {
    rep_movsb(b, a, 1 << 17); rep_stosq(b + 4096, count, 1024);
    for (int i = 0; i < 2000; i++) { memcpy(b + i * 50, a + i * 61, 37 + (i & 63)); memmove(b + i, b + i + 3, 20); }
    memcpy(a + (count & 1023), b, 100000);
    h = mix(h, b[count & 0xffff] + a[4097]);
  }
  return h;
}
