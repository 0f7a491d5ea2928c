// SPDX-License-Identifier: Apache-2.0
/* Ending a run: whatever the command started, and whoever else it took, is found as a descendant. */

#include "compare.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 200 /* of at least 10 ms: what cannot be killed in two seconds is stuck in the kernel */

struct process {
    pid_t pid;
    pid_t parent;
    bool ours;
};

static pid_t read_parent(const char *pid)
{
    char path[32];
    char line[512];
    const char *name_end = NULL;
    int parent = 0;
    FILE *stat;

    (void)snprintf(path, sizeof(path), "/proc/%.15s/stat", pid);
    stat = fopen(path, "re");
    if (!stat)
        return 0;
    if (fgets(line, sizeof(line), stat))
        name_end = strrchr(line, ')'); /* the name may hold anything */
    if (!name_end || sscanf(name_end, ") %*c %d", &parent) != 1)
        parent = 0;
    (void)fclose(stat);
    return parent;
}

static size_t read_processes(struct process **ret_processes)
{
    DIR *directory = opendir("/proc");
    struct process *processes = NULL;
    size_t count = 0;
    struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        struct process *larger;
        pid_t parent;

        if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !(parent = read_parent(entry->d_name)))
            continue;
        larger = reallocarray(processes, count + 1, sizeof(*larger));
        if (!larger)
            break;
        processes = larger;
        processes[count++] = (struct process){.pid = (pid_t)strtol(entry->d_name, NULL, 10), .parent = parent};
    }
    if (directory)
        closedir(directory);
    *ret_processes = processes;
    return count;
}

static bool is_ours(const struct process *processes, size_t count, pid_t parent)
{
    if (parent == getpid())
        return true;
    for (size_t i = 0; i < count; i++) {
        if (processes[i].pid == parent)
            return processes[i].ours;
    }
    return false;
}

static void kill_descendants(void)
{
    struct process *processes;
    size_t count = read_processes(&processes);
    bool found = true;

    while (found) {
        found = false;
        for (size_t i = 0; i < count; i++) {
            if (processes[i].ours || !is_ours(processes, count, processes[i].parent))
                continue;
            processes[i].ours = found = true;
            kill(processes[i].pid, SIGKILL);
        }
    }
    free(processes);
}

void end_descendants(void)
{
    static const struct timespec moment = {.tv_nsec = 10000000};

    for (int i = 0; i < ROUNDS; i++) {
        pid_t ended;

        do
            ended = waitpid(-1, NULL, WNOHANG | __WALL);
        while (ended > 0);
        if (ended < 0 && errno == ECHILD)
            return;
        kill_descendants();
        nanosleep(&moment, NULL);
    }
}
