/* Unmasked floating-point exceptions of SSE and x87 as signals: code, trap number and status in the frame; exception flags of loops that are translated. */
#define _GNU_SOURCE
#include <fenv.h>
#include <math.h>
#include <signal.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
static sigjmp_buf env;
static volatile int code; static volatile long trapno, mx, sw;
static void handler(int s, siginfo_t *i, void *c) {
  ucontext_t *u = c; code = i->si_code; trapno = u->uc_mcontext.gregs[REG_TRAPNO];
  mx = u->uc_mcontext.fpregs->mxcsr; sw = u->uc_mcontext.fpregs->swd;
  siglongjmp(env, 1);
}
/* feenableexcept is glibc's. */
static void unmask(int except) {
  unsigned csr; unsigned short cw;
  __asm__ volatile("fnclex; stmxcsr %0" : "=m"(csr));
  csr = (csr & ~0x3f) | 0x1f80;
  csr &= ~(except << 7);
  __asm__ volatile("fnstcw %0" : "=m"(cw));
  cw = (cw | 0x3f) & ~except;
  __asm__ volatile("ldmxcsr %0; fldcw %1" : : "m"(csr), "m"(cw));
}
#define TRY(name, except, expr) do { \
  unmask(except); code = 0; \
  if (!sigsetjmp(env, 1)) { expr; unmask(0); printf("%s: none\n", name); } \
  else { __asm__ volatile("fninit"); unmask(0); printf("%s: code %d trap %ld mxcsr %lx sw %lx\n", name, code, trapno, trapno == 19 ? mx & 0x3f : 0, trapno == 16 ? sw & 0xbf : 0); } } while (0)
int main(void) {
  struct sigaction a; memset(&a, 0, sizeof a); a.sa_sigaction = handler; a.sa_flags = SA_SIGINFO; sigaction(SIGFPE, &a, 0);
  volatile double one = 1, zero = 0, big = 1e308, small = 1e-308, three = 3, r; volatile float f; volatile long n;
  volatile long double l1 = 1, l0 = 0, l3 = 3, lbig = 1e4932L, lsmall = 1e-4932L, lr; 
  TRY("divide", FE_DIVBYZERO, r = one / zero);
  TRY("invalid", FE_INVALID, r = zero / zero);
  TRY("sqrt", FE_INVALID, r = __builtin_sqrt(-one));
  TRY("overflow", FE_OVERFLOW, r = big * big);
  TRY("underflow", FE_UNDERFLOW, r = small * small);
  TRY("exact underflow", FE_UNDERFLOW, r = small / 16);
  TRY("inexact", FE_INEXACT, r = one / three);
  TRY("narrow", FE_OVERFLOW, f = big);
  TRY("to integer", FE_INVALID, n = big);
  TRY("all masked", 0, r = one / zero);
  TRY("exact", FE_ALL_EXCEPT, r = one + three);
  TRY("x87 divide", FE_DIVBYZERO, lr = l1 / l0; lr = l1);
  TRY("x87 invalid", FE_INVALID, lr = l0 / l0; lr = l1);
  TRY("x87 overflow", FE_OVERFLOW, lr = lbig * lbig; lr = l1);
  TRY("x87 underflow", FE_UNDERFLOW, lr = lsmall * lsmall; lr = l1);
  TRY("x87 inexact", FE_INEXACT, lr = l1 / l3; lr = l1);
  // Flags of loops long enough to be translated.
  feclearexcept(FE_ALL_EXCEPT);
  double s = 0; for (int i = 1; i < 20000; i++) { volatile double q = i * 0.5; s += q; }
  printf("sum %g flags %x\n", s, fetestexcept(FE_ALL_EXCEPT));
  for (int i = 1; i < 20000; i++) { volatile double q = i; s += 1 / q; }
  printf("sum %.17g flags %x\n", s, fetestexcept(FE_ALL_EXCEPT));
  for (int i = 0; i < 20000; i++) { volatile double q = i == 19999 ? 1e300 : 2; s = q * q; }
  printf("product %g flags %x\n", s, fetestexcept(FE_ALL_EXCEPT));
  feclearexcept(FE_OVERFLOW);
  for (int i = 0; i < 20000; i++) { volatile double q = i == 19998 ? 1e-300 : 2; s = q * q; }
  printf("product %g flags %x\n", s, fetestexcept(FE_ALL_EXCEPT));
  printf("sin %.17g flags %x\n", sin(one), fetestexcept(FE_ALL_EXCEPT));
  return 0;
}
