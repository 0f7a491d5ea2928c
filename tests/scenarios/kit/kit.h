/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SCENARIO_KIT_H
#define SYSFOLD_SCENARIO_KIT_H

/*
 * A scenario is a small static program that makes a fixed sequence of system
 * calls and writes down the truth about each: its parameters as typed in
 * common/events.def, and its result. Whatever captures it is then compared
 * with that (`sysfold compare --truth`), and one capture with another.
 *
 *     #include "kit/kit.h"
 *
 *     SCENARIO
 *     {
 *         long fd = OK(open, "here", O_RDWR | O_CREAT, 0600);
 *
 *         OK(write, fd, "hello", 5);
 *         FAILS(EBADF, write, 99, "hello", 5);
 *         FAILS(EFAULT, open, BAD, O_RDONLY, 0);
 *         OK(close, fd);
 *         OK(unlink, "here");
 *     }
 *
 * Between SCENARIO's brackets nothing may make a system call but through the
 * macros below: no stdio, no malloc, no pthreads, no errno; memcpy and its kin
 * are fine. What is needed before (a helper's listener, a file that only libc
 * can make) goes into a function named by BEFORE, what is to be cleared away
 * into one named by AFTER: there anything goes, and nothing is compared.
 *
 * The truth goes into memory that is shared with the file $SYSFOLD_TRUTH
 * (docs/truth.md), so that writing it down makes no call; without that
 * variable the program just runs. It runs in a new empty directory below
 * $TMPDIR, which is removed behind it. A call that does not go as the scenario
 * says (OK, FAILS) ends it with a message and status 99.
 *
 * With $SYSFOLD_FOREIGN the kernel may be another than Linux (gVisor's). There
 * a result that is not what the scenario says is told in one line on standard
 * error ("FILE:LINE: CALL: the result is N, not a success"), and the scenario
 * goes on: the truth is what happened. Where it cannot go on (memory or a
 * child that it did not get, kit_fail), or waits for longer than 12 seconds,
 * it ends with a message and status 99, but the truth is whole as far as it
 * goes, with the call that waited as an interrupted one, and an end marker is
 * its end.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* The body. `argument` is the program's first argument, "" without one: what a program that a scenario executes
 * (itself, by kit_self()) tells its roles apart by. */
#define SCENARIO                                                                                                       \
    static void scenario(const char *argument);                                                                        \
    int main(int argc, char **argv)                                                                                    \
    {                                                                                                                  \
        return kit_main(argc, argv, scenario);                                                                         \
    }                                                                                                                  \
    static void scenario(const char *argument __attribute__((unused)))

/* Functions that run before the begin marker, and after the end marker. Neither runs in a program that a scenario
 * has executed. */
#define BEFORE(function) __attribute__((constructor)) static void kit_before_(void) { kit_before = (function); }
#define AFTER(function) __attribute__((constructor)) static void kit_after_(void) { kit_after = (function); }

/* Make the system call and write down the truth. All give the raw result: >= 0 or -errno.
 *   OK     it succeeds: the result is no error
 *   FAILS  it fails with that error
 *   TRY    it may do either: only for what kernels and sandboxes legitimately differ in */
#define OK(name, ...) kit_call(KIT_SUCCEEDS, __FILE__, __LINE__, SYS_##name, KIT_ARGS(__VA_ARGS__), NULL)
#define FAILS(error, name, ...) kit_call(error, __FILE__, __LINE__, SYS_##name, KIT_ARGS(__VA_ARGS__), NULL)
#define TRY(name, ...) kit_call(KIT_EITHER, __FILE__, __LINE__, SYS_##name, KIT_ARGS(__VA_ARGS__), NULL)

/*
 * The same with what the program knows and the kit cannot find in the arguments or in memory, as an array of
 * struct kit_said (SAID below), which also overrules what the kit finds:
 *
 *     OK_SAYING(SAID(TEXT("file", "/etc/passwd")), open, "../../etc/passwd", O_RDONLY, 0);
 */
#define OK_SAYING(said, name, ...) kit_call(KIT_SUCCEEDS, __FILE__, __LINE__, SYS_##name, KIT_ARGS(__VA_ARGS__), said)
#define FAILS_SAYING(error, said, name, ...) kit_call(error, __FILE__, __LINE__, SYS_##name, KIT_ARGS(__VA_ARGS__), said)
#define SAID(...) ((const struct kit_said[]){__VA_ARGS__, {0}})
#define TEXT(param, string) {.name = (param), .kind = KIT_BYTES, .data = (string), .size = strlen(string)}
#define BYTES(param, pointer, length) {.name = (param), .kind = KIT_BYTES, .data = (pointer), .size = (length)}
#define NUMBER(param, value) {.name = (param), .kind = KIT_NUMBER, .number = (int64_t)(value)}
#define ABSENT(param) {.name = (param), .kind = KIT_ABSENT} /* nothing is known: it is not compared */

/* Calls that do not return to tell: written down before they are made. */
#define EXIT(status) kit_exit(SYS_exit, status)             /* of the thread */
#define EXIT_GROUP(status) kit_exit(SYS_exit_group, status) /* of the process */
/* A call that somebody ends the thread in: by SIGKILL, or by the end or an exec of its process. Behind any other
 * signal that ends the process, who looks from outside sees that the call was interrupted. */
#define NEVER_RETURNS(name, ...) kit_never(SYS_##name, KIT_ARGS(__VA_ARGS__))
#define DIES_INTERRUPTED(name, ...) kit_die_in(SYS_##name, KIT_ARGS(__VA_ARGS__))
/* Succeeds, or ends the scenario. `said` as above, or NULL. A thread that is not its process's leader becomes it. */
#define EXECVE(path, argv, envp) kit_exec(SYS_execve, KIT_ARGS(path, argv, envp), NULL)
#define EXECVEAT(dirfd, path, argv, envp, flags) kit_exec(SYS_execveat, KIT_ARGS(dirfd, path, argv, envp, flags), NULL)
/* The scenario's own program, for such calls: an absolute path. The environment that it needs to go on with the truth. */
const char *kit_self(void);
char *const *kit_environment(void);

