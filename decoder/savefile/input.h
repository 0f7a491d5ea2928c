/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_SAVEFILE_INPUT_H
#define SYSFOLD_SAVEFILE_INPUT_H

/*
 * A window on a file, a pipe or a terminal that is read from front to back.
 * read() into a buffer of our own rather than mmap: it works for pipes, and a
 * file that somebody cuts short is an end rather than a SIGBUS.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/error.h>

struct input {
    int fd;
    bool waits; /* at the end of a regular file, wait for more */
    bool regular;
    bool ended;
    uint8_t *buffer;
    size_t capacity;
    size_t start; /* the window is buffer[start..end) */
    size_t end;
    uint64_t offset;  /* of the window in the file */
    int64_t deadline; /* of CLOCK_MONOTONIC, ns; INT64_MAX: none */
};

/* path "-" is standard input. */
int input_open(struct input *input, const char *path, bool follow, struct sysfold_error *error);
void input_close(struct input *input);

/* How long input_need() may wait from now on: -1 for ever. */
void input_set_timeout(struct input *input, int timeout_ms);

/* Widens the window to at least `size` bytes. 1: it is; 0: the file ends before;
 * -EAGAIN: time is up; -EINTR: a signal came; another negative errno. Moves the bytes. */
int input_need(struct input *input, size_t size, struct sysfold_error *error);

static inline const uint8_t *input_bytes(const struct input *input)
{
    return input->buffer + input->start;
}

static inline size_t input_size(const struct input *input)
{
    return input->end - input->start;
}

/* Moves the window's start on; at most its size. */
static inline void input_skip(struct input *input, size_t size)
{
    input->start += size;
    input->offset += size;
}

#endif
