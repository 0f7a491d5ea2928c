// SPDX-License-Identifier: Apache-2.0
/* What a thread says of itself to the kernel: addresses to write to when it ends, and when it is interrupted. */

#include <asm/prctl.h>
#include <linux/rseq.h>

#include "powerless.h"

#define SIGNATURE 0x53053053
#define AREA 32

static struct robust {
    struct robust *next;
    long offset;
    struct robust *pending;
} robust = {.next = &robust};
static struct robust *head;
static size_t size;
static int cleared = -1;
static uint8_t area[2 * AREA] __attribute__((aligned(AREA)));
static int rseq_refusal;

static void robust_list(void *data)
{
    (void)data;
    OK(set_robust_list, &robust, sizeof(robust));
    OK(get_robust_list, 0, &head, &size);
    if (head != &robust || size != sizeof(robust))
        kit_fail("the kernel has another robust list");
    FAILS(EINVAL, set_robust_list, &robust, 1);
    FAILS(ESRCH, get_robust_list, NO_SUCH_PID, &head, &size);
    FAILS(EFAULT, get_robust_list, 0, BAD, &size);
    OK(set_robust_list, NULL, sizeof(robust));
    EXIT_GROUP(0);
}

static void restartable(void *data)
{
    (void)data;
    if (rseq_refusal == ENOSYS) {
        FAILS(ENOSYS, rseq, area, AREA, 0, SIGNATURE);
    } else {
        OK(rseq, area, AREA, 0, SIGNATURE);
        FAILS(EBUSY, rseq, area, AREA, 0, SIGNATURE);
        FAILS(EPERM, rseq, area, AREA, 0, SIGNATURE + 1);
        FAILS(EINVAL, rseq, area, 4, 0, SIGNATURE);
        FAILS(EINVAL, rseq, area + AREA, AREA, RSEQ_FLAG_UNREGISTER, SIGNATURE);
        OK(rseq, area, AREA, RSEQ_FLAG_UNREGISTER, SIGNATURE);
        FAILS(EINVAL, rseq, area + 1, AREA, 0, SIGNATURE);
    }
    OK(set_tid_address, &cleared);
    EXIT(0);
}

static void segments(void)
{
    uint64_t base = 0;

    OK(arch_prctl, ARCH_GET_FS, &base);
    OK(arch_prctl, ARCH_SET_FS, base);
    FAILS(EPERM, arch_prctl, ARCH_SET_FS, UINT64_MAX);
    FAILS(EFAULT, arch_prctl, ARCH_GET_FS, BAD);
    FAILS(EINVAL, arch_prctl, 0x9999, 0);
}

static void find_out(void)
{
    rseq_refusal = syscall(SYS_rseq, 1, AREA, 0, SIGNATURE) < 0 ? errno : 0;
}
BEFORE(find_out)

SCENARIO
{
    in_a_child(robust_list);
    kit_clone(KIT_THREAD, restartable, NULL);
    while (__atomic_load_n(&cleared, __ATOMIC_ACQUIRE)) /* the kernel writes a zero when the thread has ended */
        ;
    OK(set_tid_address, NULL);
    segments();
    FAILS(EINTR, restart_syscall);
}
