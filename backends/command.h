/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKEND_COMMAND_H
#define SYSFOLD_BACKEND_COMMAND_H

/* What every backend that launches a command does alike. Messages begin with the backend's name. */

#include <stdatomic.h>
#include <stdint.h>

#include <sysfold/error.h>

/* The file that execvp() would run, to be freed. -ENOENT, -EACCES, -ENOMEM with a message. */
int command_find(const char *backend, const char *name, char **ret_path, struct sysfold_error *error);

/* Says why the command does not run; returns `code`, a negative errno. */
int command_refused(const char *backend, const char *name, int code, struct sysfold_error *error);

/* How far the command's process is. */
enum launch_step { LAUNCH_FORKED, LAUNCH_WAITING, LAUNCH_GO };

/* The command's process and who launches it take turns, by a word in memory that both share: says what step it is, and
 * sleeps while it is that one, or for a moment. */
void command_set_step(_Atomic uint32_t *step, uint32_t value);
void command_await_step(_Atomic uint32_t *step, uint32_t value);

/* What the process that launches the command reports over this socket of the step it has just taken: a struct
 * sysfold_error. -ECHILD: it has ended; `who` it is, for the message. */
int command_await_report(const char *backend, const char *who, int socket, struct sysfold_error *error);
/* Tells it to go on, by a byte, COMMAND_GO, and awaits the next report. */
#define COMMAND_GO 'g'
int command_let_go(const char *backend, const char *who, int socket, struct sysfold_error *error);

/* For the command's process, before it unblocks signals: the caller's handlers have no business there. */
void command_reset_handlers(void);

#endif
