/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_DAEMON_H
#define SYSFOLD_BACKENDS_DAEMON_H

/* What processes of ours do that are to outlive their recorder, because their targets depend on them. */

#include <stddef.h>

/* From descriptor 3 on. Some of `kept` may be negative. */
void daemon_close_all_but(const int *kept, size_t count);
/* Whoever reads a pipe that somebody else writes must see its end, and no file system stay busy: standard streams and
 * working directory are let go as well. */
void daemon_let_go_of_files(const int *kept, size_t count);
/* Where that is allowed, memory is found elsewhere when there is none left. */
void daemon_ask_to_be_spared(void);

#endif
