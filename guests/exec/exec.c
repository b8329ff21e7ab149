/* execve: of itself with other arguments, of the guest named by its argument, of a script, and the ways it fails. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(const char *path, char **argv, char **envp) {
  fflush(stdout);
  pid_t child = fork();
  int status;
  if (!child) { execve(path, argv, envp); fprintf(stdout, "exec: %s\n", strerror(errno)); fflush(stdout); _exit(100); }
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "again")) {
    printf("again: argc %d last %s env %s\n", argc, argv[argc - 1], getenv("GUEST"));
    printf("kept fd %d, closed fd %d\n", fcntl(50, F_GETFD), fcntl(51, F_GETFD));
    struct sigaction a;
    sigaction(SIGUSR1, 0, &a);
    printf("ignored kept %d", a.sa_handler == SIG_IGN);
    sigaction(SIGUSR2, 0, &a);
    printf(", handler reset %d\n", a.sa_handler == SIG_DFL);
    return argc;
  }
  char *self = "/proc/self/exe";
  dup2(1, 50);
  dup3(1, 51, O_CLOEXEC);
  signal(SIGUSR1, SIG_IGN);
  signal(SIGUSR2, (void (*)(int))main);
  printf("itself %d\n", run(self, (char *[]){"exec", "again", "x y", "", "last", 0}, (char *[]){"GUEST=yes", 0}));
  printf("other %d\n", run(argv[1], (char *[]){"hello", 0}, (char *[]){0}));
  int fd = open("script", O_CREAT | O_WRONLY, 0700);
  dprintf(fd, "#! %s one-argument with-space\n", argv[2]);
  close(fd);
  printf("script %d\n", run("./script", (char *[]){"name", "script-argument", 0}, (char *[]){"E=1", 0}));
  printf("missing %d\n", run("none", argv, environ));
  fd = open("plain", O_CREAT | O_WRONLY, 0600);
  write(fd, "not a program", 13);
  close(fd);
  mkdir("directory", 0700);
  printf("not a program %d\n", (chmod("plain", 0700), run("./plain", argv, environ)));
  printf("directory %d\n", run("./directory", argv, environ));
  fd = open("plain", O_TRUNC | O_WRONLY);
  close(fd);
  printf("empty %d\n", run("./plain", argv, environ));
  unlink("script"); unlink("plain"); rmdir("directory");
  fflush(stdout);
  execve(argv[1], (char *[]){"hello", 0}, 0);
  return 1;
}
