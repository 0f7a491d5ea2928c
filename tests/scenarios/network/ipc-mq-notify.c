// SPDX-License-Identifier: Apache-2.0
/* Being told by a signal that a message has come. */

#include "network/addresses.h"
#include "network/signals.h"

static char name[UNIQUE_NAME_SIZE + 1];

static void name_make(void)
{
    make_unique_name(name);
    if (syscall(SYS_mq_open, name, O_RDWR, 0, NULL) < 0 && (errno == ENOSYS || errno == EPERM))
        kit_skip("there are no message queues");
}

BEFORE(name_make)

static volatile int told;

static void note(int signo, siginfo_t *info)
{
    (void)signo;
    told = info->si_value.sival_int;
}

SCENARIO
{
    static struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = REALTIME, .sigev_value.sival_int = 5},
                           silent = {.sigev_notify = SIGEV_NONE}, wrong = {.sigev_notify = 99};
    long fd = OK(mq_open, name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);

    OK(mq_unlink, name); /* it lives on until it is closed */
    kit_handle(REALTIME, 0, note);
    OK(mq_notify, fd, &event);
    FAILS(EBUSY, mq_notify, fd, &silent);
    OK(mq_timedsend, fd, "ring", 4, 0, NULL);
    if (told != 5)
        kit_fail("nobody told");
    OK(mq_notify, fd, &silent); /* it told once only */
    OK(mq_notify, fd, NULL);
    FAILS(EINVAL, mq_notify, fd, &wrong);
    FAILS(EFAULT, mq_notify, fd, BAD);
    FAILS(EBADF, mq_notify, 99, &event);
    OK(close, fd);
}
