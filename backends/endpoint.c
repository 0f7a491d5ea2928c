// SPDX-License-Identifier: Apache-2.0
#include "endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"

#define MODE_DEFAULT 0600

/* --- which path, which owner --- */

int endpoint_default_path(const char *backend, char **ret_path, struct sysfold_error *error)
{
    const char *directory = geteuid() ? getenv("XDG_RUNTIME_DIR") : "/run";
    char *path;

    if (!directory || *directory != '/')
        return error_set(error, -ENOENT,
                         "%s: no place for a socket: XDG_RUNTIME_DIR is not set (say where it shall be)", backend);
    if (asprintf(&path, "%s/sysfold/%s.sock", directory, backend) < 0)
        return error_system(error, -ENOMEM, "%s: cannot name a socket", backend);
    *ret_path = path;
    return 0;
}

/* A name, or a number. -1: there is nobody of that name. */
static int64_t find_user(const char *name)
{
    const struct passwd *user = getpwnam(name);
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    if (user)
        return user->pw_uid;
    return *name && !*end && number < UINT32_MAX ? (int64_t)number : -1;
}

static int64_t find_group(const char *name)
{
    const struct group *group = getgrnam(name);
    char *end;
    unsigned long number = strtoul(name, &end, 10);

    if (group)
        return group->gr_gid;
    return *name && !*end && number < UINT32_MAX ? (int64_t)number : -1;
}

static int parse_owner(const char *backend, const char *owner, struct endpoint *endpoint, struct sysfold_error *error)
{
    cleanup_free char *user = strdup(owner);
    char *colon = user ? strchr(user, ':') : NULL;
    const char *group = colon ? colon + 1 : NULL;
    int64_t uid = -1, gid = -1;

    if (!user)
        return error_system(error, -ENOMEM, "%s: cannot make the socket", backend);
    if (colon)
        *colon = '\0';
    if (*user && (uid = find_user(user)) < 0)
        return error_set(error, -EINVAL, "%s: there is no user '%s' to own the socket", backend, user);
    if (group && *group && (gid = find_group(group)) < 0)
        return error_set(error, -EINVAL, "%s: there is no group '%s' to own the socket", backend, group);
    endpoint->uid = (uid_t)uid;
    endpoint->gid = (gid_t)gid;
    return 0;
}

/* The directory of the default path is ours to make. */
static int make_parent(const char *backend, const char *path, struct sysfold_error *error)
{
    cleanup_free char *parent = strdup(path);
    char *slash = parent ? strrchr(parent, '/') : NULL;

    if (!slash)
        return error_system(error, -ENOMEM, "%s: cannot make the socket", backend);
    *slash = '\0';
    if (mkdir(parent, 0755) < 0 && errno != EEXIST)
        return error_system(error, -errno, "%s: cannot make the directory %s", backend, parent);
    return 0;
}

/* The kernel has room for 107 bytes, and the other side wants it from the root on. */
static int take_path(const char *backend, const char *path, char **ret_path, struct sysfold_error *error)
{
    cleanup_free char *here = NULL;

    if (*path != '/' && !(here = getcwd(NULL, 0)))
        return error_system(error, -errno, "%s: cannot tell where '%s' is", backend, path);
    if (asprintf(ret_path, "%s%s%s", here ? here : "", here ? "/" : "", path) < 0)
        return error_system(error, -ENOMEM, "%s: cannot make the socket", backend);
    return 0;
}

int endpoint_of_options(const char *backend, const struct sysfold_live_options *live, char **ret_path,
                        struct endpoint *ret_endpoint, struct sysfold_error *error)
{
    struct endpoint endpoint = {
        .mode = live->socket_mode ? live->socket_mode : MODE_DEFAULT, .uid = (uid_t)-1, .gid = (gid_t)-1};
    cleanup_free char *path = NULL;
    int r;

    if (live->socket_path)
        r = take_path(backend, live->socket_path, &path, error);
    else
        r = endpoint_default_path(backend, &path, error);
    if (r == 0 && !live->socket_path)
        r = make_parent(backend, path, error);
    if (r == 0 && live->socket_owner)
        r = parse_owner(backend, live->socket_owner, &endpoint, error);
    if (r < 0)
        return r;
    endpoint.path = path;
    *ret_endpoint = endpoint;
    *ret_path = steal_pointer(&path);
    return 0;
}

