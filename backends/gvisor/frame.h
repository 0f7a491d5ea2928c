/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_FRAME_H
#define SYSFOLD_GVISOR_FRAME_H

/*
 * What the receiving thread hands over, through backends/queue.h:
 *
 *   0       4            8      10         12     16       20       24     32
 *   +-------+------------+------+----------+------+--------+--------+------+------------- - -+---------+
 *   | size  | connection | kind | endpoint | lost | length | unused | time |   the packet    | padding |
 *   +-------+------------+------+----------+------+--------+--------+------+------------- - -+---------+
 *
 * The receiver looks at nothing within a packet: the queue in front of it is
 * the sandbox's, and holds no more than some hundreds.
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* A packet is at most the sender's SO_SNDBUF; with what root may set, still less than this. */
#define PACKET_MAX ((size_t)1 << 20)

enum frame_kind {
    FRAME_OPENED = 1, /* hands were shaken; the packet is empty */
    FRAME_PACKET,     /* as received */
    FRAME_CLOSED,     /* nothing more of this connection; the packet is empty */
};

struct frame {
    uint32_t size;       /* of the frame, a multiple of 8 */
    uint32_t connection; /* 1, 2, ..., never used again */
    uint16_t kind;
    uint16_t endpoint; /* the number of the socket that it came through, server_listen()'s */
    uint32_t lost;     /* packets of this connection that were received right before it but not handed over:
                          * the queue was full, or they were larger than PACKET_MAX */
    uint32_t length;   /* of the packet */
    uint32_t unused;
    uint64_t time; /* when it was received, ns since the epoch */
    uint8_t packet[];
};
static_assert(sizeof(struct frame) == 32, "a frame's header is 32 bytes");

#endif
