// Runs single instructions on the CPU of this machine: reads cases on stdin, writes what each did on stdout.
// What a case should be, and what to make of the result, is the driver's business (driver.ts holds the same layout).
//
// The loop lives inside a signal handler: load a case into the signal frame with TF set, return from the signal,
// the instruction runs, the next trap or fault re-enters the handler with the complete state in its frame.
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define DATA 0x10000000ull      // two writable pages, then a hole
#define DATA_SIZE 0x2000
#define READONLY 0x10003000ull  // one page that can only be read, holes on both sides
#define CODE 0x20000000ull      // 64 KiB, filled with int3
#define CODE_SIZE 0x10000
#define FX_BYTES 416            // the FXSAVE image as far as XMM15
#define MAX_STEPS 70000
#define TF 0x100

// PROGRAM: not one instruction but as many as there are until a trap; its length (u32) and bytes come last.
enum { HAS_FX = 1, HAS_BASES = 2, REPEATS = 4, PUSHES_FLAGS = 8, PROGRAM = 16 };
#define PROGRAM_SECONDS 2

struct input {
  uint8_t length, options;
  uint16_t patches;             // after the fixed part: [bases 16] [fx 416] then per patch: u16 offset, u16 length, bytes
  uint32_t address;
  uint8_t code[16];
  uint64_t gpr[16];
  uint64_t flags;
};

struct output {
  uint8_t trap, pad;            // 1: the instruction completed; other numbers: the exception vector; 255: endless
  uint16_t changes;             // after the fixed part: [fx 416] then per change: u16 offset, u16 length, bytes
  uint32_t error;
  uint64_t fault;
  uint64_t gpr[16];
  uint64_t rip, flags;
  uint64_t fsbase, gsbase;
};

static uint8_t in[1 << 20], out[1 << 20];
static size_t in_at, in_end, out_end;
static uint8_t before[DATA_SIZE], pristine[DATA_SIZE];
static struct input current;
static int running;
static unsigned steps;
static uint32_t program_length;
static uint64_t our_fs, our_gs;
static uint8_t *const data = (uint8_t *)DATA;
static uint8_t *const code = (uint8_t *)CODE;

static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                              REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static inline uint64_t rdfs(void) { uint64_t v; __asm__ volatile("rdfsbase %0" : "=r"(v)); return v; }
static inline uint64_t rdgs(void) { uint64_t v; __asm__ volatile("rdgsbase %0" : "=r"(v)); return v; }
static inline void wrfs(uint64_t v) { __asm__ volatile("wrfsbase %0" ::"r"(v) : "memory"); }
static inline void wrgs(uint64_t v) { __asm__ volatile("wrgsbase %0" ::"r"(v) : "memory"); }

static void flush(void) {
  size_t at = 0;
  while (at < out_end) {
    ssize_t n = write(1, out + at, out_end - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(1);
    at += n;
  }
  out_end = 0;
}

static void put(const void *from, size_t n) {
  if (out_end + n > sizeof out) flush();
  memcpy(out + out_end, from, n);
  out_end += n;
}

// Exactly n more input bytes; what is finished goes out before we block. Ends the program at end of input.
static void take(void *into, size_t n) {
  uint8_t *to = into;
  while (n) {
    if (in_at == in_end) {
      flush();
      ssize_t got = read(0, in, sizeof in);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) _exit(0);
      in_at = 0;
      in_end = got;
    }
    size_t k = in_end - in_at < n ? in_end - in_at : n;
    memcpy(to, in + in_at, k);
    in_at += k;
    to += k;
    n -= k;
  }
}

static void report(ucontext_t *uc, int endless, uint64_t fs, uint64_t gs) {
  greg_t *g = uc->uc_mcontext.gregs;
  struct output o = {0};
  uint32_t runs[512];
  unsigned n = 0;
  o.trap = endless ? 255 : g[REG_TRAPNO];
  o.error = g[REG_ERR];
  o.fault = g[REG_CR2];
  if (current.options & PUSHES_FLAGS && o.trap == 1) {
    uint64_t sp = g[REG_RSP];
    if (sp >= DATA && sp + 2 <= DATA + DATA_SIZE) data[sp - DATA + 1] &= ~1;
  }
  if (memcmp(before, data, DATA_SIZE)) {
    for (unsigned i = 0; i < DATA_SIZE;) {
      if (before[i] == data[i]) { i++; continue; }
      unsigned start = i;
      while (i < DATA_SIZE && before[i] != data[i]) i++;
      if (n < 512) runs[n++] = start << 16 | (i - start);
    }
  }
  o.changes = n;
  for (int i = 0; i < 16; i++) o.gpr[i] = g[order[i]];
  o.rip = g[REG_RIP];
  o.flags = g[REG_EFL] & ~(uint64_t)TF;
  o.fsbase = fs;
  o.gsbase = gs;
  put(&o, sizeof o);
  if (current.options & HAS_FX) put(uc->uc_mcontext.fpregs, FX_BYTES);
  for (unsigned i = 0; i < n; i++) {
    uint16_t head[2] = {runs[i] >> 16, runs[i] & 0xffff};
    put(head, 4);
    put(data + head[0], head[1]);
  }
}

