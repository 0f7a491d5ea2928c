// SPDX-License-Identifier: Apache-2.0
#include "sandbox-kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/stream.h"

struct capture_options options;
struct sandbox *sandbox;
uint64_t now; /* when packets are received */
uint32_t dropped;
char lines[LINES_MAX][300];
size_t line_count;
size_t event_count;

void setup_for(const char *calls)
{
    struct sysfold_error error = {0};

    options = (struct capture_options){.live = {.snaplen = 80, .string_vector_max = 4096}};
    cr_assert_eq(callset_parse(&options.calls, calls, &error), 0);
    cr_assert_eq(sandbox_create(&options, 1, &sandbox), 0);
    now = START;
    dropped = 0;
}

void setup(void)
{
    setup_for(NULL);
}

void teardown(void)
{
    sandbox_destroy(sandbox);
}

/* The stream's side. */

static int next_batch(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    const uint8_t *const *records;
    size_t count = sandbox_take(sandbox, now, &records);

    (void)data;
    (void)timeout_ms;
    (void)error;
    *ret_batch = (struct batch){.each = records, .count = count, .source = 1, .cpu = -1};
    return count > 0;
}

static void close_feed(void *data)
{
    (void)data;
}

void read_lines(void)
{
    const struct feed feed = {
        .name = "gvisor", .schema = sysfold_schema_builtin(), .next_batch = next_batch, .close = close_feed};
    struct sysfold_stream *stream = NULL;
    const struct sysfold_event *event;

    line_count = 0;
    event_count = 0;
    cr_assert_eq(stream_create(&feed, false, false, &stream, NULL), 0);
    while (sysfold_stream_fetch(stream, 0, NULL) > 0) {
        while ((event = sysfold_stream_next(stream))) {
            char text[280];

            event_count++;
            if (line_count == LINES_MAX)
                continue;
            sysfold_event_format(event, text, sizeof(text));
            snprintf(lines[line_count++], sizeof(lines[0]), "%u %s", sysfold_event_tid(event), text);
        }
    }
    sysfold_stream_close(stream);
}

void finish(void)
{
    now += 100 * MS;
    sandbox_end(sandbox, now);
    read_lines();
}

size_t count_lines(const char *part)
{
    size_t count = 0;

    for (size_t i = 0; i < line_count; i++)
        count += strstr(lines[i], part) != NULL;
    return count;
}

void expect_line(const char *line)
{
    for (size_t i = 0; i < line_count; i++) {
        if (!strcmp(lines[i], line))
            return;
    }
    for (size_t i = 0; i < line_count; i++)
        cr_log_error("%s", lines[i]);
    cr_assert_fail("there is no '%s'", line);
}

size_t place_of(const char *part)
{
    for (size_t i = 0; i < line_count; i++) {
        if (strstr(lines[i], part))
            return i;
    }
    cr_assert_fail("there is no '%s'", part);
    return 0;
}

/* The sandbox's side. */

void send_message(uint16_t type, const void *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *packet = malloc(8 + size);
    const uint16_t header_size = 8;

    cr_assert_not_null(packet);
    memcpy(packet, &header_size, 2);
    memcpy(packet + 2, &type, 2);
    memcpy(packet + 4, &dropped, 4);
    protobuf_c_message_pack(message, packet + 8);
    sandbox_packet(sandbox, packet, 8 + size, now);
    free(packet);
}

Gv__ContextData context_of(int tid, int pid, uint64_t time)
{
    Gv__ContextData context = GV__CONTEXT_DATA__INIT;

    context.thread_id = tid;
    context.thread_group_id = pid;
    context.time_ns = (int64_t)time;
    return context;
}

ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)text, .len = strlen(text)};
}

void send_raw_at(int tid, int pid, uint64_t time, uint64_t nr, uint64_t first, uint64_t second, const int64_t *result)
{
    Gv__ContextData context = context_of(tid, pid, time);
    Gv__Syscall call = GV__SYSCALL__INIT;
    Gv__Exit exit = GV__EXIT__INIT;

    if (result && *result < 0)
        exit.errorno = -*result;
    else if (result)
        exit.result = *result;
    call.context_data = &context;
    call.exit = result ? &exit : NULL;
    call.sysno = nr;
    call.arg1 = first;
    call.arg2 = second;
    call.arg3 = 5;
    send_message(MESSAGE_RAW, &call);
}

void raw_enter(int tid, uint64_t nr, uint64_t first, uint64_t second)
{
    now += MS / 100;
    send_raw_at(tid, 1, now, nr, first, second, NULL);
}

void raw_exit(int tid, uint64_t nr, uint64_t first, uint64_t second, int64_t result)
{
    now += MS / 100;
    send_raw_at(tid, 1, now, nr, first, second, &result);
}

void raw_call(int tid, uint64_t nr, uint64_t first, uint64_t second, int64_t result)
{
    raw_enter(tid, nr, first, second);
    raw_exit(tid, nr, first, second, result);
}

void send_open(int tid, const char *path, const int64_t *result)
{
    Gv__ContextData context = context_of(tid, 1, now);
    Gv__Open call = GV__OPEN__INIT;
    Gv__Exit exit = GV__EXIT__INIT;

    if (result && *result < 0)
        exit.errorno = -*result;
    else if (result)
        exit.result = *result;
    call.context_data = &context;
    call.exit = result ? &exit : NULL;
    call.sysno = OPEN;
    call.pathname = bytes_of(path);
    send_message(MESSAGE_OPEN, &call);
}

void whole_open(const char *path, const char *path_at_exit, int64_t result)
{
    raw_enter(1, OPEN, 4096, 0);
    send_open(1, path, NULL);
    raw_exit(1, OPEN, 4096, 0, result);
    send_open(1, path_at_exit, &result);
}

void task_exit(int tid, int pid, int status)
{
    Gv__ContextData context = context_of(tid, pid, now += MS / 100);
    Gv__TaskExit exit = GV__TASK_EXIT__INIT;

    exit.context_data = &context;
    exit.exit_status = status;
    send_message(MESSAGE_TASK_EXIT, &exit);
}
