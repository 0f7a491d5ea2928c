/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_BUNDLE_H
#define SYSFOLD_GVISOR_BUNDLE_H

/* The OCI bundle of a launch: config.json in its directory. */

#include <stdbool.h>

#include "backends/gvisor/launch.h"

/* Looks the command up first. terminal: its standard streams are one terminal. -ENOENT, -EACCES, -ENOEXEC: the command
 * does not run; -EILSEQ: JSON cannot hold what it should get; others. */
int bundle_write(const struct launch_options *options, bool terminal, struct sysfold_error *error);

#endif
