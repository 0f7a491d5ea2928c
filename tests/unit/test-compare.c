// SPDX-License-Identifier: Apache-2.0
/* The canonical form, rule by rule: what is the same though it differs, and what differs though it is alike. */

#include <errno.h>

#include "compare-kit.h"

TestSuite(compare, .init = kit_init, .fini = kit_finish);

#define FORK(TELLING, PARENT, CHILD)                                                                                   \
    TELL(TELLING, CHILD, "thread_start", N("pid", CHILD), N("ppid", PARENT), N("parent_tid", PARENT), N("flags", 17))
#define EXITED(TELLING, TID, STATUS) TELL(TELLING, TID, "process_exit", N("pid", TID), N("status", STATUS))
#define OPENED(TELLING, FD, INO, PATH)                                                                                 \
    TELL(TELLING, 10, "open", N("res", FD), N("flags", 0102), N("mode", 0600), N("dev", 5), N("ino", INO),             \
         S("path", PATH), S("file", ""))

/* What each side tells, and whether it is the same. */
#define ONE_EACH(EXPECT, ROW, A, B)                                                                                    \
    do {                                                                                                               \
        anew();                                                                                                        \
        TELL(&ours, 10, ROW, A);                                                                                       \
        TELL(&theirs, 10, ROW, B);                                                                                     \
        EXPECT();                                                                                                      \
    } while (0)
#define LIST(...) __VA_ARGS__

Test(compare, numbers_are_exact)
{
    ONE_EACH(EXPECT_SAME, "close", LIST(N("res", 0), N("fd", 3)), LIST(N("res", 0), N("fd", 3)));
    ONE_EACH(EXPECT_DIFFERENT, "close", LIST(N("res", 0), N("fd", 3)), LIST(N("res", 0), N("fd", 4)));
    ONE_EACH(EXPECT_DIFFERENT, "close", LIST(N("res", 0), N("fd", 3)), LIST(N("res", -EBADF), N("fd", 3)));
    ONE_EACH(EXPECT_DIFFERENT, "lseek", LIST(N("res", 5), N("fd", 3), N("offset", 5), N("whence", 0)),
             LIST(N("res", 5), N("fd", 3), N("offset", 5), N("whence", 1)));
}

Test(compare, a_missing_status_is_no_value)
{
    ONE_EACH(EXPECT_DIFFERENT, "close", LIST(N("res", 0), N("fd", 0)), LIST(N("res", 0), STATUS("fd", SYSFOLD_ABSENT)));
    ONE_EACH(EXPECT_DIFFERENT, "unlink", LIST(N("res", -EFAULT), STATUS("path", SYSFOLD_NULL)),
             LIST(N("res", -EFAULT), STATUS("path", SYSFOLD_UNREADABLE)));
    ONE_EACH(EXPECT_DIFFERENT, "unlink", LIST(N("res", -EFAULT), S("path", "")),
             LIST(N("res", -EFAULT), STATUS("path", SYSFOLD_UNREADABLE)));
}

Test(compare, addresses_are_null_or_not)
{
    ONE_EACH(EXPECT_SAME, "brk", LIST(N("res", 0x5000), N("addr", 0)), LIST(N("res", 0x7000), N("addr", 0)));
    ONE_EACH(EXPECT_DIFFERENT, "brk", LIST(N("res", 0x5000), N("addr", 0)), LIST(N("res", 0x5000), N("addr", 0x5000)));
    /* but an error is one */
    ONE_EACH(EXPECT_DIFFERENT, "mmap", LIST(N("res", -ENOMEM), N("addr", 0)), LIST(N("res", -EINVAL), N("addr", 0)));
    ONE_EACH(EXPECT_DIFFERENT, "mmap", LIST(N("res", -ENOMEM), N("addr", 0)), LIST(N("res", 0x7f0000), N("addr", 0)));
}

Test(compare, times_are_left_out)
{
    const int64_t now[2] = {5, 6}, then[2] = {7, 8};

    ONE_EACH(EXPECT_SAME, "clock_gettime", LIST(N("res", 0), N("clock", 1), B("tp", now)),
             LIST(N("res", 0), N("clock", 1), B("tp", then)));
    ONE_EACH(EXPECT_DIFFERENT, "clock_gettime", LIST(N("res", 0), N("clock", 1), B("tp", now)),
             LIST(N("res", 0), N("clock", 0), B("tp", then)));
    ONE_EACH(EXPECT_DIFFERENT, "clock_gettime", LIST(N("res", 0), N("clock", 1), B("tp", now)),
             LIST(N("res", 0), N("clock", 1), STATUS("tp", SYSFOLD_NULL)));
    /* What a program asks for is exact, unless it was read off a clock. */
    ONE_EACH(EXPECT_DIFFERENT, "nanosleep", LIST(N("res", 0), B("req", now), N("rem", 0)),
             LIST(N("res", 0), B("req", then), N("rem", 0)));
    ONE_EACH(EXPECT_DIFFERENT, "clock_nanosleep", LIST(N("res", 0), N("flags", 0), B("req", now)),
             LIST(N("res", 0), N("flags", 0), B("req", then)));
    ONE_EACH(EXPECT_SAME, "clock_nanosleep", LIST(N("res", 0), N("flags", 1), B("req", now)),
             LIST(N("res", 0), N("flags", 1), B("req", then)));
    ONE_EACH(EXPECT_SAME, "time", LIST(N("res", 1000), N("tloc", 0)), LIST(N("res", 1001), N("tloc", 0)));
    ONE_EACH(EXPECT_DIFFERENT, "time", LIST(N("res", 1000), N("tloc", 0)), LIST(N("res", -EFAULT), N("tloc", 0)));
}

Test(compare, a_mode_counts_where_something_is_created)
{
    ONE_EACH(EXPECT_SAME, "open", LIST(N("res", -2), N("flags", 0), N("mode", 0123), S("path", "x")),
             LIST(N("res", -2), N("flags", 0), N("mode", 0456), S("path", "x")));
    ONE_EACH(EXPECT_DIFFERENT, "open", LIST(N("res", -2), N("flags", 0100), N("mode", 0123), S("path", "x")),
             LIST(N("res", -2), N("flags", 0100), N("mode", 0456), S("path", "x")));
}

Test(compare, inodes_are_renamed_one_to_one)
{
    OPENED(&ours, 3, 100, "a");
    OPENED(&ours, 4, 101, "b");
    OPENED(&ours, 5, 100, "a");
    OPENED(&theirs, 3, 901, "a");
    OPENED(&theirs, 4, 900, "b");
    OPENED(&theirs, 5, 901, "a");
    EXPECT_SAME();
    /* The same file that is suddenly another. */
    OPENED(&ours, 6, 100, "a");
    OPENED(&theirs, 6, 902, "a");
    EXPECT_DIFFERENT();
}

