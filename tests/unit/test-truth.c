// SPDX-License-Identifier: Apache-2.0
/* The truth as a stream: each kind of value, and all that is no truth (docs/truth.md). */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sysfold/compare.h>

#include "common/cleanup.h"
#include "witness-kit.h"

#define HEAD "{\"truth\":1,\"scenario\":\"test\"}\n"
#define ONE(LINE) HEAD LINE "\n{\"end\":1}\n"
#define CALL(EVENT, PARAMS) "{\"tid\":7,\"event\":\"" EVENT "\",\"params\":{" PARAMS "}}"
#define EXPECT(LOG, TOLD) EXPECT_TOLD(sysfold_truth_open, LOG, TOLD)

static const char *told;

/* The only event of a log with that line. */
static struct sysfold_value value_of(const char *line, const char *param, unsigned *ret_flags)
{
    static struct sysfold_stream *stream;
    struct sysfold_value value = {0};
    const struct sysfold_event *event;
    struct sysfold_error error;
    char path[] = "/tmp/sysfold-truth-XXXXXX";
    int fd = mkstemp(path);

    cr_assert(fd >= 0 && dprintf(fd, ONE("%s"), line) > 0 && close(fd) == 0);
    sysfold_stream_close(stream); /* the value of the call before */
    stream = NULL;
    cr_assert_eq(sysfold_truth_open(path, &stream, &error), 0, "%s", error.message);
    (void)unlink(path);
    cr_assert_eq(sysfold_stream_fetch(stream, 0, NULL), 1);
    event = sysfold_stream_next(stream);
    cr_assert(event);
    cr_assert_eq(sysfold_event_param_by_name(event, param, &value), 0);
    *ret_flags = sysfold_event_flags(event);
    return value;
}

static void check_bytes(const char *line, const char *param, const void *bytes, size_t size, bool truncated)
{
    unsigned flags;
    struct sysfold_value value = value_of(line, param, &flags);

    cr_expect_eq(value.status, SYSFOLD_PRESENT, "%s", line);
    cr_expect_eq(value.truncated, truncated, "%s", line);
    cr_expect_eq(value.size, size, "%s: %zu bytes", line, value.size);
    cr_expect(value.size == size && memcmp(value.data, bytes, size) == 0, "%s", line);
}

static enum sysfold_status status_of(const char *line, const char *param)
{
    unsigned flags;

    return value_of(line, param, &flags).status;
}

Test(truth, a_whole_log_becomes_its_events_in_order)
{
    EXPECT(
        HEAD CALL("open", "\"res\":3,\"flags\":66,\"mode\":384,\"path\":\"here\"") "  \n" CALL(
            "write",
            "\"res\":-9,\"fd\":99,\"size\":5,\"data\":\"hello\"") "\n"
                                                                  "{\"tid\":8,\"event\":\"thread_start\",\"params\":{\"pid\":8,\"ppid\":7,\"parent_tid\":7,\"flags\":17}}\n"
                                                                  "{\"tid\":8,\"event\":\"exit_group\",\"params\":{\"status\":3}}\n"
                                                                  "{\"tid\":8,\"event\":\"process_exit\",\"params\":{\"pid\":8,\"status\":768}}\n"
                                                                  "{\"end\":5}",
        "7 open(flags=O_RDWR|O_CREAT, mode=0600, path=\"here\") = 3\n"
        "7 write(fd=99, size=5, data=\"hello\") = -1 EBADF (Bad file descriptor)\n"
        "8 thread_start(pid=8, ppid=7, parent_tid=7, flags=SIGCHLD)\n"
        "8 exit_group(status=3) = ?\n"
        "8 process_exit(pid=8, status=exited(3))\n");
    EXPECT(HEAD "{\"end\":0}\n", "");
}

Test(truth, a_table_of_descriptors_becomes_a_marker)
{
    EXPECT(ONE("{\"tid\":7,\"fds\":{\"10\":\"file\",\"0\":\"device\",\"9\":\"pipe\"}}"),
           "7 marker(text=\"fds 0=device 9=pipe 10=file\")\n");
    EXPECT(ONE("{\"tid\":7,\"fds\":{}}"), "7 marker(text=\"fds\")\n");
}

