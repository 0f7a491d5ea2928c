// SPDX-License-Identifier: Apache-2.0
/* Forms of sockets: addresses, pairs of them, control messages. */

#include <arpa/inet.h>

#include "show.h"

/* A sockaddr lies in memory as its caller made it: the family in the
 * recording machine's byte order, ports in the network's. */
struct address {
    const uint8_t *bytes;
    size_t size;
};

enum { UNIX = 1, INET = 2, INET6 = 10, NETLINK = 16, PACKET = 17, VSOCK = 40 };

static uint32_t address_u32(const struct show *show, const struct address *address, size_t at)
{
    return load_u32(address->bytes + at, show->swapped);
}

static unsigned network_u16(const struct address *address, size_t at)
{
    return (unsigned)address->bytes[at] << 8 | address->bytes[at + 1];
}

static void show_number(struct show *show, const char *key, uint64_t value)
{
    show_key(show, key);
    show_unsigned(show, value);
}

static void show_bytes(struct show *show, const char *key, const uint8_t *bytes, size_t size)
{
    show_key(show, key);
    show_string(show, key, bytes, size);
}

/* A path, up to its NUL; or with a NUL first an abstract name, shown with '@' for it; or no name at all. */
static void show_unix(struct show *show, const struct address *address)
{
    char name[256];
    size_t size = address->size - 2;

    if (!size)
        return;
    if (address->bytes[2]) {
        show_bytes(show, "path", address->bytes + 2, strnlen((const char *)address->bytes + 2, size));
        return;
    }
    size = size < sizeof(name) ? size : sizeof(name);
    memcpy(name, address->bytes + 2, size);
    name[0] = '@';
    show_bytes(show, "path", (const uint8_t *)name, size);
    show_true(show, "abstract");
}

static void show_inet(struct show *show, const struct address *address)
{
    char text[INET6_ADDRSTRLEN];

    show_key(show, "addr");
    show_word(show, inet_ntop(AF_INET, address->bytes + 4, text, sizeof(text)));
    show_number(show, "port", network_u16(address, 2));
}

static void show_inet6(struct show *show, const struct address *address)
{
    char text[INET6_ADDRSTRLEN];
    uint32_t flow = (uint32_t)network_u16(address, 4) << 16 | network_u16(address, 6);

    show_key(show, "addr");
    show_word(show, inet_ntop(AF_INET6, address->bytes + 8, text, sizeof(text)));
    show_number(show, "port", network_u16(address, 2));
    if (flow)
        show_number(show, "flowinfo", flow);
    if (address->size >= 28 && address_u32(show, address, 24))
        show_number(show, "scope_id", address_u32(show, address, 24));
}

static void show_netlink(struct show *show, const struct address *address)
{
    show_number(show, "pid", address_u32(show, address, 4));
    show_key(show, "groups");
    show_hex(show, address_u32(show, address, 8));
}

static void show_packet(struct show *show, const struct address *address)
{
    char text[3 * 8];
    struct text_out hardware = {.buffer = text, .size = sizeof(text)};
    size_t size = address->bytes[11] < 8 ? address->bytes[11] : 8;

    show_key(show, "protocol");
    show_hex(show, network_u16(address, 2));
    show_number(show, "ifindex", address_u32(show, address, 4));
    if (12 + size > address->size || !size)
        return;
    for (size_t i = 0; i < size; i++) {
        if (i)
            put_char(&hardware, ':');
        put_hex_bytes(&hardware, address->bytes + 12 + i, 1);
    }
    text_out_finish(&hardware);
    show_key(show, "addr");
    show_word(show, text);
}

static void show_vsock(struct show *show, const struct address *address)
{
    show_number(show, "cid", address_u32(show, address, 8));
    show_number(show, "port", address_u32(show, address, 4));
}

static const struct {
    unsigned family;
    size_t least; /* bytes that its function looks at without asking */
    void (*show)(struct show *show, const struct address *address);
} families[] = {
    {UNIX, 2, show_unix},        {INET, 8, show_inet},     {INET6, 24, show_inet6},
    {NETLINK, 12, show_netlink}, {PACKET, 12, show_packet}, {VSOCK, 12, show_vsock},
};

