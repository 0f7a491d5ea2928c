// SPDX-License-Identifier: Apache-2.0
#include "align.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"

#define EFFORT 100000000 /* steps that aligning may take, more or less */
#define EDITS_MIN 64
#define EDITS_MAX 1024

/* What is unique on both sides. */

struct keyed {
    uint64_t key;
    uint32_t index;
    uint32_t side;
};

static int compare_keyed(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->side < y->side ? -1 : x->side > y->side;
}

static void pair_unique(const struct keyed *keys, size_t count, uint32_t *partners)
{
    for (size_t i = 0, next; i < count; i = next) {
        next = i + 1;
        while (next < count && keys[next].key == keys[i].key)
            next++;
        if (next == i + 2 && keys[i].side == 0 && keys[i + 1].side == 1)
            partners[keys[i].index] = keys[i + 1].index;
    }
}

/* Keeps the longest run of partners that are in order, and parts the others. */
static int keep_in_order(uint32_t *partners, size_t count)
{
    cleanup_free uint32_t *ends = calloc(count + 1, sizeof(*ends));     /* of the best run of each length, its end */
    cleanup_free uint32_t *before = calloc(count + 1, sizeof(*before)); /* in the run that ends here */
    size_t longest = 0;
    uint32_t at;

    if (!ends || !before)
        return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        size_t low = 0, high = longest;

        if (partners[i] == UNALIGNED)
            continue;
        while (low < high) {
            size_t middle = (low + high) / 2;

            if (partners[ends[middle]] < partners[i])
                low = middle + 1;
            else
                high = middle;
        }
        before[i] = low ? ends[low - 1] : UNALIGNED;
        ends[low] = i;
        if (low == longest)
            longest++;
    }
    at = longest ? ends[longest - 1] : UNALIGNED;
    for (size_t i = count; i-- > 0;) {
        if (at == i)
            at = before[i];
        else
            partners[i] = UNALIGNED;
    }
    return 0;
}

static int align_unique(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count, uint32_t *partners)
{
    cleanup_free struct keyed *keys = calloc(a_count + b_count + 1, sizeof(*keys));

    if (!keys)
        return -ENOMEM;
    for (size_t i = 0; i < a_count; i++)
        keys[i] = (struct keyed){a[i], (uint32_t)i, 0};
    for (size_t i = 0; i < b_count; i++)
        keys[a_count + i] = (struct keyed){b[i], (uint32_t)i, 1};
    qsort(keys, a_count + b_count, sizeof(*keys), compare_keyed);
    pair_unique(keys, a_count + b_count, partners);
    return keep_in_order(partners, a_count);
}

/*
 * In between: Myers' greedy search, up to so many edits. What it has not
 * finished by then it begins anew from the furthest point it has reached.
 */

struct search {
    const uint64_t *a, *b; /* where it begins */
    int64_t a_count, b_count;
    uint32_t *partners; /* of a, from where it begins */
    uint32_t b_from;    /* where that is in all of b */
    int64_t edits_max;
    int32_t *reach;  /* of each diagonal, how far in a; -1: not at all */
    int32_t *traces; /* the same before each round, a row of 2 * round + 1 each */
};

static int32_t *trace_of(const struct search *search, int64_t edits)
{
    return search->traces + edits * edits + edits;
}

/* Where on diagonal k one more edit leads, by the better of the two ways; -1: nowhere. */
static int64_t edit(const struct search *search, const int32_t *reach, int64_t edits, int64_t k, bool *ret_down)
{
    int64_t down = k < edits - 1 ? reach[k + 1] : -1,
            right = k > 1 - edits && reach[k - 1] >= 0 ? reach[k - 1] + 1 : -1;

    if (!edits)
        return 0;
    if (down >= 0 && down - k > search->b_count)
        down = -1;
    if (right > search->a_count)
        right = -1;
    *ret_down = down >= right;
    return *ret_down ? down : right;
}

