// SPDX-License-Identifier: Apache-2.0
/* Transitions of descriptors and directories. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "decoder/state/internal.h"
#include "decoder/state/naming.h"
#include "decoder/state/path.h"
#include "decoder/state/socket.h"

#define F_DUPFD_CMD 0
#define F_SETFD_CMD 2
#define F_DUPFD_CLOEXEC_CMD 1030
#define FIONCLEX_REQUEST 0x5450
#define FIOCLEX_REQUEST 0x5451
#define CLOSE_RANGE_UNSHARE_FLAG 2
#define CLOSE_RANGE_CLOEXEC_FLAG 4
#define MSG_CMSG_CLOEXEC_FLAG 0x40000000
#define SOL_SOCKET_LEVEL 1
#define SCM_RIGHTS_TYPE 1
#define SCM_RIGHTS_MAX 253 /* the kernel's own limit for one message */

/* Takes over the file; NULL is what file_create() gave for want of memory. */
static int put(struct step *step, int number, struct file *file, bool cloexec)
{
    int r;

    if (!file)
        return -ENOMEM;
    r = fds_put(step->thread->files, number, file, cloexec);
    if (r == -ENOSPC) /* no process has that many: somebody invented them */
        return 0;
    if (!r)
        step->made = number;
    return r;
}

static int put_new(struct step *step, int number, const char *type, const char *name, bool cloexec)
{
    return put(step, number, file_create(step->source, type, name), cloexec);
}

static struct file *find_file(const struct step *step, enum slot slot)
{
    int number = step_fd(step, slot);
    const struct sysfold_fd *fd = number < 0 ? NULL : fds_find(step->thread->files, number);

    return fd ? fd->file : NULL;
}

static bool has_cloexec(const struct step *step, enum slot slot)
{
    return step_number(step, slot, 0) & O_CLOEXEC_FLAG;
}

static const char *known_cwd(const struct step *step)
{
    const struct fs *fs = step->thread->fs;

    return fs->losses == step->source->losses ? text_bytes(fs->cwd) : NULL;
}

/* The directory that a relative path starts from; NULL: not known for sure. */
static const char *find_base(const struct step *step)
{
    int32_t dirfd = (int32_t)step_number(step, SLOT_DIRFD, AT_FDCWD_NUMBER);
    struct sysfold_fd *fd;

    if (dirfd == AT_FDCWD_NUMBER)
        return known_cwd(step);
    fd = dirfd < 0 ? NULL : fds_find(step->thread->files, dirfd);
    if (!fd || sysfold_fd_is_doubtful(fd))
        return NULL;
    fd->file->type = "dir"; /* or the call would have failed */
    return fd->file->name;
}

/* What a call's path means: what the backend saw it mean, or else worked out. false: there is no path. */
static bool find_path(const struct step *step, char ret_path[PATH_ROOM])
{
    struct sysfold_value file, path;
    bool has_path = step_bytes(step, SLOT_PATH, &path);

    if (step_bytes(step, SLOT_FILE, &file)) {
        if (!file.size && !has_path)
            return false;
        path_copy(file.size ? file.data : path.data, file.size ? file.size : path.size, ret_path);
        return true;
    }
    if (!has_path)
        return false;
    path_resolve(text_bytes(step->thread->fs->root), find_base(step), path.data, path.size, ret_path);
    return true;
}

int effect_opens_fd(struct step *step)
{
    int number = step_fd(step, SLOT_RES);
    char path[PATH_ROOM];
    const char *name;

    if (number < 0)
        return 0;
    name = find_path(step, path) ? path : NULL;
    return put_new(step, number, type_of_opened(name, step_number(step, SLOT_FLAGS, 0)), name,
                   has_cloexec(step, SLOT_FLAGS));
}

int effect_makes_fd(struct step *step)
{
    const struct anonymous *kind = anonymous_of_row(step->record->row->name);
    int number = step_fd(step, SLOT_RES);
    bool cloexec = kind->cloexec_always || step_number(step, SLOT_FLAGS, 0) & kind->cloexec_flag;
    struct sysfold_value value;
    char name[PATH_ROOM];

    if (number < 0 || number == step_fd(step, SLOT_FD)) /* signalfd() on one of its own */
        return 0;
    if (step_number(step, SLOT_FLAGS, 0) & kind->question_flags)
        return 0;
    if (step_bytes(step, SLOT_FILE, &value) && value.size)
        path_copy(value.data, value.size, name);
    else if (kind->named && step_bytes(step, SLOT_NAME, &value))
        (void)snprintf(name, sizeof(name), "%s%.*s", kind->name, value.size < 256 ? (int)value.size : 256,
                       (const char *)value.data);
    else
        (void)snprintf(name, sizeof(name), kind->name ? "%s" : "anon_inode:[%s]",
                       kind->name ? kind->name : step->record->row->name);
    return put_new(step, number, kind->type ? kind->type : "anon", name, cloexec);
}

