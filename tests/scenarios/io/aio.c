// SPDX-License-Identifier: Apache-2.0
/* The older asynchronous input and output. */

#include <linux/aio_abi.h>
#include <poll.h>
#include <time.h>

#include "poke.h"

static const struct timespec at_once;

struct mask_and_size { /* io_pgetevents's */
    const uint64_t *mask;
    size_t size;
};

static void nothing(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
}

static aio_context_t set_up(void)
{
    aio_context_t *context = kit_at_edge(sizeof(*context)), used = 1, other = 0;

    FAILS(EINVAL, io_setup, 0, &other);
    FAILS(EINVAL, io_setup, 1, &used);
    FAILS(EINVAL, io_setup, UINT_MAX, &other);
    FAILS(EFAULT, io_setup, 1, BAD);
    FAILS(EFAULT, io_setup, 1, NULL);
    FAILS(EFAULT, io_setup, 1, kit_at_edge(7));
    OK(io_setup, 1, &other);
    OK(io_destroy, other);
    FAILS(EINVAL, io_destroy, other);
    FAILS(EINVAL, io_destroy, 0);
    *context = 0;
    OK(io_setup, 8, context);
    return *context;
}

static void submit(aio_context_t context, int file)
{
    struct iocb write = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = (uint32_t)file, .aio_nbytes = 5},
                bad = {.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_fildes = 99}, *one[] = {&write}, *two[] = {&write, &bad};

    write.aio_buf = (uintptr_t) "bytes";
    OK(io_submit, context, 0, NULL);
    OK(io_submit, context, 1, one);
    OK(io_submit, context, 2, two); /* up to the bad one */
    FAILS(EBADF, io_submit, context, 1, two + 1);
    FAILS(EINVAL, io_submit, context, -1, one);
    FAILS(EINVAL, io_submit, 0, 1, one);
    FAILS(EFAULT, io_submit, context, 1, BAD);
    FAILS(EFAULT, io_submit, context, 1, NULL);
}

static void get(aio_context_t context)
{
    struct io_event events[4];
    struct timespec *timeout = kit_at_edge(sizeof(*timeout));

    OK(io_getevents, context, 1, 1, events, NULL);
    *timeout = at_once;
    OK(io_getevents, context, 1, 4, events, timeout);
    OK(io_getevents, context, 1, 4, events, &at_once); /* there are none left */
    timeout->tv_nsec = 1;
    OK(io_getevents, context, 1, 1, events, timeout);
    OK(io_getevents, context, 0, 0, NULL, NULL);
    FAILS(EINVAL, io_getevents, context, 2, 1, events, NULL);
    FAILS(EINVAL, io_getevents, context, -1, 1, events, NULL);
    FAILS(EINVAL, io_getevents, 0, 0, 1, events, NULL);
    FAILS(EFAULT, io_getevents, context, 0, 1, events, BAD);
    FAILS(EFAULT, io_getevents, context, 0, 1, events, kit_at_edge(15));
}

static void get_masked(aio_context_t context)
{
    struct io_event event;
    uint64_t mask = 1;
    struct mask_and_size all = {&mask, 8}, wrong = {&mask, 4};

    OK(io_pgetevents, context, 0, 1, &event, &at_once, NULL);
    OK(io_pgetevents, context, 1, 1, &event, &at_once, &all);
    FAILS(EINVAL, io_pgetevents, context, 0, 1, &event, &at_once, &wrong);
    FAILS(EFAULT, io_pgetevents, context, 0, 1, &event, NULL, BAD);
    FAILS(EFAULT, io_pgetevents, context, 0, 1, &event, BAD, NULL);
    FAILS(EINVAL, io_pgetevents, 0, 0, 1, &event, NULL, NULL);
}

/* A poll that nothing ends but its cancellation. */
static void cancel(aio_context_t context)
{
    struct iocb poll = {.aio_lio_opcode = IOCB_CMD_POLL, .aio_buf = POLLIN}, *list[] = {&poll};
    struct io_event event;

    poll.aio_fildes = (uint32_t)OK(eventfd2, 0, 0);
    OK(io_submit, context, 1, list);
    FAILS(EINPROGRESS, io_cancel, context, &poll, &event);
    OK(io_getevents, context, 1, 1, &event, NULL);
    FAILS(EINVAL, io_cancel, context, &poll, &event);
    FAILS(EINVAL, io_cancel, 0, &poll, &event);
    FAILS(EFAULT, io_cancel, context, BAD, &event);
}

static void be_interrupted(aio_context_t context)
{
    struct io_event event;
    uint64_t none = 0;
    struct mask_and_size all = {&none, 8};
    long child;

    kit_handle(SIGUSR1, SA_RESTART, nothing);
    child = POKE(io_getevents, SIGUSR1);
    FAILS(EINTR, io_getevents, context, 1, 1, &event, NULL);
    kit_reap(child);
    child = POKE(io_pgetevents, SIGUSR1);
    FAILS(EINTR, io_pgetevents, context, 1, 1, &event, NULL, &all);
    kit_reap(child);
}

SCENARIO
{
    aio_context_t context = set_up();
    int file = (int)OK(open, "file", O_RDWR | O_CREAT, 0600);

    submit(context, file);
    get(context);
    get_masked(context);
    cancel(context);
    be_interrupted(context);
    OK(io_destroy, context);
    kit_descriptors();
}