/*
 * Children. `run` is called in the child with `data` and should end with EXIT
 * or EXIT_GROUP; returning is EXIT_GROUP(0), for a thread EXIT(0). All give
 * the child's tid and write down its birth.
 */
typedef void kit_function(void *data);
long kit_fork(kit_function *run, void *data);  /* fork */
long kit_vfork(kit_function *run, void *data); /* vfork: returns when the child is gone or has executed */
/* clone and clone3 with these flags (the exit signal included). With CLONE_VM the child gets a stack of 256 KiB, and
 * so does any other where stack is asked for. For a thread: KIT_THREAD. At most 64 such stacks in a process's life. */
long kit_clone(unsigned long flags, kit_function *run, void *data);
long kit_clone3(unsigned long flags, int exit_signal, kit_function *run, void *data);
#define KIT_THREAD (0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000) /* CLONE_VM FS FILES SIGHAND THREAD SYSVSEM */
/* Waits by wait4 until the child has ended, writes down how, and gives its status. Fails with a child that failed. */
int kit_reap(long pid);
/* Waits, without a trace, until a thread (of the caller's process) has ended: nobody reaps those. */
void kit_join(long tid);
/* Writes down that a process has ended with that status: for the calls that tell of it otherwise (waitid ...). */
void kit_ended(long pid, int status);
/* Writes down that the caller's signal has stopped a process of one thread: no handler tells of those. */
void kit_stopped(long pid, int signo);
/* Waits until a child has ended, writes down how, and gives its status: without a trace, and it is still to be waited
 * for (not by kit_reap, which writes the end down as well). For calls that tell of it (waitid ...), or that need it to
 * be over. */
int kit_await(long pid);

/*
 * Signals. The handler writes down the signal and its own rt_sigreturn.
 * kit_handle() makes an rt_sigaction call; `run` may be NULL.
 */
void kit_handle(int signo, unsigned long flags, void (*run)(int signo, siginfo_t *info));

/* In other words of the processor: the i386 call, by int $0x80. -ENOSYS where the kernel has none. */
long kit_call32(long nr, unsigned long a0, unsigned long a1, unsigned long a2, unsigned long a3, unsigned long a4,
                unsigned long a5);
/* Addresses for it, and for anyone who needs memory below 4 GiB: `size` zeroed bytes. For BEFORE. */
void *kit_low_memory(size_t size);

/* Memory. BAD points nowhere. kit_at_edge(n) gives n writable bytes in front of unreadable memory, of a page that all
 * such pointers share; n is at most 4,096. */
#define BAD ((void *)kit_bad)
void *kit_at_edge(size_t n);

/* The descriptors that are open here and now are compared: the table is read between an end and a begin marker. */
void kit_descriptors(void);
/* Waits without a trace in the truth or in what is compared, until the thread sleeps in the call (a number, SYS_x);
 * needs /proc, else it waits 50 ms. */
void kit_wait_asleep(long tid, long nr);
/* The same, until a process's first thread has ended, be there others or not. */
void kit_wait_ended(long pid);
/* The same: sleeps, between an end and a begin marker. */
void kit_pause_ms(unsigned ms);
/* The caller's own tid, without a call. */
long kit_tid(void);
/* Ends the scenario with a message, status 99, and a truth that is cut short. */
_Noreturn void kit_fail(const char *what);
/* Says that this machine cannot run the scenario, and ends with status 77. For BEFORE. */
_Noreturn void kit_skip(const char *why);

/* What follows is behind the macros. */

enum kit_kind { KIT_UNSAID, KIT_NUMBER, KIT_BYTES, KIT_ABSENT };

struct kit_said {
    const char *name;
    enum kit_kind kind;
    int64_t number;
    const void *data;
    size_t size;
};

#define KIT_SUCCEEDS 0
#define KIT_EITHER (-1)
/* Any number of arguments up to six, each cast on its own. */
#define KIT_ARGS(...)                                                                                                  \
    ((const uint64_t[6]){KIT_SIXTH(dummy, ##__VA_ARGS__, KIT_6, KIT_5, KIT_4, KIT_3, KIT_2, KIT_1, KIT_0)(__VA_ARGS__)})
#define KIT_SIXTH(dummy, a, b, c, d, e, f, name, ...) name
#define KIT_0() 0
#define KIT_1(a) (uint64_t)(a)
#define KIT_2(a, b) (uint64_t)(a), (uint64_t)(b)
#define KIT_3(a, b, c) KIT_2(a, b), (uint64_t)(c)
#define KIT_4(a, b, c, d) KIT_2(a, b), KIT_2(c, d)
#define KIT_5(a, b, c, d, e) KIT_2(a, b), KIT_3(c, d, e)
#define KIT_6(a, b, c, d, e, f) KIT_2(a, b), KIT_4(c, d, e, f)

extern void (*kit_before)(void);
extern void (*kit_after)(void);
extern uint8_t *kit_bad;

int kit_main(int argc, char **argv, void (*scenario)(const char *argument));
long kit_call(int expected, const char *file, int line, long nr, const uint64_t args[6], const struct kit_said *said);
_Noreturn void kit_exit(long nr, int status);
_Noreturn void kit_never(long nr, const uint64_t args[6]);
_Noreturn void kit_die_in(long nr, const uint64_t args[6]);
_Noreturn void kit_exec(long nr, const uint64_t args[6], const struct kit_said *said);

#endif
