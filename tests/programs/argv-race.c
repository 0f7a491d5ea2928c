// SPDX-License-Identifier: Apache-2.0
/*
 * argv-race N: N children execute this program again while a thread of theirs
 * rewrites an argument. The new image says its pid and what it was given.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char argument[49];
static _Atomic int rewritten;

static void *rewrite(void *data)
{
    for (;; rewritten++) {
        memset(argument, rewritten & 1 ? 'A' : 'B', sizeof(argument) - 1);
        __asm__ volatile("" : : : "memory");
    }
    return data;
}

/* All of it lies on pages that are there: a recorder can read it at any time. */
static void execute(void)
{
    char first[] = "raced", last[] = "told";
    char *argv[] = {first, argument, last, NULL};
    pthread_t thread;

    pthread_create(&thread, NULL, rewrite, NULL);
    while (rewritten < 1000)
        ;
    execv("/proc/self/exe", argv);
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        printf("%d \"%s\"\n", getpid(), argv[1]);
        return 0;
    }
    for (int i = argc > 1 ? atoi(argv[1]) : 1; i > 0; i--) {
        if (fork() == 0)
            execute();
        wait(NULL);
    }
    return 0;
}
