// SPDX-License-Identifier: Apache-2.0
/* What a stream of records implies: each transition. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "common/encode.h"
#include "state-kit.h"

TestSuite(state, .init = kit_init, .fini = kit_finish);

/* Descriptors. */

Test(state, an_opened_file_is_named_and_closed_after_the_event)
{
    const struct sysfold_event *event = OPEN(7, 3, "/etc/passwd");

    cr_assert(sysfold_event_fd(event));
    cr_expect_str_eq(sysfold_fd_name(sysfold_event_fd(event)), "/etc/passwd");
    cr_expect_str_eq(sysfold_fd_type(sysfold_event_fd(event)), "file");
    cr_expect_eq(sysfold_fd_number(sysfold_event_fd(event)), 3);
    EXPECT_NAME(7, 3, "/etc/passwd");
    event = SEND("close", 7, N("res", 0), N("fd", 3));
    cr_assert(sysfold_event_fd(event), "still there for the event that closes it");
    cr_expect_str_eq(sysfold_fd_name(sysfold_event_fd(event)), "/etc/passwd");
    EXPECT_NAME(7, 3, NULL);
}

Test(state, what_the_kernel_opened_beats_what_was_asked_for)
{
    SEND("openat", 7, N("res", 3), N("dirfd", -100), S("path", "link"), S("file", "/real/file"));
    EXPECT_NAME(7, 3, "/real/file");
    SEND("openat", 7, N("res", 4), N("dirfd", -100), S("path", "/as/given"), S("file", ""));
    EXPECT_NAME(7, 4, "/as/given");
    SEND("openat", 7, N("res", 5), N("dirfd", -100), S("path", "/proc/self/fd/9"), S("file", "pipe:[77]"));
    EXPECT_NAME(7, 5, "pipe:[77]");
    cr_expect_str_eq(fd_type(7, 5), "pipe");
}

Test(state, relative_paths_start_where_the_call_says)
{
    OPEN(7, 3, "lost");
    EXPECT_NAME(7, 3, "lost");
    SEND("chdir", 7, N("res", 0), S("path", "/home/me/"));
    EXPECT_CWD(7, "/home/me");
    OPEN(7, 3, "./a//b/../c");
    EXPECT_NAME(7, 3, "/home/me/a/c");
    OPEN(7, 4, "../../../../x");
    EXPECT_NAME(7, 4, "/x");
    SEND("openat", 7, N("res", 5), N("dirfd", -100), N("flags", 0200000), S("path", "/var/log"));
    cr_expect_str_eq(fd_type(7, 5), "dir");
    SEND("openat", 7, N("res", 6), N("dirfd", 5), S("path", "syslog"));
    EXPECT_NAME(7, 6, "/var/log/syslog");
    SEND("openat", 7, N("res", 6), N("dirfd", 99), S("path", "syslog"));
    EXPECT_NAME(7, 6, "syslog");
    SEND("fchdir", 7, N("res", 0), N("fd", 5));
    EXPECT_CWD(7, "/var/log");
    SEND("chdir", 7, N("res", -ENOENT), S("path", "/nowhere"));
    EXPECT_CWD(7, "/var/log");
    SEND("fchdir", 7, N("res", 0), N("fd", 99));
    EXPECT_CWD(7, NULL);
}

Test(state, a_changed_root_goes_before_absolute_paths)
{
    SEND("chdir", 7, N("res", 0), S("path", "/srv/jail"));
    SEND("chroot", 7, N("res", 0), S("path", "."));
    OPEN(7, 3, "/etc/../../passwd");
    EXPECT_NAME(7, 3, "/srv/jail/passwd");
    OPEN(7, 3, "../../x");
    EXPECT_NAME(7, 3, "/srv/jail/x");
    SEND("chdir", 7, N("res", 0), S("path", "/"));
    EXPECT_CWD(7, "/srv/jail");
    SEND("chroot", 7, N("res", 0), S("path", "/deeper"));
    OPEN(7, 3, "/y");
    EXPECT_NAME(7, 3, "/srv/jail/deeper/y");
}

