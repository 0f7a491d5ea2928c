/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EVENT_H
#define SYSFOLD_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sysfold/schema.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One event: a record, decoded in place, with the state it happened in.
 * Borrowed from its stream until the next sysfold_stream_next() or
 * sysfold_stream_fetch() on it; so is everything reached through it.
 */
struct sysfold_event;

/* Flags of a record, readable without a schema. */
enum sysfold_event_flag {
    SYSFOLD_EVENT_FAILED = 0x8000,    /* the result is an error */
    SYSFOLD_EVENT_TRUNCATED = 0x4000, /* a variable parameter was cut at its limit */
    SYSFOLD_EVENT_ABSENT = 0x2000,    /* a parameter is absent, unreadable or NULL */
    SYSFOLD_EVENT_RACED = 0x1000,     /* user memory changed between enter and exit */
    SYSFOLD_EVENT_TIMED = 0x0800,     /* the call's duration is known */
};

enum sysfold_status {
    SYSFOLD_PRESENT = 0,
    SYSFOLD_ABSENT = 1,     /* the backend could not know it, or the call never got that far */
    SYSFOLD_UNREADABLE = 2, /* the pointer did not point to readable memory */
    SYSFOLD_NULL = 3,       /* the pointer was NULL */
};

enum sysfold_kind {
    SYSFOLD_KIND_SIGNED,   /* .i */
    SYSFOLD_KIND_UNSIGNED, /* .u */
    SYSFOLD_KIND_BYTES,    /* .data, .size: strings (no NUL at the end), buffers, structures */
};

/* One parameter's value. Valid only where status is SYSFOLD_PRESENT. */
struct sysfold_value {
    enum sysfold_kind kind;
    enum sysfold_status status;
    bool truncated; /* cut at its limit */
    bool raced;     /* changed between enter and exit; this is what was seen at enter */
    int64_t i;  /* numbers: both hold the same 64 bits */
    uint64_t u;
    const uint8_t *data; /* in the byte order of the machine that recorded it; borrowed from the event */
    size_t size;
};

SYSFOLD_API uint64_t sysfold_event_number(const struct sysfold_event *event); /* 1 for the stream's first */
SYSFOLD_API uint64_t sysfold_event_time(const struct sysfold_event *event);   /* ns since the epoch, at exit */
/* The call's duration in ns, or -ENODATA where it was not recorded. */
SYSFOLD_API int sysfold_event_duration(const struct sysfold_event *event, uint64_t *ret_ns);
SYSFOLD_API uint32_t sysfold_event_tid(const struct sysfold_event *event);
SYSFOLD_API uint32_t sysfold_event_source(const struct sysfold_event *event); /* the source's number */
SYSFOLD_API const char *sysfold_event_source_name(const struct sysfold_event *event);
SYSFOLD_API unsigned sysfold_event_flags(const struct sysfold_event *event);
/* NULL when neither the capture's schema nor this library knows the row. */
SYSFOLD_API const struct sysfold_row *sysfold_event_row(const struct sysfold_event *event);
/* The name of what happened: the row's, or for the generic row the system
 * call's own ("keyctl", or "i386:open" for a foreign ABI). Never NULL. */
SYSFOLD_API const char *sysfold_event_name(const struct sysfold_event *event);
/* The record as it is on the wire. */
SYSFOLD_API const uint8_t *sysfold_event_record(const struct sysfold_event *event, size_t *ret_size);

/* Parameter `index` of the row, or -ENOENT beyond the last. An absent one is
 * not an error: look at ret_value->status. */
SYSFOLD_API int sysfold_event_param(const struct sysfold_event *event, size_t index, struct sysfold_value *ret_value);
SYSFOLD_API int sysfold_event_param_by_name(const struct sysfold_event *event, const char *name,
                                            struct sysfold_value *ret_value);

/* The result: >= 0 or -errno for a system call. -ENODATA where it is absent
 * (the call never returned), -ENOENT for a row without one. */
SYSFOLD_API int sysfold_event_result(const struct sysfold_event *event, int64_t *ret_result);

/*
 * Text, for people. `buffer` is always NUL-terminated; returns the length the
 * whole text has, as snprintf does. Control characters and bytes that are not
 * UTF-8 come out escaped, so that a hostile string cannot drive a terminal.
 */
SYSFOLD_API size_t sysfold_event_format_param(const struct sysfold_event *event, size_t index, char *buffer,
                                              size_t size);
/* "name(a, b, c) = result ERRNO (text)", without time and process. */
SYSFOLD_API size_t sysfold_event_format(const struct sysfold_event *event, char *buffer, size_t size);
/* The event as one line of JSON with Falco-style keys, no newline at the end. */
SYSFOLD_API size_t sysfold_event_format_json(const struct sysfold_event *event, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