/* --- listening --- */

/* Is there somebody behind the socket at this address? 1: yes; 0: no; negative errno: one cannot know. */
static int is_alive(const struct sockaddr_un *address, int type)
{
    cleanup_close int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return 1;
    if (errno == ECONNREFUSED || errno == ENOENT)
        return 0;
    return errno == EAGAIN || errno == EPROTOTYPE ? 1 : -errno;
}

/* Makes way: nothing is there afterwards, or it fails. */
static int remove_stale(const char *backend, const struct sockaddr_un *address, int type, struct sysfold_error *error)
{
    const char *path = address->sun_path;
    struct stat before, now;
    int r;

    if (lstat(path, &before) < 0)
        return errno == ENOENT ? 0 : error_system(error, -errno, "%s: cannot listen at %s", backend, path);
    if (!S_ISSOCK(before.st_mode))
        return error_set(error, -EEXIST,
                         "%s: cannot listen at %s: something else than a socket is there (remove it, or choose "
                         "another path)",
                         backend, path);
    r = is_alive(address, type);
    if (r < 0)
        return error_system(error, r, "%s: cannot see whether somebody listens at %s", backend, path);
    if (r > 0)
        return error_set(error, -EADDRINUSE,
                         "%s: cannot listen at %s: somebody does already (end it, or choose another path)", backend,
                         path);
    if (lstat(path, &now) == 0 && (now.st_dev != before.st_dev || now.st_ino != before.st_ino))
        return error_set(error, -EADDRINUSE, "%s: cannot listen at %s: somebody is about to", backend, path);
    if (unlink(path) < 0 && errno != ENOENT)
        return error_system(error, -errno, "%s: cannot replace the stale socket %s", backend, path);
    return 0;
}

/* Owner and mode of what was bound, by `owner` if it is not NULL. By a descriptor: the path may lead elsewhere by
 * now, where others may write. */
static int own_path(struct endpoint_socket *listener, const char *path, const uid_t *owner)
{
    cleanup_close int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    char place[32];
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    if (!S_ISSOCK(status.st_mode) || (owner && status.st_uid != *owner))
        return -EEXIST;
    listener->dev = status.st_dev;
    listener->ino = status.st_ino;
    if (fchownat(fd, "", listener->endpoint.uid, listener->endpoint.gid, AT_EMPTY_PATH) < 0)
        return -errno;
    (void)snprintf(place, sizeof(place), "/proc/self/fd/%d", fd);
    return chmod(place, listener->endpoint.mode) < 0 ? -errno : 0;
}

static void remove_path(const struct endpoint_socket *listener)
{
    struct stat status;

    if (listener->ino && lstat(listener->endpoint.path, &status) == 0 && status.st_dev == listener->dev &&
        status.st_ino == listener->ino)
        (void)unlink(listener->endpoint.path);
}

/* Bound with mode 0, which is what a socket's own becomes, then given its owner and mode, and only then can anybody
 * connect: nobody else's umask matters, and ours is left alone. */
static int bind_listener(const char *backend, struct endpoint_socket *listener, const struct sockaddr_un *address,
                         struct sysfold_error *error)
{
    const char *path = address->sun_path;
    const uid_t self = geteuid();
    int r;

