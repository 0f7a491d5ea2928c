/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_STREAM_H
#define SYSFOLD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sysfold/error.h>
#include <sysfold/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A stream of events: from a live capture, or from a capture file. A stream is
 * used by one thread at a time; different streams are independent.
 *
 *     while ((r = sysfold_stream_fetch(stream, -1, &error)) > 0)
 *         while ((event = sysfold_stream_next(stream)))
 *             ...
 */
struct sysfold_stream;

/* Option structures begin with their size, so that they can grow:
 * struct sysfold_live_options options = { .size = sizeof(options) }; zero is every field's default. */
struct sysfold_live_options {
    size_t size;
    const char *backend; /* "ptrace", ...; NULL chooses the best usable one that can do what is asked */
    char *const *argv;   /* a command to launch, NULL-terminated; or NULL */
    char *const *envp;   /* its environment; NULL for the caller's */
    const pid_t *pids;   /* processes to attach to; with what descends from them, but for the caller */
    size_t pid_count;
    const char *syscalls;       /* what to record, as `-e` takes it; NULL for everything */
    uint32_t snaplen;           /* bytes kept of a data buffer; see no_data. 0: 80. At most 60,000 */
    uint32_t string_vector_max; /* bytes kept of argv and of the environment, each. 0: 16 KiB. At most 24 KiB */
    size_t buffer_size;         /* bytes between the backend and the consumer. 0: 8 MiB; ebpf: for each cpu */
    bool no_data;               /* keep no data buffers at all (a snaplen of nothing) */
    bool no_follow;             /* leave children alone, and descendants that are there already */
    bool timed;                 /* record how long each call took */
    bool no_state;              /* do not keep state: events have no thread, process or fd */
    bool keep_exited;           /* remember ended processes, for sysfold_stream_each_process() */
    bool no_filter;             /* ptrace: stop at every system call rather than install a seccomp filter */
    bool no_pin;                /* ptrace: never hold a thread on the tracer's cpu (backends/ptrace/README.md) */
    bool system_wide;           /* every process but the caller's own, instead of argv or pids, where a backend can */
    /* Instead of argv, pids or system_wide: every process in these (version 2) cgroups and below, and every process
     * of these containers. A cgroup is a path below the hierarchy's mount point; a container is its id, or at least
     * 12 digits of its beginning. */
    const char *const *cgroups;
    size_t cgroup_count;
    const char *const *containers;
    size_t container_count;
    /* "read:100,write:10": of these calls (names, classes, regular expressions) one in so many, of native callers;
     * "100": of all; where two items name a call the later one counts. NULL: each call. What is left out is not
     * lost. */
    const char *sample;
    bool program_stats; /* ebpf: have the kernel measure its programs, sysfold_stream_program() */
    /* gvisor, notify. Instead of argv, pids or system_wide: whichever sandboxes, or containers' runtimes, connect to a
     * socket, each a source of its own. */
    bool listen;
    const char *socket_path;  /* NULL: sysfold/gvisor.sock (notify.sock) in $XDG_RUNTIME_DIR, for root in /run */
    const char *socket_owner; /* "user", "user:group" or ":group", by name or number; NULL: ours */
    uint32_t socket_mode;     /* 0: 0600 */
    const char *rootfs;       /* with argv: the sandbox's root directory, not written to; NULL: the machine's own */
    const char *const *binds; /* with argv: directories of the machine that are writable within the sandbox */
    size_t bind_count;
    const char *runsc;      /* the program; NULL: "runsc", wherever PATH has it */
    const char *runsc_root; /* with containers or system_wide: runsc's state (its --root); NULL: its default */
    /* notify: where results come from. "emulate": opens and connects that sysfold performs itself where nobody can tell
     * the difference; "perf": the kernel's tracepoints; "none"; "auto" (NULL): both, as far as there are. */
    const char *results;
};

struct sysfold_file_options {
    size_t size;
    bool no_state;
    bool keep_exited;
    bool follow; /* wait for more at the end of a file that is still being written */
    /* A damaged block was skipped: `message` says where and why. NULL ignores it. */
    void (*damage)(const char *message, void *data);
    void *damage_data;
};

/* Counts since the stream was opened. events + lost = what happened. */
struct sysfold_stats {
    size_t size;          /* in: sizeof(struct sysfold_stats) */
    uint64_t events;      /* records handed out, loss records not counted */
    uint64_t bytes;       /* their bytes */
    uint64_t lost;        /* events counted as lost where they were lost */
    uint64_t damaged;     /* file: blocks skipped because they were damaged */
    uint64_t buffer_used; /* live: bytes waiting for the consumer */
    uint64_t first_time;  /* ns since the epoch; 0 before the first event */
    uint64_t last_time;
};

