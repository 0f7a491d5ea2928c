// SPDX-License-Identifier: Apache-2.0
/* Both addresses of connected sockets, where the program knows them because it gave them. */

#include "network/addresses.h"

static uint8_t pair[SOCKET_PAIR_ROOM];
static size_t pair_size;

static void bind_here(long fd, struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);

    *address = loopback4();
    OK(bind, fd, address, sizeof(*address));
    OK(getsockname, fd, address, &size);
}

static void over_tcp(void)
{
    struct sockaddr_in here, there;
    long listener = OK(socket, AF_INET, SOCK_STREAM, 0);
    long client = OK(socket, AF_INET, SOCK_STREAM, 0);

    bind_here(listener, &here);
    OK(listen, listener, 1);
    bind_here(client, &there);
    pair_size = lay_pair(pair, &there, sizeof(there), &here, sizeof(here));
    OK_SAYING(SAID(BYTES("sockets", pair, pair_size)), connect, client, &here, sizeof(here));
    pair_size = lay_pair(pair, &here, sizeof(here), &there, sizeof(there));
    OK_SAYING(SAID(BYTES("sockets", pair, pair_size)), accept, listener, NULL, NULL);
}

static void over_udp(void)
{
    struct sockaddr_in here, there;
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    long first = OK(socket, AF_INET, SOCK_DGRAM, 0);
    long second = OK(socket, AF_INET, SOCK_DGRAM, 0);

    bind_here(first, &here);
    bind_here(second, &there);
    pair_size = lay_pair(pair, &here, sizeof(here), &there, sizeof(there));
    OK_SAYING(SAID(BYTES("sockets", pair, pair_size)), connect, first, &there, sizeof(there));
    OK(connect, first, &none, sizeof(none));
}

static void over_unix(void)
{
    static struct sockaddr_un here, there;
    long listener = OK(socket, AF_UNIX, SOCK_SEQPACKET, 0);
    long nameless = OK(socket, AF_UNIX, SOCK_SEQPACKET, 0);
    long named = OK(socket, AF_UNIX, SOCK_SEQPACKET, 0);

    here = unix_path("here");
    there = unix_path("over there");
    OK(bind, listener, &here, unix_path_size("here"));
    OK(listen, listener, 5);
    OK(bind, named, &there, unix_path_size("over there"));
    pair_size = lay_pair(pair, &there, sizeof(there.sun_family), &here, unix_path_size("here"));
    OK_SAYING(SAID(BYTES("sockets", pair, pair_size)), connect, nameless, &here, unix_path_size("here"));
    pair_size = lay_pair(pair, &here, unix_path_size("here"), &there, sizeof(there.sun_family));
    OK_SAYING(SAID(BYTES("sockets", pair, pair_size)), accept, listener, NULL, NULL);
    pair_size = lay_pair(pair, &there, unix_path_size("over there"), &here, unix_path_size("here"));
    OK_SAYING(SAID(BYTES("sockets", pair, pair_size)), connect, named, &here, unix_path_size("here"));
    pair_size = lay_pair(pair, &here, unix_path_size("here"), &there, unix_path_size("over there"));
    OK_SAYING(SAID(BYTES("sockets", pair, pair_size)), accept4, listener, NULL, NULL, SOCK_CLOEXEC);
}

SCENARIO
{
    over_tcp();
    over_udp();
    over_unix();
}
