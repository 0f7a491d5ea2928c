/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_STATE_H
#define SYSFOLD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/event.h>
#include <sysfold/stream.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What the stream implies about the machine: its processes, threads and file
 * descriptors, as they were when the event happened (an exiting thread and a
 * closed descriptor are still there for the event that ends them).
 * Everything is borrowed until the stream's next event. A string that is not
 * known is NULL, a number that is not known is 0 unless said otherwise.
 */
struct sysfold_thread;
struct sysfold_process;
struct sysfold_fd;

SYSFOLD_API const struct sysfold_thread *sysfold_event_thread(const struct sysfold_event *event);
SYSFOLD_API const struct sysfold_process *sysfold_event_process(const struct sysfold_event *event);
/* The descriptor the event is about (the one it uses, or the one it made). NULL if there is none. */
SYSFOLD_API const struct sysfold_fd *sysfold_event_fd(const struct sysfold_event *event);

SYSFOLD_API uint32_t sysfold_thread_tid(const struct sysfold_thread *thread);
SYSFOLD_API const char *sysfold_thread_name(const struct sysfold_thread *thread); /* comm */
SYSFOLD_API const struct sysfold_process *sysfold_thread_process(const struct sysfold_thread *thread);

SYSFOLD_API uint32_t sysfold_process_source(const struct sysfold_process *process);
SYSFOLD_API uint32_t sysfold_process_pid(const struct sysfold_process *process);
SYSFOLD_API uint32_t sysfold_process_ppid(const struct sysfold_process *process);
SYSFOLD_API const char *sysfold_process_name(const struct sysfold_process *process);    /* the leader's comm */
SYSFOLD_API const char *sysfold_process_exe(const struct sysfold_process *process);     /* path of the image */
SYSFOLD_API const char *sysfold_process_cmdline(const struct sysfold_process *process); /* argv, joined by spaces */
SYSFOLD_API const char *sysfold_process_cwd(const struct sysfold_process *process);
/*
 * The container it is in: its id in full (64 digits), or its name where the engine has no other ids; NULL where it is
 * in none, or it is not known. It is what the backend was given by the runtime, or what the process's cgroup is called; of
 * containers within each other, the innermost. A child begins in its parent's. The engine: "docker",
 * "containerd", "cri-o", "podman", "lxc", "systemd-nspawn" ...; NULL where the name does not tell. The pod: a
 * Kubernetes pod's uid, or the id of podman's (engine "podman"); NULL where it is in none.
 */
SYSFOLD_API const char *sysfold_process_container(const struct sysfold_process *process);
SYSFOLD_API const char *sysfold_process_container_engine(const struct sysfold_process *process);
SYSFOLD_API const char *sysfold_process_pod(const struct sysfold_process *process);
/* The user it ran as when it last replaced its image, or at its last snapshot; -ENODATA where that is not known. */
SYSFOLD_API int sysfold_process_uid(const struct sysfold_process *process, uint32_t *ret_uid);
SYSFOLD_API uint64_t sysfold_process_start_time(const struct sysfold_process *process); /* ns since the epoch */
SYSFOLD_API uint64_t sysfold_process_exit_time(const struct sysfold_process *process);  /* 0 while it runs */
/* The raw wait status (use WIFEXITED and its kin). -ENODATA while it runs, or where nobody saw it end. */
SYSFOLD_API int sysfold_process_exit_status(const struct sysfold_process *process, int *ret_status);
/* How many threads it has had, and how many events it has made. */
SYSFOLD_API uint64_t sysfold_process_thread_count(const struct sysfold_process *process);
SYSFOLD_API uint64_t sysfold_process_event_count(const struct sysfold_process *process);
/* May what we say of it be stale, because something was lost? */
SYSFOLD_API bool sysfold_process_is_doubtful(const struct sysfold_process *process);
/* The descriptor with that number in the process's table, NULL if there is none. */
SYSFOLD_API const struct sysfold_fd *sysfold_process_fd(const struct sysfold_process *process, int number);

SYSFOLD_API int sysfold_fd_number(const struct sysfold_fd *fd);
SYSFOLD_API const char *sysfold_fd_type(const struct sysfold_fd *fd); /* "file", "dir", "pipe", "ipv4", ... */
/* A path, "127.0.0.1:5000->127.0.0.1:80", "pipe:[77]", ...: what it stands for. */
SYSFOLD_API const char *sysfold_fd_name(const struct sysfold_fd *fd);
/* May that be stale, because something was lost since we learned it? */
SYSFOLD_API bool sysfold_fd_is_doubtful(const struct sysfold_fd *fd);

/*
 * Every process the stream has shown, in order of birth, the ended ones
 * included if the stream was opened with keep_exited. The visitor returns
 * false to stop. It must not call the stream.
 */
SYSFOLD_API void sysfold_stream_each_process(const struct sysfold_stream *stream,
                                             bool (*visit)(const struct sysfold_process *process, void *data),
                                             void *data);

#ifdef __cplusplus
}
#endif

#endif
