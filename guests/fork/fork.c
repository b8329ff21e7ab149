/* Processes: fork, wait, pipes, exit statuses, orphans of a pipe, process groups. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int global = 1;
int main(void) {
  int p[2], q[2], status;
  char b[64] = {0};
  setvbuf(stdout, 0, _IONBF, 0);
  pipe(p);
  pid_t parent = getpid(), child = fork();
  if (!child) {
    global = 2;
    close(p[0]);
    dprintf(p[1], "child of %d, global %d", getppid() == parent, global);
    exit(42);
  }
  close(p[1]);
  int n = 0, r;
  while ((r = read(p[0], b + n, sizeof b - n)) > 0) n += r;
  printf("read %d: %s\n", n, b);
  pid_t got = waitpid(child, &status, 0);
  printf("wait %d exited %d status %d global %d\n", got == child, WIFEXITED(status), WEXITSTATUS(status), global);
  { __auto_type result = wait(&status); printf("no more: %d %s\n", result, strerror(errno)); }

  child = fork();
  if (!child) { for (;;) pause(); }
  printf("not yet: %d\n", waitpid(child, &status, WNOHANG));
  kill(child, SIGTERM);
  waitpid(child, &status, 0);
  printf("signaled %d by %d\n", WIFSIGNALED(status), WTERMSIG(status));

  child = fork();
  if (!child) { volatile int zero = 0; exit(*(int *)(long)zero); }
  waitpid(child, &status, 0);
  printf("crashed by %d\n", WTERMSIG(status));

  child = fork();
  if (!child) { raise(SIGSTOP); _exit(3); }
  waitpid(child, &status, WUNTRACED);
  printf("stopped %d by %d\n", WIFSTOPPED(status), WSTOPSIG(status));
  kill(child, SIGCONT);
  waitpid(child, &status, 0);
  printf("continued, exit %d\n", WEXITSTATUS(status));

  /* A ring of three: each adds one to the number it passes on. */
  pipe(p);
  pipe(q);
  for (int i = 0; i < 2; i++)
    if (!fork()) {
      int from = i ? q[0] : p[0], to = i ? p[1] : q[1], value;
      if (i) { read(from, &value, 4); value = value * 10 + 2; write(to, &value, 4); }
      else { read(from, &value, 4); value = value * 10 + 1; write(to, &value, 4); }
      _exit(0);
    }
  int value = 7;
  write(p[1], &value, 4);
  wait(0);
  wait(0);
  read(p[0], &value, 4);
  printf("ring %d\n", value);
  close(p[0]); close(p[1]); close(q[0]); close(q[1]);

  pipe(p);
  close(p[0]);
  signal(SIGPIPE, SIG_IGN);
  { __auto_type result = write(p[1], "x", 1); printf("broken pipe: %zd %s\n", result, strerror(errno)); }
  close(p[1]);
  signal(SIGPIPE, SIG_DFL);
  pipe(p);
  child = fork();
  if (!child) { close(p[0]); write(p[1], "x", 1); _exit(0); }
  close(p[0]);
  waitpid(child, &status, 0);
  printf("writer ended by %d\n", WTERMSIG(status));
  close(p[1]);

  /* More than a pipe holds, so both sides must wait for each other. */
  pipe(p);
  child = fork();
  if (!child) {
    close(p[0]);
    static char block[1000];
    for (int i = 0; i < 300; i++) { memset(block, i, sizeof block); write(p[1], block, sizeof block); }
    _exit(0);
  }
  close(p[1]);
  unsigned long total = 0, sum = 0;
  static unsigned char big[4096];
  while ((r = read(p[0], big, sizeof big)) > 0) { total += r; for (int i = 0; i < r; i++) sum = sum * 31 + big[i]; }
  printf("streamed %lu sum %lx\n", total, sum);
  wait(0);

  child = fork();
  if (!child) { setpgid(0, 0); _exit(getpgrp() == getpid() ? 5 : 6); }
  siginfo_t info;
  printf("waitid %d", waitid(P_PID, child, &info, WEXITED | WNOWAIT));
  printf(" code %d status %d\n", info.si_code, info.si_status);
  waitpid(child, &status, 0);
  printf("group leader %d\n", WEXITSTATUS(status));

  child = vfork();
  if (!child) _exit(9);
  waitpid(child, &status, 0);
  printf("vfork %d\n", WEXITSTATUS(status));
  return 0;
}