    if (fchmod(listener->fd, 0) < 0 || bind(listener->fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
        return error_system(error, -errno, "%s: cannot listen at %s", backend, path);
    r = own_path(listener, path, &self);
    if (r < 0)
        error_system(error, r, "%s: cannot set owner and mode of %s", backend, path);
    else if (listen(listener->fd, SOMAXCONN) < 0)
        r = error_system(error, -errno, "%s: cannot listen at %s", backend, path);
    if (r < 0)
        remove_path(listener);
    return r;
}

static int check_path(const char *backend, const char *path, struct sysfold_error *error)
{
    struct sockaddr_un address;

    if (path[0] != '/')
        return error_set(error, -EINVAL, "%s: cannot listen at %s: not an absolute path", backend, path);
    if (strlen(path) >= sizeof(address.sun_path))
        return error_set(error, -ENAMETOOLONG, "%s: cannot listen at %s: longer than %zu bytes (choose a shorter path)",
                         backend, path, sizeof(address.sun_path) - 1);
    return 0;
}

static int open_socket(const char *backend, struct endpoint_socket *listener, int type, struct sysfold_error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int r;

    memcpy(address.sun_path, listener->endpoint.path, strlen(listener->endpoint.path) + 1);
    r = remove_stale(backend, &address, type, error);
    if (r < 0)
        return r;
    listener->fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return error_system(error, -errno, "%s: cannot make a socket", backend);
    return bind_listener(backend, listener, &address, error);
}

/* Everything but the descriptor. */
static int prepare(const char *backend, const struct endpoint *endpoint, struct endpoint_socket *ret_socket,
                   struct sysfold_error *error)
{
    struct endpoint_socket listener = {.fd = -1, .endpoint = *endpoint};
    int r = check_path(backend, endpoint->path, error);

    if (r < 0)
        return r;
    listener.endpoint.path = strdup(endpoint->path);
    if (!listener.endpoint.path)
        return error_system(error, -ENOMEM, "%s: cannot listen at %s", backend, endpoint->path);
    listener.endpoint.mode &= 0777;
    if (endpoint->uid == (uid_t)-1)
        listener.endpoint.uid = geteuid();
    if (endpoint->gid == (gid_t)-1)
        listener.endpoint.gid = getegid();
    *ret_socket = listener;
    return 0;
}

int endpoint_listen(const char *backend, const struct endpoint *endpoint, int type, struct endpoint_socket *ret_socket,
                    struct sysfold_error *error)
{
    struct endpoint_socket listener = {.fd = -1};
    int r = prepare(backend, endpoint, &listener, error);

    if (r < 0)
        return r;
    r = open_socket(backend, &listener, type, error);
    if (r < 0) {
        endpoint_close(&listener);
        free((char *)listener.endpoint.path);
        return r;
    }
    *ret_socket = listener;
    return 0;
}

/* The kernel says where a socket was bound, but not whether that is what is there now: who connects there is
 * accepted. */
static bool is_at(int fd, const char *path)
{
    struct sockaddr_un address = {0}, expected = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(address) - 1;

    memcpy(expected.sun_path, path, strlen(path));
    return getsockname(fd, (struct sockaddr *)&address, &size) == 0 && strcmp(address.sun_path, path) == 0 &&
           is_alive(&expected, SOCK_STREAM) == 1;
}

int endpoint_adopt(const char *backend, const struct endpoint *endpoint, int fd, struct endpoint_socket *ret_socket,
                   struct sysfold_error *error)
{
    struct endpoint_socket listener = {.fd = -1};
    int r = prepare(backend, endpoint, &listener, error);

    if (r < 0)
        return r;
    r = is_at(fd, endpoint->path) ? own_path(&listener, endpoint->path, NULL) : -ENOENT;
    if (r < 0) {
        free((char *)listener.endpoint.path);
        return r == -ENOENT ? r
                            : error_system(error, r, "%s: cannot set owner and mode of %s", backend, endpoint->path);
    }
    listener.fd = fd;
    *ret_socket = listener;
    return 0;
}

void endpoint_close(struct endpoint_socket *socket)
{
    if (socket->fd >= 0)
        close(socket->fd);
    socket->fd = -1;
}

void endpoint_finish(struct endpoint_socket *socket)
{
    endpoint_close(socket);
    remove_path(socket);
    free((char *)socket->endpoint.path);
    *socket = (struct endpoint_socket){.fd = -1};
}

/* --- who connects --- */

static bool is_member(int fd, gid_t peer_gid, gid_t gid)
{
    cleanup_free gid_t *groups = NULL;
    socklen_t size = NGROUPS_MAX * sizeof(*groups);

    if (peer_gid == gid)
        return true;
    groups = malloc(size);
    if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
        return false;
    for (size_t i = 0; i < size / sizeof(*groups); i++) {
        if (groups[i] == gid)
            return true;
    }
    return false;
}

bool endpoint_lets_in(const struct endpoint *endpoint, int peer_fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(peer_fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return false;
    if (peer.uid == 0 || peer.uid == geteuid() || (endpoint->mode & 0006) == 0006)
        return true;
    if (peer.uid == endpoint->uid && (endpoint->mode & 0600) == 0600)
        return true;
    return (endpoint->mode & 0060) == 0060 && is_member(peer_fd, peer.gid, endpoint->gid);
}
