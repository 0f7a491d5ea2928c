/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_LAUNCH_H
#define SYSFOLD_NOTIFY_LAUNCH_H

/* S and the command's process C, until C has become the command. */

#include <sysfold/error.h>

#include "backends/notify/supervisor.h"

/* Forks C, which waits; S has its pipe `launched`. */
int launcher_fork(struct supervisor *supervisor, struct sysfold_error *error);
/* Until C has nothing left to do but to go. */
void launcher_await(struct supervisor *supervisor);
/* Lets C go; as soon as it has its filter the listener is ours. */
int launcher_release(struct supervisor *supervisor, struct sysfold_error *error);
/* Why the command did not start, in words. */
int launcher_failure(const struct supervisor *supervisor, struct sysfold_error *error);

#endif
