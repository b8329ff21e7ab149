/* The fault table: every form of access on every state of a page, whole in it, with the second half in it and with the first.
   Each runs in a loop that has been hot on good pages before; at the fault all of the state is hashed, then the page is repaired
   and the instruction repeated, and the state at the end is hashed too. `faults GROUP` prints a line a form and position:
   state=signal code address error.hash/hash. `faults GROUP FORM` shows the state itself. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096ul
#define BASE 0x10000000ul    /* two pages for the access: the edge between them is where accesses straddle */
#define EDGE (BASE + PAGE)
#define PLAIN 0x10010000ul   /* the other operand of string instructions */
#define STACK 0x10020000ul
#define ABSENT 0x7fff00000000ul

typedef unsigned long u64;
typedef unsigned char u8;

enum { LOAD = 1, STORE = 2, ALIGNED = 4, TARGET = 8, FETCH = 16 };
struct form { const char *group, *name; void (*code)(void); u8 *at; int size, flags; };

u64 table[4096], turns, seeds[16], ends[16], saved;
u8 seed_fx[512] __attribute__((aligned(16))), end_fx[512] __attribute__((aligned(16)));

/* Loads every register, runs a form's loop, keeps what every register holds afterwards. */
void enter(void (*code)(void));
void done(void);
__asm__(".text\nenter:\n push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n mov %rsp, saved(%rip)\n"
        " fxrstor seed_fx(%rip)\n mov %rdi, %r11\n mov turns(%rip), %r13\n lea table(%rip), %r15\n"
        " mov seeds(%rip), %rax; mov seeds+8(%rip), %rcx; mov seeds+16(%rip), %rdx; mov seeds+32(%rip), %rbp\n"
        " mov seeds+64(%rip), %r8; mov seeds+72(%rip), %r9; mov seeds+80(%rip), %r10; mov seeds+96(%rip), %r12; mov seeds+112(%rip), %r14\n"
        " mov seeds+48(%rip), %rsi; mov seeds+56(%rip), %rdi\n mov $0x10022000, %esp\n jmp *%r11\n"
        "done:\n fxsave end_fx(%rip)\n fninit\n cld\n mov %rax, ends(%rip); mov %rcx, ends+8(%rip); mov %rdx, ends+16(%rip); mov %rbx, ends+24(%rip)\n"
        " mov %rsp, ends+32(%rip); mov %rbp, ends+40(%rip); mov %rsi, ends+48(%rip); mov %rdi, ends+56(%rip); mov %r8, ends+64(%rip)\n"
        " mov %r9, ends+72(%rip); mov %r10, ends+80(%rip); mov %r12, ends+96(%rip); mov %r14, ends+112(%rip)\n"
        " mov saved(%rip), %rsp\n pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n ret\n");

/* One turn: the address into RBX, some arithmetic before and after, so that values and flags are under way. */
#define FORM(id, group, size, flags, before, instruction, after) \
    void code_##id(void); extern u8 at_##id[]; \
    __asm__(".text\ncode_" #id ":\n1: mov (%r15,%r13,8), %rbx\n " before "\n lea 5(%r10,%r8), %r10\n add %r12, %r8\n at_" #id ": " instruction \
            "\n2: " after "\n add %rax, %r9\n dec %r13\n jns 1b\n jmp done\n");
#define ROW(id, group, size, flags, before, instruction, after) { group, #id, code_##id, at_##id, size, flags },

