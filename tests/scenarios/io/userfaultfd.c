// SPDX-License-Identifier: Apache-2.0
/* A descriptor that hands out page faults: made and registered with, and no fault. */

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kit/kit.h"

#define USER_MODE_ONLY 1

static void find_out(void)
{
    long fd = syscall(SYS_userfaultfd, USER_MODE_ONLY);

    if (fd < 0)
        kit_skip("there is no userfaultfd for user mode only (it came with 5.11), or not for everyone");
    close((int)fd);
}
BEFORE(find_out)

SCENARIO
{
    struct uffdio_api *api = kit_at_edge(sizeof(*api)); /* at an address that is the same in each run */
    struct uffd_msg message;
    long fd;

    FAILS(EINVAL, userfaultfd, USER_MODE_ONLY | 2);
    FAILS(EINVAL, userfaultfd, ~0U);
    TRY(userfaultfd, 0); /* for the privileged, or where a sysctl lets everyone */
    fd = OK(userfaultfd, USER_MODE_ONLY | O_CLOEXEC | O_NONBLOCK);
    kit_descriptors();
    *api = (struct uffdio_api){.api = UFFD_API};
    FAILS(EINVAL, read, fd, &message, sizeof(message)); /* it has not been introduced */
    OK(ioctl, fd, UFFDIO_API, api);
    FAILS(EFAULT, ioctl, fd, UFFDIO_API, BAD);
    FAILS(EAGAIN, read, fd, &message, sizeof(message));
    OK(close, fd);
}
