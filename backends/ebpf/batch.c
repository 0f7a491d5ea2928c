// SPDX-License-Identifier: Apache-2.0
/*
 * From the rings to batches: the oldest of the rings' next records goes first.
 * The records stay where they are until the next batch is asked for.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "backends/ebpf/internal.h"
#include "common/error.h"
#include "common/record.h"

/* While something comes, it is fetched this often. What comes after a pause is fetched at once. */
#define NAP_MS 4
#define LIVELY_NS 20000000
/* An idle consumer looks this often whether targets are left. */
#define SWEEP_NS 1000000000
/* Two clocks cannot be read at once. */
#define CLOCK_TOLERANCE_NS 1000000

static struct record_header header_of(const uint8_t *record)
{
    struct record_header header;

    memcpy(&header, record, sizeof(header));
    return header;
}

/* Until its exec, what the command's thread does is our doing. The exec may be what was lost: then the time tells,
 * or we rather tell too much. */
static bool is_launching(struct capture *capture, const struct record_header *header)
{
    if (!capture->launching || header->tid != (uint32_t)capture->launch.pid)
        return false;
    capture->launching = (header->type & RECORD_NUMBER_MASK) != ROW_EXEC && header->time <= capture->launched_at &&
                         !capture->losses.total;
    return capture->launching;
}

/* What is not the consumer's to hear: our own part in launching, and what the snapshot tells better. */
static bool is_told(struct capture *capture, const uint8_t *record)
{
    struct record_header header = header_of(record);

    capture->somebody_ended |= (header.type & RECORD_NUMBER_MASK) == ROW_PROCESS_EXIT;
    return !is_launching(capture, &header) && snapshot_tells(capture->snapshot, record);
}

/* A loss goes where it began, as far as what came later has not been handed on yet. The encoder has room for one. */
static bool put_loss(struct capture *capture, uint64_t until)
{
    if (capture->losses.next_time > until)
        return false;
    capture->batch[capture->batch_count++] = losses_tell(&capture->losses, &capture->encoder, &capture->lost_until);
    snapshot_lost(capture->snapshot, capture->lost_until);
    return true;
}

static bool put_snapshot(struct capture *capture, uint64_t until)
{
    uint64_t time;
    const uint8_t *record = snapshot_head(capture->snapshot, &time);

    if (!record || time > until)
        return false;
    capture->batch[capture->batch_count++] = record;
    snapshot_next(capture->snapshot);
    return true;
}

/* Everything up to a time, in its order, as far as the batch has room. */
static void gather(struct capture *capture, uint64_t until)
{
    capture->batch_count = 0;
    while (capture->batch_count < EBPF_BATCH_RECORDS) {
        uint64_t time = UINT64_MAX, most;
        const uint8_t *record = rings_oldest(&capture->rings, &time);

        most = time < until ? time : until;
        if (put_snapshot(capture, most < capture->losses.next_time ? most : capture->losses.next_time))
            continue;
        if (put_loss(capture, most) || !record || time > until)
            break;
        if (is_told(capture, record))
            capture->batch[capture->batch_count++] = record;
        rings_pop(&capture->rings);
    }
}

static bool is_target(void *data, pid_t tgid)
{
    const struct capture *capture = data;

    return members_have(&capture->members, tgid) || targets_have(&capture->programs, tgid);
}

static int list_members(void *data)
{
    struct capture *capture = data;

    free(capture->members.pids);
    capture->members = (struct members){0};
    return groups_list(&capture->groups, &capture->members);
}

int capture_take_snapshot(struct capture *capture, bool again)
{
    struct snapshot_scope scope = {
        .only = capture->options->live.argv && !again ? capture->launch.pid : 0,
        .is_chosen = capture->options->live.system_wide ? NULL : is_target,
        .look_up = list_members,
        .data = capture,
    };
    int r = snapshot_take(capture->snapshot, &scope, capture->rings_clock, again);

    free(capture->members.pids);
    capture->members = (struct members){0};
    return r;
}

/* What was lost may have been about anybody: they are looked at again as soon as there is time for it, and if
 * that fails, later. */
static void repair(struct capture *capture, uint64_t now)
{
    if (!capture->lost_until || capture->phase != PHASE_RUNNING ||
        rings_used(&capture->rings) > capture->rings.size / 4 ||
        !snapshot_is_due(capture->snapshot, capture->lost_until, now))
        return;
    if (capture_take_snapshot(capture, true) == 0)
        capture->lost_until = 0;
}

static bool take_stop(const struct capture *capture)
{
    uint64_t count;

    return read(capture->stop, &count, sizeof(count)) == sizeof(count);
}

static void begin_ending(struct capture *capture, uint64_t now)
{
    capture->phase = PHASE_ENDING;
    capture->ending_at = now + EBPF_WINDOW_NS;
}

