// SPDX-License-Identifier: Apache-2.0
/* Children that are killed: in a call, between calls, and while they make threads and children. */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 30

static void *nothing(void *data)
{
    return data;
}

static void loop(int kind)
{
    int fds[2];
    char byte;
    pthread_t thread;

    if (kind == 0 && pipe(fds) == 0)
        (void)!read(fds[0], &byte, 1);
    while (kind == 1)
        syscall(SYS_getppid);
    while (kind == 2) {
        if (pthread_create(&thread, NULL, nothing, NULL) == 0)
            pthread_detach(thread);
    }
    while (kind == 3) {
        if (fork() == 0)
            _exit(0);
        waitpid(-1, NULL, WNOHANG);
    }
}

int main(void)
{
    int killed = 0, status;

    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();

        if (child == 0) {
            loop(i % 4);
            _exit(1);
        }
        usleep(2000 + i * 317);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    }
    printf("killed %d\n", killed);
    return 0;
}
