/* Runs its arguments as a pipeline: `pipeline program argument , program argument`; ends with the last one's status. One source for two systems. */
#include "../lib/sys.h"
#ifdef FREEBSD
enum { SYS_execve = 59, SYS_dup2 = 90, SYS_pipe2 = 542 };
#else
enum { SYS_dup2 = 33, SYS_execve = 59, SYS_pipe2 = 293 };
#endif
static int run(i64 *stack) {
  i64 argc = *stack, last = 0;
  char **argv = (char **)(stack + 1), **envp = argv + argc + 1;
  int from = 0;
  for (i64 i = 1; i < argc;) {
    char **command = argv + i;
    while (i < argc && !same(argv[i], ",")) i++;
    int more = i < argc, p[2] = {0, 1};
    argv[i++] = 0;
    if (more && sys2(SYS_pipe2, p, 0) < 0) return 120;
    last = sys0(SYS_fork);
    if (last < 0) return 121;
    if (last == 0) {
      if (from) { sys2(SYS_dup2, from, 0); sys1(SYS_close, from); }
      if (more) { sys2(SYS_dup2, p[1], 1); sys1(SYS_close, p[0]); sys1(SYS_close, p[1]); }
      i64 error = sys3(SYS_execve, command[0], command, envp);
      put(command[0]); line(": exec error", -error);
      return 126;
    }
    if (from) sys1(SYS_close, from);
    if (more) { sys1(SYS_close, p[1]); from = p[0]; }
  }
  int status = 0, result = 0;
  for (i64 pid; (pid = sys(SYS_wait4, -1, (i64)&status, 0, 0, 0, 0)) > 0;) if (pid == last) result = status;
  return result & 0x7f ? 128 + (result & 0x7f) : result >> 8 & 0xff;
}
