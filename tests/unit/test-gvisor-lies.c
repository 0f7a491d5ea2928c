// SPDX-License-Identifier: Apache-2.0
/* Sandboxes that lie, and honest ones whose messages look like lies. */

#include <malloc.h>
#include <string.h>

#include "sandbox-kit.h"

TestSuite(gvisor_lies, .timeout = 60);

/* The sandbox's side. */

static void call_of(int tid, int pid, uint64_t nr, int64_t result)
{
    send_raw_at(tid, pid, now += MS / 100, nr, 3, 4096, NULL);
    send_raw_at(tid, pid, now += MS / 100, nr, 3, 4096, &result);
}

static void clone_info(int tid, int pid, int new_tid, int new_pid)
{
    Gv__ContextData context = context_of(tid, pid, now += MS / 100);
    Gv__CloneInfo info = GV__CLONE_INFO__INIT;

    info.context_data = &context;
    info.created_thread_id = new_tid;
    info.created_thread_group_id = new_pid;
    send_message(MESSAGE_CLONE_INFO, &info);
}

static void image_of(int tid, int pid)
{
    Gv__ContextData context = context_of(tid, pid, now += MS / 100);
    Gv__ExecveInfo info = GV__EXECVE_INFO__INIT;

    info.context_data = &context;
    info.binary_path = bytes_of("/bin/tool");
    send_message(MESSAGE_EXECVE_INFO, &info);
}

static void exit_notify(int pid, uint64_t time, int status)
{
    Gv__ContextData context = context_of(pid, pid, time);
    Gv__ExitNotifyParentInfo exit = GV__EXIT_NOTIFY_PARENT_INFO__INIT;

    exit.context_data = &context;
    exit.exit_status = status;
    send_message(MESSAGE_EXIT_NOTIFY_PARENT, &exit);
}

/* Threads whose numbers collide. */

/* Thread 5 belongs to process 3 while there is a process 5: then a process 5 is born. */
Test(gvisor_lies, a_process_is_born_with_the_number_of_anothers_thread, .init = setup, .fini = teardown)
{
    call_of(5, 3, READ, 5);
    call_of(6, 5, READ, 5);
    clone_info(1, 1, 5, 5);
    exit_notify(5, now, 0);
    call_of(5, 3, READ, 5);
    finish();
    cr_assert_eq(count_lines(" read("), 3);
}

/* The number that a thread had before its exec belongs to another process by now, and the leader is gone. */
Test(gvisor_lies, a_number_from_before_an_exec_is_anothers, .init = setup, .fini = teardown)
{
    call_of(1, 1, READ, 5);
    call_of(7, 1, READ, 5);
    image_of(7, 1);
    task_exit(1, 1, 0); /* the old leader's */
    task_exit(1, 1, 0);
    call_of(7, 9, READ, 5);
    call_of(7, 1, READ, 5);
    exit_notify(1, now, 0);
    call_of(7, 9, READ, 5);
    finish();
    cr_assert_eq(count_lines(" read("), 5);
}

/* The exec takes place, as far as one knows, while its thread is replaced: then the one that clones is no more. */
Test(gvisor_lies, a_thread_in_an_exec_is_replaced_by_its_leader, .init = setup, .fini = teardown)
{
    call_of(1, 1, READ, 5);
    call_of(2, 1, EXECVE, 0);
    clone_info(1, 1, 2, 1);
    call_of(1, 1, READ, 5);
    finish();
    cr_assert_eq(count_lines(" read("), 2);
}

/* A number that comes again after an exec. */
Test(gvisor_lies, a_new_thread_has_the_number_from_before_an_exec, .init = setup, .fini = teardown)
{
    call_of(1, 1, READ, 5);
    call_of(7, 1, READ, 5);
    image_of(7, 1);
    task_exit(1, 1, 0);
    clone_info(1, 1, 7, 1);
    call_of(7, 1, WRITE, 5);
    finish();
    cr_assert_eq(count_lines("7 write("), 1);
}

/* Execs. */

/* As after attaching: the leader waits for its threads, and has said nothing yet. */
Test(gvisor_lies, a_leader_that_was_never_heard_of_gives_way_to_an_exec, .init = setup, .fini = teardown)
{
    call_of(7, 1, READ, 5);
    image_of(7, 1);
    task_exit(1, 1, 0); /* the old leader's */
    call_of(1, 1, WRITE, 5);
    finish();
    cr_assert_eq(count_lines("thread_exit("), 0);
    cr_assert_eq(count_lines("process_exit("), 0);
}

