/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_CLI_CAPTURE_H
#define SYSFOLD_CLI_CAPTURE_H

/* What trace and record share: the options of a capture, the loop around it, and how it ends. */

#include "cli.h"

#define CAPTURE_PIDS_MAX 4096

struct capture_arguments {
    struct sysfold_live_options live;
    bool follow;    /* -f: with -p, children too */
    bool explain;   /* -b auto: say which backend it is, and why */
    char *syscalls; /* every -e, joined */
    char *sample;   /* every --sample, joined */
    pid_t *pids;
    const char **cgroups, **containers, **binds;
};

/* Options from 256 to 299 are the capture's; a subcommand's own ones without a letter start at 300. */
#define CAPTURE_SOCKET 266
#define CAPTURE_RUNSC 271
#define CAPTURE_RUNSC_ROOT 272
#define CAPTURE_LETTERS "+:hb:e:p:fs:"
/* clang-format off */
#define CAPTURE_OPTIONS \
    {"help", no_argument, NULL, 'h'}, \
    {"backend", required_argument, NULL, 'b'}, \
    {"pid", required_argument, NULL, 'p'}, \
    {"follow", no_argument, NULL, 'f'}, \
    {"snaplen", required_argument, NULL, 's'}, \
    {"string-max", required_argument, NULL, 256}, \
    {"no-follow", no_argument, NULL, 257}, \
    {"timed", no_argument, NULL, 258}, \
    {"no-filter", no_argument, NULL, 259}, \
    {"buffer", required_argument, NULL, 260}, \
    {"no-pin", no_argument, NULL, 261}, \
    {"system-wide", no_argument, NULL, 262}, \
    {"cgroup", required_argument, NULL, 263}, \
    {"container", required_argument, NULL, 264}, \
    {"sample", required_argument, NULL, 265}, \
    {"socket", required_argument, NULL, CAPTURE_SOCKET}, \
    {"listen", required_argument, NULL, CAPTURE_SOCKET}, \
    {"socket-mode", required_argument, NULL, 267}, \
    {"socket-owner", required_argument, NULL, 268}, \
    {"rootfs", required_argument, NULL, 269}, \
    {"bind", required_argument, NULL, 270}, \
    {"runsc", required_argument, NULL, CAPTURE_RUNSC}, \
    {"runsc-root", required_argument, NULL, CAPTURE_RUNSC_ROOT}, \
    {"results", required_argument, NULL, 280}
/* clang-format on */

#define CAPTURE_HELP                                                                                                   \
    "What to capture:\n"                                                                                               \
    "  -e SYSCALLS          only these: names, classes (file, process, network, memory,\n"                             \
    "                       signal, ipc, desc), /REGEX, comma-separated; ! first inverts\n"                            \
    "  -p, --pid=PID        attach to a running process (repeatable) instead of a command\n"                           \
    "  -f, --follow         with -p: its descendants, present and future, as well\n"                                   \
    "      --system-wide    every process of the machine but sysfold itself\n"                                         \
    "      --cgroup=PATH    every process in this cgroup and below (repeatable)\n"                                     \
    "      --container=ID   every process of this container (repeatable)\n"                                            \
    "      --sample=SPEC    record one call in so many: read:100,write:10, or 100 for all\n"                           \
    "      --no-follow      leave the command's children alone\n"                                                      \
    "  -s, --snaplen=N      keep N bytes of each data buffer (80; 0: none; at most 60000)\n"                           \
    "      --string-max=N   keep N bytes of argv and of the environment (16384; at most 24576)\n"                      \
    "      --timed          record how long each call took\n"                                                          \
    "  -b, --backend=NAME   the mechanism (see `sysfold backends`); auto, the default, is the\n"                       \
    "                       best that can do it here, and said so if it is given\n"                                    \
    "      --no-filter      ptrace: stop at every call, without a seccomp filter\n"                                    \
    "      --no-pin         ptrace: never hold a busy thread on the tracer's cpu\n"                                    \
    "      --buffer=BYTES   room between the target and sysfold (8388608; ebpf: for each cpu)\n"                       \
    "      --results=WAY    notify: where results come from: emulate (calls that sysfold makes\n"                      \
    "                       for the target), perf (the kernel's tracepoints), none; auto: both\n"                      \
    "      --socket=PATH, --listen=PATH\n"                                                                             \
    "                       gvisor, notify: whoever connects to this socket (without a target:\n"                      \
    "                       sysfold/gvisor.sock, notify.sock below /run or $XDG_RUNTIME_DIR)\n"                        \
    "      --socket-mode=MODE\n"                                                                                       \
    "                       gvisor, notify: the socket's mode, octal (0600)\n"                                         \
    "      --socket-owner=USER[:GROUP]\n"                                                                              \
    "                       gvisor, notify: whom the socket belongs to (you)\n"                                        \
    "      --rootfs=DIR     gvisor: the command's root directory, not written to (/)\n"                                \
    "      --bind=DIR       gvisor: a directory that the command may write to (repeatable)\n"                          \
    "      --runsc=PATH     gvisor: the runsc to use, instead of PATH's\n"                                             \
    "      --runsc-root=DIR gvisor: where runsc keeps its containers (its --root)\n"

#define CAPTURE_STATUS_HELP                                                                                            \
    "The exit status is the command's; sysfold dies by the signal that killed it. 125:\n"                              \
    "sysfold itself failed; 126: the command cannot be executed; 127: it was not found.\n"

void capture_arguments_finish(struct capture_arguments *arguments);

/* Takes one of CAPTURE_OPTIONS; false after a complaint (or for another option). */
bool capture_take_option(const struct command *command, struct capture_arguments *arguments, int option);

/* What is left on the command line is the target; false after a complaint. */
bool capture_take_target(const struct command *command, struct capture_arguments *arguments, int argc, char **argv);

/* Where events go. Every function returns 0 or a negative errno; after a failure none but finish() is called. */
struct sink {
    void *data;
    int (*start)(void *data, const struct sysfold_stream *stream, struct sysfold_error *error);
    int (*put)(void *data, const struct sysfold_event *event, struct sysfold_error *error);
    int (*batch_end)(void *data, struct sysfold_error *error);
    int (*finish)(void *data, struct sysfold_error *error);
    void (*tick)(void *data, const struct sysfold_stats *stats); /* NULL: no need */
    int tick_ms;                                                 /* so often; 0: twice a second */
};

struct capture_result {
    struct sysfold_stats stats;
    int status;    /* to exit with */
    int signo;     /* that killed the command, or 0 */
    bool launched; /* a stream was there */
};

/*
 * Runs the whole capture. What the sink could not take is complained of once,
 * and the target goes on to its end all the same.
 */
void capture_run(struct capture_arguments *arguments, const struct sink *sink, struct capture_result *ret_result);

/* Ends sysfold as the command ended: the exit status, unless a signal ends it here. */
int capture_exit(const struct capture_result *result);

#define cleanup_capture_arguments __attribute__((cleanup(capture_arguments_finish)))

#endif