Test(state, only_success_changes_anything)
{
    const uint32_t fds[2] = {8, 9};
    static struct encoder encoder;
    const uint8_t *record;
    size_t size;

    SEND("openat", 7, N("res", -ENOENT), N("dirfd", -100), S("path", "/x"));
    SEND("openat", 7, N("dirfd", -100), S("path", "/x"));
    SEND("pipe2", 7, N("res", -EMFILE), B("fds", fds, sizeof(fds)));
    SEND("dup3", 7, N("res", -EBADF), N("fd", 3), N("newfd", 9));
    for (int fd = 0; fd < 10; fd++)
        EXPECT_NAME(7, fd, NULL);
    OPEN(7, 3, "/x");
    SEND("close", 7, N("res", -EBADF), N("fd", 3));
    EXPECT_NAME(7, 3, "/x");
    SEND("close", 7, N("fd", 3));
    EXPECT_NAME(7, 3, "/x");
    SEND("close", 7, N("res", -EINTR), N("fd", 3));
    EXPECT_NAME(7, 3, NULL);
    /* A result below zero without the flag is a lie, not a success. */
    encoder_begin(&encoder, row_named("chdir"), 7, now++);
    encoder_integer(&encoder, 0, -1);
    encoder_string(&encoder, 1, "/tmp");
    record = encoder_finish(&encoder, &size);
    send_bytes(record, size);
    EXPECT_CWD(7, NULL);
}

Test(state, descriptors_without_a_file_are_named_after_their_call)
{
    const uint32_t fds[2] = {8, 9};

    SEND("eventfd2", 7, N("res", 3));
    EXPECT_NAME(7, 3, "anon_inode:[eventfd]");
    cr_expect_str_eq(fd_type(7, 3), "eventfd");
    SEND("memfd_create", 7, N("res", 4), S("name", "shm"));
    EXPECT_NAME(7, 4, "/memfd:shm");
    SEND("something_new", 7, N("res", 5));
    EXPECT_NAME(7, 5, "anon_inode:[something_new]");
    SEND("pipe2", 7, N("res", 0), B("fds", fds, sizeof(fds)));
    EXPECT_NAME(7, 8, "pipe");
    EXPECT_NAME(7, 9, "pipe");
    cr_expect_str_eq(fd_type(7, 9), "pipe");
    SEND("socketpair", 7, N("res", 0), N("family", 1), N("type", 1), B("fds", fds, sizeof(fds)));
    cr_expect_str_eq(fd_type(7, 8), "unix");
    SEND("pidfd_getfd", 7, N("res", 6), N("pidfd", 3));
    EXPECT_NAME(7, 6, "received");
}

/* 2 bytes of family, 2 of port, 4 of address: 127.0.0.1. */
#define INET(PORT) "\x02\x00" PORT "\x7f\x00\x00\x01\0\0\0\0\0\0\0\0"
#define PORT_80 "\x00\x50"
#define PORT_5000 "\x13\x88"
#define PORT_0 "\x00\x00"

Test(state, sockets_are_named_by_their_addresses)
{
    const struct sysfold_event *event;

    SEND("socket", 7, N("res", 3), N("family", 2), N("type", 1));
    cr_expect_str_eq(fd_type(7, 3), "ipv4");
    SEND("connect", 7, N("res", -EINPROGRESS), N("fd", 3), B("addr", INET(PORT_80), 16));
    EXPECT_NAME(7, 3, "->127.0.0.1:80");
    SEND("bind", 7, N("res", 0), N("fd", 3), B("addr", INET(PORT_5000), 16));
    EXPECT_NAME(7, 3, "127.0.0.1:5000->127.0.0.1:80");
    SEND("socket", 7, N("res", 3), N("family", 2), N("type", 1));
    SEND("bind", 7, N("res", 0), N("fd", 3), B("addr", INET(PORT_0), 16));
    EXPECT_NAME(7, 3, "127.0.0.1:0");
    SEND("bind", 7, N("res", 0), N("fd", 3), B("addr", INET(PORT_5000), 16)); /* getsockname */
    EXPECT_NAME(7, 3, "127.0.0.1:5000");
    SEND("connect", 7, N("res", 0), N("fd", 3), B("addr", INET(PORT_80), 16));
    EXPECT_NAME(7, 3, "127.0.0.1:5000->127.0.0.1:80");
    SEND("connect", 7, N("res", 0), N("fd", 3), B("addr", INET(PORT_80), 16),
         B("sockets", "\x10" INET(PORT_80) INET(PORT_5000), 33));
    EXPECT_NAME(7, 3, "127.0.0.1:80->127.0.0.1:5000");
    SEND("connect", 7, N("res", -ECONNREFUSED), N("fd", 3), B("addr", INET(PORT_0), 16));
    EXPECT_NAME(7, 3, "127.0.0.1:80->127.0.0.1:5000");
    SEND("connect", 7, N("res", -EINTR), N("fd", 3), B("addr", INET(PORT_80), 16));
    EXPECT_NAME(7, 3, "127.0.0.1:80->127.0.0.1:80");
    event = SEND("accept4", 7, N("res", 5), N("fd", 3), B("addr", INET(PORT_0), 16));
    cr_assert(sysfold_event_fd(event));
    cr_expect_str_eq(sysfold_fd_name(sysfold_event_fd(event)), "127.0.0.1:80->127.0.0.1:0");
    SEND("accept4", 7, N("res", 6), N("fd", 99), B("sockets", "\x10" INET(PORT_80) INET(PORT_5000), 33));
    EXPECT_NAME(7, 6, "127.0.0.1:80->127.0.0.1:5000");
    event = SEND("accept4", 7, N("res", -EAGAIN), N("fd", 3));
    cr_expect_eq(sysfold_fd_number(sysfold_event_fd(event)), 3);
}

