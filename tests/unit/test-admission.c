// SPDX-License-Identifier: Apache-2.0
/* Which events are told around a snapshot: made-up records, one after the other. */

#include <criterion/criterion.h>

#include "backends/ebpf/admission.h"
#include "common/encode.h"

static struct admission admission;
static struct encoder encoder;

static void init(void)
{
    cr_assert_eq(admission_init(&admission), 0);
}

static void finish(void)
{
    admission_finish(&admission);
}

TestSuite(admission, .init = init, .fini = finish);

static const uint8_t *birth_of(uint32_t pid, uint32_t tid, uint64_t time)
{
    size_t size;

    encoder_begin(&encoder, row_builtin(ROW_THREAD_START), tid, time);
    encoder_integer(&encoder, P_THREAD_START_pid, pid);
    return encoder_finish(&encoder, &size);
}

/* A birth is that of a process. */
static const uint8_t *record_of(unsigned row, uint32_t tid, uint64_t time)
{
    size_t size;

    if (row == ROW_THREAD_START)
        return birth_of(tid, tid, time);
    encoder_begin(&encoder, row_builtin(row), tid, time);
    return encoder_finish(&encoder, &size);
}

static bool tells(unsigned row, uint32_t tid, uint64_t time)
{
    return admission_tells(&admission, record_of(row, tid, time));
}

/* A snapshot at 100 of the process 7 with its thread 8; until 200. */
static void begin(bool everyone)
{
    admission_begin(&admission, 100, everyone);
    admission_add(&admission, 7, 7);
    admission_add(&admission, 7, 8);
    admission_end(&admission, 200);
}

Test(admission, recording_begins_with_the_snapshot)
{
    begin(false);
    cr_expect_not(tells(ROW_CLOSE, 7, 99), "the snapshot knows that");
    cr_expect(tells(ROW_CLOSE, 7, 100));
    cr_expect(tells(ROW_CLOSE, 8, 101));
    cr_expect(tells(ROW_LOST, 0, 50), "of nobody");
}

Test(admission, who_was_there_before_and_was_not_met_is_not_told_of)
{
    begin(false);
    cr_expect_not(tells(ROW_CLOSE, 9, 150));
    cr_expect_not(tells(ROW_THREAD_EXIT, 9, 151));
    cr_expect_not(tells(ROW_PROCESS_EXIT, 9, 151));
    cr_expect_not(tells(ROW_EXEC, 9, 152));
    cr_expect(tells(ROW_THREAD_START, 9, 153), "another one");
    cr_expect(tells(ROW_CLOSE, 9, 154));
}

Test(admission, a_birth_before_the_snapshot_is_not_told)
{
    begin(false);
    cr_expect_not(tells(ROW_THREAD_START, 9, 90));
    cr_expect_not(tells(ROW_CLOSE, 9, 110), "it had ended when it would have been met");
    cr_expect_not(tells(ROW_PROCESS_EXIT, 9, 120));
}

Test(admission, who_is_born_behind_it_is_told_of_to_the_end)
{
    begin(false);
    cr_expect(tells(ROW_THREAD_START, 9, 110));
    cr_expect(tells(ROW_EXEC, 9, 111));
    cr_expect(tells(ROW_CLOSE, 9, 112));
    cr_expect(tells(ROW_THREAD_EXIT, 9, 113));
    cr_expect(tells(ROW_PROCESS_EXIT, 9, 113));
    cr_expect_not(tells(ROW_CLOSE, 9, 114), "whoever that is");
}

Test(admission, no_birth_is_told_twice)
{
    begin(false);
    cr_expect_not(tells(ROW_THREAD_START, 8, 110), "the snapshot met it on its way in");
    cr_expect(tells(ROW_CLOSE, 8, 111));
    cr_expect(tells(ROW_THREAD_EXIT, 8, 112));
    cr_expect(tells(ROW_THREAD_START, 8, 113), "another one, with the same id");
    cr_expect(tells(ROW_THREAD_START, 7, 120) == false);
}