Test(gvisor_lies, a_leader_that_ended_before_an_exec_has_not_ended_the_new_one, .init = setup, .fini = teardown)
{
    call_of(1, 1, READ, 5);
    call_of(7, 1, READ, 5);
    task_exit(1, 1, 3 << 8);
    image_of(7, 1);
    call_of(1, 1, WRITE, 5);
    finish(); /* the session was deleted */
    cr_assert_eq(count_lines("process_exit("), 0);
}

/* What the leader was in when another thread's exec took its place is told, like that of every thread that was
 * killed. */
Test(gvisor_lies, what_the_leader_was_in_is_told, .init = setup, .fini = teardown)
{
    send_raw_at(1, 1, now += MS / 100, READ, 3, 4096, NULL);
    call_of(7, 1, WRITE, 5);
    image_of(7, 1);
    task_exit(1, 1, 0);
    finish();
    cr_assert_eq(count_lines(" read("), 1);
}

/* Ends. */

Test(gvisor_lies, a_process_without_its_leader_lives_on_when_the_session_is_deleted, .init = setup, .fini = teardown)
{
    call_of(1, 1, READ, 5);
    call_of(7, 1, READ, 5);
    task_exit(1, 1, 0);
    call_of(7, 1, WRITE, 5);
    finish();
    cr_assert_eq(count_lines("process_exit("), 0);
}

Test(gvisor_lies, nothing_of_a_process_comes_behind_its_end, .init = setup, .fini = teardown)
{
    call_of(1, 1, READ, 5);
    call_of(7, 1, READ, 5);
    task_exit(1, 1, 0);
    task_exit(7, 1, 0);
    exit_notify(1, now - MS / 5, 0); /* stamped by a thread whose clock is behind */
    finish();
    cr_assert_eq(place_of("process_exit("), line_count - 1);
}

Test(gvisor_lies, an_end_without_a_context_ends_nobody, .init = setup, .fini = teardown)
{
    Gv__TaskExit exit = GV__TASK_EXIT__INIT;

    call_of(1, 1, READ, 5);
    send_message(MESSAGE_TASK_EXIT, &exit);
    finish();
    cr_assert_eq(count_lines("1 process_exit("), 0);
}

/* Calls. */

/* A session of somebody else's making, that asks for the schematized ends alone. */
Test(gvisor_lies, ends_alone_are_an_event_each, .init = setup, .fini = teardown)
{
    for (int64_t i = 3; i < 9; i++) {
        now += MS;
        send_open(1, "/tmp/file", &i);
    }
    finish();
    cr_assert_eq(count_lines(" open("), 6);
}

Test(gvisor_lies, a_call_whose_number_no_machine_has_is_counted_as_lost, .init = setup, .fini = teardown)
{
    raw_call(1, UINT64_C(1) << 40, 0, 0, 0);
    finish();
    cr_assert_eq(count_lines("lost("), 2);
}

/* A session that asks for groups' numbers and not for threads'. */
Test(gvisor_lies, threads_without_numbers_are_not_ever_more, .init = setup, .fini = teardown)
{
    struct sandbox_counts counts;
    size_t before = mallinfo2().uordblks, after;

    for (int i = 0; i < 10000; i++)
        send_raw_at(0, 1, now += MS / 100, READ, 3, 4096, NULL);
    after = mallinfo2().uordblks;
    sandbox_counts(sandbox, &counts);
    cr_assert_geq(counts.unmatched, 9000);
    cr_assert_lt(after - before, 1 << 20);
}

/* What does not fit. */

Test(gvisor_lies, a_containers_arguments_that_are_too_many_are_marked_as_cut, .init = setup, .fini = teardown)
{
    static char word[3000];
    Gv__ContextData context = context_of(1, 1, now);
    Gv__Start start = GV__START__INIT;
    ProtobufCBinaryData args[] = {bytes_of("tool"),
                                  {.data = (uint8_t *)word, .len = sizeof(word)},
                                  {.data = (uint8_t *)word, .len = sizeof(word)}};
    const uint8_t *const *records;
    size_t count;
    uint16_t type = 0;

    memset(word, 'x', sizeof(word));
    start.context_data = &context;
    start.id = bytes_of("container");
    start.n_args = 3;
    start.args = args;
    send_message(MESSAGE_START, &start);
    now += 100 * MS;
    sandbox_end(sandbox, now);
    count = sandbox_take(sandbox, now, &records);
    cr_assert_eq(count, 2);
    memcpy(&type, records[1], sizeof(type));
    cr_assert(type & SYSFOLD_EVENT_TRUNCATED);
}

