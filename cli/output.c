// SPDX-License-Identifier: Apache-2.0
#include "output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sysfold/state.h>

#define BUFFER_SIZE (256 * 1024)
#define NAME_SIZE 80

#define DIM "\033[2m"
#define RED "\033[31m"
#define PLAIN "\033[0m"

int output_init(struct output *output, int fd)
{
    *output = (struct output){.fd = fd, .size = BUFFER_SIZE, .buffer = malloc(BUFFER_SIZE)};
    return output->buffer ? 0 : -ENOMEM;
}

void output_finish(struct output *output)
{
    free(output->buffer);
    output->buffer = NULL;
}

int output_flush(struct output *output)
{
    size_t done = 0;

    while (done < output->used && !output->error) {
        ssize_t n = write(output->fd, output->buffer + done, output->used - done);

        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            output->error = -errno;
    }
    output->used = 0;
    return output->error;
}

void output_bytes(struct output *output, const char *bytes, size_t size)
{
    while (size) {
        size_t room = output->size - output->used;
        size_t n = size < room ? size : room;

        memcpy(output->buffer + output->used, bytes, n);
        output->used += n;
        bytes += n;
        size -= n;
        if (output->used == output->size)
            output_flush(output);
    }
}

void output_text(struct output *output, const char *text)
{
    output_bytes(output, text, strlen(text));
}

/* Makes room for `size` bytes in one piece. */
static bool reserve(struct output *output, size_t size)
{
    char *larger;

    if (output->size - output->used >= size)
        return true;
    output_flush(output);
    if (output->size >= size)
        return true;
    larger = realloc(output->buffer, size);
    if (!larger) {
        output->error = -ENOMEM;
        return false;
    }
    output->buffer = larger;
    output->size = size;
    return true;
}

/* The event in place, by one of the library's formatters; where it starts, or NULL. */
static char *format_event(struct output *output, const struct sysfold_event *event,
                          size_t (*format)(const struct sysfold_event *event, char *buffer, size_t size))
{
    size_t room = output->size - output->used;
    size_t needed = format(event, output->buffer + output->used, room);

    if (needed >= room) {
        if (!reserve(output, needed + 1))
            return NULL;
        needed = format(event, output->buffer + output->used, needed + 1);
    }
    output->used += needed;
    return output->buffer + output->used - needed;
}

/* Local time; the calendar is asked once a second. */
static void output_time(struct output *output, uint64_t ns)
{
    static time_t known = -1;
    static char text[16];
    time_t second = (time_t)(ns / 1000000000);
    char line[40];

    if (second != known) {
        struct tm calendar;

        if (!localtime_r(&second, &calendar) || !strftime(text, sizeof(text), "%H:%M:%S", &calendar))
            (void)snprintf(text, sizeof(text), "??:??:??");
        known = second;
    }
    (void)snprintf(line, sizeof(line), "%s.%09u ", text, (unsigned)(ns % 1000000000));
    output_text(output, line);
}

static void output_source(struct output *output, const struct sysfold_event *event)
{
    uint32_t source = sysfold_event_source(event);
    char name[NAME_SIZE];

    if (!output->has_source)
        output->first_source = source;
    output->has_source = true;
    output->has_several |= source != output->first_source;
    if (!output->has_several)
        return;
    output_text(output, printable(sysfold_event_source_name(event), name, sizeof(name)));
    output_text(output, " ");
}

static void output_process(struct output *output, const struct sysfold_event *event)
{
    const struct sysfold_thread *thread = sysfold_event_thread(event);
    const struct sysfold_process *process = sysfold_event_process(event);
    uint32_t tid = sysfold_event_tid(event);
    char name[NAME_SIZE];
    char line[NAME_SIZE + 40];

    printable(thread ? sysfold_thread_name(thread) : NULL, name, sizeof(name));
    if (process && sysfold_process_pid(process) != tid)
        (void)snprintf(line, sizeof(line), "%s[%u/%u] ", name, sysfold_process_pid(process), tid);
    else
        (void)snprintf(line, sizeof(line), "%s[%u] ", name, tid);
    output_text(output, line);
}

