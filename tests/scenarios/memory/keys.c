// SPDX-License-Identifier: Apache-2.0
/* Memory protected with keys, as far as every processor goes, and further where this one does. */

#include <sys/mman.h>

#include "kit/kit.h"

#define PAGE 4096

SCENARIO
{
    uint8_t *page = (uint8_t *)OK(mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long key;

    OK(pkey_mprotect, page, PAGE, PROT_READ, -1); /* as mprotect */
    OK(pkey_mprotect, page, 0, PROT_NONE, -1);
    FAILS(EINVAL, pkey_mprotect, page, PAGE, PROT_READ, 99);
    FAILS(EINVAL, pkey_mprotect, page, PAGE, PROT_READ, INT_MIN);
    FAILS(EINVAL, pkey_mprotect, page + 1, PAGE, PROT_READ, -1);
    FAILS(ENOMEM, pkey_mprotect, NULL, PAGE, PROT_READ, -1);
    FAILS(EINVAL, pkey_alloc, 1, 0);
    FAILS(EINVAL, pkey_alloc, 0, ~0UL);
    FAILS(EINVAL, pkey_free, -1);
    FAILS(EINVAL, pkey_free, 99);
    key = TRY(pkey_alloc, 0, PKEY_DISABLE_WRITE); /* only some processors have keys */
    TRY(pkey_mprotect, page, PAGE, PROT_READ, key);
    TRY(pkey_free, key);
}
