// SPDX-License-Identifier: Apache-2.0
/*
 * exec-storm N: N times over, several threads race to execute this program
 * again, while others make calls and have children, by fork and by vfork. In
 * every second round the leader is gone before the race is decided.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its path, not /proc/self/exe: that one is gone with the leader. */
static char self[4096];
static char rounds_left[16];

static void *execute(void *data)
{
    char *argv[] = {self, rounds_left, NULL};

    usleep((unsigned)random() % 300);
    execv(self, argv);
    return data;
}

static void be_child(void)
{
    syscall(SYS_getppid);
    _exit(0);
}

/* In a frame of its own, since vfork() returns into it twice. */
__attribute__((noinline)) static void have_child_by_vfork(void)
{
    if (vfork() == 0)
        be_child();
}

static void *have_children(void *data)
{
    for (int i = 0; i < 2; i++) {
        if (fork() == 0)
            be_child();
        have_child_by_vfork();
    }
    return data;
}

static void *make_calls(void *data)
{
    while (syscall(SYS_getppid) >= 0)
        ;
    return data;
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t thread;

    if (rounds == 0) {
        while (wait(NULL) > 0)
            ;
        puts("the storm is over");
        return 0;
    }
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
        return 2;
    snprintf(rounds_left, sizeof(rounds_left), "%d", rounds - 1);
    srandom((unsigned)(getpid() + rounds));
    for (int i = 0; i < 4; i++) {
        pthread_create(&thread, NULL, execute, NULL);
        pthread_create(&thread, NULL, have_children, NULL);
        pthread_create(&thread, NULL, make_calls, NULL);
    }
    if (rounds & 1)
        pthread_exit(NULL);
    pause();
    return 1;
}
