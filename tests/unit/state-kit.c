// SPDX-License-Identifier: Apache-2.0
#include "state-kit.h"

#include <stdlib.h>

#include "common/encode.h"
#include "decoder/stream.h"

/* Rows of this test's own, so that it says what it depends on; one of the tests compares them with the real ones. */
static const struct spec {
    const char *name;
    const char *params; /* "name:TYPE ..." */
    enum effect effect;
} specs[] = {
    {"read", "res:COUNT fd:FD size:SIZE data:DATA", E_NONE},
    {"close", "res:ERRNO fd:FD", E_CLOSES_FD},
    {"openat", "res:FD dirfd:DIRFD flags:OPEN_FLAGS path:PATH file:ABSPATH", E_OPENS_FD},
    {"eventfd2", "res:FD flags:OPEN_FLAGS", E_MAKES_FD},
    {"memfd_create", "res:FD flags:UINT name:STRING", E_MAKES_FD},
    {"pidfd_open", "res:FD pid:PID flags:UINT", E_MAKES_FD},
    {"something_new", "res:FD", E_MAKES_FD},
    {"socket", "res:FD family:INT type:INT", E_MAKES_SOCKET},
    {"pipe2", "res:ERRNO flags:OPEN_FLAGS fds:FD_PAIR", E_MAKES_PAIR},
    {"socketpair", "res:ERRNO family:INT type:INT fds:FD_PAIR", E_MAKES_PAIR},
    {"bind", "res:ERRNO fd:FD addr:SOCKADDR", E_BINDS},
    {"connect", "res:ERRNO fd:FD addr:SOCKADDR sockets:SOCKET_PAIR", E_CONNECTS},
    {"accept4", "res:FD fd:FD flags:UINT addr:SOCKADDR sockets:SOCKET_PAIR", E_ACCEPTS},
    {"dup3", "res:FD fd:FD newfd:FD flags:OPEN_FLAGS", E_DUPLICATES_FD},
    {"fcntl", "res:INT fd:FD cmd:INT arg:HEX64", E_CONTROLS_FD},
    {"ioctl", "res:INT fd:FD request:UINT arg:HEX64", E_CONTROLS_FD},
    {"signalfd4", "res:FD fd:FD flags:OPEN_FLAGS", E_MAKES_FD},
    {"close_range", "res:ERRNO first:UINT last:UINT flags:UINT", E_CLOSES_RANGE},
    {"recvmsg", "res:COUNT fd:FD flags:UINT control:DATA", E_RECEIVES_FDS},
    {"pidfd_getfd", "res:FD pidfd:FD", E_GETS_FD},
    {"lseek", "res:OFF fd:FD", E_USES_FD},
    {"chdir", "res:ERRNO path:PATH", E_CHANGES_DIR},
    {"fchdir", "res:ERRNO fd:FD", E_CHANGES_DIR_FD},
    {"chroot", "res:ERRNO path:PATH", E_CHANGES_ROOT},
    {"prctl", "res:INT option:INT name:STRING", E_NAMES_THREAD},
    {"unshare", "res:ERRNO flags:CLONE_FLAGS", E_UNSHARES},
    {"execve", "res:ERRNO path:PATH argv:STRING_VECTOR", E_NONE},
    {"getpid", "res:PID", E_NONE},
    {"thread_start", "pid:PID ppid:PID parent_tid:PID flags:CLONE_FLAGS start_time:NS", E_STARTS_THREAD},
    {"exec", "pid:PID old_tid:PID uid:UID comm:STRING exe:ABSPATH cgroup:STRING", E_EXECS},
    {"thread_exit", "pid:PID status:WAIT_STATUS", E_ENDS_THREAD},
    {"process_exit", "pid:PID status:WAIT_STATUS", E_ENDS_PROCESS},
    {"snap_thread",
     "pid:PID ppid:PID uid:UID start_time:NS comm:STRING exe:ABSPATH argv:STRING_VECTOR cwd:ABSPATH "
     "root:ABSPATH cgroup:STRING",
     E_SNAPSHOTS_THREAD},
    {"snap_fd", "pid:PID fd:FD flags:OPEN_FLAGS mode:HEX32 file:ABSPATH sockets:SOCKET_PAIR", E_SNAPSHOTS_FD},
    {"lost", "count:SIZE to:NS", E_LOSES},
    {"snap_container", "pid:PID id:STRING engine:STRING", E_NAMES_CONTAINER},
};

struct sysfold_param kit_params[KIT_ROWS][KIT_PARAMS];
struct sysfold_row kit_rows[KIT_ROWS];
static const struct sysfold_row *by_number[ROW_MAX];
static const struct sysfold_schema schema = {.by_number = by_number, .rows = kit_rows, .row_count = KIT_ROWS};

static const struct type_info *type_named(const char *name, size_t size)
{
    for (unsigned i = 0; i < TYPES; i++) {
        if (strlen(type_infos[i].name) == size && !memcmp(type_infos[i].name, name, size))
            return &type_infos[i];
    }
    cr_assert_fail("no type is named %.*s", (int)size, name);
    return NULL;
}

