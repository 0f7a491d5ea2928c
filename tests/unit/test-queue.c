// SPDX-License-Identifier: Apache-2.0
/* The queue: everything put comes out once and in order, what did not fit is told, and nobody sleeps for ever. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/queue.h"
#include "common/encode.h"
#include "decoder/decode/record.h"

#define RING ((size_t)256 << 10)

/* A MARKER-shaped record of that size which says its number. */
static size_t make_record(uint8_t *to, size_t size, uint64_t number)
{
    struct record_header header = {.type = ROW_MARKER, .length = (uint16_t)size, .time = number};

    memcpy(to, &header, sizeof(header));
    memset(to + sizeof(header), (int)(number & 0xff), size - sizeof(header));
    return size;
}

static bool put(struct queue *queue, size_t size, uint64_t number)
{
    static uint8_t record[RECORD_SIZE_MAX];

    return queue_put(queue, record, make_record(record, size, number));
}

/* Walks a span; records are numbered from *next on. LOST records count what they tell. */
static void check_span(const uint8_t *records, size_t size, uint64_t *next, uint64_t *lost)
{
    while (size) {
        struct record_header header;

        cr_assert_geq(size, sizeof(header));
        memcpy(&header, records, sizeof(header));
        cr_assert_leq(header.length, size, "only whole records");
        if ((header.type & RECORD_NUMBER_MASK) == ROW_LOST) {
            struct record record;
            struct sysfold_value count;

            cr_assert_eq(record_read(&record, sysfold_schema_builtin(), records, size, false), header.length);
            cr_assert_eq(record_param(&record, P_LOST_count, &count), 0);
            *lost += count.u;
            *next += count.u;
        } else {
            cr_assert_eq(header.time, (*next)++);
            for (size_t i = sizeof(header); i < header.length; i++)
                cr_assert_eq(records[i], (uint8_t)header.time);
        }
        records += header.length;
        size -= header.length;
    }
}

static struct queue *make_queue(void)
{
    struct queue *queue = NULL;

    cr_assert_eq(queue_create(RING, &queue, NULL), 0);
    return queue;
}

Test(queue, what_goes_in_comes_out_in_place_and_in_order)
{
    struct queue *queue = make_queue();
    uint64_t next = 0, lost = 0;
    const uint8_t *records;
    size_t size;

    cr_assert_eq(queue_get(queue, 0, &records, &size), -EAGAIN);
    /* Odd sizes, so that spans wrap at many places. */
    for (uint64_t number = 0; number < 3000;) {
        for (int i = 0; i < 7; i++, number++)
            cr_assert(put(queue, 1000 + number % 777, number));
        cr_assert_gt(queue_used(queue), 7000);
        cr_assert_eq(queue_get(queue, 0, &records, &size), 1);
        check_span(records, size, &next, &lost);
        cr_assert_eq(next, number);
        cr_assert_eq(queue_get(queue, 0, &records, &size), -EAGAIN);
        cr_assert_eq(queue_used(queue), 0);
    }
    cr_assert_eq(lost, 0);
    cr_assert_eq(queue_lost(queue), 0);
    queue_end(queue);
    cr_assert_eq(queue_get(queue, -1, &records, &size), 0);
    cr_assert_eq(queue_get(queue, -1, &records, &size), 0, "the end stays the end");
    queue_destroy(queue);
    queue_destroy(NULL);
}

Test(queue, a_span_stays_until_the_next_get)
{
    struct queue *queue = make_queue();
    uint64_t next = 0, lost = 0, number = 0;
    const uint8_t *records;
    size_t size;

    while (put(queue, 60000, number))
        number++;
    cr_assert_eq(queue_get(queue, 0, &records, &size), 1);
    cr_assert_not(put(queue, 60000, number), "the room is still in use");
    check_span(records, size, &next, &lost);
    cr_assert_eq(queue_get(queue, 0, &records, &size), -EAGAIN);
    cr_assert(put(queue, 60000, number));
    queue_destroy(queue);
}

