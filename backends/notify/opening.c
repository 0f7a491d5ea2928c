// SPDX-License-Identifier: Apache-2.0
#include "opening.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backends/proc.h"
#include "common/cleanup.h"

#ifndef RESOLVE_CACHED /* Linux 5.12 */
#define RESOLVE_CACHED 0x20
#endif

#define POSSIBLE_FLAGS (OPENING_FLAGS & ~(uint64_t)(O_PATH | OPENING_TMPFILE))
#define POSSIBLE_RESOLVE                                                                                               \
    ((uint64_t)(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT |    \
                RESOLVE_CACHED))
#define LOOK_UP_ATTEMPTS 3
#define DEPTH_MAX 8 /* how far up a missing directory is looked for */

/* A file that was found and not opened. */
struct found {
    int fd; /* O_PATH */
    struct statx status;
};

static void cleanup_found_fd(const struct found *found)
{
    cleanup_close_fd(&found->fd);
}

#define cleanup_found __attribute__((cleanup(cleanup_found_fd)))

int opener_init(struct opener *opener, bool devices)
{
    int r;

    *opener = (struct opener){.devices = devices};
    opener->task = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (opener->task < 0)
        return -errno;
    r = mounts_init(&opener->mounts, opener->task);
    if (r < 0)
        cleanup_close_fd(&opener->task);
    else
        mounts_know_root(&opener->mounts, opener->task);
    return r;
}

void opener_finish(struct opener *opener)
{
    mounts_finish(&opener->mounts);
    cleanup_close_fd(&opener->task);
}

bool opening_is_possible(uint64_t flags, uint64_t mode, uint64_t resolve)
{
    bool creates = flags & O_CREAT;

    if (flags & ~POSSIBLE_FLAGS || resolve & ~POSSIBLE_RESOLVE)
        return false;
    if (mode & ~(uint64_t)07777 || (mode && !creates)) /* openat2() refuses; open() has cleared it */
        return false;
    if (creates && (flags & O_DIRECTORY || resolve)) /* differs by kernel; nobody does */
        return false;
    return !resolve || !(flags & O_TRUNC); /* with RESOLVE_CACHED it is refused */
}

/* What is cached may seem not to be while anything is mounted or unmounted anywhere: that is over at once. */
static int look_up(int dirfd, const char *path, uint64_t flags, uint64_t resolve)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC | flags, .resolve = RESOLVE_NO_MAGICLINKS | resolve};
    int fd = -EAGAIN;

    for (int i = 0; i < LOOK_UP_ATTEMPTS && fd == -EAGAIN; i++) {
        fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
        if (fd < 0)
            fd = -errno;
    }
    return fd;
}

/* Looks a file up without opening it, and only where the kernel knows the way by heart. */
static int find(int dirfd, const char *path, uint64_t flags, uint64_t resolve, struct found *ret_found)
{
    unsigned wanted = STATX_TYPE | STATX_MODE | STATX_INO | STATX_UID | STATX_MNT_ID;
    struct found found = {.fd = look_up(dirfd, path, flags, resolve)};

    if (found.fd < 0)
        return found.fd;
    if (statx(found.fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, wanted, &found.status) < 0 ||
        (found.status.stx_mask & wanted) != wanted) {
        close(found.fd);
        return OPENING_LEFT;
    }
    *ret_found = found;
    return 0;
}

static bool is_plain_directory(struct opener *opener, const struct found *found)
{
    return S_ISDIR(found->status.stx_mode) && mounts_is_plain(&opener->mounts, found->status.stx_mnt_id);
}

/* /dev/null, zero, full, random, urandom: they never wait, and know nobody. */
static bool is_harmless_device(const struct statx *status)
{
    uint32_t number = status->stx_rdev_minor;

    return S_ISCHR(status->stx_mode) && status->stx_rdev_major == 1 &&
           (number == 3 || number == 5 || number == 7 || number == 8 || number == 9);
}

static bool may_open(struct opener *opener, const struct found *found)
{
    const struct statx *status = &found->status;
    bool kind =
        S_ISREG(status->stx_mode) || S_ISDIR(status->stx_mode) || (opener->devices && is_harmless_device(status));

    return kind && mounts_is_plain(&opener->mounts, status->stx_mnt_id);
}

