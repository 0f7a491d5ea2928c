// SPDX-License-Identifier: Apache-2.0
/*
 * judge BACKEND ATTACK TRIES VICTIMS REWRITERS: runs the attack and holds the
 * record of each successful try against what the attack got: a file or a peer
 * that is not the real one fails.
 *
 * It also says in how many tries the attack worked: RACED, and those in which
 * what the caller passed names another file or peer than it got.
 *
 * A backend that performs calls itself (notify) is held to more: what such a
 * call is told to have been passed is what was used. Of calls that it lets the
 * caller make it says nothing but what was passed: they are counted as
 * continued, and show that the attack works.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sysfold/sysfold.h>

#include "toctou.h"

#define SKIP 77
#define SHOWN_MAX 10 /* wrong records */

static const struct {
    const char *name, *row;
} ways[WAY_COUNT] = {
#define WAY(id, name, row, share) [WAY_##id] = {name, row},
    WAYS(WAY)
#undef WAY
};

struct tally {
    uint64_t tries, succeeded, continued, raced, misled, wrong;
};

static struct toctou_log *toctou_log;
static struct tally tallies[WAY_COUNT];
static uint64_t shown;
static bool performs; /* the backend */

static struct sysfold_value param(const struct sysfold_event *event, const char *name)
{
    struct sysfold_value value = {.status = SYSFOLD_ABSENT};

    if (sysfold_event_param_by_name(event, name, &value) < 0)
        value.status = SYSFOLD_ABSENT;
    return value;
}

static const struct file *file_of(const struct got *got)
{
    for (uint32_t i = 0; i < atomic_load(&toctou_log->file_count); i++) {
        const struct file *file = &toctou_log->files[i];

        if (file->dev == got->dev && file->ino == got->ino)
            return file;
    }
    return NULL;
}

static void show_wrong(const struct sysfold_event *event, const struct got *got, const char *why)
{
    char text[1024];

    tallies[got->way].wrong++;
    if (shown++ >= SHOWN_MAX)
        return;
    sysfold_event_format(event, text, sizeof(text));
    printf("wrong (%s): %s: %s%s\n", ways[got->way].name, why, text,
           sysfold_event_flags(event) & SYSFOLD_EVENT_RACED ? " RACED" : "");
    if (got->peer_size || got->way >= WAY_UDP) {
        printf("  it got the peer");
        for (int i = 0; i < got->peer_size; i++)
            printf(" %02x", got->peer[i]);
        printf("\n");
    } else {
        printf("  it got %s, dev %" PRIu64 " inode %" PRIu64 "\n", file_of(got) ? file_of(got)->path : "?", got->dev,
               got->ino);
    }
}

static bool is_text(const struct sysfold_value *value, const char *text)
{
    return value->status == SYSFOLD_PRESENT && value->size == strlen(text) && !memcmp(value->data, text, value->size);
}

/* Of all the names there are, the last letter tells which file is meant. */
static bool means(const struct sysfold_value *path, const struct file *file)
{
    return path->status == SYSFOLD_PRESENT && path->size &&
           path->data[path->size - 1] == (uint8_t)file->path[strlen(file->path) - 1];
}

static void judge_file(const struct sysfold_event *event, const struct got *got)
{
    struct sysfold_value dev = param(event, "dev"), ino = param(event, "ino"), path = param(event, "path");
    struct sysfold_value name = param(event, "file");
    const struct file *file = file_of(got);

    if (!file) {
        show_wrong(event, got, "the attack got a file that it did not make");
        return;
    }
    if (name.status == SYSFOLD_PRESENT && !name.size)
        name = path;
    tallies[got->way].misled += !means(&path, file);
    if (performs && dev.status == SYSFOLD_ABSENT)
        tallies[got->way].continued++;
    else if (performs && !means(&path, file))
        show_wrong(event, got, "performed with another path");
    else if (dev.status != SYSFOLD_PRESENT || dev.u != got->dev || ino.status != SYSFOLD_PRESENT || ino.u != got->ino)
        show_wrong(event, got, "another dev or inode");
    else if (!is_text(&name, file->path))
        show_wrong(event, got, "another file");
}

/* The peer of a SOCKET_PAIR: behind the local address and its length. */
static size_t peer_of(const struct sysfold_value *sockets, const uint8_t **ret_peer)
{
    size_t before = sockets->status == SYSFOLD_PRESENT && sockets->size ? 1U + sockets->data[0] : SIZE_MAX;

    if (before > sockets->size)
        return 0;
    *ret_peer = sockets->data + before;
    return sockets->size - before;
}

