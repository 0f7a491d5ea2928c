// SPDX-License-Identifier: Apache-2.0
/* Children and signals. */

#include <linux/sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <x86intrin.h>

#include "inside.h"

#define STACK_SIZE ((uintptr_t)256 << 10) /* and their alignment */
#define STACK_COUNT 64
#define CRADLE_SIZE 4092 /* children at a time */
#define SIGNAL_RESTORER 0x04000000
#define PATIENCE_CYCLES 20000000000 /* some seconds, without asking the kernel */
#define JOINS_MAX 10000             /* half a millisecond each */
#define PATIENCE_SIGNAL 63          /* no scenario uses it */
#define PATIENCE_SECONDS 12

static struct kit_who of_first;
static uintptr_t stacks; /* the first of them */
static _Atomic unsigned stacks_used;

/* Births that were written down, in memory that all processes share: children of one parent are told in the order of
 * their births, since the parent goes on only when its child has been. */
static struct cradle {
    _Atomic unsigned used;
    _Atomic bool told[CRADLE_SIZE];
    _Atomic int32_t pids[CRADLE_SIZE];
} * cradle;

struct kit_who *kit_who(void)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);

    if (here - stacks < STACK_COUNT * STACK_SIZE)
        return (struct kit_who *)(here & ~(STACK_SIZE - 1));
    return &of_first;
}

long kit_tid(void)
{
    return (long)kit_who()->tid;
}

void kit_stacks_make(void)
{
    void *memory = mmap(NULL, (STACK_COUNT + 1) * STACK_SIZE, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        kit_fail("there is no memory for stacks");
    stacks = ((uintptr_t)memory + STACK_SIZE - 1) & ~(STACK_SIZE - 1);
    cradle = mmap(NULL, sizeof(*cradle), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (cradle == MAP_FAILED)
        kit_fail("there is no memory to share");
}

/* Births. */

struct birth {
    kit_function *run;
    void *data;
    struct kit_who parent;
    uint64_t flags; /* the exit signal included */
    _Atomic bool *told;
};

static struct birth prepare(kit_function *run, void *data, uint64_t flags)
{
    _Atomic bool *told = &cradle->told[atomic_fetch_add(&cradle->used, 1) % CRADLE_SIZE];

    *told = false;
    return (struct birth){run, data, *kit_who(), flags, told};
}

/* The child's first act: to learn its tid, by a call like any other, and to write down its birth before that. */
static void be_born(const struct birth *birth)
{
    struct kit_made made = {.nr = SYS_gettid, .args = (const uint64_t[6]){0}, .returned = true};
    struct kit_who *self = kit_who();
    bool is_thread = birth->flags & CLONE_THREAD;

    made.result = kit_raw(SYS_gettid, made.args);
    made.tid = made.result;
    self->tid = made.result;
    self->pid = is_thread ? birth->parent.pid : made.result;
    self->ppid = is_thread || birth->flags & CLONE_PARENT ? birth->parent.ppid : birth->parent.pid;
    kit_tell(self->tid, "thread_start",
             SAID(NUMBER("pid", self->pid), NUMBER("ppid", self->ppid), NUMBER("parent_tid", birth->parent.tid),
                  NUMBER("flags", birth->flags)));
    if (!is_thread)
        cradle->pids[birth->told - cradle->told] = (int32_t)self->pid;
    *birth->told = true;
    kit_tell_call(&made);
}

static _Noreturn void live(const struct birth *birth)
{
    struct birth own = *birth;

    be_born(&own);
    own.run(own.data);
    if (own.flags & CLONE_THREAD)
        EXIT(0);
    EXIT_GROUP(0);
}

static long told_parent(long nr, const uint64_t args[6], long result, const struct birth *birth)
{
    kit_tell_call(&(struct kit_made){.tid = kit_tid(), .nr = nr, .args = args, .result = result, .returned = true});
    if (result < 0)
        kit_fail("a child was not born");
    for (uint64_t start = __rdtsc(); !*birth->told;) {
        if (kit_is_foreign() && __rdtsc() - start > PATIENCE_CYCLES)
            kit_fail("a child does not come to life");
    }
    return result;
}

long kit_fork(kit_function *run, void *data)
{
    const struct birth birth = prepare(run, data, SIGCHLD);
    const uint64_t args[6] = {0};
    long result = kit_raw(SYS_fork, args);

    if (!result)
        live(&birth);
    return told_parent(SYS_fork, args, result, &birth);
}

/* The child lives on its parent's stack, below, and never returns to where the parent will. */
__attribute__((noinline)) long kit_vfork(kit_function *run, void *data)
{
    const struct birth birth = prepare(run, data, CLONE_VM | CLONE_VFORK | SIGCHLD);
    static const uint64_t args[6] = {0};
    long result;

    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_vfork) : "rcx", "r11", "memory");
    if (!result)
        live(&birth);
    *kit_who() = birth.parent; /* the child's was the same memory */
    return told_parent(SYS_vfork, args, result, &birth);
}

