// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/gvisor/procfs.h"
#include "backends/gvisor/runsc.h"
#include "common/cleanup.h"
#include "common/error.h"

#define RUNSC_MS 30000
#define NS UINT64_C(1000000000)

static struct runsc runsc_of(const struct capture_options *options)
{
    return (struct runsc){.program = options->live.runsc, .root = options->live.runsc_root};
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

struct snapshot {
    struct intake *intake;
    uint32_t connection;
    uint64_t time;
};

static void put(void *data, const uint8_t *record, size_t size)
{
    const struct snapshot *snapshot = data;

    (void)intake_snapshot(snapshot->intake, snapshot->connection, record, size, snapshot->time);
}

/* What happens while the dump is made is told behind it, and changes what it says. A sandbox that cannot be asked is
 * recorded all the same: what is unknown of it shows itself by and by. */
static int take_snapshot(const struct capture_options *options, const char *id, uint32_t connection,
                         struct intake *intake, struct sysfold_error *error)
{
    const char *const words[] = {"trace", "procfs", id, NULL};
    const struct runsc runsc = runsc_of(options);
    struct snapshot snapshot = {intake, connection, now_ns()};
    struct sysfold_error complaint = {0};
    cleanup_free char *dump = NULL;
    int r = intake_open(intake, connection, snapshot.time);

    if (r < 0)
        return error_system(error, r, "gvisor: cannot attach to %s", id);
    r = runsc_run(&runsc, words, RUNSC_MS, &dump, NULL, &complaint);
    if (r == 0)
        r = procfs_tell(dump, id, options, snapshot.time, put, &snapshot, &complaint);
    if (r < 0)
        intake_remark(intake, connection, complaint.message, snapshot.time);
    return 0;
}

static int note(struct attachments *attachments, const char *id)
{
    char **grown = reallocarray(attachments->ids, attachments->count + 1, sizeof(*grown));

    if (!grown)
        return -ENOMEM;
    attachments->ids = grown;
    grown[attachments->count] = strdup(id);
    if (!grown[attachments->count])
        return -ENOMEM;
    attachments->count++;
    return 0;
}

/* Hands are shaken before runsc returns, and nobody else knows our socket: the newest connection is this one's. */
static int attach(struct attachments *attachments, const struct capture_options *options, const char *id,
                  const struct place *place, const struct server *server, struct intake *intake,
                  struct sysfold_error *error)
{
    const char *const words[] = {"trace", "create", "--config", place->session, id, NULL};
    const struct runsc runsc = runsc_of(options);
    struct server_counts before, after;
    int r = note(attachments, id); /* first: a session that was made is to be deleted */

    if (r < 0)
        return error_system(error, r, "gvisor: cannot attach to %s", id);
    server_counts(server, &before);
    r = runsc_run(&runsc, words, RUNSC_MS, NULL, NULL, error);
    if (r < 0) {
        free(attachments->ids[--attachments->count]);
        return r;
    }
    server_counts(server, &after);
    if (after.accepted == before.accepted)
        return error_set(error, -ENOTCONN, "gvisor: %s has a session now, but did not connect", id);
    return take_snapshot(options, id, (uint32_t)after.accepted, intake, error);
}

/* A pod's containers share a sandbox, and its session: of some that refuse, one that does not is enough. */
static int attach_all(struct attachments *attachments, const struct capture_options *options, const struct place *place,
                      const struct server *server, struct intake *intake, struct sysfold_error *error)
{
    const struct runsc runsc = runsc_of(options);
    cleanup_free char **ids = NULL;
    size_t count = 0;
    int r = runsc_list(&runsc, &ids, &count, error), last = 0;

    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        r = attach(attachments, options, ids[i], place, server, intake, error);
        if (r < 0)
            last = r;
    }
    if (attachments->count)
        return 0;
    return last ? last : error_set(error, -ENOENT, "gvisor: no sandbox runs (see `runsc list`, and --runsc-root)");
}

int attachments_make(struct attachments *attachments, const struct capture_options *options, const struct place *place,
                     const struct server *server, struct intake *intake, struct sysfold_error *error)
{
    const struct sysfold_live_options *live = &options->live;
    int r = 0;

    if (live->system_wide)
        return attach_all(attachments, options, place, server, intake, error);
    for (size_t i = 0; i < live->container_count && r == 0; i++)
        r = attach(attachments, options, live->containers[i], place, server, intake, error);
    return r;
}

void attachments_finish(struct attachments *attachments, const struct capture_options *options)
{
    const struct runsc runsc = runsc_of(options);

    for (size_t i = 0; i < attachments->count; i++) {
        const char *const words[] = {"trace", "delete", "--name", "Default", attachments->ids[i], NULL};

        (void)runsc_run(&runsc, words, RUNSC_MS, NULL, NULL, NULL);
        free(attachments->ids[i]);
    }
    free(attachments->ids);
    *attachments = (struct attachments){0};
}