Test(compare, two_inodes_are_not_one)
{
    OPENED(&ours, 3, 100, "a");
    OPENED(&ours, 4, 101, "b");
    OPENED(&theirs, 3, 900, "a");
    OPENED(&theirs, 4, 900, "b");
    EXPECT_DIFFERENT();
}

Test(compare, a_freed_inode_may_be_anothers)
{
    OPENED(&ours, 3, 100, "a");
    OPENED(&theirs, 3, 900, "a");
    BOTH(10, "unlink", N("res", 0), S("path", "a"));
    OPENED(&ours, 4, 100, "b");
    OPENED(&theirs, 4, 901, "b");
    EXPECT_SAME();
}

Test(compare, an_empty_absolute_path_is_the_one_beside_it)
{
    ONE_EACH(EXPECT_SAME, "open", LIST(N("res", 3), N("flags", 0), S("path", "/etc/x"), S("file", "")),
             LIST(N("res", 3), N("flags", 0), S("path", "/etc/x"), S("file", "/etc/x")));
    ONE_EACH(EXPECT_DIFFERENT, "open", LIST(N("res", 3), N("flags", 0), S("path", "/etc/x"), S("file", "")),
             LIST(N("res", 3), N("flags", 0), S("path", "/etc/x"), S("file", "/etc/y")));
}

Test(compare, names_that_were_made_up_are_renamed)
{
    ONE_EACH(EXPECT_SAME, "unlink", LIST(N("res", 0), S("path", "/tmp/x-aB3dE6/a")),
             LIST(N("res", 0), S("path", "/tmp/x-Zy9xW5/a")));
    /* Words that somebody chose are not. */
    ONE_EACH(EXPECT_DIFFERENT, "unlink", LIST(N("res", 0), S("path", "/etc/passwd")),
             LIST(N("res", 0), S("path", "/etc/shadow")));
    ONE_EACH(EXPECT_DIFFERENT, "unlink", LIST(N("res", 0), S("path", "/lib/python3")),
             LIST(N("res", 0), S("path", "/lib/python2")));
    ONE_EACH(EXPECT_DIFFERENT, "unlink", LIST(N("res", 0), S("path", "/tmp/x-aB3dE6/a")),
             LIST(N("res", 0), S("path", "/tmp/x-Zy9xW5/b")));
    ONE_EACH(EXPECT_DIFFERENT, "unlink", LIST(N("res", 0), S("path", "/tmp/x-aB3dE6")),
             LIST(N("res", 0), S("path", "/tmp/x-Zy9xW5Q")));
}

Test(compare, a_made_up_name_stays_what_it_is)
{
    TELL(&ours, 10, "unlink", N("res", 0), S("path", "x-aB3dE6"));
    TELL(&theirs, 10, "unlink", N("res", 0), S("path", "x-Zy9xW5"));
    TELL(&ours, 10, "rmdir", N("res", 0), S("path", "x-aB3dE6"));
    TELL(&theirs, 10, "rmdir", N("res", 0), S("path", "x-Qq1qQ1"));
    EXPECT_DIFFERENT();
}

Test(compare, a_name_of_plain_letters_counts_as_made_up_where_it_was_made)
{
    TELL(&ours, 10, "mkdir", N("res", 0), N("mode", 0700), S("path", "/tmp/x-abcdef"));
    TELL(&theirs, 10, "mkdir", N("res", 0), N("mode", 0700), S("path", "/tmp/x-ghijkl"));
    TELL(&ours, 10, "rmdir", N("res", 0), S("path", "/tmp/x-abcdef"));
    TELL(&theirs, 10, "rmdir", N("res", 0), S("path", "/tmp/x-ghijkl"));
    EXPECT_SAME();
}

Test(compare, a_cut_value_is_what_it_is_the_beginning_of)
{
    ONE_EACH(EXPECT_SAME, "write", LIST(N("res", 5), CUT("data", "hel")), LIST(N("res", 5), S("data", "hello")));
    ONE_EACH(EXPECT_SAME, "write", LIST(N("res", 5), S("data", "hello")), LIST(N("res", 5), CUT("data", "")));
    ONE_EACH(EXPECT_DIFFERENT, "write", LIST(N("res", 5), CUT("data", "hex")), LIST(N("res", 5), S("data", "hello")));
    ONE_EACH(EXPECT_DIFFERENT, "write", LIST(N("res", 5), S("data", "hel")), LIST(N("res", 5), S("data", "hello")));
    ONE_EACH(EXPECT_DIFFERENT, "write", LIST(N("res", 5), CUT("data", "hello!")),
             LIST(N("res", 5), S("data", "hello")));
    ONE_EACH(EXPECT_SAME, "unlink", LIST(N("res", 0), CUT("path", "/a/verylongna")),
             LIST(N("res", 0), S("path", "/a/verylongname")));
    ONE_EACH(EXPECT_DIFFERENT, "unlink", LIST(N("res", 0), CUT("path", "/a/verylongnot")),
             LIST(N("res", 0), S("path", "/a/verylongname")));
}

Test(compare, pids_are_the_names_of_threads)
{
    FORK(&ours, 10, 11);
    TELL(&ours, 10, "fork", N("res", 11));
    FORK(&ours, 10, 12);
    TELL(&ours, 10, "fork", N("res", 12));
    TELL(&ours, 10, "kill", N("res", 0), N("pid", 12), N("sig", 9));
    FORK(&theirs, 10, 77);
    TELL(&theirs, 10, "fork", N("res", 77));
    FORK(&theirs, 10, 60);
    TELL(&theirs, 10, "fork", N("res", 60));
    TELL(&theirs, 10, "kill", N("res", 0), N("pid", 60), N("sig", 9));
    EXPECT_SAME();
    TELL(&ours, 10, "kill", N("res", 0), N("pid", -12), N("sig", 9));
    TELL(&theirs, 10, "kill", N("res", 0), N("pid", -60), N("sig", 9));
    EXPECT_SAME();
    TELL(&ours, 10, "kill", N("res", 0), N("pid", 11), N("sig", 9));
    TELL(&theirs, 10, "kill", N("res", 0), N("pid", 60), N("sig", 9));
    EXPECT_DIFFERENT();
}

Test(compare, an_id_that_is_used_again_is_anothers)
{
    for (int side = 0; side < 2; side++) {
        struct telling *telling = side ? &theirs : &ours;
        uint32_t second = side ? 12 : 11; /* ours gets the first child's id again */

        FORK(telling, 10, 11);
        TELL(telling, 10, "fork", N("res", 11));
        EXITED(telling, 11, 0);
        FORK(telling, 10, second);
        TELL(telling, 10, "fork", N("res", second));
        TELL(telling, second, "getpid", N("res", second));
        TELL(telling, 10, "kill", N("res", 0), N("pid", second), N("sig", 9));
    }
    EXPECT_SAME();
}

