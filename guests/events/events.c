/* Readiness: poll, select, epoll (level, edge, one-shot), eventfd, signalfd. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
  int p[2], q[2];
  char c;
  uint64_t v;
  pipe(p);
  struct pollfd f[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}};
  { __auto_type result = poll(f, 2, 0); printf("poll %d %x %x\n", result, f[0].revents, f[1].revents); }
  write(p[1], "ab", 2);
  { __auto_type result = poll(f, 2, -1); printf("poll %d %x %x\n", result, f[0].revents, f[1].revents); }
  fd_set r, w;
  FD_ZERO(&r); FD_ZERO(&w);
  FD_SET(p[0], &r); FD_SET(p[1], &w);
  struct timeval none = {0};
  { __auto_type result = select(p[1] + 1, &r, &w, 0, &none); printf("select %d %d %d\n", result, FD_ISSET(p[0], &r) != 0, FD_ISSET(p[1], &w) != 0); }
  struct pollfd bad = {77, POLLIN, 0};
  { __auto_type result = poll(&bad, 1, 0); printf("bad descriptor %d %x\n", result, bad.revents); }
  printf("nothing to watch %d\n", poll(0, 0, 2));

  int e = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event ev = {.events = EPOLLIN, .data.u32 = 1}, got[4];
  printf("add %d\n", epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev));
  { __auto_type result = epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev); printf("add again %d %s\n", result, strerror(errno)); }
  int n = epoll_wait(e, got, 4, 0);
  printf("level %d events %x data %d\n", n, got[0].events, got[0].data.u32);
  read(p[0], &c, 1);
  printf("still ready %d\n", epoll_wait(e, got, 4, 0));
  ev.events = EPOLLIN | EPOLLET;
  epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev);
  printf("edge %d", epoll_wait(e, got, 4, 0));
  printf(" then %d", epoll_wait(e, got, 4, 0));
  write(p[1], "c", 1);
  printf(" then %d\n", epoll_wait(e, got, 4, 0));
  ev.events = EPOLLIN | EPOLLONESHOT;
  epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev);
  printf("one shot %d", epoll_wait(e, got, 4, 0));
  printf(" then %d\n", epoll_wait(e, got, 4, 0));
  printf("delete %d\n", epoll_ctl(e, EPOLL_CTL_DEL, p[0], 0));
  { __auto_type result = epoll_ctl(e, EPOLL_CTL_DEL, p[0], 0); printf("delete again %d %s\n", result, strerror(errno)); }

  int event = eventfd(3, EFD_NONBLOCK);
  read(event, &v, 8);
  printf("eventfd %d\n", (int)v);
  { __auto_type result = read(event, &v, 8); printf("empty %zd %s\n", result, strerror(errno)); }
  int semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  read(semaphore, &v, 8);
  printf("semaphore %d", (int)v);
  read(semaphore, &v, 8);
  printf(" %d", (int)v);
  printf(" %zd\n", read(semaphore, &v, 8));

  /* A child wakes a waiting parent. */
  pipe(q);
  ev = (struct epoll_event){.events = EPOLLIN | EPOLLRDHUP, .data.u64 = 0x123456789abcdef0};
  epoll_ctl(e, EPOLL_CTL_ADD, q[0], &ev);
  ev = (struct epoll_event){.events = EPOLLIN, .data.u64 = 2};
  epoll_ctl(e, EPOLL_CTL_ADD, event, &ev);
  fflush(stdout);
  if (!fork()) { usleep(3000); v = 9; write(event, &v, 8); _exit(0); }
  n = epoll_wait(e, got, 4, 5000);
  printf("woken %d data %d\n", n, (int)got[0].data.u64);
  read(event, &v, 8);
  wait(0);
  fflush(stdout);
  if (!fork()) { usleep(3000); write(q[1], "x", 1); _exit(0); }
  n = epoll_wait(e, got, 4, 5000);
  printf("woken %d data %llx\n", n, (unsigned long long)got[0].data.u64);
  wait(0);
  read(q[0], &c, 1);
  close(q[1]);
  n = epoll_wait(e, got, 4, 1000);
  printf("closed %d events %x\n", n, got[0].events);
  close(q[0]);
  printf("gone with its descriptor %d\n", epoll_wait(e, got, 4, 0));
  f[0] = (struct pollfd){p[0], POLLIN, 0};
  while (read(p[0], &c, 1) == 1 && c != 'c');
  close(p[1]);
  { __auto_type result = poll(f, 1, 0); printf("hang up %d %x\n", result, f[0].revents); }

  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  int s = signalfd(-1, &set, SFD_NONBLOCK);
  struct signalfd_siginfo info;
  printf("signalfd %zd\n", read(s, &info, sizeof info));
  kill(getpid(), SIGUSR1);
  { __auto_type result = read(s, &info, sizeof info); printf("signalfd %zd signal %d\n", result, info.ssi_signo); }
  printf("nonblocking pipe ");
  pipe2(p, O_NONBLOCK);
  { __auto_type result = read(p[0], &c, 1); printf("%zd %s", result, strerror(errno)); }
  static char big[4096];
  long filled = 0;
  while ((n = write(p[1], big, sizeof big)) > 0) filled += n;
  printf(" holds %ld\n", filled);
  return 0;
}
