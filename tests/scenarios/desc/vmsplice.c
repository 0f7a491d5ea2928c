// SPDX-License-Identifier: Apache-2.0
/* vmsplice: memory into a pipe and out of it. */

#include <sys/uio.h>
#include <unistd.h>

#include "kit/kit.h"

#define NONBLOCK 2 /* SPLICE_F_NONBLOCK */

static uint8_t page[4096] __attribute__((aligned(4096)));
static uint8_t back[4096];
static struct iovec pieces[2];

static void look(void)
{
    if (syscall(SYS_vmsplice, -1, NULL, 0, 0) < 0 && errno == ENOSYS)
        kit_skip("this kernel has no vmsplice");
}

BEFORE(look)

SCENARIO
{
    int pair[2];

    memset(page, 'p', sizeof(page));
    pieces[0] = (struct iovec){page, 1};
    pieces[1] = (struct iovec){page + 1, 100};
    OK(pipe, pair);
    OK(vmsplice, pair[1], pieces, 0, 0);
    OK(vmsplice, pair[1], pieces, 2, 0);
    OK(read, pair[0], back, 50);
    pieces[0] = (struct iovec){back, sizeof(back)};
    OK(vmsplice, pair[0], pieces, 1, 0); /* the other way: 51 are left */
    FAILS(EBADF, vmsplice, 99, pieces, 2, 0);
    FAILS(EFAULT, vmsplice, pair[1], BAD, 2, 0);
    FAILS(EFAULT, vmsplice, pair[1], NULL, 1, 0);
    FAILS(EINVAL, vmsplice, pair[1], pieces, IOV_MAX + 1, 0);
    FAILS(EINVAL, vmsplice, pair[1], pieces, 1, 0x100);
    pieces[0] = (struct iovec){BAD, 10};
    FAILS(EFAULT, vmsplice, pair[1], pieces, 1, NONBLOCK);
}
