/* The C library's own string functions, formatting and parsing. */
#define COUNT 1200000
#include "kernel.h"
static u64 kernel(u64 count) {
  u64 h = 0; char b[256], c[256];
  for (u64 i = 0; i < count; i++) {
    int n = snprintf(b, sizeof b, "%llu:%s:%08x:%-10d|", (unsigned long long)i * 77777, "name", (u32)(i * 2654435761u), (int)i);
    memcpy(c, b, n + 1); h += strlen(c) + (strchr(c, '|') - c) + strcmp(b, c);
    char *end; h = mix(h, strtoul(c, &end, 10)); h += memcmp(end, ":name:", 6) == 0;
    h += (u64)strstr(c, "me:") - (u64)c; memset(b, 'x', 100);
  }
  return h;
}
