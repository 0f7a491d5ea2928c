// SPDX-License-Identifier: Apache-2.0
#include "filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"

static bool set_has(const uint64_t *set, unsigned nr)
{
    return set[nr / 64] >> (nr % 64) & 1;
}

/* libseccomp wants numbers of the host's ABI (or its own for calls that the host has not) and translates them. */
static int host_number(uint32_t arch, int nr)
{
    char *name = seccomp_syscall_resolve_num_arch(arch, nr);
    int number = name ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;

    free(name);
    return number;
}

static int add_calls(scmp_filter_ctx context, uint32_t arch, const uint64_t *set, uint32_t action)
{
    for (int nr = 0; nr < CALLSET_NATIVE_MAX; nr++) {
        int number, r;

        if (!set_has(set, (unsigned)nr))
            continue;
        number = host_number(arch, arch == SCMP_ARCH_X32 ? nr | 0x40000000 : nr);
        if (number == __NR_SCMP_ERROR)
            continue; /* no such call: nobody can make it */
        r = seccomp_rule_add(context, action, number, 0);
        if (r < 0 && r != -EDOM && r != -EEXIST)
            return r;
    }
    return 0;
}

/* Returns from signals' handlers, whatever they are called: whoever stops there may not come back. */
static int spare_returns(scmp_filter_ctx context)
{
    static const int returns[] = {SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn)};

    for (size_t i = 0; i < sizeof(returns) / sizeof(returns[0]); i++) {
        int r = seccomp_rule_add(context, SCMP_ACT_ALLOW, returns[i], 0);

        if (r < 0 && r != -EDOM && r != -EEXIST)
            return r;
    }
    return 0;
}

static int make_for_arch(const struct filter_plan *plan, uint32_t arch, const uint64_t *set,
                         scmp_filter_ctx *ret_context)
{
    bool everything = plan->calls->everything;
    scmp_filter_ctx context = seccomp_init(everything ? plan->action : SCMP_ACT_ALLOW);
    int r = context ? 0 : -ENOMEM;

    if (r == 0 && arch != seccomp_arch_native()) {
        r = seccomp_arch_add(context, arch);
        if (r == 0)
            r = seccomp_arch_remove(context, SCMP_ARCH_NATIVE);
    }
    if (r == 0)
        r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
    if (r == 0)
        r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (r == 0 && !everything)
        r = add_calls(context, arch, set, plan->action);
    if (r == 0 && everything && plan->spared && arch == seccomp_arch_native())
        r = add_calls(context, arch, plan->spared, SCMP_ACT_ALLOW);
    if (r == 0 && everything && plan->spared)
        r = spare_returns(context);
    if (r == 0 && plan->add_more)
        r = plan->add_more(context, plan);
    if (r < 0) {
        seccomp_release(context);
        return r;
    }
    *ret_context = context;
    return 0;
}

static int make_for_all(const struct filter_plan *plan, scmp_filter_ctx *ret_context)
{
    const struct {
        uint32_t arch;
        const uint64_t *set;
    } foreign[] = {{SCMP_ARCH_X86, plan->calls->i386}, {SCMP_ARCH_X32, plan->calls->x32}};
    scmp_filter_ctx context, other;
    int r = make_for_arch(plan, seccomp_arch_native(), plan->calls->native, &context);

    if (r < 0)
        return r;
    for (size_t i = 0; seccomp_arch_native() == SCMP_ARCH_X86_64 && i < 2 && r == 0; i++) {
        r = make_for_arch(plan, foreign[i].arch, foreign[i].set, &other);
        if (r < 0)
            break;
        r = seccomp_merge(context, other);
        if (r < 0)
            seccomp_release(other);
    }
    if (r < 0) {
        seccomp_release(context);
        return r;
    }
    *ret_context = context;
    return 0;
}

/* libseccomp writes programs to files only: one in memory will do. */
static int export_program(scmp_filter_ctx context, struct sock_fprog *ret_filter)
{
    cleanup_close int fd = memfd_create("sysfold-filter", MFD_CLOEXEC);
    cleanup_free struct sock_filter *instructions = NULL;
    struct stat stat;
    int r;

    if (fd < 0)
        return -errno;
    r = seccomp_export_bpf(context, fd);
    if (r < 0)
        return r;
    if (fstat(fd, &stat) < 0)
        return -errno;
    if (stat.st_size == 0 || (size_t)stat.st_size / sizeof(*instructions) > BPF_MAXINSNS)
        return -E2BIG;
    instructions = malloc((size_t)stat.st_size);
    if (!instructions)
        return -ENOMEM;
    if (pread(fd, instructions, (size_t)stat.st_size, 0) != stat.st_size)
        return -EIO;
    ret_filter->len = (unsigned short)((size_t)stat.st_size / sizeof(*instructions));
    ret_filter->filter = steal_pointer(&instructions);
    return 0;
}

int filter_make(const struct filter_plan *plan, struct sock_fprog *ret_filter)
{
    scmp_filter_ctx context;
    int r = make_for_all(plan, &context);

    if (r == 0) {
        r = export_program(context, ret_filter);
        seccomp_release(context);
    }
    return r;
}

static int load(const struct sock_fprog *filter, unsigned flags)
{
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, filter);

    return r < 0 ? -errno : (int)r;
}

/* What a kernel may not know yet is wished for; what else is in `flags` must be. */
static int load_with_wishes(const struct sock_fprog *filter, unsigned flags)
{
    static const unsigned wishes[] = {SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, SECCOMP_FILTER_FLAG_SPEC_ALLOW};
    int r;

    /* SPEC_ALLOW: a filter must not switch on speculation mitigations that the target runs without. */
    flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    r = load(filter, flags);
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]) && r == -EINVAL; i++) {
        if (!(flags & wishes[i]))
            continue;
        flags &= ~wishes[i]; /* the newest first */
        r = load(filter, flags);
    }
    return r;
}

int filter_install(const struct sock_fprog *filter, unsigned flags)
{
    int r = load_with_wishes(filter, flags);

    if (r != -EACCES)
        return r;
    /* Not privileged: the price is that set-user-id programs run unelevated. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return load_with_wishes(filter, flags);
}
