// SPDX-License-Identifier: Apache-2.0
/* What becomes of a sandbox's messages that no recording has: lost, hidden, late, lying ones. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox-kit.h"

TestSuite(gvisor_sandbox, .timeout = 60);

static void send_execve(const char *path, bool at_exit)
{
    Gv__ContextData context = context_of(1, 1, now);
    Gv__Execve call = GV__EXECVE__INIT;
    Gv__Exit exit = GV__EXIT__INIT;
    ProtobufCBinaryData argv[] = {bytes_of("first"), bytes_of("second")};

    call.context_data = &context;
    call.exit = at_exit ? &exit : NULL;
    call.sysno = EXECVE;
    call.pathname = bytes_of(path);
    call.n_argv = 2;
    call.argv = argv;
    send_message(MESSAGE_EXECVE, &call);
}

static void send_image(const char *path, const char *first, const char *second)
{
    Gv__ContextData context = context_of(1, 1, now);
    Gv__ExecveInfo info = GV__EXECVE_INFO__INIT;
    ProtobufCBinaryData argv[] = {bytes_of(first), bytes_of(second)};

    info.context_data = &context;
    info.binary_path = bytes_of(path);
    info.n_argv = 2;
    info.argv = argv;
    send_message(MESSAGE_EXECVE_INFO, &info);
}

/* Calls. */

Test(gvisor_sandbox, raw_and_schematized_messages_are_one_event, .init = setup, .fini = teardown)
{
    for (int i = 0; i < 3; i++)
        whole_open("/tmp/file", "/tmp/file", 3);
    raw_call(1, READ, 3, 8192, 5);
    finish();
    cr_assert_eq(count_lines(" open("), 3);
    cr_assert_eq(count_lines("1 open(flags=O_RDONLY, mode=05, path=\"/tmp/file\") = 3"), 3);
    expect_line("1 read(fd=3</tmp/file>, size=5) = 5");
}

Test(gvisor_sandbox, a_schematized_end_that_comes_late_is_no_event_of_its_own, .init = setup, .fini = teardown)
{
    const int64_t three = 3;

    raw_call(1, OPEN, 4096, 0, 3);
    now += 50 * MS;
    read_lines();
    cr_assert_eq(count_lines(" open("), 1);
    send_open(1, "/tmp/file", &three);
    whole_open("/tmp/file", "/tmp/file", 4);
    finish();
    cr_assert_eq(count_lines(" open("), 1);
    expect_line("1 open(flags=O_RDONLY, mode=05, path=\"/tmp/file\") = 4");
}

Test(gvisor_sandbox, a_path_that_changed_during_the_call_is_raced, .init = setup, .fini = teardown)
{
    whole_open("/tmp/first", "/tmp/second", 3);
    finish();
    expect_line("1 open(flags=O_RDONLY, mode=05, path=\"/tmp/first\"(raced)) = 3");
}

Test(gvisor_sandbox, a_hidden_call_is_told_without_its_strings, .init = setup, .fini = teardown)
{
    struct sandbox_counts counts;

    whole_open("/tmp/file", "/tmp/file", 3);
    raw_call(1, OPEN, 4096, 0, 4); /* its path was not UTF-8 */
    whole_open("/tmp/file", "/tmp/file", 5);
    finish();
    sandbox_counts(sandbox, &counts);
    expect_line("1 open(flags=O_RDONLY, mode=05) = 4");
    cr_assert_eq(count_lines(" open("), 3);
    cr_assert_eq(counts.hidden, 1);
}

Test(gvisor_sandbox, a_null_path_and_one_that_cannot_be_read, .init = setup, .fini = teardown)
{
    const int64_t fault = -EFAULT;

    raw_enter(1, OPEN, 0, 0);
    send_open(1, "", NULL);
    raw_exit(1, OPEN, 0, 0, fault);
    raw_enter(1, OPEN, 1, 0);
    send_open(1, "", NULL);
    raw_exit(1, OPEN, 1, 0, fault);
    finish();
    cr_assert_eq(count_lines("path=NULL"), 1);
    cr_assert_eq(count_lines("path=<unreadable>"), 1);
}

