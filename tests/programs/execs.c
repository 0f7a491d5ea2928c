// SPDX-License-Identifier: Apache-2.0
/* execs HOW: becomes /bin/true by execveat with a directory (at), without one (path), or by the 32-bit gate (gate). */

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
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

int main(int argc, char **argv)
{
    char *words[] = {"first", "second", NULL}, *environment[] = {NULL};
    const char *how = argc > 1 ? argv[1] : "path";

    if (!strcmp(how, "gate"))
        execute_by_gate();
    else if (!strcmp(how, "at"))
        syscall(SYS_execveat, open("/bin", O_PATH), "true", words, environment, 0);
    else
        syscall(SYS_execveat, AT_FDCWD, "/bin/true", words, environment, 0);
    return 1;
}
