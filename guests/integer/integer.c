/* Integer instructions over edge values, results and defined flags folded into one hash per family. */
#include "../lib/sys.h"
static const u64 edge[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0x123456789abcdef0};
enum { N = sizeof edge / sizeof *edge };
static u64 hash;
static void mix(u64 v) { hash = (hash ^ v) * 0x9e3779b97f4a7c15UL; hash ^= hash >> 31; }
#define ALL 0x8d5
#define NO_AF 0x8c5
#define BINARY(name, insn, mask) do { hash = 1; for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) for (int cf = 0; cf < 2; cf++) { \
    u64 x = edge[i], f; __asm__ volatile("bt $0, %3\n" insn "\n pushf\n pop %1" : "+r"(x), "=&r"(f) : "r"(edge[j]), "r"(cf) : "cc", "memory"); mix(x); mix(f & mask); } line_hex(name, hash); } while (0)
#define WIDTHS(op, mask) BINARY(#op "q", #op "q %2, %0", mask); BINARY(#op "l", #op "l %k2, %k0", mask); BINARY(#op "w", #op "w %w2, %w0", mask); BINARY(#op "b", #op "b %b2, %b0", mask)
#define UNARY(name, insn, mask) do { hash = 1; for (int i = 0; i < N; i++) for (int cf = 0; cf < 2; cf++) { \
    u64 x = edge[i], f; __asm__ volatile("bt $0, %2\n" insn "\n pushf\n pop %1" : "+r"(x), "=&r"(f) : "r"(cf) : "cc"); mix(x); mix(f & mask); } line_hex(name, hash); } while (0)
#define UNARIES(op, mask) UNARY(#op "q", #op "q %0", mask); UNARY(#op "l", #op "l %k0", mask); UNARY(#op "w", #op "w %w0", mask); UNARY(#op "b", #op "b %b0", mask)
/* Only a count of one defines every flag of a shift; larger counts are compared by result and carry. */
#define SHIFT(name, insn, mask) do { hash = 1; for (int i = 0; i < N; i++) for (u64 n = 0; n < 70; n++) { \
    u64 x = edge[i], f; __asm__ volatile("stc\n" insn "\n pushf\n pop %1" : "+r"(x), "=&r"(f) : "c"(n) : "cc"); mix(x); mix(f & mask); } line_hex(name, hash); } while (0)
