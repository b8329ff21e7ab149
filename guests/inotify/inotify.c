/* inotify: events of names and of files, renames joined by cookies, ends of watches, flags of watches, coalescing, readiness. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int in;
static void events(const char *what) {
  char b[4096]; int n, waiting = 0; unsigned cookie = 0;
  ioctl(in, FIONREAD, &waiting);
  printf("%s:", what);
  while ((n = read(in, b, sizeof b)) > 0) {
    if (n != waiting) printf(" (FIONREAD said otherwise)");
    for (char *p = b; p < b + n; p += sizeof(struct inotify_event) + ((struct inotify_event *)p)->len) {
      struct inotify_event *e = (void *)p;
      printf(" %d:%x", e->wd, e->mask);
      if (e->len) printf("=%s/%u", e->name, e->len);
      if (e->cookie) { printf(e->cookie == cookie ? "~same" : "~new"); cookie = e->cookie; }
    }
  }
  printf("\n");
}
static int put(const char *name, const char *text) { int f = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644); write(f, text, strlen(text)); return f; }
int main(void) {
  in = inotify_init1(IN_NONBLOCK);
  mkdir("d", 0755); mkdir("e", 0755);
  int d = inotify_add_watch(in, "d", IN_ALL_EVENTS); printf("watch %d\n", d);
  struct pollfd p = {in, POLLIN, 0}; printf("quiet %d\n", poll(&p, 1, 0));
  int f = put("d/one", "text"); printf("ready %d\n", poll(&p, 1, 0)); events("written"); write(f, "a", 1); write(f, "b", 1); close(f); events("twice, closed");
  f = open("d/one", O_RDONLY); char b[8]; read(f, b, 8); close(f); events("read");
  int file = inotify_add_watch(in, "d/one", IN_ALL_EVENTS); printf("watch %d again %d\n", file, inotify_add_watch(in, "d/one", IN_ALL_EVENTS));
  chmod("d/one", 0600); events("chmod"); truncate("d/one", 1); events("truncate");
  link("d/one", "d/two"); events("link"); unlink("d/two"); events("unlinked");
  rename("d/one", "d/three"); events("renamed"); rename("d/three", "e/three"); events("away"); f = put("e/three", "x"); close(f); events("file alone");
  rename("e/three", "d/four"); events("back");
  close(put("d/five", "")); events("five"); rename("d/five", "d/four"); events("over it");
  mkdir("d/sub", 0755); events("mkdir"); symlink("x", "d/link"); events("symlink"); mkfifo("d/fifo", 0600); events("fifo"); rmdir("d/sub"); unlink("d/link"); unlink("d/fifo"); events("gone");
  file = inotify_add_watch(in, "d/four", IN_DELETE_SELF | IN_ATTRIB); f = open("d/four", O_RDONLY); events("opened"); unlink("d/four"); events("unlinked while open"); close(f); events("closed");
  close(put("d/six", "")); events("six"); file = inotify_add_watch(in, "d/six", IN_MODIFY | IN_ONESHOT); truncate("d/six", 3); truncate("d/six", 0); events("once");
  file = inotify_add_watch(in, "d/six", IN_OPEN); int more = inotify_add_watch(in, "d/six", IN_CLOSE | IN_MASK_ADD); close(open("d/six", O_RDONLY)); printf("same %d\n", more == file); events("added");
  printf("create %d %s\n", inotify_add_watch(in, "d/six", IN_OPEN | IN_MASK_CREATE), strerror(errno)); printf("onlydir %d %s\n", inotify_add_watch(in, "d/six", IN_OPEN | IN_ONLYDIR), strerror(errno));
  printf("none %d %s\n", inotify_add_watch(in, "d/six", 0), strerror(errno)); printf("absent %d %s\n", inotify_add_watch(in, "nowhere", IN_OPEN), strerror(errno));
  printf("remove %d, again %d %s\n", inotify_rm_watch(in, file), inotify_rm_watch(in, file), strerror(errno)); events("removed");
  close(put("d/seven", "")); ssize_t small = read(in, b, 8); printf("small buffer %zd %s\n", small, strerror(errno)); events("still there");
  unlink("d/six"); unlink("d/seven"); events("empty"); rmdir("d"); events("end"); printf("no more %d\n", inotify_rm_watch(in, d));
  return 0;
}
