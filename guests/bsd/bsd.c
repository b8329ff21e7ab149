/* What is different on FreeBSD: numbers, structures, flags, start-up, signals, threads. Expected output from its manual pages and headers. */
#include "../lib/sys.h"
enum {
  SYS_link = 9, SYS_unlink = 10, SYS_kill = 37, SYS_sigaltstack = 53, SYS_umask = 60, SYS_munmap = 73, SYS_mprotect = 74, SYS_dup2 = 90,
  SYS_fcntl = 92, SYS_readv = 120, SYS_mkdir = 136, SYS_rmdir = 137, SYS_sysarch = 165, SYS_getrlimit = 194, SYS___syscall = 198,
  SYS___sysctl = 202, SYS_poll = 209, SYS_clock_gettime = 232, SYS_nanosleep = 240, SYS_issetugid = 253, SYS_getcwd = 326,
  SYS_sigprocmask = 340, SYS_sigaction = 416, SYS_thr_exit = 431, SYS_thr_self = 432, SYS_umtx = 454, SYS_thr_new = 455,
  SYS_mmap = 477, SYS_lseek = 478, SYS_openat = 499, SYS_pipe2 = 542, SYS_fstat = 551, SYS_fstatat = 552, SYS_getdirentries = 554,
  SYS_getrandom = 563, SYS_sysctlbyname = 570,
};
struct stat { u64 dev, ino, nlink; unsigned short mode, pad0; u32 uid, gid, pad1; u64 rdev; i64 times[8]; i64 size, blocks; int blksize; u32 flags; u64 gen, spare[10]; };
struct dirent { u64 fileno; i64 off; unsigned short reclen; u8 type, pad0; unsigned short namlen, pad1; char name[]; };
struct sigaction { void (*handler)(int, void *, void *); int flags; u32 mask[4]; int pad; };
struct siginfo { int signo, errno_, code, pid; u32 uid; int status; void *addr; u64 value; int trapno; };
static volatile int caught;
static char *page;
static void on_signal(int number, void *info, void *context) {
  struct siginfo *si = info;
  (void)context;
  caught++;
  put("signal "); put_number(number); put(" code "); put_hex(si->code); put(si->pid == sys0(SYS_getpid) ? " from me\n" : " from another\n");
}
static void on_fault(int number, void *info, void *context) {
  struct siginfo *si = info;
  put("signal "); put_number(number); put(" code "); put_number(si->code); put(" at "); put_number((char *)si->addr - page); put("\n");
  ((u64 *)((char *)context + 16))[8] = 77; /* mc_rbx */
  sys3(SYS_mprotect, page, 4096, 3);
}
static volatile int thread_word, thread_sum;
static void thread(void *argument) {
  i64 own = 0;
  sys1(SYS_thr_self, &own);
  thread_sum = (int)(i64)argument + (own != sys0(SYS_getpid));
  thread_word = 1;
  sys6(SYS_umtx, &thread_word, 3, 1, 0, 0, 0);
  sys1(SYS_thr_exit, 0);
}
static int run(i64 *stack) {
  i64 argc = *stack;
  char **argv = (char **)(stack + 1), **envp = argv + argc + 1, **end = envp, b[1024];
  line("argc", argc);
  while (*end) { put(*end++); put("\n"); }
  u64 aux[64] = {0}, *a = (u64 *)(end + 1);
  for (; a[0]; a += 2) if (a[0] < 64) aux[a[0]] = a[1];
  line("AT_PAGESZ", aux[6]);
  line("AT_OSRELDATE is 12 or later", aux[18] >= 1200000);
  line("AT_CANARYLEN", aux[17]);
  line("AT_EXECPATH", ((char *)aux[15])[0] == '/');
  line("AT_NCPUS", aux[19]);
  u64 *strings = (u64 *)aux[32];
  line("ps_strings", strings[0] == (u64)argv && (int)strings[1] == argc);

  line("absent file", sys3(SYS_open, "none", 0, 0));
  line("closed descriptor", sys3(SYS_read, 99, b, 1));
  line("bad address", sys3(SYS_open, 8, 0, 0));
  line("unknown call", sys0(530));
  line("through __syscall", sys1(SYS___syscall, SYS_getpid) == sys0(SYS_getpid));
  line("issetugid", sys0(SYS_issetugid));
  line("umask", sys1(SYS_umask, 022));
  line("mkdir", sys2(SYS_mkdir, "d", 0777));
  i64 fd = sys3(SYS_open, "d/file", 0x0002 | 0x0200 | 0x0800, 0666);
  line("create", fd);
  line("again", sys3(SYS_open, "d/file", 0x0002 | 0x0200 | 0x0800, 0666));
  line("write", sys3(SYS_write, fd, "hello, world", 12));
  line("lseek", sys3(SYS_lseek, fd, -5, 2));
  line("read", sys3(SYS_read, fd, b, 100));
  struct stat s;
  line("fstat", sys2(SYS_fstat, fd, &s));
  put("mode "); put_hex(s.mode); line(" links", s.nlink); line("size", s.size);
  line("link", sys2(SYS_link, "d/file", "d/other"));
  line("fstatat", sys6(SYS_fstatat, -100, "d/other", &s, 0x200, 0, 0));
  line("links", s.nlink);
  i64 dir = sys3(SYS_openat, -100, "d", 0x20000);
  i64 base = -1, n = sys6(SYS_getdirentries, dir, b, sizeof b, &base, 0, 0), seen = 0;
  for (i64 at = 0; at < n;) { struct dirent *e = (struct dirent *)(b + at); seen += e->type * 100 + e->namlen; at += e->reclen; }
  line("entries", seen);
  line("base", base);
  line("end", sys6(SYS_getdirentries, dir, b, sizeof b, 0, 0, 0));
  line("unlink directory", sys1(SYS_unlink, "d"));
  line("rmdir full", sys1(SYS_rmdir, "d"));
  sys1(SYS_unlink, "d/other"); sys1(SYS_unlink, "d/file");
  line("rmdir", sys1(SYS_rmdir, "d"));
  line("getcwd", sys2(SYS_getcwd, b, sizeof b));
  line("absolute", b[0] == '/');
  line("F_DUPFD_CLOEXEC", sys3(SYS_fcntl, fd, 17, 40));
  line("F_GETFD", sys3(SYS_fcntl, 40, 1, 0));
  line("F_GETFL", sys3(SYS_fcntl, fd, 3, 0));

  int p[2];
  line("pipe2", sys2(SYS_pipe2, p, 4));
  line("empty pipe", sys3(SYS_read, p[0], b, 1));
  struct { int fd; unsigned short events, revents; } f[2] = {{p[0], 1, 0}, {p[1], 4, 0}};
  line("poll", sys3(SYS_poll, f, 2, 0));
  line("writable", f[1].revents);

  int mib[2] = {1, 1};
  u64 length = 64;
  line("sysctl", sys6(SYS___sysctl, mib, 2, b, &length, 0, 0));
  put(b); put("\n");
  line("length", length);
  u32 size = 0; length = 4;
  line("sysctlbyname", sys6(SYS_sysctlbyname, "hw.pagesize", 11, &size, &length, 0, 0));
  line("hw.pagesize", size);
  line("no such name", sys6(SYS_sysctlbyname, "hw.nothing", 10, &size, &length, 0, 0));
  length = 3; mib[1] = 1;
  line("too short", sys6(SYS___sysctl, mib, 2, b, &length, 0, 0));

  static u64 block[4] = {11, 22, 33, 44};
  u64 address = (u64)block;
  line("AMD64_SET_FSBASE", sys2(SYS_sysarch, 129, &address));
  u64 tls;
  __asm__ volatile("mov %%fs:16, %0" : "=r"(tls));
  line("at FS", tls);
  line("getrandom", sys3(SYS_getrandom, b, 16, 0));
  struct { i64 sec, nsec; } t, nap = {0, 2000000};
  line("clock_gettime", sys2(SYS_clock_gettime, 4, &t));
  line("nanosleep", sys2(SYS_nanosleep, &nap, 0));
  line("bad clock", sys2(SYS_clock_gettime, 77, &t));
  struct { i64 now, most; } limit;
  line("getrlimit", sys2(SYS_getrlimit, 8, &limit));

  page = (char *)sys6(SYS_mmap, 0, 8192, 3, 0x1002, -1, 0);
  line("mmap", (i64)page > 0 && !((u64)page & 4095) && page[5000] == 0);
  line("mmap a file without one", sys6(SYS_mmap, 0, 4096, 1, 2, -1, 0));
  struct sigaction action = {on_signal, 0x40, {0}, 0};
  line("sigaction", sys3(SYS_sigaction, 30, &action, 0));
  sys2(SYS_kill, sys0(SYS_getpid), 30);
  u32 mask[4] = {1u << 29};
  sys3(SYS_sigprocmask, 1, mask, 0);
  sys2(SYS_kill, sys0(SYS_getpid), 30);
  line("blocked", caught);
  sys3(SYS_sigprocmask, 2, mask, 0);
  line("unblocked", caught);
  line("SIGKILL cannot be caught", sys3(SYS_sigaction, 9, &action, 0));
  action.handler = on_fault;
  sys3(SYS_sigaction, 11, &action, 0);
  sys3(SYS_mprotect, page, 4096, 1);
  i64 rbx;
  __asm__ volatile("mov $5, %%ebx\n movb $1, 100(%1)\n mov %%rbx, %0" : "=r"(rbx) : "r"(page) : "rbx", "memory");
  line("register from the context", rbx);

  struct { void (*start)(void *); void *arg; char *stack; u64 size; void *tls; u64 tls_size; i64 *child, *parent; int flags; void *rtp, *spare[3]; } thr = {thread, (void *)41, page + 4096, 4096, block, 32, 0, 0, 0, 0, {0}};
  line("thr_new", sys2(SYS_thr_new, &thr, sizeof thr));
  while (!thread_word) sys6(SYS_umtx, &thread_word, 11, 0, 0, 0, 0);
  line("thread", thread_sum);

  i64 child = sys0(SYS_fork);
  if (child == 0) { out_used = 0; quit(5); }
  int status = 0;
  line("wait4", sys6(SYS_wait4, child, &status, 0, 0, 0, 0) == child);
  line_hex("status", status);
  child = sys0(SYS_fork);
  if (child == 0) { sys2(SYS_kill, sys0(SYS_getpid), 15); for (;;) sys2(SYS_nanosleep, &nap, 0); }
  sys6(SYS_wait4, child, &status, 0, 0, 0, 0);
  line_hex("killed", status);
  line("no child", sys6(SYS_wait4, -1, &status, 0, 0, 0, 0));
  return 3;
}
