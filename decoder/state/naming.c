// SPDX-License-Identifier: Apache-2.0
#include "naming.h"

#include <stddef.h>
#include <string.h>

#define O_DIRECTORY_FLAG 0200000
#define O_TMPFILE_FLAG 020000000 /* comes with O_DIRECTORY's */
#define O_CLOEXEC_FLAG 02000000
#define MODE_TYPE 0170000

static const struct anonymous anonymous_files[] = {
    {"eventfd", "anon_inode:[eventfd]", "eventfd", O_CLOEXEC_FLAG, false, false, 0},
    {"eventfd2", "anon_inode:[eventfd]", "eventfd", O_CLOEXEC_FLAG, false, false, 0},
    {"epoll_create", "anon_inode:[eventpoll]", "eventpoll", 0, false, false, 0},
    {"epoll_create1", "anon_inode:[eventpoll]", "eventpoll", O_CLOEXEC_FLAG, false, false, 0},
    {"timerfd_create", "anon_inode:[timerfd]", "timerfd", O_CLOEXEC_FLAG, false, false, 0},
    {"signalfd", "anon_inode:[signalfd]", "signalfd", 0, false, false, 0},
    {"signalfd4", "anon_inode:[signalfd]", "signalfd", O_CLOEXEC_FLAG, false, false, 0},
    {"inotify_init", "anon_inode:inotify", "inotify", 0, false, false, 0},
    {"inotify_init1", "anon_inode:inotify", "inotify", O_CLOEXEC_FLAG, false, false, 0},
    {"fanotify_init", "anon_inode:[fanotify]", "fanotify", 1, false, false, 0},
    {"memfd_create", "/memfd:", "memfd", 1, false, true, 0},
    {"memfd_secret", "anon_inode:[secretmem]", "memfd", O_CLOEXEC_FLAG, false, false, 0},
    {"userfaultfd", "anon_inode:[userfaultfd]", "userfaultfd", O_CLOEXEC_FLAG, false, false, 0},
    {"pidfd_open", "anon_inode:[pidfd]", "pidfd", 0, true, false, 0},
    {"io_uring_setup", "anon_inode:[io_uring]", "io_uring", 0, true, false, 0},
    {"perf_event_open", "anon_inode:[perf_event]", "perf_event", 8, false, false, 0},
    {"bpf", "anon_inode:[bpf]", "bpf", 0, true, false, 0},
    {"seccomp", "anon_inode:seccomp notify", "seccomp", 0, true, false, 0},
    {"landlock_create_ruleset", "anon_inode:[landlock-ruleset]", "landlock", 0, true, false, 1 | 2},
    {"fsopen", "anon_inode:[fscontext]", "fscontext", 1, false, false, 0},
    {"fsmount", "anon_inode:[fsmount]", "dir", 1, false, false, 0},
    {"mq_open", "/", "mqueue", 0, true, true, 0},
    {"fspick", "anon_inode:[fscontext]", "fscontext", 1, false, false, 0},
};

/* How /proc/PID/fd spells what is not a path, by its beginning. */
static const struct {
    const char *beginning, *type;
} prefixes[] = {
    {"pipe:", "pipe"},
    {"socket:", "socket"},
    {"/memfd:", "memfd"},
    {"anon_inode:[eventfd]", "eventfd"},
    {"anon_inode:[eventpoll]", "eventpoll"},
    {"anon_inode:[timerfd]", "timerfd"},
    {"anon_inode:[signalfd]", "signalfd"},
    {"anon_inode:inotify", "inotify"},
    {"anon_inode:[fanotify]", "fanotify"},
    {"anon_inode:[userfaultfd]", "userfaultfd"},
    {"anon_inode:[pidfd]", "pidfd"},
    {"anon_inode:[io_uring]", "io_uring"},
    {"anon_inode:[perf_event]", "perf_event"},
    {"anon_inode:bpf", "bpf"},
    {"anon_inode:", "anon"},
};

const struct anonymous *anonymous_of_row(const char *row)
{
    static const struct anonymous unknown = {.cloexec_flag = O_CLOEXEC_FLAG};

    for (size_t i = 0; i < sizeof(anonymous_files) / sizeof(anonymous_files[0]); i++) {
        if (!strcmp(anonymous_files[i].row, row))
            return &anonymous_files[i];
    }
    return &unknown;
}

const char *type_of_opened(const char *name, int64_t open_flags)
{
    if ((open_flags & (O_DIRECTORY_FLAG | O_TMPFILE_FLAG)) == O_DIRECTORY_FLAG)
        return "dir";
    if (!name || (name[0] == '/' && name[1] != 'm')) /* no need to look further */
        return "file";
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (!strncmp(name, prefixes[i].beginning, strlen(prefixes[i].beginning)))
            return prefixes[i].type;
    }
    return "file";
}

const char *type_of_snapshot(const char *name, int64_t mode)
{
    switch (mode & MODE_TYPE) {
    case 0040000:
        return "dir";
    case 0010000:
        return "pipe";
    case 0140000:
        return "socket";
    default:
        return type_of_opened(name, 0);
    }
}