Test(admission, an_id_may_be_used_again_at_once)
{
    begin(false);
    cr_expect(tells(ROW_THREAD_EXIT, 8, 110));
    cr_expect(tells(ROW_THREAD_START, 8, 111));
    cr_expect(tells(ROW_CLOSE, 8, 112));
}

Test(admission, a_process_lives_behind_its_leader)
{
    begin(false);
    cr_expect(tells(ROW_THREAD_EXIT, 7, 110));
    cr_expect(tells(ROW_CLOSE, 8, 111));
    cr_expect(tells(ROW_EXEC, 7, 112), "by thread 8, which is 7 now");
    cr_expect(tells(ROW_CLOSE, 7, 113));
    cr_expect(tells(ROW_THREAD_EXIT, 7, 114));
    cr_expect(tells(ROW_PROCESS_EXIT, 7, 114));
    cr_expect_not(tells(ROW_PROCESS_EXIT, 7, 115));
}

Test(admission, a_leader_that_had_ended_before_is_still_its_process_s)
{
    admission_begin(&admission, 100, false);
    admission_add(&admission, 7, 8);
    cr_expect_not(tells(ROW_THREAD_EXIT, 7, 110), "it was not met");
    cr_expect(tells(ROW_THREAD_EXIT, 8, 111));
    cr_expect(tells(ROW_PROCESS_EXIT, 7, 111));
}

/* By the thread `old`, which has the number of its process from here on. */
static bool tells_exec(uint32_t pid, uint32_t old, uint64_t time)
{
    size_t size;

    encoder_begin(&encoder, row_builtin(ROW_EXEC), pid, time);
    encoder_integer(&encoder, P_EXEC_old_tid, old);
    return admission_tells(&admission, encoder_finish(&encoder, &size));
}

Test(admission, an_end_of_a_process_gives_its_number_back)
{
    begin(false);
    cr_expect(tells(ROW_THREAD_EXIT, 8, 110), "killed within exec: of 7, which made way, no end is told");
    cr_expect(tells(ROW_PROCESS_EXIT, 7, 110));
    cr_expect_not(tells(ROW_CLOSE, 7, 111));
    cr_expect(tells(ROW_THREAD_START, 7, 112), "another one");
}

Test(admission, who_is_known_by_a_thread_s_birth_alone_is_told_of_to_the_end)
{
    begin(false);
    cr_expect(admission_tells(&admission, birth_of(5, 9, 110)), "of a process 5 whose threads had all but ended");
    cr_expect(tells(ROW_THREAD_EXIT, 9, 111));
    cr_expect(tells(ROW_PROCESS_EXIT, 5, 111));
}

Test(admission, an_exec_gives_a_number_back)
{
    begin(false);
    cr_expect(tells_exec(7, 8, 110), "thread 8 is 7 now");
    cr_expect_not(tells(ROW_CLOSE, 8, 111));
    cr_expect(tells(ROW_THREAD_START, 8, 112), "another one");
    cr_expect(tells(ROW_THREAD_EXIT, 8, 113));
}

Test(admission, who_is_known_remains_so_by_its_process_s_number)
{
    begin(false);
    cr_expect(admission_tells(&admission, birth_of(5, 9, 110)), "of a process 5 that was not met");
    cr_expect(tells_exec(5, 9, 111));
    cr_expect(tells(ROW_CLOSE, 5, 112));
    cr_expect(tells(ROW_THREAD_EXIT, 5, 113));
    cr_expect(tells(ROW_PROCESS_EXIT, 5, 113));
}

#define SECOND UINT64_C(1000000000)

static bool is_over(uint64_t time)
{
    return admission_is_over(&admission, record_of(ROW_CLOSE, 7, time));
}

Test(admission, an_end_that_was_met_half_way_is_waited_for)
{
    begin(false);
    admission_await(&admission, 9);
    admission_await(&admission, 9);
    admission_end(&admission, 200);
    cr_expect_not(is_over(500 * SECOND));
    cr_expect_not(tells(ROW_THREAD_EXIT, 9, 500 * SECOND), "it had begun before the snapshot");
    cr_expect_not(is_over(500 * SECOND + 1));
    cr_expect_not(tells(ROW_PROCESS_EXIT, 9, 500 * SECOND + 1), "right behind");
    cr_expect(is_over(502 * SECOND));
}

