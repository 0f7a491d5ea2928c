// SPDX-License-Identifier: Apache-2.0
#include "strace-values.h"

#include <linux/audit.h>

#define ERRNO_MAX_RESULT 4095
#define ALL_ARGS (-1)

/* Places. */

/* strace shows these with names in front: which name is of which argument. */
static const struct {
    const char *call, *key;
    unsigned place;
} keyed_args[] = {
    {"clone", "flags", 0},      {"clone", "child_stack", 1},  {"clone", "stack", 1},
    {"clone", "parent_tid", 2}, {"clone", "child_tidptr", 3}, {"clone", "tls", 4},
};

/* strace shows the argument at another place than the kernel has it; -1: what it shows there is no argument. */
static const struct {
    const char *call;
    const char *operation; /* only where argument 1 begins like this */
    int shown, place;
} moved_args[] = {
    {"futex", "FUTEX_WAIT_BITSET", 4, 5},
    {"futex", "FUTEX_WAKE_BITSET", 3, 5},
    {"futex", "FUTEX_LOCK_PI", 2, 3},
    {"mmap2", "", 5, -1},
    {"old_mmap", "", ALL_ARGS, -1},
    {"old_select", "", ALL_ARGS, -1},
    {"preadv2", "", 4, 5},
    {"pwritev2", "", 4, 5},
};

static int place_of(const struct shown *shown, struct text name, int at)
{
    for (size_t i = 0; i < sizeof(moved_args) / sizeof(moved_args[0]); i++) {
        if ((moved_args[i].shown == at || moved_args[i].shown == ALL_ARGS) && text_is(name, moved_args[i].call) &&
            (!*moved_args[i].operation || text_starts(shown->args[1], moved_args[i].operation)))
            return moved_args[i].place;
    }
    return at;
}

static bool set_keyed(struct shown *shown, struct text name, struct text arguments)
{
    bool any = false;

    for (size_t i = 0; i < sizeof(keyed_args) / sizeof(keyed_args[0]); i++) {
        struct text value;

        if (!text_is(name, keyed_args[i].call))
            continue;
        any = true;
        if (text_field(arguments, keyed_args[i].key, &value))
            shown->args[keyed_args[i].place] = value;
    }
    return any;
}

void shown_set_args(struct shown *shown, struct text name, struct text arguments)
{
    struct text item;

    if (set_keyed(shown, name, arguments))
        return;
    for (int i = 0; i < CALL_ARGS && text_next(&arguments, ',', &item); i++) {
        int place = place_of(shown, name, i);

        if (place >= 0)
            shown->args[place] = item;
    }
}

/* Parameters. */

static bool has_failed(const struct shown *shown)
{
    return shown->returned && shown->result < 0 && shown->result >= -ERRNO_MAX_RESULT;
}

static void put_argument(const struct shown *shown, struct encoder *encoder, unsigned index)
{
    const struct sysfold_param *param = &shown->row->params[index];
    int64_t value;

    if (param->type->variable || param->type->count != 1 ||
        !text_number(shown->args[param->a], param->type->table->count ? param->type->table : NULL, &value))
        return;
    if (shown->arch == AUDIT_ARCH_I386)
        value &= UINT32_MAX; /* its registers are that wide */
    encoder_integer(encoder, index, value);
}

/* How many bytes a buffer has, where the call says it. */
static bool buffer_size(const struct shown *shown, const struct sysfold_param *param, int64_t *ret_size)
{
    int64_t result = shown->returned && shown->result > 0 ? shown->result : 0, limit;

    if (param->source != SOURCE_USER_BYTES)
        return false;
    *ret_size = result;
    if (param->b == LENGTH_RESULT)
        return true;
    if (param->b >= LENGTH_SIZE || !text_number(text_latter(shown->args[param->b % 8]), NULL, &limit) || limit < 0)
        return false;
    *ret_size = param->b >= LENGTH_WITHIN && result < limit ? result : limit;
    return true;
}

/* A string, or several of them, in one go. */
static bool put_string(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    size_t room, size;
    uint8_t *to = encoder_variable_begin(encoder, index, SNAPLEN_MAX, &room);
    int64_t wanted;
    bool cut;

    if (!text_string(text, to, room, &size, &cut))
        return false;
    if (buffer_size(shown, &shown->row->params[index], &wanted)) {
        if (size > (uint64_t)wanted) { /* strace does not mind that the kernel was asked for less */
            size = (size_t)wanted;
            cut = false;
        } else if (!cut && size + 1 == (uint64_t)wanted && size < room) {
            to[size++] = 0; /* it leaves out a NUL at the end of what often is a string */
        } else {
            cut = cut || size < (uint64_t)wanted;
        }
    }
    encoder_variable_end(encoder, index, size, cut);
    return true;
}

/* ["a", "b"]: each with its NUL. What follows a string that is cut is cut with it. */
static bool put_vector(struct encoder *encoder, unsigned index, struct text text)
{
    struct text inside, item;
    size_t room, used = 0;
    uint8_t *to = encoder_variable_begin(encoder, index, STRING_VECTOR_MAX, &room);
    bool cut = false;

    if (!text_inside(text, '[', &inside))
        return false;
    while (!cut && text_next(&inside, ',', &item)) {
        size_t size;

        cut = text_is(item, "...") || text_is_address(item) || room - used < 2;
        if (cut)
            break;
        if (!text_string(item, to + used, room - used - 1, &size, &cut))
            return false;
        used += size;
        if (!cut)
            to[used++] = 0;
    }
    encoder_variable_end(encoder, index, used, cut);
    return true;
}

