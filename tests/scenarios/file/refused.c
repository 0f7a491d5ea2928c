// SPDX-License-Identifier: Apache-2.0
/* Every call with a path, and every path that cannot be one: nowhere, NULL, empty, too long, without an end. */

#include <sys/inotify.h>

#include "here.h"

#define GONE "gone/x" /* so that nothing can be created there either */
#define END UINT64_MAX

static char deep[PATH_MAX], too_long[PATH_MAX + 1];
static char room[4096]; /* for whatever a call would answer */

/* A call whose argument number `at` is a path; the others are such that only the path can be refused. */
struct attempt {
    long nr;
    unsigned at;
    uint64_t args[6];
};

#define A(value) (uint64_t)(uintptr_t)(value)
#define CWD (uint64_t) AT_FDCWD
#define MADE A("made")

static const struct attempt attempts[] = {
    {SYS_open, 0, {0, O_RDONLY}},
    {SYS_open, 0, {0, O_RDWR | O_CREAT, 0600}},
    {SYS_creat, 0, {0, 0600}},
    {SYS_openat, 1, {CWD, 0, O_RDWR | O_CREAT, 0600}},
    {SYS_stat, 0, {0, A(room)}},
    {SYS_lstat, 0, {0, A(room)}},
    {SYS_newfstatat, 1, {CWD, 0, A(room)}},
    {SYS_statx, 1, {CWD, 0, 0, 1, A(room)}},
    {SYS_access, 0, {0, R_OK}},
    {SYS_faccessat, 1, {CWD, 0, R_OK}},
    {SYS_statfs, 0, {0, A(room)}},
    {SYS_readlink, 0, {0, A(room), sizeof(room)}},
    {SYS_readlinkat, 1, {CWD, 0, A(room), sizeof(room)}},
    {SYS_rename, 0, {0, A("new")}},
    {SYS_rename, 1, {MADE}},
    {SYS_renameat, 1, {CWD, 0, CWD, A("new")}},
    {SYS_renameat, 3, {CWD, MADE, CWD}},
    {SYS_renameat2, 1, {CWD, 0, CWD, A("new")}},
    {SYS_renameat2, 3, {CWD, MADE, CWD}},
    {SYS_link, 0, {0, A("new")}},
    {SYS_link, 1, {MADE}},
    {SYS_linkat, 1, {CWD, 0, CWD, A("new")}},
    {SYS_linkat, 3, {CWD, MADE, CWD}},
    {SYS_symlink, 0, {0, A(GONE)}},
    {SYS_symlink, 1, {MADE}},
    {SYS_symlinkat, 0, {0, CWD, A(GONE)}},
    {SYS_symlinkat, 2, {MADE, CWD}},
    {SYS_unlink, 0, {0}},
    {SYS_unlinkat, 1, {CWD}},
    {SYS_mkdir, 0, {0, 0700}},
    {SYS_mkdirat, 1, {CWD, 0, 0700}},
    {SYS_rmdir, 0, {0}},
    {SYS_mknod, 0, {0, S_IFIFO | 0600}},
    {SYS_mknodat, 1, {CWD, 0, S_IFIFO | 0600}},
    {SYS_chmod, 0, {0, 0600}},
    {SYS_fchmodat, 1, {CWD, 0, 0600}},
    {SYS_chown, 0, {0, END, END}},
    {SYS_lchown, 0, {0, END, END}},
    {SYS_fchownat, 1, {CWD, 0, END, END}},
    {SYS_truncate, 0, {0, 1}},
    {SYS_utime, 0, {0}},
    {SYS_utimes, 0, {0}},
    {SYS_futimesat, 1, {CWD}},
    {SYS_utimensat, 1, {CWD}},
    {SYS_setxattr, 0, {0, A("user.x"), A("x"), 1}},
    {SYS_lsetxattr, 0, {0, A("user.x"), A("x"), 1}},
    {SYS_getxattr, 0, {0, A("user.x"), A(room), sizeof(room)}},
    {SYS_lgetxattr, 0, {0, A("user.x"), A(room), sizeof(room)}},
    {SYS_listxattr, 0, {0, A(room), sizeof(room)}},
    {SYS_llistxattr, 0, {0, A(room), sizeof(room)}},
    {SYS_removexattr, 0, {0, A("user.x")}},
    {SYS_lremovexattr, 0, {0, A("user.x")}},
    {SYS_chdir, 0, {0}},
};

static void before(void)
{
    struct stat made;

    here_make("made", "made", &made);
    memset(deep, '/', sizeof(deep));
    deep[0] = '.';
    memcpy(deep + sizeof(deep) - sizeof(GONE), GONE, sizeof(GONE));
    memset(too_long, '/', sizeof(too_long) - 1);
}
BEFORE(before)

static void refuse(const struct attempt *attempt, int error, const void *path)
{
    uint64_t args[6];

    memcpy(args, attempt->args, sizeof(args));
    args[attempt->at] = A(path);
    kit_call(error, __FILE__, (int)attempt->nr, attempt->nr, args, NULL);
}

SCENARIO
{
    for (size_t i = 0; i < sizeof(attempts) / sizeof(*attempts); i++) {
        const struct attempt *attempt = &attempts[i];

        refuse(attempt, EFAULT, BAD);
        refuse(attempt, EFAULT, NULL);
        refuse(attempt, ENOENT, "");
        refuse(attempt, ENOENT, "\xff\x80/\xc3\x28");
        refuse(attempt, ENOENT, deep);
        refuse(attempt, ENAMETOOLONG, too_long);
        memcpy(kit_at_edge(sizeof(GONE)), GONE, sizeof(GONE));
        refuse(attempt, ENOENT, kit_at_edge(sizeof(GONE)));
        memcpy(kit_at_edge(sizeof(GONE) - 1), GONE, sizeof(GONE) - 1);
        refuse(attempt, EFAULT, kit_at_edge(sizeof(GONE) - 1));
    }
}
