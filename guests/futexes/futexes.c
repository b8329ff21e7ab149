/* futex_waitv, futex_wait, futex_wake and futex_requeue: which word woke, what has changed already, time-outs, who was moved, what is refused. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAITV = 449, WAKE = 454, WAIT = 455, REQUEUE = 456, U32 = 2, OWN = 128 };
struct word { uint64_t value, address; uint32_t flags, reserved; };

static uint32_t *words;
static struct word list[130];

static void say(const char *what, long result) {
    printf("%s: %ld%s%s\n", what, result, result < 0 ? " " : "", result < 0 ? strerror(errno) : "");
}
static struct timespec soon(clockid_t clock) {
    struct timespec at;
    clock_gettime(clock, &at);
    at.tv_nsec += 20000000;
    if (at.tv_nsec >= 1000000000) at.tv_sec++, at.tv_nsec -= 1000000000;
    return at;
}
static void nap(void) { nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, 0); }
static void *wake_third(void *flags) {
    long woken = 0;
    while (!woken) nap(), woken = syscall(WAKE, &words[2], 0xfffffffful, 1, (long)flags);
    return (void *)woken;
}
static void fill(int flags);
static void *wait_first(void *mask) {
    return (void *)syscall(WAIT, &words[0], 0ul, (long)mask, U32 | OWN, 0, CLOCK_MONOTONIC);
}
/* Four wait on the first word; one is woken, two are moved to the second, where only a fitting mask wakes. */
static void requeue(void) {
    pthread_t four[4];
    void *end;
    fill(U32 | OWN);
    words[0] = 5;
    say("requeue: has changed", syscall(REQUEUE, list, 0, 1, 1));
    words[0] = 0;
    say("requeue: nobody", syscall(REQUEUE, list, 0, 1, 1));
    for (long i = 0; i < 4; i++) pthread_create(&four[i], 0, wait_first, (void *)(1L << i)), nap();
    say("requeue: three", syscall(REQUEUE, list, 0, 1, 2));
    say("moved, no such mask", syscall(WAKE, &words[1], 8ul, 9, U32 | OWN));
    say("moved, one mask", syscall(WAKE, &words[1], 4ul, 9, U32 | OWN));
    say("moved, the rest", syscall(WAKE, &words[1], 0xfffffffful, 9, U32 | OWN));
    say("not moved", syscall(WAKE, &words[0], 0xfffffffful, 9, U32 | OWN));
    for (int i = 0; i < 4; i++) pthread_join(four[i], &end), say("waiter", (long)end);
    say("requeue: flags", syscall(REQUEUE, list, 1, 1, 1));
    say("requeue: no list", syscall(REQUEUE, 0, 0, 1, 1));
    say("requeue: bad list", syscall(REQUEUE, 16, 0, 1, 1));
    say("requeue: wake a negative number", syscall(REQUEUE, list, 0, -1, 1));
    say("requeue: move a negative number", syscall(REQUEUE, list, 0, 1, -1));
    list[1].flags = OWN;
    say("requeue: a byte", syscall(REQUEUE, list, 0, 1, 1));
}
static void fill(int flags) {
    for (int i = 0; i < 130; i++) list[i] = (struct word){ .value = i, .address = (uintptr_t)&words[i], .flags = flags }, words[i] = i;
}

int main(void) {
    pthread_t other;
    void *woken;
    setvbuf(stdout, 0, _IONBF, 0);
    words = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fill(U32 | OWN);
    pthread_create(&other, 0, wake_third, (void *)(U32 | OWN));
    say("the third of four", syscall(WAITV, list, 4, 0, 0, CLOCK_MONOTONIC));
    pthread_join(other, &woken);
    say("woken", (long)woken);
    words[1] = 99;
    say("one has changed", syscall(WAITV, list, 4, 0, 0, CLOCK_MONOTONIC));
    words[1] = 1;
    struct timespec at = soon(CLOCK_MONOTONIC);
    say("in vain", syscall(WAITV, list, 4, 0, &at, CLOCK_MONOTONIC));
    at = soon(CLOCK_REALTIME);
    say("in vain by the other clock", syscall(WAITV, list, 128, 0, &at, CLOCK_REALTIME));
    say("a clock that will not do", syscall(WAITV, list, 1, 0, &at, CLOCK_PROCESS_CPUTIME_ID));
    say("nothing", syscall(WAITV, list, 0, 0, 0, 0));
    say("too many", syscall(WAITV, list, 129, 0, 0, 0));
    say("flags", syscall(WAITV, list, 1, 1, 0, 0));
    say("no list", syscall(WAITV, 0, 1, 0, 0, 0));
    say("bad list", syscall(WAITV, 16, 1, 0, 0, 0));
    list[0].reserved = 1;
    say("reserved", syscall(WAITV, list, 1, 0, 0, 0));
    fill(OWN);
    say("a byte", syscall(WAITV, list, 1, 0, 0, 0));
    fill(U32 | OWN);
    list[0].address++;
    say("misaligned", syscall(WAITV, list, 1, 0, 0, 0));
    /* Between processes. */
    fill(U32);
    pid_t child = fork();
    if (child == 0) _exit(syscall(WAITV, list, 5, 0, 0, 0));
    wake_third((void *)U32);
    int status;
    waitpid(child, &status, 0);
    say("another process was woken by", WEXITSTATUS(status));
    say("wait: has changed", syscall(WAIT, &words[3], 7ul, 0xfffffffful, U32, 0, CLOCK_MONOTONIC));
    at = soon(CLOCK_MONOTONIC);
    say("wait: in vain", syscall(WAIT, &words[3], 3ul, 0xfffffffful, U32, &at, CLOCK_MONOTONIC));
    say("wait: no mask", syscall(WAIT, &words[3], 3ul, 0ul, U32, 0, CLOCK_MONOTONIC));
    pthread_create(&other, 0, wake_third, (void *)U32);
    say("wait: woken", syscall(WAIT, &words[2], 2ul, 6ul, U32, 0, CLOCK_MONOTONIC));
    pthread_join(other, &woken);
    say("wake: nobody", syscall(WAKE, &words[2], 0xfffffffful, 1, U32));
    say("wake: none", syscall(WAKE, &words[2], 0xfffffffful, 0, U32));
    say("wake: no mask", syscall(WAKE, &words[2], 0ul, 1, U32));
    requeue();
    return 0;
}
