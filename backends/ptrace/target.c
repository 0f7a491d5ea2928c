// SPDX-License-Identifier: Apache-2.0
/* The collector's four primitives, on a thread that is stopped. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backends/memory.h"
#include "backends/proc.h"
#include "backends/ptrace/tracer.h"

static size_t target_read(void *target, void *to, uint64_t address, size_t size)
{
    const struct task *task = target;

    return memory_read(task->tid, to, address, size);
}

static size_t target_read_string(void *target, char *to, uint64_t address, size_t size)
{
    const struct task *task = target;

    return memory_read_string(task->tid, to, address, size);
}

/*
 * The way to /proc/TID/fd is as long as what is to be done there: for threads
 * that open many files it is kept open. A place goes to whoever comes; of an
 * id that is used again, the kernel tells by an error.
 */
#define DIRECTORIES 64
#define OPENED_AT 4

static struct directory {
    pid_t tid;
    unsigned asked; /* how often, in a row */
    bool is_open;
    int fd;
} directories[DIRECTORIES];

static void forget_directory(struct directory *directory)
{
    if (directory->is_open)
        close(directory->fd);
    *directory = (struct directory){0};
}

/* -1: not open, and not worth it yet. */
static int descriptor_directory(pid_t tid)
{
    struct directory *directory = &directories[(uint32_t)tid % DIRECTORIES];
    char path[32];

    if (directory->tid != tid) {
        forget_directory(directory);
        directory->tid = tid;
    }
    if (directory->is_open)
        return directory->fd;
    if (++directory->asked != OPENED_AT)
        return -1;
    (void)snprintf(path, sizeof(path), "/proc/%d/fd", tid);
    directory->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    directory->is_open = directory->fd >= 0;
    return directory->fd;
}

static int file_in(int directory, int fd, char *path, size_t room, size_t *ret_size, uint32_t *ret_dev,
                   uint64_t *ret_ino)
{
    struct statx status;
    char name[16];
    ssize_t size;

    (void)snprintf(name, sizeof(name), "%d", fd);
    size = readlinkat(directory, name, path, room);
    /* Not synced: a file system that the target serves itself could not answer while the target is stopped. */
    if (size < 0 || statx(directory, name, AT_STATX_DONT_SYNC, STATX_INO, &status) < 0)
        return -errno; /* a path that is too long, proc_fd_file() sees to */
    *ret_size = (size_t)size;
    *ret_dev = proc_encode_dev(makedev(status.stx_dev_major, status.stx_dev_minor));
    *ret_ino = status.stx_ino;
    return 0;
}

static int target_file(void *target, int fd, char *path, size_t room, size_t *ret_size, uint32_t *ret_dev,
                       uint64_t *ret_ino)
{
    const struct task *task = target;
    int directory = descriptor_directory(task->tid);
    struct proc_file file;
    int r;

    if (directory >= 0) {
        if (file_in(directory, fd, path, room, ret_size, ret_dev, ret_ino) == 0)
            return 0;
        forget_directory(&directories[(uint32_t)task->tid % DIRECTORIES]);
    }
    r = proc_fd_file(task->tid, fd, &file);
    if (r < 0 && r != -ENAMETOOLONG)
        return r;
    *ret_size = r < 0 ? 0 : file.path_size < room ? file.path_size : room;
    memcpy(path, file.path, *ret_size);
    *ret_dev = file.dev;
    *ret_ino = file.ino;
    return r;
}

static int target_sockets(void *target, int fd, uint8_t ret_pair[257])
{
    const struct task *task = target;

    return proc_fd_sockets(task->tid, fd, ret_pair);
}

const struct collect_ops target_ops = {
    .read = target_read,
    .read_string = target_read_string,
    .file = target_file,
    .sockets = target_sockets,
};