static void show_address_of_family(struct show *show, const struct address *address, unsigned family)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (families[i].family == family && address->size >= families[i].least) {
            families[i].show(show, address);
            return;
        }
    }
    if (address->size > 2)
        show_bytes(show, "data", address->bytes + 2, address->size - 2);
}

static void show_one_address(struct show *show, const struct address *address)
{
    unsigned family;

    show_open(show, '{');
    if (address->size >= 2) {
        family = load_u16(address->bytes, show->swapped);
        show_key(show, "family");
        show_names(show, NULL, flag_tables[TABLE_socket_families], family, WIRE_U16);
        show_address_of_family(show, address, family);
    } else if (address->size) {
        show_bytes(show, "data", address->bytes, address->size);
    }
    show_close(show, '}');
}

void show_sockaddr(struct show *show)
{
    show_one_address(show, &(struct address){show->value.data, show->value.size});
}

/* u8 size of the local address, the local address, the peer's. */
void show_socket_pair(struct show *show)
{
    const uint8_t *bytes = show->value.data;
    size_t left = show->value.size - 1;
    size_t size = bytes[0] < left ? bytes[0] : left;

    show_open(show, '{');
    if (size) {
        show_key(show, "local");
        show_one_address(show, &(struct address){bytes + 1, size});
    }
    if (left > size) {
        show_key(show, "peer");
        show_one_address(show, &(struct address){bytes + 1 + size, left - size});
    }
    show_close(show, '}');
}

/* Control messages: u64 size with its header, i32 level, i32 type, data; each begins at a multiple of 8. */
#define CMSG_HEADER_SIZE 16
#define LEVEL_SOCKET 1
#define TYPE_RIGHTS 1
#define TYPE_CREDENTIALS 2

static void show_rights(struct show *show, size_t at, size_t size)
{
    show_key(show, "type");
    show_word(show, "SCM_RIGHTS");
    show_key(show, "fds");
    show_open(show, '[');
    for (size_t i = 0; i + 4 <= size; i += 4) {
        show_item(show);
        show_signed(show, i32_at(show, at + i));
    }
    show_close(show, ']');
}

static void show_credentials(struct show *show, size_t at)
{
    show_key(show, "type");
    show_word(show, "SCM_CREDENTIALS");
    show_key(show, "pid");
    show_signed(show, i32_at(show, at));
    show_number(show, "uid", u32_at(show, at + 4));
    show_number(show, "gid", u32_at(show, at + 8));
}

static void show_control_message(struct show *show, size_t at, size_t size)
{
    int32_t level = i32_at(show, at + 8);
    int32_t type = i32_at(show, at + 12);

    at += CMSG_HEADER_SIZE;
    size -= CMSG_HEADER_SIZE;
    show_open(show, '{');
    show_key(show, "level");
    show_names(show, NULL, flag_tables[TABLE_sockopt_levels], (uint64_t)level, WIRE_I32);
    if (level == LEVEL_SOCKET && type == TYPE_RIGHTS) {
        show_rights(show, at, size);
    } else if (level == LEVEL_SOCKET && type == TYPE_CREDENTIALS && size >= 12) {
        show_credentials(show, at);
    } else {
        show_key(show, "type");
        show_signed(show, type);
        show_bytes(show, "data", show->value.data + at, size);
    }
    show_close(show, '}');
}

void show_control(struct show *show)
{
    size_t at = 0;

    show_open(show, '[');
    while (at + CMSG_HEADER_SIZE <= show->value.size) {
        uint64_t left = show->value.size - at;
        uint64_t size = u64_at(show, at);

        if (size < CMSG_HEADER_SIZE)
            break;
        /* The snaplen, or a liar, may have left less than the message says. */
        size = size < left ? size : left;
        show_item(show);
        show_control_message(show, at, (size_t)size);
        at += ((size_t)size + 7) & ~(size_t)7;
    }
    show_close(show, ']');
}
