/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_STATE_SOCKET_H
#define SYSFOLD_STATE_SOCKET_H

/* What a socket is called. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_ROOM 128
#define SOCKET_NAME_ROOM (2 * ADDRESS_ROOM + 2)

/* The families we know, as numbers on the wire. */
enum { FAMILY_UNSPEC = 0, FAMILY_UNIX = 1, FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_NETLINK = 16 };

struct address {
    int family; /* -1: there is none */
    char text[ADDRESS_ROOM];
};

/* "ipv4", "unix", ...; static. */
const char *socket_type(int64_t family);

/* Reads a struct sockaddr as it was in memory: "127.0.0.1:80", "[::1]:80", "/run/x", "@abstract". */
void address_read(const uint8_t *bytes, size_t size, bool swapped, struct address *ret_address);
/* Reads the SOCKET_PAIR form of common/types.def. */
void address_read_pair(const uint8_t *bytes, size_t size, bool swapped, struct address *ret_local,
                       struct address *ret_peer);

/* "local->peer", or the one there is. false: there is nothing to say. */
bool socket_name(const char *local, const struct address *peer, char ret_name[SOCKET_NAME_ROOM]);

#endif
