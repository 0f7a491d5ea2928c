// SPDX-License-Identifier: Apache-2.0
/* What a loss makes doubtful, and how a snapshot sets it right again. */

#include <errno.h>

#include "state-kit.h"

TestSuite(state_resync, .init = kit_init, .fini = kit_finish);

static bool is_doubtful(uint32_t tid)
{
    return sysfold_process_is_doubtful(process_of(tid));
}

static void snapshot_fd(uint32_t pid, int fd, const char *path)
{
    SEND("snap_fd", pid, N("pid", pid), N("fd", fd), S("file", path));
}

/* Now everything there is has been told. */
static void end_snapshot(void)
{
    SEND_BARE("snap_thread", 0);
}

Test(state_resync, a_loss_makes_everything_doubtful_until_the_snapshot)
{
    const struct sysfold_process *process;

    snapshot(7, 5);
    snapshot_fd(7, 1, "/one");
    snapshot_fd(7, 2, "/two");
    SEND("lost", 0, N("count", 100));
    process = process_of(7);
    cr_expect(sysfold_process_is_doubtful(process));
    cr_expect(sysfold_fd_is_doubtful(sysfold_process_fd(process, 1)));
    OPEN(7, 3, "/three");
    process = process_of(7);
    cr_expect_not(sysfold_fd_is_doubtful(sysfold_process_fd(process, 3)));
    cr_expect(sysfold_fd_is_doubtful(sysfold_process_fd(process, 2)));
    OPEN(7, 4, "four");
    EXPECT_NAME(7, 4, "four"); /* where it is now is not guessed */
    SEND("openat", 7, N("res", 4), N("dirfd", 1), S("path", "four"));
    EXPECT_NAME(7, 4, "four");
    SEND("chdir", 7, N("res", 0), S("path", "/known"));
    OPEN(7, 4, "four");
    EXPECT_NAME(7, 4, "/known/four");
    cr_expect(sysfold_process_is_doubtful(sysfold_event_process(FORK(7, 8))), "its parent's doubts are its own");
    snapshot(7, 5);
    cr_expect_not(is_doubtful(7));
    cr_expect(is_doubtful(8));
}

Test(state_resync, the_table_is_what_the_snapshot_says)
{
    const struct sysfold_process *process;

    snapshot(7, 5);
    snapshot_fd(7, 1, "/one");
    snapshot_fd(7, 2, "/two");
    SEND("lost", 0, N("count", 100));
    OPEN(7, 3, "/three"); /* and closed again, which is what was lost */
    snapshot(7, 5);
    SEND("snap_thread", 8, N("pid", 7), S("comm", "worker"));
    snapshot_fd(7, 2, "/two again");
    OPEN(7, 4, "/four");
    snapshot_fd(7, 5, "/five");
    process = process_of(7);
    cr_expect_null(sysfold_process_fd(process, 1), "it was not mentioned");
    cr_expect_null(sysfold_process_fd(process, 3), "nor was that");
    cr_expect_str_eq(sysfold_fd_name(sysfold_process_fd(process, 2)), "/two again");
    cr_expect_str_eq(sysfold_fd_name(sysfold_process_fd(process, 4)), "/four", "opened behind it");
    cr_expect_str_eq(sysfold_fd_name(sysfold_process_fd(process, 5)), "/five");
    cr_expect_not(sysfold_fd_is_doubtful(sysfold_process_fd(process, 2)));
}

Test(state_resync, a_snapshot_where_nothing_was_lost_takes_nothing_away)
{
    snapshot(7, 5);
    OPEN(7, 3, "/three");
    snapshot(7, 5);
    EXPECT_NAME(7, 3, "/three");
}

Test(state_resync, a_loss_lasts_as_long_as_it_says)
{
    snapshot(7, 5);
    SEND("lost", 0, N("count", 100), N("to", (int64_t)now + 10));
    snapshot(7, 5);
    OPEN(7, 3, "/three");
    cr_expect_not(is_doubtful(7), "as far as it is known");
    now += 20;
    cr_expect(is_doubtful(7), "what was lost may have come behind that snapshot");
    cr_expect(sysfold_fd_is_doubtful(sysfold_process_fd(process_of(7), 3)));
    snapshot(7, 5);
    cr_expect_not(is_doubtful(7));
    EXPECT_NAME(7, 3, NULL);
    now += 20;
    cr_expect_not(is_doubtful(7), "it is over");
}

