// SPDX-License-Identifier: Apache-2.0
/*
 * The gVisor backend: a thread receives what sandboxes send (server.c), the
 * caller's makes records of it (intake.c).
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/gvisor/attach.h"
#include "backends/gvisor/frame.h"
#include "backends/gvisor/intake.h"
#include "backends/gvisor/launch.h"
#include "backends/gvisor/place.h"
#include "backends/gvisor/probe.h"
#include "backends/gvisor/server.h"
#include "backends/queue.h"
#include "common/error.h"

extern const struct sysfold_backend backend_gvisor;

#define NS UINT64_C(1000000000)
#define MS UINT64_C(1000000)
/* So often it is looked whether the command has ended, where no sandbox says so. */
#define SLICE_MS 100
/* So much is taken in before something is handed on. */
#define FRAMES_MAX 4096

struct capture {
    const struct capture_options *options;
    struct queue *queue;
    struct server *server;
    struct place place;
    struct launch *launch;
    struct attachments attachments;
    struct intake intake;
    const uint8_t *frames; /* of the queue, not looked at yet */
    size_t frames_size;
    bool is_closing; /* the command's sandbox has closed its connection: it should be gone in moments */
    bool has_status;
    bool ended; /* the queue has */
    int status;
    int failure; /* runsc's, and what it says */
    struct sysfold_error complaint;
};

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

static void gvisor_stop(struct capture *capture)
{
    server_stop(capture->server);
}

static void gvisor_close(struct capture *capture)
{
    attachments_finish(&capture->attachments, capture->options);
    launch_destroy(capture->launch);
    server_destroy(capture->server);
    queue_destroy(capture->queue);
    intake_finish(&capture->intake);
    place_finish(&capture->place);
    free(capture);
}

static int listen_at(struct capture *capture, struct sysfold_error *error)
{
    const struct sysfold_live_options *live = &capture->options->live;
    struct endpoint endpoint = {.mode = 0600, .uid = (uid_t)-1, .gid = (gid_t)-1};
    uint16_t number;
    int r;

    if (live->listen)
        r = endpoint_of_options("gvisor", live, &capture->place.path, &endpoint, error);
    else
        r = place_make(&capture->place, error);
    if (r == 0 && !live->listen)
        r = place_write_session(&capture->place, capture->options, error);
    if (r < 0)
        return r;
    endpoint.path = capture->place.path;
    return server_listen(capture->server, &endpoint, &number, error);
}

static int prepare_launch(struct capture *capture, struct sysfold_error *error)
{
    const struct sysfold_live_options *live = &capture->options->live;
    const struct launch_options launch = {
        .runsc = {.program = live->runsc},
        .rootfs = live->rootfs,
        .binds = live->binds,
        .bind_count = live->bind_count,
        .argv = live->argv,
        .envp = live->envp,
        .session = capture->place.session,
        .directory = capture->place.directory,
    };

    return launch_create(&launch, &capture->launch, error);
}

static int prepare(struct capture *capture, struct sysfold_error *error)
{
    int r = queue_create(capture->options->live.buffer_size, &capture->queue, error);

    if (r == 0)
        r = server_create(capture->queue, &capture->server, error);
    if (r == 0)
        r = listen_at(capture, error);
    if (r == 0 && capture->options->live.argv)
        r = prepare_launch(capture, error);
    return r;
}

static int gvisor_open(const struct capture_options *options, struct capture **ret_capture, struct sysfold_error *error)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    int r;

    if (!capture)
        return error_system(error, -ENOMEM, "gvisor: cannot start a capture");
    capture->options = options;
    capture->intake.options = options;
    r = prepare(capture, error);
    if (r < 0) {
        gvisor_close(capture);
        return r;
    }
    *ret_capture = capture;
    return 0;
}

/* The command is launched first: a process with threads had better not fork. It waits for the server to shake hands. */
static int gvisor_start(struct capture *capture, struct sysfold_error *error)
{
    const struct sysfold_live_options *live = &capture->options->live;
    int r = capture->launch ? launch_start(capture->launch, error) : 0;

    if (r == 0)
        r = server_start(capture->server, error);
    if (r < 0 || capture->launch || live->listen)
        return r;
    r = attachments_make(&capture->attachments, capture->options, &capture->place, capture->server, &capture->intake,
                         error);
    if (r == 0)
        server_stop_when_idle(capture->server);
    return r;
}

