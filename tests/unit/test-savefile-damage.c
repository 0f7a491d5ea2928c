// SPDX-License-Identifier: Apache-2.0
/* Capture files as they may come: cut, flipped, made by somebody who means us harm. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <criterion/criterion.h>

#include "common/record.h"
#include "decoder/savefile/block.h"
#include "savefile-kit.h"

/* Nothing but what was recorded, or a clear refusal. */
static void expect_part(const struct script *script, const struct outcome *outcome, size_t at)
{
    if (outcome->opened < 0) {
        cr_assert_eq(outcome->opened, -EBADMSG, "at %zu: %s", at, outcome->error.message);
        cr_assert_neq(outcome->error.message[0], '\0');
        return;
    }
    cr_assert_eq(outcome->ended, 0, "at %zu: %s", at, outcome->error.message);
    if (missing_events(script, outcome))
        cr_assert_gt(outcome->damage.size, 1, "at %zu: events are missing silently", at);
    cr_assert_eq(outcome->stats.damaged > 0, outcome->damage.size > 1);
}

/* Where the schema ends: before it, files differ in nothing but their id and time. */
static size_t preamble_end(const struct bytes *file)
{
    size_t at = FILE_HEADER_COPIES * (BLOCK_HEADER_SIZE + FILE_HEADER_SIZE);

    return at + BLOCK_HEADER_SIZE + get_le32(file->data + at + 4);
}

static void cut_everywhere(int compression, bool in_preamble)
{
    struct script script = script_make(200, 60, 2);
    struct kit_file file = kit_file_new(), part = kit_file_new();
    struct bytes bytes;
    size_t before = 0;

    script_record(&script, file.path, compression, 4096);
    bytes = bytes_of_file(file.path);
    for (size_t size = in_preamble ? 0 : preamble_end(&bytes); size < bytes.size; size++) {
        struct outcome outcome;

        kit_file_set(&part, bytes.data, size);
        outcome = outcome_of(part.path);
        if (outcome.opened == 0) {
            cr_assert_eq(outcome.ended, 0);
            missing_events(&script, &outcome);
            cr_assert_geq(outcome.got.count, before, "a longer file has not less");
            before = outcome.got.count;
            cr_assert(outcome.damage.size == 1 ||
                      strstr((char *)outcome.damage.data, "the file ends in the middle of a block at "));
        } else {
            cr_assert_eq(outcome.opened, -EBADMSG);
            cr_assert_eq(before, 0);
        }
        outcome_free(&outcome);
    }
    cr_assert_eq(before, script.count, "only the end block's last byte is missing");
    bytes_free(&bytes);
    kit_file_free(&file);
    kit_file_free(&part);
    script_free(&script);
}

Test(savefile_damage, cut_at_every_byte, .timeout = 300)
{
    cut_everywhere(0, true);
}

Test(savefile_damage, cut_at_every_byte_uncompressed, .timeout = 300)
{
    cut_everywhere(-1, false);
}

static void flip_everywhere(int compression, uint8_t mask, bool in_preamble)
{
    struct script script = script_make(200, 60, 2);
    struct kit_file file = kit_file_new(), flipped = kit_file_new();
    struct bytes bytes;
    size_t refused = 0, fewest = script.count;

    script_record(&script, file.path, compression, 4096);
    bytes = bytes_of_file(file.path);
    for (size_t i = in_preamble ? 0 : preamble_end(&bytes); i < bytes.size; i++) {
        struct outcome outcome;

        bytes.data[i] ^= mask;
        kit_file_set(&flipped, bytes.data, bytes.size);
        bytes.data[i] ^= mask;
        outcome = outcome_of(flipped.path);
        expect_part(&script, &outcome, i);
        cr_assert(outcome.opened < 0 || outcome.damage.size > 1, "the byte at %zu is not covered", i);
        refused += outcome.opened < 0;
        if (outcome.opened == 0 && outcome.got.count < fewest)
            fewest = outcome.got.count;
        outcome_free(&outcome);
    }
    cr_assert_eq(refused, 0, "no single byte makes a capture unreadable");
    cr_assert_gt(fewest, script.count / 2, "no single byte costs more than a block");
    bytes_free(&bytes);
    kit_file_free(&file);
    kit_file_free(&flipped);
    script_free(&script);
}

