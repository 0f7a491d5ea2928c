// SPDX-License-Identifier: Apache-2.0
#include "backends/ebpf/stats.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/error.h"

#define NAME_PREFIX "sysfold_"

int stats_enable(int *ret_fd, struct sysfold_error *error)
{
    int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

    if (fd == -EPERM)
        return error_set(error, fd,
                         "ebpf: cannot measure the programs: %s (root and CAP_SYS_ADMIN may; or set the sysctl "
                         "kernel.bpf_stats_enabled to 1, and do not ask for it here)",
                         strerror(-fd));
    if (fd < 0)
        return error_system(error, fd, "ebpf: cannot measure the programs");
    *ret_fd = fd;
    return 0;
}

static const struct bpf_program *loaded_program(const struct bpf_object *object, size_t index)
{
    struct bpf_program *program;

    bpf_object__for_each_program(program, object)
    {
        if (bpf_program__fd(program) >= 0 && index-- == 0)
            return program;
    }
    return NULL;
}

/* The kernel's own name is cut at 15 characters. */
static const char *name_of(const struct bpf_program *program)
{
    const char *name = bpf_program__name(program);

    return strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) == 0 ? name + strlen(NAME_PREFIX) : name;
}

int stats_program(const struct bpf_object *object, size_t index, struct sysfold_program *ret_program)
{
    const struct bpf_program *program = loaded_program(object, index);
    struct bpf_prog_info info = {0};
    __u32 size = sizeof(info);
    int r;

    if (!program)
        return -ENOENT;
    r = bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size);
    if (r < 0)
        return r;
    (void)snprintf(ret_program->name, sizeof(ret_program->name), "%s", name_of(program));
    ret_program->runs = info.run_cnt;
    ret_program->ns = info.run_time_ns;
    ret_program->missed = info.recursion_misses;
    return 0;
}
