// SPDX-License-Identifier: Apache-2.0
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS_MAX 65536U /* where close_range() is not known (before Linux 5.9) */

/* The smallest that is kept from `from` on; UINT_MAX: none. */
static unsigned next_kept(const int *kept, size_t count, unsigned from)
{
    unsigned next = UINT_MAX;

    for (size_t i = 0; i < count; i++) {
        if (kept[i] >= 0 && (unsigned)kept[i] >= from && (unsigned)kept[i] < next)
            next = (unsigned)kept[i];
    }
    return next;
}

static void close_span(unsigned from, unsigned to)
{
    if (syscall(SYS_close_range, from, to, 0) == 0 || errno != ENOSYS)
        return;
    for (unsigned fd = from; fd <= to && fd < FDS_MAX; fd++)
        close((int)fd);
}

void daemon_close_all_but(const int *kept, size_t count)
{
    unsigned from = 3, next;

    while ((next = next_kept(kept, count, from)) != UINT_MAX) {
        if (next > from)
            close_span(from, next - 1);
        from = next + 1;
    }
    close_span(from, UINT_MAX);
}

void daemon_let_go_of_files(const int *kept, size_t count)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = 0; fd < 3; fd++) {
        if (null < 0)
            close(fd);
        else if (null != fd)
            dup2(null, fd);
    }
    daemon_close_all_but(kept, count);
    if (chdir("/") < 0)
        return; /* then it stays where it is: nothing depends on it */
}

void daemon_ask_to_be_spared(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, "-1000", 5) < 0) {
        /* only the privileged may */
    }
    close(fd);
}
