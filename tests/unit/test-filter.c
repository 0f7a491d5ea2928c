// SPDX-License-Identifier: Apache-2.0
/* seccomp programs as they are built and loaded: what they stop at, and what loading them costs the process. */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/filter.h"

#define ANSWER 4242
#define NOT_YET (-4096)
#define REFUSED SYS_getsid /* not getppid, by which a sanitizer's search for leaks knows that it is still wanted */

static struct sock_fprog program;

/* A thread under the filter, and what it saw. */
static _Atomic int listener = NOT_YET;
static long parent_seen, group_seen;

static struct callset choose(unsigned nr)
{
    struct callset calls = {0};

    calls.native[nr / 64] |= (uint64_t)1 << nr % 64;
    return calls;
}

static int add_getpgrp(scmp_filter_ctx context, const struct filter_plan *plan)
{
    return plan->calls->everything ? 0 : seccomp_rule_add(context, plan->action, SCMP_SYS(getpgrp), 0);
}

static void make(const struct callset *calls, uint32_t action,
                 int (*add_more)(scmp_filter_ctx, const struct filter_plan *))
{
    struct filter_plan plan = {.action = action, .calls = calls, .add_more = add_more};

    cr_assert_eq(filter_make(&plan, &program), 0);
    cr_assert_gt(program.len, 0);
}

static void *work(void *data)
{
    (void)data;
    listener = filter_install(&program, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    parent_seen = syscall(SYS_getppid);
    group_seen = syscall(SYS_getpgrp);
    return NULL;
}

/* getppid is not made, every other call is. Answers until the thread is gone; how many calls there were. */
static unsigned answer_all(void)
{
    struct pollfd pollfd = {.fd = listener, .events = POLLIN};
    unsigned count = 0;

    for (; poll(&pollfd, 1, -1) == 1 && pollfd.revents & POLLIN; count++) {
        struct seccomp_notif notif = {0};
        struct seccomp_notif_resp answer = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

        cr_assert_eq(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notif), 0);
        if (notif.data.nr == SYS_getppid)
            answer = (struct seccomp_notif_resp){.val = ANSWER};
        answer.id = notif.id;
        cr_assert_eq(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0);
    }
    return count;
}

static unsigned run_under_filter(void)
{
    pthread_t thread;
    unsigned count;

    cr_assert_eq(pthread_create(&thread, NULL, work, NULL), 0);
    while (listener == NOT_YET)
        sched_yield();
    cr_assert_geq(listener, 0, "not loaded: %d", listener);
    count = answer_all();
    pthread_join(thread, NULL);
    close(listener);
    free(program.filter);
    return count;
}

Test(filter, the_chosen_call_is_notified_and_others_are_not)
{
    struct callset calls = choose(SYS_getppid);

    make(&calls, SCMP_ACT_NOTIFY, NULL);
    cr_assert_eq(run_under_filter(), 1);
    cr_assert_eq(parent_seen, ANSWER);
    cr_assert_eq(group_seen, getpgrp());
}

Test(filter, more_rules_are_added)
{
    struct callset calls = choose(SYS_getppid);

    make(&calls, SCMP_ACT_NOTIFY, add_getpgrp);
    cr_assert_eq(run_under_filter(), 2);
    cr_assert_eq(parent_seen, ANSWER);
}

Test(filter, everything_is_notified)
{
    struct callset calls = {.everything = true};

    make(&calls, SCMP_ACT_NOTIFY, NULL);
    cr_assert_geq(run_under_filter(), 3, "getppid, getpgrp and the thread's end");
    cr_assert_eq(parent_seen, ANSWER);
}

Test(filter, a_trace_filter_without_a_tracer_refuses_the_chosen_call)
{
    struct callset calls = choose(REFUSED);

    make(&calls, SCMP_ACT_TRACE(7), NULL);
    cr_assert_eq(filter_install(&program, 0), 0);
    cr_assert_eq(syscall(REFUSED), -1);
    cr_assert_eq(syscall(SYS_getpgrp), getpgrp());
    free(program.filter);
}

Test(filter, only_who_has_no_privilege_pays_with_set_user_id)
{
    struct callset calls = choose(REFUSED);
    bool privileged = geteuid() == 0;

    make(&calls, SCMP_ACT_TRACE(7), NULL);
    if (privileged) {
        cr_assert_eq(filter_install(&program, 0), 0);
        cr_assert_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
        cr_assert_eq(setresuid(65534, 65534, 65534), 0);
    }
    cr_assert_eq(filter_install(&program, 0), 0);
    cr_assert_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    free(program.filter);
}

/* Without a listener the kernel refuses WAIT_KILLABLE_RECV, as an older one does always. */
Test(filter, a_wish_that_is_refused_is_done_without)
{
    struct callset calls = choose(REFUSED);

    make(&calls, SCMP_ACT_TRACE(7), NULL);
    cr_assert_eq(filter_install(&program, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), 0);
    cr_assert_eq(syscall(REFUSED), -1);
    free(program.filter);
}

Test(filter, a_flag_that_nobody_knows_is_an_error)
{
    struct callset calls = choose(REFUSED);

    make(&calls, SCMP_ACT_TRACE(7), NULL);
    cr_assert_eq(filter_install(&program, 1U << 30), -EINVAL);
    free(program.filter);
}
