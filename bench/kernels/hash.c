/* Hash table with chains: hashing, pointer chasing, insertion and look-up. */
#define COUNT 64
#include "kernel.h"
struct node { struct node *next; u64 key, value; };
enum { BUCKETS = 1 << 16, N = 200000 };
static struct node *bucket[BUCKETS], pool[N];
static u64 kernel(u64 count) {
  u64 total = 0;
  while (count--) {
    memset(bucket, 0, sizeof bucket);
    u64 seed = count + 1;
    for (int i = 0; i < N; i++) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      struct node *n = &pool[i];
      n->key = seed >> 20; n->value = i;
      u64 b = (n->key * 0x9e3779b97f4a7c15u) >> 48;
      n->next = bucket[b]; bucket[b] = n;
    }
    seed = count + 1;
    for (int i = 0; i < N * 2; i++) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      u64 key = seed >> 20;
      for (struct node *n = bucket[(key * 0x9e3779b97f4a7c15u) >> 48]; n; n = n->next) if (n->key == key) { total += n->value; break; }
    }
  }
  return total;
}
