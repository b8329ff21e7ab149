/* Extended attributes: set, read, listed, removed, by path, link and descriptor; what is refused and how. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static void say(const char *what, long result) {
    printf("%s: %ld%s%s\n", what, result, result < 0 ? " " : "", result < 0 ? strerror(errno) : "");
}

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void show(const char *path) {
    char list[4096], *names[64];
    long size = listxattr(path, list, sizeof list), count = 0;
    for (char *at = list; at < list + size; at += strlen(at) + 1)
        if (!strncmp(at, "user.", 5)) names[count++] = at;
    qsort(names, count, sizeof *names, by_name);
    printf("%s has", path);
    for (int i = 0; i < count; i++) {
        char value[256];
        long length = getxattr(path, names[i], value, sizeof value);
        printf(" %s=%.*s", names[i], (int)length, value);
    }
    printf("\n");
}

int main(void) {
    char value[100], big[70000] = "";
    int file = open("file", O_CREAT | O_RDWR, 0644);
    mkdir("directory", 0755);
    symlink("file", "link");
    mkfifo("fifo", 0644);
    say("absent", getxattr("file", "user.a", value, sizeof value));
    say("set", setxattr("file", "user.a", "one", 3, 0));
    say("create again", setxattr("file", "user.a", "two", 3, XATTR_CREATE));
    say("replace", setxattr("file", "user.a", "three", 5, XATTR_REPLACE));
    say("replace what is not there", setxattr("file", "user.b", "x", 1, XATTR_REPLACE));
    say("empty", setxattr("file", "user.empty", "", 0, 0));
    say("size", getxattr("file", "user.a", 0, 0));
    say("too small", getxattr("file", "user.a", value, 2));
    say("read", getxattr("file", "user.a", value, sizeof value));
    say("through the link", setxattr("link", "user.link", "yes", 3, 0));
    say("of the link", lsetxattr("link", "user.link", "no", 2, 0));
    say("of the link, read", lgetxattr("link", "user.link", value, sizeof value));
    say("by descriptor", fsetxattr(file, "user.fd", "f", 1, 0));
    say("by descriptor, read", fgetxattr(file, "user.fd", value, sizeof value));
    show("file");
    link("file", "other");
    show("other");
    rename("file", "moved");
    show("moved");
    say("of a directory", setxattr("directory", "user.d", "dir", 3, 0));
    show("directory");
    say("of a fifo", setxattr("fifo", "user.f", "f", 1, 0));
    say("remove", removexattr("moved", "user.a"));
    say("remove again", removexattr("moved", "user.a"));
    say("remove by descriptor", fremovexattr(file, "user.fd"));
    show("moved");
    say("no family", setxattr("moved", "nothing", "x", 1, 0));
    say("unknown family", setxattr("moved", "strange.name", "x", 1, 0));
    say("unknown family, read", getxattr("moved", "strange.name", value, sizeof value));
    say("no name", setxattr("moved", "", "x", 1, 0));
    memset(big, 'n', 300);
    memcpy(big, "user.", 5);
    say("long name", setxattr("moved", big, "x", 1, 0));
    say("large value", setxattr("moved", "user.large", big, sizeof big, 0));
    say("bad flags", setxattr("moved", "user.a", "x", 1, 8));
    say("bad pointer", setxattr("moved", "user.a", (void *)16, 8, 0));
    say("no file", getxattr("nowhere", "user.a", value, sizeof value));
    say("no descriptor", fgetxattr(99, "user.a", value, sizeof value));
    unlink("moved");
    unlink("other");
    say("without a name", fsetxattr(file, "user.last", "x", 1, 0));
    say("without a name, read", fgetxattr(file, "user.last", value, sizeof value));
    file = open("file", O_CREAT | O_RDWR, 0644);
    show("file");
    return 0;
}
