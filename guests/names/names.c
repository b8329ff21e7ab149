/* Names are bytes: what is not UTF-8 goes through directories, links, /proc, events and arguments as it is. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *names[] = {
    "a\xff", "a\xfe", "\xc3\xa9", "\xc3(", "\xc3", "\xa9", "\xed\xb2\x80", "\xf0\x9f\x98", "\xf0\x9f\x98\x80", "\xef\xbb\xbfmark",
    "\xef\xbf\xbd", "\xff", "\xc0\xaf", "\xf5\x80\x80\x80",
};
enum { COUNT = sizeof names / sizeof *names };

/* What follows the last slash, with all but plain characters in hexadecimal. */
static void show(const char *what, const char *bytes, long length) {
  for (long i = length - 1; i >= 0; i--)
    if (bytes[i] == '/') { bytes += i + 1; length -= i + 1; break; }
  printf("%s:", what);
  for (long i = 0; i < length; i++) printf(bytes[i] > ' ' && bytes[i] < 127 ? " %c" : " %02x", bytes[i] & 255);
  printf("\n");
}
static void show_text(const char *what, const char *text) { show(what, text, strlen(text)); }
static void show_link(const char *what, const char *name) {
  char b[4096];
  show(what, b, readlink(name, b, sizeof b));
}
static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void list(void) {
  char *found[64]; int n = 0;
  DIR *d = opendir(".");
  for (struct dirent *e; (e = readdir(d));) found[n++] = strdup(e->d_name);
  closedir(d);
  qsort(found, n, sizeof *found, by_name);
  for (int i = 0; i < n; i++) show_text("entry", found[i]);
}
static void show_line(const char *what, const char *file, const char *with) {
  char line[4096];
  FILE *f = fopen(file, "r");
  while (fgets(line, sizeof line, f)) if (strstr(line, with)) { show(what, line, strcspn(line, "\n")); break; }
  fclose(f);
}

int main(int argc, char **argv) {
  char b[4096];
  if (argc > 1) {
    for (int i = 0; i < argc; i++) show_text("argument", argv[i]);
    show_text("environment", getenv("NAME"));
    show_text("getcwd", getcwd(b, sizeof b));
    show_line("comm", "/proc/self/comm", "");
    return 0;
  }
  struct stat s;
  mkdir("d\xfe", 0755);
  chdir("d\xfe");
  show_text("getcwd", getcwd(b, sizeof b));
  show_link("/proc/self/cwd", "/proc/self/cwd");
  for (int i = 0; i < COUNT; i++) {
    int fd = open(names[i], O_RDWR | O_CREAT | O_EXCL, 0644);
    dprintf(fd, "content %d", i);
    close(fd);
  }
  list();
  for (int i = 0; i < COUNT; i++) {
    int fd = open(names[i], O_RDONLY);
    memset(b, 0, sizeof b);
    read(fd, b, sizeof b);
    printf("%d %s\n", fd, b);
    close(fd);
  }
  symlink("to\xff/\xc3", "link\xff");
  show_link("link", "link\xff");
  printf("size %d\n", lstat("link\xff", &s) ? -1 : (int)s.st_size);

  int fd = open("a\xff", O_RDONLY), watch = inotify_init();
  sprintf(b, "/proc/self/fd/%d", fd);
  show_link("descriptor", b);
  mmap(0, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
  show_line("mapping", "/proc/self/maps", "/a\xff");

  inotify_add_watch(watch, ".", IN_MOVED_TO | IN_DELETE);
  rename("a\xff", "b\xf8");
  unlink("a\xfe");
  show_link("renamed", b);
  long length = read(watch, b, sizeof b);
  for (struct inotify_event *e = (void *)b; (char *)e < b + length; e = (void *)((char *)(e + 1) + e->len)) show_text("event", e->name);

  struct sockaddr_un name = {AF_UNIX, "socket\xff"};
  socklen_t size = sizeof name;
  int one = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);
  printf("bind %d ", bind(one, (void *)&name, size));
  printf("listen %d ", listen(one, 1));
  printf("connect %d\n", connect(other, (void *)&name, size));
  getpeername(other, (void *)&name, &size);
  show_text("peer", name.sun_path);

  prctl(PR_SET_NAME, "fourteen bytes\xc3\xa9");
  prctl(PR_GET_NAME, b);
  show_text("name", b);
  show_line("comm", "/proc/self/comm", "");
  char longest[300];
  memset(longest, 0xff, sizeof longest);
  longest[256] = 0;
  printf("%d ", mkdir(longest, 0755));
  longest[255] = 0;
  printf("%d\n", mkdir(longest, 0755));

  symlink("/proc/self/exe", "program\xff");
  b[readlink("/proc/self/exe", b, sizeof b)] = 0;
  unlink("program\xff");
  symlink(b, "program\xff");
  fflush(stdout);
  if (fork() == 0) {
    char *arguments[] = {"zero\xff", "\xc3", 0}, *environment[] = {"NAME=\xfe", 0};
    execve("program\xff", arguments, environment);
    _exit(1);
  }
  wait(0);
  return 0;
}