Test(admission, a_birth_that_was_met_half_way_is_waited_for)
{
    admission_begin(&admission, 100, false);
    admission_add(&admission, 9, 9);
    admission_await(&admission, 9);
    admission_end(&admission, 200);
    cr_expect_not(is_over(500 * SECOND));
    cr_expect_not(tells(ROW_THREAD_START, 9, 500 * SECOND), "the snapshot has told that");
    cr_expect(tells(ROW_CLOSE, 9, 500 * SECOND + 1));
    cr_expect(is_over(502 * SECOND));
}

Test(admission, is_waited_for_until_all_have_come)
{
    begin(false);
    for (uint32_t tid = 10; tid < 13; tid++)
        admission_await(&admission, tid);
    admission_end(&admission, 200);
    cr_expect_not(tells(ROW_THREAD_EXIT, 10, 90), "between programs attached and the snapshot");
    cr_expect_not(tells(ROW_THREAD_EXIT, 11, 110));
    cr_expect_not(is_over(5 * SECOND));
    cr_expect_not(tells_exec(12, 14, 5 * SECOND), "a leader that made way");
    cr_expect(is_over(7 * SECOND));
    begin(false);
    cr_expect(is_over(201), "nobody is waited for any more");
}

static bool is_there(uint32_t tid)
{
    return tid == 70;
}

Test(admission, whoever_has_arrived_unseen_is_waited_for_no_longer)
{
    begin(false);
    admission_await(&admission, 10);
    admission_await(&admission, 70);
    admission_await(&admission, 127);
    admission_end(&admission, 200);
    admission_review(&admission, 5 * SECOND, is_there);
    cr_expect_not(is_over(500 * SECOND), "but for 70");
    cr_expect_not(tells(ROW_THREAD_EXIT, 70, 10 * SECOND));
    cr_expect(is_over(12 * SECOND));
    begin(false);
    admission_await(&admission, 127);
    admission_end(&admission, 200);
    admission_review(&admission, 5 * SECOND, is_there);
    cr_expect_not(is_over(5 * SECOND + 1), "a moment later");
    cr_expect(is_over(7 * SECOND));
}

Test(admission, a_resync_leaves_out_nobody)
{
    begin(true);
    cr_expect(tells(ROW_CLOSE, 7, 99));
    cr_expect(tells(ROW_THREAD_START, 8, 99), "before the snapshot tells of it again");
    cr_expect(tells(ROW_CLOSE, 9, 150), "its birth was lost, perhaps");
    cr_expect(tells(ROW_PROCESS_EXIT, 9, 151));
    cr_expect_not(tells(ROW_THREAD_START, 7, 152), "but for who was just told");
}

Test(admission, is_over_behind_its_last_moment)
{
    cr_expect(admission_is_over(&admission, record_of(ROW_CLOSE, 9, 1)), "there was no snapshot");
    begin(false);
    cr_expect_not(admission_is_over(&admission, record_of(ROW_CLOSE, 9, 200)));
    cr_expect(admission_is_over(&admission, record_of(ROW_CLOSE, 9, 201)));
}

Test(admission, each_begins_anew)
{
    begin(false);
    admission_begin(&admission, 300, false);
    cr_expect_not(tells(ROW_CLOSE, 7, 310));
    cr_expect_not(tells(ROW_PROCESS_EXIT, 7, 311));
    cr_expect_not(admission_is_over(&admission, record_of(ROW_CLOSE, 7, UINT64_MAX)), "it is being taken");
}

Test(admission, ids_that_no_kernel_gives)
{
    begin(false);
    admission_add(&admission, UINT32_MAX, 4194304);
    admission_await(&admission, 4194304);
    admission_end(&admission, 200);
    cr_expect(is_over(201));
    cr_expect_not(tells(ROW_CLOSE, 4194304, 150));
    cr_expect(tells(ROW_THREAD_START, UINT32_MAX, 151));
}
