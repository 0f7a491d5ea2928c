// SPDX-License-Identifier: Apache-2.0
/*
 * Makes one cheap call after another for MS milliseconds and prints in JSON how many there were, how long the longest
 * took, and how long those did in all that took more than a tenth of a millisecond. Says "begun" first.
 */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLOW_NS 100000

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

int main(int argc, char **argv)
{
    uint64_t calls = 0, slow = 0, slow_ns = 0, longest = 0, before, end;

    if (argc != 2)
        return 2;
    puts("begun");
    (void)fflush(stdout);
    before = now();
    end = before + strtoull(argv[1], NULL, 10) * 1000000;
    while (before < end) {
        uint64_t after, took;

        syscall(SYS_getppid);
        after = now();
        took = after - before;
        before = after;
        calls++;
        slow += took > SLOW_NS;
        slow_ns += took > SLOW_NS ? took : 0;
        longest = took > longest ? took : longest;
    }
    printf("{\"calls\": %" PRIu64 ", \"slow\": %" PRIu64 ", \"slow_ns\": %" PRIu64 ", \"longest_ns\": %" PRIu64 "}\n",
           calls, slow, slow_ns, longest);
    return 0;
}