/* A stack with the birth on top of it; its pointer. */
static uintptr_t lay_stack(const struct birth *birth)
{
    unsigned number = atomic_fetch_add(&stacks_used, 1);
    uintptr_t top = stacks + (number + 1) * STACK_SIZE - 1024;

    if (number >= STACK_COUNT)
        kit_fail("there are no stacks left");
    memcpy((void *)top, birth, sizeof(*birth));
    return top;
}

/* The call, on whose new stack the child finds what it is to do. */
__attribute__((noinline)) static long clone_onto(long nr, const uint64_t args[6])
{
    register uint64_t r10 __asm__("r10") = args[3];
    register uint64_t r8 __asm__("r8") = args[4];
    long result;

    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%rsp, %%rdi\n\t"
                     "and $-16, %%rsp\n\t"
                     "call *%[live]\n\t"
                     "1:"
                     : "=a"(result)
                     : "a"(nr), "D"(args[0]), "S"(args[1]), "d"(args[2]), "r"(r10), "r"(r8), [live] "b"(live)
                     : "rcx", "r11", "memory", "cc");
    return result;
}

static long bear(long nr, const uint64_t args[6], const struct birth *birth, bool has_stack)
{
    long result = has_stack ? clone_onto(nr, args) : kit_raw(nr, args);

    if (!result && !has_stack)
        live(birth);
    return told_parent(nr, args, result, birth);
}

long kit_clone(unsigned long flags, kit_function *run, void *data)
{
    const struct birth birth = prepare(run, data, flags);
    const uint64_t args[6] = {flags, flags & CLONE_VM ? lay_stack(&birth) : 0};

    return bear(SYS_clone, args, &birth, args[1]);
}

long kit_clone3(unsigned long flags, int exit_signal, kit_function *run, void *data)
{
    const struct birth birth = prepare(run, data, flags | (unsigned)exit_signal);
    struct clone_args how = {.flags = flags, .exit_signal = (unsigned)exit_signal};
    const uint64_t args[6] = {(uintptr_t)&how, sizeof(how)};

    if (flags & CLONE_VM) {
        how.stack_size = STACK_SIZE / 2;
        how.stack = lay_stack(&birth) - how.stack_size;
    }
    return bear(SYS_clone3, args, &birth, how.stack);
}

/* Ends. */

_Noreturn void kit_never(long nr, const uint64_t args[6])
{
    kit_tell_call(&(struct kit_made){.tid = kit_tid(), .nr = nr, .args = args});
    (void)kit_raw(nr, args);
    kit_fail("a call returned in which the thread was to end");
}

_Noreturn void kit_die_in(long nr, const uint64_t args[6])
{
    kit_tell_call(&(struct kit_made){.tid = kit_tid(), .nr = nr, .args = args, .result = -EINTR, .returned = true});
    (void)kit_raw(nr, args);
    kit_fail("a call returned in which the process was to end");
}