/* Somebody may always come. */
static bool is_endless(const struct capture *capture)
{
    return capture->options->live.system_wide || capture->groups.count;
}

/* Are there targets left? The ended ones are counted out by the programs; now and then it is made sure. To look through
 * the map takes long. */
static bool has_targets(struct capture *capture, uint64_t now)
{
    bool sweep = now - capture->swept_at >= SWEEP_NS;

    if (is_endless(capture) || (!sweep && !capture->somebody_ended))
        return true;
    if (sweep)
        capture->swept_at = now;
    capture->somebody_ended = false;
    return !targets_gone(&capture->programs, sweep);
}

/* Called when there is nothing to hand on. */
static void advance(struct capture *capture, uint64_t now)
{
    switch (capture->phase) {
    case PHASE_RUNNING:
        if (!has_targets(capture, now))
            begin_ending(capture, now);
        break;
    case PHASE_ENDING:
        if (now < capture->ending_at)
            break;
        programs_detach(&capture->programs);
        capture->phase = PHASE_LAST;
        break;
    default:
        capture->phase = PHASE_OVER;
    }
}

/* Will there be something to do, whatever happens? */
static bool is_repairing(const struct capture *capture)
{
    uint64_t time;

    return capture->lost_until || snapshot_head(capture->snapshot, &time);
}

/* How long to wait for the bell: for a moment, or until there is something. */
static int nap_of(const struct capture *capture, bool settled, int most_ms)
{
    int nap = SWEEP_NS / 1000000;

    if (!settled || capture->losses.next_time != UINT64_MAX)
        nap = NAP_MS;
    else if (is_endless(capture) && !is_repairing(capture))
        nap = most_ms;
    return most_ms >= 0 && (nap < 0 || most_ms < nap) ? most_ms : nap;
}

/* A record that was on its way when the bell was armed may not ring it. It can be seen a moment later: so the first nap
 * is a short one. */
static int wait_for_more(struct capture *capture, int most_ms)
{
    bool idle = capture->phase == PHASE_RUNNING && programs_now(&capture->programs) >= capture->lively_until;
    bool settled = idle && capture->armed;
    struct epoll_event event;
    int r;

    if (!rings_await(&capture->rings, idle) && idle)
        return 0;
    capture->armed = idle;
    r = epoll_wait(capture->epoll, &event, 1, nap_of(capture, settled, most_ms));
    if (r < 0)
        return -errno;
    (void)ring_buffer__consume(capture->bell);
    return 0;
}

/* The machine was suspended: its time goes on where it would be. */
static void follow_clock(struct capture *capture)
{
    uint64_t offset = programs_clock_offset(&capture->programs);

    if (offset - capture->rings_clock + CLOCK_TOLERANCE_NS <= 2 * CLOCK_TOLERANCE_NS)
        return;
    capture->rings_clock = offset;
    rings_set_clock(&capture->rings, offset);
}

/* One round: 1 a batch, 0 the end, -EAGAIN. */
static int step(struct capture *capture, struct batch *ret_batch)
{
    uint64_t now = programs_now(&capture->programs), until;

    if (capture->phase == PHASE_RUNNING && take_stop(capture)) {
        capture->stopped = true;
        programs_detach(&capture->programs);
        begin_ending(capture, now);
    }
    follow_clock(capture);
    snapshot_follow(capture->snapshot, now);
    repair(capture, now);
    losses_read(&capture->losses);
    until = rings_turn(&capture->rings, now);
    gather(capture, capture->phase == PHASE_LAST ? UINT64_MAX - 1 : until);
    if (capture->batch_count) {
        capture->lively_until = now + LIVELY_NS;
        ret_batch->each = capture->batch;
        ret_batch->count = capture->batch_count;
        return 1;
    }
    if (!rings_used(&capture->rings) || capture->phase != PHASE_RUNNING)
        advance(capture, now);
    return capture->phase == PHASE_OVER ? 0 : -EAGAIN;
}

int capture_next_batch(struct capture *capture, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    uint64_t start = programs_now(&capture->programs);

    *ret_batch = (struct batch){.cpu = -1};
    for (;;) {
        int r = capture->phase == PHASE_OVER ? 0 : step(capture, ret_batch);
        uint64_t spent = (programs_now(&capture->programs) - start) / 1000000;
        int left = timeout_ms < 0 ? -1 : (uint64_t)timeout_ms > spent ? timeout_ms - (int)spent : 0;

        if (r >= 0)
            return r;
        if (capture->phase == PHASE_LAST)
            continue;
        if (left == 0)
            return -EAGAIN;
        r = wait_for_more(capture, left);
        if (r == -EINTR)
            return error_system(error, r, "ebpf: the wait for events was interrupted");
        if (r < 0)
            return error_system(error, r, "ebpf: cannot wait for events");
    }
}
