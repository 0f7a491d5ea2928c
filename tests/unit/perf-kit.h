/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_PERF_KIT_H
#define SYSFOLD_TESTS_PERF_KIT_H

/* Children, and what perf tells of them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/notify/perf.h"

#define CALLS 3000

/* What was told of a child. */
struct told {
    struct perf_record *records;
    size_t count, room;
    uint64_t lost;
};

/* A child that waits until it is recorded, and then does that. */
struct child {
    pid_t pid;
    int go;
};

extern struct sysfold_error failure;
extern struct told told;

/* Without the means there is nothing to test, and perf_probe() says why. */
void perf_kit_need(enum perf_means wanted);

/* Sets of calls. */
const uint64_t *every_call(void);
void only(unsigned nr, uint64_t *words);

void tell(const struct perf_record *record);
void drain(struct perf *perf);
void forget(void);
struct perf *create(const struct perf_plan *plan);

struct child start(void (*work)(void));
void let_go(const struct child *child);
void expect_end(const struct child *child);
/* Records it from its start to its end; read when it has ended. Returns its pid. */
pid_t record(const struct perf_plan *plan, void (*work)(void));

bool is_call(const struct perf_record *one, enum perf_kind kind, int64_t nr);
/* The next record from `from` on that is such a call; told.count if there is none. */
size_t find_call(enum perf_kind kind, int64_t nr, size_t from);
size_t count_calls(enum perf_kind kind, int64_t nr);
size_t find_kind(enum perf_kind kind, pid_t tid);

/* prctl() with an option that there is not; every argument differs. */
void odd_prctls(void);
/* With so many arguments: prctl has five. */
void expect_odd_prctls(enum perf_kind kind, pid_t pid, unsigned arguments);

/* Becomes another user. Who is none but root stays whom he is. */
void as_nobody(bool with_perfmon);
int paranoid(void);

#endif
