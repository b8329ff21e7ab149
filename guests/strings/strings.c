/* String instructions with and without REP, both directions, all widths, overlap, count zero, and what they leave in the registers. */
#include "../lib/sys.h"
static u8 a[300], b[300];
static void fill(void) { for (int i = 0; i < 300; i++) a[i] = i * 7 + 3, b[i] = 0; }
static u64 sum(u8 *p, int n) { u64 h = 14695981039346656037UL; while (n--) h = (h ^ *p++) * 1099511628211UL; return h; }
static void show(const char *name, u64 rdi, u64 rsi, u64 rcx, u64 flags) {
  put(name);
  line("\n  rdi", rdi - (u64)b); line("  rsi", rsi - (u64)a); line("  rcx", rcx);
  line_hex("  flags", flags & 0x8d5); line_hex("  sum", sum(b, 300) ^ sum(a, 300));
}
#define DO(name, prefix, dst, src, count, acc) do { \
    u64 rdi = (u64)(dst), rsi = (u64)(src), rcx = (count), rax = (acc), flags; \
    __asm__ volatile("cmp %%eax, %%eax\n" prefix "\n cld\n pushf\n pop %4" : "+D"(rdi), "+S"(rsi), "+c"(rcx), "+a"(rax), "=r"(flags) : : "memory", "cc"); \
    show(name, rdi, rsi, rcx, flags); } while (0)
static int run(i64 *stack) {
  (void)stack;
  fill();
  DO("rep movsb", "rep movsb", b, a, 100, 0);
  DO("rep movsw", "rep movsw", b + 3, a + 1, 20, 0);
  DO("rep movsl", "rep movsl", b + 5, a + 2, 20, 0);
  DO("rep movsq", "rep movsq", b + 7, a + 3, 20, 0);
  DO("count zero", "rep movsq", b, a, 0, 0);
  DO("one movsb", "movsb", b + 200, a + 9, 5, 0);
  DO("backward movsb", "std\n rep movsb", b + 150, a + 120, 50, 0);
  DO("backward movsq", "std\n rep movsq", b + 250, a + 250, 9, 0);
  fill();
  DO("rep stosb", "rep stosb", b + 1, a, 50, 0x1ab);
  DO("rep stosl", "rep stosl", b + 61, a, 20, 0x12345678);
  DO("rep stosq", "rep stosq", b + 150, a, 7, 0x123456789abcdef0);
  DO("backward stosw", "std\n rep stosw", b + 280, a, 11, 0xbeef);
  fill();
  for (int i = 0; i < 300; i++) b[i] = a[i];
  b[77] ^= 1;
  DO("repe cmpsb", "repe cmpsb", b, a, 200, 0);
  DO("repe cmpsq", "repe cmpsq", b, a, 30, 0);
  DO("repe cmpsb equal", "repe cmpsb", b, a, 70, 0);
  DO("repe cmpsw backward", "std\n repe cmpsw", b + 100, a + 100, 60, 0);
  DO("repne scasb", "repne scasb", b, a, 300, a[40]);
  DO("repne scasb absent", "repne scasb", b, a, 30, 2);
  DO("repe scasl", "repe scasl", b, a, 30, *(u32 *)b);
  DO("repne scasw count zero", "repne scasw", b, a, 0, 2);
  u64 rax = 0, rsi = (u64)a;
  __asm__ volatile("lodsb\n shl $8, %0\n lodsb\n shl $16, %0\n lodsw" : "+a"(rax), "+S"(rsi) : : "memory", "cc");
  line_hex("lods", rax);
  __asm__ volatile("mov $5, %%ecx\n rep lodsl" : "+a"(rax), "+S"(rsi) : : "rcx", "memory");
  line_hex("rep lodsl", rax);
  /* Overlap: forward by one spreads a byte, which a memmove would not. */
  fill();
  u64 rdi = (u64)a + 1, rcx = 60;
  rsi = (u64)a;
  __asm__ volatile("rep movsb" : "+D"(rdi), "+S"(rsi), "+c"(rcx) : : "memory");
  line_hex("overlap by one", sum(a, 100));
  fill();
  rdi = (u64)a + 3, rsi = (u64)a, rcx = 10;
  __asm__ volatile("rep movsq" : "+D"(rdi), "+S"(rsi), "+c"(rcx) : : "memory");
  line_hex("overlap by three, by eights", sum(a, 100));
  fill();
  rdi = (u64)a, rsi = (u64)a + 5, rcx = 90;
  __asm__ volatile("rep movsb" : "+D"(rdi), "+S"(rsi), "+c"(rcx) : : "memory");
  line_hex("overlap downward", sum(a, 100));
  /* 32-bit addresses count in ECX and wrap there. */
  return 0;
}