Test(state, unix_and_ipv6_sockets)
{
    SEND("socket", 7, N("res", 3), N("family", 1), N("type", 1));
    SEND("bind", 7, N("res", 0), N("fd", 3), B("addr", "\x01\0/run/x\0garbage", 16));
    EXPECT_NAME(7, 3, "/run/x");
    SEND("socket", 7, N("res", 4), N("family", 1), N("type", 1));
    SEND("connect", 7, N("res", 0), N("fd", 4), B("addr", "\x01\0\0abs\0t", 8));
    EXPECT_NAME(7, 4, "@abs@t");
    SEND("bind", 7, N("res", 0), N("fd", 4), B("addr", "\x01\0", 2));
    EXPECT_NAME(7, 4, "@abs@t");
    SEND("socket", 7, N("res", 5), N("family", 10), N("type", 1));
    SEND("bind", 7, N("res", 0), N("fd", 5),
         B("addr",
           "\x0a\0" PORT_80 "\0\0\0\0"
           "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
           "\0\0\0\0",
           28));
    EXPECT_NAME(7, 5, "[::1]:80");
    cr_expect_str_eq(fd_type(7, 5), "ipv6");
}

Test(state, a_duplicate_shares_the_file_but_not_its_number)
{
    const struct sysfold_event *event;

    SEND("socket", 7, N("res", 3), N("family", 2), N("type", 1));
    event = SEND("dup3", 7, N("res", 9), N("fd", 3), N("newfd", 9));
    cr_expect_eq(sysfold_fd_number(sysfold_event_fd(event)), 3, "the one that was used");
    FORK(7, 8);
    SEND("connect", 8, N("res", 0), N("fd", 9), B("addr", INET(PORT_80), 16));
    EXPECT_NAME(7, 3, "->127.0.0.1:80");
    SEND("fcntl", 7, N("res", 20), N("fd", 3), N("cmd", 0), N("arg", 20));
    EXPECT_NAME(7, 20, "->127.0.0.1:80");
    SEND("fcntl", 7, N("res", 21), N("fd", 3), N("cmd", 1030), N("arg", 20));
    EXPECT_NAME(7, 21, "->127.0.0.1:80");
    SEND("close", 7, N("res", 0), N("fd", 3));
    EXPECT_NAME(7, 9, "->127.0.0.1:80");
    SEND("dup3", 7, N("res", 9), N("fd", 9), N("newfd", 9));
    EXPECT_NAME(7, 9, "->127.0.0.1:80");
    OPEN(7, 4, "/f");
    SEND("dup3", 7, N("res", 9), N("fd", 4), N("newfd", 9));
    EXPECT_NAME(7, 9, "/f");
    SEND("dup3", 7, N("res", 9), N("fd", 77), N("newfd", 9));
    cr_expect(same(fd_name(7, 9), NULL), "a duplicate of an unknown one is not known either");
}

