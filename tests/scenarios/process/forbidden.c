// SPDX-License-Identifier: Apache-2.0
/* What reaches into the kernel, by somebody who has no power to: each call is also wrong in itself. */

#include "powerless.h"

static int init_module_refusal, finit_module_refusal, delete_module_refusal, reboot_refusal, syslog_refusal,
    vhangup_refusal;

static void find_out(void)
{
    init_module_refusal = refusal_of(SYS_init_module, (long)BAD, 0, (long)"", 0);
    finit_module_refusal = refusal_of(SYS_finit_module, -1, (long)"", 0, 0);
    delete_module_refusal = refusal_of(SYS_delete_module, (long)"sysfold: none such", O_NONBLOCK, 0, 0);
    reboot_refusal = refusal_of(SYS_reboot, 0, 0, 0, 0);
    syslog_refusal = refusal_of(SYS_syslog, 99, 0, 0, 0);
    vhangup_refusal = refusal_of(SYS_vhangup, 0, 0, 0, 0);
}
BEFORE(find_out)

static void modules(void)
{
    FAILS(init_module_refusal, init_module, BAD, 0, "");
    FAILS(init_module_refusal, init_module, BAD, 0, "debug=1 name=\xff");
    FAILS(init_module_refusal, init_module, BAD, 0, BAD);
    FAILS(finit_module_refusal, finit_module, -1, "", 0);
    FAILS(finit_module_refusal, finit_module, 99, BAD, 3);
    FAILS(delete_module_refusal, delete_module, "sysfold: none such", O_NONBLOCK);
    FAILS(delete_module_refusal, delete_module, BAD, O_NONBLOCK | O_TRUNC);
}

static void powerless(void *data)
{
    (void)data;
    become_powerless();
    modules();
    FAILS(reboot_refusal, reboot, 0, 0, 0, NULL);
    FAILS(reboot_refusal, reboot, 0xdeadbeef, 0xffffffff, 0x12345678, BAD);
    FAILS(EPERM, sethostname, kit_at_edge(7), -1);
    FAILS(EPERM, sethostname, BAD, 65);
    FAILS(EPERM, sethostname, NULL, 0);
    FAILS(EPERM, setdomainname, kit_at_edge(65), 65);
    FAILS(EPERM, setdomainname, BAD, 65);
    FAILS(syslog_refusal, syslog, 99, NULL, 0);
    FAILS(syslog_refusal, syslog, 3, BAD, -1);
    OK(setsid); /* no terminal that could be hung up */
    FAILS(vhangup_refusal, vhangup);
    EXIT_GROUP(0);
}

SCENARIO
{
    in_a_child(powerless);
}