int effect_makes_socket(struct step *step)
{
    int number = step_fd(step, SLOT_RES);

    if (number < 0)
        return 0;
    return put_new(step, number, socket_type(step_number(step, SLOT_FAMILY, -1)), "socket",
                   has_cloexec(step, SLOT_TYPE));
}

int effect_makes_pair(struct step *step)
{
    int64_t family = step_number(step, SLOT_FAMILY, -1);
    const char *type = family < 0 ? "pipe" : socket_type(family), *name = family < 0 ? "pipe" : "socket";
    bool cloexec = has_cloexec(step, family < 0 ? SLOT_FLAGS : SLOT_TYPE);
    struct sysfold_value value;

    if (!step_bytes(step, SLOT_FDS, &value) || value.size < 2 * sizeof(uint32_t))
        return 0;
    for (int i = 1; i >= 0; i--) { /* the first one last: that is the one to show */
        int32_t number = (int32_t)load_u32(value.data + sizeof(uint32_t) * (size_t)i, step->record->swapped);
        int r = number < 0 ? 0 : put_new(step, number, type, name, cloexec);

        if (r < 0)
            return r;
    }
    return 0;
}

/* The two addresses of the socket that the call is about, where the backend looked them up. */
static bool read_sockets(const struct step *step, struct address *ret_local, struct address *ret_peer)
{
    struct sysfold_value value;

    if (!step_bytes(step, SLOT_SOCKETS, &value) || !value.size)
        return false;
    address_read_pair(value.data, value.size, step->record->swapped, ret_local, ret_peer);
    return true;
}

static void read_address(const struct step *step, struct address *ret_address)
{
    struct sysfold_value value;

    if (step_bytes(step, SLOT_ADDR, &value))
        address_read(value.data, value.size, step->record->swapped, ret_address);
    else
        *ret_address = (struct address){.family = -1};
}

static int name_socket(struct file *file, const char *local, const struct address *peer)
{
    char name[SOCKET_NAME_ROOM];

    if (peer->family > FAMILY_UNSPEC)
        file->type = socket_type(peer->family);
    return file_rename(file, socket_name(local, peer, name) ? name : "socket");
}

/* bind(), and getsockname(), which knows what the kernel chose for port 0. A peer stays. */
int effect_binds(struct step *step)
{
    struct file *file = find_file(step, SLOT_FD);
    const char *arrow = file && file->name ? strstr(file->name, "->") : NULL;
    char name[SOCKET_NAME_ROOM];
    struct address local;
    int r;

    read_address(step, &local);
    if (!file || !local.text[0])
        return 0;
    if (local.family == FAMILY_UNIX)
        arrow = NULL; /* it may be part of a path */
    (void)snprintf(name, sizeof(name), "%s%s", local.text, arrow ? arrow : "");
    r = file_set_local(file, local.text);
    if (r < 0)
        return r;
    file->type = socket_type(local.family);
    return file_rename(file, name);
}

/* Also a connection that is still being made is one. */
static bool connects(const struct step *step)
{
    int64_t result = step_number(step, SLOT_RES, INT64_MIN);

    return result == 0 || result == -EINPROGRESS || result == -EINTR;
}

int effect_connects(struct step *step)
{
    struct file *file = find_file(step, SLOT_FD);
    struct address local, peer;
    int r;

    if (!file || !connects(step))
        return 0;
    if (read_sockets(step, &local, &peer)) {
        r = file_set_local(file, local.text);
        if (r < 0)
            return r;
    } else {
        read_address(step, &peer);
    }
    return name_socket(file, file->local, &peer);
}

