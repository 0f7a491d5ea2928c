// SPDX-License-Identifier: Apache-2.0
#include "likeness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

#define STATUS_MAX 8192

static int read_text(int proc, pid_t tid, const char *name, char *to, size_t size)
{
    char path[64];
    cleanup_close int fd = -1;
    size_t used = 0;
    ssize_t n;

    (void)snprintf(path, sizeof(path), "%d/%s", tid, name);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while ((n = read(fd, to + used, size - used)) > 0) {
        used += (size_t)n;
        if (used == size)
            return -E2BIG;
    }
    if (n < 0)
        return -errno;
    to[used] = '\0';
    return (int)used;
}

/* Safe to search for lines: the name, the only one that is the process's own choice, has its newlines escaped. */
static int copy_line(const char *text, const char *name, char *to, size_t size, size_t *used)
{
    const char *line = strstr(text, name);
    size_t length = line ? strcspn(line + 1, "\n") + 1 : 0;

    if (!line)
        return -EBADMSG;
    if (length >= size - *used)
        return -E2BIG;
    memcpy(to + *used, line, length);
    *used += length;
    to[*used] = '\0';
    return 0;
}

static int read_credentials(int proc, pid_t tid, char ret_credentials[CREDENTIALS_MAX])
{
    static const char *const lines[] = {"\nUid:", "\nGid:", "\nGroups:", "\nCapEff:"};
    char text[STATUS_MAX];
    size_t used = 0;
    int r = read_text(proc, tid, "status", text, sizeof(text));

    if (r < 0)
        return r;
    memset(ret_credentials, 0, CREDENTIALS_MAX);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        r = copy_line(text, lines[i], ret_credentials, CREDENTIALS_MAX, &used);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_statx(int proc, pid_t tid, const char *name, unsigned wanted, struct statx *ret_status)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "%d/%s", tid, name);
    if (statx(proc, path, AT_STATX_DONT_SYNC, wanted, ret_status) < 0)
        return -errno;
    return (ret_status->stx_mask & wanted) == wanted ? 0 : -ENOSYS;
}

int root_read(int proc, pid_t tid, struct root *ret_root)
{
    struct statx status;
    int r = read_statx(proc, tid, "root", STATX_INO | STATX_MNT_ID, &status);

    if (r < 0)
        return r;
    *ret_root = (struct root){.dev_major = status.stx_dev_major,
                              .dev_minor = status.stx_dev_minor,
                              .ino = status.stx_ino,
                              .mount = status.stx_mnt_id};
    return 0;
}

bool root_is_same(const struct root *one, const struct root *other)
{
    return one->dev_major == other->dev_major && one->dev_minor == other->dev_minor && one->ino == other->ino &&
           one->mount == other->mount;
}

static int read_namespace(int proc, pid_t tid, const char *name, uint64_t *ret_namespace)
{
    struct statx status;
    int r = read_statx(proc, tid, name, STATX_INO, &status);

    if (r < 0)
        return r;
    *ret_namespace = status.stx_ino;
    return 0;
}

int identity_read(int proc, pid_t tid, struct identity *ret_identity)
{
    int r = read_credentials(proc, tid, ret_identity->credentials);

    if (r == 0)
        r = read_namespace(proc, tid, "ns/user", &ret_identity->user_namespace);
    if (r == 0)
        r = read_namespace(proc, tid, "ns/mnt", &ret_identity->mount_namespace);
    return r == 0 ? root_read(proc, tid, &ret_identity->root) : r;
}

bool identity_is_same(const struct identity *one, const struct identity *other)
{
    return !strcmp(one->credentials, other->credentials) && one->user_namespace == other->user_namespace &&
           one->mount_namespace == other->mount_namespace && root_is_same(&one->root, &other->root);
}

int label_read(int proc, pid_t tid, char ret_label[LABEL_MAX])
{
    int r = read_text(proc, tid, "attr/current", ret_label, LABEL_MAX);

    if (r == -EINVAL || r == -ENOENT) /* no module has labels */
        return 0;
    return r;
}

int task_status_read(int proc, pid_t tid, struct task_status *ret_status)
{
    char text[STATUS_MAX];
    const char *mask, *slots;
    int r = read_text(proc, tid, "status", text, sizeof(text));

    if (r < 0)
        return r;
    mask = strstr(text, "\nUmask:");
    slots = strstr(text, "\nFDSize:");
    if (!mask || sscanf(mask, "\nUmask: %o", &ret_status->umask) != 1 || !slots ||
        sscanf(slots, "\nFDSize: %" SCNu64, &ret_status->fd_slots) != 1)
        return -EBADMSG;
    return 0;
}

int fd_limit_read(int proc, pid_t tid, uint64_t *ret_limit)
{
    char text[STATUS_MAX];
    const char *line;
    int r = read_text(proc, tid, "limits", text, sizeof(text));

    if (r < 0)
        return r;
    line = strstr(text, "\nMax open files");
    return line && sscanf(line, "\nMax open files %" SCNu64, ret_limit) == 1 ? 0 : -EBADMSG;
}
