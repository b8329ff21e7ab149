/* Indirect control flow: function pointers, virtual tables, a switch compiled to a jump table, computed goto, tail calls, qsort with callback. */
#include <stdio.h>
#include <stdlib.h>

static int add(int a, int b) { return a + b; }
static int sub(int a, int b) { return a - b; }
static int mul(int a, int b) { return a * b; }
static int xor(int a, int b) { return a ^ b; }
static int (*volatile operation[])(int, int) = {add, sub, mul, xor};
struct shape { const struct table { int (*area)(struct shape *); int (*grow)(struct shape *, int); } *table; int w, h; };
static int box(struct shape *s) { return s->w * s->h; }
static int triangle(struct shape *s) { return s->w * s->h / 2; }
static int wider(struct shape *s, int n) { s->w += n; return s->table->area(s); }
static int higher(struct shape *s, int n) { s->h += n; return s->table->area(s); }
static const struct table boxes = {box, wider}, triangles = {triangle, higher};
static int compare(const void *a, const void *b) { int x = *(int *)a, y = *(int *)b; return x < y ? -1 : x > y; }
static int classify(int n) {
  switch (n) {
    case 0: return 11; case 1: return 7; case 2: return 5; case 3: return n * 9; case 4: return 1; case 5: return 100; case 6: return -4; case 7: return 2; case 8: return n << 4; case 9: return 3;
    default: return -1;
  }
}
static int interpret(const unsigned char *code, int x) {
  static void *const labels[] = {&&stop, &&increment, &&twice, &&negate, &&back, &&swap};
  int y = 1, steps = 0;
  const unsigned char *start = code;
  goto *labels[*code++];
increment: x++; steps++; goto *labels[*code++];
twice: x *= 2; goto *labels[*code++];
negate: x = -x; goto *labels[*code++];
back: if (steps < 300) { code = start; } goto *labels[*code++];
swap: { int t = x; x = y; y = t; } goto *labels[*code++];
stop: return x ^ y;
}
int main(void) {
  unsigned seed = 1;
  int total = 0;
  for (int i = 0; i < 20000; i++) { seed = seed * 1103515245 + 12345; total = operation[seed >> 16 & 3](total, i); }
  printf("pointers %d\n", total);
  struct shape s[8];
  for (int i = 0; i < 8; i++) s[i] = (struct shape){i & 1 ? &boxes : &triangles, i + 1, i + 2};
  for (int i = total = 0; i < 5000; i++) total += s[i & 7].table->grow(&s[i & 7], i % 3);
  printf("virtual %d\n", total);
  for (int i = total = 0; i < 5000; i++) total = total * 3 + classify(i % 12);
  printf("switch %d\n", total);
  printf("threaded %d\n", interpret((unsigned char[]){1, 5, 2, 1, 5, 3, 1, 4, 0}, 3));
  static int data[3000];
  for (int i = 0; i < 3000; i++) data[i] = seed = seed * 1664525 + 1013904223;
  qsort(data, 3000, sizeof *data, compare);
  for (int i = 1; i < 3000; i++) if (data[i - 1] > data[i]) printf("unsorted at %d\n", i);
  printf("sorted %d %d %d\n", data[0], data[1500], data[2999]);
  return 0;
}