int effect_accepts(struct step *step)
{
    int number = step_fd(step, SLOT_RES), r = 0;
    const struct file *listener = find_file(step, SLOT_FD);
    struct address local = {.family = -1}, peer;
    const char *known = listener ? listener->local : NULL;
    struct file *file;

    if (number < 0)
        return 0;
    if (read_sockets(step, &local, &peer))
        known = local.text;
    else
        read_address(step, &peer);
    if (peer.family < 0)
        peer.family = local.family;
    file = file_create(step->source, listener ? listener->type : "socket", "socket");
    if (!file)
        return -ENOMEM;
    if (known)
        r = file_set_local(file, known);
    if (!r)
        r = name_socket(file, file->local, &peer);
    if (r < 0) {
        file_drop(file);
        return r;
    }
    return put(step, number, file, has_cloexec(step, SLOT_FLAGS));
}

static int duplicate(struct step *step, bool cloexec)
{
    struct file *file = find_file(step, SLOT_FD);
    int number = step_fd(step, SLOT_RES), r;

    if (number < 0 || number == step_fd(step, SLOT_FD))
        return 0;
    if (!file)
        return put_new(step, number, NULL, NULL, cloexec);
    r = put(step, number, file_hold(file), cloexec);
    step->made = -1; /* the one to show is the one that was duplicated */
    return r;
}

int effect_duplicates_fd(struct step *step)
{
    return duplicate(step, has_cloexec(step, SLOT_FLAGS));
}

static int set_cloexec(const struct step *step, bool cloexec)
{
    int number = step_fd(step, SLOT_FD);

    if (number < 0)
        return 0;
    return fds_change(step->thread->files, (uint32_t)number, (uint32_t)number,
                      cloexec ? FD_SET_CLOEXEC : FD_CLEAR_CLOEXEC);
}

int effect_controls_fd(struct step *step)
{
    switch (step_number(step, SLOT_CMD, -1)) {
    case F_DUPFD_CMD:
        return duplicate(step, false);
    case F_DUPFD_CLOEXEC_CMD:
        return duplicate(step, true);
    case F_SETFD_CMD:
        return set_cloexec(step, step_number(step, SLOT_ARG, 0) & 1);
    default:
        break;
    }
    switch (step_number(step, SLOT_REQUEST, -1)) { /* ioctl's way to say the same */
    case FIOCLEX_REQUEST:
        return set_cloexec(step, true);
    case FIONCLEX_REQUEST:
        return set_cloexec(step, false);
    default:
        return 0;
    }
}

static void close_later(struct step *step, uint32_t first, uint32_t last)
{
    struct ending *ending = &step->state->ending;

    ending->table = fds_hold(step->thread->files);
    ending->first = first;
    ending->last = last;
    step->state->has_ending = true;
}

int effect_closes_fd(struct step *step)
{
    int64_t result = step_number(step, SLOT_RES, INT64_MIN);
    int number = step_fd(step, SLOT_FD);

    /* Whatever else goes wrong (EINTR, EIO), the descriptor is gone. */
    if (number >= 0 && result != INT64_MIN && result != -EBADF)
        close_later(step, (uint32_t)number, (uint32_t)number);
    return 0;
}

int effect_closes_range(struct step *step)
{
    uint32_t first = (uint32_t)step_number(step, SLOT_FIRST, UINT32_MAX);
    uint32_t last = (uint32_t)step_number(step, SLOT_LAST, 0);
    int64_t flags = step_number(step, SLOT_FLAGS, 0);
    int r = 0;

    if (flags & CLOSE_RANGE_UNSHARE_FLAG)
        r = state_thread_unshare_files(step->thread);
    if (r < 0)
        return r;
    if (flags & CLOSE_RANGE_CLOEXEC_FLAG)
        return fds_change(step->thread->files, first, last, FD_SET_CLOEXEC);
    if (first <= last)
        close_later(step, first, last);
    return 0;
}

static int receive(struct step *step, const uint8_t *numbers, size_t count)
{
    bool cloexec = step_number(step, SLOT_FLAGS, 0) & MSG_CMSG_CLOEXEC_FLAG;

    for (size_t i = 0; i < count && i < SCM_RIGHTS_MAX; i++) {
        int32_t number = (int32_t)load_u32(numbers + i * sizeof(uint32_t), step->record->swapped);
        int r = number < 0 ? 0 : put_new(step, number, NULL, "received", cloexec);

        if (r < 0)
            return r;
    }
    return 0;
}

