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
#define I386_EXECVE 11
#define I386_EXECVEAT 358
#define CLOCK_LOOK_NS 10000

/* The verifier follows offsets up to twice of it. */
#define RING_SIZE_MAX ((size_t)256 << 20)

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

/* How far one clock is ahead of another. Somebody else may have been on the cpu between two looks. */
static uint64_t clock_distance(clockid_t ahead, clockid_t behind)
{
    uint64_t before, now, after;

    do {
        before = clock_ns(behind);
        now = clock_ns(ahead);
        after = clock_ns(behind);
    } while (after - before > CLOCK_LOOK_NS);
    return now - before;
}

uint64_t programs_clock_offset(const struct programs *programs)
{
    return clock_distance(CLOCK_BOOTTIME, CLOCK_MONOTONIC) + programs->clock_offset;
}

/* Returns whether any call is sampled. */
static bool lay_sample(const struct capture_options *options, uint32_t sample[EBPF_CALLS])
{
    bool sampling = false;

    for (size_t i = 0; i < EBPF_CALLS; i++) {
        sample[i] = options->sample[i];
        sampling |= sample[i] > 1;
    }
    return sampling;
}

static bool has_bit(const __u64 *words, unsigned number)
{
    return words[number / 64] >> number % 64 & 1;
}

static void set_bit(__u64 *words, unsigned number)
{
    words[number / 64] |= UINT64_C(1) << number % 64;
}

static bool is_exec(unsigned nr)
{
    return nr == ROW_EXECVE || nr == ROW_EXECVEAT;
}

/* Which exec it was is known from the entry alone. */
static bool wants_exec(const struct ebpf_settings *settings)
{
    return has_bit(settings->interest[EBPF_NATIVE], ROW_EXECVE) ||
           has_bit(settings->interest[EBPF_NATIVE], ROW_EXECVEAT) ||
           has_bit(settings->interest[EBPF_I386], I386_EXECVE) || has_bit(settings->interest[EBPF_I386], I386_EXECVEAT);
}

/* A successful exec looks like its new image's own execve, whatever was called; and of either kind something was
 * kept. */
static void lay_attention(struct ebpf_settings *settings)
{
    for (size_t i = 0; i < EBPF_CALLS / 64; i++)
        settings->attention[i] = settings->interest[EBPF_NATIVE][i] | settings->interest[EBPF_I386][i];
    if (wants_exec(settings)) {
        set_bit(settings->attention, ROW_EXECVE);
        set_bit(settings->attention, ROW_EXECVEAT);
        set_bit(settings->attention, I386_EXECVE);
    }
}

static void lay_interest(struct ebpf_settings *settings, const struct callset *calls)
{
    const uint64_t *chosen[EBPF_ABIS] = {calls->native, calls->i386, calls->x32};

    _Static_assert(sizeof(calls->native) == sizeof(settings->interest[0]), "as many numbers");
    for (size_t abi = 0; abi < EBPF_ABIS; abi++) {
        if (calls->everything)
            memset(settings->interest[abi], 0xff, sizeof(settings->interest[abi]));
        else
            memcpy(settings->interest[abi], chosen[abi], sizeof(settings->interest[abi]));
    }
    settings->beyond = calls->everything || calls->beyond;
    lay_attention(settings);
}

static void lay_settings(struct ebpf_settings *settings, const struct capture_options *options, uint64_t clock_offset,
                         unsigned cgroup_count)
{
    const struct sysfold_live_options *live = &options->live;
    const struct callset *calls = &options->calls;

    *settings = (struct ebpf_settings){
        .birth_offset = clock_offset,
        .own_pid = (uint32_t)getpid(),
        .snaplen = live->snaplen,
        .string_vector_max = live->string_vector_max,
        .cgroup_count = cgroup_count,
        .system_wide = live->system_wide,
        .follow = !live->no_follow,
        .timed = live->timed,
    };
    lay_interest(settings, calls);
    settings->sampling = lay_sample(options, settings->sample);
}