/* Results that hold for a file that was found. Whatever else came of it, the caller will meet himself. */
static int open_result(int fd)
{
    if (fd >= 0)
        return fd;
    switch (errno) {
    case EACCES:
    case EPERM:
    case EROFS:
    case EISDIR:
    case ETXTBSY:
        return -errno;
    default:
        return OPENING_LEFT;
    }
}

/* Opens just what was found. A lease would have us wait, but for O_NONBLOCK. */
static int open_found(const struct opener *opener, const struct found *found, uint64_t asked)
{
    int flags = (int)(asked & ~(uint64_t)(O_CREAT | O_EXCL)) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    char name[32];
    int fd;

    if (flags & O_NOFOLLOW) {
        /* The flag stays with the file, but what is below /proc is a link. A directory can be named without. */
        if (!S_ISDIR(found->status.stx_mode))
            return OPENING_LEFT;
        fd = openat(found->fd, ".", flags);
        if (fd < 0)
            return OPENING_LEFT; /* which wants a right more than the call does */
    } else {
        (void)snprintf(name, sizeof(name), "fd/%d", found->fd);
        fd = open_result(openat(opener->task, name, flags));
    }
    if (fd >= 0 && !(asked & O_NONBLOCK) && fcntl(fd, F_SETFL, (int)asked & ~O_NONBLOCK) < 0) {
        close(fd);
        return OPENING_LEFT;
    }
    return fd;
}

static void describe(const struct opener *opener, int fd, const struct statx *status, struct opened *ret_opened)
{
    char name[32];
    ssize_t size;

    (void)snprintf(name, sizeof(name), "fd/%d", fd);
    size = readlinkat(opener->task, name, ret_opened->path, sizeof(ret_opened->path));
    ret_opened->path_size = size < 0 ? 0 : (uint16_t)size;
    ret_opened->dev = proc_encode_dev(makedev(status->stx_dev_major, status->stx_dev_minor));
    ret_opened->ino = status->stx_ino;
}

/* Of a path without its trailing slashes: where its last component begins. */
static size_t split(const char *path, size_t size)
{
    while (size && path[size - 1] != '/')
        size--;
    return size;
}

/* The directory that holds a path's last component, and that component. */
struct parent {
    struct found found;
    char name[NAME_MAX + 1];
};

static int find_parent(struct opener *opener, int dirfd, const char *path, size_t size, struct parent *ret_parent)
{
    size_t start = split(path, size);
    char directory[PATH_MAX];
    int r;

    if (size == start || size - start > NAME_MAX || start >= sizeof(directory))
        return OPENING_LEFT;
    memcpy(directory, path, start);
    (void)snprintf(directory + start, sizeof(directory) - start, "%s", start ? "" : ".");
    memcpy(ret_parent->name, path + start, size - start);
    ret_parent->name[size - start] = '\0';
    r = find(dirfd, directory, O_DIRECTORY, RESOLVE_CACHED, &ret_parent->found);
    if (r < 0)
        return r;
    if (is_plain_directory(opener, &ret_parent->found))
        return 0;
    close(ret_parent->found.fd);
    return OPENING_LEFT;
}

static size_t without_slashes(const char *path, size_t size)
{
    while (size > 1 && path[size - 1] == '/')
        size--;
    return size;
}

/* Does this component, in a plain directory, explain that a path leads nowhere? */
static bool explains(const struct parent *parent, int error)
{
    struct found component;
    bool is_file;
    int r = find(parent->found.fd, parent->name, O_NOFOLLOW, RESOLVE_CACHED, &component);

    if (r < 0)
        return r == error;
    is_file = !S_ISDIR(component.status.stx_mode) && !S_ISLNK(component.status.stx_mode);
    close(component.fd);
    return error == -ENOTDIR && is_file;
}

/*
 * A path could not be followed: is it so for everybody who is like us? Not below
 * /proc, where each finds something else. So the place where the way ends is looked for: a
 * component that is not there, in a plain directory that is.
 */