static void judge_peer(const struct sysfold_event *event, const struct got *got)
{
    struct sysfold_value address = param(event, "addr"), sockets = param(event, "sockets");
    const uint8_t *peer = NULL;
    size_t size = peer_of(&sockets, &peer);
    bool is_misled = address.status == SYSFOLD_PRESENT && address.size >= got->peer_size &&
                     memcmp(address.data, got->peer, got->peer_size) != 0;

    tallies[got->way].misled += is_misled;
    if (performs && sockets.status == SYSFOLD_ABSENT)
        tallies[got->way].continued++;
    else if (performs && is_misled)
        show_wrong(event, got, "performed with another address");
    else if (size != got->peer_size || memcmp(peer ? peer : got->peer, got->peer, size) != 0)
        show_wrong(event, got, "another peer");
}

/* One that has not waited has no peer yet: there is the address alone. Whoever performs calls performs each of
 * these. */
static void judge_async(const struct sysfold_event *event, const struct got *got)
{
    struct sysfold_value address = param(event, "addr");

    if (!performs || !got->peer_size)
        return;
    if (address.status != SYSFOLD_PRESENT || address.size < got->peer_size ||
        memcmp(address.data, got->peer, got->peer_size) != 0)
        show_wrong(event, got, "another peer in the end");
}

/* Of a call that its caller was let make the result need not be known: then it is told without. */
static bool is_of(const struct sysfold_event *event, const struct got *got)
{
    int64_t result;
    int r = sysfold_event_result(event, &result);

    if (strcmp(sysfold_event_name(event), ways[got->way].row) != 0)
        return false;
    return r < 0 ? performs && r == -ENODATA : result == got->result;
}

/* The record of the victim's next try. Out of step, nothing that follows could be judged. */
static bool judge_try(struct victim *victim, const struct sysfold_event *event)
{
    uint64_t try = atomic_load(&victim->judged);
    const struct got *got = &victim->got[try % ROOM];

    for (int patience = PATIENCE_S * 10000; atomic_load(&victim->tried) <= try; patience--) {
        if (!patience) {
            printf("a record, but no try: %s of %u\n", sysfold_event_name(event), sysfold_event_tid(event));
            return false;
        }
        usleep(100);
    }
    if (!is_of(event, got)) {
        show_wrong(event, got, "out of step: another call, or another result");
        return false;
    }
    tallies[got->way].tries++;
    tallies[got->way].succeeded += got->result >= 0;
    tallies[got->way].raced += (sysfold_event_flags(event) & SYSFOLD_EVENT_RACED) != 0;
    if (got->way == WAY_TCP_ASYNC)
        judge_async(event, got);
    else if (got->result >= 0 && got->way >= WAY_UDP)
        judge_peer(event, got);
    else if (got->result >= 0)
        judge_file(event, got);
    atomic_store(&victim->judged, try + 1);
    return true;
}

static struct victim *victim_of(const struct sysfold_event *event)
{
    const struct sysfold_row *row = sysfold_event_row(event);
    uint32_t tid = sysfold_event_tid(event);

    for (int i = 0; row && sysfold_row_is_syscall(row) && i < VICTIMS_MAX; i++) {
        if (atomic_load(&toctou_log->victims[i].tid) == tid)
            return &toctou_log->victims[i];
    }
    return NULL;
}

/* Until the stream's end; whether every record had its try. */
static bool judge_all(struct sysfold_stream *stream)
{
    const struct sysfold_event *event;
    struct sysfold_error error = {0};
    int r;

    while ((r = sysfold_stream_fetch(stream, -1, &error)) > 0 || r == -EINTR) {
        while ((event = sysfold_stream_next(stream))) {
            struct victim *victim = victim_of(event);

            if (victim && !judge_try(victim, event)) {
                atomic_store(&toctou_log->is_abandoned, true);
                return false;
            }
        }
    }
    if (r < 0)
        printf("%s\n", error.message);
    return r == 0;
}

static void add(struct tally *sum, const struct tally *tally)
{
    sum->tries += tally->tries;
    sum->succeeded += tally->succeeded;
    sum->continued += tally->continued;
    sum->raced += tally->raced;
    sum->misled += tally->misled;
    sum->wrong += tally->wrong;
}

static void show(const char *name, const struct tally *tally)
{
    printf("%-24s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n", name, tally->tries,
           tally->succeeded, tally->continued, tally->raced, tally->misled, tally->wrong);
}

