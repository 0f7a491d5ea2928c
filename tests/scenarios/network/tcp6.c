// SPDX-License-Identifier: Apache-2.0
/* TCP over ::1, accepted by accept4 with its flags. */

#include "network/addresses.h"

BEFORE(need_loopback6)

static struct sockaddr_in6 here, found;
static socklen_t size;

static long connected_make(void)
{
    long fd = OK(socket, AF_INET6, SOCK_STREAM, IPPROTO_TCP);

    OK(connect, fd, &here, sizeof(here));
    return fd;
}

SCENARIO
{
    static const int flags[] = {0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK};
    static char buffer[8];
    long listener = OK(socket, AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

    here = loopback6();
    OK(bind, listener, &here, sizeof(here));
    OK(listen, listener, 0);
    size = sizeof(here);
    OK(getsockname, listener, &here, &size);
    FAILS(EAGAIN, accept4, listener, &found, &size, SOCK_CLOEXEC);
    FAILS(EINVAL, accept4, listener, &found, &size, 1);
    for (int i = 0; i < 4; i++) {
        long client = connected_make();
        long server;

        wait_for(listener, POLLIN);
        size = sizeof(found);
        server = OK(accept4, listener, &found, &size, flags[i]);
        OK(fcntl, server, F_GETFD);
        OK(fcntl, server, F_GETFL);
        OK(write, client, "to ::1", 6);
        wait_for(server, POLLIN);
        OK(recvfrom, server, buffer, sizeof(buffer), 0, NULL, NULL);
        OK(getpeername, client, &found, &size);
        kit_descriptors();
        OK(close, client);
        OK(close, server);
    }
    FAILS(EAGAIN, accept, listener, NULL, NULL);
    FAILS(EBADF, accept4, -1, NULL, NULL, 0);
    FAILS(EINVAL, connect, OK(socket, AF_INET6, SOCK_STREAM, 0), &here, 2); /* too short for any IPv6 address */
}
