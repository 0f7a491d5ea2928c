// SPDX-License-Identifier: Apache-2.0
/* Forms of several integers: arrays of numbers, and the kernel's structures as they lie in a 64-bit caller's memory. */

#include "show.h"

/* What no formatter of ours knows: its integers, by their wire kind. */
static void show_integer_at(struct show *show, size_t at, unsigned wire)
{
    const uint8_t *bytes = show->value.data + at;

    switch (wire) {
    case WIRE_I8:
        show_signed(show, (int8_t)*bytes);
        break;
    case WIRE_U8:
        show_unsigned(show, *bytes);
        break;
    case WIRE_I16:
        show_signed(show, (int16_t)u16_at(show, at));
        break;
    case WIRE_U16:
        show_unsigned(show, u16_at(show, at));
        break;
    case WIRE_I32:
        show_signed(show, i32_at(show, at));
        break;
    case WIRE_U32:
        show_unsigned(show, u32_at(show, at));
        break;
    case WIRE_I64:
        show_signed(show, i64_at(show, at));
        break;
    default:
        show_unsigned(show, u64_at(show, at));
    }
}

void show_integers(struct show *show)
{
    unsigned wire = show->param->type->wire;
    size_t step = wire_size(wire);

    show_open(show, '[');
    for (size_t at = 0; at + step <= show->value.size; at += step) {
        show_item(show);
        show_integer_at(show, at, wire);
    }
    show_close(show, ']');
}

/* {sec=1, nsec=5}: seconds and their fraction, 16 bytes. */
static void show_time_at(struct show *show, size_t at, const char *fraction)
{
    show_open(show, '{');
    show_key(show, "sec");
    show_signed(show, i64_at(show, at));
    show_key(show, fraction);
    show_signed(show, i64_at(show, at + 8));
    show_close(show, '}');
}

static void show_interval_and_value(struct show *show, const char *fraction)
{
    show_open(show, '{');
    show_key(show, "interval");
    show_time_at(show, 0, fraction);
    show_key(show, "value");
    show_time_at(show, 16, fraction);
    show_close(show, '}');
}

void show_timespec(struct show *show)
{
    show_time_at(show, 0, "nsec");
}

void show_timeval(struct show *show)
{
    show_time_at(show, 0, "usec");
}

void show_itimerspec(struct show *show)
{
    show_interval_and_value(show, "nsec");
}

void show_itimerval(struct show *show)
{
    show_interval_and_value(show, "usec");
}

/* utimensat's: access time, modification time. Two nsec values are commands. */
static void show_file_time_at(struct show *show, size_t at)
{
    int64_t nsec = i64_at(show, at + 8);

    if (show->json || (nsec != 0x3fffffff && nsec != 0x3ffffffe))
        show_time_at(show, at, "nsec");
    else
        put_text(show->out, nsec == 0x3fffffff ? "UTIME_NOW" : "UTIME_OMIT");
}

void show_timespec_pair(struct show *show)
{
    show_open(show, '[');
    show_item(show);
    show_file_time_at(show, 0);
    show_item(show);
    show_file_time_at(show, 16);
    show_close(show, ']');
}

static void show_limit(struct show *show, const char *key, uint64_t limit)
{
    show_key(show, key);
    if (limit == UINT64_MAX)
        show_word(show, "RLIM_INFINITY");
    else
        show_unsigned(show, limit);
}

void show_rlimit(struct show *show)
{
    show_open(show, '{');
    show_limit(show, "cur", u64_at(show, 0));
    show_limit(show, "max", u64_at(show, 8));
    show_close(show, '}');
}

/* struct pollfd: i32 fd, i16 events, i16 revents. */
void show_pollfds(struct show *show)
{
    const struct flag_table *table = flag_tables[TABLE_poll_events];

    show_open(show, '[');
    for (size_t at = 0; at + 8 <= show->value.size; at += 8) {
        show_item(show);
        show_open(show, '{');
        show_key(show, "fd");
        show_signed(show, i32_at(show, at));
        show_key(show, "events");
        show_names(show, "events", table, u16_at(show, at + 4), WIRE_U16);
        show_key(show, "revents");
        show_names(show, "revents", table, u16_at(show, at + 6), WIRE_U16);
        show_close(show, '}');
    }
    show_close(show, ']');
}

