// SPDX-License-Identifier: Apache-2.0
/* Datagrams over 127.0.0.1: addressed and connected, empty, cut off, looked at, refused. */

#include "network/addresses.h"

static struct sockaddr_in first_address, second_address, found;
static socklen_t size;

static long bound(struct sockaddr_in *address)
{
    long fd = OK(socket, AF_INET, SOCK_DGRAM, 0);

    *address = loopback4();
    OK(bind, fd, address, sizeof(*address));
    size = sizeof(*address);
    OK(getsockname, fd, address, &size);
    return fd;
}

static void receive(long fd, char *buffer, size_t room, int flags)
{
    memset(&found, 0, sizeof(found));
    size = sizeof(found);
    OK(recvfrom, fd, buffer, room, flags, &found, &size);
}

static void exchange(long first, long second)
{
    static char buffer[100], long_one[81];

    memset(long_one, 'x', sizeof(long_one));
    OK(sendto, first, "one", 3, 0, &second_address, sizeof(second_address));
    receive(second, buffer, sizeof(buffer), MSG_PEEK);
    receive(second, buffer, 2, MSG_PEEK);
    receive(second, buffer, 2, MSG_TRUNC); /* more than there was room for */
    OK(sendto, first, NULL, 0, 0, &second_address, sizeof(second_address));
    receive(second, buffer, sizeof(buffer), 0);
    OK(sendto, first, long_one, 80, 0, &second_address, sizeof(second_address));
    OK(sendto, first, long_one, 81, 0, &second_address, sizeof(second_address));
    receive(second, buffer, sizeof(buffer), 0);
    receive(second, buffer, 80, 0);
    FAILS(EAGAIN, recvfrom, second, buffer, sizeof(buffer), MSG_DONTWAIT, &found, &size);
    FAILS(EDESTADDRREQ, sendto, first, "to whom", 7, 0, NULL, 0);
    FAILS(EMSGSIZE, sendto, first, kit_at_edge(4096), 65508, 0, &second_address, sizeof(second_address));
}

static void connected(long first, long second)
{
    static char buffer[16];
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    OK(connect, first, &second_address, sizeof(second_address));
    OK(write, first, "two", 3);
    OK(read, second, buffer, sizeof(buffer));
    size = sizeof(found);
    OK(getpeername, first, &found, &size);
    OK(close, second);
    OK(write, first, "three", 5);
    FAILS(ECONNREFUSED, recvfrom, first, buffer, sizeof(buffer), 0, &found, &size);
    OK(connect, first, &nobody, sizeof(nobody)); /* no longer to anybody */
    FAILS(ENOTCONN, getpeername, first, &found, &size);
    FAILS(EOPNOTSUPP, listen, first, 1);
}

SCENARIO
{
    long first = bound(&first_address);
    long second = bound(&second_address);

    exchange(first, second);
    FAILS(EADDRINUSE, bind, OK(socket, AF_INET, SOCK_DGRAM, IPPROTO_UDP), &first_address, sizeof(first_address));
    connected(first, second);
    FAILS(EBADF, sendto, 99, "one", 3, 0, &second_address, sizeof(second_address));
    FAILS(EBADF, recvfrom, 99, &found, sizeof(found), 0, NULL, NULL);
}
