/* Copies the named files, or standard input ("-" or no name), to standard output; -n numbers the lines. */
#include "../lib/sys.h"
static int numbered, at_start = 1, number;
static int copy(int fd) {
  static char buffer[4096];
  i64 n;
  while ((n = sys3(SYS_read, fd, buffer, sizeof buffer)) > 0)
    for (i64 i = 0; i < n; i++) {
      if (at_start && numbered) { put_number(++number); put_char('\t'); }
      put_char(buffer[i]);
      at_start = buffer[i] == '\n';
    }
  return n < 0;
}
static int run(i64 *stack) {
  char **argv = (char **)(stack + 1);
  int failed = 0, files = 0;
  while (*++argv) {
    if (same(*argv, "-n")) { numbered = 1; continue; }
    files++;
    i64 fd = same(*argv, "-") ? 0 : sys3(SYS_open, *argv, 0, 0);
    if (fd < 0) { flush(); put(*argv); line(": error", -fd); failed = 1; continue; }
    failed |= copy(fd);
    if (fd) sys1(SYS_close, fd);
  }
  return failed | (files ? 0 : copy(0));
}