Test(truth, values_of_every_shape)
{
    static const int32_t pair[] = {3, 4};
    static const int64_t time[] = {-1, 5};
    static const uint64_t words[] = {UINT64_MAX, 1};
    static const uint32_t groups[] = {0, 4294967295u, 7};

    check_bytes(CALL("write", "\"data\":\"a\\\"b\""), "data", "a\"b", 3, false);
    check_bytes(CALL("write", "\"data\":\"\""), "data", "", 0, false);
    check_bytes(CALL("write", "\"data\":{\"hex\":\"00ff10\"}"), "data", "\0\xff\x10", 3, false);
    check_bytes(CALL("write", "\"data\":{\"cut\":\"abc\"}"), "data", "abc", 3, true);
    check_bytes(CALL("write", "\"data\":{\"cut\":{\"hex\":\"0a\"}}"), "data", "\n", 1, true);
    check_bytes(CALL("pipe", "\"res\":0,\"fds\":[3,4]"), "fds", pair, sizeof(pair), false);
    check_bytes(CALL("nanosleep", "\"req\":[-1,5]"), "req", time, sizeof(time), false);
    check_bytes(CALL("select", "\"readfds\":[-1,1]"), "readfds", words, sizeof(words), false);
    check_bytes(CALL("select", "\"readfds\":{\"cut\":[-1]}"), "readfds", words, 8, true);
    check_bytes(CALL("setgroups", "\"groups\":[0,4294967295,7]"), "groups", groups, sizeof(groups), false);
    check_bytes(CALL("epoll_ctl", "\"event\":{\"hex\":\"010000000500000000000000\"}"), "event",
                "\1\0\0\0\5\0\0\0\0\0\0\0", 12, false);
    cr_expect_eq(status_of(CALL("write", "\"data\":null"), "data"), SYSFOLD_NULL);
    cr_expect_eq(status_of(CALL("write", "\"data\":{\"unreadable\":true}"), "data"), SYSFOLD_UNREADABLE);
    cr_expect_eq(status_of(CALL("nanosleep", "\"req\":null"), "req"), SYSFOLD_NULL);
    cr_expect_eq(status_of(CALL("write", "\"fd\":1"), "data"), SYSFOLD_ABSENT);
}

