/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_WRITER_H
#define SYSFOLD_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include <sysfold/error.h>
#include <sysfold/event.h>
#include <sysfold/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Writes a capture file (docs/format.md). A thread of the writer's own
 * compresses and writes, so that adding an event costs a copy. One thread at a
 * time may use a writer.
 */
struct sysfold_writer;

struct sysfold_writer_options {
    size_t size;
    int compression;         /* zlib level 1-9; 0: the default, 1; -1: store uncompressed */
    uint32_t block_size;     /* raw bytes a block; 0: 256 KiB. 4 KiB to 16 MiB */
    uint32_t flush_ms;       /* write a block at the latest after this long; 0: 1,000 */
};

/* Creates (or truncates) the file; "-" is standard output. The schema, the sources and the exit status are the
 * stream's, which must stay open until the writer is closed. A new file is readable by its owner only. */
SYSFOLD_API int sysfold_writer_open(const char *path, const struct sysfold_stream *stream,
                                    const struct sysfold_writer_options *options, struct sysfold_writer **ret_writer,
                                    struct sysfold_error *error);
/* Adds the event's record. Fails with the error of an earlier write (a full
 * disk), once what was written before it is safe. */
SYSFOLD_API int sysfold_writer_put(struct sysfold_writer *writer, const struct sysfold_event *event,
                                   struct sysfold_error *error);
/* Bytes in the file so far. */
SYSFOLD_API uint64_t sysfold_writer_bytes(const struct sysfold_writer *writer);
/* Writes what is left, the index and the end block; frees the writer (NULL is
 * allowed) whatever it returns. */
SYSFOLD_API int sysfold_writer_close(struct sysfold_writer *writer, struct sysfold_error *error);

#ifdef __cplusplus
}
#endif

#endif
