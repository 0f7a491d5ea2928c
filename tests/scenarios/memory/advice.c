// SPDX-License-Identifier: Apache-2.0
/* What a program may say about its memory, and ask. */

#include <sys/mman.h>
#include <sys/uio.h>

#include "kit/kit.h"

#define PAGE 4096
#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

static void advise(uint8_t *pages)
{
    OK(madvise, pages, 4 * PAGE, MADV_WILLNEED);
    OK(madvise, pages, PAGE, MADV_DONTNEED);
    OK(madvise, pages, 1, MADV_SEQUENTIAL);
    OK(madvise, pages, 0, MADV_RANDOM);
    OK(madvise, pages, PAGE, MADV_FREE);
    OK(madvise, pages, PAGE, MADV_DONTFORK);
    OK(madvise, pages, PAGE, MADV_DOFORK);
    OK(madvise, pages, PAGE, MADV_WIPEONFORK);
    OK(madvise, pages, PAGE, MADV_DONTDUMP);
    OK(madvise, pages, 4 * PAGE, MADV_NORMAL);
    FAILS(EINVAL, madvise, pages, PAGE, 9999);
    FAILS(EINVAL, madvise, pages, PAGE, -1);
    FAILS(EINVAL, madvise, pages + 1, PAGE, MADV_NORMAL);
    FAILS(EINVAL, madvise, pages, UINT64_MAX - PAGE, MADV_NORMAL);
    FAILS(ENOMEM, madvise, NULL, PAGE, MADV_NORMAL);
}

static void ask(uint8_t *pages)
{
    uint8_t *resident = kit_at_edge(4);

    OK(mincore, pages, 4 * PAGE, resident);
    OK(mincore, pages, 3 * PAGE + 1, resident);
    OK(mincore, pages, 0, resident);
    FAILS(EFAULT, mincore, pages, 4 * PAGE, BAD);
    FAILS(EFAULT, mincore, pages, 4 * PAGE, NULL);
    FAILS(EFAULT, mincore, pages, 4 * PAGE, kit_at_edge(3));
    FAILS(EINVAL, mincore, pages + 1, PAGE, resident);
    FAILS(ENOMEM, mincore, pages, UINT64_MAX - PAGE, resident);
    OK(munmap, pages + 3 * PAGE, PAGE);
    FAILS(ENOMEM, mincore, pages, 4 * PAGE, resident);
}

static void advise_process(uint8_t *pages)
{
    struct iovec pieces[] = {{pages, PAGE}, {pages + PAGE, 2 * PAGE}}, odd = {pages + 1, PAGE};
    long self = OK(pidfd_open, kit_tid(), 0);

    /* From 5.12 to 6.12 only the privileged may advise, even upon themselves. */
    TRY(process_madvise, self, pieces, 2, MADV_COLD, 0);
    TRY(process_madvise, self, pieces, 1, MADV_PAGEOUT, 0);
    TRY(process_madvise, self, pieces, 0, MADV_COLD, 0);
    TRY(process_madvise, self, &odd, 1, MADV_COLD, 0);
    FAILS(EINVAL, process_madvise, self, pieces, 1, 9999, 0);
    FAILS(EINVAL, process_madvise, self, pieces, 1, MADV_COLD, 1);
    FAILS(EINVAL, process_madvise, self, pieces, 1025, MADV_COLD, 0);
    FAILS(EFAULT, process_madvise, self, BAD, 1, MADV_COLD, 0);
    FAILS(EBADF, process_madvise, 99, pieces, 1, MADV_COLD, 0);
    OK(close, self);
}

SCENARIO
{
    uint8_t *pages = (uint8_t *)OK(mmap, NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    pages[0] = 1;
    advise(pages);
    ask(pages);
    advise_process(pages);
}