Test(state, close_range_closes_marks_and_unshares)
{
    for (int fd = 0; fd < 40; fd++)
        OPEN(7, fd, "/f");
    START(7, 8, 7, THREAD_FLAGS);
    SEND("close_range", 7, N("res", 0), N("first", 35), N("last", 4294967295), N("flags", 4));
    SEND("close_range", 8, N("res", 0), N("first", 30), N("last", 32), N("flags", 0));
    EXPECT_NAME(7, 29, "/f");
    EXPECT_NAME(7, 30, NULL);
    EXPECT_NAME(7, 32, NULL);
    EXPECT_NAME(7, 33, "/f");
    SEND("close_range", 8, N("res", 0), N("first", 3), N("last", 4294967295), N("flags", 2));
    EXPECT_NAME(8, 33, NULL);
    EXPECT_NAME(8, 2, "/f");
    EXPECT_NAME(7, 33, "/f");
    SEND("close_range", 7, N("res", 0), N("first", 9), N("last", 1), N("flags", 0));
    EXPECT_NAME(7, 9, "/f");
    SEND("exec", 7, N("pid", 7), N("old_tid", 7), S("exe", "/bin/x"));
    EXPECT_NAME(7, 34, "/f");
    EXPECT_NAME(7, 35, NULL);
}

Test(state, descriptors_come_with_messages)
{
    struct {
        uint64_t length;
        int32_t level, type;
        int32_t fds[2];
        uint64_t other_length;
    } control = {.length = 24, .level = 1, .type = 1, .fds = {11, 12}, .other_length = 1 << 30};

    SEND("recvmsg", 7, N("res", 1), N("fd", 3), B("control", &control, sizeof(control)));
    EXPECT_NAME(7, 11, "received");
    EXPECT_NAME(7, 12, "received");
    control.type = 2;
    control.fds[0] = 13;
    SEND("recvmsg", 7, N("res", 1), N("fd", 3), B("control", &control, sizeof(control)));
    EXPECT_NAME(7, 13, NULL);
    control.type = 1;
    SEND("recvmsg", 7, N("res", 1), N("fd", 3), B("control", &control, 20));
    EXPECT_NAME(7, 13, "received");
    for (size_t size = 0; size < 20; size++) {
        control.fds[0] = 14;
        SEND("recvmsg", 7, N("res", 1), N("fd", 3), B("control", &control, size));
        EXPECT_NAME(7, 14, NULL);
    }
}

/* Processes. */

Test(state, a_fork_copies_and_a_thread_shares)
{
    OPEN(7, 3, "/shared/past");
    SEND("chdir", 7, N("res", 0), S("path", "/a"));
    FORK(7, 8);
    START(7, 9, 7, THREAD_FLAGS);
    EXPECT_NAME(8, 3, "/shared/past");
    EXPECT_CWD(8, "/a");
    OPEN(9, 4, "/by/thread");
    SEND("chdir", 9, N("res", 0), S("path", "/b"));
    EXPECT_NAME(7, 4, "/by/thread");
    EXPECT_NAME(8, 4, NULL);
    EXPECT_CWD(7, "/b");
    EXPECT_CWD(8, "/a");
    cr_expect_eq(sysfold_process_pid(process_of(9)), 7);
    cr_expect_eq(sysfold_process_pid(process_of(8)), 8);
    cr_expect_eq(sysfold_process_ppid(process_of(8)), 7);
    cr_expect_eq(sysfold_process_thread_count(process_of(7)), 2);
    SEND("close", 8, N("res", 0), N("fd", 3));
    EXPECT_NAME(8, 3, NULL);
    EXPECT_NAME(7, 3, "/shared/past");
    START(7, 10, 10, 0x600); /* CLONE_FS | CLONE_FILES, but a process of its own */
    SEND("close", 10, N("res", 0), N("fd", 3));
    EXPECT_NAME(7, 3, NULL);
    SEND("chdir", 10, N("res", 0), S("path", "/c"));
    EXPECT_CWD(7, "/c");
    SEND("unshare", 10, N("res", 0), N("flags", 0x600));
    SEND("close", 10, N("res", 0), N("fd", 4));
    SEND("chdir", 10, N("res", 0), S("path", "/d"));
    EXPECT_NAME(7, 4, "/by/thread");
    EXPECT_CWD(7, "/c");
    EXPECT_CWD(10, "/d");
    SEND("thread_start", 11, N("pid", 10), N("parent_tid", 10)); /* a thread, though nobody says how it was made */
    SEND("chdir", 11, N("res", 0), S("path", "/e"));
    EXPECT_CWD(10, "/e");
    SEND("unshare", 11, N("res", 0), N("flags", 0x20000)); /* CLONE_NEWNS implies it */
    SEND("chdir", 11, N("res", 0), S("path", "/f"));
    EXPECT_CWD(10, "/e");
}

