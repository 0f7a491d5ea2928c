/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SCENARIO_ADDRESSES_H
#define SYSFOLD_SCENARIO_ADDRESSES_H

/* Addresses that scenarios use: of this machine only, and nobody else's. */

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "kit/kit.h"

/* 127.0.0.1 and ::1, with a port that the kernel chooses. */
static inline struct sockaddr_in loopback4(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK)};
}

static inline struct sockaddr_in6 loopback6(void)
{
    return (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = {{.__u6_addr8 = {[15] = 1}}}};
}

/* For BEFORE. */
static inline void need_loopback6(void)
{
    struct sockaddr_in6 here = loopback6();
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_there = fd >= 0 && bind(fd, (const struct sockaddr *)&here, sizeof(here)) == 0;

    if (fd >= 0)
        close(fd);
    if (!is_there)
        kit_skip("there is no IPv6 loopback");
}

static inline struct sockaddr_un unix_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path));
    return address;
}

static inline socklen_t unix_path_size(const char *path)
{
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

/* What comes over the loopback may come a moment later, and a socket that does not wait would miss it. */
static inline void wait_for(long fd, short events)
{
    static struct pollfd wanted;

    wanted = (struct pollfd){.fd = (int)fd, .events = events};
    OK(poll, &wanted, 1, 10000);
}

/* A SOCKET_PAIR: the length of the socket's own address, it, and the other's. */
#define SOCKET_PAIR_ROOM 257
static inline size_t lay_pair(uint8_t to[SOCKET_PAIR_ROOM], const void *own, size_t own_size, const void *other,
                              size_t other_size)
{
    to[0] = (uint8_t)own_size;
    memcpy(to + 1, own, own_size);
    memcpy(to + 1 + own_size, other, other_size);
    return 1 + own_size + other_size;
}

/* A name that nobody else has, for what all processes of the machine share: "sysfold-" and eight letters, made up as
 * mkstemp() does it. */
#define UNIQUE_NAME_SIZE 16
static inline void make_unique_name(char name[UNIQUE_NAME_SIZE + 1])
{
    uint8_t bytes[8];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        kit_fail("there is no randomness");
    memcpy(name, "sysfold-", 8);
    for (size_t i = 0; i < sizeof(bytes); i++)
        name[8 + i] = (char)((i % 2 ? 'a' : 'A') + bytes[i] % 26);
    name[UNIQUE_NAME_SIZE] = 0;
}

#endif
