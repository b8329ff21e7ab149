/* Sockets that never leave the VM: socket pairs, UNIX stream and datagram names, TCP over loopback, passed descriptors. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
  char b[64] = {0};
  int s[2];
  (void)argc;
  if (argv[1] && !strcmp(argv[1], "tcp")) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    printf("bind %d\n", bind(listener, (struct sockaddr *)&a, sizeof a));
    printf("listen %d\n", listen(listener, 4));
    getsockname(listener, (struct sockaddr *)&a, &size);
    printf("port %d\n", a.sin_port != 0);
    fflush(stdout);
    if (!fork()) {
      int c = socket(AF_INET, SOCK_STREAM, 0);
      if (connect(c, (struct sockaddr *)&a, sizeof a)) _exit(1);
      write(c, "over tcp", 8);
      shutdown(c, SHUT_WR);
      int n = read(c, b, sizeof b);
      _exit(n);
    }
    int c = accept(listener, 0, 0), n = 0, r, status;
    while ((r = read(c, b + n, sizeof b - n)) > 0) n += r;
    printf("got %d '%s'\n", n, b);
    write(c, "answer", 6);
    close(c);
    wait(&status);
    printf("client read %d\n", WEXITSTATUS(status));
    return 0;
  }
  printf("socketpair %d\n", socketpair(AF_UNIX, SOCK_STREAM, 0, s));
  write(s[0], "hello", 5);
  { __auto_type result = read(s[1], b, sizeof b); printf("read %zd %s\n", result, b); }
  send(s[1], "back", 4, 0);
  memset(b, 0, sizeof b);
  printf("peek %zd", recv(s[0], b, 2, MSG_PEEK));
  { __auto_type result = recv(s[0], b, sizeof b, 0); printf(" recv %zd %s\n", result, b); }
  ssize_t none = recv(s[0], b, 1, MSG_DONTWAIT);
  printf("nothing %zd %s\n", none, strerror(errno));
  struct pollfd p = {s[0], POLLIN | POLLOUT, 0};
  { __auto_type result = poll(&p, 1, 0); printf("poll %d %x\n", result, p.revents); }
  shutdown(s[1], SHUT_WR);
  printf("end %zd\n", read(s[0], b, 1));
  close(s[1]);
  ssize_t broken = send(s[0], "x", 1, MSG_NOSIGNAL);
  printf("broken %zd %s\n", broken, strerror(errno));
  close(s[0]);

  socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
  send(s[0], "one", 3, 0);
  send(s[0], "three", 5, 0);
  memset(b, 0, sizeof b);
  printf("datagram %zd", recv(s[1], b, 2, 0));
  printf(" %s", b);
  memset(b, 0, sizeof b);
  { __auto_type result = recv(s[1], b, sizeof b, 0); printf(" %zd %s\n", result, b); }

  /* A descriptor passed along. */
  int pipes[2];
  pipe(pipes);
  union { struct cmsghdr header; char space[CMSG_SPACE(sizeof(int))]; } control = {0};
  struct iovec v = {"!", 1};
  struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m);
  c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(c), &pipes[1], sizeof(int));
  printf("sendmsg %zd\n", sendmsg(s[0], &m, 0));
  char got;
  v = (struct iovec){&got, 1};
  memset(&control, 0, sizeof control);
  m.msg_controllen = sizeof control;
  printf("recvmsg %zd\n", recvmsg(s[1], &m, 0));
  int passed;
  memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof passed);
  write(passed, "through", 7);
  memset(b, 0, sizeof b);
  { __auto_type result = read(pipes[0], b, sizeof b); printf("pipe %zd %s\n", result, b); }

  struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "name"};
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  { __auto_type first = bind(listener, (struct sockaddr *)&a, sizeof a); __auto_type second = listen(listener, 2); printf("bind %d listen %d\n", first, second); }
  int client = socket(AF_UNIX, SOCK_STREAM, 0);
  printf("connect %d\n", connect(client, (struct sockaddr *)&a, sizeof a));
  int server = accept4(listener, 0, 0, SOCK_CLOEXEC);
  write(client, "by name", 7);
  memset(b, 0, sizeof b);
  { __auto_type result = read(server, b, sizeof b); printf("accepted %zd %s\n", result, b); }
  strcpy(a.sun_path, "absent");
  int failed = connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof a);
  printf("absent %d %s\n", failed, strerror(errno));
  printf("bind again %d", bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "name"}, sizeof a));
  printf(" %s\n", strerror(errno));
  int type; socklen_t size = sizeof type;
  getsockopt(client, SOL_SOCKET, SO_TYPE, &type, &size);
  printf("type %d\n", type);
  unlink("name");
  return 0;
}
