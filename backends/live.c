// SPDX-License-Identifier: Apache-2.0
/* Live captures: options made complete, a backend chosen, its batches fed to a stream. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "backends/choose.h"
#include "backends/sample.h"
#include "common/error.h"
#include "common/record.h"
#include "decoder/stream.h"

struct live {
    const struct sysfold_backend *backend;
    struct capture *capture;
    struct capture_options options;
};

static int live_next_batch(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    struct live *live = data;

    return live->backend->next_batch(live->capture, timeout_ms, ret_batch, error);
}

static void live_stop(void *data)
{
    struct live *live = data;

    live->backend->stop(live->capture);
}

static int live_exit_status(void *data, int *ret_status)
{
    struct live *live = data;

    return live->backend->exit_status(live->capture, ret_status);
}

static void live_stats(void *data, struct sysfold_stats *stats)
{
    struct live *live = data;
    struct capture_stats counts = {0};

    live->backend->stats(live->capture, &counts);
    stats->buffer_used += counts.buffer_used;
}

static int live_program(const void *data, size_t index, struct sysfold_program *ret_program)
{
    const struct live *live = data;

    return live->backend->program ? live->backend->program(live->capture, index, ret_program) : -ENOENT;
}

static const char *live_source_name(void *data, uint32_t source)
{
    const struct live *live = data;

    return live->backend->source_name ? live->backend->source_name(live->capture, source) : "host";
}

static void live_close(void *data)
{
    struct live *live = data;

    live->backend->close(live->capture);
    free(live);
}

/* Exactly one kind of it. */
static int check_target(const struct sysfold_live_options *live, struct sysfold_error *error)
{
    bool grouped = live->cgroup_count || live->container_count;

    if (!!live->argv + !!live->pid_count + live->system_wide + live->listen + grouped == 1)
        return 0;
    return error_set(error, -EINVAL,
                     "give one of these: a command to run, processes to attach to, cgroups or "
                     "containers, the whole system, a socket to listen on");
}

static int complete_options(const struct sysfold_live_options *options, struct capture_options *ret_options,
                            struct sysfold_error *error)
{
    struct sysfold_live_options *live = &ret_options->live;
    int r;

    if (!options || options->size < offsetof(struct sysfold_live_options, no_filter))
        return error_set(error, -EINVAL, "the options' size field is not set");
    memcpy(live, options, options->size < sizeof(*live) ? options->size : sizeof(*live));
    if (live->snaplen > SNAPLEN_MAX)
        return error_set(error, -EINVAL, "a snaplen of %u is more than %u", live->snaplen, SNAPLEN_MAX);
    if (live->string_vector_max > STRING_VECTOR_MAX)
        return error_set(error, -EINVAL, "%u bytes of arguments are more than %u", live->string_vector_max,
                         STRING_VECTOR_MAX);
    live->snaplen = live->no_data ? 0 : live->snaplen ? live->snaplen : SNAPLEN_DEFAULT;
    live->string_vector_max = live->string_vector_max ? live->string_vector_max : STRING_VECTOR_DEFAULT;
    ret_options->default_buffer = !live->buffer_size;
    live->buffer_size = live->buffer_size ? live->buffer_size : BUFFER_DEFAULT;
    r = check_target(live, error);
    if (r == 0 && live->sample)
        r = sample_parse(ret_options->sample, live->sample, error);
    return r < 0 ? r : callset_parse(&ret_options->calls, live->syscalls, error);
}

static int open_backend(struct live *live, struct sysfold_error *error)
{
    int r = live->backend->open(&live->options, &live->capture, error);

    if (r < 0)
        return r;
    r = live->backend->start(live->capture, error);
    if (r < 0)
        live->backend->close(live->capture);
    return r;
}

int sysfold_live_open(const struct sysfold_live_options *options, struct sysfold_stream **ret_stream,
                      struct sysfold_error *error)
{
    struct feed feed = {
        .schema = sysfold_schema_builtin(),
        .next_batch = live_next_batch,
        .stop = live_stop,
        .exit_status = live_exit_status,
        .stats = live_stats,
        .program = live_program,
        .source_name = live_source_name,
        .close = live_close,
    };
    struct live *live = calloc(1, sizeof(*live));
    int r;

    if (!live)
        return error_system(error, -ENOMEM, "cannot start a capture");
    r = complete_options(options, &live->options, error);
    if (r == 0)
        r = backend_choose(&live->options.live, &live->backend, error);
    if (r == 0)
        r = open_backend(live, error);
    if (r < 0) {
        free(live);
        return r;
    }
    feed.name = live->backend->name;
    feed.data = live;
    return stream_create(&feed, live->options.live.no_state, live->options.live.keep_exited, ret_stream, error);
}
