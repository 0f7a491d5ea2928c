// SPDX-License-Identifier: Apache-2.0
/* Pipes that nobody waits for: EAGAIN where they are empty or full, short reads and writes, and an end gone. */

#include <sys/uio.h>

#include "kit/kit.h"

#define LARGE 70000

static int pair[2];
static uint8_t content[LARGE];
static uint8_t back[LARGE];

SCENARIO
{
    static const struct iovec pieces[2] = {{content, 3}, {content + 3, LARGE - 3}};
    static const struct iovec room[2] = {{back, 3}, {back + 3, LARGE - 3}};

    memset(content, 0xfe, sizeof(content));
    kit_handle(SIGPIPE, 0, NULL);
    OK(pipe2, pair, O_NONBLOCK);
    FAILS(EAGAIN, read, pair[0], back, 1);
    FAILS(EAGAIN, read, pair[0], BAD, 80);
    FAILS(EAGAIN, readv, pair[0], room, 2);
    OK(write, pair[1], content, LARGE);
    FAILS(EAGAIN, write, pair[1], content, 1);
    FAILS(EAGAIN, write, pair[1], content, LARGE);
    FAILS(EAGAIN, writev, pair[1], pieces, 2);
    OK(read, pair[0], back, 80);
    OK(read, pair[0], back, 4096);
    OK(readv, pair[0], room, 2);
    OK(writev, pair[1], pieces, 2);
    OK(read, pair[0], back, LARGE);
    OK(close, pair[0]);
    FAILS(EPIPE, write, pair[1], content, 81);
    FAILS(EPIPE, writev, pair[1], pieces, 1);
    OK(write, pair[1], content, 0);
    OK(pipe, pair);
    OK(write, pair[1], "rest", 4);
    OK(close, pair[1]);
    OK(read, pair[0], back, 10);
    OK(read, pair[0], back, 10); /* the end */
    OK(read, pair[0], BAD, 10);
}
