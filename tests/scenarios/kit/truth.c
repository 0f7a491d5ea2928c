// SPDX-License-Identifier: Apache-2.0
/*
 * What a call's parameters are, found by the program that made it: in its own
 * arguments and memory, by what the row says. Written apart from
 * common/collect.c on purpose: two must err alike before a test is fooled.
 */

#include <linux/audit.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/rows.h"
#include "inside.h"

struct finding {
    struct kit_line *line;
    const struct kit_made *made;
    const struct sysfold_param *param;
};

static bool has_failed(const struct kit_made *made)
{
    return made->returned && made->result < 0 && made->result >= -4095;
}

static int64_t narrowed(const struct sysfold_param *param, uint64_t value)
{
    switch (param->type->wire) {
    case WIRE_I8:
        return (int8_t)value;
    case WIRE_U8:
        return (uint8_t)value;
    case WIRE_I16:
        return (int16_t)value;
    case WIRE_U16:
        return (uint16_t)value;
    case WIRE_I32:
        return (int32_t)value;
    case WIRE_U32:
        return (uint32_t)value;
    default:
        return (int64_t)value;
    }
}

static size_t element_size(const struct sysfold_param *param)
{
    static const size_t sizes[] = {1, 1, 2, 2, 4, 4, 8, 8};

    return sizes[param->type->wire] * param->type->count;
}

/* Behind a comma, but for the first. */
static void name_param(struct kit_line *line, const char *name)
{
    kit_put(line, line->any ? ",\"" : "\"");
    kit_put(line, name);
    kit_put(line, "\":");
    line->any = true;
}

static void put_name(struct finding *find)
{
    name_param(find->line, find->param->name);
}

static void put_word(struct finding *find, const char *word)
{
    put_name(find);
    kit_put(find->line, word);
}

static void put_number(struct finding *find, uint64_t value)
{
    put_name(find);
    kit_put_number(find->line, narrowed(find->param, value));
}

/* Integers of a structure or of an array; bytes as bytes. */
static void put_values(struct finding *find, const uint8_t *from, size_t size)
{
    size_t width = element_size(find->param) / find->param->type->count;
    bool is_one = !find->param->type->variable && find->param->type->count == 1;

    if (width == 1 && !is_one) {
        kit_put_bytes(find->line, from, size);
        return;
    }
    kit_put(find->line, is_one ? "" : "[");
    for (size_t at = 0; at + width <= size; at += width) {
        uint64_t value = 0;

        memcpy(&value, from + at, width);
        if (at)
            kit_put(find->line, ",");
        kit_put_number(find->line, narrowed(find->param, value));
    }
    kit_put(find->line, is_one ? "" : "]");
}

static void put_no_memory(struct finding *find, uint64_t address)
{
    put_word(find, address ? "{\"unreadable\":true}" : "null");
}

/* `asked` bytes at an address, as far as they can be read. */
static void put_memory(struct finding *find, uint64_t address, uint64_t asked)
{
    size_t element = element_size(find->param);
    size_t readable = kit_readable(address, asked);
    size_t size = readable - readable % element;

    if (!address || (asked && !readable)) {
        put_no_memory(find, address);
    } else {
        put_name(find);
        if (size < asked)
            kit_put(find->line, "{\"cut\":");
        put_values(find, (const uint8_t *)(uintptr_t)address, size);
        if (size < asked)
            kit_put(find->line, "}");
    }
}

static void put_string(struct finding *find, uint64_t address)
{
    size_t room = kit_readable(address, PATH_MAX + 1); /* of longer ones no more: no capture has it */
    const char *string = (const char *)(uintptr_t)address;
    size_t size = room ? strnlen(string, room) : 0;

    if (address && room && size == room && room <= PATH_MAX)
        size++; /* no NUL in reach: more was asked for than can be read */
    if (!address || !room)
        put_memory(find, address, 1);
    else if (!size)
        put_word(find, "\"\"");
    else
        put_memory(find, address, size);
}

static uint64_t length_of(const struct kit_made *made, unsigned code)
{
    uint64_t result = made->returned && made->result > 0 ? (uint64_t)made->result : 0;
    int32_t at;

    if (code >= LENGTH_BITS) {
        at = (int32_t)made->args[code - LENGTH_BITS];
        return at > 0 ? ((uint64_t)at + 63) / 64 : 0;
    }
    if (code >= LENGTH_SIZE)
        return code - LENGTH_SIZE;
    if (code >= LENGTH_WITHIN)
        return result < made->args[code - LENGTH_WITHIN] ? result : made->args[code - LENGTH_WITHIN];
    if (code < LENGTH_INT_AT)
        return code == LENGTH_RESULT ? result : made->args[code];
    if (kit_readable(made->args[code - LENGTH_INT_AT], sizeof(at)) < sizeof(at))
        return 0;
    memcpy(&at, (const void *)(uintptr_t)made->args[code - LENGTH_INT_AT], sizeof(at));
    return at > 0 ? (uint64_t)at : 0;
}

