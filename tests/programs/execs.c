// SPDX-License-Identifier: Apache-2.0
/*
 * execs HOW: becomes /bin/true by execveat with a directory (at), without one
 * (path), in a child after 200 others that did so by execve (many), by the
 * 32-bit gate (gate), or so after an execve that failed (again).
 */

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the gate is given must lie where 32 bits reach. */
struct low {
    char path[16], first[16], second[16];
    uint32_t argv[3], environment[1];
};

static uint32_t address(const void *pointer)
{
    return (uint32_t)(uintptr_t)pointer;
}

static void execute_by_gate(void)
{
    struct low *low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    long result = 11; /* execve, there */

    if (low == MAP_FAILED)
        return;
    *low = (struct low){.path = "/bin/true", .first = "first", .second = "second"};
    low->argv[0] = address(low->first);
    low->argv[1] = address(low->second);
    __asm__ volatile("int $0x80"
                     : "+a"(result)
                     : "b"(low->path), "c"(low->argv), "d"(low->environment)
                     : "memory", "r8", "r9", "r10", "r11");
}

/* Returns in the last child, which has nothing to do yet. */
static void execute_in_children(char **words, char **environment)
{
    for (int i = 0; i <= 200; i++) {
        pid_t child = fork();

        if (child == 0 && i == 200)
            return;
        if (child == 0)
            _exit(execve("/bin/true", words, environment));
        waitpid(child, NULL, 0);
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    char *words[] = {"first", "second", NULL}, *environment[] = {NULL};
    const char *how = argc > 1 ? argv[1] : "path";

    if (!strcmp(how, "many"))
        execute_in_children(words, environment);
    if (!strcmp(how, "again"))
        execve("/nonexistent", words, environment);
    if (!strcmp(how, "gate") || !strcmp(how, "again"))
        execute_by_gate();
    else if (!strcmp(how, "at"))
        syscall(SYS_execveat, open("/bin", O_PATH), "true", words, environment, 0);
    else
        syscall(SYS_execveat, AT_FDCWD, "/bin/true", words, environment, 0);
    return 1;
}
