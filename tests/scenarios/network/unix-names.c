// SPDX-License-Identifier: Apache-2.0
/* UNIX datagrams by abstract names, with NULs in them, and by names that the kernel gives. */

#include "network/addresses.h"

static struct sockaddr_un here, found;
static socklen_t here_size, size;

static void name_make(void)
{
    char name[UNIQUE_NAME_SIZE + 1];

    make_unique_name(name);
    here.sun_family = AF_UNIX;
    memcpy(here.sun_path + 1, name, UNIQUE_NAME_SIZE);
    memcpy(here.sun_path + 1 + UNIQUE_NAME_SIZE, "\0end", 4);
    here_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + UNIQUE_NAME_SIZE + 4);
}

BEFORE(name_make)

static void reply(long fd)
{
    static char buffer[32];

    size = sizeof(found);
    OK(recvfrom, fd, buffer, sizeof(buffer), 0, &found, &size);
    if (size <= sizeof(found.sun_family))
        return;
    OK(sendto, fd, "reply", 5, 0, &found, size);
}

SCENARIO
{
    static char buffer[32];
    static const sa_family_t family = AF_UNIX;
    long fd = OK(socket, AF_UNIX, SOCK_DGRAM, 0);
    long named = OK(socket, AF_UNIX, SOCK_DGRAM, 0);
    long nameless = OK(socket, AF_UNIX, SOCK_DGRAM, 0);

    OK(bind, fd, &here, here_size);
    size = sizeof(found);
    OK(getsockname, fd, &found, &size);
    FAILS(EADDRINUSE, bind, nameless, &here, here_size);
    OK(bind, named, &family, sizeof(family)); /* a name of the kernel's choice */
    size = sizeof(found);
    OK(getsockname, named, &found, &size);
    OK(sendto, named, "with a name", 11, 0, &here, here_size);
    reply(fd);
    OK(recvfrom, named, buffer, sizeof(buffer), 0, NULL, NULL);
    OK(sendto, nameless, "without", 7, 0, &here, here_size);
    reply(fd);
    OK(connect, nameless, &here, here_size);
    size = sizeof(found);
    OK(getpeername, nameless, &found, &size);
    OK(write, nameless, "connected", 9);
    reply(fd);
    OK(close, fd);
    FAILS(ECONNREFUSED, sendto, named, "gone", 4, 0, &here, here_size);
}
