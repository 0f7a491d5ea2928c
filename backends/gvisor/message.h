/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_MESSAGE_H
#define SYSFOLD_GVISOR_MESSAGE_H

/*
 * A packet as a message: gVisor's header, in the byte order of the machine,
 * and a protobuf message of gvisor.proto.
 *
 *   0             2        4               8
 *   +-------------+--------+---------------+ - - - +---------------------
 *   | header size |  type  | dropped count |  ...  |  protobuf
 *   +-------------+--------+---------------+ - - - +---------------------
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/gvisor/gvisor.pb-c.h"

enum message_type {
    MESSAGE_START = 1,
    MESSAGE_CLONE_INFO,
    MESSAGE_EXECVE_INFO,
    MESSAGE_EXIT_NOTIFY_PARENT,
    MESSAGE_TASK_EXIT,
    MESSAGE_RAW,
    MESSAGE_OPEN,
    MESSAGE_EXECVE = 11,
    MESSAGE_MMAP_INFO = 35,
    MESSAGE_LAST = 38,
};

/* Memory for one message at a time, reused: no allocation per packet. Zero it before first use. */
struct arena {
    uint8_t *bytes;
    size_t size, used;
    struct chunk *chunks; /* what found no room */
};

/* The last message is needed no more. */
void arena_reset(struct arena *arena);
void arena_finish(struct arena *arena);

struct message {
    uint16_t type;    /* enum message_type, or a newer one */
    uint32_t dropped; /* cumulative, of the sandbox; may go back */
    /* NULL: of a type that we do not know. Borrowed from the arena until the next message. */
    const ProtobufCMessage *body;
    const Gv__ContextData *context; /* NULL: none */
    /* Of system calls: */
    bool is_call;
    uint64_t sysno;
    const Gv__Exit *exit; /* NULL: at enter */
    unsigned unknown_fields;
};

/* 0, or -EBADMSG for what is no such packet. */
int message_read(struct arena *arena, const uint8_t *packet, size_t size, struct message *ret_message);

#endif
