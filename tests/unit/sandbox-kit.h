/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TEST_SANDBOX_KIT_H
#define SYSFOLD_TEST_SANDBOX_KIT_H

/* A sandbox that says what a test wants it to say, and what is told of that, line by line. */

#include <criterion/criterion.h>
#include <sysfold/sysfold.h>

#include "backends/gvisor/message.h"
#include "backends/gvisor/sandbox.h"

#define START UINT64_C(1790000000000000000)
#define MS UINT64_C(1000000)
#define LINES_MAX 200

#define READ 0
#define WRITE 1
#define OPEN 2
#define RT_SIGRETURN 15
#define CLONE 56
#define EXECVE 59
#define RESTART_SYSCALL 219
#define EXIT_GROUP 231

extern struct capture_options options;
extern struct sandbox *sandbox;
extern uint64_t now; /* when packets are received */
extern uint32_t dropped;
extern char lines[LINES_MAX][300];
extern size_t line_count;
extern size_t event_count;

/* Of these calls; setup(): of all. */
void setup_for(const char *calls);
void setup(void);
void teardown(void);

/* Everything that can be told by now, a line each: "tid event". */
void read_lines(void);
/* The sandbox ends, and everything is told. */
void finish(void);
size_t count_lines(const char *part);
void expect_line(const char *line);
size_t place_of(const char *part);

void send_message(uint16_t type, const void *message);
Gv__ContextData context_of(int tid, int pid, uint64_t time);
ProtobufCBinaryData bytes_of(const char *text);
/* result: NULL at enter; a negative one is an error. */
void send_raw_at(int tid, int pid, uint64_t time, uint64_t nr, uint64_t first, uint64_t second, const int64_t *result);
/* Of process 1. */
void raw_enter(int tid, uint64_t nr, uint64_t first, uint64_t second);
void raw_exit(int tid, uint64_t nr, uint64_t first, uint64_t second, int64_t result);
void raw_call(int tid, uint64_t nr, uint64_t first, uint64_t second, int64_t result);
void send_open(int tid, const char *path, const int64_t *result);
/* All four messages. */
void whole_open(const char *path, const char *path_at_exit, int64_t result);
void task_exit(int tid, int pid, int status);

#endif
