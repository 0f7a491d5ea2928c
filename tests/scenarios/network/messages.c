// SPDX-License-Identifier: Apache-2.0
/* sendmsg and recvmsg: gathered and scattered, empty, looked at, cut off, and with headers that are wrong. */

#include <limits.h>
#include <sys/uio.h>

#include "network/addresses.h"

static int pair[2];
static char buffer[3][40];
static struct msghdr header;

static struct msghdr *of(struct iovec *pieces, size_t count)
{
    header = (struct msghdr){.msg_iov = pieces, .msg_iovlen = count};
    return &header;
}

static void scattered(void)
{
    static struct iovec out[] = {{"three ", 6}, {NULL, 0}, {"pieces ", 7}, {"of text", 7}};
    static struct iovec in[] = {{buffer[0], 4}, {NULL, 0}, {buffer[1], 9}, {buffer[2], 40}};

    OK(sendmsg, pair[0], of(out, 4), 0);
    OK(recvmsg, pair[1], of(in, 4), MSG_PEEK);
    OK(recvmsg, pair[1], of(in, 3), 0); /* 13 bytes of the 20 */
    OK(sendmsg, pair[0], of(out, 1), MSG_NOSIGNAL);
    OK(recvmsg, pair[1], of(in, 1), MSG_TRUNC);
    OK(sendmsg, pair[0], of(out + 1, 1), 0);
    OK(recvmsg, pair[1], of(in, 4), 0);
    OK(sendmsg, pair[0], of(NULL, 0), 0);
    OK(recvmsg, pair[1], of(NULL, 0), 0);
    FAILS(EAGAIN, recvmsg, pair[1], of(in, 4), MSG_DONTWAIT);
}

static void long_ones(void)
{
    static char data[2][81];
    static struct iovec out[] = {{data[0], 40}, {data[1], 40}, {data[0], 1}};
    static struct iovec in[] = {{data[1], 81}, {data[0], 81}};

    memset(data, 'l', sizeof(data));
    OK(sendmsg, pair[0], of(out, 2), 0);
    OK(sendmsg, pair[0], of(out, 3), 0);
    OK(recvmsg, pair[1], of(in, 2), 0);
    OK(recvmsg, pair[1], of(in, 2), 0);
}

static void wrong(void)
{
    struct iovec *alone = kit_at_edge(sizeof(*alone));
    static struct iovec bad[] = {{"good", 4}, {NULL, 4}};

    bad[1].iov_base = BAD;
    *alone = (struct iovec){buffer[0], 40};
    OK(sendmsg, pair[0], of(alone, 1), 0);
    OK(recvmsg, pair[1], of(alone, 1), 0);
    FAILS(EMSGSIZE, sendmsg, pair[0], of(alone, IOV_MAX + 1), 0);
    FAILS(EFAULT, sendmsg, pair[0], of(alone, 2), 0);
    FAILS(EFAULT, sendmsg, pair[0], of(bad, 2), 0);
    FAILS(EFAULT, sendmsg, pair[0], of(BAD, 1), 0);
    FAILS(EFAULT, sendmsg, pair[0], BAD, 0);
    FAILS(EFAULT, sendmsg, pair[0], NULL, 0);
    FAILS(EFAULT, sendmsg, pair[0], kit_at_edge(sizeof(header) - 8), 0);
    FAILS(EFAULT, recvmsg, pair[1], BAD, MSG_DONTWAIT);
    FAILS(EBADF, sendmsg, 99, of(bad, 1), 0);
    FAILS(EBADF, recvmsg, 99, of(bad, 1), 0);
    FAILS(ENOTSOCK, sendmsg, OK(open, "file", O_CREAT | O_RDWR, 0600), of(bad, 1), 0);
}

SCENARIO
{
    OK(socketpair, AF_UNIX, SOCK_DGRAM, 0, pair);
    scattered();
    long_ones();
    wrong();
}
