// SPDX-License-Identifier: Apache-2.0
/* repeat N COMMAND ...: runs it N times, one after the other, and says how many ended well. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int run(char **argv)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        execv(argv[0], argv);
        _exit(127);
    }
    waitpid(child, &status, 0);
    return status;
}

int main(int argc, char **argv)
{
    int good = 0;

    if (argc < 3)
        return 2;
    for (int i = atoi(argv[1]); i > 0; i--)
        good += run(argv + 2) == 0;
    printf("ended well %d\n", good);
    return 0;
}
