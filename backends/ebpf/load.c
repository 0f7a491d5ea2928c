// SPDX-License-Identifier: Apache-2.0
/* From the programs in the skeleton to programs that run: their data laid, loaded, attached. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "backends/ebpf/internal.h"
#include "backends/ebpf/verifier-log.h"

#include <programs.skel.h> /* needs layout.h */

#include "common/cleanup.h"
#include "common/error.h"

#define LOG_SIZE (1 << 20)

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t programs_now(const struct programs *programs)
{
    return clock_ns(CLOCK_BOOTTIME) + programs->clock_offset;
}

static bool any(const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (words[i])
            return true;
    }
    return false;
}

static struct ebpf_settings lay_settings(const struct capture_options *options, uint64_t clock_offset)
{
    const struct sysfold_live_options *live = &options->live;
    const struct callset *calls = &options->calls;
    struct ebpf_settings settings = {
        .clock_offset = clock_offset,
        .own_pid = (uint32_t)getpid(),
        .snaplen = live->snaplen,
        .string_vector_max = live->string_vector_max,
        .system_wide = live->system_wide,
        .follow = !live->no_follow,
    };

    settings.foreign =
        calls->everything || any(calls->i386, CALLSET_NATIVE_MAX / 64) || any(calls->x32, CALLSET_NATIVE_MAX / 64);
    for (size_t i = 0; i < EBPF_CALLS / 64; i++)
        settings.interest[i] = calls->everything ? UINT64_MAX : calls->native[i];
    return settings;
}

static int lay(struct programs *programs, const struct capture_options *options, const struct rings *rings,
               struct sysfold_error *error)
{
    struct ebpf_programs *skeleton = programs->skeleton;
    int cpus = libbpf_num_possible_cpus(), r;

    r = rows_lay(skeleton->rodata->rows, skeleton->rodata->params);
    if (r < 0)
        return error_system(error, r, "ebpf: there are too many rows");
    skeleton->rodata->settings = lay_settings(options, programs->clock_offset);
    skeleton->rodata->ring_count = rings->count;
    skeleton->rodata->ring_size = (uint32_t)rings->each[0].size;
    r = cpus < 0 ? cpus : bpf_map__set_max_entries(skeleton->maps.rings, rings->count);
    if (r == 0)
        r = bpf_map__set_max_entries(skeleton->maps.scratch, (uint32_t)cpus);
    return r < 0 ? error_system(error, r, "ebpf: cannot prepare the maps") : 0;
}

static int refused(int r, const char *log, struct sysfold_error *error)
{
    char digest[400];

    if (r == -EPERM || r == -EACCES) {
        if (!*log)
            return error_system(error, r, "ebpf: cannot load the programs (root, or CAP_BPF and CAP_PERFMON)");
    }
    if (!*log)
        return error_system(error, r, "ebpf: cannot load the programs");
    return error_set(error, r, "ebpf: the kernel refuses the programs: %s",
                     verifier_log_digest(log, digest, sizeof(digest)));
}

static int put_rings(const struct programs *programs, const struct rings *rings, struct sysfold_error *error)
{
    for (uint32_t i = 0; i < rings->count; i++) {
        int r = bpf_map_update_elem(programs->rings, &i, &rings->fds[i], BPF_ANY);

        if (r < 0)
            return error_system(error, r, "ebpf: cannot give the programs their rings");
    }
    return 0;
}

static int open_and_load(struct programs *programs, const struct capture_options *options, const struct rings *rings,
                         struct sysfold_error *error)
{
    cleanup_free char *log = calloc(1, LOG_SIZE);
    LIBBPF_OPTS(bpf_object_open_opts, opts, .kernel_log_buf = log, .kernel_log_size = LOG_SIZE);
    int r;

    if (!log)
        return error_system(error, -ENOMEM, "ebpf: cannot load the programs");
    programs->skeleton = ebpf_programs__open_opts(&opts);
    if (!programs->skeleton)
        return error_system(error, -errno, "ebpf: cannot open the programs");
    r = lay(programs, options, rings, error);
    if (r < 0)
        return r;
    r = ebpf_programs__load(programs->skeleton);
    return r < 0 ? refused(r, log, error) : 0;
}

/* RLIMIT_MEMLOCK is libbpf's affair: it raises it where the kernel still counts by it (before 5.11), if it may. */
int programs_load(struct programs *programs, const struct capture_options *options, const struct rings *rings,
                  struct sysfold_error *error)
{
    libbpf_print_fn_t print = libbpf_set_print(NULL);
    int r;

    programs->clock_offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
    r = open_and_load(programs, options, rings, error);
    libbpf_set_print(print);
    if (r < 0)
        return r;
    programs->object = programs->skeleton->obj;
    programs->targets = bpf_map__fd(programs->skeleton->maps.targets);
    programs->rings = bpf_map__fd(programs->skeleton->maps.rings);
    programs->losses = bpf_map__fd(programs->skeleton->maps.losses);
    return put_rings(programs, rings, error);
}

/* The tracepoints of single calls' entries are found in tracefs, which is root's. Without them the exit's program reads
 * what an open or an exec was given. */
static bool can_do_without(const struct bpf_program *program, int code)
{
    return bpf_program__type(program) == BPF_PROG_TYPE_TRACEPOINT &&
           (code == EACCES || code == EPERM || code == ENOENT);
}

/* One by one, so that the message can say which. */
int programs_attach(struct programs *programs, struct sysfold_error *error)
{
    libbpf_print_fn_t print = libbpf_set_print(NULL);
    struct bpf_object_skeleton *skeleton = programs->skeleton->skeleton;
    int r = 0;

    for (int i = 0; i < skeleton->prog_cnt && r == 0; i++) {
        struct bpf_prog_skeleton *each = &skeleton->progs[i];

        if (!bpf_program__autoload(*each->prog))
            continue;
        *each->link = bpf_program__attach(*each->prog);
        if (!*each->link && !can_do_without(*each->prog, errno))
            r = error_system(error, -errno, "ebpf: cannot attach the program '%s'", each->name);
    }
    libbpf_set_print(print);
    return r;
}

void programs_detach(struct programs *programs)
{
    ebpf_programs__detach(programs->skeleton);
}

void programs_finish(struct programs *programs)
{
    ebpf_programs__destroy(programs->skeleton);
    programs->skeleton = NULL;
}
