/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_PROC_H
#define SYSFOLD_BACKENDS_PROC_H

/*
 * What /proc tells of processes, as records. All functions answer -ESRCH for a
 * process that is gone, at whatever moment it went, and -EACCES or -EPERM for
 * what is not ours to see. A pid may also be a thread's id.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/encode.h"

/* Receives one record, borrowed for the call. */
typedef void (*proc_emit)(void *data, const uint8_t *record, size_t size);

/* A SNAP_THREAD record for thread `tid` of process `pid`. What may not be seen is absent. */
int proc_snapshot_thread(pid_t pid, pid_t tid, struct encoder *encoder, proc_emit emit, void *data);
/* A SNAP_FD record for each of its descriptors. Those told before the process went (-ESRCH) are whole. */
int proc_snapshot_fds(pid_t pid, struct encoder *encoder, proc_emit emit, void *data);

/* Its cgroup, as SNAP_THREAD and EXEC have it: the path in the unified hierarchy, or where others are in use all
 * lines of /proc/PID/cgroup. Some ten microseconds where there are as many hierarchies; absent where it cannot be
 * had. */
void proc_put_cgroup(pid_t tid, struct encoder *encoder, unsigned index);

/* What a runtime says of a container itself. */
struct proc_container {
    const char *id;
    const char *engine, *name; /* NULL: not known */
    pid_t pid;                 /* its first process; 0: all processes of this source are in it */
};

/* A SNAP_CONTAINER record. What a cgroup is called does not change it; so it is told before the processes, or whenever
 * it is known, and the state (decoder/state) hands it down to who is there already. */
void proc_tell_container(const struct proc_container *container, struct encoder *encoder, proc_emit emit, void *data);

/* The thread ids of a process, or its children's pids (perhaps none: then NULL), into a malloc'd array of the
 * caller's. Children come and go unless the process is stopped. -ENOSYS: the kernel does not tell children. */
int proc_threads(pid_t pid, pid_t **ret_tids, size_t *ret_count);
int proc_children(pid_t pid, pid_t **ret_pids, size_t *ret_count);

/*
 * The processes themselves, as they are given, and behind them every
 * descendant that has not ended, each once; `except` and what descends from
 * it are left out unless they are given. Into a malloc'd array of the
 * caller's. Looked at until a pass finds nothing new. What is made
 * behind the last look is missed; where descendants have been followed since
 * before the call, calling again until nothing new comes misses nobody, but
 * for those whose parent ended before it was seen. One that is listed may
 * have ended meanwhile.
 */
int proc_descendants(const pid_t *pids, size_t pid_count, pid_t except, pid_t **ret_pids, size_t *ret_count);

/* Is there no such process, or have all of its threads ended? A zombie has, but for one that only leads others. So has
 * a process whose number is now a thread's. */
bool proc_has_ended(pid_t pid);

struct proc_ids {
    uid_t uid, euid;
    gid_t gid, egid;
};

/* Its credentials, and when it was born (ns since the epoch). */
int proc_ids(pid_t tid, struct proc_ids *ret_ids);
int proc_start_time(pid_t tid, uint64_t *ret_ns);
/* The comm, at most 15 bytes and a NUL. */
int proc_comm(pid_t tid, char ret_comm[16]);

/* What /proc/TID/status says, in one reading. */
struct proc_task {
    pid_t tgid, ppid, tracer;
    uid_t uid, euid;
    gid_t gid, egid;
    char comm[16];
};

/* Untouched if the thread is gone. */
int proc_task(pid_t tid, struct proc_task *ret_task);

/* A file as the kernel knows it. */
struct proc_file {
    uint32_t dev; /* new_encode_dev() */
    uint32_t mode;
    uint64_t ino;
    uint16_t path_size;
    char path[4096]; /* path_size bytes and a NUL */
};

/* The file behind a descriptor of the process, or its image ("exe"). -EBADF where there is none,
 * -ENAMETOOLONG where the kernel cannot tell the path: the rest is filled in even so. */
int proc_fd_file(pid_t pid, int fd, struct proc_file *ret_file);
int proc_exe_file(pid_t pid, struct proc_file *ret_file);

/* The addresses of a socket of the process in SOCKET_PAIR form (common/types.def), through pidfd_getfd().
 * Returns their size (at most 1 + 2 * 128), or -ENOTSOCK, -EPERM, -EBADF, -ENOSYS. */
int proc_fd_sockets(pid_t pid, int fd, uint8_t ret_pair[257]);

/* A descriptor of ours for a file that the process has open: the same open file. -EBADF, -EPERM, -ENOSYS ... */
int proc_fd_duplicate(pid_t pid, int fd);
/* A socket of ours as proc_fd_sockets() has it. */
int proc_socket_pair(int socket, uint8_t ret_pair[257]);

/* As the kernel's new_encode_dev(): 12 bits of major, 20 of minor. */
uint32_t proc_encode_dev(dev_t dev);

#endif
