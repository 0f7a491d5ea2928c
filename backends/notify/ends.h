/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_ENDS_H
#define SYSFOLD_NOTIFY_ENDS_H

/* How processes end, and whether they have become others, as far as those can tell who are not their parents. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct supervisor;

/* C's wait status, which only its parent, S, gets; it has ended, or will in a moment. */
bool command_status(struct supervisor *supervisor, int *ret_status);
/* The wait status of a process that is ending or has ended: from /proc while it is a zombie, from its pidfd afterwards
 * (Linux 6.15). False: nobody knows any more. */
bool status_of_process(pid_t pid, int pidfd, int *ret_status);
/* A number that is another one when the process has another image; 0: not to be had. */
uint64_t image_mark(pid_t pid);

#endif