Test(gvisor_sandbox, a_path_that_is_too_long_is_not_empty, .init = setup, .fini = teardown)
{
    const int64_t too_long = -ENAMETOOLONG, none = -ENOENT;

    raw_enter(1, OPEN, 4096, 0);
    send_open(1, "", NULL);
    raw_exit(1, OPEN, 4096, 0, too_long);
    raw_enter(1, OPEN, 4096, 0);
    send_open(1, "", NULL);
    raw_exit(1, OPEN, 4096, 0, none);
    finish();
    cr_assert_eq(count_lines("path="), 1);
    cr_assert_eq(count_lines("path=\"\""), 1);
}

Test(gvisor_sandbox, a_call_that_is_restarted_is_one_event, .init = setup, .fini = teardown)
{
    raw_call(1, READ, 3, 8192, -512);
    raw_call(1, WRITE, 1, 8192, 5); /* the handler's */
    raw_call(1, RT_SIGRETURN, 0, 0, 0);
    raw_call(1, READ, 3, 8192, 5);
    finish();
    cr_assert_eq(count_lines(" read("), 1);
    expect_line("1 read(fd=3, size=5) = 5");
    cr_assert_eq(count_lines(" write("), 1);
}

Test(gvisor_sandbox, a_call_that_is_restarted_without_a_handler_is_one_event, .init = setup, .fini = teardown)
{
    raw_call(1, READ, 3, 8192, -512);
    raw_call(1, READ, 3, 8192, 5);
    finish();
    cr_assert_eq(count_lines(" read("), 1);
}

Test(gvisor_sandbox, what_restart_syscall_ends_is_the_interrupted_call, .init = setup, .fini = teardown)
{
    raw_call(1, READ, 3, 8192, -516);
    raw_call(1, RESTART_SYSCALL, 9, 9, 5);
    raw_call(1, WRITE, 1, 8192, 5);
    finish();
    expect_line("1 read(fd=3, size=5) = 5");
    cr_assert_eq(count_lines("restart_syscall("), 0);
    cr_assert_eq(count_lines(" write("), 1);
}

Test(gvisor_sandbox, an_interrupted_call_that_is_made_again_by_its_caller_is_two, .init = setup, .fini = teardown)
{
    raw_call(1, READ, 3, 8192, -512);
    raw_call(1, RT_SIGRETURN, 0, 0, -EINTR); /* as the caller sees it */
    raw_call(1, READ, 3, 8192, 5);
    finish();
    cr_assert_eq(count_lines(" read("), 2);
    cr_assert_eq(count_lines("EINTR"), 2); /* rt_sigreturn's own as well */
}

/* As rt_sigsuspend and pause are: ERESTARTNOHAND. */
Test(gvisor_sandbox, a_call_that_no_handler_restarts_is_told_each_time, .init = setup, .fini = teardown)
{
    raw_call(1, READ, 3, 8192, -514);
    raw_call(1, RT_SIGRETURN, 0, 0, 0);
    raw_call(1, READ, 3, 8192, -514);
    raw_call(1, RT_SIGRETURN, 0, 0, 0);
    finish();
    cr_assert_eq(count_lines(" read("), 2);
}

Test(gvisor_sandbox, an_interrupted_call_before_another_one, .init = setup, .fini = teardown)
{
    raw_call(1, READ, 3, 8192, -512);
    raw_call(1, RT_SIGRETURN, 0, 0, 0);
    raw_call(1, WRITE, 1, 8192, 5);
    finish();
    expect_line("1 read(fd=3, size=5) = -1 EINTR (Interrupted system call)");
    cr_assert_lt(place_of(" read("), place_of("rt_sigreturn("));
}

Test(gvisor_sandbox, an_interrupted_call_is_told_before_what_its_handler_did, .init = setup, .fini = teardown)
{
    raw_call(1, READ, 3, 8192, -512);
    raw_call(1, WRITE, 1, 8192, 5);
    now += 10 * MS;
    raw_call(2, OPEN, 4096, 0, 3);
    read_lines();
    cr_assert_eq(line_count, 0); /* it may be restarted yet */
    raw_call(1, RT_SIGRETURN, 0, 0, -EINTR);
    finish();
    cr_assert_lt(place_of(" read("), place_of(" write("));
}

