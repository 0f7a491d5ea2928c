// SPDX-License-Identifier: Apache-2.0
/* A child with two threads stops itself, stays stopped, and is continued: what its parent is told of it. */

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    _Atomic int ticks;
    _Atomic bool go_on;
} *shared;

static void *tick(void *data)
{
    while (true) {
        shared->ticks++;
        usleep(1000);
    }
    return data;
}

static int be_child(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, tick, NULL);
    raise(SIGSTOP);
    while (!shared->go_on)
        usleep(1000);
    return 9;
}


int main(void)
{
    int status = 0, before;
    pid_t child;

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    child = fork();
    if (child == 0)
        return be_child();
    waitpid(child, &status, WUNTRACED);
    printf("stopped %d by %d", WIFSTOPPED(status), WSTOPSIG(status));
    usleep(20000);
    before = shared->ticks;
    usleep(100000);
    printf(" moved %d", shared->ticks - before);
    kill(child, SIGCONT);
    waitpid(child, &status, WCONTINUED);
    printf(" continued %d", WIFCONTINUED(status));
    shared->go_on = true;
    waitpid(child, &status, 0);
    printf(" exited %d with %d\n", WIFEXITED(status), WEXITSTATUS(status));
    return 0;
}
