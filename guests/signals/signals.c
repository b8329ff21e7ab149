/* Signals: handlers, siginfo, masks, alternate stack, faults with address, registers changed through the context, restart. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile int count, order[16], used;
static void on_signal(int signal) { count++; if (used < 16) order[used++] = signal; }
static void on_info(int signal, siginfo_t *info, void *context) {
  (void)context;
  printf("signal %d code %d from me %d value %d\n", signal, info->si_code, info->si_pid == getpid(), info->si_value.sival_int);
}
static char *page;
static void on_segv(int signal, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  printf("signal %d code %d offset %ld trap %lld error %lld\n", signal, info->si_code, (long)((char *)info->si_addr - page),
         (long long)u->uc_mcontext.gregs[REG_TRAPNO], (long long)u->uc_mcontext.gregs[REG_ERR]);
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}
static void on_fpe(int signal, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  printf("signal %d code %d at the instruction %d\n", signal, info->si_code, info->si_addr == (void *)u->uc_mcontext.gregs[REG_RIP]);
  u->uc_mcontext.gregs[REG_RBX] = 5;
}
static void on_ill(int signal, siginfo_t *info, void *context) {
  ucontext_t *u = context;
  printf("signal %d code %d\n", signal, info->si_code);
  u->uc_mcontext.gregs[REG_RIP] += 2;
  u->uc_mcontext.gregs[REG_RAX] = 0x123456789abcdef0;
  u->uc_mcontext.fpregs->_xmm[3].element[0] = 0x40000000;
}
static void on_trap(int signal, siginfo_t *info, void *context) {
  (void)context;
  printf("signal %d code %d\n", signal, info->si_code);
}
static char other_stack[16384];
static void on_other(int signal) {
  char here;
  stack_t s;
  sigaltstack(0, &s);
  printf("signal %d on the alternate stack %d flags %d\n", signal, &here >= other_stack && &here < other_stack + sizeof other_stack, s.ss_flags);
}
static void on_alarm(int signal) { (void)signal; }
static sigjmp_buf back;
static void jump(int signal) { siglongjmp(back, signal); }
static void act(int signal, void *handler, int flags) {
  struct sigaction a = {.sa_flags = flags};
  a.sa_sigaction = handler;
  sigaction(signal, &a, 0);
}

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  act(SIGUSR1, on_signal, 0);
  raise(SIGUSR1);
  kill(getpid(), SIGUSR1);
  printf("count %d\n", count);

  sigset_t set, old, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  act(SIGUSR2, on_signal, 0);
  sigprocmask(SIG_BLOCK, &set, &old);
  used = count = 0;
  raise(SIGUSR2);
  raise(SIGUSR1);
  raise(SIGUSR1);
  sigpending(&pending);
  printf("blocked count %d pending %d %d %d\n", count, sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2), sigismember(&pending, SIGHUP));
  sigprocmask(SIG_SETMASK, &old, 0);
  printf("unblocked count %d\n", count);

  act(SIGUSR1, on_info, SA_SIGINFO);
  kill(getpid(), SIGUSR1);
  sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77});

  /* Real-time signals queue and keep their order. */
  act(SIGRTMIN + 1, on_info, SA_SIGINFO);
  sigaddset(&set, SIGRTMIN + 1);
  sigprocmask(SIG_BLOCK, &set, 0);
  for (int i = 1; i <= 3; i++) sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i});
  sigprocmask(SIG_SETMASK, &old, 0);

  page = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  act(SIGSEGV, on_segv, SA_SIGINFO);
  page[100] = 42;
  printf("the write was repeated: %d\n", page[100]);

  act(SIGFPE, on_fpe, SA_SIGINFO);
  long quotient;
  __asm__ volatile("xor %%ebx, %%ebx\n mov $100, %%eax\n xor %%edx, %%edx\n idiv %%ebx" : "=a"(quotient) : : "rbx", "rdx", "cc");
  printf("quotient %ld\n", quotient);

  act(SIGILL, on_ill, SA_SIGINFO);
  long rax;
  float lane;
  __asm__ volatile("xor %%eax, %%eax\n xorps %%xmm3, %%xmm3\n ud2\n movss %%xmm3, %1" : "=a"(rax), "=m"(lane) : : "xmm3", "cc");
  printf("registers from the context %lx %g\n", rax, lane);

  act(SIGTRAP, on_trap, SA_SIGINFO);
  __asm__ volatile("int3");

  /* Flags and registers survive a handler. */
  long carry = 0;
  act(SIGUSR1, on_signal, 0);
  long pid = getpid();
  __asm__ volatile("mov $62, %%eax\n mov $10, %%esi\n syscall\n mov $0x1234, %%r12\n movd %%r12, %%xmm5\n stc\n ud2\n adc $0, %0\n movd %%xmm5, %%r13\n add %%r13, %0"
                   : "+r"(carry) : "D"(pid) : "rax", "rcx", "r11", "rsi", "r12", "r13", "xmm5", "memory", "cc");
  printf("carry kept, sum %lx\n", carry);

  stack_t s = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
  sigaltstack(&s, 0);
  act(SIGHUP, on_other, SA_ONSTACK);
  raise(SIGHUP);

  act(SIGSEGV, jump, 0);
  int r = sigsetjmp(back, 1);
  if (!r) *(volatile int *)16 = 1;
  printf("jumped out of the handler with %d\n", r);
  r = sigsetjmp(back, 1);
  if (!r) *(volatile int *)16 = 1;
  printf("and again with %d\n", r);

  act(SIGUSR2, SIG_IGN, 0);
  raise(SIGUSR2);
  act(SIGUSR1, on_signal, SA_RESETHAND);
  raise(SIGUSR1);
  struct sigaction a;
  sigaction(SIGUSR1, 0, &a);
  printf("reset %d\n", a.sa_handler == SIG_DFL);

  /* A blocking read is interrupted, or restarted when the action says so. */
  int p[2];
  char c;
  pipe(p);
  act(SIGALRM, on_alarm, 0);
  struct timespec nap = {.tv_nsec = 30000000};
  if (!fork()) { nanosleep(&nap, 0); kill(getppid(), SIGALRM); _exit(0); }
  ssize_t n = read(p[0], &c, 1);
  printf("read %zd %s\n", n, n < 0 ? strerror(errno) : "");
  while (wait(0) < 0);
  act(SIGALRM, on_alarm, SA_RESTART);
  if (!fork()) { nanosleep(&nap, 0); kill(getppid(), SIGALRM); nanosleep(&nap, 0); write(p[1], "r", 1); _exit(0); }
  n = read(p[0], &c, 1);
  printf("read %zd %c\n", n, c);
  while (wait(0) < 0);

  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, &old);
  act(SIGUSR1, on_signal, 0);
  kill(getpid(), SIGUSR1);
  count = 0;
  n = sigsuspend(&old);
  printf("sigsuspend %zd %s count %d\n", n, strerror(errno), count);
  kill(getpid(), SIGUSR1);
  siginfo_t info;
  printf("sigwaitinfo %d\n", sigwaitinfo(&set, &info));
  struct timespec none = {0};
  n = sigtimedwait(&set, &info, &none);
  printf("sigtimedwait %zd %s\n", n, strerror(errno));

  int status;
  act(SIGCHLD, on_signal, 0);
  count = 0;
  pid_t child = fork();
  if (!child) _exit(1);
  while (waitpid(child, &status, 0) < 0);
  printf("SIGCHLD %d\n", count);
  { __auto_type result = kill(999999, 0); printf("no such process %d %s\n", result, strerror(errno)); }
  { __auto_type result = kill(getpid(), 99); printf("bad signal %d %s\n", result, strerror(errno)); }
  { __auto_type result = sigaction(SIGKILL, &a, 0); printf("SIGKILL cannot be caught %d %s\n", result, strerror(errno)); }
  signal(SIGABRT, SIG_DFL);
  abort();
}
