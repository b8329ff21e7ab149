/* Threads of musl (clone and futex): join, mutex, condition, thread-local storage, once, detached, cancellation, barrier. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long total;
static atomic_long atomic;
static __thread int mine = 5;
static void *add(void *argument) {
  for (int i = 0; i < 5000; i++) {
    pthread_mutex_lock(&mutex);
    total += (long)argument;
    pthread_mutex_unlock(&mutex);
    atomic++;
  }
  mine += (int)(long)argument;
  return (void *)(long)mine;
}
static int queue[4], head, tail;
static void *produce(void *argument) {
  (void)argument;
  for (int i = 1; i <= 50; i++) {
    pthread_mutex_lock(&mutex);
    while (tail - head == 4) pthread_cond_wait(&changed, &mutex);
    queue[tail++ % 4] = i;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
  }
  return 0;
}
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void only_once(void) { printf("once\n"); }
static pthread_barrier_t barrier;
static void *meet(void *argument) { (void)argument; pthread_once(&once, only_once); return (void *)(long)(pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD); }
static void *spin(void *argument) { volatile atomic_int *go = argument; while (!*go); return (void *)77; }
static void cleanup(void *argument) { printf("cleaned up %s\n", (char *)argument); }
static void *sleeper(void *argument) {
  pthread_cleanup_push(cleanup, argument);
  for (;;) pause();
  pthread_cleanup_pop(0);
  return 0;
}
int main(void) {
  pthread_t t[4];
  void *result;
  for (long i = 0; i < 4; i++) pthread_create(&t[i], 0, add, (void *)(i + 1));
  for (int i = 0; i < 4; i++) { pthread_join(t[i], &result); printf("thread %d returned %ld\n", i, (long)result); }
  printf("total %ld atomic %ld mine %d\n", total, (long)atomic, mine);

  pthread_create(&t[0], 0, produce, 0);
  long sum = 0;
  for (int i = 0; i < 50; i++) {
    pthread_mutex_lock(&mutex);
    while (tail == head) pthread_cond_wait(&changed, &mutex);
    sum = sum * 3 + queue[head++ % 4];
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
  }
  pthread_join(t[0], 0);
  printf("consumed %lx\n", sum);

  pthread_barrier_init(&barrier, 0, 3);
  int serial = 0;
  for (int i = 0; i < 3; i++) pthread_create(&t[i], 0, meet, 0);
  for (int i = 0; i < 3; i++) { pthread_join(t[i], &result); serial += (long)result; }
  printf("serial threads %d\n", serial);

  static atomic_int go;
  pthread_create(&t[0], 0, spin, &go);
  for (volatile int i = 0; i < 10000; i++);
  go = 1;
  pthread_join(t[0], &result);
  printf("spun %ld\n", (long)result);

  pthread_create(&t[0], 0, sleeper, "the sleeper");
  pthread_cancel(t[0]);
  pthread_join(t[0], &result);
  printf("cancelled %d\n", result == PTHREAD_CANCELED);

  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 5000000;
  if (until.tv_nsec >= 1000000000) { until.tv_nsec -= 1000000000; until.tv_sec++; }
  pthread_mutex_lock(&mutex);
  int error;
  while ((error = pthread_cond_timedwait(&changed, &mutex, &until)) == 0);
  printf("timed out %s\n", strerror(error));
  sem_t semaphore;
  sem_init(&semaphore, 0, 1);
  { __auto_type first = sem_trywait(&semaphore); __auto_type second = sem_trywait(&semaphore); printf("semaphore %d %d\n", first, second); }
  printf("%s\n", "exit from main with a thread alive");
  pthread_create(&t[0], 0, sleeper, "never");
  return 6;
}