Test(savefile_damage, every_byte_flipped, .timeout = 300)
{
    flip_everywhere(0, 0x01, true);
}

Test(savefile_damage, every_byte_flipped_uncompressed, .timeout = 300)
{
    flip_everywhere(-1, 0x80, false);
}

Test(savefile_damage, a_hole_of_any_size_costs_what_it_covers)
{
    struct script script = script_make(4000, 100, 2);
    struct kit_file file = kit_file_new(), holed = kit_file_new();
    struct bytes bytes;

    script_record(&script, file.path, 0, 4096);
    bytes = bytes_of_file(file.path);
    srandom(1);
    for (int i = 0; i < 200; i++) {
        size_t at = 512 + (size_t)random() % (bytes.size - 512);
        size_t size = (size_t)random() % (bytes.size - at);
        struct bytes copy = {0};
        struct outcome outcome;

        bytes_add(&copy, bytes.data, at);
        if (i % 2) /* gone, or something else */
            for (size_t k = 0; k < size; k++)
                bytes_add(&copy, &(uint8_t){(uint8_t)random()}, 1);
        bytes_add(&copy, bytes.data + at + size, bytes.size - at - size);
        kit_file_set(&holed, copy.data, copy.size);
        outcome = outcome_of(holed.path);
        expect_part(&script, &outcome, at);
        outcome_free(&outcome);
        bytes_free(&copy);
    }
    bytes_free(&bytes);
    kit_file_free(&file);
    kit_file_free(&holed);
    script_free(&script);
}

/* Somebody traced a program that reads a capture: its blocks lie, whole and good, in the records of ours. */
Test(savefile_damage, a_capture_within_a_capture_is_not_taken_for_it)
{
    struct script inner = script_make(20, 10, 1), script = {.schema = sysfold_schema_builtin()};
    struct kit_file file = kit_file_new();
    struct bytes bytes, payload = {0};
    struct outcome outcome;
    uint8_t header[RECORD_HEADER_SIZE] = {0};
    uint32_t id;
    uint16_t length;

    script_record(&inner, file.path, -1, 4096);
    bytes = bytes_of_file(file.path);
    length = (uint16_t)(bytes.size + sizeof(header));
    cr_assert_lt(bytes.size + sizeof(header), 65536);
    memcpy(header + 2, &length, sizeof(length));
    bytes_add(&payload, header, sizeof(header));
    bytes_add(&payload, bytes.data, bytes.size);
    script_add(&script, payload.data, payload.size, 0);
    payload.size = 0;
    add_batch(&payload, 0, script.records.data, script.records.size);
    bytes_free(&bytes);
    bytes = preamble_of(sysfold_schema_builtin(), &id);
    add_block(&bytes, id, BLOCK_RECORDS_NATIVE, payload.data, payload.size, 0);
    bytes.data[bytes.size - payload.size - BLOCK_HEADER_SIZE + 5] ^= 1; /* its length: we must search within it */
    add_end(&bytes, id);
    kit_file_set(&file, bytes.data, bytes.size);
    outcome = outcome_of(file.path);
    cr_assert_eq(outcome.opened, 0, "%s", outcome.error.message);
    cr_assert_eq(outcome.got.count, 0);
    cr_assert(strstr((char *)outcome.damage.data, "is damaged"));
    outcome_free(&outcome);
    bytes_free(&bytes);
    bytes_free(&payload);
    script_free(&inner);
    script_free(&script);
    kit_file_free(&file);
}

/* Good checksums, bad contents. */

static struct outcome outcome_with_block(uint32_t kind, const void *payload, size_t size, size_t raw)
{
    static struct script script;
    uint32_t id;
    struct bytes bytes = preamble_of(sysfold_schema_builtin(), &id), good = {0};
    struct kit_file file;
    struct outcome outcome;