/* Goes back the way to where diagonal k was left, and joins what it passed that is the same. */
static void walk_back(const struct search *search, int64_t edits, int64_t k, int64_t x)
{
    for (; edits >= 0; edits--) {
        const int32_t *reach = trace_of(search, edits);
        bool down = false;
        int64_t from = edit(search, reach, edits, k, &down);

        while (x > from) {
            x--;
            search->partners[x] = search->b_from + (uint32_t)(x - k);
        }
        if (edits) {
            k += down ? 1 : -1;
            x = reach[k];
        }
    }
}

/* One search; joins what it finds and says how far it came. */
static void search_once(const struct search *search, int64_t *ret_x, int64_t *ret_y)
{
    int32_t *reach = search->reach + search->edits_max + 1;
    int64_t best_x = 0, best_k = 0, edits = 0;
    bool is_done = false;

    for (;; edits++) {
        memcpy(trace_of(search, edits) - edits, reach - edits, (size_t)(2 * edits + 1) * sizeof(*reach));
        best_x = -1;
        for (int64_t k = -edits; k <= edits && !is_done; k += 2) {
            bool down;
            int64_t x = edit(search, trace_of(search, edits), edits, k, &down);

            while (x >= 0 && x < search->a_count && x - k < search->b_count && search->a[x] == search->b[x - k])
                x++;
            reach[k] = (int32_t)x;
            is_done = x == search->a_count && x - k == search->b_count;
            if (x >= 0 && (is_done || best_x < 0 || 2 * x - k > 2 * best_x - best_k)) {
                best_x = x;
                best_k = k;
            }
        }
        if (is_done || edits == search->edits_max)
            break;
    }
    walk_back(search, edits, best_k, best_x);
    *ret_x = best_x;
    *ret_y = best_x - best_k;
}

static void search_all(struct search *search)
{
    while (search->a_count && search->b_count) {
        int64_t x, y;

        search_once(search, &x, &y);
        search->a += x;
        search->partners += x;
        search->a_count -= x;
        search->b += y;
        search->b_from += (uint32_t)y;
        search->b_count -= y;
    }
}

static int align_rest(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count, uint32_t *partners)
{
    int64_t edits_max = EFFORT / (int64_t)(a_count + b_count + 1);
    cleanup_free int32_t *reach = NULL, *traces = NULL;
    uint32_t next_b = 0;

    edits_max = edits_max < EDITS_MIN ? EDITS_MIN : edits_max > EDITS_MAX ? EDITS_MAX : edits_max;
    if (edits_max > (int64_t)(a_count + b_count))
        edits_max = (int64_t)(a_count + b_count);
    reach = calloc((size_t)(2 * edits_max + 3), sizeof(*reach));
    traces = calloc((size_t)((edits_max + 1) * (edits_max + 1)), sizeof(*traces));
    if (!reach || !traces)
        return -ENOMEM;
    for (size_t i = 0, from = 0; i <= a_count; i++) {
        uint32_t anchor = i < a_count ? partners[i] : (uint32_t)b_count;

        if (anchor == UNALIGNED)
            continue;
        search_all(&(struct search){
            .a = a + from,
            .b = b + next_b,
            .a_count = (int64_t)(i - from),
            .b_count = (int64_t)(anchor - next_b),
            .partners = partners + from,
            .b_from = next_b,
            .edits_max = edits_max,
            .reach = reach,
            .traces = traces,
        });
        from = i + 1;
        next_b = anchor + 1;
    }
    return 0;
}

int align(const uint64_t *a, size_t a_count, const uint64_t *b, size_t b_count, uint32_t *ret_partners)
{
    int r;

    memset(ret_partners, 0xff, a_count * sizeof(*ret_partners));
    if (!a_count || !b_count)
        return 0;
    r = align_unique(a, a_count, b, b_count, ret_partners);
    return r ? r : align_rest(a, a_count, b, b_count, ret_partners);
}