#define SHIFTS(op, mask) SHIFT(#op "q", #op "q %%cl, %0", mask); SHIFT(#op "l", #op "l %%cl, %k0", mask)
static int run(i64 *stack) {
  (void)stack;
  WIDTHS(add, ALL); WIDTHS(adc, ALL); WIDTHS(sub, ALL); WIDTHS(sbb, ALL); WIDTHS(cmp, ALL);
  WIDTHS(and, NO_AF); WIDTHS(or, NO_AF); WIDTHS(xor, NO_AF); WIDTHS(test, NO_AF); WIDTHS(xadd, ALL);
  UNARIES(inc, ALL); UNARIES(dec, ALL); UNARIES(neg, ALL); UNARIES(not, ALL);
  SHIFTS(shl, 0xc5); SHIFTS(shr, 0xc5); SHIFTS(sar, 0xc5); SHIFTS(rol, 1); SHIFTS(ror, 1);
  SHIFT("rclq", "rclq %%cl, %0", 1); SHIFT("rcrq", "rcrq %%cl, %0", 1); SHIFT("rclb", "rclb %%cl, %b0", 1); SHIFT("rcrw", "rcrw %%cl, %w0", 1);
  hash = 1;
  for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) for (u64 n = 0; n < 32; n++) {
    u64 x = edge[i], y = edge[i];
    __asm__ volatile("shldq %%cl, %2, %0\n shrdl %%cl, %k2, %k1" : "+r"(x), "+r"(y) : "r"(edge[j]), "c"(n) : "cc");
    mix(x); mix(y);
  }
  line_hex("double shifts", hash);
  hash = 1;
  for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) {
    u64 lo = edge[i], hi, f;
    __asm__ volatile("mulq %3\n pushf\n pop %2" : "+a"(lo), "=d"(hi), "=&r"(f) : "r"(edge[j]) : "cc"); mix(lo); mix(hi); mix(f & 0x801);
    lo = edge[i];
    __asm__ volatile("imulq %3\n pushf\n pop %2" : "+a"(lo), "=d"(hi), "=&r"(f) : "r"(edge[j]) : "cc"); mix(lo); mix(hi); mix(f & 0x801);
    lo = edge[i];
    __asm__ volatile("imull %k2, %k0\n pushf\n pop %1" : "+r"(lo), "=&r"(f) : "r"(edge[j]) : "cc"); mix(lo); mix(f & 0x801);
    lo = edge[i];
    __asm__ volatile("mulb %b2\n pushf\n pop %1" : "+a"(lo), "=&r"(f) : "r"(edge[j]) : "cc"); mix(lo); mix(f & 0x801);
    lo = edge[i];
    __asm__ volatile("imulw $-3, %w2, %w0" : "+r"(lo) : "r"(edge[j]) : "cc"); mix(lo);
  }
  line_hex("multiply", hash);
  hash = 1;
  for (int i = 0; i < N; i++) for (int j = 1; j < N; j++) {
    u64 d = edge[j], q = edge[i], r = edge[(i * 5 + 3) % N] % d;
    __asm__ volatile("divq %2" : "+a"(q), "+d"(r) : "r"(d) : "cc"); mix(q); mix(r);
    q = edge[i], r = 0;
    if ((u32)d) { __asm__ volatile("divl %k2" : "+a"(q), "+d"(r) : "r"(d) : "cc"); mix(q); mix(r); }
    if (!(edge[i] == 0x8000000000000000UL && d == ~0UL)) { q = edge[i]; __asm__ volatile("cqto\n idivq %2" : "+a"(q), "=d"(r) : "r"(d) : "cc"); mix(q); mix(r); }
    if ((u8)d && (u8)d != 0xff) { q = edge[i] & 0x3f; __asm__ volatile("idivb %b1" : "+a"(q) : "r"(d) : "cc"); mix(q & 0xffff); }
  }
  line_hex("divide", hash);
  hash = 1;
  for (int i = 1; i < N; i++) {
    u64 x;
    __asm__ volatile("bsfq %1, %0" : "=r"(x) : "r"(edge[i]) : "cc"); mix(x);
    __asm__ volatile("bsrq %1, %0" : "=r"(x) : "r"(edge[i]) : "cc"); mix(x);
    __asm__ volatile("bswapq %0" : "=r"(x) : "0"(edge[i])); mix(x);
    __asm__ volatile("bswapl %k0" : "=r"(x) : "0"(edge[i])); mix(x);
    __asm__ volatile("popcntq %1, %0" : "=r"(x) : "r"(edge[i]) : "cc"); mix(x);
    __asm__ volatile("movsbw %b1, %w0" : "=r"(x) : "r"(edge[i]), "0"(x)); mix(x);
    __asm__ volatile("movslq %k1, %0" : "=r"(x) : "r"(edge[i])); mix(x);
    __asm__ volatile("movzwl %w1, %k0" : "=r"(x) : "r"(edge[i])); mix(x);
    __asm__ volatile("cwtl\n cltq\n cqto\n xor %%rdx, %0" : "=a"(x) : "0"(edge[i]) : "rdx", "cc"); mix(x);
    __asm__ volatile("mov %%al, %%ah\n add %%ah, %%al\n xchg %%ah, %%al" : "=a"(x) : "0"(edge[i]) : "cc"); mix(x);
  }
  line_hex("bits and extensions", hash);
  hash = 1;
  u64 area[4];
  for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) {
    u64 f, old = edge[j], n = (i64)(edge[i] & 0x7f);
    area[0] = edge[i]; area[1] = edge[j]; area[2] = ~edge[i]; area[3] = ~edge[j];
    __asm__ volatile("lock btsq %2, %0\n pushf\n pop %1" : "+m"(area), "=r"(f) : "r"(n) : "cc"); mix(f & 1);
    __asm__ volatile("btrl %k2, 4+%0\n pushf\n pop %1" : "+m"(area), "=r"(f) : "r"(n) : "cc"); mix(f & 1);
    __asm__ volatile("btcw $5, %0\n pushf\n pop %1" : "+m"(area), "=r"(f) : : "cc"); mix(f & 1);
    __asm__ volatile("lock cmpxchgq %2, %0\n pushf\n pop %1" : "+m"(area), "=&r"(f), "+r"(n), "+a"(old) : : "cc"); mix(old); mix(f & ALL);
    old = edge[i];
    __asm__ volatile("lock xaddl %k1, 8+%0\n lock incb 16+%0\n lock negw 18+%0\n lock notl 20+%0" : "+m"(area), "+r"(old) : : "cc"); mix(old);
    u64 lo = area[2], hi = i & 1 ? area[3] : 0;
    u64 *pair = area;
    __attribute__((aligned(16))) u64 wide[2] = {area[2], area[3]};
    __asm__ volatile("lock cmpxchg16b %0\n pushf\n pop %3" : "+m"(wide), "+a"(lo), "+d"(hi), "=&r"(f) : "b"(1L), "c"(2L) : "cc");
    mix(f & 0x40); mix(lo); mix(hi); mix(wide[0]);
    for (int k = 0; k < 4; k++) mix(pair[k]);
  }
  line_hex("memory and lock", hash);
  hash = 1;
  for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) {
#define CC(cc) { u64 x = 7, y = 9; __asm__ volatile("cmp %2, %3\n set" #cc " %b0\n cmov" #cc " %0, %1\n j" #cc " 1f\n inc %1\n 1:" : "+r"(x), "+r"(y) : "r"(edge[i]), "r"(edge[j]) : "cc"); mix(x * 16 + y); }
    CC(o) CC(no) CC(b) CC(ae) CC(e) CC(ne) CC(be) CC(a) CC(s) CC(ns) CC(p) CC(np) CC(l) CC(ge) CC(le) CC(g)
  }
  line_hex("conditions", hash);
  return 0;
}
