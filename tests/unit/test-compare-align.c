// SPDX-License-Identifier: Apache-2.0
/* Aligning, against the longest common subsequence as a table finds it. */

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "decoder/compare/align.h"

static uint64_t random_state;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1;
    return (uint32_t)(random_state >> 33) % limit;
}

static void make(uint64_t *keys, size_t count, uint32_t kinds)
{
    for (size_t i = 0; i < count; i++)
        keys[i] = random_below(kinds);
}

/* How many are aligned; each with one that is the same, and in order. */
static size_t check(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count)
{
    uint32_t *partners = calloc(a_count + 1, sizeof(*partners));
    size_t count = 0, next = 0;

    cr_assert_eq(align(a, a_count, b, b_count, partners), 0);
    for (size_t i = 0; i < a_count; i++) {
        if (partners[i] == UNALIGNED)
            continue;
        cr_assert_geq(partners[i], next);
        cr_assert_lt(partners[i], b_count);
        cr_assert_eq(a[i], b[partners[i]]);
        next = partners[i] + 1;
        count++;
    }
    free(partners);
    return count;
}

static size_t longest_common(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count)
{
    static size_t best[64][64];

    for (size_t i = 0; i <= a_count; i++) {
        for (size_t k = 0; k <= b_count; k++) {
            if (!i || !k)
                best[i][k] = 0;
            else if (a[i - 1] == b[k - 1])
                best[i][k] = best[i - 1][k - 1] + 1;
            else
                best[i][k] = best[i - 1][k] > best[i][k - 1] ? best[i - 1][k] : best[i][k - 1];
        }
    }
    return best[a_count][b_count];
}

/* Keys that are there several times: nothing is unique, and the search alone decides. */
Test(align, short_sequences_are_aligned_as_well_as_can_be)
{
    random_state = 1;
    for (int i = 0; i < 20000; i++) {
        uint64_t a[60], b[60];
        size_t a_count = random_below(30), b_count = random_below(30);

        make(a, a_count, 2 + random_below(5));
        make(b, b_count, 2 + random_below(5));
        memcpy(a + a_count, a, a_count * sizeof(*a)); /* each twice */
        cr_assert_eq(check(a, 2 * a_count, b, b_count), longest_common(a, 2 * a_count, b, b_count), "try %d", i);
    }
}

Test(align, what_is_inserted_moves_nothing_else)
{
    enum { COUNT = 50000, INSERTED = 3000 };
    uint64_t *a = calloc(COUNT, sizeof(*a)), *b = calloc(COUNT + INSERTED, sizeof(*b));

    for (size_t i = 0; i < COUNT; i++)
        a[i] = i % 100 ? i % 7 : 1000 + i;
    memcpy(b, a, COUNT / 2 * sizeof(*a));
    for (size_t i = 0; i < INSERTED; i++)
        b[COUNT / 2 + i] = i % 3;
    memcpy(b + COUNT / 2 + INSERTED, a + COUNT / 2, COUNT / 2 * sizeof(*a));
    cr_expect_geq(check(a, COUNT, b, COUNT + INSERTED), COUNT - 100);
    free(a);
    free(b);
}

Test(align, a_million_that_differ_everywhere_come_to_an_end)
{
    enum { COUNT = 1000000 };
    uint64_t *a = calloc(COUNT, sizeof(*a)), *b = calloc(COUNT, sizeof(*b));

    random_state = 2;
    make(a, COUNT, 5);
    make(b, COUNT, 5);
    cr_expect_gt(check(a, COUNT, b, COUNT), COUNT / 4);
    for (size_t i = 0; i < COUNT; i++)
        b[i] = 100;
    cr_expect_eq(check(a, COUNT, b, COUNT), 0);
    free(a);
    free(b);
}
