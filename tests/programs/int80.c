// SPDX-License-Identifier: Apache-2.0
/* Calls by the 32-bit gate from 64-bit code: number 20 is getpid there, writev here. */

#include <stdio.h>
#include <unistd.h>

static long gate(long nr, long first)
{
    long result;

    __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(first) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

int main(void)
{
    int right = 0, wrong_close;

    for (int i = 0; i < 10; i++)
        right += gate(20, 0) == getpid();
    wrong_close = gate(6, 77) == -9; /* close(77): EBADF */
    printf("right %d close %d\n", right, wrong_close);
    return 0;
}
