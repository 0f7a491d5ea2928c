// SPDX-License-Identifier: Apache-2.0
/* Two threads end one after the other, then the process. */

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *end(void *data)
{
    syscall(SYS_getppid);
    syscall(SYS_exit, 7);
    return data;
}

int main(void)
{
    pthread_t thread;

    for (int i = 0; i < 2; i++) {
        pthread_create(&thread, NULL, end, NULL);
        pthread_join(thread, NULL);
    }
    syscall(SYS_exit_group, 5);
    return 1;
}