static void read_lost(const uint8_t *records, size_t size, uint64_t values[3], char *cause, size_t *ret_size)
{
    struct record record;
    struct sysfold_value value;
    int r = record_read(&record, sysfold_schema_builtin(), records, size, false);

    cr_assert_gt(r, 0);
    *ret_size = (size_t)r;
    cr_assert_eq(record.row->number, ROW_LOST);
    cr_assert_eq(record.tid, 0);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(record_param(&record, P_LOST_count + i, &value), 0);
        values[i] = value.u;
    }
    cr_assert_eq(record.time, values[2]);
    cr_assert_eq(record_param(&record, P_LOST_cpu, &value), 0);
    cr_assert_eq(value.status, SYSFOLD_ABSENT);
    cr_assert_eq(record_param(&record, P_LOST_cause, &value), 0);
    memcpy(cause, value.data, value.size);
    cause[value.size] = 0;
}

Test(queue, a_loss_is_told_before_the_next_record)
{
    struct queue *queue = make_queue();
    uint64_t number = 0, told[3];
    const uint8_t *records;
    size_t size, lost_size;
    char cause[100];
    struct record_header header;

    while (put(queue, 5000, number))
        number++;
    queue_lose(queue, 1000);
    queue_lose(queue, 2000);
    queue_lose(queue, 3000);
    cr_assert_eq(queue_lost(queue), 3);
    cr_assert_eq(queue_get(queue, 0, &records, &size), 1);
    cr_assert_eq(queue_get(queue, 0, &records, &size), -EAGAIN);
    cr_assert(put(queue, 5000, 77));
    cr_assert_eq(queue_get(queue, 0, &records, &size), 1);
    read_lost(records, size, told, cause, &lost_size);
    cr_assert_eq(told[0], 3);
    cr_assert_eq(told[1], 1000);
    cr_assert_eq(told[2], 3000);
    cr_assert_str_eq(cause, "buffer full");
    memcpy(&header, records + lost_size, sizeof(header));
    cr_assert_eq(header.time, 77);
    cr_assert_eq(size, lost_size + 5000);
    cr_assert(put(queue, 5000, 78));
    cr_assert_eq(queue_get(queue, 0, &records, &size), 1);
    cr_assert_eq(size, 5000, "told once");
    cr_assert_eq(queue_lost(queue), 3, "counted for ever");
    queue_destroy(queue);
}

Test(queue, a_full_queue_still_tells_at_its_end_what_was_lost)
{
    struct queue *queue = make_queue();
    uint64_t number = 0, next = 0, lost = 0;
    const uint8_t *records;
    size_t size;

    while (put(queue, 5000, number))
        number++;
    for (size_t small = 5000; small >= 16; small--) {
        if (put(queue, small, number))
            number++;
    }
    queue_lose(queue, number);
    queue_end(queue);
    queue_end(queue);
    cr_assert_eq(queue_get(queue, 0, &records, &size), 1);
    check_span(records, size, &next, &lost);
    cr_assert_eq(lost, 1);
    cr_assert_eq(next, number + 1);
    cr_assert_eq(queue_get(queue, 0, &records, &size), 0);
    queue_destroy(queue);
}

Test(queue, no_room_is_said_after_a_while_and_too_large_at_once)
{
    struct queue *queue = make_queue();

    cr_assert_eq(queue_wait_room(queue, 60000, -1), 0);
    cr_assert_eq(queue_wait_room(queue, RING, -1), -EMSGSIZE);
    for (uint64_t number = 0; put(queue, 60000, number);)
        number++;
    cr_assert_eq(queue_wait_room(queue, 60000, 0), -ETIMEDOUT);
    cr_assert_eq(queue_wait_room(queue, 60000, 20), -ETIMEDOUT);
    cr_assert_eq(queue_wait_room(queue, 60000, -1), -ETIMEDOUT, "-1 is not for ever: the consumer may be dead");
    queue_destroy(queue);
}

