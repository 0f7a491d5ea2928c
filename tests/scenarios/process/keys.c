// SPDX-License-Identifier: Apache-2.0
/* A key in the process's own keyring, which goes when the process does. */

#include <linux/keyctl.h>

#include "powerless.h"

static void find_out(void)
{
    if (syscall(SYS_request_key, "user", "sysfold: none such", NULL, KEY_SPEC_PROCESS_KEYRING) < 0 && errno != ENOKEY)
        kit_skip("there are no keys, or not for everyone");
}
BEFORE(find_out)

static void keeper(void *data)
{
    char longest[4097];

    (void)data;
    memset(longest, 'k', sizeof(longest));
    longest[4096] = 0;
    OK(add_key, "user", "sysfold: a key", "secret", 6, KEY_SPEC_PROCESS_KEYRING);
    OK(request_key, "user", "sysfold: a key", NULL, KEY_SPEC_PROCESS_KEYRING);
    FAILS(ENOKEY, request_key, "user", "sysfold: another", NULL, KEY_SPEC_PROCESS_KEYRING);
    FAILS(EFAULT, request_key, "user", BAD, NULL, KEY_SPEC_PROCESS_KEYRING);
    FAILS(EFAULT, request_key, BAD, "sysfold: a key", NULL, KEY_SPEC_PROCESS_KEYRING);
    FAILS(EFAULT, request_key, "user", "sysfold: a key", BAD, KEY_SPEC_PROCESS_KEYRING);
    FAILS(ENODEV, add_key, "sysfold", "sysfold: a key", "secret", 6, KEY_SPEC_PROCESS_KEYRING);
    FAILS(EINVAL, add_key, "user", "sysfold: a key", NULL, 1 << 20, KEY_SPEC_PROCESS_KEYRING);
    OK(add_key, "user", longest + 1, "secret", 6, KEY_SPEC_PROCESS_KEYRING);
    FAILS(EINVAL, add_key, "user", longest, "secret", 6, KEY_SPEC_PROCESS_KEYRING);
    FAILS(EFAULT, add_key, "user", BAD, "secret", 6, KEY_SPEC_PROCESS_KEYRING);
    FAILS(EFAULT, add_key, "user", "sysfold: a key", BAD, 6, KEY_SPEC_PROCESS_KEYRING);
    EXIT_GROUP(0);
}

SCENARIO
{
    in_a_child(keeper);
}
