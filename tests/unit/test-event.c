// SPDX-License-Identifier: Apache-2.0
/* The typed view of an event, over records laid by hand. */

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/encode.h"
#include "decoder/decode/event.h"

#define NATIVE 0xc000003e
#define I386 0x40000003
#define AARCH64 0xc00000b7
#define X32_BIT 0x40000000U

static struct encoder encoder;

static void begin(unsigned row)
{
    encoder_begin(&encoder, row_builtin(row), 4711, 123456789);
}

/* The event of what has been encoded; borrows the encoder's room. */
static struct sysfold_event finish(void)
{
    struct sysfold_event event = {.number = 7, .source = 2, .source_name = "host"};
    const uint8_t *bytes;
    size_t size;

    bytes = encoder_finish(&encoder, &size);
    cr_assert_eq(record_read(&event.record, sysfold_schema_builtin(), bytes, size, false), (int)size);
    return event;
}

static struct sysfold_event open_event(void)
{
    begin(ROW_OPENAT);
    encoder_integer(&encoder, P_OPENAT_res, 3);
    encoder_integer(&encoder, P_OPENAT_dirfd, -100);
    encoder_integer(&encoder, P_OPENAT_flags, 0x80000241);
    encoder_integer(&encoder, P_OPENAT_mode, 0644);
    encoder_string(&encoder, P_OPENAT_path, "/etc/passwd");
    return finish();
}

static struct sysfold_event failed_open_event(int error)
{
    begin(ROW_OPENAT);
    encoder_integer(&encoder, P_OPENAT_res, -error);
    encoder_integer(&encoder, P_OPENAT_dirfd, -100);
    encoder_string(&encoder, P_OPENAT_path, "/nowhere");
    encoder_failed(&encoder);
    return finish();
}

static struct sysfold_event generic_event(uint32_t arch, uint32_t nr)
{
    begin(ROW_SYSCALL);
    encoder_integer(&encoder, P_SYSCALL_res, -1);
    encoder_integer(&encoder, P_SYSCALL_arch, arch);
    encoder_integer(&encoder, P_SYSCALL_nr, nr);
    return finish();
}

static struct sysfold_value by_name(const struct sysfold_event *event, const char *name)
{
    struct sysfold_value value;

    cr_assert_eq(sysfold_event_param_by_name(event, name, &value), 0, "%s", name);
    return value;
}

Test(event, the_header_is_the_records)
{
    struct sysfold_event event = open_event();
    size_t size;

    cr_assert_eq(sysfold_event_number(&event), 7);
    cr_assert_eq(sysfold_event_time(&event), 123456789);
    cr_assert_eq(sysfold_event_tid(&event), 4711);
    cr_assert_eq(sysfold_event_source(&event), 2);
    cr_assert_str_eq(sysfold_event_source_name(&event), "host");
    cr_assert_eq(sysfold_event_row(&event), row_builtin(ROW_OPENAT));
    cr_assert_eq(sysfold_event_flags(&event), SYSFOLD_EVENT_ABSENT, "dev, ino and file were not put");
    cr_assert_eq(sysfold_event_record(&event, &size), event.record.bytes);
    cr_assert_eq(size, event.record.size);
}

Test(event, flags_of_a_failure_and_a_race)
{
    struct sysfold_event event = failed_open_event(ENOENT);

    cr_assert(sysfold_event_flags(&event) & SYSFOLD_EVENT_FAILED);
    begin(ROW_CLOSE);
    encoder_integer(&encoder, P_CLOSE_res, 0);
    encoder_integer(&encoder, P_CLOSE_fd, 5);
    event = finish();
    cr_assert_eq(sysfold_event_flags(&event), 0);
    begin(ROW_OPENAT);
    encoder_string(&encoder, P_OPENAT_path, "/tmp/a");
    encoder_raced(&encoder, P_OPENAT_path);
    event = finish();
    cr_assert(sysfold_event_flags(&event) & SYSFOLD_EVENT_RACED);
    cr_assert(by_name(&event, "path").raced);
    cr_assert_not(by_name(&event, "flags").raced);
}

Test(event, a_duration_is_there_or_not)
{
    struct sysfold_event event = open_event();
    uint64_t ns = 99;

    cr_assert_eq(sysfold_event_duration(&event, &ns), -ENODATA);
    cr_assert_eq(ns, 99);
    begin(ROW_CLOSE);
    encoder_integer(&encoder, P_CLOSE_res, 0);
    encoder_duration(&encoder, 5000000000);
    event = finish();
    cr_assert_eq(sysfold_event_duration(&event, &ns), 0);
    cr_assert_eq(ns, 5000000000);
}

