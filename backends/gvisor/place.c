// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/gvisor/config.h"
#include "backends/gvisor/runsc.h"
#include "common/cleanup.h"
#include "common/error.h"

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
