// SPDX-License-Identifier: Apache-2.0
/* The truth as a stream: docs/truth.md says what its lines mean. */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>
#include <sysfold/compare.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "records.h"

#define TRUTH_VERSION 1
#define LINE_SIZE_MAX (8u << 20)
#define FDS_MAX 1024
#define FDS_TEXT_MAX 32768
#define ERRNO_MAX_RESULT 4095

struct truth {
    const char *path;
    size_t line;    /* the current one's number */
    int64_t events; /* lines between the first and the last */
    bool begun, ended;
    struct witness *witness;
    struct sysfold_error *error;
};

/* The elements of a value, as they lie in a record. */
struct bytes {
    const struct sysfold_param *param;
    uint8_t *at;
    size_t size;
};

/* Always -EBADMSG. */
static int bad(const struct truth *truth, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int bad(const struct truth *truth, const char *format, ...)
{
    char what[300];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    for (char *c = what; *c; c++) { /* what a log holds drives no terminal */
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    return error_set(truth->error, -EBADMSG, "%s:%zu: %s", truth->path, truth->line, what);
}

static int bad_value(const struct truth *truth, const struct sysfold_param *param, const char *why)
{
    return bad(truth, "%s is of type %s: %s", param->name, param->type->name, why);
}

/* Numbers. */

static bool fits(unsigned wire, json_int_t value)
{
    switch (wire) {
    case WIRE_I8:
        return value >= INT8_MIN && value <= INT8_MAX;
    case WIRE_U8:
        return value >= 0 && value <= UINT8_MAX;
    case WIRE_I16:
        return value >= INT16_MIN && value <= INT16_MAX;
    case WIRE_U16:
        return value >= 0 && value <= UINT16_MAX;
    case WIRE_I32:
        return value >= INT32_MIN && value <= INT32_MAX;
    case WIRE_U32:
        return value >= 0 && value <= UINT32_MAX;
    default:
        return true; /* JSON's own are 64 bits: what is beyond the signed ones is written as negative */
    }
}

static int take_array(const struct truth *truth, struct bytes *bytes, const json_t *array)
{
    unsigned wire = bytes->param->type->wire;
    size_t width = wire_size(wire), count = json_array_size(array);

    if (width == 1 || (!bytes->param->type->variable && bytes->param->type->count == 1))
        return bad_value(truth, bytes->param, "it is no array of integers");
    bytes->at = malloc(count * width + 1);
    if (!bytes->at)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const json_t *element = json_array_get(array, i);

        if (!json_is_integer(element) || !fits(wire, json_integer_value(element)))
            return bad_value(truth, bytes->param, "an element is no such integer");
        wire_store(bytes->at + i * width, wire, json_integer_value(element));
    }
    bytes->size = count * width;
    return 0;
}

/* Bytes. */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_hex(const struct truth *truth, struct bytes *bytes, const json_t *hex)
{
    size_t length = json_string_length(hex);
    const char *digits = json_string_value(hex);

    if (!digits || length % 2)
        return bad_value(truth, bytes->param, "what is in \"hex\" is no string of pairs of digits");
    bytes->at = malloc(length / 2 + 1);
    if (!bytes->at)
        return -ENOMEM;
    for (size_t i = 0; i < length / 2; i++) {
        int high = hex_digit(digits[2 * i]), low = hex_digit(digits[2 * i + 1]);

        if (high < 0 || low < 0)
            return bad_value(truth, bytes->param, "what is in \"hex\" has other characters than 0-9 and a-f");
        bytes->at[i] = (uint8_t)(high << 4 | low);
    }
    bytes->size = length / 2;
    return 0;
}

static int take_string(struct bytes *bytes, const json_t *string)
{
    bytes->size = json_string_length(string);
    bytes->at = malloc(bytes->size + 1);
    if (!bytes->at)
        return -ENOMEM;
    memcpy(bytes->at, json_string_value(string), bytes->size);
    return 0;
}

/* The only member of an object, if it has that name; NULL. */
static const json_t *sole_member(const json_t *value, const char *name)
{
    return json_object_size(value) == 1 ? json_object_get(value, name) : NULL;
}

static int take_bytes(const struct truth *truth, struct bytes *bytes, const json_t *value)
{
    const struct type_info *type = bytes->param->type;
    const json_t *hex = sole_member(value, "hex");
    int r;

    if (json_is_string(value))
        r = take_string(bytes, value);
    else if (json_is_array(value))
        r = take_array(truth, bytes, value);
    else if (hex)
        r = take_hex(truth, bytes, hex);
    else
        return bad_value(truth, bytes->param, "it is neither a string, nor {\"hex\":...}, nor an array of integers");
    if (r < 0)
        return r;
    if (type->variable ? bytes->size % type_size(type) != 0 : bytes->size != type_size(type))
        return bad_value(truth, bytes->param, "it is of another size");
    return 0;
}

/* Parameters. */

static int put_bytes(const struct truth *truth, unsigned index, const struct sysfold_param *param, const json_t *value,
                     bool cut)
{
    struct encoder *encoder = &truth->witness->encoder;
    struct bytes bytes = {.param = param};
    int r = take_bytes(truth, &bytes, value);

    if (!r && !param->type->variable) {
        encoder_fixed(encoder, index, bytes.at);
    } else if (!r) {
        size_t room;
        uint8_t *to = encoder_variable_begin(encoder, index, bytes.size, &room);

        room -= room % type_size(param->type);
        memcpy(to, bytes.at, room);
        encoder_variable_end(encoder, index, room, cut || room < bytes.size);
    }
    free(bytes.at);
    return r;
}

static int put_param(const struct truth *truth, unsigned index, const json_t *value)
{
    struct encoder *encoder = &truth->witness->encoder;
    const struct sysfold_param *param = &encoder->row->params[index];
    const json_t *cut = sole_member(value, "cut");

    if (json_is_null(value)) {
        encoder_status(encoder, index, SYSFOLD_NULL);
    } else if (json_is_true(sole_member(value, "unreadable"))) {
        encoder_status(encoder, index, SYSFOLD_UNREADABLE);
    } else if (cut) {
        if (!param->type->variable)
            return bad_value(truth, param, "it cannot be cut");
        return put_bytes(truth, index, param, cut, true);
    } else if (json_is_integer(value)) {
        if (param->type->variable || param->type->count != 1)
            return bad_value(truth, param, "it is no single integer");
        if (!fits(param->type->wire, json_integer_value(value)))
            return bad_value(truth, param, "the integer is out of its range");
        encoder_integer(encoder, index, json_integer_value(value));
    } else if (!param->type->variable && param->type->count == 1) {
        return bad_value(truth, param, "it is an integer");
    } else {
        return put_bytes(truth, index, param, value, false);
    }
    return 0;
}

static int check_names(const struct truth *truth, const struct sysfold_row *row, json_t *params)
{
    const char *name;
    json_t *value;

    json_object_foreach(params, name, value)
    {
        if (sysfold_row_param_index(row, name) < 0)
            return bad(truth, "%s has no parameter \"%.60s\"", row->name, name);
    }
    return 0;
}

static bool has_failed(const struct sysfold_row *row, const json_t *params)
{
    const json_t *result = json_object_get(params, row->params[0].name);

    return sysfold_row_is_syscall(row) && json_is_integer(result) && json_integer_value(result) < 0 &&
           json_integer_value(result) >= -ERRNO_MAX_RESULT;
}

/* Lines. */

static int take_tid(const struct truth *truth, const json_t *line, uint32_t *ret_tid)
{
    const json_t *tid = json_object_get(line, "tid");

    if (!json_is_integer(tid) || json_integer_value(tid) < 0 || json_integer_value(tid) > INT32_MAX)
        return bad(truth, "it has no \"tid\", or one that no thread can have");
    *ret_tid = (uint32_t)json_integer_value(tid);
    return 0;
}

static int take_event(const struct truth *truth, const json_t *line)
{
    const char *name = json_string_value(json_object_get(line, "event"));
    json_t *params = json_object_get(line, "params");
    const struct sysfold_row *row;
    uint32_t tid;
    int r = take_tid(truth, line, &tid);

    if (r < 0)
        return r;
    if (!name || !json_is_object(params) || json_object_size(line) != 3)
        return bad(truth, "an event is {\"tid\":...,\"event\":\"name\",\"params\":{...}}, and no more");
    row = sysfold_schema_row_by_name(sysfold_schema_builtin(), name);
    if (!row)
        return bad(truth, "there is no event \"%.60s\"", name);
    r = check_names(truth, row, params);
    if (r < 0)
        return r;
    (void)witness_begin(truth->witness, row->number, tid, truth->line);
    if (has_failed(row, params))
        encoder_failed(&truth->witness->encoder);
    for (unsigned i = 0; i < row->param_count; i++) {
        const json_t *value = json_object_get(params, row->params[i].name);

        r = value ? put_param(truth, i, value) : 0;
        if (r < 0)
            return r;
    }
    return witness_keep(truth->witness);
}

/* Descriptors. */

struct open_fd {
    long number;
    const char *kind;
};

static int compare_fds(const void *a, const void *b)
{
    long left = ((const struct open_fd *)a)->number, right = ((const struct open_fd *)b)->number;

    return (left > right) - (left < right);
}

static bool is_kind(const char *kind)
{
    static const char *const kinds[] = {"file", "dir", "pipe", "socket", "device", "other"};

    for (size_t i = 0; kind && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!strcmp(kind, kinds[i]))
            return true;
    }
    return false;
}

