/* Files and directories in the current directory, through the C library. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static void show(const char *what, long result) {
  if (result < 0) printf("%s: -1 %s\n", what, strerror(errno));
  else printf("%s: %ld\n", what, result);
}
static void show_stat(const char *name) {
  struct stat s;
  if (lstat(name, &s)) { show(name, -1); return; }
  printf("%s: mode %o links %d size %ld\n", name, s.st_mode, (int)s.st_nlink, (long)(S_ISDIR(s.st_mode) ? 0 : s.st_size));
}
static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void list(const char *name) {
  char *names[64]; int n = 0;
  DIR *d = opendir(name);
  if (!d) { show(name, -1); return; }
  for (struct dirent *e; (e = readdir(d));) { char b[300]; sprintf(b, "%s/%d", e->d_name, e->d_type); names[n++] = strdup(b); }
  closedir(d);
  qsort(names, n, sizeof *names, by_name);
  printf("%s:", name);
  for (int i = 0; i < n; i++) printf(" %s", names[i]);
  printf("\n");
}

int main(void) {
  char b[256];
  umask(022);
  show("mkdir", mkdir("d", 0777));
  show("mkdir again", mkdir("d", 0777));
  show("chdir", chdir("d"));
  int fd = open("a", O_RDWR | O_CREAT | O_EXCL, 0666);
  show("create", fd);
  show("write", write(fd, "hello, world\n", 13));
  show("lseek", lseek(fd, 7, SEEK_SET));
  memset(b, 0, sizeof b);
  show("read", read(fd, b, 5));
  printf("read '%s'\n", b);
  show("pwrite past the end", pwrite(fd, "X", 1, 20));
  show("end", lseek(fd, 0, SEEK_END));
  show("pread", pread(fd, b, 8, 13));
  printf("hole %d %d last %c\n", b[0], b[6], b[7]);
  struct iovec v[3] = {{"one ", 4}, {"two ", 4}, {"three", 5}};
  lseek(fd, 0, SEEK_SET);
  show("writev", writev(fd, v, 3));
  show("ftruncate", ftruncate(fd, 9));
  show_stat("a");
  show("exclusive again", open("a", O_RDWR | O_CREAT | O_EXCL, 0666));
  show("no such", open("none", O_RDONLY));
  show("not a directory", open("a/b", O_RDONLY));
  show("write to a reader", (close(open("a", O_RDONLY)), write(open("a", O_RDONLY), "x", 1)));
  show("closed", read(99, b, 1));
  int append = open("a", O_WRONLY | O_APPEND);
  show("append", write(append, "!!", 2));
  close(append);
  show_stat("a");
  show("link", link("a", "hard"));
  show("symlink", symlink("a", "soft"));
  show_stat("hard");
  show_stat("soft");
  memset(b, 0, sizeof b);
  show("readlink", readlink("soft", b, sizeof b));
  printf("-> %s\n", b);
  show("open link", close(open("soft", O_RDONLY)));
  show("nofollow", open("soft", O_RDONLY | O_NOFOLLOW));
  show("loop", (symlink("y", "x"), symlink("x", "y"), open("x", O_RDONLY)));
  show("rename", rename("hard", "moved"));
  list(".");
  show("rename over", rename("moved", "x"));
  show("unlink", unlink("y"));
  show("unlink directory", unlink("."));
  show("rmdir full", rmdir("../d"));
  show("chmod", chmod("a", 0640));
  show_stat("a");
  show("access", access("a", R_OK | W_OK));
  show("access none", access("none", F_OK));
  struct timespec times[2] = {{1000000000, 500}, {1234567890, 123456789}};
  show("utimensat", utimensat(AT_FDCWD, "a", times, 0));
  struct stat s;
  stat("a", &s);
  printf("mtime %ld.%09ld atime %ld\n", (long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec, (long)s.st_atim.tv_sec);
  show("truncate", truncate("a", 3));
  int copy = dup(fd);
  lseek(fd, 1, SEEK_SET);
  memset(b, 0, sizeof b);
  show("shared position", read(copy, b, 10));
  printf("'%s'\n", b);
  show("dup2", dup2(fd, 50));
  show("F_GETFL", fcntl(50, F_GETFL) & O_ACCMODE);
  show("F_GETFD", fcntl(50, F_GETFD));
  show("F_SETFD", fcntl(50, F_SETFD, FD_CLOEXEC));
  show("F_GETFD", fcntl(50, F_GETFD));
  show("F_DUPFD", fcntl(50, F_DUPFD, 60));
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  show("lock", fcntl(fd, F_SETLK, &lock));
  int dir = open(".", O_RDONLY | O_DIRECTORY);
  show("mkdirat", mkdirat(dir, "sub", 0700));
  show("openat", close(openat(dir, "sub/f", O_CREAT | O_WRONLY, 0600)));
  show("renameat", renameat(dir, "sub/f", dir, "g"));
  show("read directory", read(dir, b, 10));
  list("sub");
  show("unlinkat", unlinkat(dir, "sub", AT_REMOVEDIR));
  show("fchdir", (chdir("/"), fchdir(dir)));
  printf("cwd ends in %s\n", strrchr(getcwd(b, sizeof b), '/'));
  show("tiny getcwd", (getcwd(b, 1) ? 0 : -1));
  char *many = malloc(100);
  for (int i = 0; i < 40; i++) { sprintf(many, "file%02d", i); close(open(many, O_CREAT | O_WRONLY, 0600)); }
  DIR *d = opendir(".");
  int n = 0;
  while (readdir(d)) n++;
  printf("entries %d\n", n);
  rewinddir(d);
  int again = 0;
  while (readdir(d)) again++;
  printf("again %d\n", again);
  closedir(d);
  for (int i = 0; i < 40; i++) { sprintf(many, "file%02d", i); unlink(many); }
  FILE *f = fopen("text", "w+");
  for (int i = 0; i < 2000; i++) fprintf(f, "line %d\n", i);
  fseek(f, -10, SEEK_END);
  fgets(b, sizeof b, f);
  printf("tail '%s' ", b);
  printf("size %ld\n", ftell(f));
  fclose(f);
  show("mkfifo", mkfifo("fifo", 0600));
  list(".");
  unlink("a"); unlink("g"); unlink("soft"); unlink("text"); unlink("x"); unlink("fifo");
  memset(b, 0, sizeof b);
  show("write to an unlinked file", write(fd, "still here", 10));
  show("pread", pread(fd, b, 10, 3));
  printf("'%s'\n", b);
  chdir("..");
  show("rmdir", rmdir("d"));
  show("long name", open("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789", O_RDONLY));
  show("empty name", open("", O_RDONLY));
  show("bad pointer", open((char *)8, O_RDONLY));
  return 0;
}
