// SPDX-License-Identifier: Apache-2.0
/*
 * A threaded program whose threads do a known number of things each: files,
 * failures, and a child of their own. Argument: how many threads.
 */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS_MAX 64
#define ROUNDS 20

static pthread_barrier_t barrier;

static void *work(void *data)
{
    int number = (int)(intptr_t)data;
    char path[32];

    if (unshare(CLONE_FILES)) /* else the threads would race for the lowest descriptor */
        abort();
    pthread_barrier_wait(&barrier);
    (void)snprintf(path, sizeof(path), "file%d", number);
    for (int i = 0; i < ROUNDS; i++) {
        int fd = openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, path, (size_t)number + (size_t)i) != number + i)
            abort();
        if (syscall(SYS_close, fd) < 0 || access("nothing", F_OK) == 0)
            abort();
    }
    for (int i = 0; i < number; i++)
        (void)syscall(SYS_getppid);
    pthread_barrier_wait(&barrier);
    return NULL;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 4;
    pthread_t threads[THREADS_MAX];

    if (count < 1 || count > THREADS_MAX || pthread_barrier_init(&barrier, NULL, (unsigned)count + 1))
        return 2;
    for (int i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i))
            return 2;
    }
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
    return 0; /* also what a thread is said to have ended with if it is waited for after this */
}