Test(compare, strangers_are_renamed)
{
    TELL(&ours, 10, "getppid", N("res", 4));
    TELL(&theirs, 10, "getppid", N("res", 5));
    EXPECT_SAME();
    TELL(&ours, 10, "getppid", N("res", 4));
    TELL(&theirs, 10, "getppid", N("res", 6));
    EXPECT_DIFFERENT();
}

Test(compare, ephemeral_ports_are_renamed_others_are_not)
{
    uint8_t a[16] = {2, 0, 0x9c, 0x40, 127, 0, 0, 1}, b[16] = {2, 0, 0xc0, 1, 127, 0, 0, 1, 9};

    ONE_EACH(EXPECT_SAME, "getsockname", LIST(N("res", 0), N("fd", 3), B("addr", a)),
             LIST(N("res", 0), N("fd", 3), B("addr", b)));
    a[2] = 0, a[3] = 80, b[2] = 0, b[3] = 81;
    ONE_EACH(EXPECT_DIFFERENT, "getsockname", LIST(N("res", 0), N("fd", 3), B("addr", a)),
             LIST(N("res", 0), N("fd", 3), B("addr", b)));
    b[3] = 80, b[7] = 2;
    ONE_EACH(EXPECT_DIFFERENT, "getsockname", LIST(N("res", 0), N("fd", 3), B("addr", a)),
             LIST(N("res", 0), N("fd", 3), B("addr", b)));
}

Test(compare, handlers_are_addresses_but_ignoring_is_not)
{
    const uint64_t a[4] = {0x401000, 4, 0x402000, 0}, b[4] = {0x501000, 4, 0x502000, 0}, ignore[4] = {1, 4, 0, 0},
                   mask[4] = {0x401000, 4, 0x402000, 1};

    ONE_EACH(EXPECT_SAME, "rt_sigaction", LIST(N("res", 0), N("sig", 10), B("act", a)),
             LIST(N("res", 0), N("sig", 10), B("act", b)));
    ONE_EACH(EXPECT_DIFFERENT, "rt_sigaction", LIST(N("res", 0), N("sig", 10), B("act", a)),
             LIST(N("res", 0), N("sig", 10), B("act", ignore)));
    ONE_EACH(EXPECT_DIFFERENT, "rt_sigaction", LIST(N("res", 0), N("sig", 10), B("act", a)),
             LIST(N("res", 0), N("sig", 10), B("act", mask)));
}

Test(compare, words_are_numbers_or_addresses)
{
    ONE_EACH(EXPECT_SAME, "syscall", LIST(N("res", 0), N("arch", 0x40000003), N("nr", 5), N("a0", 0xffd01000)),
             LIST(N("res", 0), N("arch", 0x40000003), N("nr", 5), N("a0", 0xffe01000)));
    ONE_EACH(EXPECT_DIFFERENT, "syscall", LIST(N("res", 0), N("arch", 0x40000003), N("nr", 5), N("a0", 3)),
             LIST(N("res", 0), N("arch", 0x40000003), N("nr", 5), N("a0", 4)));
    ONE_EACH(EXPECT_DIFFERENT, "syscall", LIST(N("res", 0), N("arch", 0x40000003), N("nr", 5), N("a0", 0xffffff9c)),
             LIST(N("res", 0), N("arch", 0x40000003), N("nr", 5), N("a0", 0xffd01000)));
    ONE_EACH(EXPECT_DIFFERENT, "syscall", LIST(N("res", 0), N("arch", 0x40000003), N("nr", 5), N("a0", 0)),
             LIST(N("res", 0), N("arch", 0x40000003), N("nr", 6), N("a0", 0)));
}

Test(compare, the_kernels_restart_codes_are_eintr)
{
    ONE_EACH(EXPECT_SAME, "pause", N("res", -514), N("res", -EINTR));
    ONE_EACH(EXPECT_DIFFERENT, "pause", N("res", -514), N("res", -EAGAIN));
}

Test(compare, an_interrupted_call_is_told_once)
{
    TELL(&ours, 10, "read", N("res", -512), N("fd", 0), N("size", 8));
    TELL(&ours, 10, "read", N("res", 1), N("fd", 0), N("size", 8), S("data", "x"));
    TELL(&theirs, 10, "read", N("res", 1), N("fd", 0), N("size", 8), S("data", "x"));
    EXPECT_SAME();
    TELL(&ours, 10, "read", N("res", -EINTR), N("fd", 0), N("size", 8));
    TELL(&ours, 10, "read", N("res", 1), N("fd", 1), N("size", 8), S("data", "x"));
    TELL(&theirs, 10, "read", N("res", 1), N("fd", 1), N("size", 8), S("data", "x"));
    EXPECT_DIFFERENT();
}

Test(compare, a_handler_lies_between_a_call_and_itself)
{
    const uint64_t act[4] = {0x401000, 4, 0x402000, 0};

    BOTH(10, "rt_sigaction", N("res", 0), N("sig", 10), B("act", act));
    TELL(&ours, 10, "read", N("res", -512), N("fd", 0), N("size", 8));
    BOTH(10, "signal", N("signo", 10), N("code", 0), N("sender", 10), N("uid", 0));
    BOTH(10, "getuid", N("res", 0));
    BOTH(10, "rt_sigreturn", N("res", 0));
    BOTH(10, "read", N("res", 1), N("fd", 0), N("size", 8), S("data", "x"));
    EXPECT_SAME();
}

/* The gvisor backend does not tell of signals: the handlers' returns say where a call goes on. */
Test(compare, a_call_goes_on_behind_the_handlers_returns_where_no_signals_are_told)
{
    const int64_t time[2] = {1, 0};

    theirs.backend = "gvisor";
    TELL(&theirs, 10, "getppid", N("res", 1));
    TELL(&theirs, 10, "close", N("res", -512), N("fd", 5));
    TELL(&theirs, 10, "getuid", N("res", 0));
    TELL(&theirs, 10, "rt_sigreturn", N("res", 0));
    TELL(&theirs, 10, "rt_sigreturn", N("res", 0));
    TELL(&theirs, 10, "close", N("res", 0), N("fd", 5));
    TELL(&theirs, 10, "nanosleep", N("res", -516), N("rem", 0));
    TELL(&theirs, 10, "restart_syscall", N("res", 0));
    TELL(&ours, 10, "getppid", N("res", 1));
    TELL(&ours, 10, "getuid", N("res", 0));
    TELL(&ours, 10, "close", N("res", 0), N("fd", 5));
    TELL(&ours, 10, "nanosleep", N("res", 0), B("req", time), N("rem", 0));
    EXPECT_SAME();
    /* One that its caller makes again after something else was interrupted. */
    TELL(&theirs, 10, "close", N("res", -EINTR), N("fd", 6));
    TELL(&theirs, 10, "rt_sigreturn", N("res", 0));
    TELL(&theirs, 10, "getuid", N("res", 0));
    TELL(&theirs, 10, "close", N("res", 0), N("fd", 6));
    TELL(&ours, 10, "getuid", N("res", 0));
    TELL(&ours, 10, "close", N("res", 0), N("fd", 6));
    EXPECT_DIFFERENT();
}

