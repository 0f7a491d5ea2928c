// SPDX-License-Identifier: Apache-2.0
/* Structures, arrays and sets, from how strace shows them to how they lie in memory. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "strace-values.h"

#define NUMBERS_MAX 1024
#define FDS_MAX 4096
#define CONTROL_MAX 4096
#define CONTROL_HEADER 16
#define CLONE_ARGS_MAX 88

static const struct sysfold_param *param_of(const struct shown *shown, unsigned index)
{
    return &shown->row->params[index];
}

static bool field_number(struct text inside, const char *key, const struct flag_table *table, int64_t *ret_value)
{
    struct text value;

    return text_field(inside, key, &value) && text_number(value, table, ret_value);
}

/* The number that an argument is, or that is in the brackets of "[4]" or "[8 => 4]". */
static bool length_shown(struct text text, int64_t *ret_length)
{
    return text.at && text_number(text_latter(text), NULL, ret_length) && *ret_length >= 0;
}

static void store(uint8_t *to, size_t width, int64_t value)
{
    int32_t half = (int32_t)value;
    int16_t quarter = (int16_t)value;
    uint8_t eighth = (uint8_t)value;

    if (width == 8)
        memcpy(to, &value, width);
    else if (width == 4)
        memcpy(to, &half, width);
    else if (width == 2)
        memcpy(to, &quarter, width);
    else
        *to = eighth;
}

/* Numbers. */

/* What strace calls a field that our row calls otherwise. */
static const char *field_of(const struct shown *shown, const struct sysfold_param *param)
{
    if (shown->row->number == ROW_MSGSND || shown->row->number == ROW_MSGRCV)
        return "mtype";
    if (shown->row->number != ROW_WAITID)
        return param->name;
    return !strcmp(param->name, "code") ? "si_code" : !strcmp(param->name, "child") ? "si_pid" : "si_status";
}

static bool put_number(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    const struct sysfold_param *param = param_of(shown, index);
    struct text inside, item = text_latter(text);
    int64_t value;
    size_t at;

    if (param->type->id == TYPE_OFF_AT && shown->result > 0 && !text_find(text, "=>", &at))
        return false; /* the kernel has moved it on, unseen */
    if (text_inside(item, '[', &inside))
        item = inside;
    if (text_inside(item, '{', &inside) && !text_field(inside, field_of(shown, param), &item))
        return false;
    if (!text_number(item, param->type->table->count ? param->type->table : NULL, &value))
        return false;
    encoder_integer(encoder, index, value);
    return true;
}

/* Structures whose numbers strace shows in the order in which they lie. */
static bool put_numbers(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    const struct type_info *type = param_of(shown, index)->type;
    uint8_t bytes[RECORD_FIXED_MAX];
    int64_t values[16];
    size_t count;

    if (type->count > 16 || !text_numbers(text_latter(text), NULL, values, type->count, &count) || count != type->count)
        return false;
    for (size_t i = 0; i < count; i++)
        store(bytes + i * wire_size(type->wire), wire_size(type->wire), values[i]);
    encoder_fixed(encoder, index, bytes);
    return true;
}

static bool put_sigset(struct encoder *encoder, unsigned index, struct text text)
{
    uint64_t set;

    if (!text_sigset(text, &set))
        return false;
    encoder_integer(encoder, index, (int64_t)set);
    return true;
}

static bool put_sigaction(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    struct text inside, mask;
    int64_t values[4] = {0};
    uint64_t set;

    if (!text_inside(text, '{', &inside) || !field_number(inside, "sa_handler", NULL, &values[0]) ||
        !field_number(inside, "sa_flags", param_of(shown, index)->type->table, &values[1]) ||
        !text_field(inside, "sa_mask", &mask) || !text_sigset(mask, &set))
        return false;
    (void)field_number(inside, "sa_restorer", NULL, &values[2]);
    values[3] = (int64_t)set;
    encoder_fixed(encoder, index, values);
    return true;
}

/* The number behind "NAME(s) == ". */
static bool status_part(struct text text, const char *name, int64_t *ret_value)
{
    size_t at;

    if (!text_find(text, name, &at))
        return false;
    text = text_trim(text_after(text, at + strlen(name)));
    return text_number((struct text){text.at, text_scan(text, " }&|")}, NULL, ret_value);
}

