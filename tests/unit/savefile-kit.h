/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_SAVEFILE_KIT_H
#define SYSFOLD_TESTS_SAVEFILE_KIT_H

/* What the tests of capture files share: records made up, a feed that plays
 * them, files written from them, and what a reader got back. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/sysfold.h>

#include "common/rows.h"

/* Bytes that grow. */
struct bytes {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

void bytes_add(struct bytes *bytes, const void *data, size_t size);
void bytes_free(struct bytes *bytes);
struct bytes bytes_of_file(const char *path);
/* A file of its own in memory; the path is good until kit_file_free(). */
struct kit_file {
    int fd;
    char path[64];
};
struct kit_file kit_file_new(void);
struct kit_file kit_file_of(const struct bytes *bytes);
void kit_file_set(struct kit_file *file, const uint8_t *data, size_t size);
void kit_file_free(struct kit_file *file);

/* Events made up: whole records, and where each begins. Every one differs from every other. */
struct script {
    struct bytes records;
    size_t *at; /* count + 1 of them */
    uint32_t *sources;
    size_t count;
    uint32_t source_count; /* every so often it is another one's turn */
    const struct sysfold_schema *schema;
    bool swapped;
    bool has_status;
    int status;
};

/* count events of system calls (one in 64 tells of a loss), with data of up to `data` bytes. */
struct script script_make(size_t count, size_t data, uint32_t sources);
void script_add(struct script *script, const uint8_t *record, size_t size, uint32_t source);
void script_free(struct script *script);
/* A stream that plays the script (borrowed). */
struct sysfold_stream *script_stream(const struct script *script);
/* Its next event, fetching where need be; NULL at the end. */
const struct sysfold_event *next_event(struct sysfold_stream *stream);
/* Records it. */
void script_record(const struct script *script, const char *path, int compression, uint32_t block_size);

/* What a reader got. */
struct outcome {
    int opened; /* sysfold_file_open()'s value */
    int ended;  /* the last fetch's */
    struct sysfold_error error;
    struct script got;
    struct bytes damage; /* the messages, each with a newline; NUL at the end */
    struct sysfold_stats stats;
    int has_status; /* sysfold_stream_exit_status()'s value */
    int status;
    char names[4][32]; /* of the sources */
};

struct outcome outcome_of(const char *path);
void outcome_free(struct outcome *outcome);

/* Nothing that the script does not have, in its order. How many are missing. */
size_t missing_events(const struct script *script, const struct outcome *outcome);
void expect_everything(const struct script *script, const struct outcome *outcome);

/* Blocks of that kind, of a file that is not damaged. */
size_t count_blocks(const struct bytes *file, uint32_t kind);

/* A capture with nothing in it: header and schema, without the end block. */
struct bytes preamble_of(const struct sysfold_schema *schema, uint32_t *ret_id);
/* Adds a block; raw 0: as many as there are bytes. */
void add_block(struct bytes *file, uint32_t id, uint32_t kind, const void *payload, size_t size, size_t raw);
/* A records block's payload: one batch of the records. */
void add_batch(struct bytes *payload, uint32_t source, const void *records, size_t size);
void add_end(struct bytes *file, uint32_t id);

#endif
