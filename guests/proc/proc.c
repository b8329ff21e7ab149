/* What /proc and /dev say; only what does not depend on the machine is printed. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

static char text[65536];
static long slurp(const char *name) {
  int fd = open(name, O_RDONLY), n = 0, r;
  if (fd < 0) { printf("%s: %s\n", name, strerror(errno)); text[0] = 0; return -1; }
  while ((r = read(fd, text + n, sizeof text - 1 - n)) > 0) n += r;
  text[n] = 0;
  close(fd);
  return n;
}
static int has(const char *part) { return strstr(text, part) != 0; }
int main(int argc, char **argv) {
  (void)argc;
  char b[4096] = {0};
  readlink("/proc/self/exe", b, sizeof b - 1);
  printf("exe %d\n", strstr(b, "proc/linux-x86-64") != 0);
  long n = slurp("/proc/self/cmdline");
  printf("cmdline %d %s %s\n", n == (long)strlen(text) + 13, strrchr(text, '/'), text + strlen(text) + 1);
  char *end = (char *)syscall(SYS_brk, 0);
  syscall(SYS_brk, end + 8192);
  slurp("/proc/self/maps");
  printf("maps program %d stack %d heap %d\n", has("proc/linux-x86-64"), has("[stack]"), has("[heap]"));
  unsigned long from, to; char prot[5];
  { __auto_type result = sscanf(text, "%lx-%lx %4s", &from, &to, prot); printf("first line %d %s\n", result, prot); }
  slurp("/proc/self/status");
  sprintf(b, "Pid:\t%d\n", getpid());
  printf("status name %d pid %d threads %d\n", has("Name:\t"), has(b), has("Threads:\t1\n"));
  slurp("/proc/self/stat");
  printf("stat pid %d\n", atoi(text) == getpid());
  slurp("/proc/meminfo");
  printf("meminfo %d %d\n", has("MemTotal:"), has("MemFree:"));
  slurp("/proc/cpuinfo");
  printf("cpuinfo %d %d\n", has("processor\t: 0"), has("sse4_2"));
  n = slurp("/proc/self/auxv");
  printf("auxv %d\n", n > 64 && n % 16 == 0);
  n = slurp("/proc/self/environ");
  printf("environ %s\n", text);
  int fd = open("/dev/null", O_RDWR);
  sprintf(b, "/proc/self/fd/%d", fd);
  { __auto_type result = readlink(b, text, sizeof text); printf("fd link %zd %s\n", result, text); }
  { __auto_type first = write(fd, "x", 1); __auto_type second = read(fd, text, 10); printf("null %zd %zd\n", first, second); }
  fd = open("/dev/zero", O_RDWR);
  memset(text, 1, 10);
  { __auto_type result = read(fd, text, 10); printf("zero %zd %d\n", result, text[9]); }
  fd = open("/dev/full", O_RDWR);
  n = write(fd, "x", 1);
  printf("full %ld %s\n", n, strerror(errno));
  struct stat s;
  stat("/dev/null", &s);
  { __auto_type result = S_ISCHR(s.st_mode); printf("device %d %lx\n", result, (long)s.st_rdev); }
  sprintf(b, "/dev/fd/%d", fd);
  printf("reopen %d\n", open(b, O_WRONLY) >= 0);
  struct utsname u;
  uname(&u);
  printf("%s %s\n", u.sysname, u.machine);
  struct sysinfo i;
  { __auto_type result = sysinfo(&i); printf("sysinfo %d %d\n", result, i.totalram > 0); }
  printf("processors %d\n", sysconf(_SC_NPROCESSORS_ONLN) >= 1);
  struct rlimit r;
  { __auto_type result = getrlimit(RLIMIT_NOFILE, &r); printf("limit %d %d\n", result, r.rlim_cur >= 64); }
  struct rusage usage;
  printf("usage %d\n", getrusage(RUSAGE_SELF, &usage));
  { __auto_type result = open("/proc/self/nothing", O_RDONLY); printf("missing %d %s\n", result, strerror(errno)); }
  printf("page size %ld\n", sysconf(_SC_PAGESIZE));
  { __auto_type first = getsid(0) > 0; __auto_type second = getpgrp() > 0; printf("session %d group %d\n", first, second); }
  printf("argv0 %s\n", strrchr(argv[0], '/'));
  return 0;
}
