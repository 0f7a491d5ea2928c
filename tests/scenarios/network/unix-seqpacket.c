// SPDX-License-Identifier: Apache-2.0
/* Packets in order: their ends are kept, empty ones count, and the end of them all is seen. */

#include "network/addresses.h"

static struct sockaddr_un here;

SCENARIO
{
    static char buffer[200], packet[81];
    long listener = OK(socket, AF_UNIX, SOCK_SEQPACKET, 0);
    long client = OK(socket, AF_UNIX, SOCK_SEQPACKET, 0);
    long server;

    here = unix_path("packets");
    memset(packet, 'p', sizeof(packet));
    OK(bind, listener, &here, unix_path_size("packets"));
    OK(listen, listener, 1);
    OK(connect, client, &here, unix_path_size("packets"));
    server = OK(accept4, listener, NULL, NULL, SOCK_NONBLOCK);
    OK(write, client, packet, 80);
    OK(write, client, packet, 81);
    OK(sendto, client, packet, 1, MSG_EOR, NULL, 0);
    OK(sendto, client, packet, 0, 0, NULL, 0);
    OK(read, server, buffer, sizeof(buffer));
    OK(recvfrom, server, buffer, 1, MSG_PEEK | MSG_TRUNC, NULL, NULL);
    OK(read, server, buffer, 80); /* the rest of it is gone */
    OK(recvfrom, server, buffer, sizeof(buffer), 0, NULL, NULL);
    OK(recvfrom, server, buffer, sizeof(buffer), 0, NULL, NULL);
    FAILS(EAGAIN, recvfrom, server, buffer, sizeof(buffer), 0, NULL, NULL);
    OK(shutdown, client, SHUT_RDWR);
    OK(recvfrom, server, buffer, sizeof(buffer), 0, NULL, NULL);
    FAILS(EPROTOTYPE, connect, OK(socket, AF_UNIX, SOCK_STREAM, 0), &here, unix_path_size("packets"));
    OK(unlink, "packets");
}
