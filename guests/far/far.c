/* Memory above 4 GiB, used so much that what uses it is translated: every width, across pages, faults at their addresses, children, moves, discards, shared pages. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BASE ((char *)0x200000000000)
#define PAGE 4096
#define PAGES 24

static char *const p = BASE;
static sigjmp_buf back;
static char *volatile fault_address;
static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)context;
  fault_address = info->si_addr;
  siglongjmp(back, 1);
}

static uint64_t mix(uint64_t h, uint64_t v) { return (h ^ v) * 0x9e3779b97f4a7c15 + (h >> 29); }

/* Writes and reads every width, every third byte, so that accesses cross pages too. */
static uint64_t __attribute__((noinline)) widths(char *at, long bytes, uint64_t seed) {
  uint64_t h = seed;
  for (long i = 0; i + 16 <= bytes; i += 21) {
    *(volatile uint64_t *)(at + i) = h;
    *(volatile uint32_t *)(at + i + 3) += (uint32_t)i;
    *(volatile uint16_t *)(at + i + 7) ^= 0x55aa;
    *(volatile int8_t *)(at + i + 9) = (int8_t)(h >> 5);
    *(volatile double *)(at + i + 8) += 0.0;
    h = mix(h, *(volatile uint64_t *)(at + i + 1));
    h = mix(h, (uint64_t)(int64_t) * (volatile int8_t *)(at + i + 9) + *(volatile int16_t *)(at + i + 2));
  }
  return h;
}

/* 16 bytes at once, aligned and not, and the x87's 10. */
static uint64_t __attribute__((noinline)) vectors(char *at, long bytes) {
  for (long i = 0; i + 64 <= bytes; i += 32) {
    long double wide;
    __asm__ volatile("movdqa (%1), %%xmm0; paddb 16(%1), %%xmm0; movdqu %%xmm0, 5(%1); movaps %%xmm0, 32(%1);"
                     "fildll 8(%1); fstpt 40(%1); fldt 40(%1); fstpt %0"
                     : "=m"(wide)
                     : "r"(at + i)
                     : "xmm0", "memory");
    at[i] += (char)wide;
  }
  uint64_t h = 0;
  for (long i = 0; i < bytes; i++) h = mix(h, (unsigned char)at[i]);
  return h;
}

/* Goes on until it faults: how far it came, and where. */
static void __attribute__((noinline)) until_fault(const char *what, char *from, int write) {
  volatile long sum = 0;
  if (sigsetjmp(back, 1) == 0) {
    for (char *at = from;; at += 8) {
      if (write) *(volatile long *)at = 1;
      else sum += *(volatile long *)at;
    }
  }
  printf("%s: faults at page %ld + %ld\n", what, (long)(fault_address - BASE) / PAGE, (long)(fault_address - BASE) % PAGE);
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  if (mmap(p, PAGES * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p) return 1;
  uint64_t h = 1;
  for (int i = 0; i < 12; i++) h = widths(p, PAGES * PAGE, h);
  printf("widths: %016lx\n", h);
  h = 0;
  for (int i = 0; i < 3; i++) h = mix(h, vectors(p, PAGES * PAGE));
  printf("vectors: %016lx\n", h);

  char *from = p + 100, *to = p + 3 * PAGE + 9;
  long count = 2 * PAGE;
  __asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
  printf("copied: %d\n", memcmp(p + 100, p + 3 * PAGE + 9, 2 * PAGE));

  for (int round = 0; round < 3; round++) {
    mprotect(p + 5 * PAGE, PAGE, PROT_READ);
    until_fault("read-only", p + 2 * PAGE, 1);
    until_fault("to the end", p, 0);
    mprotect(p + 5 * PAGE, PAGE, PROT_NONE);
    until_fault("none", p + 2 * PAGE, 0);
    mprotect(p + 5 * PAGE, PAGE, PROT_READ | PROT_WRITE);
    munmap(p + 7 * PAGE, PAGE);
    until_fault("hole", p + 2 * PAGE, 1);
    mmap(p + 7 * PAGE, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("filled: %d\n", p[7 * PAGE]);

    madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED);
    printf("discarded: %d, beside: %d\n", p[2 * PAGE + 8], p[3 * PAGE + 8]);
    p[4 * PAGE] = 44;
    char *moved = mremap(p + 4 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 64 * PAGE);
    printf("moved: %d %d\n", moved[0], moved[PAGE]);
    until_fault("left behind", p + 3 * PAGE, 0);
    mmap(p + 4 * PAGE, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    munmap(moved, 2 * PAGE);

    p[0] = 1;
    pid_t child = fork();
    if (child == 0) {
      p[0]++;
      printf("child: %d %016lx\n", p[0], widths(p, PAGES * PAGE, 3));
      _exit(0);
    }
    waitpid(child, NULL, 0);
    printf("parent: %d\n", p[0]);
  }

  char *shared = mmap(p + 128 * PAGE, PAGE, 3, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 100000; i++) ++*(volatile int *)shared;
    _exit(0);
  }
  waitpid(child, NULL, 0);
  printf("shared: %d\n", *(int *)shared);
  return 0;
}