/* Words of 64 bits in the recording machine's order; a rest is of a set whose last word was cut. */
void show_fd_set(struct show *show)
{
    show_open(show, '[');
    for (size_t at = 0; at + 8 <= show->value.size; at += 8) {
        for (uint64_t word = u64_at(show, at); word; word &= word - 1) {
            show_item(show);
            show_unsigned(show, at * 8 + (unsigned)__builtin_ctzll(word));
        }
    }
    show_close(show, ']');
}

/* struct epoll_event, packed on x86-64: u32 events, u64 data. */
#define EPOLL_EVENT_SIZE 12

static void show_epoll_event_at(struct show *show, size_t at)
{
    show_open(show, '{');
    show_key(show, "events");
    show_names(show, "events", flag_tables[TABLE_epoll_events], u32_at(show, at), WIRE_U32);
    show_key(show, "data");
    show_hex(show, u64_at(show, at + 4));
    show_close(show, '}');
}

void show_epoll_event(struct show *show)
{
    show_epoll_event_at(show, 0);
}

void show_epoll_events(struct show *show)
{
    show_open(show, '[');
    for (size_t at = 0; at + EPOLL_EVENT_SIZE <= show->value.size; at += EPOLL_EVENT_SIZE) {
        show_item(show);
        show_epoll_event_at(show, at);
    }
    show_close(show, ']');
}

/* The kernel's struct sigaction: u64 handler, flags, restorer, mask. */
void show_sigaction(struct show *show)
{
    uint64_t handler = u64_at(show, 0);

    show_open(show, '{');
    show_key(show, "handler");
    if (handler == 0 || handler == 1)
        show_word(show, handler ? "SIG_IGN" : "SIG_DFL");
    else
        show_hex(show, handler);
    show_key(show, "flags");
    show_names(show, "flags", flag_tables[TABLE_sa_flags], u64_at(show, 8), WIRE_U64);
    show_key(show, "mask");
    show_signals(show, "mask", u64_at(show, 24));
    show_close(show, '}');
}

/* struct clone_args: eleven u64, of which older callers know the first eight. */
void show_clone_args(struct show *show)
{
    static const char *const names[] = {"flags",      "pidfd", "child_tid", "parent_tid",   "exit_signal", "stack",
                                        "stack_size", "tls",   "set_tid",   "set_tid_size", "cgroup"};

    show_open(show, '{');
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && 8 * i + 8 <= show->value.size; i++) {
        uint64_t value = u64_at(show, 8 * i);

        if (!value && i)
            continue;
        show_key(show, names[i]);
        if (i == 0)
            show_names(show, names[i], flag_tables[TABLE_clone_flags], value, WIRE_U64);
        else if (i == 4)
            show_names(show, names[i], flag_tables[TABLE_signals], value, WIRE_U64);
        else
            show_hex(show, value);
    }
    show_close(show, '}');
}

/* capset's: u32 version, i32 pid. */
void show_cap_header(struct show *show)
{
    show_open(show, '{');
    show_key(show, "version");
    show_hex(show, u32_at(show, 0));
    show_key(show, "pid");
    show_signed(show, i32_at(show, 4));
    show_close(show, '}');
}

/* CAP_CHOWN|CAP_KILL: the table counts capabilities, the mask has a bit for each. */
static void show_capabilities(struct show *show, const char *key, uint64_t mask)
{
    const struct flag_table *table = flag_tables[TABLE_capabilities];
    uint64_t left = mask;
    bool any = false;

    show_key(show, key);
    if (show->json)
        put_char(show->out, '"');
    for (size_t i = 0; i < table->count; i++) {
        uint64_t bit = table->entries[i].value < 64 ? UINT64_C(1) << table->entries[i].value : 0;

        if (!(left & bit))
            continue;
        left &= ~bit;
        if (any)
            put_char(show->out, '|');
        any = true;
        put_text(show->out, table->entries[i].name);
    }
    if (left && any)
        put_char(show->out, '|');
    if (left)
        put_hex(show->out, left);
    else if (!any)
        put_char(show->out, '0');
    if (show->json)
        put_char(show->out, '"');
    show_raw_number(show, key, mask);
}

/* Three u32 with the low halves of effective, permitted and inheritable, then three with the high halves. */
void show_cap_data(struct show *show)
{
    static const char *const names[] = {"effective", "permitted", "inheritable"};

    show_open(show, '{');
    for (size_t i = 0; i < 3; i++)
        show_capabilities(show, names[i], u32_at(show, 4 * i) | (uint64_t)u32_at(show, 12 + 4 * i) << 32);
    show_close(show, '}');
}
