/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_BACKENDS_QUEUE_H
#define SYSFOLD_BACKENDS_QUEUE_H

/*
 * Records on their way from one producer to one consumer, which may be threads
 * or, because the memory is MAP_SHARED, a parent and its child after fork().
 * A byte ring with two counters; no lock, and no system call while both keep up.
 * Sleeping is by futex: the consumer of an idle queue is woken by the first
 * record, then lets records gather for a few milliseconds or until the ring is
 * a quarter full, so that a busy producer seldom has to wake anybody.
 *
 * The memory has a descriptor, for sides that were not forked from each other.
 * A consumer of several queues has one bell for all of them.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/error.h>

struct queue;

/* `size` bytes, rounded up to a power of two of at least 256 KiB. Destroying unmaps; NULL is allowed. */
int queue_create(size_t size, struct queue **ret_queue, struct sysfold_error *error);
void queue_destroy(struct queue *queue);

/* The memory's descriptor, to be passed; borrowed. -1 where it was attached to. */
int queue_fd(const struct queue *queue);
/* The other side of the queue whose memory that is, going on where the side before it, if any, has come to. Anything
 * else is refused (-EBADF). `fd` remains the caller's. */
int queue_attach(int fd, struct queue **ret_queue, struct sysfold_error *error);

/* A common bell of several queues for one consumer: a word that is zero at first, in memory that all sides share. Each
 * side calls it before it does anything else with the queue. */
void queue_share_bell(struct queue *queue, _Atomic uint32_t *bell);
/* Wakes who waits for any of them, for some other reason; nobody waiting: who waits next. */
void bell_ring(_Atomic uint32_t *bell);

/* Producer. */

/* Copies one record in. false: there is no room. */
bool queue_put(struct queue *queue, const uint8_t *record, size_t size);
/* Sleeps until a record of `size` bytes fits. 0; -ETIMEDOUT after timeout_ms, with -1 about every second, so that
 * the caller can see whether its consumer still lives; -EINTR; -EMSGSIZE where it never would. */
int queue_wait_room(struct queue *queue, size_t size, int timeout_ms);
/* Counts an event that could not be put; the first next queue_put() that fits
 * is preceded by a LOST record (cause "buffer full") telling of all so counted. */
void queue_lose(struct queue *queue, uint64_t time);
/* There will be no more; what was lost last is told first. */
void queue_end(struct queue *queue);

/* Consumer. */

/* Everything that is there (up to the ring's edge), in place until the next
 * call, which gives the room back. 1: a span of whole records; 0: the end;
 * -EAGAIN: timeout_ms passed, with -1 about every second, so that the caller can
 * see whether its producer still lives; -EINTR: a signal came; -EBADMSG: the
 * producer wrote nonsense into the counters, and nothing more can be had. */
int queue_get(struct queue *queue, int timeout_ms, const uint8_t **ret_records, size_t *ret_size);

/* Waits for queues that share `bell`: 0 when at least one has something or has ended, or when somebody rang (then
 * none may have anything); -ETIMEDOUT, with -1 after about a second; -EINTR. Gives back what queue_get() gave. */
int queue_wait_any(struct queue *const *queues, size_t count, _Atomic uint32_t *bell, int timeout_ms);

uint64_t queue_lost(const struct queue *queue);
uint64_t queue_used(const struct queue *queue);

#endif
