// SPDX-License-Identifier: Apache-2.0
/* Sockets that do not wait: a connection in progress, one that is refused, nobody to accept, nothing to read. */

#include "network/addresses.h"

static struct sockaddr_in here;
static socklen_t size;

static int error_of(long fd)
{
    static int error;

    size = sizeof(error);
    OK(getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

SCENARIO
{
    static char buffer[16];
    long listener = OK(socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    long client = OK(socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    long refused = OK(socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    long server;

    here = loopback4();
    OK(bind, listener, &here, sizeof(here));
    size = sizeof(here);
    OK(getsockname, listener, &here, &size);
    FAILS(ECONNREFUSED, connect, OK(socket, AF_INET, SOCK_STREAM, 0), &here, sizeof(here));
    FAILS(EINPROGRESS, connect, refused, &here, sizeof(here));
    wait_for(refused, POLLOUT);
    if (error_of(refused) != ECONNREFUSED)
        kit_fail("a connection to nobody was not refused");
    OK(listen, listener, 1);
    FAILS(EAGAIN, accept, listener, NULL, NULL);
    FAILS(EINPROGRESS, connect, client, &here, sizeof(here));
    wait_for(client, POLLOUT);
    if (error_of(client) != 0)
        kit_fail("the connection failed");
    wait_for(listener, POLLIN);
    server = OK(accept4, listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    FAILS(EAGAIN, read, server, buffer, sizeof(buffer));
    FAILS(EAGAIN, recvfrom, client, buffer, sizeof(buffer), 0, NULL, NULL);
    OK(write, client, "at last", 7);
    wait_for(server, POLLIN);
    OK(read, server, buffer, sizeof(buffer));
}
