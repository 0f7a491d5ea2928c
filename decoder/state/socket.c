// SPDX-License-Identifier: Apache-2.0
#include "socket.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/record.h"

const char *socket_type(int64_t family)
{
    switch (family) {
    case FAMILY_UNIX:
        return "unix";
    case FAMILY_INET:
        return "ipv4";
    case FAMILY_INET6:
        return "ipv6";
    case FAMILY_NETLINK:
        return "netlink";
    case 17:
        return "packet";
    case 40:
        return "vsock";
    default:
        return "socket";
    }
}

static unsigned port_at(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

/* An abstract name begins with a NUL and may hold others. */
static void read_unix(const uint8_t *path, size_t size, char text[ADDRESS_ROOM])
{
    bool abstract = size && !path[0];

    if (!abstract && size)
        size = strnlen((const char *)path, size);
    if (size >= ADDRESS_ROOM)
        size = ADDRESS_ROOM - 1;
    for (size_t i = 0; i < size; i++)
        text[i] = path[i] ? (char)path[i] : '@';
    text[size] = '\0';
}

void address_read(const uint8_t *bytes, size_t size, bool swapped, struct address *ret_address)
{
    char host[INET6_ADDRSTRLEN] = "";
    char *text = ret_address->text;

    text[0] = '\0';
    ret_address->family = size >= 2 ? load_u16(bytes, swapped) : -1;
    switch (ret_address->family) {
    case FAMILY_UNIX:
        read_unix(bytes + 2, size - 2, text);
        return;
    case FAMILY_INET:
        if (size >= 8 && inet_ntop(AF_INET, bytes + 4, host, sizeof(host)))
            (void)snprintf(text, ADDRESS_ROOM, "%s:%u", host, port_at(bytes + 2));
        return;
    case FAMILY_INET6:
        if (size >= 24 && inet_ntop(AF_INET6, bytes + 8, host, sizeof(host)))
            (void)snprintf(text, ADDRESS_ROOM, "[%s]:%u", host, port_at(bytes + 2));
        return;
    case FAMILY_NETLINK:
        if (size >= 8)
            (void)snprintf(text, ADDRESS_ROOM, "netlink:%" PRIu32, load_u32(bytes + 4, swapped));
        return;
    default:
        return;
    }
}

void address_read_pair(const uint8_t *bytes, size_t size, bool swapped, struct address *ret_local,
                       struct address *ret_peer)
{
    size_t local_size = size && bytes[0] < size ? bytes[0] : 0;

    *ret_local = *ret_peer = (struct address){.family = -1};
    if (!size || bytes[0] >= size)
        return;
    address_read(bytes + 1, local_size, swapped, ret_local);
    address_read(bytes + 1 + local_size, size - 1 - local_size, swapped, ret_peer);
}

bool socket_name(const char *local, const struct address *peer, char ret_name[SOCKET_NAME_ROOM])
{
    bool has_local = local && local[0], has_peer = peer->text[0];

    if (has_peer && (has_local || peer->family != FAMILY_UNIX))
        (void)snprintf(ret_name, SOCKET_NAME_ROOM, "%s->%s", has_local ? local : "", peer->text);
    else if (has_local || has_peer)
        (void)snprintf(ret_name, SOCKET_NAME_ROOM, "%s", has_local ? local : peer->text);
    return has_local || has_peer;
}
