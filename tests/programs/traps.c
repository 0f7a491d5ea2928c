// SPDX-License-Identifier: Apache-2.0
/*
 * traps N: N signals of each kind, with one argument and with three, that come
 * while the register of results holds -ENOSYS, as it does when a call begins;
 * and N calls that nobody knows, whose number is what a signal's return leaves.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t handled;

static void handle(int signal_)
{
    (void)signal_;
    handled++;
}

static void handle_with_info(int signal_, siginfo_t *info, void *context)
{
    (void)info;
    (void)context;
    handle(signal_);
}

static void trap(int times)
{
    for (int i = 0; i < times; i++) {
        long result = -ENOSYS;

        __asm__ volatile("int3" : "+a"(result) : : "memory");
    }
}

int main(int argc, char **argv)
{
    int times = argc > 1 ? atoi(argv[1]) : 10, unknown = 0;
    struct sigaction action = {.sa_handler = handle};

    sigaction(SIGTRAP, &action, NULL);
    trap(times);
    action = (struct sigaction){.sa_sigaction = handle_with_info, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, NULL);
    trap(times);
    for (int i = 0; i < times; i++)
        unknown += syscall(-1) == -1 && errno == ENOSYS;
    printf("handled %d unknown %d\n", (int)handled, unknown);
    return 0;
}
