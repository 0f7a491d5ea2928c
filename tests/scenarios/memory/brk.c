// SPDX-License-Identifier: Apache-2.0
/* The program's break: asked for, moved, and refused. */

#include "kit/kit.h"

SCENARIO
{
    uint64_t start = (uint64_t)OK(brk, 0), end;
    uint8_t *first = (uint8_t *)((start + 4095) & ~UINT64_C(4095));

    end = (uint64_t)OK(brk, first + 8192);
    if (end != (uintptr_t)(first + 8192))
        kit_fail("the break has not moved");
    first[8191] = 1;
    if ((uint64_t)OK(brk, end + 1) != end + 1)
        kit_fail("it has not moved by a byte");
    OK(brk, UINT64_C(1) << 46); /* refused: the break is where it was */
    OK(brk, 1);
    if ((uint64_t)OK(brk, start) != start)
        kit_fail("the break has not come back");
}
