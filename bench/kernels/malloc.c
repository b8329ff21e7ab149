/* Allocation and release of mixed sizes, with a tree built and torn down. */
#define COUNT 460
#include "kernel.h"
struct tree { struct tree *left, *right; };
static struct tree *grow(int depth) { struct tree *t = malloc(sizeof *t); t->left = depth ? grow(depth - 1) : 0; t->right = depth ? grow(depth - 1) : 0; return t; }
static u64 drop(struct tree *t) { u64 n = 1; if (t->left) n += drop(t->left) + drop(t->right); free(t); return n; }
static u64 kernel(u64 count) {
  static void *slot[1024]; u32 seed = 9; u64 h = 0;
  while (count--) {
    for (int i = 0; i < 20000; i++) { seed = seed * 1664525 + 1013904223; int k = seed >> 22; free(slot[k]); slot[k] = malloc(seed >> 8 & 1023); if (slot[k] && (seed >> 8 & 1023) > 8) *(u64 *)slot[k] = i; h += seed & 1; }
    h += drop(grow(12));
  }
  return h;
}