/* [{iov_base="ab", iov_len=2}, ...]: the bytes in one. */
static bool put_iovec(struct encoder *encoder, unsigned index, struct text text)
{
    struct text inside, item;
    size_t room, used = 0;
    uint8_t *to = encoder_variable_begin(encoder, index, SNAPLEN_MAX, &room);
    bool cut = false;

    if (!text_inside(text, '[', &inside))
        return false;
    while (!cut && text_next(&inside, ',', &item)) {
        struct text fields, base, length;
        size_t size = 0;

        if (text_is(item, "...")) {
            cut = true;
        } else {
            if (!text_inside(item, '{', &fields) || !text_field(fields, "iov_base", &base) ||
                !text_field(fields, "iov_len", &length))
                return false;
            if (text_is(text_bare(length), "0"))
                continue;
            if (!text_string(base, to + used, room - used, &size, &cut)) {
                if (!text_is_address(base) && !text_is(base, "NULL"))
                    return false;
                cut = true;
            }
        }
        used += size;
    }
    encoder_variable_end(encoder, index, used, cut);
    return true;
}

static bool put_message(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    const struct sysfold_param *param = &shown->row->params[index];
    struct text inside, value, length;

    if (!text_inside(text, '{', &inside))
        return false;
    if (param->source == SOURCE_MSG_DATA)
        return text_field(inside, "msg_iov", &value) && put_iovec(encoder, index, value);
    if (!text_field(inside, param->source == SOURCE_MSG_NAME ? "msg_name" : "msg_control", &value))
        return false;
    if (text_is(value, "NULL")) {
        encoder_status(encoder, index, SYSFOLD_NULL);
        return true;
    }
    if (text_field(inside, param->source == SOURCE_MSG_NAME ? "msg_namelen" : "msg_controllen", &length) &&
        text_is(text_latter(length), "0")) {
        encoder_bytes(encoder, index, "", 0, 0);
        return true;
    }
    return put_structure(shown, encoder, index, value);
}

/* NULL, or an address where a value should be: strace cannot read all of it, or the call has failed. Which, and what
 * can be read, it does not say. */
static bool put_no_value(struct encoder *encoder, unsigned index, struct text text)
{
    if (text_is(text_bare(text), "NULL")) {
        encoder_status(encoder, index, SYSFOLD_NULL);
        return true;
    }
    return text_is_address(text);
}

/* Is this the call whose argument is a string? */
static bool is_when(const struct shown *shown, const struct sysfold_param *param)
{
    int64_t value;

    return param->source != SOURCE_USER_STRING_WHEN ||
           (text_number(shown->args[0], shown->row->params[1].type->table, &value) && value == param->b);
}

/* The kernel gave an address of no bytes: "0x7ffd12345678, [128 => 0]". */
static bool put_empty_address(const struct shown *shown, struct encoder *encoder, unsigned index)
{
    const struct sysfold_param *param = &shown->row->params[index];

    if (param->source != SOURCE_USER_SOCKADDR_OUT || !text_is_address(shown->args[param->a]) ||
        !text_is(text_latter(shown->args[param->b]), "0"))
        return false;
    encoder_bytes(encoder, index, "", 0, 0);
    return true;
}

static void put_memory(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    const struct sysfold_param *param = &shown->row->params[index];

    if (!text.at || !is_when(shown, param) || put_empty_address(shown, encoder, index) ||
        put_no_value(encoder, index, text))
        return;
    switch (param->source) {
    case SOURCE_USER_STRING:
    case SOURCE_USER_STRING_WHEN:
        (void)put_string(shown, encoder, index, text);
        break;
    case SOURCE_USER_STRING_VECTOR:
        (void)put_vector(encoder, index, text);
        break;
    case SOURCE_USER_IOVEC:
        (void)put_iovec(encoder, index, text);
        break;
    case SOURCE_MSG_NAME:
    case SOURCE_MSG_DATA:
    case SOURCE_MSG_CONTROL:
        (void)put_message(shown, encoder, index, text);
        break;
    default:
        if (param->type->variable && *text.at == '"' && put_string(shown, encoder, index, text))
            return;
        (void)put_structure(shown, encoder, index, text);
    }
}

static void put_param(const struct shown *shown, struct encoder *encoder, unsigned index)
{
    const struct sysfold_param *param = &shown->row->params[index];

    switch (param->source) {
    case SOURCE_RESULT:
        if (shown->returned)
            encoder_integer(encoder, index, shown->result);
        return;
    case SOURCE_ARG:
        put_argument(shown, encoder, index);
        return;
    case SOURCE_CALL_NR:
        encoder_integer(encoder, index, shown->nr);
        return;
    case SOURCE_CALL_ARCH:
        encoder_integer(encoder, index, shown->arch);
        return;
    case SOURCE_GIVEN:
    case SOURCE_RESULT_FILE:
    case SOURCE_RESULT_SOCKET:
    case SOURCE_FD_SOCKET:
        return; /* no argument */
    default:
        break;
    }
    /* A call that never returned has only what was read before it was made. */
    if (shown->returned || param->moment == MOMENT_ENTRY)
        put_memory(shown, encoder, index, shown->args[param->a]);
}

void shown_put(const struct shown *shown, struct encoder *encoder)
{
    uint32_t skipped = has_failed(shown) ? shown->row->success_mask : 0;

    if (has_failed(shown))
        encoder_failed(encoder);
    for (unsigned i = 0; i < shown->row->param_count; i++) {
        if (!(skipped >> i & 1))
            put_param(shown, encoder, i);
    }
}
