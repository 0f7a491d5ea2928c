// SPDX-License-Identifier: Apache-2.0
/* vforks N: N children by vfork that execute `true`; and one that exits without. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not in the frame that vfork() returns into twice. */
static int good, started;

static int wait_for(pid_t child)
{
    int status = -1;

    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 10, other;
    pid_t child;

    for (started = 0; started < count; started++) {
        child = vfork();
        if (child == 0) {
            execlp("true", "true", (char *)NULL);
            _exit(127);
        }
        good += wait_for(child) == 0;
    }
    child = vfork();
    if (child == 0)
        _exit(4);
    other = wait_for(child);
    printf("executed %d exited %d\n", good, other);
    return 0;
}
