/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_ENDPOINT_H
#define SYSFOLD_BACKENDS_ENDPOINT_H

/*
 * A socket with a path, where sandboxes and their runtimes connect: whose it
 * is, and who may. `backend` is what messages begin with, and what the default path is named after.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <sysfold/error.h>
#include <sysfold/stream.h>

struct endpoint {
    const char *path; /* an absolute path of at most 107 bytes; a stale socket there is replaced, nothing else is */
    mode_t mode;      /* of the socket, e.g. 0600 */
    uid_t uid;        /* its owner; -1: the caller's own */
    gid_t gid;        /* as well */
};

/* One that listens. */
struct endpoint_socket {
    int fd;                   /* non-blocking; -1: none */
    struct endpoint endpoint; /* `path` is our own copy; uid and gid are never -1 */
    dev_t dev;                /* of the path, so that none but ours is removed in the end */
    ino_t ino;
};

/* The default path: sysfold/BACKEND.sock in $XDG_RUNTIME_DIR, for root in /run. The caller's to free(). -ENOENT: we
 * have no such directory. */
int endpoint_default_path(const char *backend, char **ret_path, struct sysfold_error *error);
/* What the options say, or the default, whose directory is made. *ret_path is the caller's to free(), and borrowed by
 * *ret_endpoint. */
int endpoint_of_options(const char *backend, const struct sysfold_live_options *live, char **ret_path,
                        struct endpoint *ret_endpoint, struct sysfold_error *error);

/* `type`: SOCK_STREAM, SOCK_SEQPACKET. Errors: -EADDRINUSE (somebody listens there), -EEXIST (something else than a
 * socket is there), -ENAMETOOLONG, -EINVAL (not an absolute path), others of the system. */
int endpoint_listen(const char *backend, const struct endpoint *endpoint, int type, struct endpoint_socket *ret_socket,
                    struct sysfold_error *error);
/* The same of a socket that listens already, whoever bound it: takes it over, and gives its path owner and mode.
 * -ENOENT: that socket is not there (any more); nothing is set then, and `fd` remains the caller's. */
int endpoint_adopt(const char *backend, const struct endpoint *endpoint, int fd, struct endpoint_socket *ret_socket,
                   struct sysfold_error *error);
/* May this peer connect? Root, our own user, and whom owner and mode let in, whatever the path's are by now. */
bool endpoint_lets_in(const struct endpoint *endpoint, int peer_fd);
/* Nobody connects any more, but the path stays. */
void endpoint_close(struct endpoint_socket *socket);
/* Closes it as well, and removes the path if it is still ours. */
void endpoint_finish(struct endpoint_socket *socket);

#endif
