// SPDX-License-Identifier: Apache-2.0
/* Memory that grows, shrinks and moves. */

#include <sys/mman.h>

#include "kit/kit.h"

#define PAGE 4096
#define ANYWHERE (MAP_PRIVATE | MAP_ANONYMOUS)

static uint8_t *map(size_t size)
{
    return (uint8_t *)OK(mmap, NULL, size, PROT_READ | PROT_WRITE, ANYWHERE, -1, 0);
}

SCENARIO
{
    uint8_t *pages = map(4 * PAGE), *room = map(4 * PAGE);

    pages[0] = 'x';
    OK(mremap, pages, 4 * PAGE, 2 * PAGE, 0, 0);
    OK(mremap, pages, 2 * PAGE, 3 * PAGE, 0, 0); /* there is still room */
    OK(mremap, pages, 3 * PAGE, 1, 0, 0);
    pages = (uint8_t *)OK(mremap, pages, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
    OK(mmap, pages + PAGE, PAGE, PROT_NONE, ANYWHERE | MAP_FIXED, -1, 0);
    FAILS(ENOMEM, mremap, pages, PAGE, 2 * PAGE, 0, 0); /* its neighbour is in the way */
    pages = (uint8_t *)OK(mremap, pages, PAGE, 1024 * PAGE, MREMAP_MAYMOVE, 0);
    if (pages[0] != 'x')
        kit_fail("the page has not come along");
    FAILS(EINVAL, mremap, pages, PAGE, 0, MREMAP_MAYMOVE, 0);
    FAILS(EINVAL, mremap, pages + 1, PAGE, PAGE, 0, 0);
    FAILS(EINVAL, mremap, pages, PAGE, PAGE, 0x80, 0);
    FAILS(EINVAL, mremap, pages, PAGE, PAGE, MREMAP_FIXED, room);
    FAILS(EINVAL, mremap, pages, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, pages + PAGE);
    FAILS(EFAULT, mremap, NULL, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0);
    FAILS(EFAULT, mremap, pages, UINT64_C(1) << 40, UINT64_C(1) << 41, MREMAP_MAYMOVE, 0);
    TRY(mremap, pages, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0); /* from 5.7 on */
}
