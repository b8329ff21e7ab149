/* Internet sockets on the loopback: names and their conflicts, nonblocking connects and their outcome, ends and resets, datagrams and refusals, IPv4 by way of IPv6, readiness. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

typedef union { struct sockaddr any; struct sockaddr_in four; struct sockaddr_in6 six; } Name;
static socklen_t size_of(const Name *n) { return n->any.sa_family == AF_INET ? sizeof n->four : sizeof n->six; }
static Name name(const char *host, int port) {
  Name n; memset(&n, 0, sizeof n);
  if (strchr(host, ':')) { n.six.sin6_family = AF_INET6; n.six.sin6_port = htons(port); inet_pton(AF_INET6, host, &n.six.sin6_addr); }
  else { n.four.sin_family = AF_INET; n.four.sin_port = htons(port); inet_pton(AF_INET, host, &n.four.sin_addr); }
  return n;
}
static const char *outcome(long result) { static char text[4][64]; static int turn; char *t = text[turn++ & 3]; if (result < 0) snprintf(t, 64, "%s", strerror(errno)); else snprintf(t, 64, "%ld", result); return t; }
static const char *host(const Name *n) { static char text[4][64]; static int turn; char *t = text[turn++ & 3]; inet_ntop(n->any.sa_family, n->any.sa_family == AF_INET ? (void *)&n->four.sin_addr : (void *)&n->six.sin6_addr, t, 64); return t; }
static int port(const Name *n) { return ntohs(n->four.sin_port); }
static int bound(int type, const char *at, int p, int reuse) {
  Name n = name(at, p);
  int s = socket(n.any.sa_family, type, 0);
  if (reuse) setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  if (bind(s, &n.any, size_of(&n))) { int e = errno; close(s); errno = e; return -1; }
  return s;
}
static Name local(int s) { Name n; socklen_t l = sizeof n; getsockname(s, &n.any, &l); return n; }
static Name remote(int s) { Name n; socklen_t l = sizeof n; memset(&n, 0, sizeof n); getpeername(s, &n.any, &l); return n; }
static int call(const char *to, int p, int flags) {
  Name n = name(to, p);
  int s = socket(n.any.sa_family, SOCK_STREAM | flags, 0);
  if (connect(s, &n.any, size_of(&n)) && errno != EINPROGRESS) { int e = errno; close(s); errno = e; return -1; }
  return s;
}
static int error_of(int s) { int e = -1; socklen_t l = sizeof e; getsockopt(s, SOL_SOCKET, SO_ERROR, &e, &l); return e; }
static int ready(int s, int events) { struct pollfd p = {s, events, 0}; poll(&p, 1, 1000); return p.revents; }
static int ready_now(int s, int events) { struct pollfd p = {s, events, 0}; poll(&p, 1, 0); return p.revents; }

static void names(void) {
  int a = bound(SOCK_STREAM, "127.0.0.1", 0, 0); Name n = local(a); int p = port(&n);
  printf("given a port %d at %s\n", p >= 1024, host(&n));
  printf("again %s\n", outcome(bound(SOCK_STREAM, "127.0.0.1", p, 0)));
  printf("any %s\n", outcome(bound(SOCK_STREAM, "0.0.0.0", p, 0)));
  int other = bound(SOCK_STREAM, "127.0.0.2", p, 0); printf("another address %d\n", other > 0); close(other);
  int six = bound(SOCK_STREAM, "::1", p, 0); printf("IPv6 %d\n", six > 0); close(six);
  printf("both %s\n", outcome(bound(SOCK_STREAM, "::", p, 0)));
  int dgram = bound(SOCK_DGRAM, "127.0.0.1", p, 0); printf("a datagram socket %d\n", dgram > 0); close(dgram);
  printf("bind twice %s\n", outcome(bind(a, &n.any, size_of(&n))));
  printf("elsewhere %s\n", outcome(bound(SOCK_STREAM, "192.0.2.1", 0, 0)));
  int c = call("127.0.0.1", p, 0); printf("bound is not listening %s\n", outcome(c));
  listen(a, 1);
  printf("reuse while one listens %s\n", outcome(bound(SOCK_STREAM, "127.0.0.1", p, 1)));
  close(a);
  int r1 = bound(SOCK_STREAM, "127.0.0.1", 0, 1); n = local(r1); p = port(&n);
  int r2 = bound(SOCK_STREAM, "127.0.0.1", p, 1);
  printf("reuse of both %d, listen %s", r2 > 0, outcome(listen(r1, 1))); printf(" and %s\n", outcome(listen(r2, 1)));
  close(r1); close(r2);
  int v6only = 1, s = socket(AF_INET6, SOCK_STREAM, 0), f = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only);
  Name any6 = name("::", 0); bind(s, &any6.any, sizeof any6.six); n = local(s);
  Name any4 = name("0.0.0.0", port(&n)); printf("beside IPv6 only %s\n", outcome(bind(f, &any4.any, sizeof any4.four)));
  close(s); close(f);
  printf("listen without a name %s\n", outcome(listen(s = socket(AF_INET, SOCK_STREAM, 0), 1))); n = local(s); printf("got one %d at %s\n", port(&n) > 0, host(&n)); close(s);
}

static void connecting(void) {
  int l = bound(SOCK_STREAM, "0.0.0.0", 0, 1); Name n = local(l); int p = port(&n);
  listen(l, 5);
  int c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  printf("fresh %x\n", ready_now(c, POLLIN | POLLOUT));
  Name to = name("127.0.0.1", p);
  printf("connect %s\n", outcome(connect(c, &to.any, sizeof to.four)));
  printf("writable %x error %d\n", ready(c, POLLOUT), error_of(c));
  printf("again %s", outcome(connect(c, &to.any, sizeof to.four))); printf(", then %s\n", outcome(connect(c, &to.any, sizeof to.four)));
  int s = accept(l, 0, 0); Name from = remote(s), at = local(s), mine = local(c), theirs = remote(c);
  printf("from %s %d to %s %d\n", host(&from), port(&from) == port(&mine), host(&at), port(&at) == p);
  printf("I am %s, they %s %d\n", host(&mine), host(&theirs), port(&theirs) == p);
  int nodelay = -1; socklen_t length = sizeof nodelay; getsockopt(s, IPPROTO_TCP, TCP_NODELAY, &nodelay, &length); printf("nodelay %d\n", nodelay);
  char b[8] = {0}; int count = -1;
  printf("idle %x\n", ready_now(c, POLLIN | POLLOUT | POLLRDHUP));
  write(s, "abc", 3); ioctl(c, FIONREAD, &count); printf("there are %d\n", count);
  shutdown(s, SHUT_WR); printf("half %x\n", ready(c, POLLIN | POLLOUT | POLLRDHUP));
  printf("read %s", outcome(read(c, b, 8))); printf(" %s end %s\n", b, outcome(read(c, b, 8)));
  printf("their write %s\n", outcome(send(s, "x", 1, MSG_NOSIGNAL)));
  printf("mine %s\n", outcome(write(c, "yz", 2))); memset(b, 0, 8); read(s, b, 8); printf("got %s\n", b);
  close(s); printf("closed %x\n", ready_now(c, POLLIN | POLLOUT | POLLRDHUP));
  printf("write %s", outcome(send(c, "x", 1, MSG_NOSIGNAL))); ready(c, POLLERR); printf(" then %s\n", outcome(send(c, "x", 1, MSG_NOSIGNAL)));
  close(c);
  c = call("127.0.0.1", p, 0); s = accept(l, 0, 0);
  write(c, "unread", 6); ready(s, POLLIN); close(s); ready(c, POLLIN);
  printf("reset %x read %s", ready_now(c, POLLIN | POLLOUT), outcome(read(c, b, 8))); printf(" then %s", outcome(read(c, b, 8))); printf(" write %s\n", outcome(send(c, "x", 1, MSG_NOSIGNAL)));
  close(c);
  c = call("127.0.0.1", p, 0); s = accept(l, 0, 0); struct linger now = {1, 0};
  setsockopt(s, SOL_SOCKET, SO_LINGER, &now, sizeof now); close(s); ready(c, POLLIN); printf("linger of none %s\n", outcome(read(c, b, 8))); close(c);
  c = call("127.0.0.1", p, 0); close(l); ready(c, POLLIN); printf("never answered %s\n", outcome(read(c, b, 8))); close(c);
  printf("nobody %s\n", outcome(call("127.0.0.1", p, 0)));
  c = call("127.0.0.1", p, SOCK_NONBLOCK); printf("refused %x", ready(c, POLLOUT)); printf(" %s", strerror(error_of(c))); printf(" then %d\n", error_of(c)); close(c);
  c = socket(AF_INET, SOCK_STREAM, 0);
  printf("unconnected read %s", outcome(read(c, b, 1))); printf(" write %s", outcome(send(c, "x", 1, MSG_NOSIGNAL))); printf(" shutdown %s", outcome(shutdown(c, SHUT_WR))); printf(" accept %s\n", outcome(accept(c, 0, 0)));
  to = name("::1", p); printf("wrong family %s\n", outcome(connect(c, &to.any, sizeof to.six))); close(c);
}

static void by_way_of_six(void) {
  int l = bound(SOCK_STREAM, "::", 0, 1); Name n = local(l); int p = port(&n); listen(l, 5);
  int c = call("127.0.0.1", p, 0), s = accept(l, 0, 0); Name from = remote(s), at = local(s);
  printf("from %s at %s\n", host(&from), host(&at)); close(c); close(s);
  c = call("::1", p, 0), s = accept(l, 0, 0); from = remote(s), at = local(s);
  printf("from %s at %s\n", host(&from), host(&at)); close(c); close(s);
  c = call("::ffff:127.0.0.1", p, 0), s = accept(l, 0, 0); from = local(c);
  printf("mapped, mine %s\n", host(&from)); close(c); close(s);
  c = call("0.0.0.0", p, 0), s = accept(l, 0, 0); from = remote(c); printf("any is %s\n", host(&from)); close(c); close(s); close(l);
}

static void datagrams(void) {
  int a = bound(SOCK_DGRAM, "127.0.0.1", 0, 0), b = socket(AF_INET, SOCK_DGRAM, 0); Name n = local(a); char t[16] = {0};
  printf("sendto %s\n", outcome(sendto(b, "hello", 5, 0, &n.any, sizeof n.four)));
  Name from; socklen_t l = sizeof from; printf("recvfrom %s", outcome(recvfrom(a, t, 16, 0, &from.any, &l))); printf(" %s from %s\n", t, host(&from));
  Name own = local(b); printf("sender %s %d\n", host(&own), port(&own) == port(&from));
  printf("nowhere %s", outcome(send(b, "x", 1, 0))); printf(", connect %s", outcome(connect(b, &n.any, sizeof n.four))); own = local(b); printf(", now %s\n", host(&own));
  int third = socket(AF_INET, SOCK_DGRAM, 0); Name nb = local(b); sendto(third, "spam", 4, 0, &nb.any, sizeof nb.four); sendto(a, "ham", 3, 0, &nb.any, sizeof nb.four);
  memset(t, 0, 16); printf("only the peer's %s", outcome(recv(b, t, 16, 0))); printf(" %s, then %s\n", t, outcome(recv(b, t, 16, MSG_DONTWAIT)));
  close(a);
  printf("to nobody %s", outcome(send(b, "1", 1, 0))); printf(" ready %x", ready(b, POLLIN | POLLOUT)); printf(" then %s", outcome(send(b, "2", 1, 0))); printf(", again %s, read %s\n", outcome(send(b, "3", 1, 0)), outcome(recv(b, t, 1, MSG_DONTWAIT)));
  printf("unconnected to nobody %s", outcome(sendto(third, "1", 1, 0, &n.any, sizeof n.four))); printf(" and %s\n", outcome(sendto(third, "1", 1, 0, &n.any, sizeof n.four)));
  static char big[70000]; printf("too long %s\n", outcome(sendto(third, big, sizeof big, 0, &n.any, sizeof n.four)));
  printf("shutdown %s\n", outcome(shutdown(third, SHUT_RD))); close(third); close(b);
  int r1 = bound(SOCK_DGRAM, "127.0.0.1", 0, 1); n = local(r1); int r2 = bound(SOCK_DGRAM, "127.0.0.1", port(&n), 1);
  printf("shared %d\n", r2 > 0); close(r1); close(r2);
  int six = bound(SOCK_DGRAM, "::", 0, 0); n = local(six); b = socket(AF_INET, SOCK_DGRAM, 0); Name to = name("127.0.0.1", port(&n));
  sendto(b, "4in6", 4, 0, &to.any, sizeof to.four); l = sizeof from; memset(t, 0, 16); recvfrom(six, t, 16, 0, &from.any, &l); printf("%s from %s\n", t, host(&from));
  printf("answer %s", outcome(sendto(six, "back", 4, 0, &from.any, l))); memset(t, 0, 16); recv(b, t, 16, 0); printf(" %s\n", t);
}

static void watching(void) {
  int l = bound(SOCK_STREAM, "127.0.0.1", 0, 0); Name n = local(l); listen(l, 0); int e = epoll_create1(0);
  struct epoll_event v = {.events = EPOLLIN, .data.fd = l}, got; epoll_ctl(e, EPOLL_CTL_ADD, l, &v);
  printf("quiet %d\n", epoll_wait(e, &got, 1, 0));
  int first = call("127.0.0.1", port(&n), 0); printf("caller %d %x\n", epoll_wait(e, &got, 1, 1000), got.events);
  int second = call("127.0.0.1", port(&n), SOCK_NONBLOCK); printf("second waits %x\n", second > 0 ? ready_now(second, POLLOUT) & 0 : -1);
  int s = accept(l, 0, 0);
  struct epoll_event w = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.fd = s}; epoll_ctl(e, EPOLL_CTL_ADD, s, &w); epoll_ctl(e, EPOLL_CTL_DEL, l, 0);
  printf("edge %d %x", epoll_wait(e, &got, 1, 0), got.events); printf(" then %d\n", epoll_wait(e, &got, 1, 0));
  write(first, "x", 1); printf("bytes %d %x", epoll_wait(e, &got, 1, 1000), got.events); printf(" then %d\n", epoll_wait(e, &got, 1, 0));
  write(first, "y", 1); printf("more %d %x\n", epoll_wait(e, &got, 1, 1000), got.events);
  shutdown(first, SHUT_WR); printf("half %d %x\n", epoll_wait(e, &got, 1, 1000), got.events);
  close(first); char b[8]; printf("read %s\n", outcome(read(s, b, 8))); shutdown(s, SHUT_WR); printf("both %d %x\n", epoll_wait(e, &got, 1, 1000), got.events);
  s = accept(l, 0, 0); printf("the second's turn %d writable %x error %d\n", s > 0, ready(second, POLLOUT), error_of(second));
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  struct { const char *name; void (*run)(void); } all[] = {{"names", names}, {"connecting", connecting}, {"six", by_way_of_six}, {"datagrams", datagrams}, {"watching", watching}};
  for (unsigned i = 0; i < sizeof all / sizeof *all; i++) if (argc > 1 && !strcmp(argv[1], all[i].name)) all[i].run();
  return 0;
}