/*
 * Start capturing. On success *ret_stream is the caller's, to be closed with
 * sysfold_stream_close(). A launched command runs as a child of the backend's
 * own process and shares the caller's terminal, directory and descriptors 0-2.
 * Errors: -ENOENT (no such command, backend, cgroup or container), -ESRCH (no
 * such process), -EACCES, -EPERM (not allowed to trace), -EINVAL (options),
 * -ENOTUNIQ (more than one container is meant), -ENOSYS (not supported here, or
 * not by that backend), others from the system.
 */
SYSFOLD_API int sysfold_live_open(const struct sysfold_live_options *options, struct sysfold_stream **ret_stream,
                                  struct sysfold_error *error);

/* Open a capture file; "-" is standard input. Errors: -ENOENT and its kin, -EBADMSG (not a capture). */
SYSFOLD_API int sysfold_file_open(const char *path, const struct sysfold_file_options *options,
                                  struct sysfold_stream **ret_stream, struct sysfold_error *error);

/*
 * Get the next batch of events. Waits up to timeout_ms (0: not at all, -1:
 * for ever). Returns 1 when there are events, 0 at the stream's end, -EAGAIN
 * when the time was up, -EINTR when a signal came, or another negative errno.
 */
SYSFOLD_API int sysfold_stream_fetch(struct sysfold_stream *stream, int timeout_ms, struct sysfold_error *error);
/* The batch's next event, or NULL when it is used up. No system calls, no locks. */
SYSFOLD_API const struct sysfold_event *sysfold_stream_next(struct sysfold_stream *stream);

/* Ask a live capture to end: targets are left running, what is buffered is
 * still delivered. Async-signal-safe. Does nothing to a file. */
SYSFOLD_API void sysfold_stream_stop(struct sysfold_stream *stream);
/* The launched command's raw wait status, once the stream has ended; -ENODATA if there is none. */
SYSFOLD_API int sysfold_stream_exit_status(const struct sysfold_stream *stream, int *ret_status);
SYSFOLD_API int sysfold_stream_stats(const struct sysfold_stream *stream, struct sysfold_stats *ret_stats);

/* A program that a live backend runs in the kernel. */
struct sysfold_program {
    size_t size; /* in: sizeof(struct sysfold_program) */
    char name[64];
    uint64_t runs;   /* 0 unless the kernel counts: program_stats, or the sysctl kernel.bpf_stats_enabled */
    uint64_t ns;     /* spent in them */
    uint64_t missed; /* runs left out by the kernel because the program was running on that cpu already */
};

/* Program number `index`; -ENOENT beyond the last, and for backends without any. */
SYSFOLD_API int sysfold_stream_program(const struct sysfold_stream *stream, size_t index,
                                       struct sysfold_program *ret_program);
/* The schema its records follow: the library's own, or the file's. */
SYSFOLD_API const struct sysfold_schema *sysfold_stream_schema(const struct sysfold_stream *stream);
/* The backend's name: "ptrace", "file", ... */
SYSFOLD_API const char *sysfold_stream_backend(const struct sysfold_stream *stream);
/* Closes and frees; NULL is allowed. A live capture is stopped first. */
SYSFOLD_API void sysfold_stream_close(struct sysfold_stream *stream);

/* What a backend can do here. */
enum sysfold_usability {
    SYSFOLD_USABLE = 0,
    SYSFOLD_NO_PERMISSION = 1, /* it exists, but not for us: see remedy */
    SYSFOLD_UNSUPPORTED = 2,   /* this machine does not have it */
};

struct sysfold_backend_info {
    size_t size; /* in: sizeof(struct sysfold_backend_info) */
    const char *name;
    const char *summary;
    enum sysfold_usability usability;
    char reason[200]; /* why (not), on one line */
    char remedy[200]; /* what to do about it; empty if nothing */
};

/* Backend number `index`, best first, probed on this machine. -ENOENT beyond the last. */
SYSFOLD_API int sysfold_backend_probe(size_t index, struct sysfold_backend_info *ret_info);

/* Where a backend has a call's result from. */
enum sysfold_result_way {
    SYSFOLD_RESULT_SEEN = 0, /* the kernel's, as it returns */
    SYSFOLD_RESULT_PERFORMED =
        1,                      /* sysfold makes the call for the target, where nobody can tell; else as the next two */
    SYSFOLD_RESULT_STOPPED = 2, /* the target is stopped at the call, and a tracepoint tells the result */
    SYSFOLD_RESULT_UNSTOPPED = 3, /* a tracepoint tells all of it */
    SYSFOLD_RESULT_ABSENT = 4,    /* it is not known */
};

/* That of the system call `call` ("openat"), on this machine, if every call is recorded and nothing else is asked for.
 * -ENOENT: no such backend or call. */
SYSFOLD_API int sysfold_backend_result_way(const char *backend, const char *call, enum sysfold_result_way *ret_way);

#ifdef __cplusplus
}
#endif

#endif