Test(compare, what_rt_sigreturn_leaves_in_the_register_is_nothing)
{
    ONE_EACH(EXPECT_SAME, "rt_sigreturn", LIST(N("res", 0)), LIST(N("res", -EINTR)));
    ONE_EACH(EXPECT_SAME, "rt_sigreturn", LIST(N("res", 7)), LIST(N("res", -512)));
}

Test(compare, restart_syscall_ends_the_call_it_restarts)
{
    const int64_t time[2] = {1, 0};

    TELL(&ours, 10, "nanosleep", N("res", -516), B("req", time), N("rem", 0));
    TELL(&ours, 10, "restart_syscall", N("res", 0));
    TELL(&theirs, 10, "nanosleep", N("res", 0), B("req", time), N("rem", 0));
    EXPECT_SAME();
    anew();
    TELL(&ours, 10, "nanosleep", N("res", -516), B("req", time), N("rem", 0));
    TELL(&ours, 10, "restart_syscall", N("res", -EINTR));
    TELL(&theirs, 10, "nanosleep", N("res", 0), B("req", time), N("rem", 0));
    EXPECT_DIFFERENT();
}

Test(compare, signals_that_do_nothing_are_left_out)
{
    BOTH(10, "getuid", N("res", 0));
    TELL(&ours, 10, "signal", N("signo", 17), N("code", 1), N("sender", 3), N("uid", 0));
    TELL(&ours, 10, "signal", N("signo", 28), N("code", 0x80));
    EXPECT_SAME();
    TELL(&ours, 10, "signal", N("signo", 10), N("code", 0), N("sender", 3), N("uid", 0));
    EXPECT_DIFFERENT();
}

Test(compare, ignoring_is_inherited_and_survives_exec)
{
    const uint64_t ignore[4] = {1, 0, 0, 0};

    BOTH(10, "rt_sigaction", N("res", 0), N("sig", 10), B("act", ignore));
    for (int side = 0; side < 2; side++)
        FORK(side ? &theirs : &ours, 10, 11);
    BOTH(11, "exec", N("pid", 11), N("old_tid", 11), S("comm", "x"), S("exe", "/x"));
    TELL(&ours, 11, "signal", N("signo", 10), N("code", 0), N("sender", 10), N("uid", 0));
    EXPECT_SAME();
}

Test(compare, handled_signals_are_a_multiset)
{
    const uint64_t act[4] = {0x401000, 4, 0x402000, 0};

    for (int signo = 10; signo <= 12; signo += 2)
        BOTH(10, "rt_sigaction", N("res", 0), N("sig", signo), B("act", act));
    TELL(&ours, 10, "signal", N("signo", 10), N("code", 0), N("sender", 10), N("uid", 0));
    BOTH(10, "getuid", N("res", 0));
    TELL(&ours, 10, "signal", N("signo", 12), N("code", 0), N("sender", 10), N("uid", 0));
    TELL(&theirs, 10, "signal", N("signo", 12), N("code", 0), N("sender", 10), N("uid", 0));
    TELL(&theirs, 10, "signal", N("signo", 10), N("code", 0), N("sender", 10), N("uid", 0));
    EXPECT_SAME();
    TELL(&theirs, 10, "signal", N("signo", 10), N("code", 0), N("sender", 10), N("uid", 0));
    EXPECT_DIFFERENT();
}

Test(compare, handled_sigchlds_may_be_merged)
{
    const uint64_t act[4] = {0x401000, 4, 0x402000, 0};

    BOTH(10, "rt_sigaction", N("res", 0), N("sig", 17), B("act", act));
    BOTH(10, "signal", N("signo", 17), N("code", 1), N("sender", 11), N("uid", 0));
    TELL(&ours, 10, "signal", N("signo", 17), N("code", 1), N("sender", 12), N("uid", 0));
    EXPECT_SAME();
    anew();
    BOTH(10, "rt_sigaction", N("res", 0), N("sig", 17), B("act", act));
    TELL(&ours, 10, "signal", N("signo", 17), N("code", 1), N("sender", 12), N("uid", 0));
    EXPECT_DIFFERENT();
}

Test(compare, when_sigchlds_handler_returns_is_chance)
{
    const uint64_t act[4] = {0x401000, 4, 0x402000, 0};

    for (int signo = 17; signo >= 10; signo -= 7) {
        anew();
        BOTH(10, "rt_sigaction", N("res", 0), N("sig", signo), B("act", act));
        TELL(&ours, 10, "signal", N("signo", signo), N("code", 0), N("sender", 10), N("uid", 0));
        TELL(&ours, 10, "rt_sigreturn", N("res", 0));
        BOTH(10, "getuid", N("res", 0));
        TELL(&theirs, 10, "signal", N("signo", signo), N("code", 0), N("sender", 10), N("uid", 0));
        TELL(&theirs, 10, "rt_sigreturn", N("res", 0));
        if (signo == 17)
            EXPECT_SAME();
        else
            EXPECT_DIFFERENT();
    }
}

Test(compare, the_signal_that_kills_may_be_shown_or_not)
{
    BOTH(10, "getuid", N("res", 0));
    TELL(&ours, 10, "signal", N("signo", 15), N("code", 0), N("sender", 3), N("uid", 0));
    EXITED(&ours, 10, 15);
    EXITED(&theirs, 10, 15);
    EXPECT_SAME();
}

Test(compare, ends_are_part_of_it)
{
    BOTH(10, "getuid", N("res", 0));
    EXITED(&ours, 10, 0x300);
    EXPECT_DIFFERENT();
    EXITED(&theirs, 10, 0x300);
    EXPECT_SAME();
    anew();
    BOTH(10, "getuid", N("res", 0));
    EXITED(&ours, 10, 0x300);
    EXITED(&theirs, 10, 9);
    EXPECT_DIFFERENT();
}

Test(compare, a_thread_that_is_missing_is_a_difference)
{
    BOTH(10, "getuid", N("res", 0));
    FORK(&ours, 10, 11);
    EXPECT_DIFFERENT();
}