static void output_duration(struct output *output, const struct sysfold_event *event)
{
    uint64_t ns;
    char line[40];

    if (sysfold_event_duration(event, &ns) < 0)
        return;
    (void)snprintf(line, sizeof(line), " <%llu.%09llu>", (unsigned long long)(ns / 1000000000),
                   (unsigned long long)(ns % 1000000000));
    output_text(output, line);
}

/* Puts `text` before the last " = " of what was written since `start`, an offset. */
static void mark_result(struct output *output, size_t start, const char *text)
{
    size_t length = strlen(text);

    for (size_t i = output->used; i >= start + 3; i--) {
        if (memcmp(output->buffer + i - 3, " = ", 3) != 0)
            continue;
        if (output->size - output->used < length)
            return;
        memmove(output->buffer + i + length, output->buffer + i, output->used - i);
        memcpy(output->buffer + i, text, length);
        output->used += length;
        return;
    }
}

static void output_line(struct output *output, const struct sysfold_event *event, bool color)
{
    const struct sysfold_row *row = sysfold_event_row(event);
    bool dim = color && row && !sysfold_row_is_syscall(row);
    bool red = color && sysfold_event_flags(event) & SYSFOLD_EVENT_FAILED;
    char *formatted;

    if (dim)
        output_text(output, DIM);
    output_time(output, sysfold_event_time(event));
    output_source(output, event);
    output_process(output, event);
    formatted = format_event(output, event, sysfold_event_format);
    if (formatted && red)
        mark_result(output, (size_t)(formatted - output->buffer), RED);
    output_duration(output, event);
    output_text(output, dim || red ? PLAIN "\n" : "\n");
}

static bool is_snapshot(const struct sysfold_event *event)
{
    return !strncmp(sysfold_event_name(event), "snap_", 5);
}

void output_event(struct output *output, const struct sysfold_event *event, const struct style *style)
{
    if (output->error)
        return;
    if (style->json) {
        format_event(output, event, sysfold_event_format_json);
        output_text(output, "\n");
    } else if (style->all || !is_snapshot(event)) {
        output_line(output, event, style->color);
    }
}

bool parse_color(const char *text, enum color *ret_color)
{
    static const char *const names[] = {[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (!strcmp(text, names[i])) {
            *ret_color = (enum color)i;
            return true;
        }
    }
    return false;
}

bool use_color(enum color color, int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    if (color != COLOR_AUTO)
        return color == COLOR_ALWAYS;
    return !(no_color && *no_color) && !(term && !strcmp(term, "dumb")) && isatty(fd);
}

/* The length of the UTF-8 sequence at text, 0 if it is none, or one that a terminal obeys (C1 controls). */
static size_t utf8_length(const unsigned char *text)
{
    size_t length = text[0] >= 0xf0 && text[0] <= 0xf4 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc2 ? 2 : 0;

    if (text[0] > 0xf4 || (text[0] == 0xc2 && text[1] < 0xa0) || (text[0] == 0xe0 && text[1] < 0xa0) ||
        (text[0] == 0xed && text[1] >= 0xa0) || (text[0] == 0xf0 && text[1] < 0x90) ||
        (text[0] == 0xf4 && text[1] >= 0x90))
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) /* the terminating NUL as well */
            return 0;
    }
    return length;
}

char *printable(const char *text, char *buffer, size_t size)
{
    const unsigned char *from = (const unsigned char *)(text ? text : "?");
    size_t used = 0;

    while (*from && used + 5 < size) {
        size_t length = *from >= 0x80 ? utf8_length(from) : *from >= 0x20 && *from != 0x7f;

        if (length) {
            memcpy(buffer + used, from, length);
            used += length;
        } else {
            length = 1;
            used += (size_t)snprintf(buffer + used, size - used, "\\x%02x", *from);
        }
        from += length;
    }
    buffer[used] = '\0';
    return buffer;
}
