// SPDX-License-Identifier: Apache-2.0
/* POSIX message queues: by priority, with limits of time and of size. */

#include <mqueue.h>
#include <time.h>

#include "network/addresses.h"

static char name[UNIQUE_NAME_SIZE + 1];

static void name_make(void)
{
    long fd;

    make_unique_name(name);
    fd = syscall(SYS_mq_open, name, O_RDWR, 0, NULL); /* there is none of that name */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        kit_skip("there are no message queues");
}

static void name_remove(void)
{
    (void)syscall(SYS_mq_unlink, name);
}

BEFORE(name_make)
AFTER(name_remove)

static char buffer[128], text[81];
static unsigned priority;

static void exchange(long fd)
{
    static const struct timespec past = {.tv_sec = 1};

    memset(text, 'q', sizeof(text));
    OK(mq_timedsend, fd, text, 80, 1, NULL);
    OK(mq_timedsend, fd, "urgent", 6, 9, NULL);
    FAILS(EAGAIN, mq_timedsend, fd, "no room", 7, 1, NULL);
    OK(mq_timedreceive, fd, buffer, sizeof(buffer), &priority, NULL);
    if (priority != 9)
        kit_fail("the more urgent comes first");
    OK(mq_timedsend, fd, text, 81, 0, &past);
    OK(mq_timedreceive, fd, buffer, sizeof(buffer), NULL, NULL);
    OK(mq_timedreceive, fd, buffer, sizeof(buffer), &priority, &past);
    OK(mq_timedsend, fd, text, 0, 0, NULL);
    OK(mq_timedreceive, fd, buffer, sizeof(buffer), &priority, NULL);
    FAILS(EAGAIN, mq_timedreceive, fd, buffer, sizeof(buffer), &priority, NULL);
}

static void in_time(long fd)
{
    static const struct timespec past = {.tv_sec = 1};
    static struct mq_attr blocking, found;

    OK(mq_getsetattr, fd, &blocking, &found);
    FAILS(ETIMEDOUT, mq_timedreceive, fd, buffer, sizeof(buffer), &priority, &past);
    OK(mq_timedsend, fd, "1", 1, 1, &past);
    OK(mq_timedsend, fd, "2", 1, 1, &past);
    FAILS(ETIMEDOUT, mq_timedsend, fd, "3", 1, 1, &past);
    OK(mq_timedreceive, fd, buffer, sizeof(buffer), NULL, &past);
    FAILS(EFAULT, mq_timedreceive, fd, buffer, sizeof(buffer), BAD, NULL); /* it is gone nevertheless */
}

static void failures(long fd)
{
    static const struct timespec wrong = {.tv_nsec = -1};

    FAILS(EMSGSIZE, mq_timedsend, fd, buffer, 101, 1, NULL);
    FAILS(EMSGSIZE, mq_timedreceive, fd, buffer, 99, &priority, NULL);
    FAILS(EINVAL, mq_timedsend, fd, "x", 1, 0x80000000, NULL);
    FAILS(EINVAL, mq_timedsend, fd, "x", 1, 0, &wrong);
    FAILS(EFAULT, mq_timedreceive, fd, buffer, sizeof(buffer), &priority, BAD);
    FAILS(EFAULT, mq_timedsend, fd, BAD, 4, 1, NULL);
    FAILS(EBADF, mq_timedsend, 99, "x", 1, 1, NULL);
    FAILS(EBADF, mq_timedreceive, 99, buffer, sizeof(buffer), &priority, NULL);
    FAILS(EEXIST, mq_open, name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL);
    FAILS(EFAULT, mq_open, BAD, O_RDWR, 0, NULL);
    FAILS(EACCES, mq_open, "sysfold/no", O_RDWR | O_CREAT, 0600, NULL);
}

SCENARIO
{
    static const struct mq_attr limits = {.mq_maxmsg = 2, .mq_msgsize = 100}, wrong = {.mq_maxmsg = -1};
    static struct mq_attr found, nonblocking = {.mq_flags = O_NONBLOCK};
    long fd;

    FAILS(ENOENT, mq_open, name, O_RDWR, 0, NULL);
    FAILS(EINVAL, mq_open, name, O_RDWR | O_CREAT, 0600, &wrong);
    fd = OK(mq_open, name, O_RDWR | O_CREAT | O_NONBLOCK, 0600, &limits);
    OK(mq_getsetattr, fd, NULL, &found);
    OK(mq_getsetattr, fd, &nonblocking, &found);
    nonblocking.mq_flags = O_APPEND;
    FAILS(EINVAL, mq_getsetattr, fd, &nonblocking, NULL);
    FAILS(EFAULT, mq_getsetattr, fd, BAD, NULL);
    FAILS(EBADF, mq_getsetattr, 99, NULL, &found);
    kit_descriptors();
    exchange(fd);
    in_time(fd);
    failures(fd);
    OK(mq_unlink, name);
    FAILS(ENOENT, mq_unlink, name);
    FAILS(EFAULT, mq_unlink, BAD);
    OK(close, fd);
}
