// SPDX-License-Identifier: Apache-2.0
/* Addresses that are short, long, at a page's edge and nowhere, given and asked for. */

#include "network/addresses.h"

static struct sockaddr_in here;
static socklen_t size;

static void given(long fd)
{
    static uint8_t large[200] = {AF_INET};
    struct sockaddr_in *edge = kit_at_edge(sizeof(here));

    FAILS(EINVAL, bind, fd, &here, 15);
    FAILS(EINVAL, bind, fd, &here, 1);
    FAILS(EINVAL, bind, fd, &here, 0);
    FAILS(EINVAL, bind, fd, NULL, 0);
    FAILS(EINVAL, bind, fd, large, 129);
    FAILS(EINVAL, bind, fd, large, 200);
    FAILS(EINVAL, bind, fd, kit_at_edge(16), -1);
    FAILS(EFAULT, bind, fd, BAD, 16);
    FAILS(EFAULT, bind, fd, NULL, 16);
    FAILS(EFAULT, bind, fd, kit_at_edge(7), 16);
    FAILS(EAFNOSUPPORT, bind, fd, &(struct sockaddr_in){.sin_family = 77}, 16);
    *edge = here;
    OK(bind, fd, edge, sizeof(here));
    FAILS(EBADF, bind, 99, &here, sizeof(here));
    FAILS(ENOTSOCK, bind, 0, &here, sizeof(here));
}

static void asked(long fd)
{
    static struct sockaddr_in found;
    uint32_t *edge = kit_at_edge(4);

    size = 0;
    OK(getsockname, fd, &found, &size);
    size = 1;
    OK(getsockname, fd, &found, &size);
    size = 200;
    OK(getsockname, fd, &found, &size);
    *edge = sizeof(found);
    OK(getsockname, fd, &found, edge);
    size = 8;
    OK(getsockname, fd, kit_at_edge(8), &size); /* as much as there is room for; it says how much it was */
    size = 16;
    FAILS(EFAULT, getsockname, fd, kit_at_edge(8), &size);
    size = 16;
    FAILS(EFAULT, getsockname, fd, BAD, &size);
    FAILS(EFAULT, getsockname, fd, &found, BAD);
    FAILS(EFAULT, getsockname, fd, &found, NULL);
    FAILS(EFAULT, getsockname, fd, &found, kit_at_edge(2));
    size = (socklen_t)-1;
    FAILS(EINVAL, getsockname, fd, &found, &size);
    FAILS(EBADF, getpeername, 99, &found, &size);
}

/* Where the address cannot be told, what came with it is lost. */
static void lost(long fd)
{
    static char buffer[8];

    for (int i = 0; i < 3; i++)
        OK(sendto, fd, "lost", 4, 0, &here, sizeof(here));
    size = sizeof(here);
    FAILS(EFAULT, recvfrom, fd, buffer, sizeof(buffer), 0, BAD, &size);
    FAILS(EFAULT, recvfrom, fd, buffer, sizeof(buffer), 0, &here, BAD);
    OK(recvfrom, fd, buffer, sizeof(buffer), 0, NULL, BAD); /* nobody asks */
    FAILS(EFAULT, sendto, fd, "lost", 4, 0, BAD, 16);
    FAILS(EINVAL, sendto, fd, "lost", 4, 0, &here, 200);
    FAILS(EFAULT, connect, fd, BAD, 16);
    FAILS(EFAULT, connect, fd, kit_at_edge(8), 16);
    FAILS(EINVAL, connect, fd, kit_at_edge(16), 129);
}

static void of_unix(void)
{
    static struct sockaddr_un longest = {.sun_family = AF_UNIX}, found[2];
    long fd = OK(socket, AF_UNIX, SOCK_DGRAM, 0);

    memset(longest.sun_path, 'n', sizeof(longest.sun_path));
    FAILS(EINVAL, bind, fd, &longest, sizeof(longest) + 1);
    OK(bind, fd, &longest, sizeof(longest)); /* a path of 108 characters, without its NUL */
    size = sizeof(found);
    OK(getsockname, fd, found, &size);
    size = sizeof(longest);
    OK(getsockname, fd, found, &size); /* the length is of a NUL more */
}

SCENARIO
{
    long fd = OK(socket, AF_INET, SOCK_DGRAM, 0);

    here = loopback4();
    given(fd);
    asked(fd);
    size = sizeof(here);
    OK(getsockname, fd, &here, &size);
    lost(fd);
    of_unix();
}
