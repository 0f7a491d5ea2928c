// SPDX-License-Identifier: Apache-2.0
/* Every view of an event: typed, as text, as JSON, and of the state around it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "fuzz.h"

#define ROOM 8192

/* Reads every byte, so that a sanitizer sees it. */
static void touch(const uint8_t *data, size_t size)
{
    volatile uint8_t sink = 0;

    for (size_t i = 0; i < size; i++)
        sink = (uint8_t)(sink ^ data[i]);
}

static void check_text(const char *text, size_t length, size_t room)
{
    size_t kept = strnlen(text, room);

    check(kept < room, "text ends with NUL");
    check(kept == (length < room ? length : kept), "the length is what was written");
    for (size_t i = 0; i < kept; i++)
        check((uint8_t)text[i] >= 0x20 && text[i] != 0x7f, "text has no control characters");
}

static void check_json(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);

    if (!value)
        (void)fprintf(stderr, "%s: %s\n", error.text, text);
    check(value != NULL, "JSON is JSON");
    json_decref(value);
}

static void look_at_text(const struct sysfold_event *event)
{
    static char text[ROOM];
    size_t length = sysfold_event_format(event, text, sizeof(text));
    size_t half = length < sizeof(text) ? length / 2 : 1;
    char *small = malloc(half + 1); /* a sanitizer watches its end */

    check_text(text, length, sizeof(text));
    if (small) {
        check(sysfold_event_format(event, small, half + 1) == length, "the length does not depend on the room");
        check_text(small, length, half + 1);
    }
    free(small);
    length = sysfold_event_format_json(event, text, sizeof(text));
    check_text(text, length, sizeof(text));
    if (length < sizeof(text))
        check_json(text);
    (void)sysfold_event_format(event, NULL, 0);
    (void)sysfold_event_format_json(event, NULL, 0);
}

static void look_at_params(const struct sysfold_event *event)
{
    const struct sysfold_row *row = sysfold_event_row(event);
    struct sysfold_value value;
    char text[256];

    for (size_t i = 0; sysfold_event_param(event, i, &value) == 0; i++) {
        const struct sysfold_param *param = sysfold_row_param(row, i);

        check(param != NULL, "a value has a parameter");
        if (value.status == SYSFOLD_PRESENT)
            touch(value.data, value.size);
        check_text(text, sysfold_event_format_param(event, i, text, sizeof(text)), sizeof(text));
        check(sysfold_event_param_by_name(event, sysfold_param_name(param), &value) == 0, "a parameter has its name");
        touch((const uint8_t *)sysfold_param_wire(param), strlen(sysfold_param_wire(param)));
        touch((const uint8_t *)sysfold_param_type(param), strlen(sysfold_param_type(param)));
    }
}

static void touch_string(const char *text)
{
    if (text)
        touch((const uint8_t *)text, strlen(text));
}

static void look_at_state(const struct sysfold_event *event)
{
    const struct sysfold_thread *thread = sysfold_event_thread(event);
    const struct sysfold_process *process = sysfold_event_process(event);
    const struct sysfold_fd *fd = sysfold_event_fd(event);

    if (thread) {
        touch_string(sysfold_thread_name(thread));
        check(sysfold_thread_process(thread) == process, "a thread's process is the event's");
    }
    if (process) {
        touch_string(sysfold_process_name(process));
        touch_string(sysfold_process_exe(process));
        touch_string(sysfold_process_cmdline(process));
        touch_string(sysfold_process_cwd(process));
    }
    if (fd) {
        touch_string(sysfold_fd_type(fd));
        touch_string(sysfold_fd_name(fd));
    }
}

void look_at(const struct sysfold_event *event)
{
    size_t size;
    const uint8_t *record = sysfold_event_record(event, &size);
    int64_t result;
    uint64_t duration;

    touch(record, size);
    touch_string(sysfold_event_name(event));
    touch_string(sysfold_event_source_name(event));
    (void)sysfold_event_result(event, &result);
    (void)sysfold_event_duration(event, &duration);
    look_at_params(event);
    look_at_state(event);
    look_at_text(event);
}