Test(compare, an_effect_before_its_cause_is_disordered)
{
    FORK(&ours, 10, 11);
    EXITED(&ours, 11, 0);
    TELL(&ours, 10, "wait4", N("res", 11), N("pid", -1), N("status", 0));
    FORK(&theirs, 10, 11);
    TELL(&theirs, 10, "wait4", N("res", 11), N("pid", -1), N("status", 0));
    EXITED(&theirs, 11, 0);
    cr_expect_eq(judge(NULL).lines[SYSFOLD_LINE_DISORDERED], 1);
    EXPECT_DIFFERENT();
}

Test(compare, a_thread_that_acts_before_its_birth_is_disordered)
{
    BOTH(10, "getuid", N("res", 0));
    FORK(&ours, 10, 11);
    TELL(&ours, 11, "getuid", N("res", 0));
    TELL(&theirs, 11, "getuid", N("res", 0));
    FORK(&theirs, 10, 11);
    EXPECT_DIFFERENT();
}

Test(compare, markers_cut)
{
    TELL(&ours, 10, "getuid", N("res", 1));
    MARK(&ours, 10, BEGIN);
    MARK(&theirs, 10, BEGIN);
    BOTH(10, "getgid", N("res", 0));
    MARK(&ours, 10, END);
    MARK(&theirs, 10, END);
    TELL(&theirs, 10, "getuid", N("res", 2));
    MARK(&ours, 10, BEGIN);
    MARK(&theirs, 10, BEGIN);
    BOTH(10, "getgid", N("res", 0));
    MARK(&ours, 10, END);
    MARK(&theirs, 10, END);
    TELL(&ours, 10, "exit_group", N("status", 1));
    EXPECT_SAME();
    cr_expect_eq(judge(NULL).lines[SYSFOLD_LINE_SAME], 4, "two events, two tables of descriptors%s", judge(NULL).text);
}

Test(compare, children_of_what_is_cut_are_cut)
{
    TELL(&ours, 10, "fork", N("res", 11));
    FORK(&ours, 10, 11);
    TELL(&ours, 11, "getuid", N("res", 5));
    for (int side = 0; side < 2; side++) {
        struct telling *telling = side ? &theirs : &ours;

        MARK(telling, 10, BEGIN);
        FORK(telling, 10, 12);
        TELL(telling, 10, "fork", N("res", 12));
        TELL(telling, 12, "getuid", N("res", 0));
        MARK(telling, 10, END);
    }
    EXPECT_SAME();
}

Test(compare, the_launch_is_cut_but_an_exec_within_is_not)
{
    TELL(&ours, 10, "exec", N("pid", 10), N("old_tid", 10), S("comm", "a"), S("exe", "/a"));
    TELL(&ours, 10, "execve", N("res", 0), S("path", "/a"));
    MARK(&ours, 10, BEGIN);
    MARK(&theirs, 10, BEGIN);
    BOTH(10, "execve", N("res", 0), S("path", "/b"));
    TELL(&ours, 10, "brk", N("res", 1), N("addr", 0));
    MARK(&ours, 10, BEGIN);
    MARK(&theirs, 10, BEGIN);
    BOTH(10, "getuid", N("res", 0));
    MARK(&ours, 10, END);
    MARK(&theirs, 10, END);
    EXPECT_SAME();
    cr_expect_eq(judge(NULL).lines[SYSFOLD_LINE_SAME], 3, "the exec, the call, the table");
}

Test(compare, an_execs_cgroup_is_not_its_own)
{
    BOTH(10, "getuid", N("res", 0));
    TELL(&ours, 10, "exec", N("pid", 10), N("old_tid", 10), S("comm", "b"), S("exe", "/b"), S("cgroup", "/docker/1"));
    TELL(&theirs, 10, "exec", N("pid", 10), N("old_tid", 10), S("comm", "b"), S("exe", "/b"), S("cgroup", "/docker/2"));
    EXPECT_SAME();
    TELL(&ours, 10, "exec", N("pid", 10), N("old_tid", 10), S("comm", "b"), S("exe", "/b"), S("cgroup", "/docker/1"));
    TELL(&theirs, 10, "exec", N("pid", 10), N("old_tid", 10), S("comm", "b"), S("exe", "/b"));
    EXPECT_SAME();
}

Test(compare, a_sandboxs_first_process_is_not_launched)
{
    TELL(&ours, 10, "exec", N("pid", 10), N("old_tid", 10), S("comm", "a"), S("exe", "/a"));
    TELL(&ours, 10, "execve", N("res", 0), S("path", "/a"));
    BOTH(10, "getuid", N("res", 0));
    EXPECT_DIFFERENT();
    theirs.backend = "gvisor";
    EXPECT_SAME();
    TELL(&ours, 10, "exec", N("pid", 10), N("old_tid", 10), S("comm", "b"), S("exe", "/b"));
    EXPECT_DIFFERENT();
}

Test(compare, what_has_no_end_cannot_be_judged)
{
    BOTH(10, "getuid", N("res", 0));
    MARK(&ours, 10, BEGIN);
    EXPECT_VERDICT(SYSFOLD_INCOMPARABLE);
    BOTH(10, "getgid", N("res", 0));
    MARK(&ours, 10, END);
    EXPECT_VERDICT(SYSFOLD_INCOMPARABLE); /* theirs has none */
    cr_expect(strstr(judge(NULL).reason, "no markers"));
}

Test(compare, nothing_is_not_the_same_as_nothing)
{
    EXPECT_VERDICT(SYSFOLD_INCOMPARABLE);
    BOTH(10, "getuid", N("res", 0));
    cr_expect_eq(judge("getuid").verdict, SYSFOLD_INCOMPARABLE);
}

Test(compare, descriptors_are_noted_at_an_end_but_not_at_a_pause)
{
    for (int kind = 2; kind <= 3; kind++) {
        anew();
        for (int side = 0; side < 2; side++)
            MARK(side ? &theirs : &ours, 10, BEGIN);
        BOTH(10, "getuid", N("res", 0));
        for (int side = 0; side < 2; side++)
            MARK(side ? &theirs : &ours, 10, 3);
        TELL(&ours, 10, "dup", N("res", 7), N("fd", 0));
        for (int side = 0; side < 2; side++)
            MARK(side ? &theirs : &ours, 10, BEGIN);
        BOTH(10, "getgid", N("res", 0));
        for (int side = 0; side < 2; side++)
            MARK(side ? &theirs : &ours, 10, kind);
        if (kind == 3)
            EXPECT_SAME();
        else
            EXPECT_DIFFERENT();
    }
}

