/* Prints what a program finds at its start: arguments, environment, auxiliary vector, registers. */
#include "../lib/sys.h"
static const char *basename(const char *path) { const char *last = path; for (; *path; path++) if (*path == '/') last = path + 1; return last; }
static int run(i64 *stack) {
  i64 argc = *stack;
  char **argv = (char **)(stack + 1), **envp = argv + argc + 1, **end = envp;
  line("stack aligned", ((u64)stack & 15) == 0);
  line("argc", argc);
  for (i64 i = 0; i < argc; i++) { put("argv "); put(i ? argv[i] : basename(argv[i])); put("\n"); }
  line("argv ends", argv[argc] == 0);
  for (; *end; end++) { put("env "); put(*end); put("\n"); }
  u64 *aux = (u64 *)(end + 1);
  u64 seen[64] = {0};
  for (; aux[0]; aux += 2) if (aux[0] < 64) seen[aux[0]] = aux[1];
  line("AT_PAGESZ", seen[6]);
  line("AT_PHENT", seen[4]);
  line("AT_PHNUM", seen[5] > 0 && seen[5] < 20);
  line("AT_PHDR is the program's", *(u32 *)(seen[3] & ~0xfffUL) == 0x464c457f);
  extern char _start[];
  line("AT_ENTRY is _start", seen[9] == (u64)_start);
  line("AT_BASE", seen[7]);
  line("AT_CLKTCK", seen[17]);
  line("AT_SECURE", seen[23]);
  line("AT_UID", seen[11] == seen[12] && seen[13] == seen[14]);
  line("AT_RANDOM", ((u64 *)seen[25])[0] != 0 && ((u64 *)seen[25])[0] != ((u64 *)seen[25])[1]);
  put("AT_PLATFORM: "); put((char *)seen[15]); put("\n");
  put("AT_EXECFN: "); put(basename((char *)seen[31])); put("\n");
  return 0;
}
