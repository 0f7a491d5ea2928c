// SPDX-License-Identifier: Apache-2.0
/* many-children N: N short processes, ten at a time, each with one getppid and a status of its own. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 1000;
    int started = 0, ended = 0, sum = 0, status;

    while (ended < count) {
        if (started < count && started - ended < 10) {
            if (fork() == 0) {
                syscall(SYS_getppid);
                _exit(started % 100);
            }
            started++;
            continue;
        }
        if (wait(&status) > 0) {
            ended++;
            sum += WEXITSTATUS(status);
        }
    }
    printf("children %d sum %d\n", ended, sum);
    return 0;
}
