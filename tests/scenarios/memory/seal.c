// SPDX-License-Identifier: Apache-2.0
/* Memory whose mapping is for ever. */

#include <sys/mman.h>
#include <unistd.h>

#include "kit/kit.h"

#define PAGE 4096
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static void find_out(void)
{
    if (syscall(SYS_mseal, NULL, 0, 0) < 0)
        kit_skip("the kernel has no mseal (it came with 6.10)");
}
BEFORE(find_out)

SCENARIO
{
    uint8_t *pages = (uint8_t *)OK(mmap, NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    OK(mseal, pages, 0, 0);
    OK(mseal, pages, 1, 0);
    OK(mseal, pages, PAGE, 0); /* again */
    FAILS(EPERM, munmap, pages, 2 * PAGE);
    FAILS(EPERM, mprotect, pages, PAGE, PROT_READ);
    FAILS(EPERM, mremap, pages, PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0);
    FAILS(EINVAL, mseal, pages, PAGE, 1);
    FAILS(EINVAL, mseal, pages, PAGE, UINT64_MAX);
    FAILS(EINVAL, mseal, pages + 1, PAGE, 0);
    FAILS(EINVAL, mseal, pages, UINT64_MAX - PAGE, 0);
    FAILS(ENOMEM, mseal, NULL, PAGE, 0);
    OK(munmap, pages + PAGE, PAGE);
}
