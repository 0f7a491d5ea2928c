// SPDX-License-Identifier: Apache-2.0
/*
 * Makes one kind of call many times and prints what one cost, in ns of wall
 * time, on standard output. With --filter it first installs a seccomp filter
 * that allows everything: what an untraced call under any filter costs.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

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

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void call_once(const char *what)
{
    if (what[0] == 'g') {
        syscall(SYS_getppid);
    } else {
        int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);

        close(fd);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    long count = argc > 2 ? atol(argv[2]) : 0;
    uint64_t start;

    if ((strcmp(what, "getppid") != 0 && strcmp(what, "open-close") != 0) || count <= 0) {
        fprintf(stderr, "usage: %s getppid|open-close COUNT [--filter]\n", argv[0]);
        return 2;
    }
    if (argc > 3 && !strcmp(argv[3], "--filter"))
        install_allow_all();
    start = now();
    for (long i = 0; i < count; i++)
        call_once(what);
    printf("%.1f\n", (double)(now() - start) / (double)count);
    return 0;
}
