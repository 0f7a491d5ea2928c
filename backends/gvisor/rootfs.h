/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_GVISOR_ROOTFS_H
#define SYSFOLD_GVISOR_ROOTFS_H

/* What a command would find in the root that its sandbox will have, asked of the machine before anything runs. */

#include <stdbool.h>

#include "backends/gvisor/launch.h"

/* The absolute path of the rootfs, "/" without one; to be freed. -ENOENT, -ENOTDIR and others with a message. */
int rootfs_path(const struct launch_options *options, char **ret_path, struct sysfold_error *error);
/* Is there such a directory within? `root` is rootfs_path()'s. */
bool rootfs_has_directory(const char *root, const struct launch_options *options, const char *path);
/* The command's first word for runsc: the caller's own wherever runsc finds the same file by it, else its absolute
 * path. To be freed. -ENOENT, -EACCES, -ENOEXEC with a message. */
int rootfs_find_command(const char *root, const struct launch_options *options, const char *cwd, char **ret_word,
                        struct sysfold_error *error);

#endif
