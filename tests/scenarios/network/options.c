// SPDX-License-Identifier: Apache-2.0
/* Socket options of several levels and forms, and values of all sizes. */

#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/time.h>

#include "network/addresses.h"

static uint8_t value[200];
static socklen_t size;

static void get(long fd, int level, int option, socklen_t room)
{
    memset(value, 0, sizeof(value));
    size = room;
    OK(getsockopt, fd, level, option, value, &size);
}

static void set_and_get(long fd, int level, int option, int number)
{
    OK(setsockopt, fd, level, option, &number, sizeof(number));
    get(fd, level, option, sizeof(int));
}

static void of_sizes(long fd)
{
    static const uint8_t one[81] = {1};

    OK(setsockopt, fd, IPPROTO_IP, IP_TOS, one, 1); /* a byte does */
    OK(setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, one, 80);
    OK(setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, one, 81);
    OK(setsockopt, fd, IPPROTO_IP, IP_OPTIONS, one, 0);
    get(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
    get(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    get(fd, SOL_SOCKET, SO_KEEPALIVE, 81);
    FAILS(EINVAL, setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, one, 3);
    FAILS(EINVAL, setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, one, 0);
    FAILS(EINVAL, setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, kit_at_edge(4), -1);
}

static void structured(long fd)
{
    static const struct linger linger = {.l_onoff = 1, .l_linger = 3};
    static const struct timeval timeout = {.tv_sec = 7, .tv_usec = 500000}, wrong = {.tv_usec = 1000000};

    OK(setsockopt, fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    get(fd, SOL_SOCKET, SO_LINGER, sizeof(linger));
    OK(setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    get(fd, SOL_SOCKET, SO_RCVTIMEO, sizeof(value));
    FAILS(EINVAL, setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, 8);
    FAILS(EDOM, setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &wrong, sizeof(wrong));
}

static void failures(long fd)
{
    int one = 1;

    FAILS(ENOPROTOOPT, setsockopt, fd, SOL_SOCKET, 9999, &one, sizeof(one));
    FAILS(ENOPROTOOPT, setsockopt, fd, 9999, 1, &one, sizeof(one));
    FAILS(ENOPROTOOPT, setsockopt, fd, SOL_SOCKET, SO_TYPE, &one, sizeof(one)); /* to read only */
    FAILS(ENOPROTOOPT, getsockopt, fd, SOL_SOCKET, 9999, value, &size);
    FAILS(EFAULT, setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, BAD, 4);
    FAILS(EFAULT, setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, kit_at_edge(2), 4);
    FAILS(EFAULT, setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4);
    FAILS(EFAULT, getsockopt, fd, SOL_SOCKET, SO_REUSEADDR, value, BAD);
    size = 4;
    FAILS(EFAULT, getsockopt, fd, SOL_SOCKET, SO_REUSEADDR, BAD, &size);
    size = (socklen_t)-1;
    FAILS(EINVAL, getsockopt, fd, SOL_SOCKET, SO_REUSEADDR, value, &size);
    FAILS(EBADF, getsockopt, 99, SOL_SOCKET, SO_TYPE, value, &size);
    FAILS(EBADF, setsockopt, 99, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    FAILS(ENOTSOCK, getsockopt, OK(dup, 0), SOL_SOCKET, SO_TYPE, value, &size);
}

SCENARIO
{
    long fd = OK(socket, AF_INET, SOCK_STREAM, 0);

    set_and_get(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_and_get(fd, SOL_SOCKET, SO_REUSEADDR, 0);
    set_and_get(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_and_get(fd, IPPROTO_TCP, TCP_KEEPIDLE, 100);
    set_and_get(fd, IPPROTO_IP, IP_TTL, 5);
    get(fd, SOL_SOCKET, SO_TYPE, sizeof(int));
    get(fd, SOL_SOCKET, SO_DOMAIN, sizeof(int));
    get(fd, SOL_SOCKET, SO_PROTOCOL, sizeof(int));
    get(fd, SOL_SOCKET, SO_ERROR, sizeof(int));
    of_sizes(fd);
    structured(fd);
    failures(fd);
    OK(listen, fd, 1);
    get(fd, IPPROTO_TCP, TCP_INFO, 80); /* of a listener: nothing in it changes */
    get(fd, IPPROTO_TCP, TCP_INFO, 81);
}
