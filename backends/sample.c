// SPDX-License-Identifier: Apache-2.0
/* The `--sample` expression. */

#include "backends/sample.h"

#include <errno.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/error.h"

#define BLANKS " \t"

/* 0 where the text is no such number. */
static uint32_t parse_rate(const char *text)
{
    unsigned long long rate;
    char *end;

    text += strspn(text, BLANKS);
    if (*text < '0' || *text > '9')
        return 0;
    errno = 0;
    rate = strtoull(text, &end, 10);
    end += strspn(end, BLANKS);
    return *end || errno || rate > SAMPLE_MAX ? 0 : (uint32_t)rate;
}

/* How many calls that was. */
static unsigned set_rates(uint32_t *rates, const struct callset *calls, uint32_t rate)
{
    unsigned named = 0;

    for (uint32_t nr = 0; nr < CALLSET_NATIVE_MAX; nr++) {
        if (!callset_has(calls, AUDIT_ARCH_X86_64, nr))
            continue;
        rates[nr] = rate;
        named++;
    }
    return named;
}

static int refuse_rate(const char *text, bool alone, struct sysfold_error *error)
{
    if (alone)
        return error_set(error, -EINVAL, "'%.100s' is neither CALLS:N nor N, a number from 1 to %d", text, SAMPLE_MAX);
    return error_set(error, -EINVAL, "'%.100s' is no number from 1 to %d", text, SAMPLE_MAX);
}

static int take_item(uint32_t *rates, char *item, struct sysfold_error *error)
{
    char *colon = strrchr(item, ':');
    const char *number = colon ? colon + 1 : item;
    uint32_t rate = parse_rate(number);
    struct callset calls;
    int r;

    if (!rate)
        return refuse_rate(number, !colon, error);
    if (colon)
        *colon = '\0';
    r = callset_parse(&calls, colon ? item : NULL, error);
    if (r == 0 && !set_rates(rates, &calls, rate))
        return error_set(error, -EINVAL, "'%.100s' is no call of this machine's own ABI, and others are not sampled",
                         item);
    return r;
}

int sample_parse(uint32_t ret_rates[CALLSET_NATIVE_MAX], const char *expression, struct sysfold_error *error)
{
    cleanup_free char *copy = strdup(expression);
    uint32_t rates[CALLSET_NATIVE_MAX] = {0};
    char *rest = copy, *item;

    if (!copy)
        return error_system(error, -ENOMEM, "cannot read what to sample");
    for (unsigned number = 1; (item = strsep(&rest, ",")); number++) {
        int r = take_item(rates, item, error);

        if (r < 0)
            return error_prefix(error, r, "sample, item %u", number);
    }
    memcpy(ret_rates, rates, sizeof(rates));
    return 0;
}
