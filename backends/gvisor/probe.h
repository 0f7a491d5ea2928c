/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_PROBE_H
#define SYSFOLD_GVISOR_PROBE_H

#include <sysfold/stream.h>

/* Usable where runsc is installed and says what it can trace; without it only for sandboxes of elsewhere that connect, which
 * the reason says. Runs nothing that takes longer than a moment. */
void gvisor_probe(struct sysfold_backend_info *info);

#endif