Test(queue, an_absurd_size_is_an_error)
{
    struct sysfold_error error = {0};
    struct queue *queue = NULL;

    cr_assert_eq(queue_create(SIZE_MAX, &queue, &error), -EINVAL);
    cr_assert_eq(error.code, -EINVAL);
    cr_assert_not_null(strstr(error.message, "buffer"));
    cr_assert_null(queue);
}

Test(queue, a_silent_producer_lets_the_consumer_look_after_it)
{
    struct queue *queue = make_queue();
    const uint8_t *records;
    size_t size;

    cr_assert_eq(queue_get(queue, 10, &records, &size), -EAGAIN);
    cr_assert_eq(queue_get(queue, -1, &records, &size), -EAGAIN);
    queue_destroy(queue);
}

static void nothing(int signo)
{
    (void)signo;
}

static pthread_t sleeper;

static void *interrupt(void *data)
{
    struct timespec pause = {.tv_nsec = 1000000};
    volatile bool *stop = data;

    while (!*stop) {
        pthread_kill(sleeper, SIGUSR1);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

Test(queue, a_signal_wakes_either_side)
{
    struct queue *queue = make_queue();
    volatile bool stop = false;
    struct sigaction action = {.sa_handler = nothing};
    const uint8_t *records;
    pthread_t thread;
    size_t size;

    sigaction(SIGUSR1, &action, NULL);
    sleeper = pthread_self();
    pthread_create(&thread, NULL, interrupt, (void *)&stop);
    cr_assert_eq(queue_get(queue, 100000, &records, &size), -EINTR);
    for (uint64_t number = 0; put(queue, 60000, number);)
        number++;
    cr_assert_eq(queue_wait_room(queue, 60000, 100000), -EINTR);
    stop = true;
    pthread_join(thread, NULL);
    queue_destroy(queue);
}

static void produce(struct queue *queue, uint64_t count)
{
    for (uint64_t number = 0; number < count; number++) {
        size_t size = 16 + (number * 7919) % 3000;

        while (!put(queue, size, number))
            (void)queue_wait_room(queue, size, -1);
    }
    queue_end(queue);
}

static uint64_t consume(struct queue *queue, uint64_t *lost)
{
    uint64_t next = 0;
    const uint8_t *records;
    size_t size;
    int r;

    while ((r = queue_get(queue, -1, &records, &size)) != 0) {
        if (r == 1)
            check_span(records, size, &next, lost);
        else
            cr_assert_eq(r, -EAGAIN);
    }
    return next;
}

Test(queue, carries_records_from_a_child)
{
    struct queue *queue = make_queue();
    uint64_t lost = 0;
    pid_t child = fork();
    int status;

    if (child == 0) {
        produce(queue, 20000);
        _exit(0);
    }
    cr_assert_eq(consume(queue, &lost), 20000);
    cr_assert_eq(lost, 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    queue_destroy(queue);
}

Test(queue, records_of_a_killed_producer_are_not_lost)
{
    struct queue *queue = make_queue();
    uint64_t next = 0, lost = 0;
    const uint8_t *records;
    pid_t child = fork();
    size_t size;

    if (child == 0) {
        for (uint64_t number = 0; number < 100; number++)
            (void)put(queue, 100, number);
        kill(getpid(), SIGKILL);
    }
    cr_assert_eq(waitpid(child, NULL, 0), child);
    cr_assert_eq(queue_get(queue, -1, &records, &size), 1);
    check_span(records, size, &next, &lost);
    cr_assert_eq(next, 100);
    cr_assert_eq(queue_get(queue, 10, &records, &size), -EAGAIN);
    queue_destroy(queue);
}

/* The producer's counters, as a bug in it would leave them: its head is the first thing in the shared page. */
Test(queue, a_mad_producer_does_not_lead_the_consumer_astray)
{
    struct queue *queue = make_queue();
    uint64_t **shared = (uint64_t **)queue;
    const uint8_t *records;
    size_t size;

    **shared = RING + 1;
    cr_assert_eq(queue_get(queue, 0, &records, &size), -EBADMSG);
    cr_assert_eq(queue_get(queue, -1, &records, &size), -EBADMSG);
    **shared = UINT64_MAX;
    cr_assert_eq(queue_get(queue, -1, &records, &size), -EBADMSG);
    cr_assert_eq(queue_used(queue), 0);
    queue_destroy(queue);
}

static void send_fd(int to, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {(char[]){'q'}, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

    memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    cr_assert_eq(sendmsg(to, &message, 0), 1);
}

static int receive_fd(int from)
{
    char control[CMSG_SPACE(sizeof(int))], byte;
    struct iovec part = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    int fd;

    cr_assert_eq(recvmsg(from, &message, 0), 1);
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
    return fd;
}

static struct queue *attach(int fd)
{
    struct queue *queue = NULL;

    cr_assert_eq(queue_attach(fd, &queue, NULL), 0);
    return queue;
}

/* The producer knows nothing of the consumer but the descriptor that it is sent. */
Test(queue, carries_records_from_who_was_only_given_its_descriptor)
{
    struct queue *queue;
    uint64_t lost = 0;
    int ends[2], status;
    pid_t child;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    child = fork();
    if (child == 0) {
        int fd = receive_fd(ends[1]);

        queue = attach(fd);
        close(fd);
        cr_assert_eq(queue_fd(queue), -1);
        produce(queue, 20000);
        queue_destroy(queue);
        _exit(0);
    }
    queue = make_queue();
    send_fd(ends[0], queue_fd(queue));
    cr_assert_eq(consume(queue, &lost), 20000);
    cr_assert_eq(lost, 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    queue_destroy(queue);
    close(ends[0]);
    close(ends[1]);
}

Test(queue, who_attaches_goes_on_where_the_other_has_come_to)
{
    struct queue *first = make_queue(), *second;
    uint64_t next = 0, lost = 0;
    const uint8_t *records;
    size_t size;

    for (uint64_t number = 0; number < 5; number++)
        cr_assert(put(first, 1000, number));
    cr_assert_eq(queue_get(first, 0, &records, &size), 1);
    check_span(records, size, &next, &lost);
    cr_assert_eq(queue_get(first, 0, &records, &size), -EAGAIN);
    cr_assert(put(first, 1000, 5));
    second = attach(queue_fd(first));
    cr_assert_eq(queue_get(second, 0, &records, &size), 1);
    check_span(records, size, &next, &lost);
    cr_assert_eq(next, 6);
    cr_assert(put(second, 1000, 6), "as a producer, too");
    cr_assert_eq(queue_get(second, 0, &records, &size), 1);
    check_span(records, size, &next, &lost);
    cr_assert_eq(next, 7);
    queue_destroy(first);
    queue_destroy(second);
}

static void refuses(int fd)
{
    struct sysfold_error error = {0};
    struct queue *queue = NULL;

    cr_assert_eq(queue_attach(fd, &queue, &error), -EBADF);
    cr_assert_eq(error.code, -EBADF);
    cr_assert_null(queue);
    close(fd);
}

static int make_memfd(size_t size, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    cr_assert_eq(ftruncate(fd, (off_t)size), 0);
    cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

Test(queue, what_is_no_queue_is_not_attached_to)
{
    int both = F_SEAL_SHRINK | F_SEAL_GROW;
    int ends[2];

    refuses(-1);
    cr_assert_eq(pipe(ends), 0);
    refuses(ends[0]);
    refuses(ends[1]);
    refuses(open("/proc/self/exe", O_RDONLY));
    refuses(make_memfd(0, both));
    refuses(make_memfd(4096, both));
    refuses(make_memfd(RING, both));
    refuses(make_memfd(4096 + RING / 2, both));
    refuses(make_memfd(4096 + RING + 4096, both));
    refuses(make_memfd(4096 + 3 * RING, both));
    refuses(make_memfd(4096 + RING, 0));
    refuses(make_memfd(4096 + RING, F_SEAL_GROW));
}

Test(queue, its_memory_cannot_be_taken_away)
{
    struct queue *queue = make_queue();

    cr_assert_eq(ftruncate(queue_fd(queue), 0), -1);
    cr_assert_eq(errno, EPERM);
    queue_destroy(queue);
}

/* After a fork, another file may have the number. */
Test(queue, a_child_does_not_close_what_is_not_the_queues)
{
    struct queue *queue = make_queue();
    int fd = queue_fd(queue), status;
    pid_t child = fork();

    if (child == 0) {
        dup2(STDIN_FILENO, fd);
        queue_destroy(queue);
        _exit(fcntl(fd, F_GETFD) < 0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    queue_destroy(queue);
    cr_assert_lt(fcntl(fd, F_GETFD), 0, "its maker does");
}

#define SEVERAL 3

static _Atomic uint32_t bell;
static struct queue *several[SEVERAL];

static void make_several(void)
{
    bell = 0;
    for (int i = 0; i < SEVERAL; i++) {
        several[i] = make_queue();
        queue_share_bell(several[i], &bell);
    }
}

static void destroy_several(void)
{
    for (int i = 0; i < SEVERAL; i++)
        queue_destroy(several[i]);
}

static int wait_any(int timeout_ms)
{
    return queue_wait_any(several, SEVERAL, &bell, timeout_ms);
}

TestSuite(queue_several, .init = make_several, .fini = destroy_several);

Test(queue_several, any_of_them_ends_the_waiting)
{
    const uint8_t *records;
    size_t size;

    cr_assert_eq(wait_any(0), -ETIMEDOUT);
    cr_assert_eq(wait_any(10), -ETIMEDOUT);
    cr_assert_eq(wait_any(-1), -ETIMEDOUT, "-1 is not for ever");
    for (int i = 0; i < SEVERAL; i++) {
        cr_assert(put(several[i], 100, 1));
        cr_assert_eq(wait_any(-1), 0);
        cr_assert_eq(wait_any(0), 0, "it is still there");
        cr_assert_eq(queue_get(several[i], 0, &records, &size), 1);
        cr_assert_eq(wait_any(10), -ETIMEDOUT, "the span is given back");
        cr_assert_eq(queue_used(several[i]), 0);
    }
    queue_end(several[1]);
    cr_assert_eq(wait_any(-1), 0);
    cr_assert_eq(queue_get(several[1], 0, &records, &size), 0);
}

Test(queue_several, a_mad_producer_is_something)
{
    uint64_t **shared = (uint64_t **)several[2];
    const uint8_t *records;
    size_t size;

    **shared = RING + 1;
    cr_assert_eq(wait_any(-1), 0);
    cr_assert_eq(queue_get(several[2], 0, &records, &size), -EBADMSG);
}

Test(queue_several, the_bell_is_heard_once_and_by_who_comes_later)
{
    bell_ring(&bell);
    bell_ring(&bell);
    cr_assert_eq(wait_any(-1), 0);
    cr_assert_eq(wait_any(0), -ETIMEDOUT);
    bell_ring(&bell);
    cr_assert_eq(wait_any(0), 0);
    cr_assert_eq(queue_wait_any(NULL, 0, &bell, 10), -ETIMEDOUT, "none at all");
    bell_ring(&bell);
    cr_assert_eq(queue_wait_any(NULL, 0, &bell, 10), 0);
}

Test(queue_several, a_signal_wakes)
{
    volatile bool stop = false;
    struct sigaction action = {.sa_handler = nothing};
    pthread_t thread;

    sigaction(SIGUSR1, &action, NULL);
    sleeper = pthread_self();
    pthread_create(&thread, NULL, interrupt, (void *)&stop);
    cr_assert_eq(wait_any(100000), -EINTR);
    stop = true;
    pthread_join(thread, NULL);
}
