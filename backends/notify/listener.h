/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_NOTIFY_LISTENER_H
#define SYSFOLD_NOTIFY_LISTENER_H

/* seccomp's notification ioctls. All answer 0 or a negative errno; -ENOENT: the target is gone, or was interrupted. */

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/* What Debian 12's headers do not have yet. */
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS /* Linux 6.6 */
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* Wakes the other side on this cpu, where the kernel can. */
void listener_prefer_this_cpu(int listener);

/* The next notification; waits unless poll() has said that there is one. -EINTR. */
int listener_receive(int listener, struct seccomp_notif *ret_notif);
/* The call is made as if nothing had been. */
int listener_continue(int listener, uint64_t id);
/* The call is not made, and has this result: a value, or a negative errno. */
int listener_answer(int listener, uint64_t id, int64_t result);
/* The target gets a new descriptor of our `fd`'s file: its number (0 and up). It waits on, so that ours can be closed
 * before it can look: then the number is the answer. -EMFILE, -ENOENT ...: it has got none. */
int listener_add_fd(int listener, uint64_t id, int fd, bool cloexec);
/* Is the target still waiting? What was looked up by its id or read from its memory before is its own, then. */
bool listener_is_valid(int listener, uint64_t id);

#endif