#define STRING_STORE "mov %rbx, %rdi; mov $0x10010000, %esi; mov $24, %ecx"
#define STRING_LOAD "mov %rbx, %rsi; mov $0x10010000, %edi; mov $24, %ecx"
#define FORMS(F) \
    F(load1, "loads", 1, LOAD, "", "movzbl (%rbx), %eax", "") F(load2, "loads", 2, LOAD, "", "movswl (%rbx), %eax", "") \
    F(load4, "loads", 4, LOAD, "", "mov (%rbx), %eax", "") F(load8, "loads", 8, LOAD, "", "mov (%rbx), %rax", "") \
    F(load_indexed, "loads", 8, LOAD, "lea -64(%rbx), %rdx; mov $8, %ecx", "mov (%rdx,%rcx,8), %rax", "") \
    F(add_load, "loads", 8, LOAD, "", "add (%rbx), %rax", "") F(cmp_load, "loads", 8, LOAD, "", "cmp (%rbx), %rax", "setc %al") \
    F(cmp_immediate, "loads", 4, LOAD, "", "cmpl $0x12345, (%rbx)", "setg %al") F(test_load, "loads", 8, LOAD, "", "test %rax, (%rbx)", "") \
    F(imul_load, "loads", 4, LOAD, "", "imul $77, (%rbx), %eax", "") F(mul_load, "loads", 8, LOAD, "", "mulq (%rbx)", "") \
    F(div_load, "loads", 4, LOAD, "mov $1, %edx", "divl (%rbx)", "") F(cmov_load, "loads", 8, LOAD, "cmp %rax, %rax", "cmovc (%rbx), %rax", "") \
    F(bt_load, "loads", 4, LOAD, "", "btl $3, (%rbx)", "setc %al") F(bt_far, "loads", 8, LOAD, "lea -64(%rbx), %rdx; mov $515, %ecx", "bt %rcx, (%rdx)", "setc %al") \
    F(popcnt_load, "loads", 8, LOAD, "", "popcnt (%rbx), %rax", "") F(bsf_load, "loads", 8, LOAD, "", "bsf (%rbx), %rax", "") \
    F(crc_load, "loads", 8, LOAD, "", "crc32q (%rbx), %rax", "") F(xlat, "loads", 1, LOAD, "mov $0, %eax", "xlatb", "") \
    F(store1, "stores", 1, STORE, "", "mov %al, (%rbx)", "") F(store2, "stores", 2, STORE, "", "mov %r8w, (%rbx)", "") \
    F(store4, "stores", 4, STORE, "", "mov %r8d, (%rbx)", "") F(store8, "stores", 8, STORE, "", "mov %r8, (%rbx)", "") \
    F(store_immediate, "stores", 8, STORE, "", "movq $-5, (%rbx)", "") F(setcc_store, "stores", 1, STORE, "", "setc (%rbx)", "") \
    F(movnti_store, "stores", 8, STORE, "", "movnti %r8, (%rbx)", "") F(two_stores, "stores", 8, STORE, "", "mov %r8, (%rbx)", "mov %r9, (%rbx)") \
    F(add_store, "updates", 8, LOAD | STORE, "", "add %r8, (%rbx)", "") F(inc_store, "updates", 4, LOAD | STORE, "", "incl (%rbx)", "") \
    F(neg_store, "updates", 1, LOAD | STORE, "", "negb (%rbx)", "") F(shl_store, "updates", 8, LOAD | STORE, "", "shlq $3, (%rbx)", "") \
    F(rcl_store, "updates", 2, LOAD | STORE, "", "rclw $1, (%rbx)", "") F(shld_store, "updates", 8, LOAD | STORE, "", "shld $5, %r8, (%rbx)", "") \
    F(bts_store, "updates", 8, LOAD | STORE, "", "btsq $9, (%rbx)", "") F(xchg, "updates", 8, LOAD | STORE, "", "xchg %rax, (%rbx)", "") \
    F(xadd, "updates", 8, LOAD | STORE, "", "lock xadd %rax, (%rbx)", "") F(cmpxchg, "updates", 8, LOAD | STORE, "", "lock cmpxchg %r8, (%rbx)", "") \
    F(cmpxchg8b, "updates", 8, LOAD | STORE, "", "lock cmpxchg8b (%rbx)", "") F(cmpxchg16b, "updates", 16, LOAD | STORE | ALIGNED, "", "lock cmpxchg16b (%rbx)", "") \
    F(push_load, "stack", 8, LOAD, "", "pushq (%rbx)", "pop %rax") F(pop_store, "stack", 8, STORE, "push %r8", "popq (%rbx)", "") \
    F(push_there, "stack", 8, STORE, "mov %rsp, %rbp; lea 8(%rbx), %rsp", "push %r8", "mov %rbp, %rsp") \
    F(pop_there, "stack", 8, LOAD, "mov %rsp, %rbp; mov %rbx, %rsp", "pop %rax", "mov %rbp, %rsp") \
    F(pushf_there, "stack", 8, STORE, "mov %rsp, %rbp; lea 8(%rbx), %rsp", "pushfq", "mov %rbp, %rsp") \
    F(call_there, "stack", 8, STORE, "mov %rsp, %rbp; lea 8(%rbx), %rsp", "call 2f", "mov %rbp, %rsp") \
    F(leave_there, "stack", 8, LOAD, "mov %rsp, %rdx; mov %rbx, %rbp", "leave", "mov %rdx, %rsp") \
    F(ret_there, "stack", 8, LOAD | TARGET, "mov %rsp, %rbp; mov %rbx, %rsp", "ret", "mov %rbp, %rsp") \
    F(call_load, "stack", 8, LOAD | TARGET, "", "call *(%rbx)", "add $8, %rsp") F(jmp_load, "stack", 8, LOAD | TARGET, "", "jmp *(%rbx)", "") \
    F(enter_there, "stack", 8, STORE, "mov %rsp, %rdx; lea 8(%rbx), %rsp", "enter $16, $0", "mov %rdx, %rsp") \
    F(movups_load, "vectors", 16, LOAD, "", "movups (%rbx), %xmm3", "") F(movups_store, "vectors", 16, STORE, "", "movups %xmm4, (%rbx)", "") \
    F(movaps_load, "vectors", 16, LOAD | ALIGNED, "", "movaps (%rbx), %xmm3", "") F(movaps_store, "vectors", 16, STORE | ALIGNED, "", "movaps %xmm4, (%rbx)", "") \
    F(movntdq_store, "vectors", 16, STORE | ALIGNED, "", "movntdq %xmm4, (%rbx)", "") F(paddd_load, "vectors", 16, LOAD | ALIGNED, "", "paddd (%rbx), %xmm3", "") \
    F(movss_load, "vectors", 4, LOAD, "", "movss (%rbx), %xmm3", "") F(movsd_store, "vectors", 8, STORE, "", "movsd %xmm4, (%rbx)", "") \
    F(movhps_load, "vectors", 8, LOAD, "", "movhps (%rbx), %xmm3", "") F(movhps_store, "vectors", 8, STORE, "", "movhps %xmm4, (%rbx)", "") \
    F(cvtsi_load, "vectors", 8, LOAD, "", "cvtsi2sdq (%rbx), %xmm3", "") F(pinsrw_load, "vectors", 2, LOAD, "", "pinsrw $3, (%rbx), %xmm3", "") \
    F(pextrb_store, "vectors", 1, STORE, "", "pextrb $3, %xmm4, (%rbx)", "") F(movq_mmx_load, "vectors", 8, LOAD, "", "movq (%rbx), %mm3", "emms") \
    F(maskmov_store, "vectors", 16, STORE, "mov %rbx, %rdi", "maskmovdqu %xmm5, %xmm4", "") F(pcmpistri_load, "vectors", 16, LOAD, "", "pcmpistri $12, (%rbx), %xmm4", "") \
    F(stmxcsr_store, "vectors", 4, STORE, "", "stmxcsr (%rbx)", "") \
    F(fld4, "x87", 4, LOAD, "", "flds (%rbx)", "fstp %st(0)") F(fld8, "x87", 8, LOAD, "", "fldl (%rbx)", "fstp %st(0)") \
    F(fld10, "x87", 10, LOAD, "", "fldt (%rbx)", "fstp %st(0)") F(fild8, "x87", 8, LOAD, "", "fildll (%rbx)", "fstp %st(0)") \
    F(fadd_load, "x87", 8, LOAD, "fld1", "faddl (%rbx)", "fstp %st(0)") F(fst4, "x87", 4, STORE, "fld1", "fsts (%rbx)", "fstp %st(0)") \
    F(fstp8, "x87", 8, STORE, "fldpi", "fstpl (%rbx)", "") F(fstp10, "x87", 10, STORE, "fldpi", "fstpt (%rbx)", "") \
    F(fistp8, "x87", 8, STORE, "fldpi", "fistpll (%rbx)", "") F(fbstp, "x87", 10, STORE, "fldpi", "fbstp (%rbx)", "") \
    F(fnstcw, "x87", 2, STORE, "", "fnstcw (%rbx)", "") F(fnstsw, "x87", 2, STORE, "fld1; fld1", "fnstsw (%rbx)", "fstp %st(0); fstp %st(0)") \
    F(movsb, "strings", 1, STORE, STRING_STORE, "movsb", "") F(stosq, "strings", 8, STORE, STRING_STORE, "stosq", "") F(lodsq, "strings", 8, LOAD, STRING_LOAD, "lodsq", "") \
    F(rep_movsb_to, "strings", 24, STORE, STRING_STORE, "rep movsb", "") F(rep_movsb_from, "strings", 24, LOAD, STRING_LOAD, "rep movsb", "") \
    F(rep_movsq_to, "strings", 192, STORE, STRING_STORE, "rep movsq", "") F(rep_movsq_from, "strings", 192, LOAD, STRING_LOAD, "rep movsq", "") \
    F(rep_movsl_odd, "strings", 96, STORE, STRING_STORE "; sub $2, %rdi", "rep movsl", "") \
    F(rep_movsb_back, "strings", 24, STORE, STRING_STORE "; add $23, %rdi; add $23, %rsi; std", "rep movsb", "cld") \
    F(rep_stosb, "strings", 24, STORE, STRING_STORE, "rep stosb", "") F(rep_stosq, "strings", 192, STORE, STRING_STORE, "rep stosq", "") \
    F(rep_stosl_back, "strings", 96, STORE, STRING_STORE "; add $92, %rdi; std", "rep stosl", "cld") \
    F(rep_lodsl, "strings", 96, LOAD, STRING_LOAD, "rep lodsl", "") F(repe_cmpsb, "strings", 24, LOAD, STRING_LOAD "; mov %rbx, %rdi", "repe cmpsb", "") \
    F(repne_scasb, "strings", 24, LOAD, STRING_LOAD "; mov %rbx, %rdi; mov $0xff, %eax", "repne scasb", "") \
    F(repe_cmpsb_other, "strings", 24, LOAD, STRING_LOAD, "repe cmpsb", "") \
    F(fetch_jmp, "fetches", 1, FETCH, "", "jmp *%rbx", "") F(fetch_call, "fetches", 1, FETCH, "", "call *%rbx", "pop %rdx") \
    F(fetch_ret, "fetches", 1, FETCH, "push %rbx", "ret", "")