Test(state, a_new_process_says_who_made_it)
{
    const struct sysfold_event *event =
        SEND("thread_start", 8, N("pid", 8), N("ppid", 1), N("parent_tid", 7), N("start_time", 123456789));

    cr_expect_eq(sysfold_thread_tid(sysfold_event_thread(event)), 8);
    cr_expect_eq(sysfold_process_ppid(sysfold_event_process(event)), 1);
    cr_expect_eq(sysfold_process_start_time(sysfold_event_process(event)), 123456789);
    cr_expect_not(sysfold_process_is_doubtful(sysfold_event_process(event)));
    cr_expect_eq(visit_all().count, 1, "its parent is not invented");
    event = FORK(8, 9);
    cr_expect_eq(sysfold_process_ppid(sysfold_event_process(event)), 8);
    cr_expect_eq(sysfold_process_start_time(sysfold_event_process(event)), now - 1);
    event = START(9, 10, 10, 0x8000); /* CLONE_PARENT */
    cr_expect_eq(sysfold_process_ppid(sysfold_event_process(event)), 8);
}

Test(state, who_is_not_known_is_doubtful_until_announced)
{
    const struct sysfold_process *process = process_of(7);

    cr_expect(sysfold_process_is_doubtful(process));
    cr_expect_eq(sysfold_process_pid(process), 7);
    cr_expect_null(sysfold_process_name(process));
    cr_expect_eq(sysfold_process_exit_status(process, &(int){0}), -ENODATA);
    OPEN(7, 3, "/early");
    OPEN(6, 4, "/parent's");
    FORK(6, 7);
    cr_expect_not(sysfold_process_is_doubtful(process_of(7)));
    EXPECT_NAME(7, 3, "/early");
    EXPECT_NAME(7, 4, NULL);
    /* It turns out to be a thread of another. */
    process_of(20);
    START(7, 20, 7, THREAD_FLAGS);
    cr_expect_eq(sysfold_process_pid(process_of(20)), 7);
    cr_expect_eq(visit_all().count, 2);
    cr_expect_null(sysfold_event_thread(SEND("getpid", 0, N("res", 0))), "no thread has that id");
}

Test(state, exec_starts_afresh)
{
    const struct sysfold_process *process;
    uint32_t uid = 0;

    FORK(1, 7);
    cr_expect_eq(sysfold_process_uid(process_of(7), &uid), -ENODATA);
    START(7, 8, 7, THREAD_FLAGS);
    START(7, 9, 7, THREAD_FLAGS);
    SEND("openat", 7, N("res", 3), N("dirfd", -100), N("flags", 02000000), S("path", "/gone"));
    OPEN(7, 4, "/kept");
    OPEN(7, 5, "/marked");
    SEND("fcntl", 7, N("res", 0), N("fd", 5), N("cmd", 2), N("arg", 1));
    SEND("fcntl", 7, N("res", 0), N("fd", 3), N("cmd", 2), N("arg", 0));
    SEND("dup3", 7, N("res", 6), N("fd", 5), N("newfd", 6), N("flags", 0));
    SEND("dup3", 7, N("res", 7), N("fd", 4), N("newfd", 7), N("flags", 02000000));
    OPEN(7, 10, "/python's way");
    SEND("ioctl", 7, N("res", 0), N("fd", 10), N("request", 0x5451));
    SEND("ioctl", 7, N("res", 0), N("fd", 7), N("request", 0));
    SEND("signalfd4", 7, N("res", 11), N("fd", -1));
    SEND("signalfd4", 7, N("res", 11), N("fd", 11), N("flags", 02000000));
    START(7, 30, 30, 0x400); /* shares the table, keeps it */
    SEND("exec", 7, N("pid", 7), N("old_tid", 9), N("uid", 1000), S("comm", "new"), S("exe", "/bin/new"));
    process = process_of(7);
    cr_expect_str_eq(sysfold_process_name(process), "new");
    cr_expect_str_eq(sysfold_process_exe(process), "/bin/new");
    cr_expect_eq(sysfold_process_uid(process, &uid), 0);
    cr_expect_eq(uid, 1000);
    EXPECT_NAME(7, 3, "/gone");
    EXPECT_NAME(7, 4, "/kept");
    EXPECT_NAME(7, 5, NULL);
    EXPECT_NAME(7, 6, "/marked");
    EXPECT_NAME(7, 7, NULL);
    EXPECT_NAME(7, 0, NULL);
    EXPECT_NAME(7, 10, NULL);
    EXPECT_NAME(7, 11, "anon_inode:[signalfd]");
    EXPECT_NAME(30, 5, "/marked");
    EXPECT_NAME(30, 7, "/kept");
    cr_expect_eq(visit_all().count, 2);
    /* 8 and 9 are threads of nobody we know now. */
    cr_expect_eq(sysfold_process_pid(process_of(9)), 9);
    cr_expect_eq(sysfold_process_pid(process_of(8)), 8);
}

