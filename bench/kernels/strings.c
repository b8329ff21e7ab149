/* Byte loops of the kind a C library has: length, compare, search, copy, case, split. */
#define COUNT 14000
#include "kernel.h"
static NOINLINE u64 length(const char *s) { const char *p = s; while (*p) p++; return p - s; }
static NOINLINE int compare(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return (u8)*a - (u8)*b; }
static NOINLINE const char *find(const char *s, const char *what) { for (; *s; s++) { const char *a = s, *b = what; while (*b && *a == *b) a++, b++; if (!*b) return s; } return 0; }
static NOINLINE void copy(char *to, const char *from) { while ((*to++ = *from++)); }
static NOINLINE void upper(char *s) { for (; *s; s++) if (*s >= 'a' && *s <= 'z') *s -= 32; }
static u64 kernel(u64 count) {
  static char text[32768], other[32768];
  u32 seed = 5; u64 h = 0;
  for (int i = 0; i < 32767; i++) { seed = seed * 1664525 + 1013904223; text[i] = seed >> 24 & 7 ? 'a' + (seed >> 16) % 26 : ' '; }
  while (count--) {
    copy(other, text); h += length(other);
    other[count % 32000] = '#';
    h = mix(h, compare(text, other)); h += find(other, "#") - other;
    upper(other);
    for (const char *p = other; *p;) { while (*p == ' ') p++; if (*p) h++; while (*p && *p != ' ') p++; }
  }
  return h;
}
