/* Frame of every kernel: one count as argument, a checksum as output. The harness also runs it with SHORT (by default a
   fifth of COUNT): the difference of the two is the steady state, without start-up and most of the warm-up. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef uint8_t u8; typedef uint32_t u32; typedef uint64_t u64; typedef int64_t i64;
static u64 kernel(u64 count);
#ifndef COUNT
#error "COUNT: iterations that take about half a second natively"
#endif
int main(int argc, char **argv) {
  printf("%016llx\n", (unsigned long long)kernel(argc > 1 ? strtoull(argv[1], 0, 10) : COUNT));
  return 0;
}
#define NOINLINE __attribute__((noinline))
static inline u64 mix(u64 h, u64 v) { return (h ^ v) * 0x9e3779b97f4a7c15u; }
