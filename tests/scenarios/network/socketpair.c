// SPDX-License-Identifier: Apache-2.0
/* Pairs of sockets of every type, what becomes of one when the other goes, and no pairs. */

#include "network/addresses.h"

static int pair[2];
static socklen_t size;

static void of_type(int type)
{
    static char buffer[16];
    static struct sockaddr_un found;

    OK(socketpair, AF_UNIX, type, 0, pair);
    size = sizeof(found);
    OK(getpeername, pair[0], &found, &size);
    OK(write, pair[0], "one way", 7);
    OK(write, pair[1], "and back", 8);
    OK(read, pair[0], buffer, sizeof(buffer));
    OK(read, pair[1], buffer, sizeof(buffer));
}

SCENARIO
{
    static char buffer[8];

    of_type(SOCK_STREAM);
    OK(close, pair[1]);
    OK(read, pair[0], buffer, sizeof(buffer));
    FAILS(EPIPE, sendto, pair[0], "x", 1, MSG_NOSIGNAL, NULL, 0);
    OK(close, pair[0]);
    of_type(SOCK_DGRAM | SOCK_NONBLOCK);
    FAILS(EAGAIN, read, pair[0], buffer, sizeof(buffer));
    OK(close, pair[1]);
    FAILS(ECONNREFUSED, write, pair[0], "x", 1);
    of_type(SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK);
    kit_descriptors();
    FAILS(EOPNOTSUPP, socketpair, AF_INET, SOCK_STREAM, 0, pair);
    FAILS(EAFNOSUPPORT, socketpair, 999, SOCK_STREAM, 0, pair);
    FAILS(EPROTONOSUPPORT, socketpair, AF_UNIX, SOCK_STREAM, 77, pair);
    FAILS(EINVAL, socketpair, AF_UNIX, SOCK_STREAM | 0x100000, 0, pair);
    FAILS(EFAULT, socketpair, AF_UNIX, SOCK_STREAM, 0, BAD);
    FAILS(EFAULT, socketpair, AF_UNIX, SOCK_STREAM, 0, kit_at_edge(4));
    kit_descriptors(); /* nothing is left of those */
}
