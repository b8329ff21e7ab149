/* Leaving calls by other ways than a return: setjmp, deep unwinding, coroutines by swapped stacks, a return address changed on the stack. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static jmp_buf back;
static int depth_reached;
static void down(int n) {
  depth_reached = n;
  if (n == 200) longjmp(back, n);
  down(n + 1);
  printf("never\n");
}
/* A coroutine switch: callee-saved registers on one stack, off the other. */
__attribute__((naked, noinline, used)) static void switch_stack(void **save, void *to) {
  __asm__("push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n mov %rsp, (%rdi)\n mov %rsi, %rsp\n"
          "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n ret");
}
static void *main_stack, *other_stack;
static long passed;
static void generator(void) {
  for (long a = 0, b = 1;;) { passed = a; switch_stack(&other_stack, main_stack); long c = a + b; a = b; b = c; }
}
__attribute__((naked, noinline, used)) static long skip(long x) { /* returns past the `neg` that follows the call in skipper */
  __asm__("addq $3, (%rsp)\n mov %rdi, %rax\n ret");
}
__attribute__((naked, noinline, used)) static long skipper(long x) { __asm__("call skip\n neg %rax\n ret"); }
__attribute__((naked, noinline, used)) static long get_pc(void) { __asm__("call 1f\n 1: pop %rax\n lea 1b(%rip), %rcx\n sub %rcx, %rax\n ret"); }
__attribute__((naked, noinline, used)) static long push_ret(long x) { __asm__("lea 1f(%rip), %rax\n push %rax\n ret\n ud2\n 1: lea (%rdi,%rdi,2), %rax\n ret"); }

int main(void) {
  volatile int rounds = 0;
  int n = setjmp(back);
  printf("setjmp %d depth %d\n", n, depth_reached);
  if (rounds++ < 3) down(rounds * 10);
  long total = 0;
  for (int i = 0; i < 5000; i++) { int r = setjmp(back); if (r == 0) longjmp(back, i + 1); total += r; }
  printf("total %ld\n", total);
  void **stack = malloc(65536);
  void **top = stack + 8192 - 2;
  *top = (void *)generator;
  top -= 6;
  other_stack = top;
  for (int i = 0; i < 60; i++) switch_stack(&main_stack, other_stack);
  printf("coroutine %ld\n", passed);
  long s = 0, t = 0, u = 0;
  for (int i = 0; i < 1000; i++) { s += skipper(i); t += get_pc(); u += push_ret(i); }
  printf("skipped %ld pc %ld pushed %ld\n", s, t, u);
  return 0;
}
