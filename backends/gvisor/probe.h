/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_PROBE_H
#define SYSFOLD_GVISOR_PROBE_H

#include <sysfold/stream.h>

/* Usable where runsc is installed and says what it can trace; without it only for sandboxes of elsewhere that
 * connect, which the reason says. Runs nothing that takes longer than a moment. */
void gvisor_probe(struct sysfold_backend_info *info);
/* What stands against user namespaces, without which runsc starts no sandbox, not even as root; NULL: they can be
 * made. */
const char *gvisor_namespace_refusal(void);

#endif
