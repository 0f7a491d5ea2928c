/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_TRACED_H
#define SYSFOLD_TESTS_TRACED_H

/* For tests of live backends: run something, keep what the stream said of it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sysfold/sysfold.h>

struct seen {
    char name[32];
    uint32_t tid;
    unsigned flags;
    bool has_result;
    int64_t result;
    char text[320]; /* the formatted event, cut */
};

struct trace {
    struct seen *events;
    size_t count, room;
    uint64_t lost;
    int end;       /* what the last fetch returned */
    int status;    /* the command's wait status; -1: there is none */
    char error[512];
    char output[4096]; /* what it wrote to its standard output */
};

/* The path of tests/programs/NAME.c's executable. Borrowed, static. */
const char *program(const char *name);

/* Opens with standard output caught. 0 or what sysfold_live_open() returned, its message in trace->error. */
int trace_open(struct trace *trace, const struct sysfold_live_options *options, struct sysfold_stream **ret_stream);
/* Reads up to `most` events (0: until the end); false at the end. */
bool trace_read(struct trace *trace, struct sysfold_stream *stream, size_t most);
/* Waits until the target has written something; false if it does not for half a minute. */
bool trace_await_output(void);
/* Closes the stream and checks what must hold of any stream. */
void trace_close(struct trace *trace, struct sysfold_stream *stream);
/* All of it: opens, reads to the end, closes. Fails the test if it cannot. */
void trace_run(struct trace *trace, const struct sysfold_live_options *options);
void trace_finish(struct trace *trace);

/* How many events have that name; how many of them returned `result`. */
size_t trace_count(const struct trace *trace, const char *name);
size_t trace_count_result(const struct trace *trace, const char *name, int64_t result);
/* How many have that name and `text` in their formatted form. */
size_t trace_count_text(const struct trace *trace, const char *name, const char *text);
/* The n-th with that name, from 0; fails the test if there is none. */
const struct seen *trace_nth(const struct trace *trace, const char *name, size_t n);

#endif
