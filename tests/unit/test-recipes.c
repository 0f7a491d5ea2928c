// SPDX-License-Identifier: Apache-2.0
/* The rows' recipes, held against the kernel: this process makes the call, then reads itself as a tracer would. */

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "common/collect.h"
#include "decoder/decode/record.h"

#ifdef __x86_64__

static struct encoder encoder;
static struct record record;
static struct kept kept;
static const struct collect_limits limits = {.snaplen = 80, .string_vector_max = 16384};

static size_t read_self(void *target, void *to, uint64_t address, size_t size)
{
    struct iovec local = {to, size};
    struct iovec remote = {(void *)(uintptr_t)address, size}; // NOLINT(performance-no-int-to-ptr)
    ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

    (void)target;
    return got > 0 ? (size_t)got : 0;
}

/* Stops at a page's end, where a string's memory may end. */
static size_t read_self_string(void *target, char *to, uint64_t address, size_t size)
{
    size_t left = 4096 - address % 4096;

    return read_self(target, to, address, left < size ? left : size);
}

static const struct collect_ops ops = {.read = read_self, .read_string = read_self_string};

#define POINTER(pointer) ((uint64_t)(uintptr_t)(pointer))

/* Makes the call and the record of it. Missing arguments are 0. */
#define CALL(NR, ...) make_call(NR, (const uint64_t[6]){__VA_ARGS__})

static int64_t make_call(unsigned nr, const uint64_t args[6])
{
    struct call call = {.row = call_row(AUDIT_ARCH_X86_64, nr), .arch = AUDIT_ARCH_X86_64, .nr = nr};
    const uint8_t *bytes;
    size_t size;

    memcpy(call.args, args, sizeof(call.args));
    collect_entry(&ops, NULL, &limits, &call, &kept);
    call.result = syscall((long)nr, args[0], args[1], args[2], args[3], args[4], args[5]);
    if (call.result == -1)
        call.result = -errno;
    collect_exit(&ops, NULL, &limits, &call, &kept, 1, 2, &encoder);
    bytes = encoder_finish(&encoder, &size);
    cr_assert_eq(record_read(&record, sysfold_schema_builtin(), bytes, size, false), (int)size);
    return call.result;
}

static struct sysfold_value param(const char *name)
{
    int index = sysfold_row_param_index(record.row, name);
    struct sysfold_value value;

    cr_assert_geq(index, 0, "%s has no %s", record.row->name, name);
    cr_assert_eq(record_param(&record, (unsigned)index, &value), 0);
    return value;
}

static int64_t number(const char *name)
{
    struct sysfold_value value = param(name);

    cr_assert_eq(value.status, SYSFOLD_PRESENT, "%s is not there", name);
    cr_assert_neq(value.kind, SYSFOLD_KIND_BYTES, "%s", name);
    return value.i;
}

static void assert_bytes(const char *name, const void *expected, size_t size)
{
    struct sysfold_value value = param(name);

    cr_assert_eq(value.status, SYSFOLD_PRESENT, "%s is not there", name);
    cr_assert_eq(value.kind, SYSFOLD_KIND_BYTES, "%s", name);
    cr_assert_eq(value.size, size, "%s: %zu bytes instead of %zu", name, value.size, size);
    cr_assert_eq(memcmp(value.data, expected, size), 0, "%s is something else", name);
}

static void assert_text(const char *name, const char *expected)
{
    assert_bytes(name, expected, strlen(expected));
}

static void assert_absent(const char *name)
{
    cr_assert_eq(param(name).status, SYSFOLD_ABSENT, "%s", name);
}

static void forget(void)
{
    kept_finish(&kept);
}

TestSuite(recipes, .fini = forget);

/* Files. */

Test(recipes, openat2_shows_what_its_structure_holds)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    int64_t fd = CALL(SYS_openat2, (uint64_t)AT_FDCWD, POINTER("/"), POINTER(&how), sizeof(how));

    if (fd == -ENOSYS || fd == -EPERM)
        cr_skip("openat2 is not allowed here");
    cr_assert_geq(fd, 0);
    cr_expect_eq(number("dirfd"), AT_FDCWD);
    cr_expect_eq(number("flags"), O_RDONLY | O_CLOEXEC);
    cr_expect_eq(number("mode"), 0);
    cr_expect_eq(number("resolve"), RESOLVE_NO_SYMLINKS);
    assert_text("path", "/");
    close((int)fd);
}

