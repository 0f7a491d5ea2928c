// SPDX-License-Identifier: Apache-2.0
/*
 * Looks at affinities from all sides while it makes traced calls in a row: its
 * own, its children's, its threads', by call and in /proc. Says whether what
 * was promised to be as ever is so, and whether /proc shows it held on one cpu.
 */

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static cpu_set_t all;
static int failures;

static void make_calls(void)
{
    for (int i = 0; i < 200; i++)
        syscall(SYS_getppid);
}

static void expect(const char *what, const cpu_set_t *seen, const cpu_set_t *expected)
{
    if (CPU_EQUAL(seen, expected))
        return;
    printf("%s: %d cpus instead of %d\n", what, CPU_COUNT(seen), CPU_COUNT(expected));
    failures++;
}

static cpu_set_t by_call(pid_t pid)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    sched_getaffinity(pid, sizeof(set), &set);
    return set;
}

/* Of the calling thread, without a call that anybody watches. */
static cpu_set_t by_proc(void)
{
    char line[4096];
    unsigned long bits = 0;
    cpu_set_t set;
    FILE *file = fopen("/proc/thread-self/status", "r");

    CPU_ZERO(&set);
    while (file && fgets(line, sizeof(line), file)) {
        char *comma;

        if (strncmp(line, "Cpus_allowed:", 13) != 0)
            continue;
        comma = strrchr(line, ',');
        bits = strtoul(comma ? comma + 1 : line + 13, NULL, 16);
    }
    if (file)
        fclose(file);
    for (int cpu = 0; cpu < 32; cpu++) {
        if (bits >> cpu & 1)
            CPU_SET(cpu, &set);
    }
    return set;
}

static void *run_thread(void *data)
{
    cpu_set_t set = by_proc();

    (void)data;
    expect("a thread's own", &set, &all);
    return NULL;
}

static void look_from_child(void)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        cpu_set_t own = by_proc(), parents = by_call(getppid());

        failures = 0;
        expect("a child's own", &own, &all);
        expect("its parent's", &parents, &all);
        fflush(stdout);
        _exit(failures);
    }
    waitpid(child, &status, 0);
    failures += status != 0;
}

static void choose_one(void)
{
    cpu_set_t one, seen;

    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE && !CPU_COUNT(&one); cpu++) {
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    }
    make_calls();
    sched_setaffinity(0, sizeof(one), &one);
    make_calls();
    seen = by_call(0);
    expect("after choosing one", &seen, &one);
    sched_setaffinity(0, sizeof(all), &all);
    make_calls();
    seen = by_call(0);
    expect("after choosing all again", &seen, &all);
}

int main(void)
{
    cpu_set_t seen;
    pthread_t thread;

    all = by_call(0);
    make_calls();
    seen = by_proc();
    printf("%s\n", CPU_COUNT(&all) > 1 && CPU_COUNT(&seen) == 1 ? "held" : "free");
    fflush(stdout);
    make_calls();
    seen = by_call(0);
    expect("by call", &seen, &all);
    make_calls();
    look_from_child();
    make_calls();
    if (pthread_create(&thread, NULL, run_thread, NULL) == 0)
        pthread_join(thread, NULL);
    choose_one();
    printf("failures %d\n", failures);
    return failures != 0;
}