Test(truth, a_call_has_failed_where_its_result_is_an_error)
{
    static const struct {
        const char *line;
        bool failed;
    } cases[] = {
        {CALL("read", "\"res\":-1"), true},     {CALL("read", "\"res\":-4095"), true},
        {CALL("read", "\"res\":-4096"), false}, {CALL("read", "\"res\":0"), false},
        {CALL("read", "\"fd\":-1"), false},     {CALL("thread_start", "\"pid\":-1"), false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned flags;

        (void)value_of(cases[i].line, cases[i].failed ? "res" : strstr(cases[i].line, "pid") ? "pid" : "fd", &flags);
        cr_expect_eq(!!(flags & SYSFOLD_EVENT_FAILED), cases[i].failed, "%s", cases[i].line);
    }
}

Test(truth, what_a_record_cannot_hold_is_cut_and_says_so)
{
    size_t size = 200000;
    cleanup_free char *data = malloc(size + 1), *line = NULL;
    struct sysfold_value value;
    unsigned flags;

    cr_assert(data);
    memset(data, 'x', size);
    data[size] = '\0';
    cr_assert(asprintf(&line, CALL("write", "\"data\":\"%s\""), data) > 0);
    value = value_of(line, "data", &flags);
    cr_expect(value.truncated);
    cr_expect_gt(value.size, 65000);
    cr_expect(memcmp(value.data, data, value.size) == 0);
}

Test(truth, what_is_not_whole_is_refused)
{
    EXPECT("", "EBADMSG LOG is empty: no truth");
    EXPECT(HEAD, "EBADMSG LOG:1: it was cut short: its last line, {\"end\":...}, is missing");
    EXPECT(HEAD CALL("read", "") "\n", "EBADMSG LOG:2: it was cut short: its last line, {\"end\":...}, is missing");
    EXPECT(HEAD CALL("read", "") "\n{\"end\":2}\n",
           "EBADMSG LOG:3: its last line is not {\"end\":1}, the number of the lines before it: it is not whole");
    EXPECT(HEAD "{\"end\":\"0\"}\n",
           "EBADMSG LOG:2: its last line is not {\"end\":0}, the number of the lines before it: it is not whole");
    EXPECT(HEAD "{\"end\":0}\n{\"end\":0}\n", "EBADMSG LOG:3: there is something behind its end");
    EXPECT_IN(sysfold_truth_open, HEAD CALL("read", "\"res\":1,\"fd"), "EBADMSG LOG:2: no JSON");
    EXPECT_IN(sysfold_truth_open, HEAD "\n{\"end\":0}\n", "EBADMSG LOG:2: no JSON");
}

Test(truth, what_is_something_else_is_refused)
{
    EXPECT("[1]\n", "EBADMSG LOG:1: the line is no JSON object");
    EXPECT("{\"end\":0}\n", "EBADMSG LOG:1: the truth begins with {\"truth\":1,...}: this is something else");
    EXPECT("{\"truth\":2}\n", "EBADMSG LOG:1: it is a truth of version 2; this is about version 1");
    EXPECT_IN(sysfold_truth_open, "7 read(0, \"\", 1) = 0\n", "EBADMSG LOG:1: no JSON");
    EXPECT(ONE("{}"), "EBADMSG LOG:2: it has no \"tid\", or one that no thread can have");
    EXPECT(ONE("{\"tid\":-1,\"event\":\"read\",\"params\":{}}"),
           "EBADMSG LOG:2: it has no \"tid\", or one that no thread can have");
    EXPECT(ONE("{\"tid\":1,\"event\":\"read\"}"),
           "EBADMSG LOG:2: an event is {\"tid\":...,\"event\":\"name\",\"params\":{...}}, and no more");
    EXPECT(ONE("{\"tid\":1,\"event\":\"read\",\"params\":{},\"more\":1}"),
           "EBADMSG LOG:2: an event is {\"tid\":...,\"event\":\"name\",\"params\":{...}}, and no more");
    EXPECT(ONE(CALL("raed", "")), "EBADMSG LOG:2: there is no event \"raed\"");
    EXPECT(ONE(CALL("read", "\"df\":1")), "EBADMSG LOG:2: read has no parameter \"df\"");
    EXPECT_IN(sysfold_truth_open, ONE(CALL("read", "\"fd\":1,\"fd\":1")), "EBADMSG LOG:2: no JSON");
}

#define EXPECT_BAD(EVENT, PARAMS, WHY) EXPECT(ONE(CALL(EVENT, PARAMS)), "EBADMSG LOG:2: " WHY)

Test(truth, what_does_not_fit_its_type_is_refused)
{
    EXPECT_BAD("read", "\"fd\":2147483648", "fd is of type FD: the integer is out of its range");
    EXPECT_BAD("open", "\"mode\":65536", "mode is of type FILE_MODE: the integer is out of its range");
    EXPECT_BAD("open", "\"flags\":-1", "flags is of type OPEN_FLAGS: the integer is out of its range");
    EXPECT_BAD("read", "\"fd\":\"1\"", "fd is of type FD: it is an integer");
    EXPECT_BAD("read", "\"fd\":1.5", "fd is of type FD: it is an integer");
    EXPECT_BAD("read", "\"fd\":true", "fd is of type FD: it is an integer");
    EXPECT_BAD("read", "\"fd\":[1]", "fd is of type FD: it is an integer");
    EXPECT_BAD("read", "\"fd\":{\"cut\":1}", "fd is of type FD: it cannot be cut");
    EXPECT_BAD("read", "\"data\":1", "data is of type DATA: it is no single integer");
    EXPECT_BAD("read", "\"data\":[1]", "data is of type DATA: it is no array of integers");
    EXPECT_BAD("read", "\"data\":{\"hex\":\"0\"}",
               "data is of type DATA: what is in \"hex\" is no string of pairs of digits");
    EXPECT_BAD("read", "\"data\":{\"hex\":0}",
               "data is of type DATA: what is in \"hex\" is no string of pairs of digits");
    EXPECT_BAD("read", "\"data\":{\"hex\":\"0G\"}",
               "data is of type DATA: what is in \"hex\" has other characters than 0-9 and a-f");
    EXPECT_BAD("read", "\"data\":{\"unreadable\":false}",
               "data is of type DATA: it is neither a string, nor {\"hex\":...}, nor an array of integers");
    EXPECT_BAD("pipe", "\"fds\":[3]", "fds is of type FD_PAIR: it is of another size");
    EXPECT_BAD("pipe", "\"fds\":[3,4,5]", "fds is of type FD_PAIR: it is of another size");
    EXPECT_BAD("pipe", "\"fds\":[3,\"4\"]", "fds is of type FD_PAIR: an element is no such integer");
    EXPECT_BAD("pipe", "\"fds\":[3,2147483648]", "fds is of type FD_PAIR: an element is no such integer");
    EXPECT_BAD("pipe", "\"fds\":3", "fds is of type FD_PAIR: it is no single integer");
    EXPECT_BAD("poll", "\"fds\":{\"hex\":\"00\"}", "fds is of type POLLFDS: it is of another size");
}

Test(truth, tables_of_descriptors_that_are_none_are_refused)
{
    EXPECT(ONE("{\"tid\":7,\"fds\":[]}"), "EBADMSG LOG:2: \"fds\" is no table of at most 1024 descriptors");
    EXPECT(ONE("{\"tid\":7,\"fds\":{},\"event\":\"read\"}"),
           "EBADMSG LOG:2: \"fds\" is no table of at most 1024 descriptors");
    EXPECT(ONE("{\"tid\":7,\"fds\":{\"x\":\"file\"}}"),
           "EBADMSG LOG:2: \"x\" in \"fds\" is no descriptor with its kind");
    EXPECT(ONE("{\"tid\":7,\"fds\":{\"-1\":\"file\"}}"),
           "EBADMSG LOG:2: \"-1\" in \"fds\" is no descriptor with its kind");
    EXPECT(ONE("{\"tid\":7,\"fds\":{\"1\":\"thing\"}}"),
           "EBADMSG LOG:2: \"1\" in \"fds\" is no descriptor with its kind");
    EXPECT(ONE("{\"tid\":7,\"fds\":{\"1\":2}}"), "EBADMSG LOG:2: \"1\" in \"fds\" is no descriptor with its kind");
}

Test(truth, hostile_logs_are_refused_without_harm)
{
    size_t size = 9u << 20;
    cleanup_free char *log = malloc(size);

    cr_assert(log);
    memset(log, '[', size);
    told = told_of(sysfold_truth_open, log, size);
    cr_expect_str_eq(told, "EBADMSG LOG:1: a line of more than 8388608 bytes");
    told = told_of(sysfold_truth_open, log, 1u << 20);
    cr_expect(strstr(told, "EBADMSG LOG:1: no JSON"), "%s", told);
    told = told_of(sysfold_truth_open, HEAD "{\"tid\":7,\0}\n", sizeof(HEAD) + 11);
    cr_expect(strstr(told, "EBADMSG LOG:2: no JSON"), "%s", told);
    told = told_of(sysfold_truth_open, "{\"\x1b[2J\":\n", 9);
    cr_expect(!strchr(told, '\x1b'), "%s", told);
    EXPECT_IN(sysfold_truth_open, ONE(CALL("read", "\"data\":\"\\u0000\"")), "EBADMSG LOG:2: no JSON");
}

Test(truth, a_file_that_cannot_be_read_says_why)
{
    struct sysfold_stream *stream;
    struct sysfold_error error = {0};

    cr_expect_eq(sysfold_truth_open("/nowhere/log", &stream, &error), -ENOENT);
    cr_expect_str_eq(error.message, "cannot open /nowhere/log: No such file or directory");
    cr_expect_eq(sysfold_truth_open("/", &stream, &error), -EISDIR);
    cr_expect_eq(sysfold_truth_open("/nowhere/log", &stream, NULL), -ENOENT);
}
