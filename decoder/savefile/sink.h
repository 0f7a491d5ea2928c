/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SAVEFILE_SINK_H
#define SYSFOLD_SAVEFILE_SINK_H

/* The end of the pipe: records gathered into blocks, blocks compressed and written. One thread's. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include <sysfold/error.h>

#include "block.h"
#include "common/rows.h"

struct sink {
    int fd;
    bool ours; /* a file that we made and may cut back */
    bool failed;
    const char *path;
    uint32_t id;
    z_stream deflate;
    int level; /* 0: store */
    int level_of_records;
    uint64_t offset; /* bytes written: whole blocks */

    uint8_t *raw; /* the block that is being gathered */
    size_t raw_size;
    size_t raw_limit;
    size_t raw_capacity;
    uint8_t *stored; /* what it is compressed to */
    size_t batch_at; /* of the open batch's header; SIZE_MAX: none is open */
    struct batch_header batch;
    struct index_entry block;
    bool swapped;

    uint32_t *sources; /* those that have their block, sorted */
    size_t source_count;
    uint8_t *index;
    size_t index_count;
    struct file_end totals;
};

struct sink_options {
    int compression;
    uint32_t block_size;
};

/* Creates the file. path is borrowed. */
int sink_open(struct sink *sink, const char *path, const struct sink_options *options, struct sysfold_error *error);
/* Closes it; the first error of any call, or 0. */
int sink_close(struct sink *sink, struct sysfold_error *error);

/* Header and schema. */
int sink_begin(struct sink *sink, const struct sysfold_schema *schema, struct sysfold_error *error);
/* Records from now on are of this source; it gets its block if it has none. */
int sink_source(struct sink *sink, uint32_t number, const char *name, const char *backend, bool swapped,
                struct sysfold_error *error);
/* A record; writes a block when one is full. */
int sink_record(struct sink *sink, const uint8_t *record, size_t size, struct sysfold_error *error);
/* Writes what has been gathered, as a block. */
int sink_flush(struct sink *sink, struct sysfold_error *error);
/* Index and end. exit_status NULL: there is none. */
int sink_end(struct sink *sink, const int *exit_status, struct sysfold_error *error);

#endif
