// SPDX-License-Identifier: Apache-2.0
/* Capabilities: asked for, given away, not to be had again. */

#include "powerless.h"

#define VERSION_1 0x19980330

static void giver(void *data)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = (int)kit_tid()};
    struct __user_cap_data_struct words[2] = {0};

    (void)data;
    OK(capget, &header, words);
    OK(capset, &header, words);
    words[0].inheritable = words[1].inheritable = 0;
    OK(capset, &header, words);
    become_powerless();
    words[0].permitted = 1 << CAP_CHOWN;
    FAILS(EPERM, capset, &header, words);
    words[0].permitted = 0;
    words[1].effective = 1;
    FAILS(EPERM, capset, &header, words);
    header.pid = NO_SUCH_PID;
    FAILS(EPERM, capset, &header, words);
    EXIT_GROUP(0);
}

SCENARIO
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct words[2] = {0};

    OK(capget, &header, words);
    header.version = 1;
    FAILS(EINVAL, capget, &header, words); /* and the version that there is is written back */
    if (header.version != _LINUX_CAPABILITY_VERSION_3)
        kit_fail("the kernel has other capabilities");
    header.version = 1;
    OK(capget, &header, NULL);
    FAILS(EFAULT, capget, BAD, words);
    FAILS(EFAULT, capget, NULL, words);
    FAILS(EFAULT, capget, &header, BAD);
    header.pid = NO_SUCH_PID;
    FAILS(ESRCH, capget, &header, words);
    header.pid = -1;
    FAILS(EINVAL, capget, &header, words);
    header = (struct __user_cap_header_struct){.version = 7};
    FAILS(EINVAL, capset, &header, words);
    FAILS(EFAULT, capset, BAD, words);
    header.version = _LINUX_CAPABILITY_VERSION_3;
    FAILS(EFAULT, capset, &header, BAD);
    in_a_child(giver);
}
