/* Generated and patched code: a code generator at work, each function run a few hundred times. */
#define COUNT 130000
#include "kernel.h"
#include <sys/mman.h>
static u64 kernel(u64 count) {
  u8 *code = mmap(0, 65536, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  u64 h = 1;
  for (u64 i = 0; i < count; i++) {
    u8 *p = code + (i & 255) * 256, *start = p;
    u32 n = (u32)(h >> 40) | 1;
    /* mov rax, rdi; { imul rax, rax, n+k; add rax, k; rol rax, 5 } × 12; ret */
    *p++ = 0x48; *p++ = 0x89; *p++ = 0xf8;
    for (u32 k = 0; k < 12; k++) {
      u32 m = n + k; *p++ = 0x48; *p++ = 0x69; *p++ = 0xc0; memcpy(p, &m, 4); p += 4;
      *p++ = 0x48; *p++ = 0x83; *p++ = 0xc0; *p++ = k;
      *p++ = 0x48; *p++ = 0xc1; *p++ = 0xc0; *p++ = 5;
    }
    *p++ = 0xc3;
    u64 (*f)(u64) = (u64 (*)(u64))start;
    for (int k = 0; k < 300; k++) h = f(h);
  }
  return h;
}
