/* Virtual calls: objects of several classes behind one table pointer, in no predictable order. */
#define COUNT 2600
#include "kernel.h"
struct object { const struct table *table; u64 a, b; };
struct table { u64 (*value)(struct object *); void (*step)(struct object *, u64); };
static u64 sum(struct object *o) { return o->a + o->b; }
static u64 difference(struct object *o) { return o->a - o->b; }
static u64 product(struct object *o) { return o->a * o->b; }
static void add(struct object *o, u64 n) { o->a += n; }
static void turn(struct object *o, u64 n) { o->b = o->b << 1 ^ n; }
static const struct table tables[] = {{sum, add}, {difference, turn}, {product, add}, {sum, turn}, {product, turn}};
enum { N = 20000 };
static struct object objects[N];
static u64 kernel(u64 count) {
  u32 seed = 3; u64 total = 0;
  for (int i = 0; i < N; i++) { seed = seed * 1664525 + 1013904223; objects[i] = (struct object){&tables[(seed >> 16) % 5], i, seed}; }
  while (count--) for (int i = 0; i < N; i++) { struct object *o = &objects[i]; o->table->step(o, count); total += o->table->value(o); }
  return total;
}
