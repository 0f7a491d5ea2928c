// SPDX-License-Identifier: Apache-2.0
/*
 * busy THREADS ROUNDS [FILE [ENOUGH]]: each thread opens a file, asks for its own number, and closes it again, so many
 * times, and checks that each call did what it should. Says how many opens there were, and "wrong" for one that failed.
 * With FILE it waits before it begins until that is there; it says "ready" first. With ENOUGH the threads go on until
 * that is there, and only then make their last ROUNDS: whoever looks at them meanwhile finds them busy.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS_MAX 2000

static long rounds;
static _Atomic long opens, wrong;
static atomic_bool goes_on;

static void make_round(void)
{
    char letter = 0;
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

    if (fd < 0 || read(fd, &letter, 1) != 1 || letter != 'r' || close(fd) < 0 || getppid() < 0)
        wrong++;
    if (open("/nonexistent", O_RDONLY) >= 0)
        wrong++;
    opens += 2;
}

static void *work(void *data)
{
    (void)data;
    while (goes_on)
        make_round();
    for (long i = 0; i < rounds; i++)
        make_round();
    return NULL;
}

static void await_file(const char *path)
{
    while (access(path, F_OK) < 0)
        usleep(1000);
}

int main(int argc, char **argv)
{
    static pthread_t threads[THREADS_MAX];
    long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;

    if (count < 1 || count > THREADS_MAX)
        return 2;
    rounds = strtol(argv[2], NULL, 10);
    if (argc > 3) {
        puts("ready");
        (void)fflush(stdout);
    }
    if (argc > 3)
        await_file(argv[3]);
    goes_on = argc > 4;
    for (long i = 0; i < count; i++) {
        if (pthread_create(&threads[i], NULL, work, NULL))
            return 3;
    }
    if (argc > 4)
        await_file(argv[4]);
    goes_on = false;
    for (long i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    printf("%ld opens%s\n", opens, wrong ? ", wrong" : "");
    return wrong ? 1 : 42;
}
