// SPDX-License-Identifier: Apache-2.0
/* A stack for handlers: set, used, asked for from within, taken away. */

#include <ucontext.h>

#include "network/signals.h"

static uint8_t stack_memory[65536] __attribute__((aligned(4096)));
static stack_t stack = {.ss_sp = stack_memory, .ss_size = sizeof(stack_memory)};
static stack_t old;
static volatile int on_it;

static void note(int signo, siginfo_t *info)
{
    uint8_t here;

    (void)info;
    on_it = (uintptr_t)&here - (uintptr_t)stack_memory < sizeof(stack_memory);
    OK(sigaltstack, NULL, &old);
    if (signo == SIGUSR1)
        FAILS(EPERM, sigaltstack, &stack, NULL); /* while it is in use */
}

SCENARIO
{
    static stack_t none = {.ss_flags = SS_DISABLE}, small = {.ss_sp = stack_memory, .ss_size = 100},
                   wrong = {.ss_sp = stack_memory, .ss_size = sizeof(stack_memory), .ss_flags = 77};
    long self = kit_tid();

    kit_handle(SIGUSR1, SA_ONSTACK, note);
    kit_handle(SIGUSR2, 0, note);
    OK(sigaltstack, NULL, &old);
    OK(sigaltstack, &stack, &old);
    OK(kill, self, SIGUSR1);
    if (!on_it || !(old.ss_flags & SS_ONSTACK))
        kit_fail("the handler did not run on its stack");
    OK(kill, self, SIGUSR2);
    if (on_it)
        kit_fail("the other handler was not to run there");
    OK(sigaltstack, &none, &old);
    OK(sigaltstack, NULL, NULL);
    FAILS(ENOMEM, sigaltstack, &small, NULL);
    FAILS(EINVAL, sigaltstack, &wrong, NULL);
    FAILS(EFAULT, sigaltstack, BAD, NULL);
    FAILS(EFAULT, sigaltstack, NULL, BAD);
}