    script = script_make(1, 0, 1);
    add_batch(&good, 0, script.records.data, script.records.size);
    add_block(&bytes, id, kind, payload, size, raw);
    add_block(&bytes, id, BLOCK_RECORDS_NATIVE, good.data, good.size, 0);
    add_end(&bytes, id);
    file = kit_file_of(&bytes);
    outcome = outcome_of(file.path);
    cr_assert_eq(outcome.opened, 0, "%s", outcome.error.message);
    cr_assert_eq(outcome.ended, 0, "%s", outcome.error.message);
    cr_assert_eq(outcome.got.count, 1, "what follows is read");
    cr_assert_eq(missing_events(&script, &outcome), 0);
    bytes_free(&bytes);
    bytes_free(&good);
    kit_file_free(&file);
    script_free(&script);
    return outcome;
}

static void expect_complaint(uint32_t kind, const void *payload, size_t size, size_t raw, const char *complaint)
{
    struct outcome outcome = outcome_with_block(kind, payload, size, raw);

    cr_assert(strstr((char *)outcome.damage.data, complaint), "%s", (char *)outcome.damage.data);
    cr_assert_eq(outcome.stats.damaged, 1);
    outcome_free(&outcome);
}

Test(savefile_damage, unknown_blocks_are_passed_over_silently)
{
    struct outcome outcome = outcome_with_block(BLOCK_KIND('Z', 'z'), "whatever", 8, 0);

    cr_assert_str_eq((char *)outcome.damage.data, "");
    outcome_free(&outcome);
    outcome = outcome_with_block(BLOCK_CHECKPOINT_LITTLE, "whatever", 8, 0);
    cr_assert_str_eq((char *)outcome.damage.data, "");
    outcome_free(&outcome);
    outcome = outcome_with_block(BLOCK_RECORDS_NATIVE, "", 0, 0);
    cr_assert_str_eq((char *)outcome.damage.data, "");
    outcome_free(&outcome);
}

Test(savefile_damage, lengths_that_lie)
{
    uint8_t lie[BATCH_HEADER_SIZE + 4] = {0};

    expect_complaint(BLOCK_RECORDS_NATIVE, "abc", 3, 0, "a batch does not lie within it");
    put_le32(lie + 8, 5);
    expect_complaint(BLOCK_RECORDS_NATIVE, lie, sizeof(lie), 0, "a batch does not lie within it");
    put_le32(lie + 8, UINT32_MAX);
    expect_complaint(BLOCK_RECORDS_NATIVE, lie, sizeof(lie), 0, "a batch does not lie within it");
    expect_complaint(BLOCK_RECORDS_NATIVE, "abc", 3, 2, "no block begins like this");
    expect_complaint(BLOCK_RECORDS_NATIVE, "abc", 3, BLOCK_RAW_MAX + 1, "no block begins like this");
    expect_complaint(BLOCK_SOURCE, "abc", 3, BLOCK_META_MAX + 1, "no block begins like this");
}

Test(savefile_damage, compressed_bytes_that_lie)
{
    static uint8_t zeroes[100000];
    uint8_t packed[1000];
    uLongf size = sizeof(packed);

    cr_assert_eq(compress(packed, &size, zeroes, sizeof(zeroes)), Z_OK);
    expect_complaint(BLOCK_RECORDS_NATIVE, "no zlib", 7, 100, "compressed bytes make no sense");
    expect_complaint(BLOCK_RECORDS_NATIVE, packed, size, sizeof(zeroes) - 1, "compressed bytes make no sense");
    expect_complaint(BLOCK_RECORDS_NATIVE, packed, size, sizeof(zeroes) + 1, "compressed bytes make no sense");
    expect_complaint(BLOCK_RECORDS_NATIVE, packed, size - 1, sizeof(zeroes), "compressed bytes make no sense");
    packed[size] = 0;
    expect_complaint(BLOCK_RECORDS_NATIVE, packed, size + 1, sizeof(zeroes), "compressed bytes make no sense");
}

Test(savefile_damage, sources_that_are_none)
{
    expect_complaint(BLOCK_SOURCE, "\xff\xff\xff", 3, 0, "describes no source");
    expect_complaint(BLOCK_SOURCE, "", 0, 0, "describes no source");
    expect_complaint(BLOCK_SOURCE, "\x12\x02\x1b[", 4, 0, "describes no source"); /* drives a terminal */
    expect_complaint(BLOCK_SOURCE, "\x12\x01\xff", 3, 0, "describes no source");
    expect_complaint(BLOCK_END, "short", 5, 0, "is no end block");
}