/* At the entry of calls that nobody wants, programs would be but a burden. */
static int choose_entries(struct ebpf_programs *skeleton)
{
    const struct {
        struct bpf_program *program;
        unsigned nr;
    } entries[] = {
        {skeleton->progs.sysfold_enter_open, ROW_OPEN},     {skeleton->progs.sysfold_enter_creat, ROW_CREAT},
        {skeleton->progs.sysfold_enter_openat, ROW_OPENAT}, {skeleton->progs.sysfold_enter_openat2, ROW_OPENAT2},
        {skeleton->progs.sysfold_enter_execve, ROW_EXECVE}, {skeleton->progs.sysfold_enter_execveat, ROW_EXECVEAT},
    };
    const struct ebpf_settings *settings = (const struct ebpf_settings *)&skeleton->rodata->settings;
    bool any_wanted = false;
    int r = 0;

    for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]) && r == 0; i++) {
        bool wanted =
            is_exec(entries[i].nr) ? wants_exec(settings) : has_bit(settings->interest[EBPF_NATIVE], entries[i].nr);

        any_wanted |= wanted;
        r = bpf_program__set_autoload(entries[i].program, wanted);
    }
    if (r == 0)
        r = bpf_program__set_autoload(skeleton->progs.sysfold_enter, any_wanted);
    return r < 0 ? r : bpf_program__set_autoload(skeleton->progs.sysfold_time, skeleton->rodata->settings.timed);
}

static int size_maps(const struct programs *programs)
{
    struct ebpf_programs *skeleton = programs->skeleton;
    int r = bpf_map__set_max_entries(skeleton->maps.rings, programs->cpus);

    if (r == 0)
        r = bpf_map__set_value_size(skeleton->maps.rings, (uint32_t)rings_value_size(programs->ring_size));
    if (r == 0)
        r = bpf_map__set_max_entries(skeleton->maps.scratch, programs->cpus);
    return r;
}

static int lay(struct programs *programs, const struct capture_options *options, unsigned cgroup_count,
               struct sysfold_error *error)
{
    struct ebpf_programs *skeleton = programs->skeleton;
    int cpus = libbpf_num_possible_cpus(), r;

    r = rows_lay(skeleton->rodata->rows, skeleton->rodata->params);
    if (r < 0)
        return error_system(error, r, "ebpf: there are too many rows");
    if (cpus < 1)
        return error_system(error, cpus, "ebpf: cannot count the cpus");
    programs->cpus = (unsigned)cpus;
    programs->ring_size = rings_size(options, programs->cpus, programs->old_kernel);
    if (programs->ring_size > RING_SIZE_MAX)
        return error_set(error, -EINVAL, "ebpf: a buffer of %zu bytes is more than %zu for each of %u cpus",
                         options->live.buffer_size, RING_SIZE_MAX, programs->cpus);
    lay_settings(&skeleton->rodata->settings, options, programs->clock_offset, cgroup_count);
    skeleton->rodata->ring_size = programs->ring_size;
    r = size_maps(programs);
    if (r == 0)
        r = choose_entries(skeleton);
    return r < 0 ? error_system(error, r, "ebpf: cannot prepare the programs") : 0;
}

static int refused(const struct programs *programs, int r, const char *log, struct sysfold_error *error)
{
    char digest[400];

    if ((r == -E2BIG || r == -ENOMEM) && !*log)
        return error_set(error, r,
                         "ebpf: the kernel has no room for a buffer of %zu bytes on each of %u cpus: %s (ask for "
                         "a smaller one)",
                         programs->ring_size, programs->cpus, strerror(-r));
    if (r == -EPERM || r == -EACCES) {
        if (!*log)
            return error_system(error, r, "ebpf: cannot load the programs (root, or CAP_BPF and CAP_PERFMON)");
    }
    /* Then the log is of a program that was accepted. */
    if (!*log || r == -EMFILE || r == -ENFILE || r == -ENOMEM)
        return error_system(error, r, "ebpf: cannot load the programs");
    return error_set(error, r, "ebpf: the kernel refuses the programs: %s",
                     verifier_log_digest(log, digest, sizeof(digest)));
}

