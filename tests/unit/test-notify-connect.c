// SPDX-License-Identifier: Apache-2.0
/* connect() on a target's socket: against the same calls made natively. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/notify/connecting.h"
#include "perform-kit.h"

TestSuite(perform_connect, .timeout = 60);

/* A failure ends the target with what the kit does not take for success. */
#define MUST(CALL)                                                                                                     \
    do {                                                                                                               \
        if ((CALL) < 0)                                                                                                \
            _exit(3);                                                                                                  \
    } while (0)

static int results; /* which of made[] */

static int listen_at(int domain, struct sockaddr_storage *ret_address, socklen_t *ret_size)
{
    int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *ret_size = domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    memset(ret_address, 0, sizeof(*ret_address));
    ret_address->ss_family = (sa_family_t)domain;
    if (domain == AF_INET)
        ((struct sockaddr_in *)ret_address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)ret_address)->sin6_addr = in6addr_loopback;
    MUST(bind(fd, (struct sockaddr *)ret_address, *ret_size));
    MUST(listen(fd, 8));
    MUST(getsockname(fd, (struct sockaddr *)ret_address, ret_size));
    return fd;
}

static void connect_step(struct stage *on, int step, int fd, const void *address, socklen_t size)
{
    int r;

    step_begin(on, step);
    r = connect(fd, address, size);
    step_end(on);
    on->made[results][step].result = r < 0 ? -errno : r;
    close(fd);
}

static void make_connections(struct stage *on)
{
    struct sockaddr_storage address;
    struct sockaddr_un local = {.sun_family = AF_UNIX, .sun_path = "nobody-listens"};
    struct sockaddr unspecified = {.sa_family = AF_UNSPEC};
    socklen_t size;
    int listening = listen_at(AF_INET, &address, &size);

    connect_step(on, 0, socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), &address, size);
    connect_step(on, 1, socket(AF_INET, SOCK_DGRAM, 0), &address, size);
    connect_step(on, 2, socket(AF_INET, SOCK_STREAM, 0), &address, size);
    connect_step(on, 3, socket(AF_UNIX, SOCK_STREAM, 0), &local, sizeof(local));
    connect_step(on, 4, socket(AF_INET, SOCK_DGRAM, 0), &unspecified, sizeof(unspecified));
    connect_step(on, 5, socket(AF_INET6, SOCK_DGRAM, 0), &address, size);
    connect_step(on, 6, socket(AF_INET, SOCK_DGRAM, 0), &address, 4);
    connect_step(on, 7, dup(0), &address, size);
    connect_step(on, 8, 99, &address, size);
    connect_step(on, 9, socket(AF_INET, SOCK_DGRAM, 0), NULL, size);
    ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_BROADCAST);
    connect_step(on, 10, socket(AF_INET, SOCK_DGRAM, 0), &address, size);
    close(listening);
}

Test(perform_connect, connections_are_as_if_made_by_the_target)
{
    static const bool performed[] = {true, true, false, false, false, false, true, false, false, false, true};
    struct stage *stage = stage_make();
    struct sockaddr_in peer;

    stage_run(stage, make_connections);
    results = 1;
    if (stage_serve(stage, make_connections)) {
        for (size_t i = 0; i < 11; i++) {
            cr_expect_eq(stage->made[0][i].result, stage->made[1][i].result, "%zu: natively %d, here %d", i,
                         stage->made[0][i].result, stage->made[1][i].result);
            cr_expect_eq(stage->told[i].performed, performed[i], "%zu", i);
        }
        cr_expect_eq(stage->made[1][0].result, -EINPROGRESS);
        cr_expect_eq(stage->told[1].sockets_size, 1 + 2 * (int)sizeof(peer));
        memcpy(&peer, stage->told[1].sockets + 1 + sizeof(peer), sizeof(peer));
        cr_expect_eq(peer.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    }
    stage_free(stage);
}

/* Somebody has made the socket wait after all: nobody takes up the connection. */
Test(perform_connect, a_connection_that_waits_is_not_waited_for)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fillers[8], waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pair_size = 0;
    uint8_t pair[257];

    cr_assert_eq(bind(listening, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(listening, 0), 0);
    cr_assert_eq(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, size);
    }
    cr_expect_eq(connecting_perform(&waiting, (uint8_t *)&address, size, &pair_size, pair), -EINTR);
    cr_expect_eq(waiting, -1);
    for (size_t i = 0; i < 8; i++)
        close(fillers[i]);
    close(listening);
}