/* The pieces of an iovec array in one, up to the first that cannot be read. */
static void put_iovec(struct finding *find, uint64_t address, uint64_t count, uint64_t length)
{
    static uint8_t whole[1 << 20];
    size_t size = 0;
    bool cut = false;
    const struct iovec *pieces = (const struct iovec *)(uintptr_t)address;

    if (!address || (count && kit_readable(address, sizeof(*pieces)) < sizeof(*pieces))) {
        put_no_memory(find, address);
        return;
    }
    for (uint64_t i = 0; i < count && length && !cut; i++) {
        size_t wanted, got;

        if (kit_readable((uint64_t)(uintptr_t)&pieces[i], sizeof(*pieces)) < sizeof(*pieces))
            break;
        wanted = pieces[i].iov_len < length ? pieces[i].iov_len : (size_t)length;
        got = kit_readable((uint64_t)(uintptr_t)pieces[i].iov_base, wanted);
        if (got > sizeof(whole) - size)
            kit_fail("an iovec of more than a MiB");
        memcpy(whole + size, pieces[i].iov_base, got);
        size += got;
        length -= wanted;
        cut = got < wanted;
    }
    put_name(find);
    if (cut)
        kit_put(find->line, "{\"cut\":");
    kit_put_bytes(find->line, whole, size);
    if (cut)
        kit_put(find->line, "}");
}

static uint64_t iovec_length(const struct finding *find)
{
    return find->param->b == LENGTH_SIZE ? UINT64_MAX : length_of(find->made, find->param->b);
}

static void put_message(struct finding *find, uint64_t address)
{
    struct msghdr header;

    if (kit_readable(address, sizeof(header)) < sizeof(header)) {
        put_no_memory(find, address);
        return;
    }
    memcpy(&header, (const void *)(uintptr_t)address, sizeof(header));
    if (find->param->source == SOURCE_MSG_NAME)
        put_memory(find, (uintptr_t)header.msg_name, header.msg_namelen);
    else if (find->param->source == SOURCE_MSG_CONTROL)
        put_memory(find, (uintptr_t)header.msg_control, header.msg_controllen);
    else
        put_iovec(find, (uintptr_t)header.msg_iov, header.msg_iovlen, iovec_length(find));
}

/* Strings, each with its NUL. */
static void put_vector(struct finding *find, uint64_t address)
{
    static char whole[1 << 18];
    size_t size = 0;
    bool cut = false;
    const uint64_t *strings = (const uint64_t *)(uintptr_t)address;

    if (!address || kit_readable(address, sizeof(*strings)) < sizeof(*strings)) {
        put_no_memory(find, address);
        return;
    }
    for (size_t i = 0; !cut; i++) {
        size_t room;

        cut = kit_readable((uint64_t)(uintptr_t)&strings[i], sizeof(*strings)) < sizeof(*strings);
        if (cut || !strings[i])
            break;
        room = kit_readable(strings[i], sizeof(whole) - size - 1);
        cut = !room;
        if (cut)
            break;
        memcpy(whole + size, (const char *)(uintptr_t)strings[i], strnlen((const char *)(uintptr_t)strings[i], room));
        size += strnlen((const char *)(uintptr_t)strings[i], room);
        whole[size++] = 0;
    }
    put_name(find);
    if (cut)
        kit_put(find->line, "{\"cut\":");
    kit_put_bytes(find->line, whole, size);
    if (cut)
        kit_put(find->line, "}");
}

static void put_sockaddr_out(struct finding *find)
{
    const struct kit_made *made = find->made;
    uint64_t at = made->args[find->param->b];
    uint32_t length;

    if (!made->args[find->param->a] || !at) {
        put_word(find, "null");
    } else if (kit_readable(at, sizeof(length)) < sizeof(length)) {
        put_word(find, "{\"unreadable\":true}");
    } else {
        memcpy(&length, (const void *)(uintptr_t)at, sizeof(length));
        put_memory(find, made->args[find->param->a], length);
    }
}

