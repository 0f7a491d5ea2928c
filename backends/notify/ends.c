// SPDX-License-Identifier: Apache-2.0
#include "backends/notify/ends.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/notify/supervisor.h"
#include "common/cleanup.h"

/* What Debian 12's headers do not have yet: Linux 6.13, and for ends 6.15. */
struct pidfd_info_of {
    uint64_t mask, cgroup;
    uint32_t pid, tgid, ppid;
    uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    int32_t exit_code;
};
#define GET_INFO _IOWR(0xFF, 11, struct pidfd_info_of)
#define INFO_EXIT (UINT64_C(1) << 3)

#define FLAG_EXITING 0x4 /* PF_EXITING */

/* It is as good as dead, but a moment may pass until its parent can reap it. */
#define MOMENT_MS 100

static bool reap(struct supervisor *supervisor)
{
    struct shared *shared = supervisor->shared;
    int status;

    if (!shared->has_status && waitpid(supervisor->command, &status, __WALL | WNOHANG) == supervisor->command) {
        shared->status = status;
        shared->has_status = true;
    }
    return shared->has_status;
}

bool command_status(struct supervisor *supervisor, int *ret_status)
{
    const struct process *process = followed_process(&supervisor->followed, supervisor->command);
    struct pollfd pollfd = {.fd = process ? process->pidfd : -1, .events = POLLIN};

    if (!reap(supervisor)) {
        (void)poll(&pollfd, 1, MOMENT_MS);
        if (!reap(supervisor))
            return false;
    }
    *ret_status = supervisor->shared->status;
    return true;
}

/* Some of /proc/PID/stat, after the comm. */
struct stat_words {
    char state;
    uint64_t flags, start_code, start_stack;
    int exit_code;
};

static bool read_words(pid_t pid, struct stat_words *ret_words)
{
    cleanup_close int fd = -1;
    char path[64], text[1024];
    const char *at;
    ssize_t size;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    if (size < 0)
        return false;
    text[size] = '\0';
    at = strrchr(text, ')');
    /* state ppid pgrp session tty tpgid flags ... (22 in all) startcode endcode startstack ... exit_code, the last */
    if (!at || sscanf(at + 1, " %c %*d %*d %*d %*d %*d %" SCNu64, &ret_words->state, &ret_words->flags) != 2)
        return false;
    if (sscanf(at + 1,
               " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNu64
               " %*s %" SCNu64,
               &ret_words->start_code, &ret_words->start_stack) != 2)
        return false;
    at = strrchr(text, ' ');
    return at && sscanf(at, "%d", &ret_words->exit_code) == 1;
}

static bool status_by_pidfd(int pidfd, int *ret_status)
{
    struct pidfd_info_of info = {.mask = INFO_EXIT};

    if (pidfd < 0 || ioctl(pidfd, GET_INFO, &info) < 0 || !(info.mask & INFO_EXIT))
        return false;
    *ret_status = info.exit_code;
    return true;
}

bool status_of_process(pid_t pid, int pidfd, int *ret_status)
{
    struct stat_words words;

    if (status_by_pidfd(pidfd, ret_status))
        return true;
    if (read_words(pid, &words) && (words.state == 'Z' || words.state == 'X' || words.flags & FLAG_EXITING)) {
        *ret_status = words.exit_code;
        return true;
    }
    return status_by_pidfd(pidfd, ret_status); /* reaped between the two looks */
}

uint64_t image_mark(pid_t pid)
{
    struct stat_words words;

    if (!read_words(pid, &words))
        return 0;
    return words.start_code * 31 + words.start_stack;
}
