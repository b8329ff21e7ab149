/* POSIX message queues: order by priority, limits, blocking with and without end, notification once, names and rights. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *outcome(long r) { static char t[4][64]; static int turn; char *s = t[turn++ & 3]; if (r < 0) snprintf(s, 64, "%s", strerror(errno)); else snprintf(s, 64, "%ld", r); return s; }
static volatile int got, value, code;
static void on(int s, siginfo_t *i, void *c) { (void)c; got = s; value = i->si_value.sival_int; code = i->si_code; }
int main(void) {
  struct mq_attr a = {.mq_maxmsg = 3, .mq_msgsize = 16}, now; char b[64], n[32]; unsigned prio; sprintf(n, "/guest%d", getpid());
  printf("absent %s\n", outcome(mq_open(n, O_RDWR)));
  struct mq_attr bad = {.mq_maxmsg = 0, .mq_msgsize = 16}; printf("no room %s\n", outcome(mq_open(n, O_RDWR | O_CREAT, 0600, &bad)));
  mqd_t q = mq_open(n, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &a); printf("made %d again %s close on exec %d\n", q >= 0, outcome(mq_open(n, O_RDWR | O_CREAT | O_EXCL, 0600, &a)), fcntl(q, F_GETFD));
  printf("empty %s", outcome(mq_receive(q, b, 64, &prio))); printf(", small buffer %s", outcome(mq_receive(q, b, 8, &prio))); printf(", too long %s", outcome(mq_send(q, "0123456789abcdefg", 17, 0))); printf(", priority %s\n", outcome(mq_send(q, "x", 1, 32768)));
  struct pollfd p = {q, POLLIN | POLLOUT, 0}; poll(&p, 1, 0); printf("ready %x", p.revents);
  mq_send(q, "low", 4, 1); mq_send(q, "high", 5, 9); mq_send(q, "low2", 5, 1); printf(", full %s", outcome(mq_send(q, "more", 5, 1))); poll(&p, 1, 0); printf(", ready %x\n", p.revents);
  mq_getattr(q, &now); printf("%lx %ld %ld %ld\n", now.mq_flags, now.mq_maxmsg, now.mq_msgsize, now.mq_curmsgs);
  for (int i = 0; i < 3; i++) { long r = mq_receive(q, b, 64, &prio); printf("%ld %s %u, ", r, b, prio); } printf("\n");
  now.mq_flags = 0; mq_setattr(q, &now, 0); mq_getattr(q, &now); printf("blocking %lx\n", now.mq_flags);
  struct timespec t; clock_gettime(CLOCK_REALTIME, &t); t.tv_nsec += 5000000; if (t.tv_nsec >= 1000000000) t.tv_nsec -= 1000000000, t.tv_sec++;
  printf("in time %s", outcome(mq_timedreceive(q, b, 64, 0, &t))); t.tv_nsec = -1; printf(", no time %s\n", outcome(mq_timedreceive(q, b, 64, 0, &t)));
  struct sigaction act = {.sa_sigaction = on, .sa_flags = SA_SIGINFO}; sigaction(SIGUSR1, &act, 0);
  struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
  printf("notify %s", outcome(mq_notify(q, &e))); printf(" twice %s", outcome(mq_notify(q, &e))); mq_send(q, "n", 2, 0); printf(" told %d %d %d", got == SIGUSR1, value, code == SI_MESGQ); got = 0; mq_receive(q, b, 64, 0); mq_send(q, "n", 2, 0); printf(" once %d\n", !got); mq_receive(q, b, 64, 0);
  pid_t child = fork(); int status;
  if (!child) { for (int i = 0; i < 10; i++) { char m[16]; sprintf(m, "%d", i); mq_send(q, m, 3, 0); } _exit(0); }
  for (int i = 0; i < 10; i++) { mq_receive(q, b, 64, 0); printf("%s ", b); } waitpid(child, &status, 0); printf("from a child\n");
  mqd_t r = mq_open(n, O_RDONLY), w = mq_open(n, O_WRONLY); printf("read only %s", outcome(mq_send(r, "x", 1, 0))); printf(", write only %s", outcome(mq_receive(w, b, 64, 0))); printf(", a file %s\n", outcome(mq_send(1, "x", 1, 0)));
  printf("unlink %s", outcome(mq_unlink(n))); printf(" again %s", outcome(mq_unlink(n))); printf(", still %s", outcome(mq_send(q, "x", 2, 0))); printf(" %s\n", outcome(mq_receive(r, b, 64, 0)));
  return 0;
}
