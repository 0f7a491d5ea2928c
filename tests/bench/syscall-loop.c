// SPDX-License-Identifier: Apache-2.0
/*
 * Makes one kind of call many times and prints what one cost, in ns of wall
 * time, on standard output. With --filter it first installs a seccomp filter
 * that allows everything: what an untraced call under any filter costs. With
 * --threads=N so many threads do it at once, and what is printed is the time
 * by the calls of all of them. With --cpu it is cpu time: for what nobody is
 * waited for, on a machine that has other things to do.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64

static const char *what;
static long count;
static clockid_t clock_used = CLOCK_MONOTONIC;
static pthread_barrier_t beginning;

static void install_allow_all(void)
{
    struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = 1, .filter = &allow};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
        perror("seccomp");
        exit(1);
    }
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(clock_used, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

struct place {
    int listener;
    struct sockaddr_in address;
};

static struct place listen_somewhere(void)
{
    struct place place = {.address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(place.address);

    place.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (place.listener < 0 || bind(place.listener, (struct sockaddr *)&place.address, size) < 0 ||
        listen(place.listener, 16) < 0 || getsockname(place.listener, (struct sockaddr *)&place.address, &size) < 0) {
        perror("socket");
        exit(1);
    }
    return place;
}

/* A whole one: what connect() costs alone cannot be had. */
static void connect_once(const struct place *place)
{
    const struct linger reset = {.l_onoff = 1};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    (void)connect(fd, (const struct sockaddr *)&place->address, sizeof(place->address));
    close(accept(place->listener, NULL, NULL));
    close(fd);
}

static void call_once(const struct place *place)
{
    if (what[0] == 'g') {
        syscall(SYS_getppid);
    } else if (what[0] == 'c') {
        connect_once(place);
    } else {
        int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);

        close(fd);
    }
}

static void *work(void *data)
{
    struct place place = what[0] == 'c' ? listen_somewhere() : (struct place){0};

    pthread_barrier_wait(&beginning);
    for (long i = 0; i < count; i++)
        call_once(&place);
    return data;
}

static uint64_t run(unsigned threads)
{
    pthread_t ids[THREADS_MAX];
    uint64_t start;

    pthread_barrier_init(&beginning, NULL, threads);
    for (unsigned i = 1; i < threads; i++) {
        if (pthread_create(&ids[i], NULL, work, NULL) != 0)
            exit(1);
    }
    start = now();
    work(NULL);
    for (unsigned i = 1; i < threads; i++)
        pthread_join(ids[i], NULL);
    return now() - start;
}

int main(int argc, char **argv)
{
    unsigned threads = 1;

    what = argc > 1 ? argv[1] : "";
    count = argc > 2 ? atol(argv[2]) : 0;
    for (int i = 3; i < argc; i++) {
        if (!strcmp(argv[i], "--filter"))
            install_allow_all();
        else if (!strcmp(argv[i], "--cpu"))
            clock_used = CLOCK_PROCESS_CPUTIME_ID;
        else if (!strncmp(argv[i], "--threads=", 10))
            threads = (unsigned)atoi(argv[i] + 10);
    }
    if ((strcmp(what, "getppid") != 0 && strcmp(what, "open-close") != 0 && strcmp(what, "connect") != 0) ||
        count <= 0 || threads < 1 || threads > THREADS_MAX) {
        fprintf(stderr, "usage: %s getppid|open-close|connect COUNT [--filter] [--cpu] [--threads=N]\n", argv[0]);
        return 2;
    }
    printf("%.1f\n", (double)run(threads) / ((double)count * threads));
    return 0;
}
