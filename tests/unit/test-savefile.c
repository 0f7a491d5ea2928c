// SPDX-License-Identifier: Apache-2.0
/* Capture files as they are meant to be: what was put in comes out. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "common/record.h"
#include "decoder/savefile/block.h"
#include "savefile-kit.h"

static void round_trip(size_t count, size_t data, int compression, uint32_t block_size)
{
    struct script script = script_make(count, data, 3);
    struct kit_file file = kit_file_new();
    struct outcome outcome;

    script.has_status = true;
    script.status = 0x2a00;
    script_record(&script, file.path, compression, block_size);
    outcome = outcome_of(file.path);
    expect_everything(&script, &outcome);
    cr_assert_eq(outcome.has_status, 0);
    cr_assert_eq(outcome.status, 0x2a00);
    cr_assert_str_eq(outcome.names[0], "host");
    cr_assert_str_eq(outcome.names[1], "sandbox one");
    cr_assert_str_eq(outcome.names[2], "sandbox \xc3\xa9");
    outcome_free(&outcome);
    kit_file_free(&file);
    script_free(&script);
}

Test(savefile, what_was_put_in_comes_out)
{
    round_trip(5000, 500, 0, 0);
}

Test(savefile, uncompressed_too)
{
    round_trip(5000, 500, -1, 0);
}

Test(savefile, and_from_many_small_blocks)
{
    round_trip(5000, 500, 9, 4096);
}

Test(savefile, records_larger_than_a_block_and_many_times_the_ring)
{
    round_trip(600, 60000, 1, 4096);
    round_trip(600, 60000, -1, 16 << 20);
}

Test(savefile, an_empty_capture_is_a_capture)
{
    struct script script = {.schema = sysfold_schema_builtin()};
    struct kit_file file = kit_file_new();
    struct outcome outcome;

    script_record(&script, file.path, 0, 0);
    outcome = outcome_of(file.path);
    expect_everything(&script, &outcome);
    cr_assert_eq(outcome.has_status, -ENODATA);
    outcome_free(&outcome);
    kit_file_free(&file);
}

Test(savefile, an_existing_file_is_replaced_and_a_new_one_is_private)
{
    struct script script = script_make(10, 10, 1);
    char path[] = "/tmp/sysfold-test-XXXXXX";
    struct outcome outcome;
    struct stat status;
    static const char junk[100000] = "junk";
    int fd = mkstemp(path);

    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, junk, sizeof(junk)), (ssize_t)sizeof(junk));
    close(fd);
    script_record(&script, path, 0, 0);
    outcome = outcome_of(path);
    expect_everything(&script, &outcome);
    outcome_free(&outcome);
    cr_assert_eq(unlink(path), 0);
    script_record(&script, path, 0, 0);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    unlink(path);
    script_free(&script);
}

/* The numbers that a reader who seeks relies on. */
Test(savefile, index_and_end_tell_the_truth)
{
    struct script script = script_make(3000, 200, 2);
    struct kit_file file = kit_file_new();
    struct bytes bytes;
    struct block_header block;
    struct file_end end;
    const uint8_t *index;
    uint64_t events = 0, last = 0;

    script_record(&script, file.path, -1, 4096);
    bytes = bytes_of_file(file.path);
    cr_assert(file_end_get(bytes.data + bytes.size - FILE_END_SIZE, FILE_END_SIZE, &end));
    cr_assert_eq(end.events, 3000 - 3000 / 64);
    cr_assert_eq(end.bytes, script.records.size);
    cr_assert_eq(end.first, 1000);
    cr_assert_eq(end.last, 3999);
    cr_assert_gt(end.blocks, 10);
    index = bytes.data + end.index_offset;
    cr_assert(block_header_get(index, &block));
    cr_assert_eq(block.kind, BLOCK_INDEX);
    cr_assert_eq(block.stored, block.raw);
    index += BLOCK_HEADER_SIZE;
    cr_assert_eq(get_le64(index), 0, "there is no index before it");
    cr_assert_eq(get_le64(index + 8), end.blocks);
    for (uint64_t i = 0; i < end.blocks; i++) {
        const uint8_t *entry = index + INDEX_HEADER_SIZE + i * INDEX_ENTRY_SIZE;

        cr_assert(block_header_get(bytes.data + get_le64(entry), &block));
        cr_assert_eq(block.kind, get_le32(entry + 28));
        cr_assert_eq(block.kind, BLOCK_RECORDS_NATIVE);
        cr_assert_gt(get_le64(entry + 8), last);
        cr_assert_geq(get_le64(entry + 16), get_le64(entry + 8));
        last = get_le64(entry + 16);
        events += get_le32(entry + 24);
    }
    cr_assert_eq(events, 3000);
    cr_assert_eq(count_blocks(&bytes, BLOCK_RECORDS_NATIVE), end.blocks);
    cr_assert_eq(count_blocks(&bytes, BLOCK_SOURCE), 2, "each source is told of once");
    bytes_free(&bytes);
    kit_file_free(&file);
    script_free(&script);
}

