// SPDX-License-Identifier: Apache-2.0
/* The -e expression, and the names of system calls under each ABI. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/callset.h"
#include "common/rows.h"

#define NATIVE 0xc000003e
#define I386 0x40000003
#define AARCH64 0xc00000b7
#define X32_BIT 0x40000000U

static struct callset parse(const char *expression)
{
    struct callset set;
    struct sysfold_error error = {0};

    memset(&set, 0xff, sizeof(set));
    cr_assert_eq(callset_parse(&set, expression, &error), 0, "%s: %s", expression, error.message);
    return set;
}

/* The message, which must hold all of these. */
static void expect_refusal(const char *expression, const char *culprit, const char *hint)
{
    struct callset set, before;
    struct sysfold_error error = {0};

    memset(&set, 0x5a, sizeof(set));
    before = set;
    cr_assert_eq(callset_parse(&set, expression, &error), -EINVAL, "%s was taken", expression);
    cr_assert_eq(error.code, -EINVAL);
    cr_assert(strstr(error.message, culprit), "%s", error.message);
    cr_assert(!hint || strstr(error.message, hint), "%s", error.message);
    cr_assert_eq(memcmp(&set, &before, sizeof(set)), 0, "the set was touched");
    cr_assert_eq(callset_parse(&set, expression, NULL), -EINVAL);
}

static unsigned count(const uint64_t *words)
{
    unsigned bits = 0;

    for (unsigned i = 0; i < CALLSET_NATIVE_MAX / 64; i++)
        bits += (unsigned)__builtin_popcountll(words[i]);
    return bits;
}

Test(callset, nothing_and_all_are_everything)
{
    static const char *const expressions[] = {NULL, "all", "%all", "trace=all", "open,all", " all "};

    for (unsigned i = 0; i < sizeof(expressions) / sizeof(expressions[0]); i++) {
        struct callset set = parse(expressions[i]);

        cr_assert(set.everything);
        cr_assert(callset_has(&set, NATIVE, 0));
        cr_assert(callset_has(&set, NATIVE, 1023));
        cr_assert(callset_has(&set, NATIVE, 4000000000U));
        cr_assert(callset_has(&set, I386, 5));
        cr_assert(callset_has(&set, AARCH64, 56));
    }
}

Test(callset, a_name_is_that_call_of_every_abi)
{
    struct callset set = parse("openat,execve");

    cr_assert_not(set.everything);
    cr_assert(callset_has(&set, NATIVE, 257));
    cr_assert(callset_has(&set, I386, 295));
    cr_assert(callset_has(&set, NATIVE, X32_BIT | 257));
    cr_assert(callset_has(&set, NATIVE, 59));
    cr_assert(callset_has(&set, I386, 11));
    cr_assert(callset_has(&set, NATIVE, X32_BIT | 520), "x32 has an execve of its own number");
    cr_assert_not(callset_has(&set, NATIVE, X32_BIT | 59));
    cr_assert_not(callset_has(&set, NATIVE, 295), "i386's number is another call here");
    cr_assert_not(callset_has(&set, NATIVE, 0));
    cr_assert_not(callset_has(&set, NATIVE, 1024 + 257), "numbers do not wrap");
    cr_assert_not(callset_has(&set, I386, X32_BIT | 295), "i386 knows no x32 bit");
    cr_assert_eq(count(set.native), 2);
    cr_assert_eq(count(set.i386), 2);
    cr_assert_eq(count(set.x32), 2);
}

Test(callset, an_unknown_architecture_is_in_every_set)
{
    struct callset set = parse("close");

    cr_assert(callset_has(&set, AARCH64, 57));
    set = parse("!all");
    cr_assert(callset_has(&set, AARCH64, 57));
}

Test(callset, a_name_that_only_i386_has)
{
    struct callset set = parse("waitpid,stat64");

    cr_assert_eq(count(set.native), 0);
    cr_assert_eq(count(set.x32), 0);
    cr_assert_eq(count(set.i386), 2);
    cr_assert(callset_has(&set, I386, 7));
    cr_assert(callset_has(&set, I386, 195));
}

Test(callset, classes_are_those_of_the_rows)
{
    for (unsigned bit = 0; bit < CLASS_COUNT; bit++) {
        char expression[64];
        struct callset plain, percent;

        plain = parse(class_names[bit]);
        (void)snprintf(expression, sizeof(expression), "%%%s", class_names[bit]);
        percent = parse(expression);
        cr_assert_eq(memcmp(&plain, &percent, sizeof(plain)), 0, "%s", expression);
        for (unsigned nr = 0; nr < CALLSET_NATIVE_MAX; nr++) {
            const struct sysfold_row *row = row_builtin(nr);

            cr_assert_eq(callset_has(&plain, NATIVE, nr), row && row->classes & 1 << bit, "%s: %u", expression, nr);
        }
    }
}