static void make_row(unsigned index)
{
    struct sysfold_row *row = &kit_rows[index];
    const char *at = specs[index].params;

    *row = (struct sysfold_row){.name = specs[index].name, .params = kit_params[index], .effect = specs[index].effect};
    row->number = (uint16_t)(index < 28 ? index : ROW_SYSCALL_MAX + index);
    while (*at) {
        struct sysfold_param *param = &kit_params[index][row->param_count++];
        size_t name = strcspn(at, ":"), type = strcspn(at + name + 1, " ");

        param->name = strndup(at, name);
        param->type = type_named(at + name + 1, type);
        param->place = param->type->variable ? row->variable_count++ : row->fixed_size;
        row->fixed_size += param->type->variable ? 0 : (uint16_t)type_size(param->type);
        at += name + 1 + type;
        at += strspn(at, " ");
    }
    by_number[row->number] = row;
}

/* The feed: one record at a time. */

static struct encoder encoder;
struct sysfold_stream *stream;
static uint8_t bytes[RECORD_SIZE_MAX];
static size_t pending;
uint64_t now;
uint32_t source;

static int next_batch(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    (void)data, (void)timeout_ms, (void)error;
    *ret_batch = (struct batch){.records = bytes, .size = pending, .source = source, .cpu = -1};
    return pending ? 1 : 0;
}

static void close_feed(void *data)
{
    (void)data;
}

void open_stream(bool keep_exited)
{
    const struct feed feed = {.name = "test", .schema = &schema, .next_batch = next_batch, .close = close_feed};

    sysfold_stream_close(stream);
    now = 1000;
    source = 0;
    cr_assert_eq(stream_create(&feed, false, keep_exited, &stream, NULL), 0);
}

void kit_init(void)
{
    for (unsigned i = 0; i < KIT_ROWS; i++)
        make_row(i);
    stream = NULL;
    open_stream(false);
}

void kit_finish(void)
{
    sysfold_stream_close(stream);
    stream = NULL;
    for (unsigned i = 0; i < KIT_ROWS; i++) {
        for (unsigned j = 0; j < KIT_PARAMS; j++)
            free((char *)(uintptr_t)kit_params[i][j].name);
    }
    memset(kit_params, 0, sizeof(kit_params));
}

const struct sysfold_event *send_bytes(const uint8_t *record, size_t size)
{
    const struct sysfold_event *event;

    memcpy(bytes, record, size);
    pending = size;
    cr_assert_eq(sysfold_stream_fetch(stream, 0, NULL), 1);
    event = sysfold_stream_next(stream);
    pending = 0;
    return event;
}

const struct sysfold_row *row_named(const char *name)
{
    for (unsigned i = 0; i < KIT_ROWS; i++) {
        if (!strcmp(kit_rows[i].name, name))
            return &kit_rows[i];
    }
    cr_assert_fail("no row is named %s", name);
    return NULL;
}

static void put_value(const struct sysfold_param *param, unsigned index, const struct value *value)
{
    if (!value->bytes)
        encoder_integer(&encoder, index, value->number);
    else if (param->type->variable)
        encoder_bytes(&encoder, index, value->bytes, value->size, value->size);
    else
        encoder_fixed(&encoder, index, value->bytes);
    if (!strcmp(param->name, "res") && value->number < 0)
        encoder_failed(&encoder);
}

const struct sysfold_event *send_event(const char *name, uint32_t tid, const struct value *values)
{
    const struct sysfold_row *row = row_named(name);
    const uint8_t *record;
    size_t size, used = 0, given = 0;

    encoder_begin(&encoder, row, tid, now++);
    for (unsigned i = 0; i < row->param_count; i++) {
        for (const struct value *value = values; value->name; value++) {
            if (strcmp(row->params[i].name, value->name))
                continue;
            put_value(&row->params[i], i, value);
            used++;
        }
    }
    while (values[given].name)
        given++;
    cr_assert_eq(used, given, "%s: a value has no parameter", name);
    record = encoder_finish(&encoder, &size);
    return send_bytes(record, size);
}

void snapshot(uint32_t pid, uint64_t start_time)
{
    SEND("snap_thread", pid, N("pid", pid), N("ppid", 1), N("uid", 33), N("start_time", (int64_t)start_time),
         S("comm", "web"), S("exe", "/usr/bin/web"), B("argv", "web\0-d", 7), S("cwd", "/srv"), S("root", "/"));
}

const struct sysfold_process *process_of(uint32_t tid)
{
    return sysfold_event_process(SEND("getpid", tid, N("res", 0)));
}

const char *fd_name(uint32_t tid, int number)
{
    const struct sysfold_fd *fd = sysfold_event_fd(SEND("lseek", tid, N("res", 0), N("fd", number)));

    return fd ? sysfold_fd_name(fd) : NULL;
}

const char *fd_type(uint32_t tid, int number)
{
    const struct sysfold_fd *fd = sysfold_event_fd(SEND("lseek", tid, N("res", 0), N("fd", number)));

    return fd ? sysfold_fd_type(fd) : NULL;
}

bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static bool visit(const struct sysfold_process *process, void *data)
{
    struct visit *visited = data;

    visited->pids[visited->count++ % 64] = sysfold_process_pid(process);
    visited->last = process;
    return true;
}

struct visit visit_all(void)
{
    struct visit visited = {0};

    sysfold_stream_each_process(stream, visit, &visited);
    return visited;
}

uint64_t random_state;

uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % limit;
}
