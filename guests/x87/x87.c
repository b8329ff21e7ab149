/* long double: 64-bit significands, printing, libm, control word, stack order, conversions, and the environment. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show(const char *name, long double x) {
  uint64_t m; uint16_t e;
  memcpy(&m, &x, 8); memcpy(&e, (char *)&x + 8, 2);
  printf("%s %.20Lg %04x %016llx\n", name, x, e, (unsigned long long)m);
}
/* The transcendental instructions are not the same to the last bit on every CPU. */
static void show_rounded(const char *name, long double x) { printf("%s %.15Lg\n", name, x); }
int main(void) {
  volatile long double one = 1, three = 3, zero = 0, big = 1e4000L, small = 3.6e-4951L;
  show("third", one / three);
  show("sum", 0.1L + 0.2L);
  show("root", sqrtl(2.0L * one));
  show("overflow", big * big);
  show("underflow", small / 2);
  show("minus zero", -zero);
  show("epsilon", one + 1.0842021724855044340e-19L);
  show("mixed", (double)(one / three) + one);
  show("from integer", (long double)(int64_t)0x7fffffffffffffff * one);
  show("from unsigned", (long double)(uint64_t)0xffffffffffffffffULL * one);
  show("parsed", strtold("3.14159265358979323846264338327950288", 0));
  show_rounded("sin", sinl(one)); show_rounded("cos", cosl(one)); show_rounded("tan", tanl(one)); show_rounded("atan", atan2l(one, three));
  show_rounded("exp", expl(one)); show_rounded("log", logl(three)); show_rounded("pow", powl(three, 2.5L)); show("fmod", fmodl(1e20L, three));
  show("floor", floorl(-1.5L * one)); show("rint", rintl(2.5L * one)); show("scale", ldexpl(one, 5000)); show("cube root", cbrtl(three));
  int exponent;
  show("frexp", frexpl(three * 100, &exponent));
  printf("%d %lld %d %ld\n", exponent, llrintl(-2.5L * one), (int)(three * 1.9L), (long)(1e18L * one));
  printf("compare %d %d %d %d\n", one < three, one > three, one == three, isnan(zero / zero));
  printf("%.30Lf\n%La\n", one / three, one / three);
  double d; float f; int64_t i; uint16_t sw, cw;
  __asm__ volatile("fldpi\n fldl2e\n fldln2\n fxch %%st(2)\n fsubp\n fmulp\n fstpl %0" : "=m"(d));
  printf("stack %.15g\n", d);
  __asm__ volatile("fldz\n fld1\n fcomip %%st(1), %%st\n fstp %%st(0)\n seta %b0" : "=r"(i));
  printf("fcomip %d\n", (int)(i & 1));
  static const int modes[] = {0x037f, 0x077f, 0x0b7f, 0x0f7f, 0x027f, 0x007f};
  for (int k = 0; k < 6; k++) {
    cw = modes[k];
    long double result;
    __asm__ volatile("fldcw %2\n fld1\n fldpi\n fdivrp\n fld %%st(0)\n frndint\n faddp\n fstpt %0\n fninit" : "=m"(result), "=m"(cw) : "m"(cw));
    show("control word", result);
  }
  __asm__ volatile("fld1\n fldz\n fdivrp\n fnstsw %%ax\n fninit" : "=a"(sw));
  printf("status %04x\n", sw);
  __asm__ volatile("fldpi\n fistpll %0\n fldpi\n fistl %1\n fstps %2" : "=m"(i), "=m"(exponent), "=m"(f));
  printf("stored %lld %d %.9g\n", (long long)i, exponent, f);
  unsigned char bcd[10] = {0x21, 0x43, 0x65, 0x87, 0x09, 0, 0, 0, 0, 0x80}, bcd2[10];
  __asm__ volatile("fbld %1\n fld1\n faddp\n fbstp %0" : "=m"(bcd2) : "m"(bcd));
  for (int k = 9; k >= 0; k--) printf("%02x", bcd2[k]);
  printf("\n");
  long double sum = 0;
  for (int k = 1; k <= 1000; k++) sum += one / k;
  show("harmonic", sum);
  return 0;
}