Test(state, a_thread_that_execs_brings_its_own_table)
{
    FORK(1, 7);
    START(7, 9, 7, THREAD_FLAGS);
    SEND("unshare", 9, N("res", 0), N("flags", 0x600));
    OPEN(9, 3, "/own");
    SEND("chdir", 9, N("res", 0), S("path", "/own"));
    cr_expect_null(sysfold_process_fd(process_of(7), 3));
    SEND("exec", 7, N("pid", 7), N("old_tid", 9), S("exe", "/bin/deep/new"));
    cr_assert(sysfold_process_fd(process_of(7), 3));
    cr_expect_str_eq(sysfold_fd_name(sysfold_process_fd(process_of(7), 3)), "/own");
    EXPECT_CWD(7, "/own");
    cr_expect_str_eq(sysfold_process_name(process_of(7)), "new");
}

Test(state, arguments_come_before_or_after_the_image)
{
    const char argv[] = "ls\0-l\0", other[] = "cat\0x y";

    FORK(1, 7);
    SEND("exec", 7, N("pid", 7), S("exe", "/bin/ls"));
    cr_expect_null(sysfold_process_cmdline(process_of(7)));
    SEND("execve", 7, N("res", 0), S("path", "/bin/ls"), B("argv", argv, 6));
    cr_expect_str_eq(sysfold_process_cmdline(process_of(7)), "ls -l");
    SEND("execve", 7, N("res", -ENOENT), S("path", "/bin/xx"), B("argv", other, 8));
    cr_expect_str_eq(sysfold_process_cmdline(process_of(7)), "ls -l");
    FORK(7, 8);
    cr_expect_str_eq(sysfold_process_cmdline(process_of(8)), "ls -l");
    SEND("execve", 8, N("res", 0), S("path", "/bin/cat"), B("argv", other, 8));
    SEND("exec", 8, N("pid", 8), S("exe", "/bin/cat"));
    cr_expect_str_eq(sysfold_process_cmdline(process_of(8)), "cat x y");
    SEND("exec", 8, N("pid", 8), S("exe", "/bin/ls"));
    cr_expect_null(sysfold_process_cmdline(process_of(8)), "what it runs with now, nobody said");
    cr_expect_str_eq(sysfold_process_cmdline(process_of(7)), "ls -l");
}

Test(state, the_end_comes_after_its_event)
{
    const struct sysfold_event *event;
    int status = -1;

    FORK(1, 7);
    START(7, 8, 7, THREAD_FLAGS);
    event = SEND("thread_exit", 8, N("pid", 7), N("status", 0));
    cr_expect_eq(sysfold_thread_tid(sysfold_event_thread(event)), 8);
    SEND("thread_exit", 7, N("pid", 7), N("status", 0));
    event = SEND("process_exit", 7, N("pid", 7), N("status", 0x300));
    cr_assert(sysfold_event_process(event));
    cr_expect_eq(sysfold_process_exit_status(sysfold_event_process(event), &status), 0);
    cr_expect_eq(WEXITSTATUS(status), 3);
    cr_expect_eq(sysfold_process_exit_time(sysfold_event_process(event)), now - 1);
    cr_expect_eq(visit_all().count, 1);
    process_of(99);
    cr_expect_eq(visit_all().count, 1);
    cr_expect_eq(visit_all().pids[0], 99);
}