Test(callset, classes_reach_the_calls_of_other_abis)
{
    struct callset set = parse("%file");

    cr_assert(callset_has(&set, NATIVE, 257));
    cr_assert(callset_has(&set, I386, 295));
    cr_assert(callset_has(&set, NATIVE, X32_BIT | 257));
    set = parse("desc");
    cr_assert(callset_has(&set, I386, 3), "read");
    cr_assert(callset_has(&set, I386, 6), "close");
    cr_assert_not(callset_has(&set, I386, 0), "restart_syscall");
}

Test(callset, strace_spellings)
{
    struct callset network = parse("network"), set;

    set = parse("%net");
    cr_assert_eq(memcmp(&set, &network, sizeof(set)), 0);
    set = parse("trace=%network");
    cr_assert_eq(memcmp(&set, &network, sizeof(set)), 0);
    set = parse("trace=read, close ,openat");
    cr_assert_eq(count(set.native), 3);
    cr_assert(callset_has(&set, NATIVE, 3));
}

Test(callset, a_class_wins_over_an_i386_call_of_that_name)
{
    struct callset set = parse("signal,ipc");

    cr_assert_eq(count(parse("%signal,%ipc").i386), count(set.i386));
}

Test(callset, a_regex_is_searched_in_each_name)
{
    struct callset set = parse("/^open(at)?$");

    cr_assert_eq(count(set.native), 2);
    cr_assert(callset_has(&set, NATIVE, 2));
    cr_assert(callset_has(&set, NATIVE, 257));
    cr_assert(callset_has(&set, I386, 5));
    set = parse("/chown");
    cr_assert_eq(count(set.native), 4);
    cr_assert_eq(count(set.i386), 7, "chown, lchown, fchown, fchownat, and three for 32 bits");
    set = parse("/^sys,close");
    cr_assert_not(callset_has(&set, NATIVE, 1000), "a made-up name is no match");
    cr_assert(callset_has(&set, NATIVE, 103), "syslog");
    cr_assert(callset_has(&set, NATIVE, 3));
}

Test(callset, an_inverted_set_is_the_rest)
{
    struct callset set = parse("close,%net"), inverted = parse("!close,%net");

    for (unsigned nr = 0; nr < CALLSET_NATIVE_MAX; nr++) {
        cr_assert_neq(callset_has(&set, NATIVE, nr), callset_has(&inverted, NATIVE, nr));
        cr_assert_neq(callset_has(&set, I386, nr), callset_has(&inverted, I386, nr));
        cr_assert_neq(callset_has(&set, NATIVE, X32_BIT | nr), callset_has(&inverted, NATIVE, X32_BIT | nr));
    }
    cr_assert(callset_has(&inverted, NATIVE, 5000));
    cr_assert_not(callset_has(&set, NATIVE, 5000));
    inverted = parse("trace=!close");
    cr_assert_not(callset_has(&inverted, NATIVE, 3));
    cr_assert(callset_has(&inverted, NATIVE, 0));
}

Test(callset, not_all_is_nothing)
{
    struct callset set = parse("!all");

    cr_assert_not(set.everything);
    cr_assert_eq(count(set.native) + count(set.i386) + count(set.x32), 0);
    cr_assert_not(callset_has(&set, NATIVE, 5000));
}

Test(callset, an_unknown_number_can_be_named)
{
    struct callset set = parse("syscall_1000");

    cr_assert(callset_has(&set, NATIVE, 1000));
    cr_assert_eq(count(set.native), 1);
}

Test(callset, a_wrong_word_is_named_with_the_nearest_one)
{
    expect_refusal("opnat", "'opnat'", "'openat'");
    expect_refusal("close,wriet", "'wriet'", "'write'");
    expect_refusal("trace=!exceve", "'exceve'", "'execve'");
    expect_refusal("%netwrok", "class '%netwrok'", "'network'");
    expect_refusal("mmap3", "'mmap3'", "'mmap'");
    expect_refusal("OPEN", "'OPEN'", NULL);
    expect_refusal("somethingelseentirely", "unknown system call 'somethingelseentirely'", NULL);
}

Test(callset, nothing_near_means_no_hint)
{
    struct callset set;
    struct sysfold_error error;

    cr_assert_eq(callset_parse(&set, "somethingelseentirely", &error), -EINVAL);
    cr_assert_null(strstr(error.message, "did you mean"));
}

