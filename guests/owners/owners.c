/* Who is signalled: dnotify of directories, O_ASYNC of sockets, F_SETSIG and what siginfo then tells, kinds of owners. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <unistd.h>
static volatile int got, fd, code; static void on(int s, siginfo_t *i, void *c) { (void)c; got++; fd = i->si_fd; code = i->si_code; (void)s; }
static void told(const char *w) { printf("%s %d\n", w, got); got = 0; }
int main(void) {
  struct sigaction a = {.sa_sigaction = on, .sa_flags = SA_SIGINFO}; sigaction(SIGRTMIN + 1, &a, 0); sigaction(SIGIO, &a, 0);
  mkdir("d", 0755); int d = open("d", O_RDONLY), f;
  printf("file %d\n", fcntl(1, F_NOTIFY, DN_CREATE) < 0 ? errno == ENOTDIR : 2);
  fcntl(d, F_SETSIG, SIGRTMIN + 1); printf("set %d\n", fcntl(d, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
  close(open("d/a", O_CREAT | O_WRONLY, 0600)); printf("which %d code %d\n", fd == d, code == POLL_MSG || code > 0); told("created"); close(open("d/b", O_CREAT | O_WRONLY, 0600)); told("again"); unlink("d/a"); told("not asked");
  fcntl(d, F_NOTIFY, 0); close(open("d/c", O_CREAT | O_WRONLY, 0600)); told("off"); fcntl(d, F_NOTIFY, DN_DELETE); unlink("d/b"); unlink("d/c"); told("once"); fcntl(d, F_NOTIFY, DN_DELETE | DN_MULTISHOT); close(d); rmdir("d"); told("closed");
  int s[2]; socketpair(AF_UNIX, SOCK_STREAM, 0, s); fcntl(s[0], F_SETOWN, getpid()); fcntl(s[0], F_SETFL, O_ASYNC | O_NONBLOCK); printf("flags %x owner %d signal %d\n", fcntl(s[0], F_GETFL), fcntl(s[0], F_GETOWN) == getpid(), fcntl(s[0], F_GETSIG));
  write(s[1], "x", 1); told("arrived"); write(s[1], "y", 1); told("more"); char b[8]; read(s[0], b, 8); told("read"); fcntl(s[0], F_SETSIG, SIGRTMIN + 1); write(s[1], "z", 1); printf("which %d code %d\n", fd == s[0], code == POLL_IN); told("by its signal"); fcntl(s[0], F_SETFL, 0); write(s[1], "z", 1); told("off");
  struct f_owner_ex o = {F_OWNER_TID, getpid()}, g; fcntl(s[0], F_SETOWN_EX, &o); fcntl(s[0], F_GETOWN_EX, &g); printf("owner %d %d\n", g.type, g.pid == getpid()); fcntl(s[0], F_SETOWN, -getpgrp()); printf("group %d\n", fcntl(s[0], F_GETOWN) == -getpgrp() || errno == 0); printf("nobody %d\n", fcntl(s[0], F_SETOWN, 999999) < 0 ? errno == ESRCH : 2);
  return 0;
}