/* [{WIFEXITED(s) && WEXITSTATUS(s) == 3}] */
static bool put_wait_status(struct encoder *encoder, unsigned index, struct text text)
{
    int64_t value;
    size_t at;

    if (text_find(text, "PTRACE_EVENT", &at))
        return false;
    if (status_part(text, "WEXITSTATUS(s) ==", &value))
        value <<= 8;
    else if (status_part(text, "WTERMSIG(s) ==", &value))
        value |= text_find(text, "WCOREDUMP(s)", &at) ? 0x80 : 0;
    else if (status_part(text, "WSTOPSIG(s) ==", &value))
        value = (value | (text_find(text, "| 0x80", &at) ? 0x80 : 0)) << 8 | 0x7f;
    else if (text_find(text, "WIFCONTINUED(s)", &at))
        value = 0xffff;
    else
        return false;
    encoder_integer(encoder, index, value);
    return true;
}

/* The low words of all three come first. */
static bool put_cap_data(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    static const char *const keys[] = {"effective", "permitted", "inheritable"};
    uint32_t words[6];
    struct text inside;
    size_t at;

    if (!text_inside(text, '{', &inside) || !text_find(shown->args[0], "VERSION_3", &at))
        return false; /* the high words are not of every version */
    for (size_t i = 0; i < 3; i++) {
        int64_t set;

        if (!field_number(inside, keys[i], NULL, &set))
            return false;
        words[i] = (uint32_t)set;
        words[3 + i] = (uint32_t)((uint64_t)set >> 32);
    }
    encoder_fixed(encoder, index, words);
    return true;
}

/* Waiting for descriptors. */

/* What became ready, of the note behind the result: it names ready ones only, in the same order. */
static int64_t ready_events(struct text *ready, int64_t fd)
{
    struct text left = *ready, item, inside;
    int64_t number, events;

    if (!text_next(&left, ',', &item) || !text_inside(item, '{', &inside) ||
        !field_number(inside, "fd", NULL, &number) || number != fd || !field_number(inside, "revents", NULL, &events))
        return 0;
    *ready = left;
    return events;
}

static bool put_pollfds(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    struct text inside, item, note, ready = NO_TEXT;
    size_t room, used = 0;
    uint8_t *to = encoder_variable_begin(encoder, index, RECORD_SIZE_MAX, &room);
    bool cut = false;

    if (!text_inside(text, '[', &inside) || shown->result < 0) /* what lies in it then is not shown */
        return false;
    if (text_inside(shown->note, '(', &note))
        (void)text_inside(note, '[', &ready);
    while (!cut && text_next(&inside, ',', &item)) {
        struct text fields;
        int64_t fd, events = 0;

        cut = text_is(item, "...") || room - used < 8;
        if (cut)
            break;
        if (!text_inside(item, '{', &fields) || !field_number(fields, "fd", NULL, &fd))
            return false;
        (void)field_number(fields, "events", NULL, &events); /* a negative descriptor has none */
        store(to + used, 4, fd);
        store(to + used + 4, 2, events);
        store(to + used + 6, 2, ready_events(&ready, fd));
        used += 8;
    }
    encoder_variable_end(encoder, index, used, cut);
    return true;
}

static bool epoll_event(struct text text, uint8_t to[12])
{
    struct text inside, data, fields;
    int64_t events, value;

    if (!text_inside(text, '{', &inside) || !field_number(inside, "events", NULL, &events) ||
        !text_field(inside, "data", &data))
        return false;
    if (text_inside(data, '{', &fields) ? !field_number(fields, "u64", NULL, &value) : !text_number(data, NULL, &value))
        return false;
    store(to, 4, events);
    store(to + 4, 8, value);
    return true;
}

static bool put_epoll_event(struct encoder *encoder, unsigned index, struct text text)
{
    uint8_t bytes[12];

    if (!epoll_event(text, bytes))
        return false;
    encoder_fixed(encoder, index, bytes);
    return true;
}

static bool put_epoll_events(struct encoder *encoder, unsigned index, struct text text)
{
    struct text inside, item;
    size_t room, used = 0;
    uint8_t *to = encoder_variable_begin(encoder, index, RECORD_SIZE_MAX, &room);
    bool cut = false;

    if (!text_inside(text, '[', &inside))
        return false;
    while (!cut && text_next(&inside, ',', &item)) {
        cut = text_is(item, "...") || room - used < 12;
        if (cut)
            break;
        if (!epoll_event(item, to + used))
            return false;
        used += 12;
    }
    encoder_variable_end(encoder, index, used, cut);
    return true;
}