Test(savefile_damage, records_that_lie_end_their_batch)
{
    struct bytes payload = {0};
    uint8_t record[RECORD_HEADER_SIZE] = {0};
    struct outcome outcome;

    for (unsigned length = 0; length < 40; length += 15) {
        record[2] = (uint8_t)(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? length : 0);
        record[3] = (uint8_t)(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : length);
        payload.size = 0;
        add_batch(&payload, 0, record, sizeof(record));
        outcome = outcome_with_block(BLOCK_RECORDS_NATIVE, payload.data, payload.size, 0);
        cr_assert_eq(outcome.stats.damaged, 1);
        outcome_free(&outcome);
    }
    bytes_free(&payload);
}

/* Promises of 64 MiB, one every 16 bytes: the work stays in proportion. The test's own time limit is the assertion. */
Test(savefile_damage, a_forest_of_headers_is_no_trap, .timeout = 60)
{
    uint32_t id;
    struct bytes bytes = preamble_of(sysfold_schema_builtin(), &id);
    uint8_t header[BLOCK_HEADER_SIZE];
    struct kit_file file;
    struct outcome outcome;

    put_le32(header, BLOCK_RECORDS_NATIVE);
    put_le32(header + 4, 8 << 20);
    put_le32(header + 8, 8 << 20);
    put_le32(header + 12, 0);
    for (size_t i = 0; i < (16 << 20) / sizeof(header); i++)
        bytes_add(&bytes, header, sizeof(header));
    file = kit_file_of(&bytes);
    outcome = outcome_of(file.path);
    cr_assert_eq(outcome.opened, 0);
    cr_assert_eq(outcome.ended, 0);
    cr_assert(strstr((char *)outcome.damage.data, "too much that looks like a block"));
    outcome_free(&outcome);
    bytes_free(&bytes);
    kit_file_free(&file);
}

/* Files that are no captures. */

static void expect_refusal(const char *path, int code, const char *message)
{
    struct outcome outcome = outcome_of(path);

    cr_assert_eq(outcome.opened, code);
    cr_assert(strstr(outcome.error.message, message), "%s", outcome.error.message);
    outcome_free(&outcome);
}

static void expect_refusal_of(const void *data, size_t size, const char *message)
{
    struct bytes bytes = {0};
    struct kit_file file;

    bytes_add(&bytes, data, size);
    file = kit_file_of(&bytes);
    expect_refusal(file.path, -EBADMSG, message);
    kit_file_free(&file);
    bytes_free(&bytes);
}

Test(savefile_damage, foreign_files_are_refused_clearly)
{
    static uint8_t much[100000];

    expect_refusal("/dev/null", -EBADMSG, "/dev/null is empty: not a sysfold capture");
    expect_refusal("/dev/zero", -EBADMSG, "/dev/zero is not a sysfold capture");
    expect_refusal("/proc/self/exe", -EBADMSG, "/proc/self/exe is not a sysfold capture");
    expect_refusal("/tmp", -EISDIR, "cannot read /tmp: Is a directory");
    expect_refusal("/nowhere", -ENOENT, "cannot open /nowhere: No such file or directory");
    expect_refusal_of("", 0, "is empty");
    expect_refusal_of("S", 1, "is not a sysfold capture");
    expect_refusal_of("hello, world\n", 13, "is not a sysfold capture");
    expect_refusal_of(much, sizeof(much), "is not a sysfold capture");
    expect_refusal_of("SfHd", 4, "its header is cut short");
    memcpy(much, "SfHd", 4);
    expect_refusal_of(much, sizeof(much), "its header is damaged");
}

Test(savefile_damage, another_format_is_named)
{
    struct file_header header = {.version = 2};
    uint8_t payload[FILE_HEADER_SIZE];
    struct bytes bytes = {0};
    struct kit_file file;

    file_header_put(payload, &header);
    add_block(&bytes, 0, BLOCK_HEADER, payload, sizeof(payload), 0);
    add_block(&bytes, 0, BLOCK_HEADER, payload, sizeof(payload), 0);
    file = kit_file_of(&bytes);
    expect_refusal(file.path, -EBADMSG, "is of format 2; this version reads format 1");
    kit_file_free(&file);
    bytes_free(&bytes);
}