Test(state_resync, a_directory_that_is_not_told_again_is_not_known)
{
    snapshot(7, 5);
    EXPECT_CWD(7, "/srv");
    SEND("lost", 0, N("count", 1));
    SEND("snap_thread", 7, N("pid", 7));
    EXPECT_CWD(7, NULL);
}

struct search {
    uint32_t pid;
    const struct sysfold_process *found;
};

static bool look(const struct sysfold_process *process, void *data)
{
    struct search *search = data;

    if (sysfold_process_pid(process) == search->pid)
        search->found = process;
    return !search->found;
}

/* Whether it runs or not. */
static const struct sysfold_process *find(uint32_t pid)
{
    struct search search = {.pid = pid};

    sysfold_stream_each_process(stream, look, &search);
    cr_assert_not_null(search.found);
    return search.found;
}

Test(state_resync, who_is_not_mentioned_has_ended)
{
    int status;

    open_stream(true);
    snapshot(7, 5);
    snapshot(9, 5);
    SEND("lost", 0, N("count", 1));
    snapshot(7, 5);
    FORK(7, 10);
    cr_expect_eq(sysfold_process_exit_time(find(9)), 0, "the snapshot goes on");
    end_snapshot();
    cr_expect_neq(sysfold_process_exit_time(find(9)), 0);
    cr_expect_eq(sysfold_process_exit_status(find(9), &status), -ENODATA, "nobody saw it end");
    cr_expect_eq(sysfold_process_exit_time(find(7)), 0);
    cr_expect_eq(sysfold_process_exit_time(find(10)), 0, "it was born meanwhile");
    cr_expect_not(sysfold_process_is_doubtful(find(7)));
    cr_expect_not(sysfold_process_is_doubtful(find(10)));
}

Test(state_resync, threads_that_are_not_mentioned_have_ended)
{
    snapshot(7, 5);
    START(7, 8, 7, THREAD_FLAGS);
    SEND("lost", 0, N("count", 1));
    snapshot(7, 5);
    START(7, 9, 7, THREAD_FLAGS);
    end_snapshot();
    SEND_BARE("close", 8);
    cr_expect(is_doubtful(8), "that is somebody else now");
    cr_expect_eq(sysfold_process_pid(process_of(9)), 7);
}

Test(state_resync, ended_ones_are_forgotten_where_nobody_keeps_them)
{
    snapshot(7, 5);
    snapshot(9, 5);
    OPEN(11, 3, "/by/somebody");
    SEND("lost", 0, N("count", 1));
    snapshot(7, 5);
    end_snapshot();
    cr_expect_eq(visit_all().count, 1);
    cr_expect_eq(visit_all().pids[0], 7);
}

Test(state_resync, another_source_has_not_been_asked)
{
    snapshot(7, 5);
    source = 1;
    snapshot(9, 5);
    source = 0;
    SEND("lost", 0, N("count", 1));
    snapshot(7, 5);
    end_snapshot();
    cr_expect_eq(visit_all().count, 2);
}

Test(state_resync, nobody_ends_of_a_snapshot_that_missed_something)
{
    snapshot(7, 5);
    snapshot(9, 5);
    SEND("lost", 0, N("count", 1));
    snapshot(7, 5);
    SEND("lost", 0, N("count", 1));
    end_snapshot();
    cr_expect_eq(visit_all().count, 2, "it may have been born, or told of, meanwhile");
    SEND("lost", 0, N("count", 1), N("to", (int64_t)now + 2));
    snapshot(7, 5);
    now += 5;
    end_snapshot();
    cr_expect_eq(visit_all().count, 2, "that loss went on");
    snapshot(7, 5);
    end_snapshot();
    cr_expect_eq(visit_all().count, 1);
}

Test(state_resync, another_process_under_the_same_id)
{
    open_stream(true);
    snapshot(7, 5000000000);
    OPEN(7, 3, "/old");
    SEND("lost", 0, N("count", 100));
    snapshot(7, 9000000000);
    cr_expect_eq(visit_all().count, 2);
    EXPECT_NAME(7, 3, NULL);
    cr_expect_not(is_doubtful(7));
}
