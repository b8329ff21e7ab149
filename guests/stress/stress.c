/* Many of a kind at once: children, threads, signals, connections. Each line of standard input names a kind and a number
   and is answered by what came of it, so that a test can measure between two lines. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *self;

static int ended_as_told(pid_t child, int told) {
    int status;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == told;
}

static int vforks(int count) {
    int good = 0;
    for (int i = 0; i < count; i++) {
        char told[4];
        sprintf(told, "%d", i % 100);
        pid_t child = vfork();
        if (child == 0) {
            execl(self, self, "end", told, (char *)0);
            _exit(127);
        }
        good += ended_as_told(child, i % 100);
    }
    return good;
}

/* A process of 4 MB: the child changes a page and finds the others as they were. */
static int forks(int count) {
    enum { SIZE = 4 << 20, PAGE = 4096 };
    unsigned char *memory = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int at = 0; at < SIZE; at += PAGE) memory[at] = at / PAGE % 251;
    int good = 0;
    for (int i = 0; i < count; i++) {
        int page = i % (SIZE / PAGE), other = (page + 7) % (SIZE / PAGE);
        pid_t child = fork();
        if (child == 0) {
            memory[page * PAGE] = 255;
            _exit(memory[other * PAGE] == other % 251 ? i % 100 : 127);
        }
        good += ended_as_told(child, i % 100) && memory[page * PAGE] == page % 251;
    }
    munmap(memory, SIZE);
    return good;
}

/* All alive before the first ends. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int arrived, expected;

static void *arrive(void *number) {
    pthread_mutex_lock(&lock);
    arrived++;
    if (arrived == expected) pthread_cond_broadcast(&changed);
    while (arrived < expected) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return number;
}

static int threads(int count) {
    pthread_t *all = malloc(count * sizeof *all);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 32 << 10);
    arrived = 0;
    expected = count;
    int good = 0;
    for (int i = 0; i < count; i++)
        if (pthread_create(&all[i], &small, arrive, (void *)(long)i)) return -i;
    for (int i = 0; i < count; i++) {
        void *number;
        good += pthread_join(all[i], &number) == 0 && number == (void *)(long)i;
    }
    free(all);
    return good;
}

/* A process in a loop without calls; the values arrive in order, none is missing. */
static volatile int taken, in_order;

static void take(int signal, siginfo_t *info, void *context) {
    (void)signal, (void)context;
    in_order += info->si_value.sival_int == taken;
    taken++;
}

static int signals(int count) {
    int told[2], answer = -1;
    pipe(told);
    pid_t child = fork();
    if (child == 0) {
        struct sigaction action = { .sa_sigaction = take, .sa_flags = SA_SIGINFO };
        taken = in_order = 0;
        sigaction(SIGRTMIN, &action, 0);
        write(told[1], "r", 1);
        volatile unsigned long turns = 0;
        while (taken < count) turns++;
        answer = in_order;
        write(told[1], &answer, sizeof answer);
        _exit(0);
    }
    char ready;
    read(told[0], &ready, 1);
    for (int i = 0; i < count; i++)
        while (sigqueue(child, SIGRTMIN, (union sigval){ .sival_int = i }) && errno == EAGAIN) sched_yield();
    read(told[0], &answer, sizeof answer);
    close(told[0]);
    close(told[1]);
    return ended_as_told(child, 0) ? answer : -1;
}

/* A server that answers all in one loop of epoll; every connection is open before the first is used. */
static void serve(int listener, int count) {
    int queue = epoll_create1(0), open = 0, seen = 0;
    struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, ready[64];
    epoll_ctl(queue, EPOLL_CTL_ADD, listener, &event);
    while (seen < count || open > 0) {
        int n = epoll_wait(queue, ready, 64, -1);
        for (int i = 0; i < n; i++) {
            if (ready[i].data.fd == listener) {
                event.data.fd = accept(listener, 0, 0);
                epoll_ctl(queue, EPOLL_CTL_ADD, event.data.fd, &event);
                open++, seen++;
                continue;
            }
            char text[64];
            int length = read(ready[i].data.fd, text, sizeof text);
            if (length > 0) write(ready[i].data.fd, text, length);
            else close(ready[i].data.fd), open--;
        }
    }
    _exit(0);
}

static int connections(int count) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), good = 0;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    bind(listener, (struct sockaddr *)&address, length);
    listen(listener, 128);
    getsockname(listener, (struct sockaddr *)&address, &length);
    pid_t child = fork();
    if (child == 0) serve(listener, count);
    close(listener);
    int *all = malloc(count * sizeof *all);
    for (int i = 0; i < count; i++) {
        all[i] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(all[i], (struct sockaddr *)&address, sizeof address)) perror("connect");
    }
    for (int i = 0; i < count; i++) {
        char sent[64], received[64] = "";
        int size = sprintf(sent, "connection %d", i);
        write(all[i], sent, size);
        good += read(all[i], received, sizeof received) == size && !strcmp(sent, received);
    }
    for (int i = 0; i < count; i++) close(all[i]);
    free(all);
    return ended_as_told(child, 0) ? good : -1;
}

static const struct { const char *name; int (*run)(int); } KINDS[] = {
    { "vforks", vforks }, { "forks", forks }, { "threads", threads }, { "signals", signals }, { "connections", connections },
};

int main(int argc, char **argv) {
    self = argv[0];
    if (argc > 2) return atoi(argv[2]);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    char line[80], name[40];
    int count;
    while (fgets(line, sizeof line, stdin) && sscanf(line, "%39s %d", name, &count) == 2)
        for (unsigned i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
            if (!strcmp(name, KINDS[i].name)) {
                printf("%s: %d of %d\n", name, KINDS[i].run(count), count);
                fflush(stdout);
            }
    return 0;
}