Test(recipes, a_links_target_is_what_was_written_to_the_buffer)
{
    char target[64] = "";
    int64_t size = CALL(SYS_readlink, POINTER("/proc/self/fd/0"), POINTER(target), sizeof(target));

    cr_assert_gt(size, 0);
    assert_bytes("target", target, (size_t)size);
    assert_text("path", "/proc/self/fd/0");
    cr_assert_eq(CALL(SYS_readlink, POINTER("/proc/self/no"), POINTER(target), sizeof(target)), -ENOENT);
    assert_absent("target");
    cr_assert_eq(CALL(SYS_readlink, POINTER(NULL), POINTER(target), sizeof(target)), -EFAULT);
    cr_expect_eq(param("path").status, SYSFOLD_NULL);
}

Test(recipes, getcwd_shows_where)
{
    char path[4096];

    cr_assert_eq(chdir("/proc"), 0);
    cr_assert_eq(CALL(SYS_getcwd, POINTER(path), sizeof(path)), 6);
    assert_text("path", "/proc");
}

Test(recipes, vectors_are_put_together)
{
    struct iovec parts[] = {{"one ", 4}, {"", 0}, {"two", 3}};
    char first[3];
    char second[10];
    struct iovec rooms[] = {{first, sizeof(first)}, {second, sizeof(second)}};
    int pipes[2];

    cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
    cr_assert_eq(CALL(SYS_writev, (uint64_t)pipes[1], POINTER(parts), 3), 7);
    assert_text("data", "one two");
    cr_expect_eq(number("iovcnt"), 3);
    cr_assert_eq(CALL(SYS_readv, (uint64_t)pipes[0], POINTER(rooms), 2), 7);
    assert_text("data", "one two");
    cr_assert_eq(CALL(SYS_writev, (uint64_t)-1, POINTER(parts), 3), -EBADF);
    assert_text("data", "one two");
    close(pipes[0]);
    close(pipes[1]);
}

Test(recipes, pairs_are_there_on_success_only)
{
    int pipes[2] = {-1, -1};

    cr_assert_eq(CALL(SYS_pipe2, POINTER(pipes), O_CLOEXEC), 0);
    assert_bytes("fds", pipes, sizeof(pipes));
    cr_expect_eq(number("flags"), O_CLOEXEC);
    cr_assert_eq(CALL(SYS_pipe2, POINTER(pipes), 1), -EINVAL);
    assert_absent("fds");
    close(pipes[0]);
    close(pipes[1]);
}

/* Sockets. */

static void make_pair(int type, int sockets[2])
{
    cr_assert_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sockets), 0);
}

Test(recipes, an_options_length_is_where_the_caller_points_to)
{
    uint8_t value[64] = {0};
    uint32_t size = sizeof(value);
    int sockets[2];
    int expected = SOCK_DGRAM;

    make_pair(SOCK_DGRAM, sockets);
    cr_assert_eq(CALL(SYS_getsockopt, (uint64_t)sockets[0], SOL_SOCKET, SO_TYPE, POINTER(value), POINTER(&size)), 0);
    assert_bytes("value", &expected, sizeof(expected));
    cr_expect_eq(number("size"), 4);
    cr_expect_eq(number("level"), SOL_SOCKET);
    cr_expect_eq(number("option"), SO_TYPE);
    cr_assert_eq(CALL(SYS_getsockopt, (uint64_t)-1, SOL_SOCKET, SO_TYPE, POINTER(value), POINTER(&size)), -EBADF);
    assert_absent("value");
    close(sockets[0]);
    close(sockets[1]);
}

Test(recipes, a_result_beyond_the_buffer_reads_nothing_beyond_it)
{
    struct {
        char buffer[4];
        char secret[12];
    } memory = {.secret = "not sent"};
    int sockets[2];

    make_pair(SOCK_DGRAM, sockets);
    cr_assert_eq(CALL(SYS_sendto, (uint64_t)sockets[0], POINTER("0123456789"), 10, MSG_NOSIGNAL), 10);
    assert_text("data", "0123456789");
    cr_expect_eq(param("addr").status, SYSFOLD_NULL);
    cr_assert_eq(CALL(SYS_recvfrom, (uint64_t)sockets[1], POINTER(memory.buffer), 4, MSG_TRUNC), 10);
    assert_text("data", "0123");
    cr_expect_eq(number("flags"), MSG_TRUNC);
    close(sockets[0]);
    close(sockets[1]);
}