Test(savefile, options_out_of_range_are_refused)
{
    struct script script = {.schema = sysfold_schema_builtin()};
    struct sysfold_stream *stream = script_stream(&script);
    struct sysfold_writer *writer;
    struct sysfold_writer_options options = {.size = sizeof(options), .compression = 10};

    cr_assert_eq(sysfold_writer_open("/dev/null", stream, &options, &writer, NULL), -EINVAL);
    options = (struct sysfold_writer_options){.size = sizeof(options), .block_size = 4095};
    cr_assert_eq(sysfold_writer_open("/dev/null", stream, &options, &writer, NULL), -EINVAL);
    options = (struct sysfold_writer_options){0};
    cr_assert_eq(sysfold_writer_open("/dev/null", stream, &options, &writer, NULL), -EINVAL);
    sysfold_stream_close(stream);
}

/* Through pipes. */

static void *record_to_stdout(void *data)
{
    script_record(data, "-", 0, 4096);
    close(STDOUT_FILENO);
    return NULL;
}

Test(savefile, pipes_work_at_both_ends)
{
    struct script script = script_make(2000, 300, 2);
    struct outcome outcome;
    pthread_t thread;
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    close(ends[1]);
    cr_assert_eq(pthread_create(&thread, NULL, record_to_stdout, &script), 0);
    outcome = outcome_of("-");
    pthread_join(thread, NULL);
    expect_everything(&script, &outcome);
    outcome_free(&outcome);
    script_free(&script);
}

/* Puts until it fails; the error. */
static int put_until_failure(const struct script *script, const char *path, struct sysfold_error *error)
{
    struct sysfold_writer_options options = {sizeof(options), -1, 4096, 0};
    struct sysfold_stream *stream = script_stream(script);
    const struct sysfold_event *event;
    struct sysfold_writer *writer = NULL;
    int r = sysfold_writer_open(path, stream, &options, &writer, error);

    while (r == 0 && sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while (r == 0 && (event = sysfold_stream_next(stream)))
            r = sysfold_writer_put(writer, event, error);
    }
    if (r < 0 && writer) {
        struct sysfold_error again = {0};

        cr_assert_eq(sysfold_writer_close(writer, &again), r);
        cr_assert_str_eq(again.message, error->message);
    } else if (writer) {
        r = sysfold_writer_close(writer, error);
    }
    sysfold_stream_close(stream);
    return r;
}

Test(savefile, a_closed_pipe_is_an_error_not_a_signal)
{
    struct script script = script_make(20000, 500, 1);
    struct sysfold_error error = {0};
    char byte;
    int ends[2], before = dup(STDOUT_FILENO);
    pid_t child;

    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(ends[0]);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    cr_assert_eq(put_until_failure(&script, "-", &error), -EPIPE);
    cr_assert_str_eq(error.message, "cannot write standard output: Broken pipe");
    dup2(before, STDOUT_FILENO);
    close(before);
    waitpid(child, NULL, 0);
    script_free(&script);
}

/* Disks that are full. */

Test(savefile, a_full_device_is_told_at_once)
{
    struct script script = {.schema = sysfold_schema_builtin()};
    struct sysfold_stream *stream = script_stream(&script);
    struct sysfold_writer *writer;
    struct sysfold_error error = {0};

    cr_assert_eq(sysfold_writer_open("/dev/full", stream, NULL, &writer, &error), -ENOSPC);
    cr_assert_str_eq(error.message, "cannot write /dev/full: No space left on device");
    cr_assert_eq(sysfold_writer_open("/nowhere/at/all", stream, NULL, &writer, &error), -ENOENT);
    cr_assert_str_eq(error.message, "cannot create /nowhere/at/all: No such file or directory");
    sysfold_stream_close(stream);
}

