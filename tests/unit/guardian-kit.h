/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_GUARDIAN_KIT_H
#define SYSFOLD_TESTS_GUARDIAN_KIT_H

/*
 * What the tests of the guardian share: targets whose getppid() is notified, a
 * supervisor that answers it with a number of its own, a recorder, and
 * runtimes that connect. So a call tells who has answered: PERFORMED, the
 * supervisor; PASSED, the kernel itself, since the guardian let it go.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "backends/notify/guardian.h"

enum answer { PASSED, PERFORMED, FAILED };

struct caller {
    pid_t pid;
    int ask, told; /* a byte each: make a call; what it came to */
    int listener;  /* ours, until it is sent; -1 */
};

void target_start(struct caller *target);
/* With two threads, each of which may make the call that is asked for. */
void target_start_threads(struct caller *target);
enum answer target_call(const struct caller *target);
/* In two halves. */
void target_ask(const struct caller *target);
enum answer target_hear(const struct caller *target);
void target_end(struct caller *target);

/* How the supervisor is; set before the guardian is started. */
/* The others receive, and never answer; one does not even say what it has received last. */
enum manner { ANSWERS, HOLDS, HOLDS_SECRETLY };
extern enum manner supervisor_manner;

struct recorder {
    char directory[64], path[96];
    struct guardian_plan plan;
    struct capture_options options;
    int lifeline, control; /* R's ends */
    _Atomic uint32_t *bell;
};

/* A place; kit_check() whether this machine can at all. */
void recorder_init(struct recorder *recorder);
/* Listens there and starts a guardian. */
void recorder_start(struct recorder *recorder);
/* Of a command, whose supervisor is that function. */
void recorder_start_command(struct recorder *recorder, struct shared *shared, struct queue *queue,
                            void (*supervise)(const struct session *) __attribute__((noreturn)));
/* The same in a process of its own, which can be killed. */
pid_t recorder_start_elsewhere(struct recorder *recorder);
void recorder_kill(pid_t recorder);
/* Says that it wants no more, and waits for the guardian's end. */
void recorder_dismiss(struct recorder *recorder, pid_t guardian);
void recorder_finish(struct recorder *recorder);

struct arrived {
    struct arrival arrival;
    struct queue *queue;
    struct shared *shared;
};

/* Waits for it. */
void await_arrival(const struct recorder *recorder, struct arrived *ret_source);
void await_complaint(const struct recorder *recorder, const char *what);
void source_finish(struct arrived *source);
/* Until the supervisor's records have their end. */
void await_end(const struct arrived *source);

pid_t guardian_of(const struct arrived *source);
unsigned open_files(pid_t pid);
void await_exit(pid_t pid);
/* Of everybody that this process is to wait for. */
void await_all_exits(void);
void pause_shortly(void);

/* A runtime's connection. */
int runtime_connect(const struct recorder *recorder);
void runtime_send(int fd, const void *bytes, size_t size, const int *fds, size_t fd_count);
/* A whole and proper one, of a target: its listener is no longer ours. */
void runtime_introduce(const struct recorder *recorder, struct caller *target, const char *id);

#endif
