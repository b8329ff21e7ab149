/* A filter: standard input to standard output in upper case. One source for Linux and FreeBSD. */
#include "../lib/sys.h"
static int run(i64 *stack) {
  static char buffer[4096];
  i64 n;
  (void)stack;
  while ((n = sys3(SYS_read, 0, buffer, sizeof buffer)) > 0) {
    for (i64 i = 0; i < n; i++) put_char(buffer[i] >= 'a' && buffer[i] <= 'z' ? buffer[i] - 32 : buffer[i]);
    flush();
  }
  return n < 0;
}
