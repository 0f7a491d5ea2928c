// SPDX-License-Identifier: Apache-2.0
/* io_uring: rings made, entered and registered with. What is asked for is nothing: IORING_OP_NOP. */

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "poke.h"

#define RING_SIZE 4096 /* more than rings of four entries take */

static uint8_t *ring;
static struct io_uring_sqe *entries;
static uint8_t buffer[64];

static void find_out(void)
{
    struct io_uring_params params = {0};
    long fd = syscall(SYS_io_uring_setup, 1, &params);

    if (fd < 0)
        kit_skip("there is no io_uring, or not for everyone (kernel.io_uring_disabled)");
    if (!(params.features & IORING_FEAT_SINGLE_MMAP))
        kit_skip("the kernel's io_uring is older than 5.4");
    close((int)fd);
}
BEFORE(find_out)

static void nothing(int signo, siginfo_t *info)
{
    (void)signo;
    (void)info;
}

static void set_up_badly(void)
{
    struct io_uring_params params = {0}, *edge = kit_at_edge(12);

    FAILS(EINVAL, io_uring_setup, 0, &params);
    FAILS(EINVAL, io_uring_setup, 32769, &params);
    params.flags = 1U << 31;
    FAILS(EINVAL, io_uring_setup, 1, &params);
    params = (struct io_uring_params){.resv = {1}};
    FAILS(EINVAL, io_uring_setup, 1, &params);
    FAILS(EFAULT, io_uring_setup, 1, BAD);
    FAILS(EFAULT, io_uring_setup, 1, NULL);
    FAILS(EFAULT, io_uring_setup, 1, kit_at_edge(8));
    memset(edge, 0, 12);
    FAILS(EFAULT, io_uring_setup, 1, edge); /* the flags are there, what follows is not */
}

static int set_up(struct io_uring_params *params)
{
    struct io_uring_params *edge = kit_at_edge(sizeof(*edge));
    long fd;

    *edge = (struct io_uring_params){.flags = IORING_SETUP_CLAMP};
    OK(close, OK(io_uring_setup, 1, edge));
    *params = (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = 8};
    fd = OK(io_uring_setup, 4, params);
    ring = (uint8_t *)OK(mmap, NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
    entries = (struct io_uring_sqe *)OK(mmap, NULL, 4 * sizeof(*entries), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                                        IORING_OFF_SQES);
    return (int)fd;
}

static void queue_nop(const struct io_uring_params *params)
{
    uint32_t *tail = (uint32_t *)(ring + params->sq_off.tail);
    uint32_t slot = *tail % params->sq_entries;

    entries[slot] = (struct io_uring_sqe){.opcode = IORING_OP_NOP, .user_data = *tail};
    ((uint32_t *)(ring + params->sq_off.array))[slot] = slot;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

static void take_all(const struct io_uring_params *params)
{
    uint32_t tail = __atomic_load_n((uint32_t *)(ring + params->cq_off.tail), __ATOMIC_ACQUIRE);

    __atomic_store_n((uint32_t *)(ring + params->cq_off.head), tail, __ATOMIC_RELEASE);
}

static void enter(int fd, const struct io_uring_params *params)
{
    uint64_t mask = 0;
    long child;

    OK(io_uring_enter, fd, 0, 0, 0, NULL, 0);
    queue_nop(params);
    queue_nop(params);
    OK(io_uring_enter, fd, 1, 0, 0, NULL, 0);
    OK(io_uring_enter, fd, 1, 2, IORING_ENTER_GETEVENTS, &mask, sizeof(mask));
    take_all(params);
    FAILS(EINVAL, io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS, &mask, 4);
    FAILS(EFAULT, io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS, BAD, 8);
    FAILS(EINVAL, io_uring_enter, fd, 0, 0, 1U << 31, NULL, 0);
    FAILS(EBADF, io_uring_enter, 99, 1, 0, 0, NULL, 0);
    FAILS(EOPNOTSUPP, io_uring_enter, 0, 1, 0, 0, NULL, 0);
    kit_handle(SIGUSR1, SA_RESTART, nothing);
    child = POKE(io_uring_enter, SIGUSR1);
    FAILS(EINTR, io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    kit_reap(child);
}

static void enlist(int fd)
{
    struct iovec piece = {buffer, sizeof(buffer)};
    int files[] = {0, -1}, event = (int)OK(eventfd2, 0, 0);

    OK(io_uring_register, fd, IORING_REGISTER_BUFFERS, &piece, 1);
    FAILS(EBUSY, io_uring_register, fd, IORING_REGISTER_BUFFERS, &piece, 1);
    OK(io_uring_register, fd, IORING_UNREGISTER_BUFFERS, NULL, 0);
    FAILS(ENXIO, io_uring_register, fd, IORING_UNREGISTER_BUFFERS, NULL, 0);
    FAILS(EINVAL, io_uring_register, fd, IORING_REGISTER_FILES, files, 0);
    OK(io_uring_register, fd, IORING_REGISTER_FILES, files, 2);
    OK(io_uring_register, fd, IORING_UNREGISTER_FILES, NULL, 0);
    OK(io_uring_register, fd, IORING_REGISTER_EVENTFD, &event, 1);
    FAILS(EFAULT, io_uring_register, fd, IORING_REGISTER_FILES, BAD, 1);
    FAILS(EINVAL, io_uring_register, fd, 9999, NULL, 0);
    FAILS(EBADF, io_uring_register, 99, IORING_UNREGISTER_FILES, NULL, 0);
    FAILS(EOPNOTSUPP, io_uring_register, 0, IORING_UNREGISTER_FILES, NULL, 0);
}

SCENARIO
{
    struct io_uring_params params;
    int pipe[2], fd;

    OK(pipe2, pipe, 0);
    OK(dup2, pipe[0], 0);
    set_up_badly();
    fd = set_up(&params);
    kit_descriptors();
    enter(fd, &params);
    enlist(fd);
    OK(munmap, entries, 4 * sizeof(*entries));
    OK(munmap, ring, RING_SIZE);
    OK(close, fd);
}
