/* What a guest needs to live without a C library: entry, raw system calls of Linux or FreeBSD (-DFREEBSD), buffered output. */
#pragma once
typedef unsigned char u8; typedef unsigned int u32; typedef unsigned long u64; typedef long i64;

#ifdef FREEBSD
enum { SYS_exit = 1, SYS_fork = 2, SYS_read = 3, SYS_write = 4, SYS_open = 5, SYS_close = 6, SYS_wait4 = 7, SYS_getpid = 20 };
#else
enum { SYS_read = 0, SYS_write = 1, SYS_open = 2, SYS_close = 3, SYS_getpid = 39, SYS_fork = 57, SYS_exit = 60, SYS_wait4 = 61 };
#endif

/* A failed call returns -errno on both systems (FreeBSD says so with the carry flag and leaves errno positive). */
static inline i64 sys(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
  register i64 r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
  i64 rax = number, rdx = c;
#ifdef FREEBSD
  __asm__ volatile("syscall\n jnc 1f\n neg %%rax\n1:" : "+a"(rax), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9) : "D"(a), "S"(b) : "rcx", "r11", "memory", "cc");
#else
  __asm__ volatile("syscall" : "+a"(rax) : "D"(a), "S"(b), "d"(rdx), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory", "cc");
#endif
  return rax;
}
#define sys0(n) sys(n, 0, 0, 0, 0, 0, 0)
#define sys1(n, a) sys(n, (i64)(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys(n, (i64)(a), (i64)(b), 0, 0, 0, 0)
#define sys3(n, a, b, c) sys(n, (i64)(a), (i64)(b), (i64)(c), 0, 0, 0)
#define sys6(n, a, b, c, d, e, f) sys(n, (i64)(a), (i64)(b), (i64)(c), (i64)(d), (i64)(e), (i64)(f))

static char out_buffer[1024];
static u32 out_used;
static void flush(void) {
  for (u32 done = 0; done < out_used;) {
    i64 n = sys3(SYS_write, 1, out_buffer + done, out_used - done);
    if (n <= 0) break;
    done += n;
  }
  out_used = 0;
}
static void put_char(char c) {
  if (out_used == sizeof out_buffer) flush();
  out_buffer[out_used++] = c;
}
static void put(const char *s) { while (*s) put_char(*s++); }
static void put_number(i64 n) {
  char digits[24]; int i = 0; u64 v = n < 0 ? -(u64)n : (u64)n;
  if (n < 0) put_char('-');
  do digits[i++] = '0' + v % 10; while (v /= 10);
  while (i) put_char(digits[--i]);
}
static void put_hex(u64 v) {
  put("0x");
  int shift = 60;
  while (shift && !(v >> shift)) shift -= 4;
  for (; shift >= 0; shift -= 4) put_char("0123456789abcdef"[v >> shift & 15]);
}
static void line(const char *name, i64 value) { put(name); put(": "); put_number(value); put("\n"); }
static void line_hex(const char *name, u64 value) { put(name); put(": "); put_hex(value); put("\n"); }
static int same(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
static _Noreturn void quit(int status) { flush(); for (;;) sys1(SYS_exit, status); }

/* The compiler may call these two even without a library. */
__attribute__((used)) void *memset(void *to, int value, u64 n) { void *start = to; __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory"); return start; }
__attribute__((used)) void *memcpy(void *to, const void *from, u64 n) { void *start = to; __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory"); return start; }

/* `stack` points at argc. */
__attribute__((used)) static int run(i64 *stack);
__attribute__((used)) static void enter(i64 *stack) { quit(run(stack)); }
#ifdef FREEBSD
__asm__(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %rsp\n call enter\n hlt");
#else
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call enter\n hlt");
#endif
