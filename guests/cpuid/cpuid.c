/* CPUID: the level x86-64-v2 is promised, and each promised instruction works. */
#include <cpuid.h>
#include <nmmintrin.h>
#include <pmmintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <tmmintrin.h>

int main(void) {
  unsigned a, b, c, d, max = __get_cpuid_max(0, 0);
  printf("leaves %d\n", max >= 1);
  __cpuid(1, a, b, c, d);
  printf("fpu %d cx8 %d cmov %d mmx %d fxsr %d sse %d sse2 %d\n", d & 1, d >> 8 & 1, d >> 15 & 1, d >> 23 & 1, d >> 24 & 1, d >> 25 & 1, d >> 26 & 1);
  printf("sse3 %d ssse3 %d cx16 %d sse41 %d sse42 %d popcnt %d\n", c & 1, c >> 9 & 1, c >> 13 & 1, c >> 19 & 1, c >> 20 & 1, c >> 23 & 1);
  __cpuid(0x80000001, a, b, c, d);
  printf("lahf %d syscall %d nx %d long mode %d\n", c & 1, d >> 11 & 1, d >> 20 & 1, d >> 29 & 1);
  char vendor[13] = {0};
  __cpuid(0, a, b, c, d);
  memcpy(vendor, &b, 4); memcpy(vendor + 4, &d, 4); memcpy(vendor + 8, &c, 4);
  printf("vendor %d\n", strlen(vendor) == 12);
  printf("popcnt %d crc %x\n", (int)_mm_popcnt_u64(0xf0f0), _mm_crc32_u32(1, 0x12345678));
  uint64_t before, after;
  unsigned lo, hi;
  __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)); before = (uint64_t)hi << 32 | lo;
  for (volatile int i = 0; i < 1000; i++);
  __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)); after = (uint64_t)hi << 32 | lo;
  printf("tsc runs %d\n", after > before);
  __asm__ volatile("stc\n lahf\n movzbl %%ah, %0" : "=a"(a));
  printf("carry in lahf %d\n", a & 1);
  return 0;
}