Test(recipes, messages_show_data_and_control)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}}, received;
    char room[16];
    struct iovec parts[] = {{"take ", 5}, {"it", 2}};
    struct iovec into = {room, sizeof(room)};
    struct msghdr out = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof(control)};
    struct msghdr in = {
        .msg_iov = &into, .msg_iovlen = 1, .msg_control = &received, .msg_controllen = sizeof(received)};
    int passed;
    int sockets[2];

    make_pair(SOCK_STREAM, sockets);
    memcpy(CMSG_DATA(&control.header), &sockets[0], sizeof(int));
    cr_assert_eq(CALL(SYS_sendmsg, (uint64_t)sockets[0], POINTER(&out), MSG_NOSIGNAL), 7);
    assert_text("data", "take it");
    assert_bytes("control", &control, sizeof(control));
    cr_assert_eq(CALL(SYS_recvmsg, (uint64_t)sockets[1], POINTER(&in), MSG_CMSG_CLOEXEC), 7);
    assert_text("data", "take it");
    assert_bytes("control", &received, in.msg_controllen);
    memcpy(&passed, CMSG_DATA(&received.header), sizeof(int));
    close(passed);
    cr_assert_eq(CALL(SYS_recvmsg, (uint64_t)sockets[1], POINTER(&in), MSG_DONTWAIT), -EAGAIN);
    assert_absent("control");
    assert_absent("data");
    close(sockets[0]);
    close(sockets[1]);
}

Test(recipes, addresses_go_both_ways)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
    struct sockaddr_un name;
    uint32_t size = sizeof(name);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint64_t used = offsetof(struct sockaddr_un, sun_path) + sizeof("/nonexistent/socket");

    cr_assert_geq(fd, 0);
    cr_assert_eq(CALL(SYS_connect, (uint64_t)fd, POINTER(&address), used), -ENOENT);
    assert_bytes("addr", &address, used);
    cr_assert_eq(CALL(SYS_getsockname, (uint64_t)fd, POINTER(&name), POINTER(&size)), 0);
    assert_bytes("addr", &name, sizeof(sa_family_t));
    cr_assert_eq(CALL(SYS_getpeername, (uint64_t)fd, POINTER(&name), POINTER(&size)), -ENOTCONN);
    assert_absent("addr");
    close(fd);
}

/* Events. */

Test(recipes, sets_have_as_many_words_as_the_caller_counts)
{
    struct timeval now = {0};
    uint64_t expected[2] = {0, 1 << 6};
    fd_set set;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    cr_assert_eq(dup3(null, 70, O_CLOEXEC), 70);
    FD_ZERO(&set);
    FD_SET(70, &set);
    cr_assert_eq(CALL(SYS_select, 71, POINTER(&set), 0, 0, POINTER(&now)), 1);
    assert_bytes("readfds", expected, sizeof(expected));
    cr_expect_eq(param("writefds").status, SYSFOLD_NULL);
    cr_expect_eq(number("nfds"), 71);
    assert_bytes("timeout", &now, sizeof(now));
    close(70);
    close(null);
}

Test(recipes, epoll_shows_interests_and_events)
{
    struct epoll_event event = {.events = EPOLLOUT, .data.u64 = 0x1122334455667788};
    struct epoll_event ready[4];
    int sockets[2];
    int fd = epoll_create1(EPOLL_CLOEXEC);

    make_pair(SOCK_STREAM, sockets);
    cr_assert_eq(CALL(SYS_epoll_ctl, (uint64_t)fd, EPOLL_CTL_ADD, (uint64_t)sockets[0], POINTER(&event)), 0);
    assert_bytes("event", &event, 12);
    cr_expect_eq(number("epfd"), fd);
    cr_expect_eq(number("fd"), sockets[0]);
    cr_assert_eq(CALL(SYS_epoll_wait, (uint64_t)fd, POINTER(ready), 4, 0), 1);
    assert_bytes("events", ready, 12);
    cr_assert_eq(CALL(SYS_epoll_wait, (uint64_t)-1, POINTER(ready), 4, 0), -EBADF);
    assert_absent("events");
    close(sockets[0]);
    close(sockets[1]);
    close(fd);
}

Test(recipes, timers_show_interval_and_value)
{
    struct itimerspec spec = {.it_interval = {1, 2}, .it_value = {300, 4}};
    struct itimerspec old;
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

    cr_assert_eq(CALL(SYS_timerfd_settime, (uint64_t)fd, 0, POINTER(&spec), POINTER(&old)), 0);
    assert_bytes("new_value", &spec, sizeof(spec));
    assert_bytes("old_value", &old, sizeof(old));
    cr_assert_eq(CALL(SYS_timerfd_settime, (uint64_t)-1, 0, POINTER(&spec), POINTER(&old)), -EBADF);
    assert_absent("old_value");
    close(fd);
}

Test(recipes, io_uring_shows_flags_from_its_parameters)
{
    uint32_t params[30] = {[2] = 0x40};

    cr_assert_lt(CALL(SYS_io_uring_setup, 0, POINTER(params)), 0);
    cr_expect_eq(number("flags"), 0x40);
}

