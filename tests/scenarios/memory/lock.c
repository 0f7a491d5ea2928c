// SPDX-License-Identifier: Apache-2.0
/* Memory that stays in memory. */

#include <sys/mman.h>
#include <sys/resource.h>

#include "kit/kit.h"

#define PAGE 4096

static void lock(uint8_t *pages)
{
    OK(mlock, pages, 2 * PAGE);
    OK(mlock, pages + 1, 1);
    OK(mlock, pages, 0);
    FAILS(ENOMEM, mlock, NULL, PAGE);
    OK(mlock2, pages, PAGE, 0);
    OK(mlock2, pages + PAGE, PAGE, MLOCK_ONFAULT);
    FAILS(EINVAL, mlock2, pages, PAGE, 2);
    FAILS(ENOMEM, mlock2, NULL, PAGE, MLOCK_ONFAULT);
    OK(munlock, pages, 2 * PAGE);
    OK(munlock, pages, PAGE); /* it was not locked, and that is fine */
    OK(munlock, pages, 0);
    FAILS(ENOMEM, munlock, NULL, PAGE);
    FAILS(EINVAL, munlock, pages, UINT64_MAX - PAGE);
}

static void lock_all(void)
{
    TRY(mlockall, MCL_CURRENT | MCL_ONFAULT); /* more than RLIMIT_MEMLOCK lets the unprivileged have */
    OK(munlockall);
    OK(mlockall, MCL_FUTURE | MCL_ONFAULT);
    OK(munlockall);
    OK(munlockall);
    FAILS(EINVAL, mlockall, 0);
    FAILS(EINVAL, mlockall, 8);
    FAILS(EINVAL, mlockall, MCL_ONFAULT); /* of what? */
}

SCENARIO
{
    uint8_t *pages = (uint8_t *)OK(mmap, NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    lock(pages);
    lock_all();
}
