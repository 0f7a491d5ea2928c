// SPDX-License-Identifier: Apache-2.0
/* The --sample expression. */

#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "backends/sample.h"

enum { READ = 0, WRITE = 1, OPEN = 2, CLOSE = 3, GETPID = 39, OPENAT = 257, UNKNOWN = 1000 };

static uint32_t rates[CALLSET_NATIVE_MAX];

static void parse(const char *expression)
{
    struct sysfold_error error = {0};

    memset(rates, 0x5a, sizeof(rates));
    cr_assert_eq(sample_parse(rates, expression, &error), 0, "%s: %s", expression, error.message);
}

static unsigned count_of(uint32_t rate)
{
    unsigned count = 0;

    for (unsigned nr = 0; nr < CALLSET_NATIVE_MAX; nr++)
        count += rates[nr] == rate;
    return count;
}

/* The message, which must say which item it is and hold the culprit. */
static void expect_refusal(const char *expression, const char *item, const char *culprit)
{
    struct sysfold_error error = {0};

    memset(rates, 0x5a, sizeof(rates));
    cr_assert_eq(sample_parse(rates, expression, &error), -EINVAL, "%s was taken", expression);
    cr_assert_eq(error.code, -EINVAL);
    cr_expect(strstr(error.message, item), "%s: %s", expression, error.message);
    cr_expect(strstr(error.message, culprit), "%s: %s", expression, error.message);
    cr_assert_eq(count_of(0x5a5a5a5a), CALLSET_NATIVE_MAX, "%s: the rates were touched", expression);
    cr_assert_eq(sample_parse(rates, expression, NULL), -EINVAL);
}

Test(sample, a_number_alone_is_for_every_call)
{
    parse("100");
    cr_assert_eq(count_of(100), CALLSET_NATIVE_MAX);
    parse(" 7 ");
    cr_assert_eq(count_of(7), CALLSET_NATIVE_MAX);
    parse("all:7");
    cr_assert_eq(count_of(7), CALLSET_NATIVE_MAX);
}

Test(sample, calls_that_are_not_named_have_no_rate)
{
    parse("read:100,write:10");
    cr_assert_eq(rates[READ], 100);
    cr_assert_eq(rates[WRITE], 10);
    cr_assert_eq(count_of(0), CALLSET_NATIVE_MAX - 2);
}

Test(sample, names_are_those_of_e)
{
    parse("%file:3, /^close$:4 , syscall_1000 : 5");
    cr_assert_eq(rates[OPENAT], 3);
    cr_assert_eq(rates[CLOSE], 4);
    cr_assert_eq(rates[UNKNOWN], 5);
    cr_assert_eq(rates[GETPID], 0);
    parse("!read:6");
    cr_assert_eq(rates[READ], 0);
    cr_assert_eq(count_of(6), CALLSET_NATIVE_MAX - 1);
}

Test(sample, the_later_item_counts)
{
    parse("100,file:10,open:1");
    cr_assert_eq(rates[GETPID], 100);
    cr_assert_eq(rates[OPENAT], 10);
    cr_assert_eq(rates[OPEN], 1);
    parse("open:1,100");
    cr_assert_eq(count_of(100), CALLSET_NATIVE_MAX);
}

Test(sample, limits)
{
    parse("read:1,write:1000000");
    cr_assert_eq(rates[READ], 1);
    cr_assert_eq(rates[WRITE], 1000000);
    expect_refusal("read:0", "item 1", "'0' is no number from 1 to 1000000");
    expect_refusal("read:1000001", "item 1", "'1000001'");
    expect_refusal("read:4294967297", "item 1", "'4294967297'");
    expect_refusal("read:99999999999999999999999", "item 1", "'99999999999999999999999'");
}

Test(sample, what_is_wrong_is_named)
{
    expect_refusal("", "item 1", "'' is neither");
    expect_refusal("read", "item 1", "'read' is neither CALLS:N nor N");
    expect_refusal("read:", "item 1", "'' is no number");
    expect_refusal("read:-1", "item 1", "'-1'");
    expect_refusal("read:+1", "item 1", "'+1'");
    expect_refusal("read:0x10", "item 1", "'0x10'");
    expect_refusal("read:10 0", "item 1", "'10 0'");
    expect_refusal("read:1.5", "item 1", "'1.5'");
    expect_refusal("10,opnat:5", "item 2", "'opnat' (did you mean 'openat'?)");
    expect_refusal("read:10,,write:5", "item 2", "'' is neither");
    expect_refusal("read:10,write:5,", "item 3", "''");
    expect_refusal(":5", "item 1", "missing");
    expect_refusal("%netwrok:5", "item 1", "class '%netwrok'");
    expect_refusal("/(:5", "item 1", "regular expression");
    expect_refusal("/[[:alpha:]]", "item 1", "']]'");
    expect_refusal("!all:5", "item 1", "'!all'");
}

Test(sample, foreign_calls_have_no_rate)
{
    expect_refusal("read:2,waitpid:5", "item 2", "'waitpid' is no call of this machine's own ABI");
}
