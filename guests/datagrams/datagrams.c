/* How many datagrams fit: a Unix sender's buffer, a stranger's queue, a UDP receiver's buffer, and who wakes when one is taken. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char bytes[300000];

static void set(int fd, int what, int size) {
  socklen_t length = sizeof size;
  if (size) setsockopt(fd, SOL_SOCKET, what, &size, sizeof size);
  getsockopt(fd, SOL_SOCKET, what, &size, &length);
  printf("buffer %d,", size);
}
static int fill(int fd, int length) {
  int count = 0;
  while (count < 1000 && send(fd, bytes, length, MSG_DONTWAIT) == length) count++;
  return count;
}
static int drain(int fd) {
  int count = 0;
  while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) >= 0) count++;
  return count;
}
static int writable(int fd) {
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  poll(&p, 1, 0);
  return (p.revents & POLLOUT) != 0;
}

static void pairs(int size) {
  for (int length = 1; length <= 100000; length *= 10) {
    int s[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    set(s[0], SO_SNDBUF, size);
    int sent = fill(s[0], length);
    printf(" %d of %d bytes, %s,", sent, length, strerror(errno));
    printf(" writable %d,", writable(s[0]));
    int taken = sent ? recv(s[1], bytes, sizeof bytes, 0) : 0;
    printf(" one taken %d, again %d,", taken, fill(s[0], length));
    printf(" all taken %d,", drain(s[1]));
    printf(" writable %d\n", writable(s[0]));
    close(s[0]);
    close(s[1]);
  }
}

static void strangers(void) {
  int one = socket(AF_UNIX, SOCK_DGRAM, 0), other = socket(AF_UNIX, SOCK_DGRAM, 0);
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "name"};
  bind(one, (void *)&name, sizeof name);
  connect(other, (void *)&name, sizeof name);
  int sent = fill(other, 10);
  printf("stranger: %d, %s,", sent, strerror(errno));
  printf(" writable %d,", writable(other));
  recv(one, bytes, 10, 0);
  printf(" one taken, writable %d,", writable(other));
  printf(" again %d\n", fill(other, 10));
  fflush(stdout);
  if (!fork()) _exit(send(other, bytes, 10, 0) == 10);
  usleep(20000);
  int first = recv(one, bytes, 10, 0), status;
  wait(&status);
  printf("who waited: %d %d\n", first, WEXITSTATUS(status));
  close(one);
  int gone = send(other, bytes, 10, 0);
  printf("gone: %d, %s\n", gone, strerror(errno));
  gone = send(other, bytes, 10, 0);
  printf("once more: %d, %s\n", gone, strerror(errno));
}

static void net(int size) {
  for (int length = 1; length <= 10000; length *= 10) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t l = sizeof name;
    int to = socket(AF_INET, SOCK_DGRAM, 0), from = socket(AF_INET, SOCK_DGRAM, 0);
    bind(to, (void *)&name, sizeof name);
    getsockname(to, (void *)&name, &l);
    connect(from, (void *)&name, l);
    set(to, SO_RCVBUF, size);
    printf(" sent %d of %d,", fill(from, length), length);
    printf(" got %d\n", drain(to));
    close(to);
    close(from);
  }
}

int main(void) {
  int sizes[] = {0, 1, 4096, 20000, 100000};
  for (int i = 0; i < 5; i++) pairs(sizes[i]), net(sizes[i]);
  strangers();
  return 0;
}
