/* Clocks, sleeping, interval timers, timerfd: order and lower bounds only, so that the transcript does not depend on speed. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static volatile int ticks;
static void tick(int signal) { (void)signal; ticks++; }
static int64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000000000LL + t.tv_nsec; }
int main(void) {
  int64_t a = now();
  struct timespec t = {.tv_nsec = 12000000};
  printf("nanosleep %d\n", nanosleep(&t, 0));
  printf("slept long enough %d\n", now() - a >= 12000000);
  a = now();
  usleep(3000);
  printf("usleep long enough %d\n", now() - a >= 3000000);
  t.tv_nsec = 2000000000;
  { __auto_type result = nanosleep(&t, 0); printf("bad nanosleep %d %s\n", result, strerror(errno)); }
  clock_gettime(CLOCK_MONOTONIC, &t);
  t.tv_nsec += 5000000;
  if (t.tv_nsec >= 1000000000) { t.tv_nsec -= 1000000000; t.tv_sec++; }
  printf("until %d\n", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0));
  printf("reached %d\n", now() >= t.tv_sec * 1000000000LL + t.tv_nsec);
  clock_getres(CLOCK_MONOTONIC, &t);
  printf("resolution %ld\n", t.tv_nsec);
  printf("year is past 2020 %d\n", time(0) > 1577836800);
  struct timeval v;
  gettimeofday(&v, 0);
  printf("same clock %d\n", v.tv_sec - time(0) <= 1 && time(0) - v.tv_sec <= 1);
  { __auto_type result = clock_gettime(99, &t); printf("bad clock %d %s\n", result, strerror(errno)); }

  struct sigaction action = {.sa_handler = tick};
  sigaction(SIGALRM, &action, 0);
  struct itimerval i = {.it_value = {0, 4000}, .it_interval = {0, 4000}};
  setitimer(ITIMER_REAL, &i, 0);
  while (ticks < 3) pause();
  i = (struct itimerval){0};
  setitimer(ITIMER_REAL, &i, 0);
  printf("ticks %d\n", ticks >= 3);

  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  uint64_t expirations = 0;
  { __auto_type result = read(fd, &expirations, 8); printf("unarmed %zd %s\n", result, strerror(errno)); }
  struct itimerspec s = {.it_value = {0, 5000000}, .it_interval = {0, 2000000}};
  timerfd_settime(fd, 0, &s, 0);
  struct pollfd p = {fd, POLLIN, 0};
  printf("poll %d", poll(&p, 1, 2000));
  printf(" read %zd", read(fd, &expirations, 8));
  printf(" expired %d\n", expirations >= 1);
  s = (struct itimerspec){0};
  timerfd_settime(fd, 0, &s, 0);
  printf("disarmed %d\n", poll(&p, 1, 8));

  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
  printf("timer_create %d\n", timer_create(CLOCK_MONOTONIC, &event, &timer));
  ticks = 0;
  s = (struct itimerspec){.it_value = {0, 3000000}};
  timer_settime(timer, 0, &s, 0);
  while (!ticks) pause();
  printf("one shot %d\n", ticks);
  timer_delete(timer);
  alarm(100);
  printf("alarm left %d\n", alarm(0) > 90);
  struct tm *date = gmtime(&(time_t){1234567890});
  printf("%04d-%02d-%02d %02d:%02d:%02d\n", date->tm_year + 1900, date->tm_mon + 1, date->tm_mday, date->tm_hour, date->tm_min, date->tm_sec);
  return 0;
}