FORMS(FORM)
static const struct form forms[] = { FORMS(ROW) };

/* What a page can be. */
enum state { GOOD, UNMAPPED, NONE, READ, WRITE, EXEC, READ_EXEC, COPY, FILE_READ, SHARED, PAST_END, PAST_END_COPY, STATES };
static const char *const state_names[] = { "good", "unmapped", "none", "read", "write", "exec", "read-exec", "copy", "file", "shared", "past-end", "past-end-copy" };
enum position { WHOLE, SECOND_HALF, FIRST_HALF };
static const char *const position_names[] = { "whole", "second", "first" };

static int file, show;
static const struct form *form;
static enum state state;
static u64 bad_page;
static char outcome[64];
static int faults;

static u64 hash_of(u64 hash, const void *what, u64 size) {
    const u8 *bytes = what;
    while (size--) hash = (hash ^ *bytes++) * 0x100000001b3;
    return hash;
}
static unsigned fold(u64 hash) { return (hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48) & 0xffff; }

static void dump(const char *what, const u64 *registers, int count, const u8 *fx) {
    printf("  %s:", what);
    for (int i = 0; i < count; i++) printf(" %lx", registers[i]);
    printf("\n   control %02x%02x status %02x%02x tags %02x mxcsr %02x%02x\n   ", fx[1], fx[0], fx[3], fx[2], fx[4], fx[25], fx[24]);
    for (int i = 0; i < 8; i++) printf(" %lx:%x", *(u64 *)(fx + 32 + 16 * i), *(unsigned short *)(fx + 40 + 16 * i));
    for (int i = 0; i < 16; i++) printf(" %016lx%016lx", *(u64 *)(fx + 168 + 16 * i), *(u64 *)(fx + 160 + 16 * i));
    printf("\n");
}
/* The registers of the unit without the last instruction's addresses, which processors keep differently. */
static u64 hash_unit(u64 hash, const u8 *fx) {
    hash = hash_of(hash, fx, 5);
    hash = hash_of(hash, fx + 24, 4);
    for (int i = 0; i < 8; i++) hash = hash_of(hash, fx + 32 + 16 * i, 10);
    return hash_of(hash, fx + 160, 256);
}

