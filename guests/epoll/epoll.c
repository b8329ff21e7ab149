/* epoll: what is refused, level, edge and one-shot, what is closed, nested sets, round robin, exclusive watches. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
static const char *outcome(long r) { static char t[4][64]; static int turn; char *s = t[turn++ & 3]; if (r < 0) snprintf(s, 64, "%s", strerror(errno)); else snprintf(s, 64, "%ld", r); return s; }
static int ctl(int e, int op, int fd, unsigned ev) { struct epoll_event v = {ev, {.fd = fd}}; return epoll_ctl(e, op, fd, &v); }
static void w(const char *n, int e, int t) { struct epoll_event v[8]; int c = epoll_wait(e, v, 8, t); printf("%s %s", n, outcome(c)); for (int i = 0; i < c; i++) printf(" %x", v[i].events); printf("\n"); }
int main(void) {
  int e = epoll_create1(0), p[2], f = open(".", O_RDONLY); pipe(p);
  printf("file %s\n", outcome(ctl(e, EPOLL_CTL_ADD, f, EPOLLIN))); printf("self %s\n", outcome(ctl(e, EPOLL_CTL_ADD, e, EPOLLIN))); printf("not epoll %s\n", outcome(ctl(p[0], EPOLL_CTL_ADD, p[1], EPOLLIN))); printf("closed %s\n", outcome(ctl(e, EPOLL_CTL_ADD, 99, EPOLLIN))); printf("bad epfd %s\n", outcome(ctl(99, EPOLL_CTL_ADD, p[0], EPOLLIN)));
  printf("op %s\n", outcome(ctl(e, 7, p[0], EPOLLIN))); printf("mod absent %s del absent %s\n", outcome(ctl(e, EPOLL_CTL_MOD, p[0], EPOLLIN)), outcome(ctl(e, EPOLL_CTL_DEL, p[0], EPOLLIN)));
  printf("add %s", outcome(ctl(e, EPOLL_CTL_ADD, p[0], EPOLLIN))); printf(" again %s", outcome(ctl(e, EPOLL_CTL_ADD, p[0], EPOLLIN))); printf(" exclusive mod %s", outcome(ctl(e, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLEXCLUSIVE))); printf(" null %s\n", outcome(epoll_ctl(e, EPOLL_CTL_MOD, p[0], 0)));
  struct epoll_event v; printf("max 0 %s", outcome(epoll_wait(e, &v, 0, 0))); printf(" null events %s", outcome(epoll_wait(e, 0, 1, 0))); printf(" not epoll %s\n", outcome(epoll_wait(p[0], &v, 1, 0)));
  w("quiet", e, 0); write(p[1], "x", 1); w("level", e, 0); w("level again", e, 0);
  ctl(e, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT); w("oneshot", e, 0); w("spent", e, 0); ctl(e, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET); w("rearmed edge", e, 0); w("edge", e, 0); write(p[1], "y", 1); w("edge more", e, 0); char b[8]; read(p[0], b, 1); w("partly read", e, 0);
  ctl(e, EPOLL_CTL_MOD, p[0], 0); w("nothing asked", e, 0); close(p[1]); w("hup anyway", e, 0);
  int d = dup(p[0]); close(p[0]); w("still by its dup", e, 0); printf("del gone %s\n", outcome(ctl(e, EPOLL_CTL_DEL, p[0], 0))); close(d); w("closed", e, 0);
  int n = epoll_create1(0), ev = eventfd(0, EFD_NONBLOCK); ctl(n, EPOLL_CTL_ADD, ev, EPOLLIN); ctl(e, EPOLL_CTL_ADD, n, EPOLLIN); printf("loop %s\n", outcome(ctl(n, EPOLL_CTL_ADD, e, EPOLLIN))); w("nested quiet", e, 0); eventfd_write(ev, 1); w("nested", e, 0); struct pollfd q = {e, POLLIN, 0}; printf("poll of epoll %d %x\n", poll(&q, 1, 0), q.revents); w("inner", n, 0); eventfd_t x; eventfd_read(ev, &x); w("nested read", e, 0);
  ctl(e, EPOLL_CTL_MOD, n, EPOLLIN | EPOLLET); eventfd_write(ev, 1); w("nested edge", e, 0); w("once", e, 0); eventfd_write(ev, 1); w("again", e, 0);
  int s[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, s); int e2 = epoll_create1(0); ctl(e2, EPOLL_CTL_ADD, s[0], EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI); w("socket", e2, 0); shutdown(s[1], SHUT_WR); w("half", e2, 0); close(s[1]); w("gone", e2, 0);
  int e3 = epoll_create1(0), m[2]; pipe(m); for (int i = 0; i < 3; i++) { int k = dup(m[1]); ctl(e3, EPOLL_CTL_ADD, k, EPOLLOUT); } struct epoll_event r; for (int i = 0; i < 4; i++) { epoll_wait(e3, &r, 1, 0); printf("%d ", r.data.fd - m[1]); } printf("round robin\n");
  int t = timerfd_create(CLOCK_MONOTONIC, 0), e4 = epoll_create1(0); struct itimerspec it = {{0, 0}, {0, 5000000}}; ctl(e4, EPOLL_CTL_ADD, t, EPOLLIN | EPOLLET); timerfd_settime(t, 0, &it, 0); w("timer", e4, 1000); w("timer edge", e4, 0); timerfd_settime(t, 0, &it, 0); w("timer again", e4, 1000);
  printf("exclusive %s", outcome(ctl(e4, EPOLL_CTL_ADD, ev, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT))); printf(" %s", outcome(ctl(e4, EPOLL_CTL_ADD, ev, EPOLLIN | EPOLLEXCLUSIVE))); printf(" mod %s", outcome(ctl(e4, EPOLL_CTL_MOD, ev, EPOLLIN))); printf(" nested %s\n", outcome(ctl(e4, EPOLL_CTL_ADD, n, EPOLLIN | EPOLLEXCLUSIVE)));
  return 0;
}
