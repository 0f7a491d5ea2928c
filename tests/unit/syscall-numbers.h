/* SPDX-License-Identifier: Apache-2.0 */
/* What test-schema compares the rows' numbers with. */
#ifdef __x86_64__
#include <asm/unistd_64.h>
#endif
