/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_DECODER_EVENT_H
#define SYSFOLD_DECODER_EVENT_H

#include <sysfold/event.h>

#include "decoder/decode/record.h"

struct sysfold_thread;
struct sysfold_fd;

/* What a stream hands out: a record, and the state it happened in. */
struct sysfold_event {
    struct record record;
    uint64_t number;
    uint32_t source;
    const char *source_name;
    struct sysfold_thread *thread; /* NULL without state */
    struct sysfold_fd *fd;         /* NULL where none is concerned */
};

#endif
