// SPDX-License-Identifier: Apache-2.0
/* Faults, mended by the handlers of their signals. */

#include <sys/mman.h>

#include "kit/kit.h"

#define PAGE 4096

static volatile uint8_t *volatile page;
static int file;

static void mend(int signo, siginfo_t *info)
{
    if (signo == SIGBUS)
        OK(ftruncate, file, PAGE);
    else if (info->si_code == SEGV_MAPERR)
        OK(mmap, page, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    else
        OK(mprotect, page, PAGE, PROT_READ | PROT_WRITE);
}

SCENARIO
{
    kit_handle(SIGSEGV, 0, mend);
    kit_handle(SIGBUS, SA_RESTART, mend);
    page = (volatile uint8_t *)OK(mmap, NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[1] = 1; /* it is forbidden */
    OK(munmap, page, PAGE);
    (void)page[1]; /* it is not there */
    page[1] = 1;   /* it can only be read */
    OK(munmap, page, PAGE);
    file = (int)OK(open, "empty", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    page = (volatile uint8_t *)OK(mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    page[1] = 1; /* it is behind the file's end */
    OK(munmap, page, PAGE);
}