Test(state, ended_processes_are_kept_on_request)
{
    struct visit visited;
    int status = -1;

    open_stream(true);
    FORK(1, 7);
    OPEN(7, 3, "/x");
    FORK(7, 8);
    SEND("exec", 8, N("pid", 8), S("exe", "/bin/true"));
    SEND("process_exit", 8, N("pid", 8), N("status", 9));
    FORK(7, 9);
    SEND("process_exit", 9, N("pid", 9), N("status", 0));
    FORK(7, 8); /* the id again, for another */
    visited = visit_all();
    cr_assert_eq(visited.count, 4);
    cr_expect_eq(visited.pids[0], 7);
    cr_expect_eq(visited.pids[1], 8);
    cr_expect_eq(visited.pids[2], 9);
    cr_expect_eq(visited.pids[3], 8);
    cr_expect_eq(sysfold_process_exit_time(visited.last), 0);
    cr_expect_null(sysfold_process_exe(visited.last));
    FORK(7, 8); /* once more, though nobody saw the end */
    SEND("process_exit", 8, N("pid", 8), N("status", 0x100));
    FORK(7, 50);
    SEND("process_exit", 50, N("pid", 50));
    process_of(7);
    visited = visit_all();
    cr_assert_eq(visited.count, 6);
    cr_expect_eq(sysfold_process_exit_status(visited.last, &status), -ENODATA, "it ended, nobody knows how");
    cr_expect_neq(sysfold_process_exit_time(visited.last), 0);
    cr_expect_null(sysfold_process_fd(visited.last, 3));
}

Test(state, threads_have_names_and_the_leader_s_is_the_process_s)
{
    const struct sysfold_event *event;

    FORK(1, 7);
    SEND("exec", 7, N("pid", 7), S("comm", "main"));
    START(7, 8, 7, THREAD_FLAGS);
    cr_expect_str_eq(sysfold_thread_name(sysfold_event_thread(SEND("getpid", 8, N("res", 7)))), "main");
    SEND("prctl", 8, N("res", 0), N("option", 15), S("name", "a rather long worker name"));
    event = SEND("getpid", 8, N("res", 7));
    cr_expect_str_eq(sysfold_thread_name(sysfold_event_thread(event)), "a rather long w");
    cr_expect_str_eq(sysfold_process_name(sysfold_event_process(event)), "main");
    SEND("prctl", 7, N("res", 0), N("option", 1), S("name", "no"));
    cr_expect_str_eq(sysfold_process_name(process_of(7)), "main");
    SEND("prctl", 7, N("res", 0), N("option", 15), S("name", "boss"));
    cr_expect_str_eq(sysfold_process_name(process_of(7)), "boss");
}

Test(state, events_are_counted_for_their_process)
{
    FORK(1, 7);
    START(7, 8, 7, THREAD_FLAGS);
    SEND("snap_fd", 7, N("pid", 7), N("fd", 0), S("file", "/dev/null"));
    SEND("read", 8, N("res", 0), N("fd", 0));
    SEND("lost", 7, N("count", 10));
    cr_expect_eq(sysfold_process_event_count(process_of(7)), 4);
}

Test(state, sources_do_not_mix)
{
    OPEN(7, 3, "/host");
    source = 1;
    EXPECT_NAME(7, 3, NULL);
    OPEN(7, 3, "/sandbox");
    cr_expect_eq(sysfold_process_source(process_of(7)), 1);
    SEND("lost", 0, N("count", 1));
    source = 0;
    FORK(1, 9);
    EXPECT_NAME(7, 3, "/host");
    cr_expect_not(sysfold_process_is_doubtful(process_of(9)));
    cr_expect_eq(visit_all().count, 3);
}

/* Snapshots and losses. */

Test(state, a_snapshot_tells_of_what_was_there)
{
    const struct sysfold_process *process;
    uint32_t uid;

    snapshot(7, 5);
    SEND("snap_thread", 8, N("pid", 7), S("comm", "worker"), S("cwd", "/srv"));
    SEND("snap_fd", 7, N("pid", 7), N("fd", 1), N("mode", 0010600), S("file", "pipe:[7]"));
    SEND("snap_fd", 7, N("pid", 7), N("fd", 2), N("mode", 0040755), S("file", "/srv/www"));
    SEND("snap_fd", 7, N("pid", 7), N("fd", 3), N("mode", 0140777), S("file", "socket:[9]"),
         B("sockets", "\x10" INET(PORT_80) INET(PORT_5000), 33));
    SEND("snap_fd", 7, N("pid", 7), N("fd", 4), N("mode", 0140777), S("file", "socket:[9]"));
    SEND("snap_fd", 7, N("pid", 7), N("fd", 5), N("mode", 0600), N("flags", 02000000),
         S("file", "anon_inode:[timerfd]"));
    process = process_of(7);
    cr_expect_str_eq(sysfold_process_name(process), "web");
    cr_expect_str_eq(sysfold_process_exe(process), "/usr/bin/web");
    cr_expect_str_eq(sysfold_process_cmdline(process), "web -d");
    cr_expect_str_eq(sysfold_process_cwd(process), "/srv");
    cr_expect_eq(sysfold_process_uid(process, &uid), 0);
    cr_expect_eq(uid, 33);
    cr_expect_eq(sysfold_process_start_time(process), 5);
    cr_expect_not(sysfold_process_is_doubtful(process));
    cr_expect_eq(sysfold_process_event_count(process), 1);
    EXPECT_NAME(8, 1, "pipe:[7]");
    cr_expect_str_eq(fd_type(8, 1), "pipe");
    cr_expect_str_eq(fd_type(8, 2), "dir");
    EXPECT_NAME(8, 3, "127.0.0.1:80->127.0.0.1:5000");
    cr_expect_str_eq(fd_type(8, 3), "ipv4");
    EXPECT_NAME(8, 4, "socket:[9]");
    cr_expect_str_eq(fd_type(8, 4), "socket");
    cr_expect_str_eq(fd_type(8, 5), "timerfd");
    OPEN(8, 6, "x");
    EXPECT_NAME(7, 6, "/srv/x");
    SEND("exec", 7, N("pid", 7), N("old_tid", 8));
    EXPECT_NAME(7, 5, NULL);
    EXPECT_NAME(7, 6, "/srv/x");
}