Test(event, parameters_by_index)
{
    struct sysfold_event event = open_event();
    struct sysfold_value value;

    cr_assert_eq(sysfold_event_param(&event, P_OPENAT_dirfd, &value), 0);
    cr_assert_eq(value.kind, SYSFOLD_KIND_SIGNED);
    cr_assert_eq(value.i, -100);
    cr_assert_eq(sysfold_event_param(&event, P_OPENAT_flags, &value), 0);
    cr_assert_eq(value.kind, SYSFOLD_KIND_UNSIGNED);
    cr_assert_eq(value.u, 0x80000241, "bit 31 is no sign");
    cr_assert_eq(value.i, 0x80000241);
    cr_assert_eq(sysfold_event_param(&event, P_OPENAT_path, &value), 0);
    cr_assert_eq(value.kind, SYSFOLD_KIND_BYTES);
    cr_assert_eq(value.size, strlen("/etc/passwd"));
    cr_assert_eq(memcmp(value.data, "/etc/passwd", value.size), 0);
}

Test(event, there_is_no_parameter_beyond_the_last)
{
    struct sysfold_event event = open_event();
    struct sysfold_value value;
    size_t count = sysfold_event_row(&event)->param_count;

    cr_assert_eq(sysfold_event_param(&event, count - 1, &value), 0);
    cr_assert_eq(sysfold_event_param(&event, count, &value), -ENOENT);
    cr_assert_eq(sysfold_event_param(&event, ROW_PARAM_MAX, &value), -ENOENT);
    cr_assert_eq(sysfold_event_param(&event, (size_t)1 << 32, &value), -ENOENT, "the index is not cut to 32 bits");
    cr_assert_eq(sysfold_event_param(&event, SIZE_MAX, &value), -ENOENT);
}

Test(event, parameters_by_name)
{
    struct sysfold_event event = open_event();
    struct sysfold_value value;

    cr_assert_eq(by_name(&event, "res").i, 3);
    cr_assert_eq(by_name(&event, "mode").u, 0644);
    cr_assert_eq(by_name(&event, "path").size, strlen("/etc/passwd"));
    cr_assert_eq(sysfold_event_param_by_name(&event, "fd", &value), -ENOENT);
    cr_assert_eq(sysfold_event_param_by_name(&event, "", &value), -ENOENT);
    cr_assert_eq(sysfold_event_param_by_name(&event, "PATH", &value), -ENOENT);
    cr_assert_eq(sysfold_event_param_by_name(&event, "pat", &value), -ENOENT);
}

Test(event, every_parameter_of_every_row_has_one_name)
{
    for (unsigned number = 0; number < ROW_MAX; number++) {
        const struct sysfold_row *row = row_builtin(number);
        struct sysfold_event event;

        if (!row)
            continue;
        begin(number);
        event = finish();
        for (unsigned i = 0; i < row->param_count; i++) {
            struct sysfold_value value;

            cr_assert_eq(sysfold_row_param_index(row, row->params[i].name), (int)i, "%s", row->name);
            cr_assert_eq(by_name(&event, row->params[i].name).status, SYSFOLD_ABSENT, "%s", row->name);
            cr_assert_eq(sysfold_event_param(&event, i, &value), 0);
        }
    }
}

Test(event, what_is_missing_says_why)
{
    struct sysfold_event event;

    begin(ROW_OPENAT);
    encoder_integer(&encoder, P_OPENAT_res, 3);
    encoder_status(&encoder, P_OPENAT_path, SYSFOLD_NULL);
    encoder_status(&encoder, P_OPENAT_file, SYSFOLD_UNREADABLE);
    event = finish();
    cr_assert_eq(by_name(&event, "path").status, SYSFOLD_NULL);
    cr_assert_eq(by_name(&event, "file").status, SYSFOLD_UNREADABLE);
    cr_assert_eq(by_name(&event, "mode").status, SYSFOLD_ABSENT);
    cr_assert_eq(by_name(&event, "res").status, SYSFOLD_PRESENT);
}

Test(event, a_failure_has_no_parameters_of_a_success)
{
    struct sysfold_event event = failed_open_event(EACCES);

    cr_assert_eq(by_name(&event, "path").status, SYSFOLD_PRESENT);
    cr_assert_eq(by_name(&event, "ino").status, SYSFOLD_ABSENT);
    cr_assert_eq(by_name(&event, "file").status, SYSFOLD_ABSENT);
}

