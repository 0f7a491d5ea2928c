// SPDX-License-Identifier: Apache-2.0
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define INITIAL_CAPACITY 256 /* so that it has to grow */
#else
#define INITIAL_CAPACITY (1u << 20)
#endif
#define FOLLOW_INTERVAL_NS (50 * 1000 * 1000)
#define NS_PER_MS 1000000

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int input_open(struct input *input, const char *path, bool follow, struct sysfold_error *error)
{
    bool standard = !strcmp(path, "-");
    struct stat status;

    *input = (struct input){.deadline = INT64_MAX};
    input->fd = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (input->fd < 0)
        return error_system(error, -errno, "cannot open %s", standard ? "standard input" : path);
    input->regular = fstat(input->fd, &status) == 0 && S_ISREG(status.st_mode);
    input->waits = follow && input->regular;
    input->capacity = INITIAL_CAPACITY;
    input->buffer = malloc(input->capacity);
    if (!input->buffer) {
        close(input->fd);
        return error_system(error, -ENOMEM, "cannot read %s", path);
    }
    return 0;
}

void input_close(struct input *input)
{
    close(input->fd);
    free(input->buffer);
}

void input_set_timeout(struct input *input, int timeout_ms)
{
    input->deadline = timeout_ms < 0 ? INT64_MAX : now() + (int64_t)timeout_ms * NS_PER_MS;
}

/* Room behind the window for it to become `size` bytes. Grows only when it is
 * full, so that a length that lies costs no more memory than the file has bytes. */
static int make_room(struct input *input, size_t size)
{
    uint8_t *grown;

    if (input->start && input->start + size > input->capacity) {
        memmove(input->buffer, input_bytes(input), input_size(input));
        input->end -= input->start;
        input->start = 0;
    }
    if (input->end < input->capacity)
        return 0;
    grown = realloc(input->buffer, input->capacity * 2);
    if (!grown)
        return -ENOMEM;
    input->buffer = grown;
    input->capacity *= 2;
    return 0;
}

static int wait_readable(const struct input *input)
{
    struct pollfd pollfd = {.fd = input->fd, .events = POLLIN};
    int64_t left = input->deadline == INT64_MAX ? -1 : (input->deadline - now() + NS_PER_MS - 1) / NS_PER_MS;
    int r;

    if (input->deadline != INT64_MAX && left < 0)
        left = 0;
    r = poll(&pollfd, 1, left > INT_MAX ? INT_MAX : (int)left);
    return r < 0 ? -errno : r ? 0 : -EAGAIN;
}

/* Another process writes the file: look again in a moment. */
static int wait_growth(const struct input *input)
{
    int64_t left = input->deadline == INT64_MAX ? FOLLOW_INTERVAL_NS : input->deadline - now();
    struct timespec pause = {.tv_nsec = left < FOLLOW_INTERVAL_NS ? (long)left : FOLLOW_INTERVAL_NS};

    if (left <= 0)
        return -EAGAIN;
    return nanosleep(&pause, NULL) < 0 ? -errno : 0;
}

/* Reads once: the number of bytes, 0 at the end. */
static ssize_t read_some(struct input *input)
{
    ssize_t n;
    int r = input->regular ? 0 : wait_readable(input);

    while (r == 0) {
        n = read(input->fd, input->buffer + input->end, input->capacity - input->end);
        if (n > 0 || (n == 0 && !input->waits))
            return n;
        if (n < 0 && errno != EAGAIN)
            return -errno;
        r = n < 0 ? wait_readable(input) : wait_growth(input);
    }
    return r;
}

int input_need(struct input *input, size_t size, struct sysfold_error *error)
{
    while (input_size(input) < size) {
        ssize_t n;

        if (input->ended)
            return 0;
        n = make_room(input, size);
        if (n == 0) {
            n = read_some(input);
            input->ended = n == 0;
        }
        if (n < 0)
            return n == -EAGAIN || n == -EINTR ? (int)n : error_system(error, (int)n, "cannot read");
        input->end += (size_t)n;
    }
    return 1;
}
