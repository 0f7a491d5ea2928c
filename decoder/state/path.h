/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_STATE_PATH_H
#define SYSFOLD_STATE_PATH_H

#include <stddef.h>

#include "common/record.h"

#define PATH_ROOM (PATH_BYTES_MAX + 1)

/*
 * The absolute path that `path` (`size` bytes) means to a process whose root
 * is `root` and whose directory, or the directory it named, is `base`; both as
 * seen from the real root, NULL where root is "/" and where base is not known.
 * Symbolic links are not known here: ".." takes back the component before.
 * A relative path with an unknown base stays as it is; what does not fit is cut.
 */
void path_resolve(const char *root, const char *base, const void *path, size_t size, char ret_path[PATH_ROOM]);

/* The path as it is, up to its first NUL. */
void path_copy(const void *path, size_t size, char ret_path[PATH_ROOM]);

#endif
