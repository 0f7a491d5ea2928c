/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_DECODER_WITNESS_STRACE_VALUES_H
#define SYSFOLD_DECODER_WITNESS_STRACE_VALUES_H

/* From a call's arguments as strace shows them to a record's parameters. */

#include "common/encode.h"
#include "strace-text.h"

#define CALL_ARGS 6

/* A call, its arguments at the kernel's places. */
struct shown {
    const struct sysfold_row *row;
    uint32_t arch, nr;
    struct text args[CALL_ARGS]; /* as shown; NO_TEXT where nothing is */
    struct text note;            /* what is behind the result: "(in [5], left {...})" */
    int64_t result;
    bool returned;
};

/* Lays the arguments between a call's parentheses where the kernel has them. */
void shown_set_args(struct shown *shown, struct text name, struct text arguments);
/* Puts what can be told into the record that was begun; the rest stays absent. */
void shown_put(const struct shown *shown, struct encoder *encoder);

/* strace-structures.c: a parameter that lies in memory; false where it cannot be told. */
bool put_structure(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text);

/* A socket address as in memory: its size, 0 where it cannot be told. */
#define SOCKADDR_ROOM 128
size_t sockaddr_from(struct text text, uint8_t to[SOCKADDR_ROOM]);

#endif