static bool take_fd(const char *key, const json_t *value, struct open_fd *ret_fd)
{
    char *end;

    ret_fd->number = strtol(key, &end, 10);
    ret_fd->kind = json_string_value(value);
    return *key >= '0' && *key <= '9' && !*end && ret_fd->number <= INT_MAX && is_kind(ret_fd->kind);
}

/* {"0":"device"} becomes the marker "fds 0=device". */
static int take_fds(const struct truth *truth, const json_t *line)
{
    json_t *table = json_object_get(line, "fds");
    struct open_fd fds[FDS_MAX];
    char text[FDS_TEXT_MAX] = "fds";
    size_t count = 0, used = 3;
    const char *key;
    json_t *value;
    uint32_t tid;
    int r = take_tid(truth, line, &tid);

    if (r < 0)
        return r;
    if (!json_is_object(table) || json_object_size(line) != 2 || json_object_size(table) > FDS_MAX)
        return bad(truth, "\"fds\" is no table of at most %d descriptors", FDS_MAX);
    json_object_foreach(table, key, value)
    {
        if (!take_fd(key, value, &fds[count++]))
            return bad(truth, "\"%.20s\" in \"fds\" is no descriptor with its kind", key);
    }
    qsort(fds, count, sizeof(fds[0]), compare_fds);
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, " %ld=%s", fds[i].number, fds[i].kind);
    (void)witness_begin(truth->witness, ROW_MARKER, tid, truth->line);
    encoder_bytes(&truth->witness->encoder, P_MARKER_text, text, used, used);
    return witness_keep(truth->witness);
}

