// SPDX-License-Identifier: Apache-2.0
/* Datagrams over ::1, and to an IPv4 address as IPv6 says it. */

#include "network/addresses.h"

BEFORE(need_loopback6)

static struct sockaddr_in6 here, found;
static struct sockaddr_in mapped;
static socklen_t size;

static void over_itself(long fd)
{
    static char buffer[32];

    OK(sendto, fd, "to itself", 9, 0, &here, sizeof(here));
    size = sizeof(found);
    OK(recvfrom, fd, buffer, sizeof(buffer), 0, &found, &size);
    OK(sendto, fd, "short", 5, 0, &here, 24); /* the least that IPv6 takes: without a scope */
    /* Less room than the address needs: it is cut off, its length is told. */
    size = 7;
    OK(recvfrom, fd, buffer, 3, MSG_TRUNC, &found, &size);
    FAILS(EINVAL, sendto, fd, "short", 5, 0, &here, 23);
}

static void to_mapped(long fd)
{
    static char buffer[32];
    struct sockaddr_in6 to = {.sin6_family = AF_INET6};
    long receiver = OK(socket, AF_INET, SOCK_DGRAM, 0);

    mapped = loopback4();
    OK(bind, receiver, &mapped, sizeof(mapped));
    size = sizeof(mapped);
    OK(getsockname, receiver, &mapped, &size);
    to.sin6_port = mapped.sin_port;
    memcpy(&to.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
    OK(sendto, fd, "mapped", 6, MSG_CONFIRM, &to, sizeof(to));
    size = sizeof(mapped);
    OK(recvfrom, receiver, buffer, sizeof(buffer), 0, &mapped, &size);
}

SCENARIO
{
    static const int only = 1;
    long fd = OK(socket, AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    long other = OK(socket, AF_INET6, SOCK_DGRAM, 0);

    here = loopback6();
    OK(setsockopt, fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    OK(bind, fd, &here, sizeof(here));
    FAILS(EINVAL, setsockopt, fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only)); /* too late */
    size = sizeof(here);
    OK(getsockname, fd, &here, &size);
    over_itself(fd);
    to_mapped(other);
    FAILS(EINVAL, bind, other, &here, 23);
}
