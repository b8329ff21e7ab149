/* Files with holes, larger than memory: what they read, hold, tell of their holes and show when mapped. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define GIB (1L << 30)

static void show(const char *what, long result) {
  if (result < 0) printf("%s: -1 %s\n", what, strerror(errno));
  else printf("%s: %ld\n", what, result);
}

static void state(const char *what, int fd) {
  struct stat s;
  fstat(fd, &s);
  printf("%s: size %ld blocks %ld\n", what, (long)s.st_size, (long)s.st_blocks);
}

static void extents(const char *what, int fd) {
  printf("%s:", what);
  for (off_t at = 0, end; (at = lseek(fd, at, SEEK_DATA)) >= 0; at = end) {
    end = lseek(fd, at, SEEK_HOLE);
    printf(" %ld-%ld", (long)at, (long)end);
  }
  printf(" %s\n", strerror(errno));
}

int main(void) {
  char bytes[16] = "abcdefgh", got[16] = "";
  int fd = memfd_create("holes", 0);
  state("empty", fd);
  show("small", pwrite(fd, bytes, 8, 0));
  state("small", fd);
  show("far", pwrite(fd, bytes, 8, 3 * GIB + 4092));
  state("far", fd);
  extents("far", fd);
  show("across", pread(fd, got, 12, 3 * GIB + 4088));
  for (int i = 0; i < 12; i++) printf("%02x ", (unsigned char)got[i]);
  puts("");
  show("hole", pread(fd, got, 16, 2 * GIB));
  show("hole is zero", memcmp(got, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16) == 0);
  show("longer", ftruncate(fd, 6 * GIB));
  state("longer", fd);
  show("at the end", pread(fd, got, 16, 6 * GIB - 4));
  show("data beyond", lseek(fd, 4 * GIB, SEEK_DATA));
  show("hole beyond", lseek(fd, 4 * GIB, SEEK_HOLE));

  char *part = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 3 * GIB);
  printf("mapped: %.4s|%.4s\n", part + 4092, part + 4096);
  memcpy(part + 4, "shared", 6);
  show("seen by read", pread(fd, got, 6, 3 * GIB + 4));
  printf("%.6s\n", got);
  char *all = mmap(0, 6 * GIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  printf("whole: %.4s|%.4s|%.6s|%d\n", all, all + 3 * GIB + 4092, all + 3 * GIB + 4, all[6 * GIB - 1]);
  all[5 * GIB + 1] = 'x';
  show("seen by read", pread(fd, got, 1, 5 * GIB + 1));
  printf("%.1s\n", got);
  munmap(all, 6 * GIB);
  munmap(part, 8192);

  int other = memfd_create("punched", 0);
  char page[4096];
  memset(page, 'p', sizeof page);
  for (int i = 0; i < 8; i++) write(other, page, sizeof page);
  state("written", other);
  show("punch", fallocate(other, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096 + 100, 3 * 4096));
  state("punched", other);
  extents("punched", other);
  show("edge", pread(other, got, 4, 4096 + 98));
  printf("%.2s %d %d\n", got, got[2], got[3]);
  show("reserve", fallocate(other, FALLOC_FL_KEEP_SIZE, 0, 10 * 4096));
  state("reserved", other);
  extents("reserved", other);
  show("grow", fallocate(other, 0, 0, 12 * 4096));
  state("grown", other);
  show("shrink", ftruncate(other, 5000));
  state("shrunk", other);
  show("grow again", ftruncate(other, 9000));
  show("old bytes gone", pread(other, got, 4, 5000) == 4 && got[0] == 0);
  show("empty", ftruncate(other, 0));
  state("empty", other);
  show("too much", ftruncate(other, -1));
  return 0;
}
