/* Ends in the way its argument says: a status, or a signal raised by the CPU or by kill. */
#include "../lib/sys.h"
static int run(i64 *stack) {
  char *how = ((char **)(stack + 1))[1];
  if (!how) return 0;
  put("ending by "); put(how); put("\n"); flush();
  volatile int zero = 0;
  if (same(how, "null-read")) return *(volatile int *)(u64)zero;
  if (same(how, "null-write")) *(volatile int *)(u64)(zero + 8) = 1;
  if (same(how, "null-call")) ((void (*)(void))(u64)zero)();
  if (same(how, "write-code")) *(volatile char *)(u64)(run + zero) = 1;
  if (same(how, "noncanonical")) *(volatile char *)0x8000000000000000UL = 1;
  if (same(how, "divide")) { int a = 1, b = zero; __asm__ volatile("cltd\n idivl %1" : "+a"(a) : "r"(b) : "edx"); return a; }
  if (same(how, "divide-overflow")) { int a = -2147483647 - 1, b = zero - 1, c; __asm__ volatile("cltd\n idivl %2" : "=a"(c) : "0"(a), "r"(b) : "edx"); return c; }
  if (same(how, "ud2")) __asm__ volatile("ud2");
  if (same(how, "int3")) __asm__ volatile("int3");
  if (same(how, "hlt")) __asm__ volatile("hlt");
  if (same(how, "jump-data")) { static char data[8] = {0xc3 - 256}; ((void (*)(void))data)(); }
#ifndef FREEBSD
  if (same(how, "SIGTERM")) sys2(62, sys0(SYS_getpid), 15);
  if (same(how, "SIGKILL")) sys2(62, sys0(SYS_getpid), 9);
  if (same(how, "SIGCHLD")) sys2(62, sys0(SYS_getpid), 17);
  if (same(how, "bad-call")) return sys0(9999) == -38 ? 38 : 1;
#endif
  int status = 0;
  for (; *how >= '0' && *how <= '9'; how++) status = status * 10 + *how - '0';
  return status;
}
