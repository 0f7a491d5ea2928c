/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKEND_COMMAND_H
#define SYSFOLD_BACKEND_COMMAND_H

/* What every backend that launches a command does alike. Messages begin with the backend's name. */

#include <sysfold/error.h>

/* The file that execvp() would run, to be freed. -ENOENT, -EACCES, -ENOMEM with a message. */
int command_find(const char *backend, const char *name, char **ret_path, struct sysfold_error *error);

/* Says why the command does not run; returns `code`, a negative errno. */
int command_refused(const char *backend, const char *name, int code, struct sysfold_error *error);

/* For the command's process, before it unblocks signals: the caller's handlers have no business there. */
void command_reset_handlers(void);

#endif
