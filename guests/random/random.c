/* Entropy: three sources give bytes, and not the same ones. */
#include "../lib/sys.h"
static int run(i64 *stack) {
  (void)stack;
  u64 a[4] = {0}, b[4] = {0}, c[4] = {0};
  line("getrandom", sys3(318, a, 32, 0));
  line("again", sys3(318, b, 32, 0));
  line("urandom", sys3(SYS_read, sys3(SYS_open, "/dev/urandom", 0, 0), c, 32));
  int different = 1, nonzero = 1;
  for (int i = 0; i < 4; i++) { different &= a[i] != b[i] && b[i] != c[i]; nonzero &= a[i] && b[i] && c[i]; }
  line("different", different);
  line("nonzero", nonzero);
  line("nothing asked", sys3(318, a, 0, 0));
  line("bad flags", sys3(318, a, 8, 0x8000));
  line("bad pointer", sys3(318, 8, 8, 0));
  return 0;
}
