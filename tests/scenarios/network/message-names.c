// SPDX-License-Identifier: Apache-2.0
/* The addresses in message headers: told, not wanted, too short, longer than any, and where memory ends. */

#include <sys/uio.h>

#include "network/addresses.h"

static struct sockaddr_in here;
static char buffer[32];
static struct iovec piece = {buffer, 5};
static struct msghdr header;

static struct msghdr *of(void *name, socklen_t size)
{
    header = (struct msghdr){.msg_name = name, .msg_namelen = size, .msg_iov = &piece, .msg_iovlen = 1};
    return &header;
}

static void received(long fd, void *name, socklen_t size)
{
    OK(sendto, fd, "hello", 5, 0, &here, sizeof(here));
    OK(recvmsg, fd, of(name, size), 0);
}

SCENARIO
{
    static uint8_t storage[200];
    long fd = OK(socket, AF_INET, SOCK_DGRAM, 0);
    socklen_t size = sizeof(here);
    struct sockaddr_in *edge = kit_at_edge(sizeof(here));

    here = loopback4();
    OK(bind, fd, &here, sizeof(here));
    OK(getsockname, fd, &here, &size);
    memcpy(storage, &here, sizeof(here));
    *edge = here;
    OK(sendmsg, fd, of(&here, sizeof(here)), 0);
    OK(sendmsg, fd, of(edge, sizeof(here)), 0);
    OK(sendmsg, fd, of(storage, sizeof(struct sockaddr_storage)), 0);
    for (int i = 0; i < 3; i++)
        OK(recvmsg, fd, of(storage, sizeof(storage)), 0);
    received(fd, NULL, 0);
    received(fd, storage, 0);
    received(fd, storage, 3);
    received(fd, edge, sizeof(here));
    FAILS(EINVAL, sendmsg, fd, of(&here, 15), 0);
    FAILS(EFAULT, sendmsg, fd, of(BAD, sizeof(here)), 0);
    FAILS(EFAULT, sendmsg, fd, of(kit_at_edge(8), sizeof(here)), 0);
    FAILS(EDESTADDRREQ, sendmsg, fd, of(NULL, 0), 0);
    FAILS(EAGAIN, recvmsg, fd, of(storage, sizeof(storage)), MSG_DONTWAIT);
}