/* The notify backend declares that it does not know what the kernel writes to memory. */
Test(compare, descriptors_that_only_memory_names_may_be_missing)
{
    MARK(&ours, 10, BEGIN);
    MARK(&theirs, 10, BEGIN);
    TELL(&ours, 10, "pipe", N("res", 0), B("fds", (const int32_t[]){5, 6}));
    TELL(&theirs, 10, "pipe", N("res", 0));
    BOTH(10, "dup", N("res", 7), N("fd", 5));
    MARK(&ours, 10, END);
    MARK(&theirs, 10, END);
    EXPECT_DIFFERENT();
    theirs.backend = "notify";
    EXPECT_SAME();
}

Test(compare, a_marker_is_one_without_its_result_but_not_if_it_succeeds)
{
    for (int succeeds = 0; succeeds < 2; succeeds++) {
        anew();
        MARK(&ours, 10, BEGIN);
        if (succeeds)
            TELL(&theirs, 10, "prctl", N("res", 0), N("option", 0x5359534d), N("arg2", BEGIN));
        else
            TELL(&theirs, 10, "prctl", N("option", 0x5359534d), N("arg2", BEGIN));
        BOTH(10, "getuid", N("res", 0));
        MARK(&ours, 10, END);
        TELL(&theirs, 10, "prctl", N("option", 0x5359534d), N("arg2", END));
        EXPECT_VERDICT(succeeds ? SYSFOLD_INCOMPARABLE : SYSFOLD_SAME);
    }
}

Test(compare, nothing_between_the_markers_differs_from_something)
{
    MARK(&ours, 10, BEGIN);
    MARK(&theirs, 10, BEGIN);
    TELL(&ours, 10, "getuid", N("res", 0));
    MARK(&ours, 10, END);
    MARK(&theirs, 10, END);
    EXPECT_DIFFERENT();
}

Test(compare, a_threads_parent_is_its_processes)
{
    BOTH(10, "getuid", N("res", 0));
    TELL(&ours, 11, "thread_start", N("pid", 10), N("ppid", 1), N("parent_tid", 10), N("flags", 0x10f00));
    TELL(&theirs, 11, "thread_start", N("pid", 10), N("parent_tid", 10), N("flags", 0x10f00));
    BOTH(11, "getuid", N("res", 0));
    EXPECT_SAME();
    TELL(&ours, 12, "thread_start", N("pid", 12), N("ppid", 10), N("parent_tid", 10), N("flags", 17));
    TELL(&theirs, 12, "thread_start", N("pid", 12), N("parent_tid", 10), N("flags", 17));
    BOTH(12, "getuid", N("res", 0));
    EXPECT_DIFFERENT();
}

Test(compare, what_is_ignored_may_differ)
{
    struct sysfold_story *story;
    struct sysfold_comparison *comparison;
    struct sysfold_error error = {0};
    const struct sysfold_compare_options options = {sizeof(options), "close.nothing"};

    BOTH(10, "getuid", N("res", 0));
    TELL(&ours, 10, "close", N("res", 0), N("fd", 3));
    TELL(&theirs, 10, "close", N("res", 0), N("fd", 4));
    cr_expect_eq(judge("close.fd").verdict, SYSFOLD_SAME);
    cr_expect_eq(judge("*.fd").verdict, SYSFOLD_SAME);
    cr_expect_eq(judge("close").verdict, SYSFOLD_SAME);
    cr_expect_eq(judge("close.res,read.fd").verdict, SYSFOLD_DIFFERENT);
    story = story_told(&ours);
    cr_expect_eq(sysfold_compare(story, story, &options, &comparison, &error), -EINVAL);
    cr_expect(strstr(error.message, "close.nothing"));
    sysfold_story_free(story);
}

Test(compare, declared_differences_are_counted)
{
    struct sysfold_story *a, *b;
    struct sysfold_comparison *comparison;
    struct sysfold_declared declared = {.size = sizeof(declared)};
    uint64_t uses, sum = 0;

    TELL(&ours, 10, "open", N("res", 3), N("flags", 0), S("path", "x"));
    OPENED(&theirs, 3, 9, "x");
    theirs.size = 0;
    TELL(&theirs, 10, "open", N("res", 3), N("flags", 0), N("dev", 1), N("ino", 1), S("path", "x"), S("file", "/x"));
    EXPECT_DIFFERENT();
    ours.backend = "truth";
    EXPECT_SAME();
    cr_expect_eq(judge(NULL).lines[SYSFOLD_LINE_DECLARED], 1);
    a = story_told(&ours);
    b = story_told(&theirs);
    cr_assert_eq(sysfold_compare(a, b, NULL, &comparison, NULL), 0);
    for (size_t i = 0; sysfold_declared("truth", i, &declared) == 0; i++) {
        cr_assert_eq(sysfold_comparison_declared_uses(comparison, false, i, &uses), 0);
        sum += uses;
    }
    cr_expect_eq(sum, 3, "dev, ino and file");
    sysfold_comparison_free(comparison);
    sysfold_story_free(a);
    sysfold_story_free(b);
    /* Absent is what is excused, not something else. */
    ours.size = 0;
    TELL(&ours, 10, "open", N("res", 3), N("flags", 0), S("path", "x"), S("file", "/y"));
    EXPECT_DIFFERENT();
}

/* What the ebpf backend declares: memory that a call which failed had no need of may not be in memory. */
Test(compare, unreadable_is_excused_where_declared_and_the_call_failed)
{
    theirs.backend = "ebpf";
    TELL(&ours, 10, "sethostname", N("res", -1), N("size", 4), S("name", "host"));
    TELL(&theirs, 10, "sethostname", N("res", -1), N("size", 4), STATUS("name", SYSFOLD_UNREADABLE));
    EXPECT_SAME();
    cr_expect_eq(judge(NULL).lines[SYSFOLD_LINE_DECLARED], 1);
    theirs.backend = "test";
    EXPECT_DIFFERENT();
    theirs.backend = "ebpf";
    theirs.size = 0;
    TELL(&theirs, 10, "sethostname", N("res", -1), N("size", 4), S("name", "HOST"));
    EXPECT_DIFFERENT();
    theirs.size = 0;
    TELL(&theirs, 10, "sethostname", N("res", -1), N("size", 4), STATUS("name", SYSFOLD_NULL));
    EXPECT_DIFFERENT();
    ours.size = theirs.size = 0;
    TELL(&ours, 10, "sethostname", N("res", 0), N("size", 4), S("name", "host"));
    TELL(&theirs, 10, "sethostname", N("res", 0), N("size", 4), STATUS("name", SYSFOLD_UNREADABLE));
    EXPECT_DIFFERENT();
}

