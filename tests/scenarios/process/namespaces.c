// SPDX-License-Identifier: Apache-2.0
/* Namespaces of one's own, in a namespace of users: nothing outside of them changes. */

#include <sched.h>

#include "powerless.h"

static void find_out(void)
{
    int status;
    pid_t child = fork();

    if (!child) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWUTS) < 0 || sethostname("x", 1) < 0)
            _exit(1);
        _exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status)
        kit_skip("nobody may have a namespace of users");
    if (access("/proc/self/ns/uts", F_OK) < 0)
        kit_skip("namespaces have no files without /proc");
}
BEFORE(find_out)

static void names(void)
{
    long fd;

    OK(sethostname, "sysfold", 7);
    OK(sethostname, "", 0);
    OK(sethostname, kit_at_edge(3), 3);
    FAILS(EFAULT, sethostname, BAD, 3);
    FAILS(EINVAL, sethostname, kit_at_edge(7), -1);
    FAILS(EINVAL, sethostname, kit_at_edge(65), 65);
    OK(setdomainname, "\xff.sysfold", 9);
    FAILS(EFAULT, setdomainname, NULL, 3);
    fd = OK(open, "/proc/self/ns/uts", O_RDONLY | O_CLOEXEC, 0);
    OK(setns, fd, CLONE_NEWUTS);
    OK(setns, fd, 0);
    FAILS(EINVAL, setns, fd, CLONE_NEWNET);
    OK(close, fd);
}

static void apart(void *data)
{
    (void)data;
    OK(unshare, CLONE_NEWUSER | CLONE_NEWUTS);
    names();
    TRY(unshare, CLONE_NEWIPC); /* not in every kernel */
    OK(unshare, CLONE_NEWUTS);
    FAILS(EPERM, unshare, CLONE_NEWUSER); /* nobody is anybody in the other: there is no map */
    OK(getuid);
    EXIT_GROUP(0);
}

static void born_apart(void *data)
{
    (void)data;
    OK(getuid); /* nobody: there is no map */
    OK(sethostname, "another", 7);
    EXIT_GROUP(0);
}

static void files_apart(void *data)
{
    (void)data;
    OK(unshare, CLONE_FILES);
    OK(unshare, CLONE_FS);
    OK(unshare, 0);
    FAILS(EINVAL, unshare, CLONE_VM | CLONE_NEWPID | CLONE_PTRACE);
    EXIT_GROUP(0);
}

SCENARIO
{
    FAILS(EINVAL, unshare, 0xff);
    FAILS(EBADF, setns, 99, 0);
    FAILS(EINVAL, setns, OK(open, ".", O_RDONLY, 0), 0);
    in_a_child(files_apart);
    in_a_child(apart);
    kit_reap(kit_clone(CLONE_NEWUSER | CLONE_NEWUTS | SIGCHLD, born_apart, NULL));
}