Test(gvisor_sandbox, a_handler_that_takes_long_is_not_waited_for, .init = setup, .fini = teardown)
{
    raw_call(1, READ, 3, 8192, -512);
    raw_call(1, WRITE, 1, 8192, 5);
    now += 200 * MS;
    read_lines();
    cr_assert_lt(place_of(" read("), place_of(" write("));
    raw_call(1, RT_SIGRETURN, 0, 0, 0);
    raw_call(1, READ, 3, 8192, 5);
    finish();
    cr_assert_eq(count_lines(" read("), 1);
}

Test(gvisor_sandbox, what_a_thread_was_in_when_it_was_killed_is_told, .init = setup, .fini = teardown)
{
    raw_enter(1, READ, 3, 8192);
    task_exit(1, 1, 9);
    finish();
    expect_line("1 read(fd=3, size=5) = ?");
    cr_assert_lt(place_of(" read("), place_of("thread_exit("));
    cr_assert_lt(place_of("thread_exit("), place_of("process_exit("));
}

Test(gvisor_sandbox, nobody_returns_from_exit_group, .init = setup, .fini = teardown)
{
    raw_call(1, EXIT_GROUP, 7, 0, 0);
    task_exit(1, 1, 7 << 8);
    finish();
    expect_line("1 exit_group(status=7) = ?");
    expect_line("1 process_exit(pid=1, status=exited(7))");
}

Test(gvisor_sandbox, calls_whose_end_was_lost_are_counted, .init = setup, .fini = teardown)
{
    struct sandbox_counts counts;

    raw_enter(1, READ, 3, 8192);
    raw_call(1, WRITE, 1, 8192, 5);
    finish();
    sandbox_counts(sandbox, &counts);
    cr_assert_eq(counts.unmatched, 1);
    cr_assert_eq(count_lines(" read("), 0);
}

Test(gvisor_sandbox, only_what_was_chosen_is_told, .fini = teardown)
{
    setup_for("read");
    raw_call(1, READ, 3, 8192, 5);
    raw_call(1, WRITE, 1, 8192, 5);
    task_exit(1, 1, 0);
    finish();
    cr_assert_eq(count_lines(" read("), 1);
    cr_assert_eq(count_lines(" write("), 0);
    cr_assert_eq(count_lines("thread_exit("), 1);
}

/* Execs. */

Test(gvisor_sandbox, argv_is_what_the_image_got, .init = setup, .fini = teardown)
{
    raw_enter(1, EXECVE, 4096, 8192);
    send_execve("/bin/tool", false);
    send_image("/bin/tool", "first", "other");
    raw_exit(1, EXECVE, 4096, 8192, 0);
    finish();
    cr_assert_eq(count_lines("argv=[\"first\", \"other\"](raced)"), 1);
    cr_assert_lt(place_of("exec("), place_of("execve("));
}

Test(gvisor_sandbox, a_scripts_argv_is_the_callers, .init = setup, .fini = teardown)
{
    raw_enter(1, EXECVE, 4096, 8192);
    send_execve("/bin/script", false);
    send_image("/bin/script", "/bin/script", "second");
    raw_exit(1, EXECVE, 4096, 8192, 0);
    finish();
    cr_assert_eq(count_lines("argv=[\"first\", \"second\"]"), 1);
    cr_assert_eq(count_lines("raced"), 0);
}

Test(gvisor_sandbox, a_scripts_argv_is_the_callers_where_its_path_is_relative, .init = setup, .fini = teardown)
{
    raw_enter(1, EXECVE, 4096, 8192);
    send_execve("./script", false);
    send_image("/bin/script", "./script", "second");
    raw_exit(1, EXECVE, 4096, 8192, 0);
    finish();
    cr_assert_eq(count_lines("argv=[\"first\", \"second\"]"), 1);
}

