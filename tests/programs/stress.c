// SPDX-License-Identifier: Apache-2.0
/* stress PROCESSES THREADS CALLS: each thread of each process makes that many getppid; says how many there were. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic long *done;
static int calls;

static void *work(void *data)
{
    for (int i = 0; i < calls; i++) {
        syscall(SYS_getppid);
        (*done)++;
    }
    return data;
}

static int be_process(int threads)
{
    pthread_t *ids = calloc((size_t)threads, sizeof(*ids));
    pthread_attr_t attributes;
    int started = 0;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    while (started < threads && pthread_create(&ids[started], &attributes, work, NULL) == 0)
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    free(ids);
    return started == threads ? 0 : 1;
}

int main(int argc, char **argv)
{
    int processes, threads, status, failures = 0;

    if (argc < 4)
        return 2;
    processes = atoi(argv[1]);
    threads = atoi(argv[2]);
    calls = atoi(argv[3]);
    done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < processes; i++) {
        if (fork() == 0)
            _exit(be_process(threads));
    }
    while (wait(&status) > 0)
        failures += status != 0;
    printf("calls %ld threads %d failures %d\n", *done, processes * threads, failures);
    return 0;
}