#define STATUS_FAILED (99 << 8) /* kit_fail's */

void kit_ended(long pid, int status)
{
    if (status == STATUS_FAILED && !kit_is_foreign())
        kit_fail("a child went otherwise than the scenario says");
    kit_tell(pid, "process_exit", SAID(NUMBER("pid", pid), NUMBER("status", status)));
}

void kit_stopped(long pid, int signo)
{
    static const uint64_t none[6];

    kit_mark(KIT_MARK_PAUSE);
    kit_tell(pid, "signal",
             SAID(NUMBER("signo", signo), NUMBER("code", SI_USER), NUMBER("sender", kit_who()->pid),
                  NUMBER("uid", kit_raw(SYS_getuid, none))));
    kit_mark(KIT_MARK_BEGIN);
}

int kit_await(long pid)
{
    siginfo_t info = {0};
    int status;

    kit_mark(KIT_MARK_PAUSE);
    if (kit_raw(SYS_waitid, (const uint64_t[6]){P_PID, (uint64_t)pid, (uintptr_t)&info, WEXITED | WNOWAIT | __WALL}))
        kit_fail("a child was not to be waited for");
    status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
    status |= info.si_code == CLD_DUMPED ? WCOREFLAG : 0;
    kit_ended(pid, status);
    kit_mark(KIT_MARK_BEGIN);
    return status;
}

int kit_reap(long pid)
{
    int status = 0;
    const uint64_t args[6] = {(uint64_t)pid, (uintptr_t)&status};
    struct kit_who *self = kit_who();
    struct kit_made made = {.tid = self->tid, .nr = SYS_wait4, .args = args, .returned = true, .reaps = &status};

    self->pending = &made;
    made.result = kit_raw(SYS_wait4, args);
    if (self->pending) /* else a signal's handler, which came between, has told already */
        kit_tell_call(&made);
    self->pending = NULL;
    if (made.result != pid)
        kit_fail("a child was not to be waited for");
    return status;
}

void kit_join(long tid)
{
    const uint64_t nobody[6] = {(uint64_t)kit_who()->pid, (uint64_t)tid, 0};
    static const struct timespec moment = {.tv_nsec = 500000};

    kit_mark(KIT_MARK_PAUSE);
    for (unsigned i = 0; kit_raw(SYS_tgkill, nobody) == 0; i++) {
        kit_raw(SYS_nanosleep, (const uint64_t[6]){(uintptr_t)&moment});
        if (kit_is_foreign() && i == JOINS_MAX)
            kit_fail("a thread did not end");
    }
    kit_mark(KIT_MARK_BEGIN);
}

/* Signals. */

static void (*handlers[65])(int signo, siginfo_t *info);

static bool has_sender(const siginfo_t *info)
{
    if (info->si_signo == SIGCHLD && info->si_code > 0 && info->si_code < SI_KERNEL)
        return true;
    return info->si_code == SI_USER || info->si_code == SI_TKILL || info->si_code == SI_QUEUE ||
           info->si_code == SI_MESGQ;
}

static bool has_address(const siginfo_t *info)
{
    bool is_fault = info->si_signo == SIGSEGV || info->si_signo == SIGBUS || info->si_signo == SIGILL ||
                    info->si_signo == SIGFPE || info->si_signo == SIGTRAP || info->si_signo == SIGSYS;

    return is_fault && info->si_code > 0 && info->si_code < SI_KERNEL;
}

static void tell_signal(const siginfo_t *info)
{
    struct kit_said said[6] = {NUMBER("signo", info->si_signo), NUMBER("code", info->si_code)};
    size_t count = 2;

    if (has_sender(info)) {
        said[count++] = (struct kit_said)NUMBER("sender", info->si_pid);
        said[count++] = (struct kit_said)NUMBER("uid", info->si_uid);
    }
    if (has_address(info))
        said[count++] = (struct kit_said)NUMBER("addr", (uintptr_t)info->si_addr);
    kit_tell(kit_tid(), "signal", said);
}