Test(gvisor_sandbox, an_exec_whose_strings_are_hidden_took_place, .init = setup, .fini = teardown)
{
    raw_enter(1, EXECVE, 4096, 8192);
    send_execve("/bin/tool", false);
    send_image("/bin/tool", "first", "second");
    raw_exit(1, EXECVE, 4096, 8192, 0);
    raw_call(1, EXECVE, 4096, 8192, 0); /* its arguments were not UTF-8 */
    raw_call(1, READ, 3, 8192, 5);
    finish();
    cr_assert_eq(count_lines("1 exec("), 2);
    cr_assert_eq(count_lines("1 execve("), 2);
}

/* Newer sandboxes tell the result before they load the image. */
Test(gvisor_sandbox, an_exec_without_an_image_failed, .init = setup, .fini = teardown)
{
    raw_enter(1, EXECVE, 4096, 8192);
    send_execve("/bin/tool", false);
    send_image("/bin/tool", "first", "second");
    raw_exit(1, EXECVE, 4096, 8192, 0);
    raw_enter(1, EXECVE, 4096, 8192);
    send_execve("/bin/none", false);
    raw_exit(1, EXECVE, 4096, 8192, 0);
    raw_call(1, READ, 3, 8192, 5);
    finish();
    cr_assert_eq(count_lines("1 exec("), 1);
    cr_assert_eq(count_lines("path=\"/bin/none\", argv=[\"first\", \"second\"]"), 1);
    cr_assert_eq(count_lines(") = ?"), 1);
}

/* Times. */

Test(gvisor_sandbox, events_are_told_in_the_order_of_their_times, .init = setup, .fini = teardown)
{
    const int64_t five = 5;

    for (uint64_t i = 0; i < 20; i++) {
        uint64_t time = START + i * MS / 10;

        send_raw_at(1, 1, time, READ, 100 + 2 * i, 0, &five);
        send_raw_at(2, 1, time - MS / 4, READ, 101 + 2 * i, 0, &five); /* it waited before it sent */
    }
    finish();
    cr_assert_lt(place_of("fd=105,"), place_of("fd=100,"));
    cr_assert_lt(place_of("fd=100,"), place_of("fd=107,"));
    cr_assert_lt(place_of("fd=136,"), place_of("fd=138,"));
}

Test(gvisor_sandbox, a_time_that_is_yet_to_come_is_not_believed, .init = setup, .fini = teardown)
{
    const int64_t five = 5;
    const uint8_t *const *records;
    uint64_t time;

    send_raw_at(1, 1, START + 3600 * 1000 * MS, READ, 3, 0, &five);
    now += 100 * MS;
    sandbox_end(sandbox, now);
    cr_assert_geq(sandbox_take(sandbox, now, &records), 2);
    memcpy(&time, records[1] + 8, sizeof(time));
    cr_assert_leq(time, now);
}

Test(gvisor_sandbox, what_cannot_be_told_yet_waits_for_the_window_only, .init = setup, .fini = teardown)
{
    raw_call(1, READ, 3, 8192, 5);
    read_lines();
    cr_assert_eq(line_count, 0);
    cr_assert_lt(sandbox_due(sandbox, now), now + 100 * MS);
    now = sandbox_due(sandbox, now);
    read_lines();
    now = sandbox_due(sandbox, now);
    read_lines();
    cr_assert_eq(count_lines(" read("), 1);
    cr_assert_eq(sandbox_due(sandbox, now), UINT64_MAX);
}

/* Losses. */

Test(gvisor_sandbox, the_sandboxs_own_losses_are_counted_once, .init = setup, .fini = teardown)
{
    static const uint32_t counts[] = {0, 588, 512, 588, 600, UINT32_MAX - 100, 5};
    struct sandbox_counts told;

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        dropped = counts[i];
        raw_call(1, READ, 3, 8192, 5);
    }
    finish();
    sandbox_counts(sandbox, &told);
    cr_assert_eq(told.dropped, 600);
    cr_assert_eq(count_lines("dropped by the sandbox"), 2);
}

