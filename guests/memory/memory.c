/* Mappings: anonymous, file-backed, shared, protection changes, break, move; each fault is caught with its address. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf back;
static char *base;
static volatile long fault_offset;
static volatile int fault_code, fault_signal;
static void on_fault(int signal, siginfo_t *info, void *context) {
  (void)context;
  fault_offset = (char *)info->si_addr - base;
  fault_code = info->si_code;
  fault_signal = signal;
  siglongjmp(back, 1);
}
#define TRY(what, action) do { \
    if (sigsetjmp(back, 1) == 0) { action; printf("%s: fine\n", what); } \
    else printf("%s: signal %d code %d at %ld\n", what, fault_signal, fault_code, fault_offset); \
  } while (0)
static void show(const char *what, long result) {
  if (result < 0) printf("%s: -1 %s\n", what, strerror(errno));
  else printf("%s: %ld\n", what, result);
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, 0);
  sigaction(SIGBUS, &action, 0);
  base = mmap(0, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  volatile char *p = base;
  printf("zeroed %d aligned %d\n", p[5000], ((long)base & 4095) == 0);
  p[4095] = 1;
  show("mprotect", mprotect(base + 4096, 4096, PROT_READ));
  TRY("write read-only", p[4096 + 17] = 1);
  TRY("read read-only", (void)p[4096 + 17]);
  TRY("wide write into read-only", *(volatile long *)(p + 4090) = -1);
  printf("nothing written %d\n", p[4090]);
  show("mprotect none", mprotect(base + 4096, 4096, PROT_NONE));
  TRY("read none", (void)p[5000]);
  TRY("wide read into none", (void)*(volatile long *)(p + 4092));
  show("unprotect", mprotect(base + 4096, 4096, PROT_READ | PROT_WRITE));
  TRY("write again", p[5000] = 9);
  show("munmap middle", munmap(base + 2 * 4096, 4096));
  TRY("read hole", (void)p[2 * 4096 + 3]);
  TRY("after hole", p[3 * 4096] = 3);
  show("munmap nothing", munmap(base + 2 * 4096, 4096));
  show("munmap unaligned", munmap(base + 1, 4096));
  show("mprotect hole", mprotect(base, 4 * 4096, PROT_READ));
  char *fixed = mmap(base + 2 * 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  printf("fixed %d zero %d\n", fixed == base + 2 * 4096, fixed[0]);
  mprotect(base, 8 * 4096, PROT_READ | PROT_WRITE);
  p[4096 * 7] = 77;
  char *grown = mremap(base, 8 * 4096, 64 * 4096, MREMAP_MAYMOVE);
  printf("grown %d %d\n", grown != MAP_FAILED, grown[4096 * 7]);
  grown[63 * 4096] = 1;
  base = mremap(grown, 64 * 4096, 4096, 0);
  printf("shrunk in place %d\n", base == grown);
  TRY("beyond shrunk", (void)*(volatile char *)(base + 4096));

  /* The break by the call itself: musl's sbrk only asks. */
  char *start = (char *)syscall(SYS_brk, 0);
  char *moved = (char *)syscall(SYS_brk, start + 100000);
  if (moved == start + 100000) memset(start, 7, 100000);
  printf("break moved %ld\n", (long)(moved - start));
  printf("absurd break %d\n", (char *)syscall(SYS_brk, -1L) == moved);
  printf("break back %ld\n", (long)((char *)syscall(SYS_brk, start) - start));

  int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
  for (int i = 0; i < 1500; i++) write(fd, "abcd", 4);
  char *private = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  char *shared = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  printf("mapped %.8s tail %d\n", private + 4096, private[6000]);
  private[0] = 'P';
  shared[1] = 'S';
  show("msync", msync(shared, 8192, MS_SYNC));
  char b[5] = {0};
  pread(fd, b, 4, 0);
  printf("file %s private %.4s shared %.4s\n", b, private, shared);
  pwrite(fd, "W", 1, 2);
  printf("write seen in shared %c\n", shared[2]);
  ftruncate(fd, 100);
  base = shared;
  TRY("beyond file", (void)*(volatile char *)(shared + 4096));
  TRY("in last page", (void)*(volatile char *)(shared + 200));
  char *readonly = mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  base = readonly;
  TRY("write read-only file", *(volatile char *)(readonly + 5) = 1);
  show("mmap bad fd", mmap(0, 4096, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED ? -1 : 0);
  show("mmap nothing", mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
  close(fd);
  unlink("mapped");

  int *both = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int alone = 1;
  fflush(stdout);
  if (fork() == 0) { both[0] = 41; both[0]++; alone = 2; _exit(0); }
  wait(0);
  printf("shared with child %d, private %d\n", both[0], alone);

  char *reserve = mmap(0, 1L << 36, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  printf("large reservation %d\n", reserve != MAP_FAILED);
  base = reserve;
  TRY("read reservation", (void)*(volatile char *)(reserve + (1L << 35)));
  show("commit a part", mprotect(reserve + (1L << 35), 8192, PROT_READ | PROT_WRITE));
  TRY("write committed", reserve[(1L << 35) + 4095] = 5);
  printf("committed %d\n", reserve[(1L << 35) + 4095]);
  show("release", munmap(reserve, 1L << 36));

  char *advised = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  advised[0] = 1;
  show("madvise", madvise(advised, 8192, MADV_DONTNEED));
  printf("dropped %d\n", advised[0]);
  return 0;
}
