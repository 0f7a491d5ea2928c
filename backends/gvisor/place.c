// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/gvisor/config.h"
#include "backends/gvisor/runsc.h"
#include "common/cleanup.h"
#include "common/error.h"

#define SOCKET_MODE 0600
#define METADATA_MS 30000

int place_make(struct place *place, struct sysfold_error *error)
{
    const char *base = getenv("TMPDIR");

    if (!base || *base != '/' || strlen(base) > 60) /* a socket's path has but 107 bytes */
        base = "/tmp";
    if (asprintf(&place->directory, "%s/sysfold-gvisor-XXXXXX", base) < 0)
        place->directory = NULL;
    if (!place->directory)
        return error_system(error, -ENOMEM, "gvisor: cannot start a capture");
    if (!mkdtemp(place->directory)) {
        int r = error_system(error, -errno, "gvisor: cannot make a directory in %s", base);

        free(place->directory);
        place->directory = NULL;
        return r;
    }
    if (asprintf(&place->path, "%s/socket", place->directory) < 0)
        place->path = NULL;
    if (asprintf(&place->session, "%s/session.json", place->directory) < 0)
        place->session = NULL;
    return place->path && place->session ? 0 : error_system(error, -ENOMEM, "gvisor: cannot start a capture");
}

void place_finish(struct place *place)
{
    if (place->session)
        (void)unlink(place->session);
    if (place->directory)
        (void)rmdir(place->directory);
    free(place->directory);
    free(place->path);
    free(place->session);
    *place = (struct place){0};
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

static int parse_owner(const char *owner, struct server_endpoint *endpoint, struct sysfold_error *error)
{
    cleanup_free char *user = strdup(owner);
    char *colon = user ? strchr(user, ':') : NULL;
    const char *group = colon ? colon + 1 : NULL;
    int64_t uid = -1, gid = -1;

    if (!user)
        return error_system(error, -ENOMEM, "gvisor: cannot make the socket");
    if (colon)
        *colon = '\0';
    if (*user && (uid = find_user(user)) < 0)
        return error_set(error, -EINVAL, "gvisor: there is no user '%s' to own the socket", user);
    if (group && *group && (gid = find_group(group)) < 0)
        return error_set(error, -EINVAL, "gvisor: there is no group '%s' to own the socket", group);
    endpoint->uid = (uid_t)uid;
    endpoint->gid = (gid_t)gid;
    return 0;
}

/* The directory of the default path is ours to make. */
static int make_parent(const char *path, struct sysfold_error *error)
{
    cleanup_free char *parent = strdup(path);
    char *slash = parent ? strrchr(parent, '/') : NULL;

    if (!slash)
        return error_system(error, -ENOMEM, "gvisor: cannot make the socket");
    *slash = '\0';
    if (mkdir(parent, 0755) < 0 && errno != EEXIST)
        return error_system(error, -errno, "gvisor: cannot make the directory %s", parent);
    return 0;
}

/* The kernel has room for 107 bytes, and runsc wants it from the root on. */
static int take_path(struct place *place, const char *path, struct sysfold_error *error)
{
    cleanup_free char *here = NULL;

    if (*path != '/' && !(here = getcwd(NULL, 0)))
        return error_system(error, -errno, "gvisor: cannot tell where '%s' is", path);
    if (asprintf(&place->path, "%s%s%s", here ? here : "", here ? "/" : "", path) < 0)
        place->path = NULL;
    return place->path ? 0 : error_system(error, -ENOMEM, "gvisor: cannot make the socket");
}

int place_of_user(struct place *place, const struct sysfold_live_options *live, struct server_endpoint *ret_endpoint,
                  struct sysfold_error *error)
{
    struct server_endpoint endpoint = {
        .mode = live->socket_mode ? live->socket_mode : SOCKET_MODE, .uid = (uid_t)-1, .gid = (gid_t)-1};
    int r;

    if (live->socket_path)
        r = take_path(place, live->socket_path, error);
    else
        r = config_default_endpoint(&place->path, error);
    if (r == 0 && !live->socket_path)
        r = make_parent(place->path, error);
    if (r == 0 && live->socket_owner)
        r = parse_owner(live->socket_owner, &endpoint, error);
    endpoint.path = place->path;
    if (r == 0)
        *ret_endpoint = endpoint;
    return r;
}

static int write_file(const char *path, const char *text, struct sysfold_error *error)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t size = strlen(text);

    if (fd < 0 || write(fd, text, size) != (ssize_t)size)
        return error_system(error, fd < 0 || errno ? -errno : -ENOSPC, "gvisor: cannot write %s", path);
    return 0;
}

int place_write_session(const struct place *place, const struct capture_options *options, struct sysfold_error *error)
{
    static const char *const words[] = {"trace", "metadata", NULL};
    const struct runsc runsc = {.program = options->live.runsc};
    const struct config_options wanted = {.endpoint = place->path,
                                          .calls = &options->calls,
                                          .retries = CONFIG_RETRIES,
                                          .backoff = CONFIG_BACKOFF,
                                          .backoff_max = CONFIG_BACKOFF_MAX};
    cleanup_free char *metadata = NULL, *json = NULL;
    int r = runsc_run(&runsc, words, METADATA_MS, &metadata, NULL, error);

    if (r == -ENOENT) { /* which would look as if the command were not there */
        r = -ENOTSUP;
        if (error)
            error->code = r;
    }
    if (r == 0)
        r = config_generate(metadata, &wanted, &json, error);
    return r < 0 ? r : write_file(place->session, json, error);
}
