/* A static position-independent program: relocates itself, wherever it was put. */
#include <stdio.h>
#include <string.h>
static int add(int a, int b) { return a + b; }
static int multiply(int a, int b) { return a * b; }
static int (*volatile table[])(int, int) = {add, multiply};
static const char *const names[] = {"add", "multiply"};
static __thread int local = 40;
extern char __executable_start[];
int main(int argc, char **argv) {
  (void)argv;
  for (int i = 0; i < 2; i++) printf("%s %d\n", names[i], table[i](6, 7));
  printf("thread-local %d\n", local + argc + 1);
  printf("header %d\n", !memcmp(__executable_start, "\177ELF", 4));
  printf("moved %d aligned %d\n", __executable_start != 0, ((long)__executable_start & 4095) == 0);
  return 0;
}
