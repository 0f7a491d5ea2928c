// SPDX-License-Identifier: Apache-2.0
/* What all fuzzers share. */

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

void check(bool true_, const char *what)
{
    if (true_)
        return;
    (void)fprintf(stderr, "broken promise: %s\n", what);
    abort();
}

__attribute__((weak)) void fuzz_repair(uint8_t *data, size_t size)
{
    (void)data;
    (void)size;
}
