// SPDX-License-Identifier: Apache-2.0
/* open_by_handle_at, by one who may. */

#include "here.h"

struct handle {
    struct file_handle head;
    unsigned char bytes[MAX_HANDLE_SZ];
};

static struct stat made;
static struct handle of_made = {.head.handle_bytes = MAX_HANDLE_SZ};
static struct handle of_dir = {.head.handle_bytes = MAX_HANDLE_SZ};

static void before(void)
{
    int mount_id, fd;

    here_find();
    here_make("made", "made", &made);
    if (mkdir("dir", 0755) < 0)
        kit_fail("it cannot make a directory");
    here_need(name_to_handle_at(AT_FDCWD, "made", &of_made.head, &mount_id, 0) == 0 &&
                  name_to_handle_at(AT_FDCWD, "dir", &of_dir.head, &mount_id, 0) == 0,
              "this file system has no handles");
    fd = open_by_handle_at(AT_FDCWD, &of_made.head, O_RDONLY);
    here_need(fd >= 0, "only root may open by handle");
    close(fd);
}
BEFORE(before)

SCENARIO
{
    long mount = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);
    struct handle wrong = of_made;
    long fd = OK_SAYING(SAID(TEXT("file", here("made")), NUMBER("dev", made.st_dev), NUMBER("ino", made.st_ino)),
                        open_by_handle_at, mount, &of_made, O_RDWR | O_CLOEXEC);
    long gone;

    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", here("dir"))), open_by_handle_at, AT_FDCWD, &of_dir, O_RDONLY | O_DIRECTORY);
    OK(close, fd);
    FAILS(EISDIR, open_by_handle_at, mount, &of_dir, O_RDWR);
    FAILS(EBADF, open_by_handle_at, 99, &of_made, O_RDONLY);
    wrong.head.handle_bytes = 0;
    FAILS(EINVAL, open_by_handle_at, mount, &wrong, O_RDONLY);
    wrong.head.handle_bytes = MAX_HANDLE_SZ + 1;
    FAILS(EINVAL, open_by_handle_at, mount, &wrong, O_RDONLY);
    FAILS(EFAULT, open_by_handle_at, mount, BAD, O_RDONLY);
    FAILS(EFAULT, open_by_handle_at, mount, NULL, O_RDONLY);
    OK(unlink, "made");
    /* Linux says ENOMEM while somebody else is making a file of the inode that has become free. */
    gone = TRY(open_by_handle_at, mount, &of_made, O_RDONLY);
    if (gone != -ENOMEM && gone != -ESTALE)
        kit_fail("a file that was removed can be opened, or fails in another way");
    OK(close, mount);
}
