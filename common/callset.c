// SPDX-License-Identifier: Apache-2.0
/* The `-e` expression. */

#include "callset.h"

#include <assert.h>
#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "callnames.h"
#include "cleanup.h"
#include "error.h"
#include "rows.h"

static_assert(CALL_COUNT == CALLSET_NATIVE_MAX, "a bit for each call");
static_assert(CALL_COUNT == ROW_SYSCALL_MAX, "rows of system calls have the calls' numbers");

/* What a word of the expression asks of a call. */
struct pattern {
    const char *name;
    const regex_t *regex;
    unsigned classes;
};

static uint64_t *set_words(struct callset *set, enum call_abi abi)
{
    uint64_t *const words[CALL_ABI_COUNT] = {
        [CALL_NATIVE] = set->native,
        [CALL_I386] = set->i386,
        [CALL_X32] = set->x32,
    };

    return words[abi];
}

static bool pattern_matches(const struct pattern *pattern, enum call_abi abi, unsigned index)
{
    const char *name = call_name(abi, index);

    if (!name)
        return false;
    if (pattern->name)
        return !strcmp(name, pattern->name);
    if (pattern->regex)
        return call_is_known(abi, index) && !regexec(pattern->regex, name, 0, NULL, 0);
    return call_classes(abi, index) & pattern->classes;
}

/* Returns whether anything matched. */
static bool add_matching(struct callset *set, const struct pattern *pattern)
{
    bool found = false;

    for (unsigned abi = 0; abi < CALL_ABI_COUNT; abi++) {
        uint64_t *words = set_words(set, abi);

        for (unsigned i = 0; i < CALL_COUNT; i++) {
            if (!pattern_matches(pattern, abi, i))
                continue;
            words[i / 64] |= (uint64_t)1 << i % 64;
            found = true;
        }
    }
    return found;
}

/* The bit of the class with that name, 0 if there is none. */
static unsigned find_class(const char *name)
{
    if (!strcmp(name, "net"))
        return C_NETWORK;
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        if (!strcmp(class_names[i], name))
            return 1U << i;
    return 0;
}

static int add_regex(struct callset *set, const char *source, struct sysfold_error *error)
{
    regex_t regex;
    char reason[128];
    bool found;
    int code = regcomp(&regex, source, REG_EXTENDED | REG_NOSUB);

    if (code) {
        regerror(code, &regex, reason, sizeof(reason));
        return error_set(error, -EINVAL, "bad regular expression '%.100s': %s", source, reason);
    }
    found = add_matching(set, &(struct pattern){.regex = &regex});
    regfree(&regex);
    if (!found)
        return error_set(error, -EINVAL, "no system call matches '/%.100s'", source);
    return 0;
}

static int refuse_word(const char *word, struct sysfold_error *error)
{
    const char *kind = *word == '%' ? "class" : "system call";
    const char *nearest = call_nearest_name(*word == '%' ? word + 1 : word);

    if (nearest)
        return error_set(error, -EINVAL, "unknown %s '%.100s' (did you mean '%s'?)", kind, word, nearest);
    return error_set(error, -EINVAL, "unknown %s '%.100s'", kind, word);
}

static int add_word(struct callset *set, const char *word, struct sysfold_error *error)
{
    unsigned classes;

    if (!*word)
        return error_set(error, -EINVAL, "a system call's name is missing in the list");
    if (!strcmp(word, "all") || !strcmp(word, "%all")) {
        set->everything = true;
        return 0;
    }
    if (*word == '/')
        return add_regex(set, word + 1, error);
    classes = find_class(*word == '%' ? word + 1 : word);
    if (classes) {
        (void)add_matching(set, &(struct pattern){.classes = classes});
        return 0;
    }
    if (*word == '%' || !add_matching(set, &(struct pattern){.name = word}))
        return refuse_word(word, error);
    return 0;
}

static void invert(struct callset *set)
{
    if (set->everything) {
        *set = (struct callset){0};
        return;
    }
    for (unsigned abi = 0; abi < CALL_ABI_COUNT; abi++)
        for (unsigned i = 0; i < CALL_COUNT / 64; i++)
            set_words(set, abi)[i] = ~set_words(set, abi)[i];
    set->beyond = true;
}

/* Cuts the blanks off both ends, in place. */
static char *trim(char *word)
{
    size_t length;

    word += strspn(word, " \t");
    length = strlen(word);
    while (length && strchr(" \t", word[length - 1]))
        word[--length] = '\0';
    return word;
}

static int add_list(struct callset *set, char *list, struct sysfold_error *error)
{
    char *word;

    while ((word = strsep(&list, ","))) {
        int r = add_word(set, trim(word), error);

        if (r < 0)
            return r;
    }
    return 0;
}

int callset_parse(struct callset *ret_set, const char *expression, struct sysfold_error *error)
{
    cleanup_free char *copy = NULL;
    struct callset set = {0};
    char *list;
    bool inverted;
    int r;

    copy = strdup(expression ? expression : "all");
    if (!copy)
        return error_system(error, -ENOMEM, "cannot read the list of system calls");
    list = trim(copy);
    if (!strncmp(list, "trace=", 6))
        list = trim(list + 6);
    inverted = *list == '!';
    r = add_list(&set, inverted ? list + 1 : list, error);
    if (r < 0)
        return r;
    if (inverted)
        invert(&set);
    *ret_set = set;
    return 0;
}

bool callset_has(const struct callset *set, uint32_t arch, uint32_t nr)
{
    const uint64_t *const words[CALL_ABI_COUNT] = {
        [CALL_NATIVE] = set->native,
        [CALL_I386] = set->i386,
        [CALL_X32] = set->x32,
    };
    enum call_abi abi;
    uint32_t index;

    if (set->everything || !call_find_abi(arch, nr, &abi, &index))
        return true;
    if (index >= CALL_COUNT)
        return set->beyond;
    return words[abi][index / 64] >> index % 64 & 1;
}