static void repair(u64 page) {
    if (state == PAST_END || state == PAST_END_COPY) ftruncate(file, 4 * PAGE);
    else if (state == UNMAPPED) {
        mmap((void *)page, PAGE, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        memset((void *)page, 0x90, PAGE);
    } else mprotect((void *)page, PAGE, 7);
}

static void on_fault(int signal, siginfo_t *info, void *context) {
    ucontext_t *u = context;
    greg_t *g = u->uc_mcontext.gregs;
    u64 registers[18];
    for (int i = 0; i < 18; i++) registers[i] = g[i];
    registers[16] -= (u64)form->at;
    if (form->flags & FETCH && g[REG_RIP] != (long)form->at) registers[16] = g[REG_RIP];
    u64 hash = hash_unit(hash_of(14695981039346656037ul, registers, sizeof registers), (u8 *)u->uc_mcontext.fpregs);
    if (faults++ == 0)
        sprintf(outcome, "%c%d%+lde%ld.%04x", signal == SIGSEGV ? 'S' : signal == SIGBUS ? 'B' : '?', info->si_code < 128 ? info->si_code : 9,
                info->si_addr ? (long)info->si_addr - (long)EDGE : 0, (long)g[REG_ERR], fold(hash));
    if (show) {
        printf(" signal %d code %d address %p trap %ld error %ld cr2 %lx\n", signal, info->si_code, info->si_addr, (long)g[REG_TRAPNO], (long)g[REG_ERR], (long)g[REG_CR2]);
        dump("at the fault", registers, 18, (u8 *)u->uc_mcontext.fpregs);
    }
    if (bad_page && faults < 4) repair(bad_page);
    else {
        g[REG_RIP] = (long)done;
        g[REG_RSP] = STACK + 2 * PAGE;
    }
}

static void set_page(u64 page, enum state what, u64 offset) {
    static const int protection[] = { 7, 0, 0, 1, 2, 4, 5 };
    void *at = (void *)page;
    switch (what) {
    case UNMAPPED: munmap(at, PAGE); break;
    case COPY: mprotect(at, PAGE, 7); if (fork() == 0) _exit(0); break;
    case FILE_READ: mmap(at, PAGE, 5, MAP_PRIVATE | MAP_FIXED, file, offset); break;
    case SHARED: mmap(at, PAGE, 1, MAP_SHARED | MAP_FIXED, file, offset); break;
    case PAST_END: mmap(at, PAGE, 7, MAP_SHARED | MAP_FIXED, file, 2 * PAGE + offset); break;
    case PAST_END_COPY: mmap(at, PAGE, 7, MAP_PRIVATE | MAP_FIXED, file, 2 * PAGE + offset); break;
    default: mprotect(at, PAGE, protection[what]);
    }
    /* Whether a page that nobody has used is there is the kernel's business. */
    if (what == FILE_READ || what == SHARED) (void)*(volatile u8 *)at;
}

/* Where the program goes on after a RET (one byte), or an indirect jump or call (two). */
static u64 after_it(void) { return (u64)form->at + (form->at[0] == 0xc3 ? 1 : 2); }

static u8 contents[2 * PAGE];
static void fill(u64 address) {
    for (u64 i = 0; i < 2 * PAGE; i++) contents[i] = i * 37 % 251 & 0x7f;
    for (int i = 0; i < 256; i++) ((u8 *)PLAIN)[i] = i * 3 + 1;
    if (form->flags & TARGET) {
        u64 target = after_it();
        memcpy(contents + (address - BASE), &target, 8);
    }
    if (form->flags & FETCH) { /* jmp *%r14, which holds where to go on; a nop before it, so that it can straddle */
        static const u8 code[] = { 0x0f, 0x1f, 0x44, 0, 0, 0x41, 0xff, 0xe6 };
        memcpy(contents + (address - BASE), code, sizeof code);
    }
}

static void prepare(u64 address) {
    ftruncate(file, 0);
    ftruncate(file, 2 * PAGE);
    mmap((void *)BASE, 2 * PAGE, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    fill(address);
    memcpy((void *)BASE, contents, 2 * PAGE);
    pwrite(file, contents, 2 * PAGE, 0);
}

static void seed(void) {
    for (int i = 0; i < 16; i++) seeds[i] = 0x0123456789abcdef * (2 * i + 1);
    if (form->flags & FETCH) seeds[14] = after_it();
    memset(seed_fx, 0, sizeof seed_fx);
    *(unsigned short *)seed_fx = 0x37f;
    *(unsigned *)(seed_fx + 24) = 0x1fbf; /* no exception is news */
    for (int i = 160; i < 416; i++) seed_fx[i] = i * 11;
}

static unsigned finish(void) {
    u64 hash = hash_unit(hash_of(14695981039346656037ul, ends, sizeof ends), end_fx);
    if (show) dump("at the end", ends, 16, end_fx);
    ftruncate(file, 4 * PAGE); /* where nothing faulted, there may still be pages past the end */
    for (u64 page = BASE; page < BASE + 2 * PAGE; page += PAGE)
        if (mprotect((void *)page, PAGE, 7) == 0) hash = hash_of(hash, (void *)page, PAGE);
    return fold(hash_of(hash, (void *)PLAIN, 256));
}

static u64 place(enum position position) {
    if (position == WHOLE) return EDGE + 0x120;
    return EDGE - (form->flags & FETCH ? 4 : form->size / 2 & ~(form->size > 16 ? 7 : 0));
}

static void one(enum position position, enum state what, u64 absolute) {
    u64 address = absolute ? absolute : place(position);
    state = what;
    bad_page = what == GOOD ? 0 : position == FIRST_HALF ? BASE : EDGE;
    prepare(absolute ? EDGE : address);
    for (int i = 0; i < 4; i++) table[i] = EDGE + 0x120;
    if (form->flags & (TARGET | FETCH)) {
        fill(EDGE + 0x120);
        memcpy((void *)(EDGE + 0x120), contents + PAGE + 0x120, 8);
        table[1] = table[2] = table[3] = absolute ? EDGE + 0x120 : address;
    }
    table[0] = address;
    turns = 3;
    if (position == WHOLE && bad_page) { /* the good turns need a good page */
        prepare(BASE + 0x120);
        if (!absolute) memcpy((void *)address, (void *)(BASE + 0x120), 32), pwrite(file, (void *)EDGE, PAGE, PAGE);
        for (int i = 1; i < 4; i++) table[i] = BASE + 0x120;
    } else if (bad_page) {
        prepare(address);
        turns = 0;
    }
    seed();
    faults = 0;
    strcpy(outcome, "ok");
    if (!absolute && bad_page) set_page(bad_page, what, bad_page - BASE);
    if (absolute) bad_page = 0;
    if (show) printf("%s %s %s\n", form->name, position_names[position], absolute ? "absolute" : state_names[what]);
    enter(form->code);
    printf(" %s=%s/%04x", absolute == ABSENT ? "far" : absolute == EDGE + 0x121 ? "misaligned" : absolute >> 63 ? absolute >> 47 == 0x1ffff ? "kernel" : "non-canonical" : absolute ? "null" : state_names[what], outcome, finish());
    if (show) printf("\n");
}

int main(int argc, char **argv) {
    static u8 other[1 << 16];
    stack_t s = { .ss_sp = other, .ss_size = sizeof other };
    sigaltstack(&s, 0);
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK }, ignore = { .sa_handler = SIG_IGN };
    sigaction(SIGSEGV, &action, 0);
    sigaction(SIGBUS, &action, 0);
    sigaction(SIGILL, &action, 0);
    sigaction(SIGFPE, &action, 0);
    sigaction(SIGCHLD, &ignore, 0);
    file = memfd_create("file", 0);
    mmap((void *)PLAIN, PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    mmap((void *)STACK, 4 * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    show = argc > 2;
    for (form = forms; form < forms + sizeof forms / sizeof *forms; form++) {
        if (argc < 2 || strcmp(form->group, argv[1]) || show && strcmp(form->name, argv[2])) continue;
        /* Hot first, on pages where nothing fails. */
        prepare(EDGE + 0x120);
        seed();
        for (int i = 0; i < 4096; i++) table[i] = EDGE + 0x120;
        turns = 4095;
        bad_page = 0;
        faults = 0;
        enter(form->code);
        if (faults) printf("%s fails on a good page: %s\n", form->name, outcome);
        for (enum position position = WHOLE; position <= FIRST_HALF; position++) {
            if (position != WHOLE && (form->flags & ALIGNED || form->size == 1 && !(form->flags & FETCH))) continue;
            printf("%s %s:", form->name, position_names[position]);
            for (enum state what = position == FIRST_HALF ? UNMAPPED : GOOD; what < STATES; what++) one(position, what, 0);
            if (position == WHOLE) {
                one(position, UNMAPPED, ABSENT);
                one(position, UNMAPPED, 0xffff800000000000);
                if (!(form->flags & FETCH)) one(position, UNMAPPED, 0x8000000000000120); /* processors fail at the jump or after it */
                one(position, UNMAPPED, 16);
                if (form->flags & ALIGNED) one(position, GOOD, EDGE + 0x121);
            }
            printf("\n");
        }
    }
    return 0;
}
