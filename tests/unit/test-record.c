// SPDX-License-Identifier: Apache-2.0
/* The record: what the encoder writes is what the decoder reads, and lies do no harm. */

#include <errno.h>

#include <criterion/criterion.h>

#include "common/encode.h"
#include "decoder/decode/record.h"

static struct encoder encoder;
static struct record record;

static void read_back(const uint8_t *bytes, size_t size)
{
    cr_assert_eq(record_read(&record, sysfold_schema_builtin(), bytes, size, false), (int)size);
}

static struct sysfold_value param(unsigned index)
{
    struct sysfold_value value;

    cr_assert_eq(record_param(&record, index, &value), 0);
    return value;
}

Test(record, openat_takes_46_bytes_and_its_path)
{
    size_t size;
    const uint8_t *bytes;

    encoder_begin(&encoder, row_builtin(ROW_OPENAT), 42, 1000);
    encoder_integer(&encoder, P_OPENAT_res, 3);
    encoder_integer(&encoder, P_OPENAT_dirfd, -100);
    encoder_integer(&encoder, P_OPENAT_flags, 02000000);
    encoder_integer(&encoder, P_OPENAT_mode, 0644);
    encoder_integer(&encoder, P_OPENAT_dev, 0x800001);
    encoder_integer(&encoder, P_OPENAT_ino, 77);
    encoder_string(&encoder, P_OPENAT_path, "/etc/passwd");
    encoder_bytes(&encoder, P_OPENAT_file, "", 0, 4096);
    bytes = encoder_finish(&encoder, &size);
    cr_assert_eq(size, 46 + 11);
    read_back(bytes, size);
    cr_assert_eq(record.flags, 0);
    cr_assert_eq(record.tid, 42);
    cr_assert_eq(record.time, 1000);
    cr_assert_eq(param(P_OPENAT_dirfd).i, -100);
    cr_assert_eq(param(P_OPENAT_mode).u, 0644);
    cr_assert_eq(param(P_OPENAT_ino).u, 77);
    cr_assert_eq(param(P_OPENAT_path).size, 11);
    cr_assert_eq(memcmp(param(P_OPENAT_path).data, "/etc/passwd", 11), 0);
    cr_assert_eq(param(P_OPENAT_file).size, 0);
    cr_assert_eq(param(P_OPENAT_file).status, SYSFOLD_PRESENT);
}

Test(record, what_only_a_success_has_is_absent_from_a_failure_for_free)
{
    size_t size;
    const uint8_t *bytes;

    encoder_begin(&encoder, row_builtin(ROW_OPENAT), 42, 1000);
    encoder_integer(&encoder, P_OPENAT_res, -ENOENT);
    encoder_integer(&encoder, P_OPENAT_dirfd, -100);
    encoder_integer(&encoder, P_OPENAT_flags, 0);
    encoder_integer(&encoder, P_OPENAT_mode, 0);
    encoder_string(&encoder, P_OPENAT_path, "/x");
    encoder_failed(&encoder);
    bytes = encoder_finish(&encoder, &size);
    cr_assert_eq(size, 46 + 2, "no status word is spent");
    read_back(bytes, size);
    cr_assert_eq(record.flags, SYSFOLD_EVENT_FAILED);
    cr_assert_eq(param(P_OPENAT_ino).status, SYSFOLD_ABSENT);
    cr_assert_eq(param(P_OPENAT_file).status, SYSFOLD_ABSENT);
    cr_assert_eq(param(P_OPENAT_path).status, SYSFOLD_PRESENT);
}

Test(record, every_flag_has_its_word_and_they_do_not_mix)
{
    size_t size;
    const uint8_t *bytes;

    encoder_begin(&encoder, row_builtin(ROW_OPENAT), 42, 1000);
    encoder_integer(&encoder, P_OPENAT_res, 3);
    encoder_status(&encoder, P_OPENAT_dev, SYSFOLD_NULL);
    encoder_bytes(&encoder, P_OPENAT_path, "abcdef", 6, 4);
    encoder_raced(&encoder, P_OPENAT_path);
    encoder_status(&encoder, P_OPENAT_file, SYSFOLD_UNREADABLE);
    encoder_duration(&encoder, 555);
    bytes = encoder_finish(&encoder, &size);
    read_back(bytes, size);
    cr_assert_eq(record.flags, SYSFOLD_EVENT_ABSENT | SYSFOLD_EVENT_TRUNCATED | SYSFOLD_EVENT_RACED |
                                   SYSFOLD_EVENT_TIMED);
    cr_assert_eq(record.duration, 555);
    cr_assert_eq(param(P_OPENAT_res).i, 3);
    cr_assert_eq(param(P_OPENAT_flags).status, SYSFOLD_ABSENT, "nobody put it");
    cr_assert_eq(param(P_OPENAT_dev).status, SYSFOLD_NULL);
    cr_assert_eq(param(P_OPENAT_file).status, SYSFOLD_UNREADABLE);
    cr_assert(param(P_OPENAT_path).truncated);
    cr_assert(param(P_OPENAT_path).raced);
    cr_assert_eq(param(P_OPENAT_path).size, 4);
    cr_assert_not(param(P_OPENAT_file).raced);
}

Test(record, the_largest_data_fits_and_no_more)
{
    static uint8_t data[70000];
    size_t size;
    const uint8_t *bytes;

    encoder_begin(&encoder, row_builtin(ROW_READ), 1, 1);
    encoder_integer(&encoder, P_READ_res, 70000);
    encoder_integer(&encoder, P_READ_fd, 0);
    encoder_integer(&encoder, P_READ_size, 70000);
    encoder_bytes(&encoder, P_READ_data, data, sizeof(data), sizeof(data));
    bytes = encoder_finish(&encoder, &size);
    cr_assert_leq(size, RECORD_SIZE_MAX);
    read_back(bytes, size);
    cr_assert(param(P_READ_data).truncated);
    cr_assert_gt(param(P_READ_data).size, 60000);
}

/* Cut anywhere and with every byte changed, a record is refused or read without touching what is not its own
 * (the sanitizers watch). */
Test(record, lies_do_no_harm)
{
    size_t size;
    const uint8_t *bytes;

    encoder_begin(&encoder, row_builtin(ROW_OPENAT), 42, 1000);
    encoder_string(&encoder, P_OPENAT_path, "/etc/passwd");
    encoder_duration(&encoder, 5);
    bytes = encoder_finish(&encoder, &size);
    for (size_t at = 0; at < size; at++) {
        for (unsigned change = 1; change < 256; change++) {
            uint8_t *copy = malloc(size);

            memcpy(copy, bytes, size);
            copy[at] ^= (uint8_t)change;
            if (record_read(&record, sysfold_schema_builtin(), copy, size, at % 2) >= 0 && record.row) {
                for (unsigned i = 0; i < record.row->param_count; i++)
                    (void)param(i);
            }
            free(copy);
        }
    }
    for (size_t cut = 0; cut < size; cut++)
        cr_assert_eq(record_read(&record, sysfold_schema_builtin(), bytes, cut, false), -EBADMSG);
}
