// SPDX-License-Identifier: Apache-2.0
/* name_to_handle_at, and what anybody is refused by open_by_handle_at. */

#include "here.h"

#define AT_NO_SUCH_FLAG 0x40000000

struct handle {
    struct file_handle head;
    unsigned char bytes[MAX_HANDLE_SZ];
};

static struct handle none;
static int of_bad_mount, of_bad_handle; /* whoever may not open by handle at all is told that first */

static void before(void)
{
    struct handle handle = {.head.handle_bytes = MAX_HANDLE_SZ};
    struct stat made;
    int mount_id;

    here_make("made", "made", &made);
    here_need(name_to_handle_at(AT_FDCWD, "made", &handle.head, &mount_id, 0) == 0, "this file system has no handles");
    none.head.handle_bytes = 8;
    of_bad_mount = here_error(open_by_handle_at(99, &none.head, O_RDONLY));
    of_bad_handle = here_error(syscall(SYS_open_by_handle_at, AT_FDCWD, BAD, O_RDONLY));
    if (mkdir("dir", 0755) < 0 || symlink("../made", "dir/link") < 0)
        kit_fail("it cannot make a directory and a link");
}
BEFORE(before)

SCENARIO
{
    struct handle handle = {.head.handle_bytes = MAX_HANDLE_SZ};
    int mount_id = -1;
    long dir = OK(open, "dir", O_RDONLY | O_DIRECTORY, 0);

    OK(name_to_handle_at, AT_FDCWD, "made", &handle, &mount_id, 0);
    handle.head.handle_bytes = MAX_HANDLE_SZ;
    OK(name_to_handle_at, dir, "link", &handle, &mount_id, AT_SYMLINK_FOLLOW);
    handle.head.handle_bytes = MAX_HANDLE_SZ;
    OK(name_to_handle_at, dir, "", &handle, kit_at_edge(sizeof(mount_id)), AT_EMPTY_PATH);
    handle.head.handle_bytes = 0;
    FAILS(EOVERFLOW, name_to_handle_at, dir, ".", &handle, &mount_id, 0);
    handle.head.handle_bytes = MAX_HANDLE_SZ + 1;
    FAILS(EINVAL, name_to_handle_at, dir, ".", &handle, &mount_id, 0);
    handle.head.handle_bytes = MAX_HANDLE_SZ;
    FAILS(ENOENT, name_to_handle_at, dir, "", &handle, &mount_id, 0);
    FAILS(ENOENT, name_to_handle_at, dir, "none", &handle, &mount_id, 0);
    FAILS(EBADF, name_to_handle_at, 99, "made", &handle, &mount_id, 0);
    FAILS(EINVAL, name_to_handle_at, dir, ".", &handle, &mount_id, AT_NO_SUCH_FLAG);
    FAILS(EFAULT, name_to_handle_at, dir, ".", BAD, &mount_id, 0);
    FAILS(EFAULT, name_to_handle_at, dir, ".", &handle, BAD, 0);
    FAILS(EFAULT, name_to_handle_at, dir, BAD, &handle, &mount_id, 0);
    FAILS(of_bad_mount, open_by_handle_at, 99, &none, O_RDONLY);
    FAILS(of_bad_handle, open_by_handle_at, AT_FDCWD, BAD, O_RDONLY);
    OK(close, dir);
}