/* Control messages, as a 64-bit kernel lays them: u64 length with this header, i32 level, i32 type, data, padding. */
int effect_receives_fds(struct step *step)
{
    const size_t header = 16;
    bool swapped = step->record->swapped;
    struct sysfold_value value;
    size_t at = 0;

    if (!step_bytes(step, SLOT_CONTROL, &value))
        return 0;
    while (value.size >= header && at <= value.size - header) {
        const uint8_t *message = value.data + at;
        uint64_t length = load_u64(message, swapped);

        if (length < header)
            break;
        if (length > value.size - at)
            length = value.size - at; /* it was cut */
        if (load_u32(message + 8, swapped) == SOL_SOCKET_LEVEL && load_u32(message + 12, swapped) == SCM_RIGHTS_TYPE) {
            int r = receive(step, message + header, (length - header) / sizeof(uint32_t));

            step->made = -1; /* the one to show is the socket */
            return r;        /* there is at most one such message */
        }
        at += (length + 7) & ~UINT64_C(7);
    }
    return 0;
}

int effect_gets_fd(struct step *step)
{
    int number = step_fd(step, SLOT_RES);

    return number < 0 ? 0 : put_new(step, number, NULL, "received", true);
}

/* "/" is a root like any other, but it needs no text. */
static int set_dir(const struct step *step, struct text **dir, const char *path, bool is_root)
{
    struct text *fresh = NULL;

    if (path && !(is_root && !strcmp(path, "/"))) {
        fresh = text_create(path, strlen(path));
        if (!fresh)
            return -ENOMEM;
    }
    text_replace(dir, fresh);
    if (!is_root)
        step->thread->fs->losses = step->source->losses;
    return 0;
}

int effect_changes_dir(struct step *step)
{
    char path[PATH_ROOM];
    bool known = find_path(step, path) && path[0] == '/';

    return set_dir(step, &step->thread->fs->cwd, known ? path : NULL, false);
}

int effect_changes_dir_fd(struct step *step)
{
    struct file *file = find_file(step, SLOT_FD);
    bool known = file && file->name && file->name[0] == '/';

    if (file)
        file->type = "dir";
    return set_dir(step, &step->thread->fs->cwd, known ? file->name : NULL, false);
}

int effect_changes_root(struct step *step)
{
    char path[PATH_ROOM];

    if (!find_path(step, path) || path[0] != '/')
        return 0;
    return set_dir(step, &step->thread->fs->root, path, true);
}

/* The process that a snapshot of a descriptor is of. */
static int find_owner(struct step *step, struct sysfold_process **ret_process)
{
    uint32_t pid = step_id(step, SLOT_PID), tid = step->record->tid ? step->record->tid : pid;
    int r = state_thread_get(step->state, step->source, tid, pid, &step->thread);

    if (r < 0)
        return r;
    *ret_process = state_process_find(step->state, step->source, pid);
    if (!*ret_process)
        *ret_process = step->thread->process;
    return 0;
}

static int put_snapshot(struct step *step, struct fd_table *files, int number)
{
    struct sysfold_value value;
    struct address local = {.family = -1}, peer = {.family = -1};
    char name[PATH_ROOM] = "", pair[SOCKET_NAME_ROOM];
    bool is_socket = read_sockets(step, &local, &peer), is_named = is_socket && socket_name(local.text, &peer, pair);
    struct file *file;
    const char *type;
    int r;

    if (step_bytes(step, SLOT_FILE, &value))
        path_copy(value.data, value.size, name);
    type = is_socket ? socket_type(local.family) : type_of_snapshot(name, step_number(step, SLOT_MODE, 0));
    file = file_create(step->source, type, is_named ? pair : name[0] ? name : NULL);
    if (!file)
        return -ENOMEM;
    if (is_socket && file_set_local(file, local.text) < 0) {
        file_drop(file);
        return -ENOMEM;
    }
    r = fds_put(files, number, file, has_cloexec(step, SLOT_FLAGS));
    return r == -ENOSPC ? 0 : r;
}

int effect_snapshots_fd(struct step *step)
{
    struct sysfold_process *process;
    int number = step_fd(step, SLOT_FD), r;

    if (!step->record->tid && !step_id(step, SLOT_PID))
        return 0;
    r = find_owner(step, &process);
    if (r < 0 || number < 0)
        return r;
    return put_snapshot(step, process->files, number);
}
