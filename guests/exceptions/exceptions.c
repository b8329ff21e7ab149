/* The sticky exception flags of SSE arithmetic, as fenv.h tells them. */
#include <fenv.h>
#include <math.h>
#include <stdio.h>

int main(void) {
  volatile double zero = 0, one = 1, three = 3, big = 1e308;
  feclearexcept(FE_ALL_EXCEPT);
  volatile double x = one / three;
  printf("inexact %d", fetestexcept(FE_INEXACT) != 0);
  x = one / zero;
  printf(" divide %d", fetestexcept(FE_DIVBYZERO) != 0);
  x = sqrt(-one);
  printf(" invalid %d", fetestexcept(FE_INVALID) != 0);
  x = big * big;
  printf(" overflow %d\n", fetestexcept(FE_OVERFLOW) != 0);
  (void)x;
  return 0;
}
