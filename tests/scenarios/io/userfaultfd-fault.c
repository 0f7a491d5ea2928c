// SPDX-License-Identifier: Apache-2.0
/* A page fault that another process answers. */

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kit/kit.h"

#define USER_MODE_ONLY 1
#define PAGE UINT64_C(4096)
#define PLACE UINT64_C(0x20000000000) /* the same in each run, since messages tell it */
#define CLONE_VM 0x100

static struct uffdio_api api = {.api = UFFD_API};
static struct uffdio_register range = {.range = {PLACE, 2 * PAGE}, .mode = UFFDIO_REGISTER_MODE_MISSING};
static uint8_t filled[4096] __attribute__((aligned(4096)));
static struct uffdio_copy copy = {.dst = PLACE, .src = 0, .len = PAGE};
static struct uffdio_zeropage zeros = {.range = {PLACE + PAGE, PAGE}};

static void find_out(void)
{
    long fd = syscall(SYS_userfaultfd, USER_MODE_ONLY);

    if (fd < 0)
        kit_skip("there is no userfaultfd for user mode only (it came with 5.11), or not for everyone");
    close((int)fd);
}
BEFORE(find_out)

static void touch(void *data)
{
    const volatile uint8_t *pages = data;

    EXIT_GROUP(pages[1] + pages[PAGE + 1]);
}

SCENARIO
{
    struct uffd_msg message;
    long fd = OK(userfaultfd, USER_MODE_ONLY | O_CLOEXEC), pid;
    void *pages = (void *)OK(mmap, PLACE, 2 * PAGE, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    memset(filled, 7, sizeof(filled));
    copy.src = (uintptr_t)filled;
    OK(ioctl, fd, UFFDIO_API, &api);
    OK(ioctl, fd, UFFDIO_REGISTER, &range);
    pid = kit_clone(CLONE_VM | SIGCHLD, touch, pages);
    OK(read, fd, &message, sizeof(message));
    OK(ioctl, fd, UFFDIO_COPY, &copy);
    FAILS(EEXIST, ioctl, fd, UFFDIO_COPY, &copy);
    OK(read, fd, &message, sizeof(message));
    OK(ioctl, fd, UFFDIO_ZEROPAGE, &zeros);
    if (WEXITSTATUS(kit_reap(pid)) != 7)
        kit_fail("the child has found something else");
    OK(close, fd);
}
