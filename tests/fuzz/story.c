// SPDX-License-Identifier: Apache-2.0
#include "story.h"

#include <string.h>

#define VALUES_MAX 8

struct told {
    const char *name;
    int64_t number;
    const char *bytes;
    size_t size;
};

struct line {
    const char *row;
    uint32_t tid;
    struct told values[VALUES_MAX];
};

/* clang-format off */
#define N(NAME, NUMBER) {NAME, NUMBER, NULL, 0}
#define B(NAME, BYTES) {NAME, 0, BYTES, sizeof(BYTES) - 1}
#define INET "\x02\0\x1f\x90\x7f\0\0\1\0\0\0\0\0\0\0\0"
#define INET6 "\x0a\0\x1f\x90\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0"

static const struct line story[] = {
    {"snap_thread", 10, {N("pid", 10), N("ppid", 1), N("uid", 1000), B("comm", "sh"), B("exe", "/bin/sh"),
                         B("argv", "sh\0-c\0x"), B("cwd", "/home"), B("root", "/")}},
    {"snap_thread", 11, {N("pid", 10), N("ppid", 1), B("comm", "worker")}},
    {"snap_fd", 10, {N("pid", 10), N("fd", 0), N("flags", 02), N("mode", 020620), B("file", "/dev/pts/0")}},
    {"snap_fd", 10, {N("pid", 10), N("fd", 5), N("mode", 010600), B("file", "pipe:[77]")}},
    {"snap_fd", 10, {N("pid", 10), N("fd", 6), N("mode", 0140777), B("file", "socket:[78]"),
                     B("sockets", "\x10" INET INET)}},
    {"snap_fd", 10, {N("pid", 10), N("fd", 7), N("mode", 040755), B("file", "/srv")}},
    {"snap_container", 10, {N("pid", 10), B("id", "abc"), B("name", "web")}},
    {"snap_mount", 0, {N("dev", 8), B("root", "/"), B("target", "/mnt"), B("fstype", "ext4")}},
    {"thread_start", 20, {N("pid", 20), N("ppid", 10), N("parent_tid", 10), N("flags", 17)}},
    {"thread_start", 21, {N("pid", 20), N("ppid", 10), N("parent_tid", 20), N("flags", 0x3d0f00)}},
    {"thread_start", 30, {N("pid", 30), N("ppid", 10), N("parent_tid", 10), N("flags", 0x600)}},
    {"openat", 20, {N("res", 3), N("dirfd", -100), N("flags", 02000000), B("path", "a/../b//c")}},
    {"openat", 21, {N("res", 4), N("dirfd", 7), N("flags", 0), B("path", "../x")}},
    {"openat", 30, {N("res", 8), N("dirfd", 7), B("path", "y"), B("file", "/srv/y")}},
    {"dup", 20, {N("res", 9), N("fd", 3)}},
    {"dup3", 20, {N("res", 10), N("fd", 9), N("newfd", 10), N("flags", 02000000)}},
    {"fcntl", 20, {N("res", 11), N("fd", 3), N("cmd", 1030), N("arg", 11)}},
    {"fcntl", 20, {N("res", 12), N("fd", 3), N("cmd", 0), N("arg", 0)}},
    {"fcntl", 20, {N("res", 0), N("fd", 3), N("cmd", 2), N("arg", 1)}},
    {"ioctl", 20, {N("res", 0), N("fd", 4), N("request", 0x5451)}},
    {"pipe2", 20, {N("res", 0), B("fds", "\x0d\0\0\0\x0e\0\0\0"), N("flags", 02000000)}},
    {"socketpair", 20, {N("res", 0), N("family", 1), N("type", 1), B("fds", "\x0f\0\0\0\x10\0\0\0")}},
    {"socket", 20, {N("res", 17), N("family", 2), N("type", 02000001)}},
    {"bind", 20, {N("res", 0), N("fd", 17), B("addr", INET)}},
    {"connect", 20, {N("res", 0), N("fd", 17), B("addr", INET), B("sockets", "\x10" INET INET)}},
    {"socket", 20, {N("res", 18), N("family", 10), N("type", 2)}},
    {"connect", 20, {N("res", -115), N("fd", 18), B("addr", INET6)}},
    {"socket", 20, {N("res", 19), N("family", 1), N("type", 1)}},
    {"bind", 20, {N("res", 0), N("fd", 19), B("addr", "\x01\0\0abstract\0name")}},
    {"accept4", 20, {N("res", 20), N("fd", 19), N("flags", 02000000), B("addr", "\x01\0"),
                     B("sockets", "\x02\x01\0\x01\0/run/x")}},
    {"socket", 20, {N("res", 21), N("family", 16), N("type", 3)}},
    {"bind", 20, {N("res", 0), N("fd", 21), B("addr", "\x10\0\0\0\x2a\0\0\0\1\0\0\0")}},
    {"sendto", 20, {N("res", 1), N("fd", 21), B("data", "x"), B("addr", "\x11\0\x08\0\2\0\0\0\1\0\0\6\1\2\3\4\5\6\0\0")}},
    {"connect", 20, {N("res", -111), N("fd", 21), B("addr", "\x28\0\0\0\x57\4\0\0\2\0\0\0\0\0\0\0")}},
    {"recvmsg", 20, {N("res", 1), N("fd", 16), B("data", "x"),
                     B("control", "\x18\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\x16\0\0\0\x17\0\0\0")}},
    {"pidfd_getfd", 20, {N("res", 24), N("pidfd", 22), N("targetfd", 0)}},
    {"epoll_create1", 20, {N("res", 25)}},
    {"read", 20, {N("res", 5), N("fd", 3), N("size", 100), B("data", "a\x1b\xff\0b")}},
    {"chdir", 20, {N("res", 0), B("path", "sub")}},
    {"fchdir", 20, {N("res", 0), N("fd", 7)}},
    {"chroot", 30, {N("res", 0), B("path", "/jail")}},
    {"unshare", 30, {N("res", 0), N("flags", 0x600)}},
    {"openat", 30, {N("res", 8), N("dirfd", -100), B("path", "/etc/x")}},
    {"prctl", 21, {N("res", 0), N("option", 15), B("name", "renamed")}},
    {"signal", 21, {N("signo", 11), N("code", 1), N("addr", 0)}},
    {"close_range", 20, {N("res", 0), N("first", 12), N("last", 14), N("flags", 0)}},
    {"close_range", 20, {N("res", 0), N("first", 15), N("last", 0xffffffff), N("flags", 4)}},
    {"close", 20, {N("res", 0), N("fd", 3)}},
    {"thread_exit", 20, {N("pid", 20), N("status", 0)}},
    {"exec", 20, {N("pid", 20), N("old_tid", 21), B("comm", "ls"), B("exe", "/bin/ls")}},
    {"execve", 20, {N("res", 0), B("path", "ls"), B("argv", "ls\0-l\0"), B("envp", "A=1\0B")}},
    {"syscall", 20, {N("res", -38), N("arch", 0x40000003), N("nr", 5), N("a0", 1)}},
    {"syscall", 20, {N("res", 0), N("arch", 0xc000003e), N("nr", 250), N("a0", 1)}},
    {"syscall", 20, {N("res", 0), N("arch", 0xc000003e), N("nr", 0x40000001)}},
    {"lost", 0, {N("count", 7), N("from", 1), N("to", 2), B("cause", "buffer full")}},
    {"lost", 20, {N("count", 1)}},
    {"marker", 0, {B("text", "here")}},
    {"write", 20, {N("res", 1), N("fd", 1), N("size", 1), B("data", "x")}},
    {"exit_group", 20, {N("status", 0)}},
    {"thread_exit", 20, {N("pid", 20), N("status", 0x100)}},
    {"process_exit", 20, {N("pid", 20), N("status", 0x100)}},
    {"thread_exit", 30, {N("pid", 30), N("status", 9)}},
    {"process_exit", 30, {N("pid", 30), N("status", 9)}},
    {"thread_start", 20, {N("pid", 20), N("ppid", 10), N("parent_tid", 10), N("flags", 0x4111)}},
    {"exec", 20, {N("pid", 20), N("old_tid", 20), B("comm", "again"), B("exe", "/bin/again")}},
    {"close", 10, {N("res", -9), N("fd", 99)}},
};
/* clang-format on */