/* The call that the signal came at the end of happened before it. */
static void tell_pending(const ucontext_t *interrupted)
{
    struct kit_who *self = kit_who();

    if (!self->pending || interrupted->uc_mcontext.gregs[REG_RIP] != (intptr_t)kit_raw_done)
        return;
    self->pending->result = interrupted->uc_mcontext.gregs[REG_RAX];
    kit_tell_call(self->pending);
    self->pending = NULL;
}

static void handle(int signo, siginfo_t *info, void *context)
{
    const ucontext_t *interrupted = context;
    int64_t accumulator = interrupted->uc_mcontext.gregs[REG_RAX];

    tell_pending(interrupted);
    tell_signal(info);
    if (handlers[signo])
        handlers[signo](signo, info);
    kit_tell_call(&(struct kit_made){.tid = kit_tid(),
                                     .nr = SYS_rt_sigreturn,
                                     .args = (const uint64_t[6]){0},
                                     .result = accumulator,
                                     .returned = true});
}

/* Returns from a handler: the kernel's call, and nothing that could disturb the frame it reads. */
void kit_restore(void);
__asm__(".text\n"
        ".type kit_restore, @function\n"
        "kit_restore:\n"
        "\tmov $15, %eax\n"
        "\tsyscall\n"
        ".size kit_restore, . - kit_restore\n");

void kit_handle(int signo, unsigned long flags, void (*run)(int signo, siginfo_t *info))
{
    const uint64_t action[4] = {(uintptr_t)handle, flags | SA_SIGINFO | SIGNAL_RESTORER, (uintptr_t)kit_restore, 0};

    handlers[signo] = run;
    OK(rt_sigaction, signo, action, NULL, 8);
}

/* Foreign kernels: what waits for ever there is interrupted. */

static void lose_patience(int signo, siginfo_t *info, void *context)
{
    struct kit_who *self = kit_who();
    int64_t nr = self->pending ? self->pending->nr : -1;

    (void)info;
    if (self->tid != self->pid) { /* the whole process is meant */
        kit_raw(SYS_tgkill, (const uint64_t[6]){(uint64_t)self->pid, (uint64_t)self->pid, (uint64_t)signo});
        return;
    }
    tell_pending(context);
    kit_give_up(nr);
}

void kit_be_patient(bool is_first)
{
    const uint64_t action[4] = {(uintptr_t)lose_patience, SA_SIGINFO | SIGNAL_RESTORER, (uintptr_t)kit_restore, 0};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = PATIENCE_SIGNAL};
    const struct itimerspec once = {.it_value.tv_sec = PATIENCE_SECONDS};
    int timer;

    kit_raw(SYS_rt_sigaction, (const uint64_t[6]){PATIENCE_SIGNAL, (uintptr_t)action, 0, 8});
    if (is_first &&
        kit_raw(SYS_timer_create, (const uint64_t[6]){CLOCK_MONOTONIC, (uintptr_t)&event, (uintptr_t)&timer}) == 0)
        kit_raw(SYS_timer_settime, (const uint64_t[6]){(uint64_t)timer, 0, (uintptr_t)&once});
}

void kit_end_others(void)
{
    static const struct timespec moment = {.tv_nsec = 50000000};

    for (unsigned i = 0; i < CRADLE_SIZE; i++) {
        if (cradle->pids[i] && kit_raw(SYS_kill, (const uint64_t[6]){(uint64_t)cradle->pids[i], PATIENCE_SIGNAL}) == 0)
            kit_raw(SYS_kill, (const uint64_t[6]){(uint64_t)cradle->pids[i], SIGCONT}); /* it may be stopped */
    }
    kit_raw(SYS_nanosleep, (const uint64_t[6]){(uintptr_t)&moment});
}