static int explain(struct opener *opener, const struct opening *opening, int error)
{
    size_t size = without_slashes(opening->path, strlen(opening->path));

    if (opening->resolve || (error != -ENOENT && error != -ENOTDIR))
        return OPENING_LEFT;
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        struct parent parent;
        bool explained;
        int r = find_parent(opener, opening->dirfd, opening->path, size, &parent);

        if (r == 0) {
            explained = explains(&parent, error);
            close(parent.found.fd);
            return explained ? error : OPENING_LEFT;
        }
        if (r != error)
            return OPENING_LEFT;
        size = without_slashes(opening->path, split(opening->path, size));
    }
    return OPENING_LEFT;
}

static int open_existing(struct opener *opener, const struct opening *opening, struct opened *ret_opened)
{
    uint64_t kept_flags = opening->flags & (uint64_t)(O_NOFOLLOW | O_DIRECTORY);
    cleanup_found struct found found = {.fd = -1};
    int r = find(opening->dirfd, opening->path, kept_flags, opening->resolve | RESOLVE_CACHED, &found);
    int fd;

    if (r < 0)
        return explain(opener, opening, r);
    if (!may_open(opener, &found))
        return OPENING_LEFT;
    fd = open_found(opener, &found, opening->flags);
    if (fd >= 0)
        describe(opener, fd, &found.status, ret_opened);
    return fd;
}

/* O_CREAT for a file that is there. In directories like /tmp a file of somebody else's may be refused for it. */
static int open_created_before(struct opener *opener, const struct opening *opening, const struct found *found,
                               struct opened *ret_opened)
{
    bool is_ours = S_ISREG(found->status.stx_mode) && found->status.stx_uid == geteuid();
    int fd;

    if (!is_ours && !is_harmless_device(&found->status))
        return OPENING_LEFT;
    if (!may_open(opener, found))
        return OPENING_LEFT;
    fd = open_found(opener, found, opening->flags);
    if (fd >= 0)
        describe(opener, fd, &found->status, ret_opened);
    return fd;
}

static int create(struct opener *opener, const struct opening *opening, const struct parent *parent,
                  struct opened *ret_opened)
{
    int flags = (int)opening->flags | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY;
    mode_t own = umask(opening->umask);
    cleanup_close int fd = openat(parent->found.fd, parent->name, flags, (mode_t)opening->mode);
    int error = errno;
    struct statx status;

    umask(own);
    if (fd < 0 && opening->flags & O_EXCL && error == EEXIST)
        return -EEXIST;
    if (fd < 0) /* EEXIST: it has come just now */
        return error == EACCES || error == EROFS ? -error : OPENING_LEFT;
    ret_opened->created = true;
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &status) == 0)
        describe(opener, fd, &status, ret_opened);
    return steal_fd(&fd);
}

static bool is_dots(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

static int open_or_create(struct opener *opener, const struct opening *opening, struct opened *ret_opened)
{
    struct parent parent = {.found.fd = -1};
    cleanup_found struct found held = {.fd = -1};
    cleanup_found struct found found = {.fd = -1};
    int r = find_parent(opener, opening->dirfd, opening->path, strlen(opening->path), &parent);

    if (r < 0) /* the path may end in a slash as well: not a file's name */
        return OPENING_LEFT;
    held = parent.found;
    if (is_dots(parent.name))
        return OPENING_LEFT;
    if (opening->flags & O_EXCL)
        return create(opener, opening, &parent, ret_opened);
    /* In a plain directory: the disk is all that could be waited for. */
    r = find(held.fd, parent.name, O_NOFOLLOW, RESOLVE_NO_XDEV, &found);
    if (r == -ENOENT)
        return create(opener, opening, &parent, ret_opened);
    return r < 0 ? OPENING_LEFT : open_created_before(opener, opening, &found, ret_opened);
}

int opener_open(struct opener *opener, const struct opening *opening, struct opened *ret_opened)
{
    ret_opened->path_size = 0;
    ret_opened->created = false;
    if (!opening_is_possible(opening->flags, opening->mode, opening->resolve) || !*opening->path)
        return OPENING_LEFT;
    if (opening->flags & O_CREAT)
        return open_or_create(opener, opening, ret_opened);
    return open_existing(opener, opening, ret_opened);
}
