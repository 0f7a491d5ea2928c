/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_LIKENESS_H
#define SYSFOLD_NOTIFY_LIKENESS_H

/* Who a thread is, as far as it matters to what it may open, and what a path leads it to. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CREDENTIALS_MAX 4096
#define LABEL_MAX 256

struct root {
    uint32_t dev_major, dev_minor;
    uint64_t ino, mount;
};

struct identity {
    char credentials[CREDENTIALS_MAX]; /* lines of /proc/TID/status: ids, groups, effective capabilities */
    uint64_t user_namespace, mount_namespace;
    struct root root;
};

/* All below work on `proc`, a descriptor of /proc, and the task's number there. */

/* -E2BIG: more groups than anybody has. -ESRCH, -EACCES ...: not to be seen. */
int identity_read(int proc, pid_t tid, struct identity *ret_identity);
bool identity_is_same(const struct identity *one, const struct identity *other);

int root_read(int proc, pid_t tid, struct root *ret_root);
bool root_is_same(const struct root *one, const struct root *other);

/* The security module's label. 0: there is none, or no such module. A thread changes its own by writing to a file, so
 * that it is good for one look only. */
int label_read(int proc, pid_t tid, char ret_label[LABEL_MAX]);

/* /proc/TID/status: the umask, and how many descriptors there is room for as yet. */
struct task_status {
    unsigned umask;
    uint64_t fd_slots;
};

/* Its RLIMIT_NOFILE, without the right that prlimit() wants. */
int fd_limit_read(int proc, pid_t tid, uint64_t *ret_limit);
int task_status_read(int proc, pid_t tid, struct task_status *ret_status);

#endif