/* What a select() left of a set: "(in [5], out [4], left {...})"; an untouched one where the call failed. */
static struct text set_left(const struct shown *shown, const struct sysfold_param *param, struct text before)
{
    const char *name = !strcmp(param->name, "readfds") ? "in" : !strcmp(param->name, "writefds") ? "out" : "except";
    struct text note, item;

    if (!shown->returned || shown->result < 0)
        return before;
    if (!text_inside(shown->note, '(', &note))
        return text_from("[]");
    while (text_next(&note, ',', &item)) {
        if (text_starts(item, name) && item.size > strlen(name) && item.at[strlen(name)] == ' ')
            return text_trim(text_after(item, strlen(name)));
    }
    return text_from("[]");
}

/* How many bytes a set of bits takes. */
static bool set_size(const struct shown *shown, const struct sysfold_param *param, size_t *ret_size)
{
    int64_t size = shown->result;

    if (param->b >= LENGTH_BITS) {
        if (!text_number(shown->args[param->b - LENGTH_BITS], NULL, &size) || size < 0 || size > FDS_MAX)
            return false;
        size = (size + 63) / 64 * 8;
    } else if (param->b != LENGTH_RESULT && !text_number(shown->args[param->b % CALL_ARGS], NULL, &size)) {
        return false;
    }
    *ret_size = (size_t)size;
    return size >= 0 && size <= FDS_MAX / 8;
}

static bool put_set(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    const struct sysfold_param *param = param_of(shown, index);
    int64_t numbers[NUMBERS_MAX];
    uint64_t words[FDS_MAX / 64] = {0};
    size_t count, size;

    if (param->b >= LENGTH_BITS)
        text = set_left(shown, param, text);
    if (!set_size(shown, param, &size) || !text_numbers(text, NULL, numbers, NUMBERS_MAX, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] < 0 || (uint64_t)numbers[i] >= size * 8)
            return false;
        words[numbers[i] / 64] |= UINT64_C(1) << numbers[i] % 64;
    }
    size -= size % sizeof(words[0]);
    encoder_bytes(encoder, index, words, size, size);
    return true;
}

/* Lists and values of any width. */

