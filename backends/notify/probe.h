/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_PROBE_H
#define SYSFOLD_NOTIFY_PROBE_H

#include "backends/notify/plan.h"

void notify_probe(struct sysfold_backend_info *info);
enum sysfold_result_way notify_result_way(const struct sysfold_row *row);

/* What is stopped at and where results come from: by --results, and by what there is here. What is required (enum
 * results) was asked for by name. -EINVAL: no such word; -EACCES, -ENOSYS: what is required is not to be had. */
int notify_plan(const struct capture_options *options, struct plan *ret_plan, unsigned *ret_required,
                struct sysfold_error *error);

#endif
