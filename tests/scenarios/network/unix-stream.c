// SPDX-License-Identifier: Apache-2.0
/* UNIX streams that are named by a path, and what can be wrong with one. */

#include "network/addresses.h"

static struct sockaddr_un here, found;
static socklen_t size;

static long connected_make(void)
{
    long fd = OK(socket, AF_UNIX, SOCK_STREAM, 0);

    OK(connect, fd, &here, unix_path_size("here"));
    return fd;
}

static void failures(long fd)
{
    struct sockaddr_un nowhere = unix_path("nowhere"), missing = unix_path("no/such/place"), plain = unix_path("plain");

    OK(close, OK(open, "plain", O_CREAT | O_WRONLY, 0600));
    FAILS(ENOENT, connect, fd, &nowhere, unix_path_size("nowhere"));
    FAILS(ECONNREFUSED, connect, fd, &plain, unix_path_size("plain"));
    FAILS(EADDRINUSE, bind, fd, &plain, unix_path_size("plain"));
    FAILS(ENOENT, bind, fd, &missing, unix_path_size("no/such/place"));
    FAILS(EINVAL, listen, fd, 1); /* bound to nothing */
    OK(unlink, "plain");
}

SCENARIO
{
    static char buffer[16];
    long listener = OK(socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    long client, server;

    failures(listener);
    here = unix_path("here");
    OK(bind, listener, &here, unix_path_size("here"));
    FAILS(ECONNREFUSED, connect, OK(socket, AF_UNIX, SOCK_STREAM, 0), &here, unix_path_size("here"));
    OK(listen, listener, 2);
    client = connected_make();
    size = sizeof(found);
    server = OK(accept, listener, &found, &size); /* of a client without a name: the family alone */
    size = sizeof(found);
    OK(getsockname, server, &found, &size);
    size = sizeof(found);
    OK(getpeername, client, &found, &size);
    OK(sendto, client, "over a path", 11, 0, NULL, 0);
    OK(recvfrom, server, buffer, sizeof(buffer), 0, NULL, NULL);
    FAILS(EISCONN, sendto, client, "x", 1, 0, &here, unix_path_size("here"));
    OK(shutdown, client, SHUT_RD);
    FAILS(EPIPE, sendto, server, "x", 1, MSG_NOSIGNAL, NULL, 0);
    OK(close, client);
    OK(close, server);
    OK(unlink, "here");
    FAILS(ENOENT, connect, OK(socket, AF_UNIX, SOCK_STREAM, 0), &here, unix_path_size("here"));
}
