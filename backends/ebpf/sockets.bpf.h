/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef SYSFOLD_EBPF_SOCKETS_BPF_H
#define SYSFOLD_EBPF_SOCKETS_BPF_H

/* A socket's two addresses, as getsockname() and getpeername() would tell them: SOCKET_PAIR of common/types.def. */

#include "files.bpf.h"
#include "walk.bpf.h"

#define IFSOCK 0140000
#define FAMILY_UNIX 1
#define FAMILY_INET 2
#define FAMILY_INET6 10
#define STATE_SYN_SENT 2
#define STATE_CLOSE 7
#define PAIR_MAX 257
#define UNIX_NAME_MAX 127

struct address4 {
    __u16 family, port;
    __u32 address;
    __u64 zero;
};

struct address6 {
    __u16 family, port;
    __u32 flow;
    __u64 address[2];
    __u32 scope;
};

/* Neither a port of the other side, nor a connection on its way, is a peer yet. */
static __always_inline bool has_peer(const struct sock *sock)
{
    __u8 state = BPF_CORE_READ(sock, __sk_common.skc_state);

    return BPF_CORE_READ(sock, __sk_common.skc_dport) && state != STATE_CLOSE && state != STATE_SYN_SENT;
}

static __always_inline __u32 lay_pair(struct walk *walk, __u32 at, const void *local, const void *peer, __u32 size)
{
    *room_at(walk, at) = size;
    bpf_probe_read_kernel(room_at(walk, at + 1), size, local);
    if (!peer)
        return 1 + size;
    bpf_probe_read_kernel(room_at(walk, at + 1 + size), size, peer);
    return 1 + 2 * size;
}

__noinline __u32 lay_inet(struct walk *walk, __u64 address, __u32 at)
{
    const struct inet_sock *inet = (const struct inet_sock *)address;
    const struct sock *sock = (const struct sock *)address;
    struct address4 local = {.family = FAMILY_INET}, peer = {.family = FAMILY_INET};

    if (!walk)
        return 0;
    local.port = BPF_CORE_READ(inet, inet_sport);
    local.address = BPF_CORE_READ(sock, __sk_common.skc_rcv_saddr);
    if (!local.address)
        local.address = BPF_CORE_READ(inet, inet_saddr);
    peer.port = BPF_CORE_READ(sock, __sk_common.skc_dport);
    peer.address = BPF_CORE_READ(sock, __sk_common.skc_daddr);
    return lay_pair(walk, at, &local, has_peer(sock) ? &peer : NULL, sizeof(local));
}

/* The interface matters to link-local addresses only. */
static __always_inline __u32 scope_of(const struct sock *sock, const __u64 address[2])
{
    __u32 first = bpf_ntohs((__u16)address[0]);

    return (first & 0xffc0) == 0xfe80 ? (__u32)BPF_CORE_READ(sock, __sk_common.skc_bound_dev_if) : 0;
}

__noinline __u32 lay_inet6(struct walk *walk, __u64 address, __u32 at)
{
    const struct inet_sock *inet = (const struct inet_sock *)address;
    const struct sock *sock = (const struct sock *)address;
    struct address6 local = {.family = FAMILY_INET6}, peer = {.family = FAMILY_INET6};

    if (!walk)
        return 0;
    local.port = BPF_CORE_READ(inet, inet_sport);
    BPF_CORE_READ_INTO(&local.address, sock, __sk_common.skc_v6_rcv_saddr);
    if (!local.address[0] && !local.address[1])
        BPF_CORE_READ_INTO(&local.address, inet, pinet6, saddr);
    local.scope = scope_of(sock, local.address);
    peer.port = BPF_CORE_READ(sock, __sk_common.skc_dport);
    BPF_CORE_READ_INTO(&peer.address, sock, __sk_common.skc_v6_daddr);
    peer.scope = scope_of(sock, peer.address);
    /* 28 bytes, whatever the compiler adds behind them. */
    return lay_pair(walk, at, &local, has_peer(sock) ? &peer : NULL, 28);
}

/* One end's name; its family alone where it has none. Returns its size. */
__noinline __u32 lay_unix_name(struct walk *walk, __u64 address, __u32 at)
{
    const struct unix_sock *sock = (const struct unix_sock *)address;
    const struct unix_address *name;
    __u64 size;

    if (!walk)
        return 0;
    name = BPF_CORE_READ(sock, addr);
    if (!name) {
        store_u16(room_at(walk, at), FAMILY_UNIX);
        return sizeof(__u16);
    }
    size = at_most((__u32)BPF_CORE_READ(name, len), UNIX_NAME_MAX);
    bpf_probe_read_kernel(room_at(walk, at), size, &name->name);
    return size;
}

__noinline __u32 lay_unix(struct walk *walk, __u64 address, __u32 at)
{
    const struct unix_sock *sock = (const struct unix_sock *)address;
    const struct sock *peer;
    __u32 size;

    if (!walk)
        return 0;
    size = lay_unix_name(walk, address, at + 1);
    *room_at(walk, at) = size;
    peer = BPF_CORE_READ(sock, peer);
    return 1 + size + (peer ? lay_unix_name(walk, (__u64)peer, at + 1 + size) : 0);
}

/* The socket behind a descriptor; 0 for what is none. */
static __always_inline const struct sock *sock_at(__s32 fd)
{
    const struct file *file = (const struct file *)file_at(fd);
    const struct socket *socket;

    if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & IFMT) != IFSOCK)
        return NULL;
    socket = (const struct socket *)BPF_CORE_READ(file, private_data);
    return BPF_CORE_READ(socket, sk);
}

__noinline int put_sockets(struct walk *walk, __u32 place, __u32 index, __u32 fd)
{
    const struct sock *sock = sock_at(fd);
    __u32 at, size = 0;

    if (!walk)
        return 0;
    at = walk->end + sizeof(__u16);
    switch (sock ? BPF_CORE_READ(sock, __sk_common.skc_family) : 0) {
    case FAMILY_INET:
        size = lay_inet(walk, (__u64)sock, at);
        break;
    case FAMILY_INET6:
        size = lay_inet6(walk, (__u64)sock, at);
        break;
    case FAMILY_UNIX:
        size = lay_unix(walk, (__u64)sock, at);
        break;
    default:
        break;
    }
    if (!size || at + PAIR_MAX > RECORD_MAX)
        return put_nothing(walk, place, index, STATUS_ABSENT);
    end_variable(walk, index, size, false);
    return 0;
}

#endif