Test(compare, what_was_counted_as_lost_is_no_difference)
{
    for (int i = 0; i < 5; i++)
        BOTH(10, "close", N("res", 0), N("fd", i));
    TELL(&ours, 10, "getuid", N("res", 0));
    TELL(&ours, 10, "getgid", N("res", 0));
    TELL(&theirs, 0, "lost", N("count", 1));
    EXPECT_DIFFERENT();
    TELL(&theirs, 0, "lost", N("count", 1));
    EXPECT_SAME();
    cr_expect_eq(judge(NULL).lines[SYSFOLD_LINE_LOST], 2);
    /* A value that differs was not lost. */
    TELL(&ours, 10, "getpid", N("res", 10));
    TELL(&theirs, 10, "getpid", N("res", 0));
    EXPECT_DIFFERENT();
}

Test(compare, a_missing_event_is_one_line)
{
    for (int i = 0; i < 100; i++) {
        TELL(&ours, 10, "close", N("res", -EBADF), N("fd", i));
        if (i != 50)
            TELL(&theirs, 10, "close", N("res", -EBADF), N("fd", i));
    }
    cr_expect_eq(judge(NULL).lines[SYSFOLD_LINE_MISSING], 1, "%s", judge(NULL).text);
    cr_expect_eq(judge(NULL).lines[SYSFOLD_LINE_SAME], 99);
}

Test(compare, the_truths_descriptors_are_compared)
{
    MARK(&ours, 10, BEGIN);
    MARK(&theirs, 10, BEGIN);
    BOTH(10, "socket", N("res", 3), N("family", 2), N("type", 1), N("protocol", 0));
    MARK(&ours, 10, END);
    MARK(&theirs, 10, END);
    TELL(&ours, 10, "marker", S("text", "fds 3=socket"));
    EXPECT_SAME();
    TELL(&ours, 10, "marker", S("text", "fds 3=pipe"));
    EXPECT_DIFFERENT();
    TELL(&ours, 10, "marker", S("text", "fds 3=socket 4=file"));
    EXPECT_DIFFERENT();
}

Test(compare, siblings_are_numbered_by_the_calls_that_made_them)
{
    TELL(&ours, 10, "fork", N("res", 11));
    TELL(&ours, 10, "fork", N("res", 12));
    FORK(&ours, 10, 12); /* the second says first that it was born */
    FORK(&ours, 10, 11);
    TELL(&theirs, 10, "fork", N("res", 11));
    FORK(&theirs, 10, 11);
    TELL(&theirs, 10, "fork", N("res", 12));
    FORK(&theirs, 10, 12);
    BOTH(11, "getuid", N("res", 0));
    BOTH(12, "getgid", N("res", 0));
    EXPECT_SAME();
}

Test(compare, who_is_killed_in_a_call_gets_no_result)
{
    BOTH(10, "getuid", N("res", 0));
    TELL(&ours, 10, "pause", N("res", -514));
    TELL(&theirs, 10, "pause", STATUS("res", SYSFOLD_ABSENT));
    EXPECT_DIFFERENT();
    for (int side = 0; side < 2; side++)
        EXITED(side ? &theirs : &ours, 10, 9);
    EXPECT_SAME();
}

Test(compare, nor_does_who_kills_itself)
{
    TELL(&ours, 10, "kill", N("res", 0), N("pid", 10), N("sig", 9));
    TELL(&theirs, 10, "kill", STATUS("res", SYSFOLD_ABSENT), N("pid", 10), N("sig", 9));
    EXPECT_DIFFERENT();
    for (int side = 0; side < 2; side++)
        EXITED(side ? &theirs : &ours, 10, 9);
    EXPECT_SAME();
    ours.size = theirs.size = 0;
    TELL(&ours, 10, "kill", N("res", 0), N("pid", 11), N("sig", 9));
    TELL(&theirs, 10, "kill", STATUS("res", SYSFOLD_ABSENT), N("pid", 11), N("sig", 9));
    BOTH(10, "exit_group", N("status", 0));
    for (int side = 0; side < 2; side++)
        EXITED(side ? &theirs : &ours, 10, 0);
    EXPECT_DIFFERENT();
}

Test(compare, a_nameless_file_is_named_after_its_inode)
{
    ONE_EACH(EXPECT_SAME, "open", LIST(N("res", 3), N("flags", 0), S("path", "."), S("file", "/tmp/#123 (deleted)")),
             LIST(N("res", 3), N("flags", 0), S("path", "."), S("file", "/tmp/#4567 (deleted)")));
    ONE_EACH(EXPECT_DIFFERENT, "open", LIST(N("res", 3), N("flags", 0), S("path", "."), S("file", "/tmp/#123 (x)")),
             LIST(N("res", 3), N("flags", 0), S("path", "."), S("file", "/tmp/#456 (x)")));
    ONE_EACH(EXPECT_SAME, "readlink", LIST(N("res", 11), S("path", "x"), S("target", "pipe:[1234]")),
             LIST(N("res", 11), S("path", "x"), S("target", "pipe:[5678]")));
}

/* The built-in schema, in which close has a parameter more. */
static const struct sysfold_schema *schema_with_one_more(void)
{
    static const struct sysfold_row *by_number[ROW_MAX];
    static struct sysfold_schema schema;
    static struct sysfold_row row;
    static struct sysfold_param params[8];

    schema = *sysfold_schema_builtin();
    memcpy(by_number, schema.by_number, sizeof(by_number));
    row = *row_builtin(ROW_CLOSE);
    memcpy(params, row.params, row.param_count * sizeof(*params));
    params[row.param_count] = params[row.param_count - 1];
    params[row.param_count].name = "more";
    params[row.param_count].place = row.fixed_size;
    row.params = params;
    row.param_count++;
    row.fixed_size = (uint16_t)(row.fixed_size + 4);
    by_number[ROW_CLOSE] = &row;
    schema.by_number = by_number;
    return &schema;
}

static void tell_more(int64_t more, bool has_value)
{
    uint8_t record[64];
    struct telling plain = {.schema = sysfold_schema_builtin()};

    /* As the encoder makes it, and four bytes behind. */
    TELL(&plain, 10, "close", N("res", 0), N("fd", 3));
    memcpy(record, plain.records, plain.size);
    memcpy(record + plain.size, &(int32_t){(int32_t)more}, 4);
    memcpy(record + 2, &(uint16_t){(uint16_t)(plain.size + (has_value ? 4 : 0))}, 2);
    free(theirs.records);
    theirs.records = malloc(sizeof(record));
    cr_assert(theirs.records);
    memcpy(theirs.records, record, sizeof(record));
    theirs.size = plain.size + (has_value ? 4 : 0);
    theirs.capacity = sizeof(record);
    free(plain.records);
}

Test(compare, a_value_that_only_one_schema_knows_is_a_difference)
{
    TELL(&ours, 10, "close", N("res", 0), N("fd", 3));
    theirs.schema = schema_with_one_more();
    tell_more(0, false);
    EXPECT_SAME();
    tell_more(7, true);
    EXPECT_DIFFERENT();
    cr_expect(strstr(judge(NULL).text, "more: (its schema does not know it) | 7"), "%s", judge(NULL).text);
    cr_expect_eq(judge("close.more").verdict, SYSFOLD_SAME);
}

