// SPDX-License-Identifier: Apache-2.0
/* Can programs of ours run in this kernel, and may this user load them? And why not. */

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "backends/ebpf/internal.h"
#include "common/cleanup.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"
/* The inode of the namespace in which the kernel counts pids, and so do its programs (PROC_PID_INIT_INO). */
#define INITIAL_PID_NAMESPACE 0xeffffffcU

static void answer(struct sysfold_backend_info *info, enum sysfold_usability usability, const char *reason,
                   const char *remedy)
{
    info->usability = usability;
    (void)snprintf(info->reason, sizeof(info->reason), "%s", reason);
    (void)snprintf(info->remedy, sizeof(info->remedy), "%s", remedy);
}

static bool has_capability(const struct __user_cap_data_struct *data, unsigned capability)
{
    return data[capability / 32].effective >> capability % 32 & 1;
}

static bool is_privileged(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};

    if (syscall(SYS_capget, &header, data) < 0)
        return geteuid() == 0;
    return has_capability(data, CAP_SYS_ADMIN) || (has_capability(data, CAP_BPF) && has_capability(data, CAP_PERFMON));
}

static bool in_initial_pid_namespace(void)
{
    struct stat stat_;

    return stat("/proc/self/ns/pid", &stat_) < 0 || stat_.st_ino == INITIAL_PID_NAMESPACE;
}

/* A ring buffer is the newest of what must be there, and the kernel asks for the same privileges. */
static int try_ring_buffer(void)
{
    cleanup_close int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "sysfold_probe", 0, 0, (uint32_t)getpagesize(), NULL);

    return fd < 0 ? fd : 0;
}

static void refuse(struct sysfold_backend_info *info, int r)
{
    char reason[sizeof(info->reason)];

    (void)snprintf(reason, sizeof(reason), "bpf() is refused here: %s", strerror(-r));
    if (r == -EPERM || r == -EACCES)
        answer(info, SYSFOLD_NO_PERMISSION, reason, "run as root outside of containers, or allow bpf() in the sandbox");
    else
        answer(info, SYSFOLD_UNSUPPORTED, reason, "use Linux 5.8 or later with CONFIG_BPF_SYSCALL");
}

void ebpf_probe(struct sysfold_backend_info *info)
{
    int r;

    if (access(BTF_PATH, R_OK) < 0) {
        answer(info, SYSFOLD_UNSUPPORTED, "there is no " BTF_PATH,
               "use a kernel with CONFIG_DEBUG_INFO_BTF, and mount /sys");
        return;
    }
    if (!in_initial_pid_namespace()) {
        answer(info, SYSFOLD_UNSUPPORTED, "this is not the machine's own pid namespace",
               "run it outside of the container, or with the host's pid namespace");
        return;
    }
    if (!is_privileged()) {
        answer(info, SYSFOLD_NO_PERMISSION, "neither root nor CAP_BPF and CAP_PERFMON",
               "run as root, or with these two capabilities");
        return;
    }
    r = try_ring_buffer();
    if (r < 0)
        refuse(info, r);
    else
        answer(info, SYSFOLD_USABLE, "programs can be loaded into the kernel", "");
}
