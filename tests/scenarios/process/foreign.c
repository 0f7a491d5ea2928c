// SPDX-License-Identifier: Apache-2.0
/* Calls in the words of a 32-bit processor, whose numbers mean something else, and of x32, which few kernels have. */

#include <sys/prctl.h>

#include "powerless.h"

#define SYS_of_x32 0x40000027 /* its getpid */
#define I386_READ 3
#define I386_WRITE 4
#define I386_OPEN 5
#define I386_CLOSE 6
#define I386_GETPID 20
#define I386_GETPPID 64

static char *low;

static void find_out(void)
{
    int status;
    pid_t child;

    low = kit_low_memory(4096);
    child = fork();
    if (!child) {
        long result;

        __asm__ volatile("int $0x80" : "=a"(result) : "a"(I386_GETPID) : "memory", "r8", "r9", "r10", "r11");
        _exit(result != getpid());
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status)
        kit_skip("there are no 32-bit calls");
}
BEFORE(find_out)

static void expect(bool is_so)
{
    if (!is_so)
        kit_fail("a 32-bit call went otherwise");
}

SCENARIO
{
    long fd;

    OK(getpid);
    expect(kit_call32(I386_GETPID, 0, 0, 0, 0, 0, 0) == kit_tid());
    kit_call32(I386_GETPPID, 1, 2, 3, 4, 5, 6);
    strcpy(low, "here");
    fd = kit_call32(I386_OPEN, (uintptr_t)low, O_RDWR | O_CREAT, 0600, 0, 0, 0);
    expect(fd >= 0);
    expect(kit_call32(I386_WRITE, (unsigned long)fd, (uintptr_t)low, 4, 0, 0, 0) == 4);
    expect(kit_call32(I386_READ, (unsigned long)fd, 0, 4, 0, 0, 0) == 0);
    expect(kit_call32(I386_WRITE, 99, (uintptr_t)low, 4, 0, 0, 0) == -EBADF);
    expect(kit_call32(I386_OPEN, 0xffff0000, 0, 0, 0, 0, 0) == -EFAULT);
    expect(kit_call32(9999, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX) == -ENOSYS);
    expect(kit_call32(I386_CLOSE, (unsigned long)fd, 0, 0, 0, 0, 0) == 0);
    OK(unlink, low);
    TRY(of_x32);
}
