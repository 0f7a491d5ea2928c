// SPDX-License-Identifier: Apache-2.0
/* The iterators from the caller's side: loaded once, read as often as somebody asks. */

#include "backends/ebpf/iterators.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "backends/ebpf/layout.h"

#include <iterators.skel.h> /* needs layout.h */

#include "common/cleanup.h"

#define READ_SIZE (256 * 1024)

struct iterators {
    struct ebpf_iterators *skeleton;
};

/* Of the maps that the shared headers bring along, none is used here. */
static int leave_out_maps(struct ebpf_iterators *skeleton)
{
    struct bpf_map *map;
    int r = 0;

    bpf_object__for_each_map(map, skeleton->obj)
    {
        if (r == 0 && map != skeleton->maps.rooms && !bpf_map__is_internal(map))
            r = bpf_map__set_autocreate(map, false);
    }
    return r;
}

static int load(struct iterators *iterators)
{
    struct ebpf_iterators *skeleton = ebpf_iterators__open();
    int r;

    if (!skeleton)
        return -errno;
    iterators->skeleton = skeleton;
    skeleton->rodata->settings.own_pid = (uint32_t)getpid();
    r = leave_out_maps(skeleton);
    if (r == 0)
        r = ebpf_iterators__load(skeleton);
    return r < 0 ? r : ebpf_iterators__attach(skeleton);
}

int iterators_create(struct iterators **ret_iterators)
{
    struct iterators *iterators = calloc(1, sizeof(*iterators));
    libbpf_print_fn_t print;
    int r;

    if (!iterators)
        return -ENOMEM;
    print = libbpf_set_print(NULL);
    r = load(iterators);
    libbpf_set_print(print);
    if (r < 0) {
        iterators_destroy(iterators);
        return r;
    }
    *ret_iterators = iterators;
    return 0;
}

void iterators_destroy(struct iterators *iterators)
{
    if (!iterators)
        return;
    ebpf_iterators__destroy(iterators->skeleton);
    free(iterators);
}

static int grow(struct entries *entries, size_t *room)
{
    size_t larger = 2 * *room + READ_SIZE;
    uint8_t *grown;

    if (entries->size + READ_SIZE <= *room)
        return 0;
    grown = realloc(entries->bytes, larger);
    if (!grown)
        return -ENOMEM;
    entries->bytes = grown;
    *room = larger;
    return 0;
}

/* EAGAIN: so many were of no interest that the kernel wants to be asked again. */
static int read_all(int fd, struct entries *entries)
{
    size_t room = 0;

    for (;;) {
        int r = grow(entries, &room);
        ssize_t n = r < 0 ? r : read(fd, entries->bytes + entries->size, READ_SIZE);

        if (r < 0)
            return r;
        if (n == 0)
            return 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        entries->size += n > 0 ? (size_t)n : 0;
    }
}

static int run(struct iterators *iterators, const struct bpf_link *link, pid_t only, struct entries *ret_entries)
{
    struct entries entries = {0};
    cleanup_close int fd = bpf_iter_create(bpf_link__fd(link));
    int r;

    if (fd < 0)
        return fd;
    iterators->skeleton->bss->only = (uint32_t)only;
    r = read_all(fd, &entries);
    if (r < 0) {
        free(entries.bytes);
        return r;
    }
    *ret_entries = entries;
    return 0;
}

int iterators_read_threads(struct iterators *iterators, pid_t only, struct entries *ret_entries)
{
    return run(iterators, iterators->skeleton->links.sysfold_snap_thread, only, ret_entries);
}

int iterators_read_fds(struct iterators *iterators, pid_t only, uint64_t clock_offset, struct entries *ret_entries)
{
    iterators->skeleton->bss->clock_offset = clock_offset;
    return run(iterators, iterators->skeleton->links.sysfold_snap_fd, only, ret_entries);
}

/* The entry at `at`, if it is whole. */
static const void *next(const struct entries *entries, size_t *at, size_t least)
{
    const uint8_t *entry = entries->bytes + *at;
    size_t left = entries->size - *at;
    uint32_t size;

    if (left < least)
        return NULL;
    memcpy(&size, entry, sizeof(size));
    if (size < least || size > left)
        return NULL;
    *at += size;
    return entry;
}

const struct snap_thread *entries_next_thread(const struct entries *entries, size_t *at)
{
    return next(entries, at, sizeof(struct snap_thread));
}

const struct snap_fd *entries_next_fd(const struct entries *entries, size_t *at)
{
    return next(entries, at, sizeof(struct snap_fd));
}
