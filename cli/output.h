/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_CLI_OUTPUT_H
#define SYSFOLD_CLI_OUTPUT_H

/* Lines of events on their way to a file or a terminal. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/event.h>

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* How events are shown. */
struct style {
    bool json;
    bool all; /* snapshot rows too */
    bool color;
};

/*
 * A buffer before a descriptor. The first failure is kept in `error` (a
 * negative errno) and everything after it is dropped.
 */
struct output {
    int fd;
    int error;
    char *buffer;
    size_t used;
    size_t size;
    /* From the second source on, lines say whose they are. */
    uint32_t first_source;
    bool has_source, has_several;
};

int output_init(struct output *output, int fd);
/* Frees the buffer; does not flush, does not close. */
void output_finish(struct output *output);
/* Writes what is buffered; 0 or the error. */
int output_flush(struct output *output);
void output_bytes(struct output *output, const char *bytes, size_t size);
void output_text(struct output *output, const char *text);
/* One event: a line of text or of JSON. */
void output_event(struct output *output, const struct sysfold_event *event, const struct style *style);

/* "auto", "always" or "never"; false for anything else. */
bool parse_color(const char *text, enum color *ret_color);
/* Does that choice mean colours on fd? */
bool use_color(enum color color, int fd);

/*
 * `text` with everything that could drive a terminal escaped, into `buffer`
 * (always terminated, cut at its size). NULL reads "?". Returns buffer.
 */
char *printable(const char *text, char *buffer, size_t size);

#endif
