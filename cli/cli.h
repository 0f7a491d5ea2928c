/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_CLI_H
#define SYSFOLD_CLI_H

/* What the subcommands share. The command is a user of the library like any other: <sysfold/...> only. */

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <sysfold/sysfold.h>

/* Exit statuses of the commands that read. */
enum {
    EXIT_DAMAGED = 1, /* done, but what was read is damaged, or not everything could be written */
    EXIT_TROUBLE = 2, /* bad usage, or nothing could be read */
};

/* Exit statuses of the commands that run a target, where the status is not the target's; env(1) has the same. */
enum {
    EXIT_OURS = 125,
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
};

struct command {
    const char *name;
    const char *summary;
    const char *help; /* after the usage line of which it is the first */
    int trouble;      /* the status of bad usage */
    int (*run)(int argc, char **argv);
};

extern const struct command command_trace, command_record, command_read, command_stats, command_ps, command_compare,
    command_schema, command_backends, command_gvisor, command_oci;

/* One line on stderr: "sysfold: ...". */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same about bad usage, pointing at the command's help; returns command->trouble. */
int misused(const struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * getopt_long() that complains in our words. Returns the option, -1 at the
 * end, or '?' after having complained; -h/--help prints the help and exits.
 * Long options have their letter in `letters`, or a number from 256 up.
 */
int next_option(const struct command *command, int argc, char **argv, const char *letters,
                const struct option *options);

/* A number between least and most; complains about anything else and returns false. */
bool parse_number(const struct command *command, const char *what, const char *text, uint64_t least, uint64_t most,
                  uint64_t *ret_number);

/* Prints the help on stdout; the exit status. */
int show_help(const struct command *command);

/* Flushes stdout and says so if something could not be written: `status`, or
 * `failure` then. A reader that went away is no failure worth a word. */
int finish_stdout(int status, int failure);

/* A kind of declared difference: as a word of JSON, and behind the name of what is declared. */
const char *declared_kind_name(enum sysfold_declared_kind kind);
const char *declared_kind_phrase(enum sysfold_declared_kind kind);

static inline void cleanup_free_pointer(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_stream_pointer(struct sysfold_stream **stream)
{
    sysfold_stream_close(*stream);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_pointer)))
#define cleanup_stream __attribute__((cleanup(cleanup_stream_pointer)))

#endif