/* Every thread is within an exec, with all the strings that it may have. */
Test(gvisor_lies, pending_calls_take_bounded_memory, .init = setup, .fini = teardown)
{
    static char word[60000];
    ProtobufCBinaryData words[] = {{.data = (uint8_t *)word, .len = sizeof(word)}};
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd, after;

    memset(word, 'x', sizeof(word));
    options.live.string_vector_max = 32768;
    for (int tid = 1; tid <= 4096; tid++) {
        Gv__ContextData context = context_of(tid, 1, now += 1000);
        Gv__Execve call = GV__EXECVE__INIT;

        call.context_data = &context;
        call.sysno = EXECVE;
        call.n_argv = call.n_envv = 1;
        call.argv = call.envv = words;
        send_message(MESSAGE_EXECVE, &call);
    }
    after = mallinfo2().uordblks + mallinfo2().hblkhd;
    cr_expect_lt(after - before, (size_t)128 << 20, "%zu MiB", (after - before) >> 20);
}

/* Another sandbox's packet may never come. */
Test(gvisor_lies, what_a_packet_took_is_given_back, .init = setup, .fini = teardown)
{
    static uint8_t packet[200000] = {8, 0, MESSAGE_START};
    size_t before, after;

    raw_call(1, READ, 3, 4096, 5);
    before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (size_t i = 8; i + 1 < sizeof(packet); i += 2)
        packet[i] = 4 << 3 | 2; /* an empty string, again and again */
    sandbox_packet(sandbox, packet, sizeof(packet), now);
    after = mallinfo2().uordblks + mallinfo2().hblkhd;
    cr_expect_lt(after - before, (size_t)1 << 20, "%zu KiB", (after - before) >> 10);
}

/* What threads keep for their next calls is not what they hold. */
Test(gvisor_lies, a_sandbox_of_many_threads_keeps_its_paths, .init = setup, .fini = teardown)
{
    static char path[400];
    const int64_t three = 3;

    memset(path, 'p', sizeof(path) - 1);
    path[0] = '/';
    for (int tid = 1; tid <= 60000; tid++) {
        raw_enter(tid, OPEN, 4096, 0);
        send_open(tid, path, NULL);
        raw_exit(tid, OPEN, 4096, 0, 3);
        send_open(tid, path, &three);
    }
    now += 100 * MS;
    read_lines();
    raw_enter(1, OPEN, 4096, 0);
    send_open(1, "/last", NULL);
    raw_exit(1, OPEN, 4096, 0, 3);
    send_open(1, "/last", &three);
    now += 100 * MS;
    read_lines();
    cr_assert_eq(count_lines("path=\"/last\""), 1);
}

/* Somebody sets the machine's clock. */
Test(gvisor_lies, nothing_is_kept_back_when_the_clock_goes_back, .init = setup, .fini = teardown)
{
    raw_call(1, READ, 3, 4096, 5);
    now -= 3600 * 1000 * MS;
    read_lines();
    read_lines();
    cr_assert_eq(sandbox_due(sandbox, now), UINT64_MAX);
}

Test(gvisor_lies, no_sandbox_is_the_host, .init = setup, .fini = teardown)
{
    Gv__ContextData context = context_of(1, 1, now);
    Gv__TaskExit exit = GV__TASK_EXIT__INIT;

    context.container_id = bytes_of("host");
    exit.context_data = &context;
    send_message(MESSAGE_TASK_EXIT, &exit);
    cr_assert_str_neq(sandbox_name(sandbox), "host");
}

Test(gvisor_lies, an_interrupted_call_is_not_told_behind_its_threads_end, .init = setup, .fini = teardown)
{
    const int64_t interrupted = -512;

    send_raw_at(1, 1, now += MS / 100, READ, 3, 4096, NULL);
    send_raw_at(1, 1, now + 500 * MS, READ, 3, 4096, &interrupted);
    task_exit(1, 1, 9);
    exit_notify(1, now, 9);
    finish();
    cr_assert_eq(place_of("process_exit("), line_count - 1);
}

/* Its arguments were not UTF-8, and of its image no call was asked for. */
Test(gvisor_lies, an_exec_whose_strings_are_hidden_took_place_although_its_thread_ends, .init = setup, .fini = teardown)
{
    image_of(1, 1);
    call_of(2, 2, EXECVE, 0);
    task_exit(2, 2, 0);
    exit_notify(2, now, 0);
    finish();
    cr_assert_eq(count_lines("2 exec("), 1);
    cr_assert_eq(count_lines("2 execve() = 0"), 1);
}
