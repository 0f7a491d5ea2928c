// SPDX-License-Identifier: Apache-2.0
#include "encode.h"

static uint8_t *body(struct encoder *encoder)
{
    return encoder->room + RECORD_PREFIX_MAX;
}

static const struct sysfold_param *param_at(const struct encoder *encoder, unsigned index)
{
    assert(index < encoder->row->param_count);
    return &encoder->row->params[index];
}

void encoder_begin(struct encoder *encoder, const struct sysfold_row *row, uint32_t tid, uint64_t time)
{
    encoder->row = row;
    encoder->tid = tid;
    encoder->time = time;
    encoder->status = 0;
    encoder->duration = 0;
    encoder->put = 0;
    encoder->cut = 0;
    encoder->raced = 0;
    encoder->flags = 0;
    encoder->variables = 0;
    encoder->end = body(encoder) + row->fixed_size;
}

void wire_store(uint8_t *to, unsigned wire, int64_t value)
{
    int32_t half = (int32_t)value;
    int16_t quarter = (int16_t)value;
    int8_t eighth = (int8_t)value;

    switch (wire_size(wire)) {
    case 8:
        memcpy(to, &value, sizeof(value));
        break;
    case 4:
        memcpy(to, &half, sizeof(half));
        break;
    case 2:
        memcpy(to, &quarter, sizeof(quarter));
        break;
    default:
        memcpy(to, &eighth, sizeof(eighth));
    }
}

void encoder_integer(struct encoder *encoder, unsigned index, int64_t value)
{
    const struct sysfold_param *param = param_at(encoder, index);

    assert(!param->type->variable && param->type->count == 1);
    wire_store(body(encoder) + param->place, param->type->wire, value);
    encoder->put |= UINT32_C(1) << index;
}

void encoder_fixed(struct encoder *encoder, unsigned index, const void *bytes)
{
    const struct sysfold_param *param = param_at(encoder, index);

    assert(!param->type->variable);
    memcpy(body(encoder) + param->place, bytes, type_size(param->type));
    encoder->put |= UINT32_C(1) << index;
}

static void lay_length(struct encoder *encoder, uint16_t size)
{
    memcpy(encoder->end, &size, sizeof(size));
    encoder->end += sizeof(size);
}

/* Variable parameters have no place of their own: those that were passed over get an empty one. */
static void lay_empty_until(struct encoder *encoder, unsigned place)
{
    assert(encoder->variables <= place);
    for (; encoder->variables < place; encoder->variables++)
        lay_length(encoder, 0);
}

uint8_t *encoder_variable_begin(struct encoder *encoder, unsigned index, size_t limit, size_t *ret_room)
{
    const struct sysfold_param *param = param_at(encoder, index);
    size_t used, reserved, room;

    assert(param->type->variable);
    lay_empty_until(encoder, param->place);
    used = (size_t)(encoder->end - encoder->room);
    reserved = sizeof(uint16_t) * (size_t)(encoder->row->variable_count - param->place);
    room = RECORD_SIZE_MAX - used - reserved;
    *ret_room = limit < room ? limit : room;
    return encoder->end + sizeof(uint16_t);
}

void encoder_variable_end(struct encoder *encoder, unsigned index, size_t size, bool cut)
{
    lay_length(encoder, (uint16_t)size);
    encoder->end += size;
    encoder->variables++;
    encoder->put |= UINT32_C(1) << index;
    if (cut)
        encoder->cut |= UINT32_C(1) << index;
}

void encoder_bytes(struct encoder *encoder, unsigned index, const void *bytes, size_t size, size_t limit)
{
    size_t room;
    uint8_t *to = encoder_variable_begin(encoder, index, limit, &room);
    size_t kept = size < room ? size : room;

    if (kept)
        memcpy(to, bytes, kept);
    encoder_variable_end(encoder, index, kept, kept < size);
}

void encoder_string(struct encoder *encoder, unsigned index, const char *string)
{
    if (string)
        encoder_bytes(encoder, index, string, strlen(string), PATH_BYTES_MAX);
    else
        encoder_status(encoder, index, SYSFOLD_ABSENT);
}

void encoder_status(struct encoder *encoder, unsigned index, enum sysfold_status status)
{
    const struct sysfold_param *param = param_at(encoder, index);

    encoder->status |= (uint64_t)status << (2 * index);
    encoder->put |= UINT32_C(1) << index;
    if (!param->type->variable)
        memset(body(encoder) + param->place, 0, type_size(param->type));
}

void encoder_raced(struct encoder *encoder, unsigned index)
{
    encoder->raced |= UINT32_C(1) << index;
}

void encoder_duration(struct encoder *encoder, uint64_t ns)
{
    encoder->duration = ns;
    encoder->flags |= SYSFOLD_EVENT_TIMED;
}

void encoder_failed(struct encoder *encoder)
{
    encoder->flags |= SYSFOLD_EVENT_FAILED;
}

static void mark_missing(struct encoder *encoder)
{
    uint32_t all = (UINT32_C(1) << encoder->row->param_count) - 1;
    uint32_t missing = all & ~encoder->put;
    uint32_t implied = encoder->flags & SYSFOLD_EVENT_FAILED ? encoder->row->success_mask : 0;

    for (unsigned index; missing; missing &= missing - 1) {
        const struct sysfold_param *param;

        index = (unsigned)__builtin_ctz(missing);
        param = &encoder->row->params[index];
        if (!param->type->variable)
            memset(body(encoder) + param->place, 0, type_size(param->type));
        if (!(implied >> index & 1))
            encoder->status |= (uint64_t)SYSFOLD_ABSENT << (2 * index);
    }
}

/* Optional words go between header and body: written backwards from the body. */
static uint8_t *lay_before(uint8_t *end, const void *bytes, size_t size)
{
    return memcpy(end - size, bytes, size);
}

const uint8_t *encoder_finish(struct encoder *encoder, size_t *ret_size)
{
    struct record_header header = {.tid = encoder->tid, .time = encoder->time};
    uint8_t *start = body(encoder);

    lay_empty_until(encoder, encoder->row->variable_count);
    mark_missing(encoder);
    if (encoder->flags & SYSFOLD_EVENT_TIMED)
        start = lay_before(start, &encoder->duration, sizeof(encoder->duration));
    if (encoder->raced) {
        encoder->flags |= SYSFOLD_EVENT_RACED;
        start = lay_before(start, &encoder->raced, sizeof(encoder->raced));
    }
    if (encoder->cut) {
        encoder->flags |= SYSFOLD_EVENT_TRUNCATED;
        start = lay_before(start, &encoder->cut, sizeof(encoder->cut));
    }
    if (encoder->status) {
        encoder->flags |= SYSFOLD_EVENT_ABSENT;
        start = lay_before(start, &encoder->status, sizeof(encoder->status));
    }
    *ret_size = (size_t)(encoder->end - start) + RECORD_HEADER_SIZE;
    header.type = (uint16_t)(encoder->row->number | encoder->flags);
    header.length = (uint16_t)*ret_size;
    return lay_before(start, &header, sizeof(header));
}
