// SPDX-License-Identifier: Apache-2.0
/* Arguments and environments: none, empty, strange, long, too long, and such as cannot be read. */

#include <stdlib.h>

#include "powerless.h"

#define STRING_LIMIT 131072 /* the kernel's, its NUL included */
#define MANY 300

static char *with_role(const char *role, char *environment[6])
{
    static char variable[64] = "ROLE=";

    strcpy(variable + 5, role);
    environment[0] = kit_environment()[0];
    environment[1] = kit_environment()[1];
    environment[2] = variable;
    environment[3] = NULL;
    return variable;
}

static void without_arguments(void *data)
{
    char *environment[6];

    (void)data;
    with_role("quiet", environment);
    EXECVE(kit_self(), ((const char *[]){NULL}), environment);
}

static void with_null(void *data)
{
    char *environment[6];

    (void)data;
    with_role("quiet", environment);
    EXECVE(kit_self(), NULL, environment);
}

static void with_strange_ones(void *data)
{
    char *environment[6];

    (void)data;
    with_role("quiet", environment);
    environment[3] = "no equals sign";
    environment[4] = "=";
    environment[5] = NULL;
    EXECVE(kit_self(), ((const char *[]){"", "", "\xff\xfe", "a\nb", "\"quoted\\\"", "", NULL}), environment);
}

static void with_many(void *data)
{
    static char many[MANY][8];
    static const char *argv[MANY + 1];
    char *environment[6];

    (void)data;
    for (int i = 0; i < MANY; i++) {
        memcpy(many[i], "arg 000", 8);
        many[i][4] += (char)(i / 100);
        many[i][5] += (char)(i / 10 % 10);
        many[i][6] += (char)(i % 10);
        argv[i] = many[i];
    }
    with_role("quiet", environment);
    EXECVE(kit_self(), argv, environment);
}

static void with_a_long_one(void *data)
{
    static char longest[STRING_LIMIT];
    char *environment[6];

    (void)data;
    memset(longest, 'x', sizeof(longest) - 1);
    with_role("quiet", environment);
    EXECVE(kit_self(), ((const char *[]){"x", longest, "behind", NULL}), environment);
}

static void failures(void)
{
    static char too_long[STRING_LIMIT + 1];
    const char **edge = kit_at_edge(2 * sizeof(*edge));
    const char *argv[] = {"x", "y", NULL};

    memset(too_long, 'x', sizeof(too_long) - 1);
    FAILS(E2BIG, execve, kit_self(), ((const char *[]){"x", too_long, NULL}), NULL);
    FAILS(E2BIG, execve, kit_self(), argv, ((const char *[]){"A=1", too_long, NULL}));
    edge[0] = edge[1] = "no end in sight";
    FAILS(EFAULT, execve, kit_self(), edge, NULL);
    FAILS(EFAULT, execve, kit_self(), argv, edge);
    FAILS(EFAULT, execve, kit_self(), ((const char *[]){"x", BAD, "z", NULL}), NULL);
    FAILS(EFAULT, execve, kit_self(), argv, ((const char *[]){BAD, NULL}));
    FAILS(ENOENT, execve, "none", NULL, NULL);
    FAILS(ENOENT, execve, "none", ((const char *[]){NULL}), ((const char *[]){NULL}));
}

SCENARIO
{
    static kit_function *const ways[] = {without_arguments, with_null, with_strange_ones, with_many, with_a_long_one};
    const char *role = getenv("ROLE");

    (void)argument;
    if (role && !strcmp(role, "quiet"))
        EXIT_GROUP(4);
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        if (kit_reap(kit_fork(ways[i], NULL)) != 4 << 8)
            kit_fail("a program ended otherwise");
    }
    failures();
}
