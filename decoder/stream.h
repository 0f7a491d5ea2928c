/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_DECODER_STREAM_H
#define SYSFOLD_DECODER_STREAM_H

/* Inside a stream: where its batches come from. */

#include <sysfold/stream.h>

#include "backends/backend.h"
#include "decoder/decode/event.h"

/*
 * A feed of batches: a live backend, or a capture file (decoder/savefile).
 * The functions are those of struct sysfold_backend; a file leaves out what it has no use for.
 */
struct feed {
    const char *name; /* "ptrace", "file" */
    void *data;
    const struct sysfold_schema *schema; /* owned by the feed */
    int (*next_batch)(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error);
    const char *(*source_name)(void *data, uint32_t source); /* NULL: "host" for all */
    const char *(*source_backend)(void *data, uint32_t source); /* what captured it; NULL: the feed itself */
    void (*stop)(void *data);
    int (*exit_status)(void *data, int *ret_status);
    void (*stats)(void *data, struct sysfold_stats *stats); /* adds lost, damaged, buffer_used */
    int (*program)(const void *data, size_t index, struct sysfold_program *ret_program); /* NULL: there are none */
    void (*close)(void *data);
};

/* Makes a stream of a feed and owns it from then on, even on failure. */
int stream_create(const struct feed *feed, bool no_state, bool keep_exited, struct sysfold_stream **ret_stream,
                  struct sysfold_error *error);

bool stream_has_state(const struct sysfold_stream *stream);
/* The backend that captured the current batch's source, a file's too; NULL where nobody says. Borrowed. */
const char *stream_source_backend(const struct sysfold_stream *stream);

#endif