Test(savefile, what_was_written_before_the_disk_was_full_stays)
{
    struct script script = script_make(20000, 300, 1);
    struct rlimit limit;
    struct sysfold_error error = {0};
    struct outcome outcome;
    char path[] = "/tmp/sysfold-test-XXXXXX";
    int fd = mkstemp(path);

    cr_assert(fd >= 0);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = 500001;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(put_until_failure(&script, path, &error), -EFBIG, "%s", error.message);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    outcome = outcome_of(path);
    cr_assert_eq(outcome.opened, 0);
    cr_assert_eq(outcome.ended, 0);
    cr_assert_str_eq((const char *)outcome.damage.data, "", "the half block was taken back");
    missing_events(&script, &outcome);
    cr_assert_gt(outcome.got.records.size, 400000);
    outcome_free(&outcome);
    unlink(path);
    close(fd);
    script_free(&script);
}

/* While it grows, and when the recorder is no more. */

Test(savefile, a_reader_follows_a_file_that_is_being_written)
{
    struct sysfold_writer_options options = {sizeof(options), 0, 0, 1};
    struct sysfold_file_options follow = {.size = sizeof(follow), .no_state = true, .follow = true};
    struct script script = script_make(30, 100, 1);
    struct sysfold_stream *from = script_stream(&script), *stream;
    struct sysfold_writer *writer;
    const struct sysfold_event *event, *copy;
    struct kit_file file = kit_file_new();
    size_t size, copy_size;

    cr_assert_eq(sysfold_writer_open(file.path, from, &options, &writer, NULL), 0);
    cr_assert_eq(sysfold_file_open(file.path, &follow, &stream, NULL), 0);
    cr_assert_eq(sysfold_stream_fetch(stream, 0, NULL), -EAGAIN);
    cr_assert_eq(sysfold_stream_fetch(stream, 10, NULL), -EAGAIN);
    while (sysfold_stream_fetch(from, -1, NULL) > 0) {
        while ((event = sysfold_stream_next(from))) {
            const uint8_t *record = sysfold_event_record(event, &size);

            cr_assert_eq(sysfold_writer_put(writer, event, NULL), 0);
            cr_assert_eq(sysfold_stream_fetch(stream, -1, NULL), 1);
            copy = sysfold_stream_next(stream);
            cr_assert(copy);
            cr_assert_eq(memcmp(sysfold_event_record(copy, &copy_size), record, size), 0);
            cr_assert_eq(copy_size, size);
            cr_assert_eq(sysfold_stream_next(stream), NULL);
        }
    }
    cr_assert_eq(sysfold_stream_fetch(stream, 0, NULL), -EAGAIN);
    cr_assert_eq(sysfold_writer_close(writer, NULL), 0);
    cr_assert_eq(sysfold_stream_fetch(stream, -1, NULL), 0);
    sysfold_stream_close(stream);
    sysfold_stream_close(from);
    kit_file_free(&file);
    script_free(&script);
}

static void record_until_killed(const struct script *script, const char *path)
{
    struct sysfold_stream *stream = script_stream(script);
    const struct sysfold_event *event;
    struct sysfold_writer *writer;

    if (sysfold_writer_open(path, stream, NULL, &writer, NULL) < 0)
        _exit(1);
    while (sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while ((event = sysfold_stream_next(stream)))
            sysfold_writer_put(writer, event, NULL);
    }
    kill(getpid(), SIGKILL);
}

Test(savefile, a_killed_recorder_leaves_a_readable_file)
{
    struct script script = script_make(50000, 300, 2);
    struct kit_file file = kit_file_new();
    struct outcome outcome;
    pid_t child = fork();
    int status;

    if (child == 0)
        record_until_killed(&script, file.path);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    outcome = outcome_of(file.path);
    cr_assert_eq(outcome.opened, 0, "%s", outcome.error.message);
    cr_assert_eq(outcome.ended, 0);
    cr_assert_eq(outcome.has_status, -ENODATA);
    missing_events(&script, &outcome);
    cr_assert_gt(outcome.got.records.size, script.records.size - (2 << 20), "the ring and a block may be missing");
    outcome_free(&outcome);
    kit_file_free(&file);
    script_free(&script);
}

/* The other byte order: the same records, every field turned. */

static void swap(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size / 2; i++) {
        uint8_t byte = bytes[i];

        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = byte;
    }
}

