/* Deep and wide recursion: the guest's stack must not be the host's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static unsigned long sum_to(unsigned long n) { volatile unsigned long here = n; return n ? here + sum_to(n - 1) : 0; }
static int ackermann(int m, int n) { return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1)); }
static int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static int is_odd(int n);
static int is_even(int n) { volatile int keep = n; return n == 0 ? 1 : is_odd(keep - 1) & 1; }
static int is_odd(int n) { volatile int keep = n; return n == 0 ? 0 : is_even(keep - 1) & 1; }
static int hanoi(int n, int a, int b, int c) { return n == 0 ? 0 : hanoi(n - 1, a, c, b) + 1 + hanoi(n - 1, c, b, a); }
static int queens(int n, int row, int columns, int left, int right) {
  if (row == n) return 1;
  int found = 0;
  for (int free = ~(columns | left | right) & ((1 << n) - 1); free; free &= free - 1) {
    int bit = free & -free;
    found += queens(n, row + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1);
  }
  return found;
}
struct tree { struct tree *left, *right; int key; };
static struct tree *insert(struct tree *t, int key) {
  if (!t) { t = calloc(1, sizeof *t); t->key = key; return t; }
  if (key < t->key) t->left = insert(t->left, key); else t->right = insert(t->right, key);
  return t;
}
static int height(struct tree *t) { if (!t) return 0; int l = height(t->left), r = height(t->right); return 1 + (l > r ? l : r); }
int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "forever")) { printf("down\n"); fflush(stdout); return (int)sum_to(-1UL); }
  printf("fib %d\n", fib(20));
  printf("sum %lu\n", sum_to(100000));
  printf("ackermann %d\n", ackermann(2, 300));
  printf("even %d odd %d\n", is_even(50001), is_odd(50001));
  printf("hanoi %d\n", hanoi(14, 0, 1, 2));
  printf("queens %d\n", queens(7, 0, 0, 0, 0));
  struct tree *t = 0;
  unsigned seed = 1;
  for (int i = 0; i < 2000; i++) t = insert(t, seed = seed * 1103515245 + 12345 & 0x7fffffff);
  printf("height %d\n", height(t));
  for (int i = 0; i < 3000; i++) t = insert(t, 0x7fffffff);
  printf("height %d\n", height(t));
  return 0;
}
