/* System calls that do next to nothing: identity, clock, one-byte reads and writes through a pipe. */
#define COUNT 400000
#include "kernel.h"
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
static u64 kernel(u64 count) {
  int p[2]; u64 h = 0; char c = 1;
  if (pipe(p)) return 0;
  for (u64 i = 0; i < count; i++) {
    h += syscall(SYS_getppid) != 0;
    struct timespec t; syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t); h += t.tv_nsec < 1000000000;
    c += write(p[1], &c, 1); h += read(p[0], &c, 1);
    h += lseek(p[0], 0, SEEK_CUR) < 0;
  }
  return h + c;
}