static int take_head(struct truth *truth, const json_t *line)
{
    const json_t *version = json_object_get(line, "truth");

    if (!json_is_integer(version))
        return bad(truth, "the truth begins with {\"truth\":%d,...}: this is something else", TRUTH_VERSION);
    if (json_integer_value(version) != TRUTH_VERSION)
        return bad(truth, "it is a truth of version %lld; this is about version %d",
                   (long long)json_integer_value(version), TRUTH_VERSION);
    truth->begun = true;
    return 0;
}

static int take_end(struct truth *truth, const json_t *line)
{
    const json_t *end = json_object_get(line, "end");

    if (!json_is_integer(end) || json_integer_value(end) != truth->events)
        return bad(truth, "its last line is not {\"end\":%lld}, the number of the lines before it: it is not whole",
                   (long long)truth->events);
    truth->ended = true;
    return 0;
}

static int take_object(struct truth *truth, const json_t *line)
{
    if (!truth->begun)
        return take_head(truth, line);
    if (truth->ended)
        return bad(truth, "there is something behind its end");
    if (json_object_get(line, "end"))
        return take_end(truth, line);
    truth->events++;
    return json_object_get(line, "fds") ? take_fds(truth, line) : take_event(truth, line);
}

static int take_line(struct truth *truth, const char *text, size_t size)
{
    json_error_t why;
    json_t *line;
    int r;

    truth->line++;
    if (size && !*text) /* the room behind what was written is given back at the end */
        return bad(truth, "it was cut short: the program did not come to its end");
    if (size > LINE_SIZE_MAX)
        return bad(truth, "a line of more than %u bytes", LINE_SIZE_MAX);
    line = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    if (!line)
        return bad(truth, "no JSON: %s", why.text);
    r = json_is_object(line) ? take_object(truth, line) : bad(truth, "the line is no JSON object");
    json_decref(line);
    return r;
}

static int take_text(struct truth *truth, const char *text, size_t size)
{
    while (size) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;
        int r = take_line(truth, text, length);

        if (r < 0)
            return r;
        length += end ? 1 : 0;
        text += length;
        size -= length;
    }
    if (!truth->begun)
        return error_set(truth->error, -EBADMSG, "%s is empty: no truth", truth->path);
    if (!truth->ended)
        return error_set(truth->error, -EBADMSG, "%s:%zu: it was cut short: its last line, {\"end\":...}, is missing",
                         truth->path, truth->line);
    return 0;
}

int sysfold_truth_open(const char *path, struct sysfold_stream **ret_stream, struct sysfold_error *error)
{
    struct truth truth = {.path = path, .error = error};
    cleanup_free char *text = NULL;
    size_t size;
    int r = witness_read(path, &text, &size, error);

    if (r < 0)
        return r;
    truth.witness = witness_create();
    r = truth.witness ? take_text(&truth, text, size) : -ENOMEM;
    if (!r)
        return witness_stream(truth.witness, "truth", ret_stream, error);
    witness_destroy(truth.witness);
    return r == -EBADMSG ? r : error_system(error, r, "cannot read %s", path);
}