Test(callset, broken_expressions)
{
    static char endless[100000];

    expect_refusal("", "missing", NULL);
    expect_refusal("!", "missing", NULL);
    expect_refusal("trace=", "missing", NULL);
    expect_refusal("open,", "missing", NULL);
    expect_refusal(",open", "missing", NULL);
    expect_refusal("open,,close", "missing", NULL);
    expect_refusal("open,!close", "'!close'", NULL);
    expect_refusal("%", "'%'", NULL);
    expect_refusal("%open", "class '%open'", NULL);
    expect_refusal("/^nothing_is_called_so$", "no system call matches '/^nothing_is_called_so$'", NULL);
    expect_refusal("/(", "'('", "regular expression");
    expect_refusal("/[", "'['", "regular expression");
    memset(endless, 'x', sizeof(endless) - 1);
    expect_refusal(endless, "'xxxx", NULL);
}

Test(callset, names_of_calls)
{
    cr_assert_str_eq(syscall_name(NATIVE, 257), "openat");
    cr_assert_str_eq(syscall_name(I386, 5), "open");
    cr_assert_str_eq(syscall_name(I386, 102), "socketcall");
    cr_assert_str_eq(syscall_name(I386, 359), "socket");
    cr_assert_str_eq(syscall_name(NATIVE, X32_BIT), "read");
    cr_assert_str_eq(syscall_name(NATIVE, X32_BIT | 520), "execve");
    cr_assert_str_eq(syscall_name(NATIVE, 462), "mseal", "libseccomp 2.5 does not know it");
    cr_assert_str_eq(syscall_name(NATIVE, 1000), "syscall_1000");
    cr_assert_str_eq(syscall_name(NATIVE, 1023), "syscall_1023");
    cr_assert_null(syscall_name(NATIVE, 1024));
    cr_assert_null(syscall_name(NATIVE, 0xffffffff));
    cr_assert_null(syscall_name(I386, X32_BIT | 5));
    cr_assert_null(syscall_name(AARCH64, 56));
    cr_assert_null(syscall_name(0, 0));
}

Test(callset, full_names_say_the_foreign_abi)
{
    cr_assert_str_eq(syscall_full_name(NATIVE, 257), "openat");
    cr_assert_str_eq(syscall_full_name(I386, 5), "i386:open");
    cr_assert_str_eq(syscall_full_name(NATIVE, X32_BIT), "x32:read");
    cr_assert_str_eq(syscall_full_name(I386, 1000), "i386:syscall_1000");
    cr_assert_null(syscall_full_name(I386, 1024));
    cr_assert_null(syscall_full_name(AARCH64, 56));
}

/* A row and libseccomp must mean the same call by a number. */
Test(callset, rows_are_named_as_their_calls)
{
    for (unsigned nr = 0; nr < ROW_SYSCALL_MAX; nr++)
        if (row_builtin(nr))
            cr_assert_str_eq(row_builtin(nr)->name, syscall_name(NATIVE, nr));
}

static void *name_all(void *unused)
{
    uintptr_t named = 0;

    (void)unused;
    for (uint32_t nr = 0; nr < 1024; nr++)
        named += syscall_name(NATIVE, nr) && syscall_name(I386, nr);
    return (void *)named;
}

Test(callset, many_threads_may_ask_first)
{
    pthread_t threads[16];

    for (unsigned i = 0; i < 16; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, name_all, NULL), 0);
    for (unsigned i = 0; i < 16; i++) {
        void *named;

        cr_assert_eq(pthread_join(threads[i], &named), 0);
        cr_assert_eq((uintptr_t)named, 1024);
    }
}

/* A 32-bit program's calls have names of their own for what 64-bit ones do. */
Test(callset, classes_reach_calls_of_another_name)
{
    static const struct {
        const char *expression;
        unsigned number;
    } calls[] = {
        {"file", 195 /* stat64 */},    {"file", 212 /* chown32 */},          {"file", 18 /* oldstat */},
        {"desc", 140 /* _llseek */},   {"desc", 221 /* fcntl64 */},          {"desc", 413 /* pselect6_time64 */},
        {"memory", 192 /* mmap2 */},   {"process", 7 /* waitpid */},         {"network", 102 /* socketcall */},
        {"ipc", 117 /* ipc */},        {"signal", 67 /* sigaction */},
    };

    for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct callset set = parse(calls[i].expression);

        cr_expect(callset_has(&set, I386, calls[i].number), "%s lacks i386's %s", calls[i].expression,
                  syscall_name(I386, calls[i].number));
    }
}
