// SPDX-License-Identifier: Apache-2.0
/* Memory that not even the kernel sees: a descriptor for it. */

#include <unistd.h>

#include "kit/kit.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

static void find_out(void)
{
    if (syscall(SYS_memfd_secret, ~0U) < 0 && errno == ENOSYS)
        kit_skip("the kernel has no memfd_secret (it came with 5.14, and may be switched off)");
}
BEFORE(find_out)

SCENARIO
{
    char byte;
    long fd;

    FAILS(EINVAL, memfd_secret, 1);
    FAILS(EINVAL, memfd_secret, ~0U);
    fd = OK(memfd_secret, 0);
    OK(memfd_secret, O_CLOEXEC);
    OK(ftruncate, fd, 4096);
    FAILS(EINVAL, ftruncate, fd, 8192); /* once is enough */
    FAILS(EINVAL, read, fd, &byte, 1);
    kit_descriptors();
    OK(close, fd);
}
