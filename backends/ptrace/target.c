// SPDX-License-Identifier: Apache-2.0
/* The collector's four primitives, on a thread that is stopped. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backends/proc.h"
#include "backends/ptrace/tracer.h"

#define PAGE 4096
#define PIECES 32
/* Most strings are shorter, and what follows them is nobody's business. */
#define STRING_FIRST 256

/* One call for up to PIECES pages. A piece never crosses a page: the kernel
 * gives up a piece as a whole, but tells how many whole pieces it copied. */
static size_t read_pieces(pid_t tid, uint8_t *to, uint64_t address, size_t size, size_t *ret_asked)
{
    struct iovec pieces[PIECES], local = {.iov_base = to};
    unsigned long count = 0;
    ssize_t got;

    for (; size && count < PIECES; count++) {
        size_t piece = PAGE - (size_t)(address % PAGE);

        if (piece > size)
            piece = size;
        pieces[count] = (struct iovec){.iov_base = (void *)(uintptr_t)address, .iov_len = piece};
        local.iov_len += piece;
        address += piece;
        size -= piece;
    }
    *ret_asked = local.iov_len;
    got = process_vm_readv(tid, &local, 1, pieces, count, 0);
    return got < 0 ? 0 : (size_t)got;
}

static size_t target_read(void *target, void *to, uint64_t address, size_t size)
{
    const struct task *task = target;
    size_t done = 0;

    while (done < size && address + done >= address) {
        size_t asked, got = read_pieces(task->tid, (uint8_t *)to + done, address + done, size - done, &asked);

        done += got;
        if (got < asked)
            break;
    }
    return done;
}

static size_t target_read_string(void *target, char *to, uint64_t address, size_t size)
{
    size_t to_edge = PAGE - (size_t)(address % PAGE);
    size_t first = to_edge < STRING_FIRST ? to_edge : STRING_FIRST;
    size_t got;

    if (first >= size)
        return target_read(target, to, address, size);
    got = target_read(target, to, address, first);
    if (got < first || memchr(to, '\0', got))
        return got;
    return got + target_read(target, to + got, address + got, size - got);
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
