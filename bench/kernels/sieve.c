/* Byte array writes with strides: the sieve of Eratosthenes. */
#define COUNT 170
#include "kernel.h"
enum { N = 2000000 };
static u8 composite[N];
static u64 kernel(u64 count) {
  u64 found = 0;
  while (count--) {
    memset(composite, 0, N);
    for (u32 i = 2; i < N; i++) {
      if (composite[i]) continue;
      found += i;
      for (u64 j = (u64)i * i; j < N; j += i) composite[j] = 1;
    }
  }
  return found;
}