/* The value that arguments and memory have for it; nothing where they have none. */
static void put_found(struct finding *find)
{
    const struct sysfold_param *param = find->param;
    const struct kit_made *made = find->made;
    uint64_t arg = made->args[param->a < 6 ? param->a : 0];

    switch (param->source) {
    case SOURCE_RESULT:
        if (made->returned)
            put_number(find, (uint64_t)made->result);
        return;
    case SOURCE_ARG:
        put_number(find, arg);
        return;
    case SOURCE_CALL_NR:
        put_number(find, (uint64_t)made->nr);
        return;
    case SOURCE_CALL_ARCH:
        put_number(find, made->arch ? made->arch : AUDIT_ARCH_X86_64);
        return;
    case SOURCE_USER_STRING_WHEN:
        if ((uint32_t)made->args[0] != param->b)
            return;
        put_string(find, arg);
        return;
    case SOURCE_USER_STRING:
        put_string(find, arg);
        return;
    default:
        break;
    }
    if (!made->returned && param->moment != MOMENT_ENTRY)
        return;
    if (param->source != SOURCE_USER_SOCKADDR && param->b == LENGTH_RESULT && has_failed(made))
        return;
    switch (param->source) {
    case SOURCE_USER_BYTES:
        put_memory(find, arg, length_of(made, param->b));
        break;
    case SOURCE_USER_ARRAY:
        put_memory(find, arg, (uint64_t)(uint32_t)length_of(made, param->b) * element_size(param));
        break;
    case SOURCE_USER_IOVEC:
        put_iovec(find, arg, (uint32_t)made->args[param->a + 1], iovec_length(find));
        break;
    case SOURCE_MSG_NAME:
    case SOURCE_MSG_DATA:
    case SOURCE_MSG_CONTROL:
        put_message(find, arg);
        break;
    case SOURCE_USER_SOCKADDR:
        put_memory(find, arg, (uint32_t)made->args[param->b]);
        break;
    case SOURCE_USER_SOCKADDR_OUT:
        put_sockaddr_out(find);
        break;
    case SOURCE_USER_STRING_VECTOR:
        put_vector(find, arg);
        break;
    case SOURCE_USER_FIXED:
        if (!arg)
            put_word(find, "null");
        else if (kit_readable(arg + param->b, element_size(param)) < element_size(param))
            put_word(find, "{\"unreadable\":true}");
        else
            put_memory(find, arg + param->b, element_size(param));
        break;
    default: /* only the kernel knows */
        break;
    }
}

static const struct kit_said *find_said(const struct kit_said *said, const char *name)
{
    for (; said && said->name; said++) {
        if (!strcmp(said->name, name))
            return said;
    }
    return NULL;
}

static void put_said(struct finding *find, const struct kit_said *said)
{
    if (said->kind == KIT_NUMBER) {
        put_number(find, (uint64_t)said->number);
    } else if (said->kind == KIT_BYTES) {
        put_name(find);
        if (find->param->type->variable && find->param->type->wire == WIRE_U8)
            kit_put_bytes(find->line, said->data, said->size);
        else
            put_values(find, said->data, said->size);
    }
}

static void put_param(struct finding *find, const struct kit_said *said)
{
    if (said)
        put_said(find, said);
    else if (!(has_failed(find->made) && find->param->moment == MOMENT_SUCCESS))
        put_found(find);
}

static void put_start(struct kit_line *line, int64_t tid, const char *event)
{
    kit_put(line, "{\"tid\":");
    kit_put_number(line, tid);
    kit_put(line, ",\"event\":\"");
    kit_put(line, event);
    kit_put(line, "\",\"params\":{");
    line->any = false;
}

static void put_call(struct kit_line *line, const void *data)
{
    const struct kit_made *made = data;
    const struct sysfold_row *row = made->arch ? NULL : row_builtin((unsigned)made->nr);

    if (!row)
        row = row_builtin(ROW_SYSCALL);
    put_start(line, made->tid, row->name);
    for (unsigned i = 0; i < row->param_count; i++) {
        struct finding find = {.line = line, .made = made, .param = &row->params[i]};

        put_param(&find, find_said(made->said, row->params[i].name));
    }
    kit_put(line, "}}");
}

void kit_tell_call(const struct kit_made *made)
{
    if (made->reaps && made->result > 0)
        kit_ended(made->result, *made->reaps);
    kit_write(put_call, made);
}

struct told {
    int64_t tid;
    const char *event;
    const struct kit_said *said;
};

static void put_told(struct kit_line *line, const void *data)
{
    const struct told *told = data;

    put_start(line, told->tid, told->event);
    for (const struct kit_said *said = told->said; said->name; said++) {
        name_param(line, said->name);
        if (said->kind == KIT_NUMBER)
            kit_put_number(line, said->number);
        else
            kit_put_bytes(line, said->data, said->size);
    }
    kit_put(line, "}}");
}

void kit_tell(int64_t tid, const char *event, const struct kit_said *said)
{
    kit_write(put_told, &(struct told){tid, event, said});
}
