// SPDX-License-Identifier: Apache-2.0
/* Who is who: processes, groups, sessions. */

#include "powerless.h"

static void leader_of_a_group(void *data)
{
    (void)data;
    OK(getpid);
    OK(gettid);
    OK(getppid);
    OK(setpgid, 0, 0);
    OK(getpgrp);
    OK(getpgid, 0);
    OK(getpgid, kit_tid());
    OK(setpgid, kit_tid(), kit_tid());
    FAILS(EPERM, setsid);
    EXIT_GROUP(0);
}

static void leader_of_a_session(void *data)
{
    (void)data;
    OK(setsid);
    OK(getsid, 0);
    OK(getsid, kit_tid());
    OK(getpgrp);
    FAILS(EPERM, setsid);
    FAILS(EPERM, setpgid, 0, 0);
    EXIT_GROUP(0);
}

static void member(void *data)
{
    (void)data;
    OK(gettid);
    OK(getpid);
    OK(getppid);
    EXIT(0);
}

static void parent_of_a_thread(void *data)
{
    (void)data;
    long thread = kit_clone(KIT_THREAD, member, NULL);

    OK(getpid);
    /* A thread's tid names its process, too, but a thread has no group of its own. */
    FAILS(EINVAL, setpgid, thread, -1);
    EXIT(0);
}

SCENARIO
{
    OK(getpid);
    OK(gettid);
    OK(getppid);
    OK(getpgrp);
    OK(getpgid, 0);
    OK(getsid, 0);
    FAILS(EINVAL, setpgid, 0, -1);
    FAILS(ESRCH, setpgid, NO_SUCH_PID, 0);
    FAILS(ESRCH, getpgid, NO_SUCH_PID);
    FAILS(ESRCH, getpgid, -1);
    FAILS(ESRCH, getsid, NO_SUCH_PID);
    in_a_child(leader_of_a_group);
    in_a_child(leader_of_a_session);
    in_a_child(parent_of_a_thread);
}