Test(gvisor_sandbox, a_count_that_wraps_goes_on, .init = setup, .fini = teardown)
{
    struct sandbox_counts told;

    for (uint32_t i = 1; i <= 5; i++) {
        dropped = i * 0x40000000; /* the fourth is 0 again */
        raw_call(1, READ, 3, 8192, 5);
    }
    finish();
    sandbox_counts(sandbox, &told);
    cr_assert_eq(told.dropped, UINT64_C(0x140000000));
}

Test(gvisor_sandbox, what_is_not_understood_is_counted, .init = setup, .fini = teardown)
{
    static const uint8_t short_one[] = {8, 0, 6}, long_header[] = {200, 0, 6, 0, 0, 0, 0, 0},
                         short_header[] = {4, 0, 6, 0, 0, 0, 0, 0}, unknown[] = {8, 0, 99, 0, 0, 0, 0, 0},
                         no_protobuf[] = {8, 0, 6, 0, 0, 0, 0, 0, 0x0a, 0x7f, 1};
    struct sandbox_counts counts;

    sandbox_packet(sandbox, short_one, sizeof(short_one), now);
    sandbox_packet(sandbox, long_header, sizeof(long_header), now);
    sandbox_packet(sandbox, short_header, sizeof(short_header), now);
    sandbox_packet(sandbox, no_protobuf, sizeof(no_protobuf), now);
    sandbox_packet(sandbox, unknown, sizeof(unknown), now);
    raw_call(1, READ, 3, 8192, 5);
    finish();
    sandbox_counts(sandbox, &counts);
    cr_assert_eq(counts.undecodable, 4);
    cr_assert_eq(counts.unknown, 1);
    cr_assert_eq(count_lines("lost("), 5);
    cr_assert_eq(count_lines(" read("), 1);
}

/* Lies. */

static void send_from(const char *container)
{
    Gv__ContextData context = context_of(1, 1, now);
    Gv__Syscall call = GV__SYSCALL__INIT;

    context.container_id = bytes_of(container);
    call.context_data = &context;
    send_message(MESSAGE_RAW, &call);
}

Test(gvisor_sandbox, nobody_is_the_host, .init = setup, .fini = teardown)
{
    send_from("host");
    cr_assert_str_eq(sandbox_name(sandbox), "sandbox");
    send_from("box");
    send_from("other");
    cr_assert_str_eq(sandbox_name(sandbox), "box");
}

Test(gvisor_sandbox, a_thread_number_that_changes_hands, .init = setup, .fini = teardown)
{
    Gv__ContextData context = context_of(1, 77, now);
    Gv__TaskExit exit = GV__TASK_EXIT__INIT;

    raw_call(1, READ, 3, 8192, 5);
    exit.context_data = &context;
    send_message(MESSAGE_TASK_EXIT, &exit);
    raw_call(1, READ, 3, 8192, 6);
    finish();
    cr_assert_eq(count_lines(" read("), 2);
}

Test(gvisor_sandbox, too_many_threads_are_lost_and_counted, .init = setup, .fini = teardown)
{
    for (int tid = 1; tid <= 66000; tid++)
        raw_call(tid, READ, 3, 8192, 5);
    raw_call(1, WRITE, 3, 8192, 5);
    finish();
    cr_assert_geq(event_count, 2 * 65536);
}

/* More than its share of memory cannot be had by a packet: each empty string is 2 bytes on the wire. */
Test(gvisor_sandbox, a_packet_of_empty_strings, .init = setup, .fini = teardown)
{
    size_t size = 1 << 20;
    uint8_t *packet = calloc(1, size);

    cr_assert_not_null(packet);
    packet[0] = 8;
    packet[2] = MESSAGE_EXECVE;
    for (size_t i = 8; i + 1 < size; i += 2)
        packet[i] = 7 << 3 | 2;
    sandbox_packet(sandbox, packet, size, now);
    free(packet);
    raw_call(1, READ, 3, 8192, 5);
    finish();
    cr_assert_eq(count_lines(" read("), 1);
}
