/* What stops a process: the file size limit and its signal, seals of memory files, locks that would wait in a circle; whose signals a shared signalfd tells; whose status is the process's. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *outcome(long r) { static char t[4][64]; static int turn; char *s = t[turn++ & 3]; if (r < 0) snprintf(s, 64, "%s", strerror(errno)); else snprintf(s, 64, "%ld", r); return s; }
static volatile int got;
static void count(int s) { got = s; }

static void size(void) {
  struct rlimit r = {10, 10}; int f = open("f", O_RDWR | O_CREAT, 0600); signal(SIGXFSZ, count); setrlimit(RLIMIT_FSIZE, &r);
  printf("write %s", outcome(write(f, "123456", 6))); printf(", part %s", outcome(write(f, "abcdefgh", 8))); printf(", beyond %s", outcome(write(f, "x", 1))); printf(" signal %d\n", got == SIGXFSZ); got = 0;
  printf("inside %s", outcome(pwrite(f, "yy", 2, 3))); printf(", at the limit %s", outcome(pwrite(f, "y", 1, 10))); printf(" signal %d\n", got == SIGXFSZ); got = 0;
  printf("truncate %s", outcome(ftruncate(f, 11))); printf(" signal %d", got == SIGXFSZ); printf(", smaller %s, up %s\n", outcome(ftruncate(f, 5)), outcome(ftruncate(f, 10)));
  int p[2]; pipe(p); printf("pipe %s\n", outcome(write(p[1], "0123456789abcdef", 16)));
  pid_t child = fork(); int status; if (!child) { signal(SIGXFSZ, SIG_DFL); pwrite(f, "x", 1, 20); _exit(1); } waitpid(child, &status, 0); printf("killed by %d\n", WTERMSIG(status) == SIGXFSZ);
}
static void seals(void) {
  int f = memfd_create("m", MFD_ALLOW_SEALING), no = memfd_create("n", 0); ftruncate(f, 4096);
  printf("none %s", outcome(fcntl(f, F_GET_SEALS))); printf(", not sealable %s", outcome(fcntl(no, F_GET_SEALS))); printf(" %s\n", outcome(fcntl(no, F_ADD_SEALS, F_SEAL_GROW)));
  printf("shrink %s", outcome(fcntl(f, F_ADD_SEALS, F_SEAL_SHRINK))); printf(": %s", outcome(ftruncate(f, 10))); printf(", grow still %s\n", outcome(ftruncate(f, 8192)));
  fcntl(f, F_ADD_SEALS, F_SEAL_GROW); printf("grow: %s", outcome(ftruncate(f, 9000))); printf(", write inside %s", outcome(pwrite(f, "abc", 3, 0))); printf(", beyond %s", outcome(pwrite(f, "abc", 3, 8192))); printf(", partly %s\n", outcome(pwrite(f, "abcd", 4, 8190)));
  char *m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0); printf("mapped: %s", outcome(fcntl(f, F_ADD_SEALS, F_SEAL_WRITE))); munmap(m, 4096); printf(", unmapped %s\n", outcome(fcntl(f, F_ADD_SEALS, F_SEAL_WRITE)));
  printf("write %s", outcome(pwrite(f, "x", 1, 0))); m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0); printf(", map %s", m == MAP_FAILED ? strerror(errno) : "ok"); m = mmap(0, 4096, PROT_READ, MAP_SHARED, f, 0); printf(", read only %s %.3s", m == MAP_FAILED ? strerror(errno) : "ok", m); printf(", made writable %s", outcome(mprotect(m, 4096, PROT_READ | PROT_WRITE))); m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, f, 0); printf(", private %d\n", m != MAP_FAILED);
  printf("seals %x", fcntl(f, F_GET_SEALS)); fcntl(f, F_ADD_SEALS, F_SEAL_SEAL); printf(", sealed %x", fcntl(f, F_GET_SEALS)); printf(", another %s, file %s\n", outcome(fcntl(f, F_ADD_SEALS, F_SEAL_FUTURE_WRITE)), outcome(fcntl(0, F_GET_SEALS)));
}
static int lock(int f, int cmd, int type, int at) { struct flock l = {.l_type = type, .l_start = at, .l_len = 1}; return fcntl(f, cmd, &l); }
static void circle(void) {
  int f = open("l", O_RDWR | O_CREAT, 0600), ready[2], status; pipe(ready); lock(f, F_SETLK, F_WRLCK, 0);
  pid_t child = fork();
  if (!child) { lock(f, F_SETLK, F_WRLCK, 1); write(ready[1], "x", 1); int r = lock(f, F_SETLKW, F_WRLCK, 0); _exit(r ? errno : 0); }
  char c; read(ready[0], &c, 1);
  /* The child is about to wait for byte 0. */
  usleep(50000); int r = lock(f, F_SETLKW, F_WRLCK, 1);
  printf("circle %s", outcome(r)); lock(f, F_SETLK, F_UNLCK, 0); waitpid(child, &status, 0); printf(", the other %d\n", WEXITSTATUS(status));
}
static void shared_signals(void) {
  sigset_t s; sigemptyset(&s); sigaddset(&s, SIGUSR1); sigprocmask(SIG_BLOCK, &s, 0); int f = signalfd(-1, &s, 0), status; struct signalfd_siginfo i;
  pid_t child = fork(); if (!child) { struct pollfd p = {f, POLLIN, 0}; int n = poll(&p, 1, 5000); read(f, &i, sizeof i); _exit(n == 1 && i.ssi_pid == (unsigned)getppid() ? 7 : 1); }
  usleep(10000); kill(child, SIGUSR1); waitpid(child, &status, 0); struct pollfd p = {f, POLLIN, 0}; printf("child %d, parent %d\n", WEXITSTATUS(status), poll(&p, 1, 0));
}
static void *later(void *a) { usleep(20000); syscall(SYS_exit, 9); return a; }
static void status(void) {
  pid_t child = fork(); int s; pthread_t t;
  if (!child) { pthread_create(&t, 0, later, 0); syscall(SYS_exit, 5); }
  waitpid(child, &s, 0); printf("the last thread's %d\n", WEXITSTATUS(s));
}
int main(int argc, char **argv) {
  struct { const char *name; void (*run)(void); } all[] = {{"size", size}, {"seals", seals}, {"circle", circle}, {"signals", shared_signals}, {"status", status}};
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) if (argc > 1 && !strcmp(argv[1], all[i].name)) all[i].run();
  return 0;
}