static void load(ucontext_t *uc, uint64_t *fs, uint64_t *gs) {
  greg_t *g = uc->uc_mcontext.gregs;
  if (program_length) {
    setitimer(ITIMER_REAL, &(struct itimerval){0}, 0);
    memset(code, 0xcc, CODE_SIZE);
  } else memset(code + (current.address ? current.address - CODE : 0), 0xcc, 16);
  program_length = 0;
  memcpy(data, pristine, DATA_SIZE);
  take(&current, sizeof current);
  *fs = *gs = 0;
  if (current.options & HAS_BASES) { take(fs, 8); take(gs, 8); }
  if (current.options & HAS_FX) take(uc->uc_mcontext.fpregs, FX_BYTES);
  for (int i = 0; i < current.patches; i++) {
    uint16_t head[2];
    take(head, 4);
    if (head[0] + head[1] > DATA_SIZE) _exit(2);
    take(data + head[0], head[1]);
  }
  if (current.address < CODE || current.address + 16 > CODE + CODE_SIZE) _exit(3);
  memcpy(before, data, DATA_SIZE);
  memcpy((uint8_t *)(uint64_t)current.address, current.code, current.length);
  for (int i = 0; i < 16; i++) g[order[i]] = current.gpr[i];
  g[REG_RIP] = current.address;
  g[REG_EFL] = current.flags | TF | 0x202;
  steps = 0;
  if (current.options & PROGRAM) {
    take(&program_length, sizeof program_length);
    if (program_length > CODE + CODE_SIZE - current.address) _exit(4);
    take((uint8_t *)(uint64_t)current.address, program_length);
    g[REG_EFL] &= ~(uint64_t)TF;
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_sec = PROGRAM_SECONDS}, 0);
  }
}

__attribute__((optimize("no-tree-vectorize"))) static void handler(int sig, siginfo_t *si, void *context) {
  // AC would make us trip; ID and NT are not in the frame, so they would live on into the next case.
  __asm__ volatile("pushfq; andl $~0x244000, (%%rsp); popfq" ::: "memory", "cc");
  uint64_t fs = rdfs(), gs = rdgs();
  if (running) { wrfs(our_fs); wrgs(our_gs); }
  ucontext_t *uc = context;
  greg_t *g = uc->uc_mcontext.gregs;
  if (running) {
    int repeat = current.options & REPEATS && g[REG_TRAPNO] == 1 && (uint64_t)g[REG_RIP] == current.address;
    if (repeat && ++steps < MAX_STEPS) {
      wrfs(fs); wrgs(gs);
      return;
    }
    report(uc, repeat || sig == SIGALRM, fs, gs);
  } else {
    our_fs = fs;
    our_gs = gs;
    running = 1;
  }
  load(uc, &fs, &gs);
  wrfs(fs);
  wrgs(gs);
}

static void area(uint64_t at, size_t size, int prot) {
  if (mmap((void *)at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)at) {
    perror("recorder: mmap");
    exit(1);
  }
}

int main(void) {
  static uint8_t stack[1 << 16] __attribute__((aligned(64)));
  area(DATA, DATA_SIZE, PROT_READ | PROT_WRITE);
  area(READONLY, 0x1000, PROT_READ | PROT_WRITE);
  area(CODE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
  memset(code, 0xcc, CODE_SIZE);
  // Both sides know this pattern: xorshift32 from 1, low byte of each step.
  uint32_t x = 1;
  for (int i = 0; i < DATA_SIZE + 0x1000; i++) {
    x ^= x << 13; x ^= x >> 17; x ^= x << 5;
    if (i < DATA_SIZE) pristine[i] = x;
    else ((uint8_t *)READONLY)[i - DATA_SIZE] = x;
  }
  mprotect((void *)READONLY, 0x1000, PROT_READ);
  stack_t alt = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alt, 0);
  struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&act.sa_mask);
  int caught[] = {SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM, SIGUSR1};
  for (unsigned i = 0; i < sizeof caught / sizeof *caught; i++) sigaction(caught[i], &act, 0);
  raise(SIGUSR1);
  return 1;
}
