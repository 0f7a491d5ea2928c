// SPDX-License-Identifier: Apache-2.0
/* Barriers, by command. */

#include <linux/membarrier.h>

#include "kit/kit.h"

SCENARIO
{
    OK(membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    FAILS(EPERM, membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0); /* it has not registered */
    OK(membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
    OK(membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    FAILS(EINVAL, membarrier, MEMBARRIER_CMD_QUERY, 1, 0);
    FAILS(EINVAL, membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0x80000000, -1);
    FAILS(EINVAL, membarrier, -1, 0, 0);
    FAILS(EINVAL, membarrier, 1 << 30, 0, 0);
}