static bool put_list(struct encoder *encoder, unsigned index, struct text text, size_t width)
{
    int64_t numbers[NUMBERS_MAX];
    uint8_t bytes[NUMBERS_MAX * 8];
    size_t count;

    if (!text_numbers(text, NULL, numbers, NUMBERS_MAX, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        store(bytes + i * width, width, numbers[i]);
    encoder_bytes(encoder, index, bytes, count * width, sizeof(bytes));
    return true;
}

/* A socket option's value: as many numbers as strace shows, of the width that makes up its length. */
static bool put_option(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    const struct sysfold_param *param = param_of(shown, index);
    unsigned place = param->b >= LENGTH_INT_AT ? param->b - LENGTH_INT_AT : param->b;
    int64_t numbers[NUMBERS_MAX], length;
    size_t count;

    if (place >= CALL_ARGS || !length_shown(shown->args[place], &length) ||
        !text_numbers(text, NULL, numbers, NUMBERS_MAX, &count) || !count)
        return false;
    if ((uint64_t)length != count * 4 && (uint64_t)length != count * 8 && (uint64_t)length != count)
        return false;
    return put_list(encoder, index, text, (size_t)length / count);
}

static bool put_clone_args(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    static const char *const keys[] = {"flags",      "pidfd", "child_tid", "parent_tid",   "exit_signal", "stack",
                                       "stack_size", "tls",   "set_tid",   "set_tid_size", "cgroup"};
    const struct flag_table *table = param_of(shown, index)->type->table;
    uint64_t words[CLONE_ARGS_MAX / 8] = {0};
    struct text inside, value;
    size_t shown_count = 0;
    int64_t size;

    text.size = text_scan(text, " ");
    if (!text_inside(text, '{', &inside) || !text_number(shown->args[1], NULL, &size) || size < 0 ||
        size > CLONE_ARGS_MAX)
        return false;
    /* What the flags give no meaning is not shown, but may lie there all the same. */
    for (; shown_count < sizeof(keys) / sizeof(keys[0]) && text_field(inside, keys[shown_count], &value);
         shown_count++) {
        if (!text_number(value, shown_count ? NULL : table, (int64_t *)&words[shown_count]))
            break;
    }
    encoder_bytes(encoder, index, words, (size_t)size, shown_count * sizeof(words[0]));
    return true;
}

/* Sockets. */

static size_t internet_address(struct text inside, uint8_t to[SOCKADDR_ROOM])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct text value, quoted;
    char name[64] = "";
    size_t size;
    int64_t port;
    bool cut;

    if (!field_number(inside, "sin_port", NULL, &port) || !text_field(inside, "sin_addr", &value) ||
        !text_starts(value, "inet_addr(") || !text_inside(text_after(value, 9), '(', &quoted) ||
        !text_string(quoted, (uint8_t *)name, sizeof(name) - 1, &size, &cut) ||
        inet_pton(AF_INET, name, &address.sin_addr) != 1)
        return 0;
    address.sin_port = (in_port_t)port;
    memcpy(to, &address, sizeof(address));
    return sizeof(address);
}

static size_t internet6_address(struct text inside, uint8_t to[SOCKADDR_ROOM])
{
    static const char call[] = "inet_pton(AF_INET6, ";
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    struct text quoted;
    char name[64] = "";
    size_t size, at;
    int64_t port, flow = 0, scope = 0;
    bool cut;

    if (!field_number(inside, "sin6_port", NULL, &port) || !text_find(inside, call, &at))
        return 0;
    quoted = text_after(inside, at + sizeof(call) - 1);
    quoted.size = text_scan(quoted, ",");
    if (!text_string(quoted, (uint8_t *)name, sizeof(name) - 1, &size, &cut) ||
        inet_pton(AF_INET6, name, &address.sin6_addr) != 1 || !field_number(inside, "sin6_flowinfo", NULL, &flow) ||
        !field_number(inside, "sin6_scope_id", NULL, &scope))
        return 0;
    address.sin6_port = (in_port_t)port;
    address.sin6_flowinfo = (uint32_t)flow;
    address.sin6_scope_id = (uint32_t)scope;
    memcpy(to, &address, sizeof(address));
    return sizeof(address);
}

static size_t local_address(struct text inside, uint8_t to[SOCKADDR_ROOM])
{
    const size_t start = offsetof(struct sockaddr_un, sun_path);
    sa_family_t family = AF_UNIX;
    struct text path;
    size_t size, abstract;
    bool cut;

    memcpy(to, &family, sizeof(family));
    if (!text_field(inside, "sun_path", &path))
        return start;
    abstract = text_starts(path, "@");
    to[start] = '\0';
    if (!text_string(text_after(path, abstract), to + start + abstract, SOCKADDR_ROOM - start - abstract, &size, &cut))
        return 0;
    return start + abstract + size + (abstract || start + size == SOCKADDR_ROOM ? 0 : 1);
}

static size_t netlink_address(struct text inside, uint8_t to[SOCKADDR_ROOM])
{
    uint16_t family[2] = {AF_NETLINK, 0};
    struct text groups;
    char digits[20] = "";
    int64_t pid;
    uint32_t words[2];

    if (!field_number(inside, "nl_pid", NULL, &pid) || !text_field(inside, "nl_groups", &groups) ||
        groups.size >= sizeof(digits))
        return 0;
    memcpy(digits, groups.at, groups.size); /* without their 0x */
    words[0] = (uint32_t)pid;
    words[1] = (uint32_t)strtoul(digits, NULL, 16);
    memcpy(to, family, sizeof(family));
    memcpy(to + sizeof(family), words, sizeof(words));
    return sizeof(family) + sizeof(words);
}

static size_t other_address(int64_t number, struct text inside, uint8_t to[SOCKADDR_ROOM])
{
    sa_family_t family = (sa_family_t)number;
    struct text data;
    size_t size = 0;
    bool cut;

    memcpy(to, &family, sizeof(family));
    if (text_field(inside, "sa_data", &data) &&
        !text_string(data, to + sizeof(family), SOCKADDR_ROOM - sizeof(family), &size, &cut))
        return 0;
    return sizeof(family) + size;
}

size_t sockaddr_from(struct text text, uint8_t to[SOCKADDR_ROOM])
{
    struct text inside;
    int64_t family;

    memset(to, 0, SOCKADDR_ROOM);
    if (!text_inside(text, '{', &inside) || !field_number(inside, "sa_family", NULL, &family))
        return 0;
    switch (family) {
    case AF_INET:
        return internet_address(inside, to);
    case AF_INET6:
        return internet6_address(inside, to);
    case AF_UNIX:
        return local_address(inside, to);
    case AF_NETLINK:
        return netlink_address(inside, to);
    default:
        return other_address(family, inside, to);
    }
}

/* Where strace shows how long an address, or a message's control data, is. */
static bool length_of(const struct shown *shown, const struct sysfold_param *param, const char *key,
                      int64_t *ret_length)
{
    struct text message, value;

    if (param->source == SOURCE_USER_SOCKADDR || param->source == SOURCE_USER_SOCKADDR_OUT)
        return length_shown(shown->args[param->b], ret_length);
    return text_inside(shown->args[param->a], '{', &message) && text_field(message, key, &value) &&
           length_shown(value, ret_length);
}

static bool put_sockaddr(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    uint8_t bytes[SOCKADDR_ROOM];
    size_t size = sockaddr_from(text, bytes);
    int64_t length = 0;

    if (!size)
        return false;
    if (!length_of(shown, param_of(shown, index), "msg_namelen", &length))
        length = (int64_t)size;
    /* What is behind the address, where the caller gave more, is not shown. */
    encoder_bytes(encoder, index, bytes, (size_t)length, size);
    return true;
}

/* One control message: how many bytes it takes, 0 where strace shows it otherwise than as numbers. */
static size_t control_message(struct text text, uint8_t *to, size_t room)
{
    struct text inside, data;
    int64_t length, level, type, numbers[NUMBERS_MAX];
    size_t count;

    if (!text_inside(text, '{', &inside) || !field_number(inside, "cmsg_len", NULL, &length) ||
        !field_number(inside, "cmsg_level", NULL, &level) || !field_number(inside, "cmsg_type", NULL, &type) ||
        !text_field(inside, "cmsg_data", &data) || !text_numbers(data, NULL, numbers, NUMBERS_MAX, &count))
        return 0;
    if (length < 0 || (uint64_t)length != CONTROL_HEADER + 4 * count || ((size_t)length + 7) / 8 * 8 > room)
        return 0;
    store(to, 8, length);
    store(to + 8, 4, level);
    store(to + 12, 4, type);
    for (size_t i = 0; i < count; i++)
        store(to + CONTROL_HEADER + 4 * i, 4, numbers[i]);
    return ((size_t)length + 7) / 8 * 8;
}

static bool put_control(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    uint8_t bytes[CONTROL_MAX] = {0};
    struct text inside, item;
    size_t used = 0;
    int64_t length;

    if (!text_inside(text, '[', &inside))
        return false;
    while (text_next(&inside, ',', &item)) {
        size_t size = control_message(item, bytes + used, sizeof(bytes) - used);

        if (!size)
            return false;
        used += size;
    }
    if (!length_of(shown, param_of(shown, index), "msg_controllen", &length) || (uint64_t)length > sizeof(bytes))
        length = (int64_t)used;
    encoder_bytes(encoder, index, bytes, (size_t)length, sizeof(bytes));
    return true;
}

/* All of them. */

static bool put_variable(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    const struct type_info *type = param_of(shown, index)->type;

    switch (type->form) {
    case FORM_SOCKADDR:
        return put_sockaddr(shown, encoder, index, text);
    case FORM_CONTROL:
        return put_control(shown, encoder, index, text);
    case FORM_POLLFDS:
        return put_pollfds(shown, encoder, index, text);
    case FORM_EPOLL_EVENTS:
        return put_epoll_events(encoder, index, text);
    case FORM_FD_SET:
        return put_set(shown, encoder, index, text);
    case FORM_LIST:
        return put_list(encoder, index, text, wire_size(type->wire));
    case FORM_CLONE_ARGS:
        return put_clone_args(shown, encoder, index, text);
    case FORM_DATA:
        return put_option(shown, encoder, index, text);
    default:
        return false;
    }
}

bool put_structure(const struct shown *shown, struct encoder *encoder, unsigned index, struct text text)
{
    const struct type_info *type = param_of(shown, index)->type;

    if (type->variable)
        return put_variable(shown, encoder, index, text);
    switch (type->form) {
    case FORM_SIGSET:
        return put_sigset(encoder, index, text);
    case FORM_SIGACTION:
        return put_sigaction(shown, encoder, index, text);
    case FORM_WAIT_STATUS:
        return put_wait_status(encoder, index, text);
    case FORM_EPOLL_EVENT:
        return put_epoll_event(encoder, index, text);
    case FORM_CAP_DATA:
        return put_cap_data(shown, encoder, index, text);
    case FORM_CAP_HEADER:
        /* The kernel puts its own version over one that it does not know. */
        return text_starts(text, "{version=_LINUX") && put_numbers(shown, encoder, index, text);
    default:
        return type->count == 1 ? put_number(shown, encoder, index, text) : put_numbers(shown, encoder, index, text);
    }
}