static const struct sysfold_row *row_named(const char *name)
{
    const struct sysfold_schema *schema = sysfold_schema_builtin();

    for (size_t i = 0; i < schema->row_count; i++) {
        if (!strcmp(schema->rows[i].name, name))
            return &schema->rows[i];
    }
    return NULL;
}

static const struct told *find(const struct line *line, const char *name)
{
    for (size_t i = 0; i < VALUES_MAX && line->values[i].name; i++) {
        if (!strcmp(line->values[i].name, name))
            return &line->values[i];
    }
    return NULL;
}

static void put(struct encoder *encoder, unsigned index, const struct told *told)
{
    const struct type_info *type = encoder->row->params[index].type;

    if (type->variable && told->bytes)
        encoder_bytes(encoder, index, told->bytes, told->size, PATH_BYTES_MAX);
    else if (!type->variable && type->count == 1 && !told->bytes)
        encoder_integer(encoder, index, told->number);
    else if (!type->variable && told->size == type_size(type))
        encoder_fixed(encoder, index, told->bytes);
}

const uint8_t *story_record(struct encoder *encoder, size_t index, size_t *ret_size)
{
    const struct line *line = &story[index];
    const struct sysfold_row *row;

    if (index >= sizeof(story) / sizeof(story[0]))
        return NULL;
    row = row_named(line->row);
    if (!row)
        row = row_builtin(ROW_MARKER);
    encoder_begin(encoder, row, line->tid, UINT64_C(1700000000000000000) + index);
    for (unsigned i = 0; i < row->param_count; i++) {
        const struct told *told = find(line, row->params[i].name);

        if (told)
            put(encoder, i, told);
        if (told && !i && told->number < 0)
            encoder_failed(encoder);
    }
    return encoder_finish(encoder, ret_size);
}
