// SPDX-License-Identifier: Apache-2.0
/* Anonymous memory: mapped, protected, unmapped. */

#include <sys/mman.h>

#include "kit/kit.h"

#define PAGE 4096
#define ANYWHERE (MAP_PRIVATE | MAP_ANONYMOUS)
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

static void map(void)
{
    uint8_t *one = (uint8_t *)OK(mmap, NULL, 1, PROT_READ | PROT_WRITE, ANYWHERE, -1, 0); /* a page it is */

    one[PAGE - 1] = 1;
    OK(munmap, one, 1);
    OK(mmap, NULL, PAGE + 1, PROT_NONE, ANYWHERE | MAP_NORESERVE, 99, 0); /* the descriptor is nothing */
    OK(mmap, NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    OK(mmap, NULL, PAGE, PROT_READ, ANYWHERE | MAP_32BIT, -1, 0);
    FAILS(EINVAL, mmap, NULL, 0, PROT_READ, ANYWHERE, -1, 0);
    FAILS(EINVAL, mmap, NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0);
    FAILS(EINVAL, mmap, NULL, PAGE, PROT_READ, ANYWHERE, -1, 1);
    FAILS(EINVAL, mmap, 1, PAGE, PROT_READ, ANYWHERE | MAP_FIXED, -1, 0);
    FAILS(ENOMEM, mmap, NULL, UINT64_MAX, PROT_READ, ANYWHERE, -1, 0);
    FAILS(ENOMEM, mmap, NULL, INT64_MAX, PROT_READ, ANYWHERE, -1, 0);
}

static void map_there(void)
{
    uint8_t *pages = (uint8_t *)OK(mmap, NULL, 3 * PAGE, PROT_READ, ANYWHERE, -1, 0);

    FAILS(EEXIST, mmap, pages, PAGE, PROT_READ, ANYWHERE | MAP_FIXED_NOREPLACE, -1, 0);
    OK(munmap, pages + PAGE, PAGE);
    OK(mmap, pages + PAGE, PAGE, PROT_READ, ANYWHERE | MAP_FIXED_NOREPLACE, -1, 0);
    OK(mmap, pages, PAGE, PROT_WRITE, ANYWHERE | MAP_FIXED, -1, 0);
    OK(munmap, pages, 3 * PAGE);
    OK(munmap, pages, 3 * PAGE); /* there is nothing left, and that is fine */
    FAILS(EINVAL, munmap, pages, 0);
    FAILS(EINVAL, munmap, pages + 1, PAGE);
    FAILS(EINVAL, munmap, UINT64_MAX - PAGE + 1, PAGE);
    FAILS(EINVAL, munmap, NULL, UINT64_MAX);
}

static void protect(void)
{
    uint8_t *pages = (uint8_t *)OK(mmap, NULL, 2 * PAGE, PROT_READ | PROT_WRITE, ANYWHERE, -1, 0);

    OK(mprotect, pages, 2 * PAGE, PROT_READ);
    OK(mprotect, pages, 0, PROT_WRITE);
    OK(mprotect, pages, PAGE + 1, PROT_NONE);
    OK(mprotect, pages + PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    FAILS(EINVAL, mprotect, pages + 1, PAGE, PROT_READ);
    FAILS(EINVAL, mprotect, pages, PAGE, 0x100);
    FAILS(EINVAL, mprotect, pages, PAGE, PROT_GROWSUP | PROT_GROWSDOWN);
    FAILS(ENOMEM, mprotect, NULL, PAGE, PROT_READ);
    FAILS(ENOMEM, mprotect, pages, UINT64_MAX, PROT_READ);
    OK(munmap, pages, PAGE);
    FAILS(ENOMEM, mprotect, pages, 2 * PAGE, PROT_READ);
    OK(munmap, pages + PAGE, PAGE);
}

SCENARIO
{
    map();
    map_there();
    protect();
}
