/* Capabilities and the ids that they decide about: what setuid takes, what PR_SET_KEEPCAPS keeps, what capset may raise. Started as root. */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
typedef unsigned int u32;
struct head { u32 version; int pid; };
struct data { u32 effective, permitted, inheritable; };
static void show(const char *what) {
  struct head h = {0x20080522, 0}; struct data d[2]; syscall(SYS_capget, &h, d);
  uid_t r, e, s; getresuid(&r, &e, &s); gid_t gr, ge, gs; getresgid(&gr, &ge, &gs);
  printf("%s: %d %d %d, %d %d %d, effective %d permitted %d\n", what, r, e, s, gr, ge, gs, (d[0].effective >> 6 & 3) , (d[0].permitted >> 6 & 3));
}
static const char *outcome(long r) { return r < 0 ? strerror(errno) : "ok"; }
static int set(u32 effective, u32 permitted) { struct head h = {0x20080522, 0}; struct data d[2] = {{effective, permitted, 0}}; return syscall(SYS_capset, &h, d); }
static void apart(void (*what)(void)) { fflush(stdout); if (!fork()) { what(); fflush(stdout); _exit(0); } wait(0); }
static void plain(void) { setresgid(100, 100, 100); setresuid(1000, 1000, 1000); show("another user"); printf("back %s, group %s\n", outcome(setuid(0)), outcome(setgid(0))); printf("raise %s\n", outcome(set(0xc0, 0xc0))); }
static void effective(void) { seteuid(1000); show("effective only"); printf("group %s\n", outcome(setresgid(5, 5, 5))); seteuid(0); show("root again"); }
static void kept(void) { prctl(PR_SET_KEEPCAPS, 1); setresuid(1000, 1000, 1000); show("kept"); printf("group %s", outcome(setresgid(7, 7, 7))); printf(", raise %s", outcome(set(0xc0, 0xc0))); printf(", group %s", outcome(setresgid(7, 7, 7))); printf(", groups %s\n", outcome(setgroups(0, 0))); show("raised"); }
static void dropped(void) { printf("drop %s", outcome(set(0, 0xc0))); printf(", group %s", outcome(setresgid(7, 7, 7))); printf(", more than permitted %s", outcome(set(0x1c0, 0xc0))); printf(", again %s", outcome(set(0xc0, 0xc0))); printf(", group %s\n", outcome(setresgid(7, 7, 7))); show("dropped"); }
int main(void) { setgroups(0, 0); setresgid(0, 0, 0); show("root"); apart(plain); apart(effective); apart(kept); apart(dropped); return 0; }