static int open_and_load(struct programs *programs, const struct capture_options *options, unsigned cgroup_count,
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
    r = lay(programs, options, cgroup_count, error);
    if (r < 0)
        return r;
    r = ebpf_programs__load(programs->skeleton);
    return r < 0 ? refused(programs, r, log, error) : 0;
}

/* RLIMIT_MEMLOCK is libbpf's affair: it raises it where the kernel still counts by it (before 5.11), if it may. */
int programs_load(struct programs *programs, const struct capture_options *options, unsigned cgroup_count,
                  struct sysfold_error *error)
{
    libbpf_print_fn_t print = libbpf_set_print(NULL);
    int r;

    programs->clock_offset = clock_distance(CLOCK_REALTIME, CLOCK_BOOTTIME);
    r = open_and_load(programs, options, cgroup_count, error);
    if (r == -E2BIG && options->default_buffer) {
        programs_finish(programs);
        programs->old_kernel = true;
        r = open_and_load(programs, options, cgroup_count, error);
    }
    libbpf_set_print(print);
    if (r < 0)
        return r;
    programs->object = programs->skeleton->obj;
    programs->targets = bpf_map__fd(programs->skeleton->maps.targets);
    programs->generation = (uint64_t *)&programs->skeleton->bss->generation;
    return 0;
}

int programs_rings_map(const struct programs *programs)
{
    return bpf_map__fd(programs->skeleton->maps.rings);
}

int programs_bell_map(const struct programs *programs)
{
    return bpf_map__fd(programs->skeleton->maps.bell);
}

int programs_cgroups_map(const struct programs *programs)
{
    return bpf_map__fd(programs->skeleton->maps.cgroups);
}

static bool attach(const struct bpf_prog_skeleton *each)
{
    *each->link = bpf_program__attach(*each->prog);
    return *each->link;
}

static void detach(const struct bpf_prog_skeleton *each)
{
    bpf_link__destroy(*each->link);
    *each->link = NULL;
}

static bool is_entry(const struct bpf_prog_skeleton *each)
{
    return bpf_program__type(*each->prog) == BPF_PROG_TYPE_TRACEPOINT;
}

/* A call's own tracepoint is found through tracefs, which is root's and may not be there, and opened as a perf event.
 * Whether all the wanted ones are attached: else none is, and one program must do, at every call's entry. */
static bool attach_entries(const struct bpf_object_skeleton *skeleton)
{
    for (int i = 0; i < skeleton->prog_cnt; i++) {
        const struct bpf_prog_skeleton *each = &skeleton->progs[i];

        if (!is_entry(each) || !bpf_program__autoload(*each->prog) || attach(each))
            continue;
        for (int j = 0; j < i; j++)
            detach(&skeleton->progs[j]);
        return false;
    }
    return true;
}

/* Has the programs know where our paths begin. Where that is refused they are told from the namespace's root. */
static void tell_root(const struct ebpf_programs *programs)
{
    struct bpf_link *link = bpf_program__attach(programs->progs.sysfold_root);
    cleanup_close int fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
    char nothing;

    if (fd >= 0)
        (void)!read(fd, &nothing, sizeof(nothing));
    bpf_link__destroy(link);
}

/* One by one, so that the message can say which. */
static int attach_programs(const struct ebpf_programs *programs, struct sysfold_error *error)
{
    const struct bpf_object_skeleton *skeleton = programs->skeleton;
    bool has_entries = attach_entries(skeleton);

    tell_root(programs);
    for (int i = 0; i < skeleton->prog_cnt; i++) {
        const struct bpf_prog_skeleton *each = &skeleton->progs[i];
        bool stands_in = *each->prog == programs->progs.sysfold_enter;

        if (is_entry(each) || !bpf_program__autoload(*each->prog) || (stands_in && has_entries) ||
            *each->prog == programs->progs.sysfold_root)
            continue;
        if (!attach(each))
            return error_system(error, -errno, "ebpf: cannot attach the program '%s'", each->name);
    }
    return 0;
}

int programs_attach(struct programs *programs, struct sysfold_error *error)
{
    libbpf_print_fn_t print = libbpf_set_print(NULL);
    int r = attach_programs(programs->skeleton, error);

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
