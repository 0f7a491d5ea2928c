// SPDX-License-Identifier: Apache-2.0
/* sync, which cannot fail. */

#include "kit/kit.h"

SCENARIO
{
    OK(sync);
}