/* Processes and signals. */

Test(recipes, only_naming_a_thread_has_a_name)
{
    cr_assert_eq(CALL(SYS_prctl, PR_SET_NAME, POINTER("renamed")), 0);
    assert_text("name", "renamed");
    cr_expect_eq(number("option"), PR_SET_NAME);
    cr_assert_geq(CALL(SYS_prctl, PR_GET_DUMPABLE, POINTER("not a name")), 0);
    assert_absent("name");
}

Test(recipes, clone3_shows_what_the_caller_knew_of_its_arguments)
{
    uint64_t args[16] = {[0] = UINT64_MAX, [7] = 0x77, [8] = 0x88};

    cr_assert_lt(CALL(SYS_clone3, POINTER(args), 64), 0);
    assert_bytes("args", args, 64);
    cr_expect_eq(number("size"), 64);
}

Test(recipes, waiting_shows_how_a_child_ended)
{
    siginfo_t info;
    int status;
    pid_t child = fork();

    if (!child)
        _exit(3);
    cr_assert_eq(CALL(SYS_waitid, P_PID, (uint64_t)child, POINTER(&info), WEXITED | WNOWAIT), 0);
    cr_expect_eq(number("child"), child);
    cr_expect_eq(number("code"), CLD_EXITED);
    cr_expect_eq(number("status"), 3);
    cr_assert_eq(CALL(SYS_wait4, (uint64_t)child, POINTER(&status)), child);
    cr_expect_eq(number("status"), 3 << 8);
    cr_assert_eq(CALL(SYS_wait4, (uint64_t)child, POINTER(&status)), -ECHILD);
    assert_absent("status");
}

Test(recipes, signal_actions_and_masks_are_the_kernels)
{
    struct {
        uint64_t handler, flags, restorer, mask;
    } action = {1, 0, 0, 1 << 4}, old = {0};
    uint64_t set = 1 << 9;

    cr_assert_eq(CALL(SYS_rt_sigaction, SIGUSR2, POINTER(&action), POINTER(&old), 8), 0);
    assert_bytes("act", &action, sizeof(action));
    assert_bytes("oldact", &old, sizeof(old));
    cr_assert_eq(CALL(SYS_rt_sigprocmask, SIG_BLOCK, POINTER(&set), 0, 8), 0);
    cr_expect_eq((uint64_t)number("set"), set);
    cr_expect_eq(param("oldset").status, SYSFOLD_NULL);
}

Test(recipes, limits_and_processors_come_back)
{
    struct rlimit limit;
    cpu_set_t set;
    int64_t size;

    cr_assert_eq(CALL(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, POINTER(&limit)), 0);
    assert_bytes("old_limit", &limit, sizeof(limit));
    cr_expect_eq(param("new_limit").status, SYSFOLD_NULL);
    size = CALL(SYS_sched_getaffinity, 0, sizeof(set), POINTER(&set));
    cr_assert_gt(size, 0);
    assert_bytes("cpus", &set, (size_t)size);
}

/* Users and capabilities. */

Test(recipes, groups_are_as_many_as_there_were_room_for)
{
    gid_t groups[65536] = {0};
    int64_t count = CALL(SYS_getgroups, 0, POINTER(groups));

    cr_assert_geq(count, 0);
    assert_bytes("groups", "", 0);
    count = CALL(SYS_getgroups, sizeof(groups) / sizeof(groups[0]), POINTER(groups));
    if (count <= 1024)
        assert_bytes("groups", groups, (size_t)count * sizeof(gid_t));
}

Test(recipes, capabilities_are_read_whole)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    uid_t ids[3];

    cr_assert_eq(CALL(SYS_capget, POINTER(&header), POINTER(data)), 0);
    assert_bytes("header", &header, sizeof(header));
    assert_bytes("data", data, sizeof(data));
    cr_assert_eq(CALL(SYS_getresuid, POINTER(&ids[0]), POINTER(&ids[1]), POINTER(&ids[2])), 0);
    cr_expect_eq(number("euid"), geteuid());
    cr_expect_eq(number("suid"), ids[2]);
}

/* What is not to be seen is not read. */
Test(recipes, random_bytes_stay_secret)
{
    uint8_t key[32];
    size_t size;
    const uint8_t *bytes;

    cr_assert_eq(CALL(SYS_getrandom, POINTER(key), sizeof(key), 0), 32);
    bytes = encoder_finish(&encoder, &size);
    cr_expect_null(memmem(bytes, size, key, sizeof(key)));
    cr_expect_eq(number("size"), 32);
}

#endif