Test(event, a_cut_parameter_says_so)
{
    struct sysfold_event event;

    begin(ROW_READ);
    encoder_integer(&encoder, P_READ_res, 10);
    encoder_integer(&encoder, P_READ_fd, 0);
    encoder_integer(&encoder, P_READ_size, 100);
    encoder_bytes(&encoder, P_READ_data, "0123456789", 10, 4);
    event = finish();
    cr_assert(sysfold_event_flags(&event) & SYSFOLD_EVENT_TRUNCATED);
    cr_assert(by_name(&event, "data").truncated);
    cr_assert_eq(by_name(&event, "data").size, 4);
    cr_assert_not(by_name(&event, "size").truncated);
}

Test(event, results)
{
    struct sysfold_event event = open_event();
    int64_t result = 99;

    cr_assert_eq(sysfold_event_result(&event, &result), 0);
    cr_assert_eq(result, 3);
    event = failed_open_event(ENOENT);
    cr_assert_eq(sysfold_event_result(&event, &result), 0);
    cr_assert_eq(result, -ENOENT);
    event = generic_event(NATIVE, 1000);
    cr_assert_eq(sysfold_event_result(&event, &result), 0);
    cr_assert_eq(result, -1);
}

Test(event, a_call_that_never_returned_has_no_result)
{
    struct sysfold_event event;
    int64_t result = 99;

    begin(ROW_CLOSE);
    encoder_integer(&encoder, P_CLOSE_fd, 5);
    event = finish();
    cr_assert_eq(sysfold_event_result(&event, &result), -ENODATA);
    cr_assert_eq(result, 99);
}

Test(event, what_is_no_call_has_no_result)
{
    static const unsigned numbers[] = {ROW_THREAD_START, ROW_EXEC, ROW_THREAD_EXIT, ROW_PROCESS_EXIT,
                                       ROW_SIGNAL_DELIVERED, ROW_SNAP_THREAD, ROW_SNAP_FD};

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sysfold_event event;
        int64_t result = 99;

        begin(numbers[i]);
        encoder_integer(&encoder, 0, 1);
        event = finish();
        cr_assert_eq(sysfold_event_result(&event, &result), -ENOENT, "%s", sysfold_event_name(&event));
        cr_assert_eq(result, 99);
    }
}

Test(event, names_are_the_rows)
{
    struct sysfold_event event = open_event();

    cr_assert_str_eq(sysfold_event_name(&event), "openat");
    begin(ROW_PROCESS_EXIT);
    event = finish();
    cr_assert_str_eq(sysfold_event_name(&event), "process_exit");
}

Test(event, the_generic_row_is_named_after_its_call)
{
    static const struct {
        uint32_t arch, nr;
        const char *name;
    } calls[] = {
        {NATIVE, 250, "keyctl"},
        {NATIVE, 1000, "syscall_1000"},
        {NATIVE, 4000, "syscall"},
        {NATIVE, 0xffffffff, "syscall"},
        {I386, 5, "i386:open"},
        {I386, 102, "i386:socketcall"},
        {I386, 1000, "i386:syscall_1000"},
        {NATIVE, X32_BIT, "x32:read"},
        {NATIVE, X32_BIT | 520, "x32:execve"},
        {AARCH64, 56, "syscall"},
        {0, 0, "syscall"},
    };

    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct sysfold_event event = generic_event(calls[i].arch, calls[i].nr);

        cr_expect_str_eq(sysfold_event_name(&event), calls[i].name);
    }
}

Test(event, a_generic_row_that_lacks_its_number_is_still_named)
{
    struct sysfold_event event;

    begin(ROW_SYSCALL);
    event = finish();
    cr_assert_str_eq(sysfold_event_name(&event), "syscall");
}

/* A capture of another version: the number has no row here, nor in its schema. */
Test(event, a_row_that_nobody_knows)
{
    struct sysfold_event event = open_event();
    struct sysfold_value value;
    int64_t result;

    event.record.row = NULL;
    cr_assert_null(sysfold_event_row(&event));
    cr_assert_str_eq(sysfold_event_name(&event), "unknown");
    cr_assert_eq(sysfold_event_param(&event, 0, &value), -ENOENT);
    cr_assert_eq(sysfold_event_param_by_name(&event, "res", &value), -ENOENT);
    cr_assert_eq(sysfold_event_result(&event, &result), -ENOENT);
    cr_assert_eq(sysfold_event_tid(&event), 4711);
}

/* A foreign schema may call anything it likes row 1024: no index of ours needs to fit. */
Test(event, a_generic_row_without_parameters)
{
    static const struct sysfold_row empty = {.name = "syscall", .number = ROW_SYSCALL};
    struct sysfold_event event = generic_event(NATIVE, 0);
    int64_t result;

    event.record.row = &empty;
    cr_assert_str_eq(sysfold_event_name(&event), "syscall");
    cr_assert_eq(sysfold_event_result(&event, &result), -ENOENT);
}