/* The rows of events.def have what their transitions ask for, by the names they ask for. */
static const struct {
    const char *params; /* every row has these ... */
    enum effect effect;
    const char *some; /* ... and one row at least has these as well */
} needs[] = {
    {"res", E_OPENS_FD, "path dirfd flags file"},
    {"res", E_MAKES_FD, "flags name"},
    {"res family type", E_MAKES_SOCKET, ""},
    {"res fds", E_MAKES_PAIR, "family type"},
    {"res fds", E_MAKES_PAIR, "flags"},
    {"res fd addr", E_BINDS, ""},
    {"res fd addr sockets", E_CONNECTS, ""},
    {"res fd addr sockets", E_ACCEPTS, "flags"},
    {"res fd", E_DUPLICATES_FD, "flags"},
    {"res fd", E_CONTROLS_FD, "cmd arg"},
    {"res fd", E_CONTROLS_FD, "request"},
    {"res fd", E_CLOSES_FD, ""},
    {"res first last flags", E_CLOSES_RANGE, ""},
    {"res fd flags control", E_RECEIVES_FDS, ""},
    {"res", E_GETS_FD, ""},
    {"fd", E_USES_FD, ""},
    {"res path", E_CHANGES_DIR, ""},
    {"res fd", E_CHANGES_DIR_FD, ""},
    {"res path", E_CHANGES_ROOT, ""},
    {"res option name", E_NAMES_THREAD, ""},
    {"res flags", E_UNSHARES, ""},
    {"pid ppid parent_tid flags start_time", E_STARTS_THREAD, ""},
    {"old_tid uid comm exe cgroup", E_EXECS, ""},
    {"pid status", E_ENDS_THREAD, ""},
    {"pid status", E_ENDS_PROCESS, ""},
    {"pid ppid uid start_time comm exe argv cwd root cgroup", E_SNAPSHOTS_THREAD, ""},
    {"pid fd flags mode file sockets", E_SNAPSHOTS_FD, ""},
    {"to", E_LOSES, ""},
    {"pid id engine", E_NAMES_CONTAINER, ""},
};

static bool has_params(const struct sysfold_row *row, const char *names)
{
    char copy[100], *rest = copy;

    (void)snprintf(copy, sizeof(copy), "%s", names);
    for (const char *name; (name = strsep(&rest, " "));) {
        if (*name && sysfold_row_param_index(row, name) < 0)
            return false;
    }
    return true;
}

Test(state, the_rows_have_what_the_transitions_ask_for)
{
    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        bool some = false;

        for (unsigned number = 0; number < ROW_MAX; number++) {
            const struct sysfold_row *row = row_builtin(number);

            if (!row || row->effect != needs[i].effect)
                continue;
            cr_expect(has_params(row, needs[i].params), "%s lacks one of: %s", row->name, needs[i].params);
            some |= has_params(row, needs[i].some);
        }
        cr_expect(some, "no row with %s %s", effect_names[needs[i].effect], needs[i].some);
    }
    cr_expect_geq(sysfold_row_param_index(row_builtin(59), "argv"), 0, "execve");
    cr_expect_geq(sysfold_row_param_index(row_builtin(322), "argv"), 0, "execveat");
}