Test(compare, texts_of_two_runs_are_equal)
{
    char *texts[2];

    for (int side = 0; side < 2; side++) {
        struct telling *telling = side ? &theirs : &ours;
        uint32_t child = side ? 60 : 11;
        struct sysfold_story *story;

        TELL(telling, 10, "mkdir", N("res", 0), N("mode", 0700), S("path", side ? "/tmp/x-abCdef" : "/tmp/x-gh1jkl"));
        OPENED(telling, 3, side ? 100 : 7, side ? "/tmp/x-abCdef/f" : "/tmp/x-gh1jkl/f");
        TELL(telling, 10, "mmap", N("res", side ? 0x7000 : 0x8000), N("addr", 0), N("fd", 3));
        TELL(telling, 10, "getppid", N("res", side ? 9 : 8));
        FORK(telling, 10, child);
        TELL(telling, 10, "fork", N("res", child));
        story = story_told(telling);
        cr_assert_eq(sysfold_story_to_text(story, &texts[side], NULL), 0);
        cr_expect_str_eq(sysfold_story_name(story), "test");
        cr_expect_eq(sysfold_story_threads(story), 2);
        cr_expect_eq(sysfold_story_events(story), 6);
        sysfold_story_free(story);
    }
    cr_expect_str_eq(texts[0], texts[1]);
    cr_expect(strstr(texts[0], "1 fork() = pid 1.1\n"), "%s", texts[0]);
    cr_expect(strstr(texts[0], "path=\"/tmp/x-<name#1>/f\""), "%s", texts[0]);
    free(texts[0]);
    free(texts[1]);
}

/* Bytes come from anybody: whatever they are, a story can be read, told and compared. */
Test(compare, records_that_lie_break_nothing)
{
    const uint64_t act[4] = {0x401000, 4, 0x402000, 0}, clone[8] = {0, 1, 2, 3, 17, 5, 6, 7};
    const uint8_t address[110] = {1, 0, '/', 't', 'm', 'p'}, control[32] = {28, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2},
                  pair[40] = {16, 2, 0, 0x9c, 0x40, 127, 0, 0, 1};
    uint8_t *whole;
    size_t size;
    uint64_t random = 1;

    MARK(&ours, 10, BEGIN);
    FORK(&ours, 10, 11);
    TELL(&ours, 10, "clone3", N("res", 11), N("size", 64), B("args", clone));
    TELL(&ours, 10, "rt_sigaction", N("res", 0), N("sig", 10), B("act", act));
    TELL(&ours, 10, "connect", N("res", 0), N("fd", 3), B("addr", address), B("sockets", pair));
    TELL(&ours, 10, "recvmsg", N("res", 0), N("fd", 3), S("data", "x"), B("addr", address), B("control", control));
    TELL(&ours, 11, "epoll_wait", N("res", 2), N("fd", 3), S("events", "123456789012123456789012"));
    TELL(&ours, 11, "execve", N("res", -514), S("path", "/tmp/x-aB3dE6"), CUT("argv", "a\0b"));
    TELL(&ours, 11, "restart_syscall", N("res", 0));
    TELL(&ours, 10, "signal", N("signo", 10), N("code", 0), N("sender", 11), N("uid", 0));
    TELL(&ours, 10, "rt_sigreturn", N("res", 0));
    TELL(&ours, 10, "syscall", N("res", 11), N("arch", 0x40000003), N("nr", 20), N("a0", 11));
    EXITED(&ours, 11, 10);
    TELL(&ours, 10, "wait4", N("res", 11), N("status", 10));
    MARK(&ours, 10, END);
    TELL(&ours, 10, "marker", S("text", "fds 0=file 1=pipe x=y 99999999999=z"));
    size = ours.size;
    whole = malloc(size);
    cr_assert(whole);
    memcpy(whole, ours.records, size);
    theirs.records = malloc(size);
    cr_assert(theirs.records);
    memcpy(theirs.records, whole, size);
    theirs.size = theirs.capacity = size;
    for (int i = 0; i < 3000; i++) {
        struct sysfold_story *story;
        char *text;

        memcpy(ours.records, whole, size);
        for (int k = 0; k < 1 + i % 4; k++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            ours.records[(random >> 20) % size] = (uint8_t)(random >> 56);
        }
        judge(NULL);
        story = story_told(&ours);
        cr_assert_eq(sysfold_story_to_text(story, &text, NULL), 0);
        free(text);
        sysfold_story_free(story);
    }
    free(whole);
}

/* A call that its thread was killed in: what each side has of it beside the result. */
static void tell_unreturned(const char *backend, const char *row, struct given of_ours, struct given of_theirs)
{
    anew();
    theirs.backend = backend;
    BOTH(10, "getuid", N("res", 0));
    TELL(&ours, 10, row, STATUS("res", SYSFOLD_ABSENT), of_ours);
    TELL(&theirs, 10, row, N("res", -516), of_theirs);
    for (int side = 0; side < 2; side++)
        EXITED(side ? &theirs : &ours, 10, 9);
}

Test(compare, who_looks_at_entry_alone_knows_more_of_a_call_that_never_returned)
{
    const int64_t long_time[2] = {20, 0}, other_time[2] = {21, 0};
    struct given nothing = STATUS("req", SYSFOLD_ABSENT), request = B("req", long_time), other = B("req", other_time);

    tell_unreturned("notify", "nanosleep", nothing, request);
    EXPECT_SAME();
    tell_unreturned("notify", "nanosleep", other, request);
    EXPECT_DIFFERENT();
    tell_unreturned("notify", "nanosleep", request, nothing);
    EXPECT_DIFFERENT();
    tell_unreturned("ebpf", "nanosleep", nothing, request);
    EXPECT_DIFFERENT();
    tell_unreturned("notify", "open", (struct given)STATUS("path", SYSFOLD_ABSENT), (struct given)S("path", "/x"));
    EXPECT_DIFFERENT();
}

Test(compare, a_thread_that_anothers_exec_ended_got_no_result)
{
    BOTH(10, "getuid", N("res", 0));
    for (int side = 0; side < 2; side++)
        TELL(side ? &theirs : &ours, 11, "thread_start", N("pid", 10), N("parent_tid", 10), N("flags", 0x10f00));
    TELL(&ours, 11, "pause", STATUS("res", SYSFOLD_ABSENT));
    TELL(&theirs, 11, "pause", N("res", -514));
    EXPECT_DIFFERENT();
    for (int side = 0; side < 2; side++)
        EXITED(side ? &theirs : &ours, 10, 0);
    EXPECT_SAME();
}
