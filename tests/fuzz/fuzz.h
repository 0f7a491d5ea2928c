/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_FUZZ_H
#define SYSFOLD_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/sysfold.h>

/* What libFuzzer calls, and replay.c where there is none. Always 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Makes changed bytes worth trying in a build that checks checksums; does nothing unless a fuzzer has its own. */
void fuzz_repair(uint8_t *data, size_t size);

/* Ends the process where a promise is broken, as a sanitizer does. */
void check(bool true_, const char *what);

/* Looks at everything there is to see of an event. */
void look_at(const struct sysfold_event *event);

#endif
