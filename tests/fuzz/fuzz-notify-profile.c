// SPDX-License-Identifier: Apache-2.0
/* A byte that chooses the calls, and any JSON as a seccomp profile in which they are to be notified. */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/notify/profile.h"
#include "fuzz.h"

static void choose(uint8_t byte, struct profile_choice *ret_choice)
{
    static const char *const sets[] = {"all",   "open,openat", "file",       "network,getppid",
                                       "!file", "clone3",      "socketcall", "/^p"};
    static struct callset made[8];
    static bool is_made[8];
    struct sysfold_error error;

    if (!is_made[byte & 7])
        check(callset_parse(&made[byte & 7], sets[byte & 7], &error) == 0, "the sets are sets");
    is_made[byte & 7] = true;
    *ret_choice = (struct profile_choice){.calls = made[byte & 7], .for_any = byte & 8};
}

/* What came out is JSON, of an agent's profile, which is none to begin with. */
static void check_made(const json_t *profile)
{
    struct sysfold_error error = {0};
    char *text = json_dumps(profile, JSON_COMPACT);
    json_t *again = text ? json_loads(text, 0, NULL) : NULL;

    check(again != NULL, "a profile is JSON");
    check(json_equal(profile, again), "it is the same when it is read again");
    check(profile_check(again, "f", "", &error) < 0, "a profile with an agent is refused");
    json_decref(again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile_choice choice;
    struct sysfold_error error = {0};
    json_t *profile = size ? json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES, NULL) : NULL;
    char *text = NULL;
    size_t length;
    FILE *notes;
    int r;

    if (!profile)
        return 0;
    choose(data[0], &choice);
    r = profile_check(profile, "f", "", &error);
    check(r == 0 || (r == error.code && *error.message), "an error says why");
    notes = r == 0 ? open_memstream(&text, &length) : NULL;
    if (notes) {
        r = profile_notify(profile, &choice, notes, &error);
        (void)fclose(notes);
        check(r == 0 || (r == error.code && *error.message), "an error says why");
        if (r == 0)
            check_made(profile);
    }
    free(text);
    json_decref(profile);
    return 0;
}
