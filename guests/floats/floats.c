/* Doubles and floats through printf, strtod and libm: rounding, denormals, infinities, NaN, conversions, comparisons. */
#include <fenv.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t bits(double d) { uint64_t u; memcpy(&u, &d, 8); return u; }
int main(void) {
  volatile double zero = 0, one = 1, three = 3, big = 1e308, small = 5e-324, nan = zero / zero;
  printf("%.17g %.17g %.17g\n", one / three, 2 / three, 1e23);
  printf("%g %g %g %g\n", big * 10, -big * 10, small / 2, -one / (one / zero));
  printf("%a %a %e %f\n", one / three, small, 123456.789, 1e15 / 3);
  printf("%.0f %.0f %.0f %.0f %.1f %.2f\n", 0.5, 1.5, 2.5, -0.5, 0.25, 1.005);
  printf("%.30f\n%.60g\n", 0.1, 1e-5);
  printf("nan %d %d %d %d bits %llx\n", nan == nan, nan < one, nan > one, nan != nan, (unsigned long long)bits(zero / zero));
  for (int i = 0; i < 8; i++) {
    static const char *text[] = {"3.14159265358979323846", "1e-400", "0x1.8p3", "-0", "inf", "2.2250738585072011e-308", "179769313486231580793e289", "9007199254740993"};
    double d = strtod(text[i], 0);
    printf("%s -> %.17g %llx\n", text[i], d, (unsigned long long)bits(d));
  }
  printf("%.15g %.15g %.15g %.15g\n", sin(1), cos(1e6), tan(0.5), atan2(1, -2));
  printf("%.15g %.15g %.15g %.15g\n", exp(1), log(10), pow(2, 0.5), cbrt(27));
  printf("%.15g %.15g %.15g %.15g\n", sqrt(2), hypot(3, 4), fmod(10, 3.3), sinh(1));
  printf("%g %g %g %g %g\n", floor(-1.5), ceil(-1.5), trunc(-1.5), round(-1.5), rint(-1.5));
  printf("%d %ld %d %ld\n", (int)-1.9, (long)1e18, (int)three, lrint(2.5));
  volatile double huge = 1e30;
  volatile float single = 16777217, tenth = 0.1f;
  printf("out of range %d %lx\n", (int)huge, (long)huge);
  printf("unsigned %lu %u\n", (unsigned long)1.8e19, (unsigned)4e9);
  printf("%.9g %.9g %.9g %.17g\n", single, tenth, tenth * tenth, (double)tenth);
  printf("%.17g %.17g\n", (double)0xfffffffffffffbffUL, (double)-1234567890123456789L);
  double sum = 0;
  float sum32 = 0;
  for (int i = 1; i <= 1000; i++) { sum += 1.0 / i; sum32 += 1.0f / i; }
  printf("%.17g %.9g\n", sum, sum32);
  static const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
  for (int i = 0; i < 4; i++) {
    fesetround(modes[i]);
    volatile double third = one / three, minus = -one / three, root = sqrt(three);
    printf("mode %d: %llx %llx %llx %ld\n", i, (unsigned long long)bits(third), (unsigned long long)bits(minus), (unsigned long long)bits(root), lrint(one + 0.5));
  }
  fesetround(FE_TONEAREST);
  return 0;
}