static void swap_record(uint8_t *bytes)
{
    uint16_t type = load_u16(bytes, false);
    const struct sysfold_row *row = row_builtin(type & RECORD_NUMBER_MASK);
    uint8_t *at = bytes + RECORD_HEADER_SIZE;

    cr_assert(!(type & (SYSFOLD_EVENT_TRUNCATED | SYSFOLD_EVENT_RACED | SYSFOLD_EVENT_TIMED)));
    swap(bytes, 2);
    swap(bytes + 2, 2);
    swap(bytes + 4, 4);
    swap(bytes + 8, 8);
    if (type & SYSFOLD_EVENT_ABSENT) {
        swap(at, 8);
        at += 8;
    }
    for (unsigned i = 0; i < row->param_count; i++) {
        const struct type_info *info = row->params[i].type;

        for (unsigned k = 0; !info->variable && k < info->count; k++, at += wire_size(info->wire))
            swap(at, wire_size(info->wire));
    }
    for (unsigned i = 0; i < row->variable_count; i++) {
        size_t size = load_u16(at, false);

        swap(at, 2);
        at += 2 + size;
    }
}

Test(savefile, the_other_byte_order_reads_the_same)
{
    struct script script = script_make(300, 50, 1), turned = script_make(300, 50, 1);
    struct sysfold_file_options options = {.size = sizeof(options), .no_state = true};
    struct sysfold_stream *ours = script_stream(&script), *theirs;
    struct kit_file file = kit_file_new();
    const struct sysfold_event *a, *b;

    for (size_t i = 0; i < turned.count; i++)
        swap_record(turned.records.data + turned.at[i]);
    turned.swapped = true;
    script_record(&turned, file.path, 0, 4096);
    cr_assert_eq(sysfold_file_open(file.path, &options, &theirs, NULL), 0);
    for (size_t i = 0; i < script.count; i++) {
        struct sysfold_value x, y;

        a = next_event(ours);
        b = next_event(theirs);
        cr_assert(a && b);
        cr_assert_eq(sysfold_event_time(a), sysfold_event_time(b));
        cr_assert_eq(sysfold_event_tid(a), sysfold_event_tid(b));
        cr_assert_eq(sysfold_event_row(a), sysfold_event_row(b));
        for (size_t k = 0; sysfold_event_param(a, k, &x) == 0; k++) {
            cr_assert_eq(sysfold_event_param(b, k, &y), 0);
            cr_assert(x.status == y.status && x.kind == y.kind && x.u == y.u && x.size == y.size);
        }
    }
    cr_assert_eq(next_event(theirs), NULL);
    sysfold_stream_close(ours);
    sysfold_stream_close(theirs);
    kit_file_free(&file);
    script_free(&script);
    script_free(&turned);
}

/* Two events, the second in the other byte order. */
static void expect_both_orders(const char *path, const char *copy)
{
    struct sysfold_file_options options = {.size = sizeof(options), .no_state = true};
    const struct sysfold_event *event;
    struct sysfold_stream *stream;
    struct sysfold_writer *writer;

    cr_assert_eq(sysfold_file_open(path, &options, &stream, NULL), 0);
    cr_assert_eq(sysfold_writer_open(copy, stream, NULL, &writer, NULL), 0);
    for (int i = 0; i < 2; i++) {
        event = next_event(stream);
        cr_assert(event);
        cr_assert_eq(sysfold_event_time(event), 1000);
        cr_assert_eq(sysfold_writer_put(writer, event, NULL), 0);
    }
    cr_assert_eq(next_event(stream), NULL);
    cr_assert_eq(sysfold_writer_close(writer, NULL), 0);
    sysfold_stream_close(stream);
}

Test(savefile, both_byte_orders_fit_one_file)
{
    uint32_t id;
    struct script script = script_make(2, 0, 1);
    struct bytes bytes = preamble_of(sysfold_schema_builtin(), &id), payload = {0};
    struct kit_file file, copy = kit_file_new();

    add_batch(&payload, 0, script.records.data, script.at[1]);
    add_block(&bytes, id, BLOCK_RECORDS_NATIVE, payload.data, payload.size, 0);
    swap_record(payload.data + BATCH_HEADER_SIZE);
    add_block(&bytes, id, BLOCK_RECORDS_SWAPPED, payload.data, payload.size, 0);
    file = kit_file_of(&bytes);
    expect_both_orders(file.path, copy.path);
    expect_both_orders(copy.path, "/dev/null");
    kit_file_free(&file);
    kit_file_free(&copy);
    bytes_free(&payload);
    bytes_free(&bytes);
    script_free(&script);
}
