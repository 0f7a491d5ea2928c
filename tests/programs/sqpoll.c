// SPDX-License-Identifier: Apache-2.0
/* sqpoll N: N calls after the kernel's threads that served io_urings of this process have ended. */

#include <dirent.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_ring(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 10};

    return (int)syscall(SYS_io_uring_setup, 4, &params);
}

/* The kernel's threads are listed with the process's own. */
static int count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = -2; /* "." and ".." */

    while (tasks && readdir(tasks))
        count++;
    if (tasks)
        closedir(tasks);
    return count;
}

int main(int argc, char **argv)
{
    int calls = argc > 1 ? atoi(argv[1]) : 10, most;
    int rings[] = {open_ring(), open_ring()};

    if (rings[0] < 0 || rings[1] < 0) {
        printf("refused: %s\n", strerror(errno));
        return 0;
    }
    most = count_threads();
    close(rings[0]);
    close(rings[1]);
    for (int i = 0; i < 500 && count_threads() > 1; i++)
        usleep(2000);
    printf("threads %d then %d\n", most, count_threads());
    for (int i = 0; i < calls; i++)
        syscall(SYS_getppid);
    return 0;
}
