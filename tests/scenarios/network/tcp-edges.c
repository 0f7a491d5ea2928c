// SPDX-License-Identifier: Apache-2.0
/* TCP as it is rarely used: pieces held back, a byte out of band, a connection that is reset, sizes of nothing. */

#include "network/addresses.h"

static struct sockaddr_in here;

static long listener_make(void)
{
    socklen_t size = sizeof(here);
    long fd = OK(socket, AF_INET, SOCK_STREAM, 0);

    here = loopback4();
    OK(bind, fd, &here, sizeof(here));
    OK(getsockname, fd, &here, &size);
    OK(listen, fd, 3);
    return fd;
}

static long connected_make(void)
{
    long fd = OK(socket, AF_INET, SOCK_STREAM, 0);

    OK(connect, fd, &here, sizeof(here));
    return fd;
}

static void sizes(long client, long server)
{
    static char data[81], buffer[400];

    memset(data, 'd', sizeof(data));
    OK(sendto, client, data, 0, 0, NULL, 0);
    OK(sendto, client, data, 1, MSG_MORE, NULL, 0);
    OK(sendto, client, data, 80, MSG_MORE, NULL, 0);
    OK(sendto, client, data, 81, 0, NULL, 0);
    OK(recvfrom, server, buffer, 0, MSG_DONTWAIT | MSG_PEEK, NULL, NULL);
    OK(recvfrom, server, buffer, 81, MSG_WAITALL, NULL, NULL);
    OK(recvfrom, server, NULL, 80, MSG_WAITALL | MSG_TRUNC, NULL, NULL); /* thrown away unseen */
    OK(recvfrom, server, kit_at_edge(1), 1, 0, NULL, NULL);
    FAILS(EFAULT, sendto, client, BAD, 5, 0, NULL, 0);
    FAILS(EFAULT, sendto, client, NULL, 5, 0, NULL, 0);
    OK(sendto, client, kit_at_edge(9), 9, 0, NULL, 0);
    FAILS(EFAULT, recvfrom, server, BAD, 9, 0, NULL, NULL);
    OK(recvfrom, server, buffer, 9, MSG_WAITALL, NULL, NULL);
}

static void out_of_band(long client, long server)
{
    static char buffer[8];

    FAILS(EINVAL, recvfrom, server, buffer, 1, MSG_OOB, NULL, NULL);
    OK(sendto, client, "ab!", 3, MSG_OOB, NULL, 0);
    OK(recvfrom, server, buffer, 2, MSG_WAITALL, NULL, NULL);
    wait_for(server, POLLPRI);
    OK(recvfrom, server, buffer, sizeof(buffer), MSG_OOB, NULL, NULL);
}

static void reset(long client, long server)
{
    static const struct linger at_once = {.l_onoff = 1};
    static char buffer[8];

    OK(setsockopt, client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    OK(close, client);
    FAILS(ECONNRESET, recvfrom, server, buffer, sizeof(buffer), 0, NULL, NULL);
    OK(recvfrom, server, buffer, sizeof(buffer), 0, NULL, NULL); /* the error is told once */
    FAILS(EPIPE, sendto, server, "x", 1, MSG_NOSIGNAL, NULL, 0);
    FAILS(ENOTCONN, shutdown, server, SHUT_RDWR);
}

SCENARIO
{
    static socklen_t size = sizeof(here);
    long listener = listener_make();
    long client = connected_make();
    long server = OK(accept, listener, NULL, NULL);

    sizes(client, server);
    out_of_band(client, server);
    reset(client, server);
    client = connected_make();
    FAILS(EFAULT, accept, listener, BAD, &size); /* the connection is gone with it */
    client = connected_make();
    size = sizeof(here);
    FAILS(EFAULT, accept4, listener, &here, BAD, SOCK_CLOEXEC);
    FAILS(EINVAL, socket, AF_INET, SOCK_STREAM | 0x100000, 0);
    kit_descriptors();
}