/* Opens and connects apart. A performed call cannot mislead, so the proof is in those that are continued. */
static bool has_worked(const struct tally *opens, const struct tally *connects)
{
    if (performs) {
        bool any_performed = opens->succeeded > opens->continued && connects->succeeded > connects->continued;

        printf("%s", any_performed ? "" : "nothing was performed\n");
        printf("%s", connects->misled ? "" : "the attack did not work\n");
        return any_performed && connects->misled;
    }
    if (!opens->misled || !connects->misled)
        printf("the attack did not work\n");
    else if (!opens->raced && !connects->raced)
        printf("it worked, but no record says RACED: are the calls' entries seen (tracefs)?\n");
    return opens->misled && connects->misled && (opens->raced || connects->raced);
}

/* Every try has a record, and the attack, with which nothing else could be proven, worked. */
static bool report(const struct sysfold_stream *stream, uint64_t expected)
{
    struct sysfold_stats stats = {.size = sizeof(stats)};
    struct tally opens = {0}, connects = {0}, all = {0};

    printf("%-24s %9s %9s %9s %9s %9s %9s\n", "", "tries", "succeeded", "continued", "RACED", "misled", "wrong");
    for (int way = 0; way < WAY_COUNT; way++) {
        show(ways[way].name, &tallies[way]);
        add(way < WAY_UDP ? &opens : &connects, &tallies[way]);
        add(&all, &tallies[way]);
    }
    sysfold_stream_stats(stream, &stats);
    printf("%" PRIu64 " tries of %" PRIu64 " judged, %" PRIu64 " events lost, %" PRIu64 " continued, %" PRIu64
           " RACED, %" PRIu64 " misled (%" PRIu64 " opens), %" PRIu64 " wrong\n",
           all.tries, expected, stats.lost, all.continued, all.raced, all.misled, opens.misled, all.wrong);
    return has_worked(&opens, &connects) && all.tries == expected && !stats.lost && !all.wrong;
}

static const char *make_log(void)
{
    static char path[64];
    int fd = memfd_create("toctou", MFD_CLOEXEC);

    if (fd < 0 || ftruncate(fd, sizeof(*toctou_log)) < 0)
        return NULL;
    toctou_log = mmap(NULL, sizeof(*toctou_log), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
    return toctou_log == MAP_FAILED ? NULL : path;
}

static bool is_usable(const char *backend)
{
    struct sysfold_backend_info info = {.size = sizeof(info)};

    for (size_t i = 0; sysfold_backend_probe(i, &info) == 0; i++, info.size = sizeof(info)) {
        if (strcmp(info.name, backend) != 0)
            continue;
        if (info.usability != SYSFOLD_USABLE)
            printf("skipped: %s: %s\n", backend, info.reason);
        return info.usability == SYSFOLD_USABLE;
    }
    printf("skipped: %s is not built\n", backend);
    return false;
}

int main(int argc, char **argv)
{
    struct sysfold_live_options options = {
        .size = sizeof(options), .syscalls = "open,openat,openat2,creat,connect", .no_state = true};
    struct sysfold_stream *stream = NULL;
    struct sysfold_error error = {0};
    uint64_t tries = argc == 6 ? strtoull(argv[3], NULL, 10) : 0, victims = argc == 6 ? strtoull(argv[4], NULL, 10) : 0;
    int status = -1;
    bool good;

    if (!tries || !victims) {
        (void)fputs("usage: judge BACKEND ATTACK TRIES VICTIMS REWRITERS\n", stderr);
        return 2;
    }
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        printf("skipped: on one cpu nothing changes during a call\n");
        return SKIP;
    }
    if (!is_usable(argv[1]))
        return SKIP;
    options.backend = argv[1];
    performs = !strcmp(argv[1], "notify");
    options.argv = (char *[]){argv[2], (char *)make_log(), argv[3], argv[4], argv[5], NULL};
    if (!options.argv[1] || sysfold_live_open(&options, &stream, &error) < 0) {
        printf("%s\n", options.argv[1] ? error.message : "no log");
        return 1;
    }
    good = judge_all(stream);
    good = report(stream, tries - tries % victims) && good;
    if (good && (sysfold_stream_exit_status(stream, &status) < 0 || status)) {
        printf("the attack ended with %d\n", status);
        good = false;
    }
    sysfold_stream_close(stream);
    return good ? 0 : 1;
}