static int take_frame(struct capture *capture)
{
    struct frame frame;

    if (capture->frames_size < sizeof(frame))
        return -EBADMSG;
    memcpy(&frame, capture->frames, sizeof(frame));
    if (frame.size < sizeof(frame) || frame.size > capture->frames_size)
        return -EBADMSG;
    capture->is_closing |= frame.kind == FRAME_CLOSED;
    capture->frames += frame.size;
    capture->frames_size -= frame.size;
    return intake_frame(&capture->intake, capture->frames - frame.size, frame.size);
}

static int take_frames(struct capture *capture)
{
    int r = 0;

    for (int left = FRAMES_MAX; left && capture->frames_size && r == 0; left--)
        r = take_frame(capture);
    return r;
}

/* Has the command ended? Then nothing more will come. */
static void look_after(struct capture *capture, int timeout_ms)
{
    int r;

    if (!capture->launch || capture->has_status || capture->failure)
        return;
    r = launch_wait(capture->launch, timeout_ms, &capture->status, &capture->complaint);
    if (r < 0)
        capture->failure = r;
    capture->has_status = r > 0;
    if (r)
        server_stop(capture->server);
}

/* How long may we sleep? */
static int patience(const struct capture *capture, uint64_t deadline)
{
    uint64_t now = now_ns(), due = intake_due(&capture->intake, now);

    if (due > deadline)
        due = deadline;
    if (due <= now)
        return 0;
    if (capture->launch && due > now + SLICE_MS * MS)
        return SLICE_MS;
    return due - now > 1000 * MS ? 1000 : (int)((due - now + MS - 1) / MS);
}

/* 0: there may be something to hand on. */
static int fetch(struct capture *capture, uint64_t deadline, struct sysfold_error *error)
{
    int r = queue_get(capture->queue, patience(capture, deadline), &capture->frames, &capture->frames_size);

    if (r > 0)
        return 0;
    if (r == 0) {
        capture->ended = true;
        intake_end(&capture->intake, now_ns());
        return 0;
    }
    if (r == -EINTR)
        return error_system(error, r, "gvisor: the wait for events was interrupted");
    if (r != -EAGAIN)
        return error_system(error, r, "gvisor: cannot read the queue");
    look_after(capture, capture->is_closing && deadline > now_ns() + SLICE_MS * MS ? SLICE_MS : 0);
    return 0;
}

static int finish(struct capture *capture, struct sysfold_error *error)
{
    look_after(capture, 0);
    return capture->failure ? error_set(error, capture->failure, "%s", capture->complaint.message) : 0;
}

static int gvisor_next_batch(struct capture *capture, int timeout_ms, struct batch *ret_batch,
                             struct sysfold_error *error)
{
    uint64_t deadline = timeout_ms < 0 ? UINT64_MAX : now_ns() + (uint64_t)timeout_ms * MS;
    bool has_looked = false;
    int r = 0;

    while (r == 0) {
        if (intake_take(&capture->intake, now_ns(), ret_batch))
            return 1;
        if (capture->frames_size) {
            r = take_frames(capture);
            if (r < 0)
                return error_system(error, r, "gvisor: cannot take what was received");
            continue;
        }
        if (capture->ended)
            return finish(capture, error);
        if (has_looked && now_ns() >= deadline)
            return -EAGAIN;
        r = fetch(capture, deadline, error);
        has_looked = true;
    }
    return r;
}

static int gvisor_exit_status(const struct capture *capture, int *ret_status)
{
    if (!capture->has_status)
        return -ENODATA;
    *ret_status = capture->status;
    return 0;
}

static void gvisor_stats(const struct capture *capture, struct capture_stats *ret_stats)
{
    ret_stats->buffer_used = queue_used(capture->queue);
}

static const char *gvisor_source_name(const struct capture *capture, uint32_t source)
{
    return intake_name(&capture->intake, source);
}

const struct sysfold_backend backend_gvisor = {
    .name = "gvisor",
    .summary = "what happens inside gVisor sandboxes, as they tell it (runsc's runtime monitoring)",
    .targets = TARGET_COMMAND | TARGET_SYSTEM | TARGET_CONTAINERS | TARGET_LISTEN,
    .on_request = true,
    .probe = gvisor_probe,
    .open = gvisor_open,
    .start = gvisor_start,
    .next_batch = gvisor_next_batch,
    .stop = gvisor_stop,
    .exit_status = gvisor_exit_status,
    .stats = gvisor_stats,
    .source_name = gvisor_source_name,
    .close = gvisor_close,
};
