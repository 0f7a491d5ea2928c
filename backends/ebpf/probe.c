// SPDX-License-Identifier: Apache-2.0
/* Can programs of ours run in this kernel, and may this user load them? And why not. */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/btf.h>
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
#define DESCRIPTORS 96
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

/* As a reason; NULL: none. */
static const char *missing_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    bool bpf, perfmon;

    if (syscall(SYS_capget, &header, data) < 0)
        return geteuid() == 0 ? NULL : "CAP_BPF and CAP_PERFMON are missing";
    bpf = has_capability(data, CAP_BPF);
    perfmon = has_capability(data, CAP_PERFMON);
    if (has_capability(data, CAP_SYS_ADMIN) || (bpf && perfmon))
        return NULL;
    return bpf ? "CAP_PERFMON is missing" : perfmon ? "CAP_BPF is missing" : "CAP_BPF and CAP_PERFMON are missing";
}

/* A capture needs half as many. For want of them libbpf takes the kernel for an older one, and says so. */
static bool has_descriptors(void)
{
    int fds[DESCRIPTORS];
    int count = 0;

    while (count < DESCRIPTORS && (fds[count] = open("/", O_PATH | O_CLOEXEC)) >= 0)
        count++;
    for (int i = 0; i < count; i++)
        close(fds[i]);
    return count == DESCRIPTORS;
}

/* An empty file may have been put in its place, to hide it. */
static int check_btf(void)
{
    cleanup_close int fd = open(BTF_PATH, O_RDONLY | O_CLOEXEC);
    __u16 magic = 0;

    if (fd < 0)
        return -errno;
    return read(fd, &magic, sizeof(magic)) == sizeof(magic) && magic == BTF_MAGIC ? 0 : -ENODATA;
}

/* Where libbpf looks for the tracepoints of single calls' entries. */
static bool has_tracefs(void)
{
    const char *path = access("/sys/kernel/debug/tracing", F_OK) == 0
                           ? "/sys/kernel/debug/tracing/events/syscalls/sys_enter_openat/id"
                           : "/sys/kernel/tracing/events/syscalls/sys_enter_openat/id";

    return access(path, R_OK) == 0;
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

static void refuse_btf(struct sysfold_backend_info *info, int r)
{
    char reason[sizeof(info->reason)];

    (void)snprintf(reason, sizeof(reason), "the kernel's types cannot be read from %s: %s", BTF_PATH, strerror(-r));
    answer(info, SYSFOLD_UNSUPPORTED, reason, "use a kernel with CONFIG_DEBUG_INFO_BTF, and mount /sys");
}

static void admit(struct sysfold_backend_info *info)
{
    if (has_tracefs())
        answer(info, SYSFOLD_USABLE, "programs can be loaded into the kernel", "");
    else
        answer(info, SYSFOLD_USABLE,
               "programs can be loaded into the kernel; tracefs cannot be read, so that one runs at the entry of every "
               "call, not of open and exec alone",
               "to spare other calls that, run as root, with tracefs mounted at /sys/kernel/tracing");
}

void ebpf_probe(struct sysfold_backend_info *info)
{
    const char *missing = missing_capabilities();
    int r;

    if (!has_descriptors()) {
        answer(info, SYSFOLD_NO_PERMISSION, "too few files can be opened", "raise the limit, as with ulimit -n 1024");
        return;
    }
    r = check_btf();
    if (r < 0) {
        refuse_btf(info, r);
        return;
    }
    if (!in_initial_pid_namespace()) {
        answer(info, SYSFOLD_UNSUPPORTED, "this is not the machine's own pid namespace",
               "run it outside of the container, or with the host's pid namespace");
        return;
    }
    if (missing) {
        answer(info, SYSFOLD_NO_PERMISSION, missing, "run as root, or with CAP_BPF and CAP_PERFMON");
        return;
    }
    r = try_ring_buffer();
    if (r < 0)
        refuse(info, r);
    else
        admit(info);
}
