// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/server.h"

#include <errno.h>

#include "common/error.h"

int server_create(struct queue *queue, struct server **ret_server, struct sysfold_error *error)
{
    (void)queue;
    (void)ret_server;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}

int server_listen(struct server *server, const struct server_endpoint *endpoint, uint16_t *ret_number,
                  struct sysfold_error *error)
{
    (void)server;
    (void)endpoint;
    (void)ret_number;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}

int server_start(struct server *server, struct sysfold_error *error)
{
    (void)server;
    return error_set(error, -ENOSYS, "gvisor: not yet");
}

void server_stop(struct server *server)
{
    (void)server;
}

void server_stop_when_idle(struct server *server)
{
    (void)server;
}

void server_counts(const struct server *server, struct server_counts *ret_counts)
{
    (void)server;
    *ret_counts = (struct server_counts){0};
}

void server_destroy(struct server *server)
{
    (void)server;
}
