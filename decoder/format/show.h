/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_FORMAT_SHOW_H
#define SYSFOLD_FORMAT_SHOW_H

/*
 * Showing one parameter, as text or as JSON. A form that is built of named
 * things says them once, through the functions here, and comes out either way:
 *
 *     show_open(show, '{');                      {sec=1, nsec=5}   or   {"sec":1,"nsec":5}
 *     show_key(show, "sec");
 *     show_signed(show, 1);
 *     ...
 *
 * Values come from strangers, and so do parameters' names: those are escaped
 * too, and forms.c lets a form's function see no value that is smaller than it
 * says it needs.
 */

#include "common/record.h"
#include "common/rows.h"
#include "decoder/decode/event.h"
#include "out.h"

struct show {
    struct text_out *out;
    const struct sysfold_event *event;
    const struct sysfold_param *param;
    struct sysfold_value value;
    bool json;
    bool swapped; /* the recording machine's byte order is not ours */
    bool comma;   /* the next key or item comes after another */
};

/* Indices in flag_tables: TABLE_signals and its kin. */
enum flag_table_index {
#define TABLE_BITS(TABLE) TABLE_##TABLE,
#define TABLE_VALUES(TABLE) TABLE_##TABLE,
#define BIT(TABLE, NAME, VALUE)
#define FIELD(TABLE, NAME, VALUE, MASK)
#define VALUE(TABLE, NAME, VALUE)
#define TABLE_END(TABLE)
#include "common/flags.def"
#undef TABLE_BITS
#undef TABLE_VALUES
#undef BIT
#undef FIELD
#undef VALUE
#undef TABLE_END
};

/* The value's name in a table of values, or NULL. */
const char *value_name(const struct flag_table *table, uint64_t value);
/* "ENOENT", or NULL; the kernel's restart codes included. */
const char *errno_name(int64_t number);

/* The error that a failed call's result is, a positive errno; 0 where it is none. */
int64_t failure_of(const struct show *show);

void show_open(struct show *show, char bracket);
void show_close(struct show *show, char bracket);
void show_item(struct show *show);                  /* of an array: before its value */
void show_key(struct show *show, const char *key);  /* of an object: before its value. A name of ours */
void show_param_key(struct show *show);             /* the same; the parameter's name */

void show_signed(struct show *show, int64_t value);
void show_unsigned(struct show *show, uint64_t value); /* in JSON a string beyond 2^63-1 */
void show_hex(struct show *show, uint64_t value);      /* in JSON a number, as show_unsigned() */
void show_address(struct show *show, uint64_t value);  /* the same; 0 is NULL in text */
void show_word(struct show *show, const char *word);   /* bare in text, a string in JSON */
void show_true(struct show *show, const char *key);    /* key=true */

/* The rest come after show_key(show, key), or with a NULL key in an array. In
 * JSON some add "key.raw": the number behind names, the bytes behind a string
 * that is not UTF-8. */
void show_string(struct show *show, const char *key, const void *bytes, size_t size);
void show_names(struct show *show, const char *key, const struct flag_table *table, uint64_t value, enum wire wire);
void show_raw_number(struct show *show, const char *key, uint64_t value);
void show_raw_signed(struct show *show, const char *key, int64_t value);
void show_raw_bytes(struct show *show, const char *key, const void *bytes, size_t size);

/* The bits that an integer of that wire kind has. */
static inline uint64_t wire_mask(unsigned wire)
{
    return UINT64_MAX >> (64 - 8 * wire_size(wire));
}

/* Integers within the value's bytes. The caller knows that they are there. */
static inline uint16_t u16_at(const struct show *show, size_t at)
{
    return load_u16(show->value.data + at, show->swapped);
}

static inline uint32_t u32_at(const struct show *show, size_t at)
{
    return load_u32(show->value.data + at, show->swapped);
}

static inline uint64_t u64_at(const struct show *show, size_t at)
{
    return load_u64(show->value.data + at, show->swapped);
}

static inline int32_t i32_at(const struct show *show, size_t at)
{
    return (int32_t)u32_at(show, at);
}

static inline int64_t i64_at(const struct show *show, size_t at)
{
    return (int64_t)u64_at(show, at);
}

/* The forms' functions, by file. */
void show_decimal(struct show *show); /* scalars.c */
void show_hexadecimal(struct show *show);
void show_flags(struct show *show);
void show_errno(struct show *show);
void show_fd(struct show *show);
void show_dirfd(struct show *show);
void show_id(struct show *show);
void show_mode(struct show *show);
void show_device(struct show *show);
void show_wait_status(struct show *show);
void show_sigset(struct show *show);
void show_path(struct show *show); /* strings.c */
void show_string_vector(struct show *show);
void show_environment(struct show *show);
void show_integers(struct show *show); /* structures.c */
void show_timespec(struct show *show);
void show_timeval(struct show *show);
void show_itimerspec(struct show *show);
void show_itimerval(struct show *show);
void show_timespec_pair(struct show *show);
void show_rlimit(struct show *show);
void show_pollfds(struct show *show);
void show_fd_set(struct show *show);
void show_epoll_event(struct show *show);
void show_epoll_events(struct show *show);
void show_sigaction(struct show *show);
void show_clone_args(struct show *show);
void show_cap_header(struct show *show);
void show_cap_data(struct show *show);
void show_sockaddr(struct show *show); /* sockets.c */
void show_socket_pair(struct show *show);
void show_control(struct show *show);
void show_sockopt(struct show *show); /* choices.c */
void show_protocol(struct show *show);
void show_signal_code(struct show *show);

/* [INT TERM]: a mask of signals. */
void show_signals(struct show *show, const char *key, uint64_t mask);

/* Is there something to show? An absolute path that is empty says that it is the path given beside it. */
static inline bool is_shown(const struct show *show)
{
    return show->value.status != SYSFOLD_ABSENT &&
           (show->value.status != SYSFOLD_PRESENT || show->value.size || show->param->type->id != TYPE_ABSPATH);
}

/* Show the value of the parameter, which is present, in its form. (forms.c) */
void show_form(struct show *show);

#endif
