// SPDX-License-Identifier: Apache-2.0
/* A session's configuration, for those who configure runsc themselves. */

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include <sysfold/gvisor.h>

#include "backends/endpoint.h"
#include "backends/gvisor/config.h"
#include "backends/gvisor/runsc.h"
#include "common/cleanup.h"
#include "common/error.h"

#define METADATA_MS 30000 /* for what takes some milliseconds, on a busy machine */

static int check_path(const char *path, struct sysfold_error *error)
{
    if (*path != '/')
        return error_set(error, -EINVAL, "gvisor: the socket's path '%s' is not absolute", path);
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return error_set(error, -ENAMETOOLONG, "gvisor: the socket's path '%s' is too long (at most %zu bytes)", path,
                         sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
    return 0;
}

static int generate(const struct sysfold_gvisor_config_options *options, const char *endpoint, char **ret_json,
                    struct sysfold_error *error)
{
    static const char *const words[] = {"trace", "metadata", NULL};
    const struct runsc runsc = {.program = options->runsc};
    struct callset calls;
    const struct config_options wanted = {.endpoint = endpoint,
                                          .calls = &calls,
                                          .retries = CONFIG_RETRIES,
                                          .backoff = CONFIG_BACKOFF,
                                          .backoff_max = CONFIG_BACKOFF_MAX,
                                          .may_be_absent = options->may_be_absent};
    cleanup_free char *metadata = NULL;
    int r = check_path(endpoint, error);

    if (r == 0)
        r = callset_parse(&calls, options->syscalls, error);
    if (r == 0)
        r = runsc_run(&runsc, words, METADATA_MS, &metadata, NULL, error);
    return r < 0 ? r : config_generate(metadata, &wanted, ret_json, error);
}

int sysfold_gvisor_config(const struct sysfold_gvisor_config_options *options, char **ret_json,
                          struct sysfold_error *error)
{
    struct sysfold_gvisor_config_options complete = {0};
    cleanup_free char *by_default = NULL;
    int r;

    if (!options || options->size < sizeof(options->size))
        return error_set(error, -EINVAL, "the options' size field is not set");
    memcpy(&complete, options, options->size < sizeof(complete) ? options->size : sizeof(complete));
    if (!complete.socket_path) {
        r = endpoint_default_path("gvisor", &by_default, error);
        if (r < 0)
            return r;
        complete.socket_path = by_default;
    }
    return generate(&complete, complete.socket_path, ret_json, error);
}
