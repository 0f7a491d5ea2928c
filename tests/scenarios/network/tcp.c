// SPDX-License-Identifier: Apache-2.0
/* A conversation by TCP over 127.0.0.1, from the listener to the last shutdown. */

#include "network/addresses.h"

static struct sockaddr_in here, client_address, found;
static socklen_t size;

static long listener_make(void)
{
    long fd = OK(socket, AF_INET, SOCK_STREAM, IPPROTO_TCP);

    FAILS(EINVAL, accept, fd, NULL, NULL);
    here = loopback4();
    OK(bind, fd, &here, sizeof(here));
    FAILS(EINVAL, bind, fd, &here, sizeof(here));
    OK(listen, fd, 4);
    size = sizeof(here);
    OK(getsockname, fd, &here, &size);
    FAILS(ENOTCONN, getpeername, fd, &found, &size);
    return fd;
}

static long connected_make(void)
{
    long fd = OK(socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    OK(connect, fd, &here, sizeof(here));
    FAILS(EISCONN, connect, fd, &here, sizeof(here));
    size = sizeof(client_address);
    OK(getsockname, fd, &client_address, &size);
    return fd;
}

static void talk(long client, long server)
{
    static char buffer[200];

    OK(sendto, client, "question", 8, MSG_NOSIGNAL, NULL, 0);
    OK(recvfrom, server, buffer, 3, MSG_PEEK, NULL, NULL);
    OK(recvfrom, server, buffer, 4, MSG_WAITALL, NULL, NULL);
    OK(read, server, buffer, sizeof(buffer));
    OK(write, server, "answer", 6);
    size = sizeof(found); /* of a stream, the kernel tells no address */
    OK(recvfrom, client, buffer, sizeof(buffer), 0, &found, &size);
    FAILS(EAGAIN, recvfrom, client, buffer, sizeof(buffer), MSG_DONTWAIT, NULL, NULL);
}

static void part(long client, long server)
{
    static char buffer[8];

    FAILS(EINVAL, shutdown, client, 3);
    OK(shutdown, client, SHUT_WR);
    FAILS(EPIPE, sendto, client, "more", 4, MSG_NOSIGNAL, NULL, 0);
    OK(recvfrom, server, buffer, sizeof(buffer), 0, NULL, NULL);
    OK(shutdown, server, SHUT_RDWR);
    OK(read, client, buffer, sizeof(buffer));
    OK(close, client);
    OK(close, server);
}

SCENARIO
{
    long listener = listener_make();
    long client = connected_make();
    long server, second;

    size = sizeof(found);
    server = OK(accept, listener, &found, &size);
    if (memcmp(&found, &client_address, sizeof(found)) != 0)
        kit_fail("accept tells another address than the client has");
    size = sizeof(found);
    OK(getpeername, client, &found, &size);
    talk(client, server);
    second = connected_make();
    server = OK(accept, listener, NULL, NULL);
    part(second, server);
    OK(close, listener);
    FAILS(ENOTCONN, shutdown, OK(socket, AF_INET, SOCK_STREAM, 0), SHUT_RD);
    FAILS(EBADF, accept, 99, NULL, NULL);
    FAILS(EBADF, connect, 99, &here, sizeof(here));
    FAILS(EBADF, listen, 99, 1);
    FAILS(EBADF, getsockname, 99, &found, &size);
    FAILS(EAFNOSUPPORT, socket, 999, SOCK_STREAM, 0);
    FAILS(EINVAL, socket, AF_INET, SOCK_STREAM, 1000); /* no protocol has such a number */
}
