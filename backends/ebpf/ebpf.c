// SPDX-License-Identifier: Apache-2.0
/* The eBPF backend, from the caller's side: it loads the programs, names their targets and takes what they wrote. */

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "backends/ebpf/internal.h"
#include "backends/ebpf/stats.h"
#include "common/cleanup.h"
#include "common/error.h"

extern const struct sysfold_backend backend_ebpf;

/* A command whose end was recorded needs but moments to be waited for. */
#define LAST_MOMENTS_MS 1000

static int watch(const struct capture *capture, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    return epoll_ctl(capture->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* What rings the bell says nothing else. */
static int hear(void *context, void *data, size_t size)
{
    (void)context;
    (void)data;
    (void)size;
    return 0;
}

static int make_waiting(struct capture *capture, struct sysfold_error *error)
{
    int r;

    capture->batch = malloc(EBPF_BATCH_RECORDS * sizeof(*capture->batch));
    if (!capture->batch)
        return error_system(error, -ENOMEM, "ebpf: cannot start a capture");
    capture->bell = ring_buffer__new(programs_bell_map(&capture->programs), hear, NULL, NULL);
    r = capture->bell ? 0 : -errno;
    capture->stop = r < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    capture->epoll = capture->stop < 0 ? -1 : epoll_create1(EPOLL_CLOEXEC);
    if (r == 0)
        r = capture->epoll < 0 ? -errno : watch(capture, capture->stop);
    if (r == 0)
        r = watch(capture, ring_buffer__epoll_fd(capture->bell));
    return r < 0 ? error_system(error, r, "ebpf: cannot start a capture") : 0;
}

static void ebpf_stop(struct capture *capture)
{
    const uint64_t one = 1;
    int saved = errno;

    (void)!write(capture->stop, &one, sizeof(one));
    errno = saved;
}

static void ebpf_close(struct capture *capture)
{
    ring_buffer__free(capture->bell);
    losses_finish(&capture->losses);
    rings_finish(&capture->rings);
    programs_finish(&capture->programs);
    groups_finish(&capture->groups);
    launch_finish(&capture->launch);
    cleanup_close_fd(&capture->epoll);
    cleanup_close_fd(&capture->stop);
    cleanup_close_fd(&capture->counting);
    snapshot_destroy(capture->snapshot);
    free((void *)capture->batch);
    free(capture);
}

/* The command is launched first: its processes are not to inherit what the programs' maps take. */
static int prepare(struct capture *capture, struct sysfold_error *error)
{
    const struct sysfold_live_options *live = &capture->options->live;
    int r = live->argv ? launch_prepare(&capture->launch, live, error) : 0;

    if (r == 0 && live->program_stats)
        r = stats_enable(&capture->counting, error);
    if (r == 0)
        r = groups_open(&capture->groups, live, error);
    if (r == 0)
        r = programs_load(&capture->programs, capture->options, capture->groups.count, error);
    if (r == 0)
        r = groups_put(&capture->groups, programs_cgroups_map(&capture->programs), error);
    if (r == 0)
        r = rings_init(&capture->rings, programs_rings_map(&capture->programs), capture->programs.ring_size,
                       capture->programs.cpus, error);
    if (r < 0)
        return r;
    capture->rings_clock = programs_clock_offset(&capture->programs);
    rings_set_clock(&capture->rings, capture->rings_clock);
    r = losses_init(&capture->losses, &capture->rings);
    if (r < 0)
        return error_system(error, r, "ebpf: cannot count losses");
    r = snapshot_create(capture->programs.clock_offset, &capture->snapshot);
    if (r < 0)
        return error_system(error, r, "ebpf: cannot take snapshots");
    return make_waiting(capture, error);
}

/* Said here in full: further on each refusal would be but an EPERM. */
static int check_usable(struct sysfold_error *error)
{
    struct sysfold_backend_info info = {0};

    ebpf_probe(&info);
    if (info.usability == SYSFOLD_USABLE)
        return 0;
    return error_set(error, info.usability == SYSFOLD_NO_PERMISSION ? -EPERM : -ENOSYS, "ebpf: %s (%s)", info.reason,
                     info.remedy);
}

static int ebpf_open(const struct capture_options *options, struct capture **ret_capture, struct sysfold_error *error)
{
    struct capture *capture;
    int r = check_usable(error);

    if (r < 0)
        return r;
    capture = calloc(1, sizeof(*capture));
    if (!capture)
        return error_system(error, -ENOMEM, "ebpf: cannot start a capture");
    capture->options = options;
    capture->launch = LAUNCH_NONE;
    capture->epoll = -1;
    capture->stop = -1;
    capture->counting = -1;
    r = prepare(capture, error);
    if (r < 0) {
        ebpf_close(capture);
        return r;
    }
    *ret_capture = capture;
    return 0;
}

/* From here on everything they do is in the rings; so nothing gets lost between the snapshot and the first record. */
static int begin_recording(struct capture *capture, struct sysfold_error *error)
{
    const struct sysfold_live_options *live = &capture->options->live;
    const struct programs *programs = &capture->programs;
    int r = programs_attach(&capture->programs, error);

    if (r == 0 && live->argv)
        r = targets_add(programs, capture->launch.pid, error);
    if (r == 0 && live->pid_count)
        r = targets_add_pids(programs, live->pids, live->pid_count, error);
    if (r == 0 && live->pid_count && !live->no_follow)
        r = targets_add_descendants(programs, live->pids, live->pid_count, error);
    if (r == 0)
        r = groups_add_processes(programs, live, error);
    if (r < 0)
        return r;
    r = capture_take_snapshot(capture, false);
    return r < 0 ? error_system(error, r, "ebpf: cannot take the initial snapshot") : 0;
}

static int ebpf_start(struct capture *capture, struct sysfold_error *error)
{
    int r = begin_recording(capture, error);

    if (r < 0 || !capture->options->live.argv)
        return r;
    capture->launching = true;
    r = launch_release(&capture->launch, error);
    capture->launched_at = programs_now(&capture->programs);
    return r;
}

static int ebpf_next_batch(struct capture *capture, int timeout_ms, struct batch *ret_batch,
                           struct sysfold_error *error)
{
    int r = capture_next_batch(capture, timeout_ms, ret_batch, error);

    if (r == 0 && capture->launch.launcher && !capture->stopped)
        (void)launch_ended(&capture->launch, LAST_MOMENTS_MS);
    return r;
}

static int ebpf_exit_status(const struct capture *capture, int *ret_status)
{
    if (!capture->launch.ended)
        return -ENODATA;
    *ret_status = capture->launch.status;
    return 0;
}

static void ebpf_stats(const struct capture *capture, struct capture_stats *ret_stats)
{
    ret_stats->buffer_used = rings_used(&capture->rings);
}

static int ebpf_program(const struct capture *capture, size_t index, struct sysfold_program *ret_program)
{
    return stats_program(capture->programs.object, index, ret_program);
}

const struct sysfold_backend backend_ebpf = {
    .name = "ebpf",
    .summary = "a command, processes, or the whole machine, from within the kernel (needs privilege)",
    .targets = TARGET_COMMAND | TARGET_PIDS | TARGET_SYSTEM | TARGET_CGROUPS | TARGET_CONTAINERS,
    .samples = true,
    .probe = ebpf_probe,
    .open = ebpf_open,
    .start = ebpf_start,
    .next_batch = ebpf_next_batch,
    .stop = ebpf_stop,
    .exit_status = ebpf_exit_status,
    .stats = ebpf_stats,
    .program = ebpf_program,
    .close = ebpf_close,
};
