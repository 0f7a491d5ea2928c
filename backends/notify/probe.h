/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_PROBE_H
#define SYSFOLD_NOTIFY_PROBE_H

#include <sysfold/stream.h>

void notify_probe(struct sysfold_backend_info *info);

/* Where results are to come from (enum results of session.h): what --results says, and what there is here. What is
 * required is what was asked for by name. -EINVAL: no such word. */
int notify_results(const struct sysfold_live_options *live, unsigned *ret_results, unsigned *ret_required,
                   struct sysfold_error *error);

#endif
