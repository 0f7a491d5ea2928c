// SPDX-License-Identifier: Apache-2.0
/* A server that forks: its children accept from the listener they inherit, each with descriptors of its own. */

#include "network/addresses.h"

#define CLIENTS 3

static struct sockaddr_in here;
static long listener;

static void serve(void *data)
{
    static struct sockaddr_in peer;
    static socklen_t size = sizeof(peer);
    static char buffer[16];
    long fd = OK(accept4, listener, &peer, &size, SOCK_CLOEXEC);
    long got = OK(recvfrom, fd, buffer, sizeof(buffer), 0, NULL, NULL);

    OK(close, listener);
    OK(sendto, fd, buffer, got, MSG_NOSIGNAL, NULL, 0);
    kit_descriptors();
    OK(shutdown, fd, SHUT_WR);
    EXIT_GROUP(*(int *)data);
}

static void ask(void)
{
    static char buffer[16];
    long fd = OK(socket, AF_INET, SOCK_STREAM, 0);

    OK(connect, fd, &here, sizeof(here));
    OK(write, fd, "echo", 4);
    OK(recvfrom, fd, buffer, 4, MSG_WAITALL, NULL, NULL);
    OK(recvfrom, fd, buffer, sizeof(buffer), 0, NULL, NULL); /* nothing more comes */
    OK(close, fd);
    if (memcmp(buffer, "echo", 4) != 0)
        kit_fail("the echo is not what was sent");
}

SCENARIO
{
    socklen_t size = sizeof(here);

    listener = OK(socket, AF_INET, SOCK_STREAM, 0);
    here = loopback4();
    OK(bind, listener, &here, sizeof(here));
    OK(listen, listener, CLIENTS);
    OK(getsockname, listener, &here, &size);
    for (int i = 0; i < CLIENTS; i++) {
        long child = kit_fork(serve, &i);

        ask();
        if (kit_reap(child) != i << 8)
            kit_fail("the child served otherwise");
    }
    OK(close, listener);
}
