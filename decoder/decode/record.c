// SPDX-License-Identifier: Apache-2.0
#include "decoder/decode/record.h"

#include <errno.h>

/* Takes the next `size` bytes of the prefix; NULL when the record ends before. */
static const uint8_t *take(struct record *record, size_t size)
{
    const uint8_t *taken = record->body;

    if (record->body_size < size)
        return NULL;
    record->body += size;
    record->body_size -= (uint32_t)size;
    return taken;
}

static int read_prefix(struct record *record)
{
    const uint8_t *at;

    if (record->flags & SYSFOLD_EVENT_ABSENT) {
        if (!(at = take(record, sizeof(uint64_t))))
            return -EBADMSG;
        record->status = load_u64(at, record->swapped);
    }
    if (record->flags & SYSFOLD_EVENT_TRUNCATED) {
        if (!(at = take(record, sizeof(uint32_t))))
            return -EBADMSG;
        record->cut = load_u32(at, record->swapped);
    }
    if (record->flags & SYSFOLD_EVENT_RACED) {
        if (!(at = take(record, sizeof(uint32_t))))
            return -EBADMSG;
        record->raced = load_u32(at, record->swapped);
    }
    if (record->flags & SYSFOLD_EVENT_TIMED) {
        if (!(at = take(record, sizeof(uint64_t))))
            return -EBADMSG;
        record->duration = load_u64(at, record->swapped);
    }
    return 0;
}

int record_read(struct record *record, const struct sysfold_schema *schema, const uint8_t *bytes, size_t available,
                bool swapped)
{
    uint16_t type, size;

    if (available < RECORD_HEADER_SIZE)
        return -EBADMSG;
    type = load_u16(bytes, swapped);
    size = load_u16(bytes + 2, swapped);
    if (size < RECORD_HEADER_SIZE || size > available)
        return -EBADMSG;
    record->bytes = bytes;
    record->size = size;
    record->number = type & RECORD_NUMBER_MASK;
    record->flags = type & (uint16_t)~RECORD_NUMBER_MASK;
    record->tid = load_u32(bytes + 4, swapped);
    record->time = load_u64(bytes + 8, swapped);
    record->swapped = swapped;
    record->row = schema->by_number[record->number];
    record->status = 0;
    record->cut = 0;
    record->raced = 0;
    record->duration = 0;
    record->body = bytes + RECORD_HEADER_SIZE;
    record->body_size = (uint32_t)(size - RECORD_HEADER_SIZE);
    if (record->flags && read_prefix(record) < 0)
        return -EBADMSG;
    return size;
}

static int64_t load_integer(const uint8_t *at, unsigned wire, bool swapped)
{
    switch (wire) {
    case WIRE_I8:
        return (int8_t)*at;
    case WIRE_U8:
        return *at;
    case WIRE_I16:
        return (int16_t)load_u16(at, swapped);
    case WIRE_U16:
        return load_u16(at, swapped);
    case WIRE_I32:
        return (int32_t)load_u32(at, swapped);
    case WIRE_U32:
        return load_u32(at, swapped);
    default:
        return (int64_t)load_u64(at, swapped);
    }
}

static enum sysfold_status status_of(const struct record *record, unsigned index)
{
    unsigned status = record->status >> (2 * index) & 3;

    if (!status && record->flags & SYSFOLD_EVENT_FAILED && record->row->success_mask >> index & 1)
        status = SYSFOLD_ABSENT;
    return status;
}

static bool find_fixed(const struct record *record, const struct sysfold_param *param, struct sysfold_value *value)
{
    size_t size = type_size(param->type);

    if (param->place + size > record->body_size)
        return false;
    value->data = record->body + param->place;
    value->size = size;
    if (param->type->count > 1) {
        value->kind = SYSFOLD_KIND_BYTES;
        return true;
    }
    value->kind = wire_is_signed(param->type->wire) ? SYSFOLD_KIND_SIGNED : SYSFOLD_KIND_UNSIGNED;
    value->i = load_integer(value->data, param->type->wire, record->swapped);
    value->u = (uint64_t)value->i;
    return true;
}

static bool find_variable(const struct record *record, unsigned place, struct sysfold_value *value)
{
    size_t at = record->row->fixed_size;

    for (;;) {
        size_t size;

        if (at + sizeof(uint16_t) > record->body_size)
            return false;
        size = load_u16(record->body + at, record->swapped);
        at += sizeof(uint16_t);
        if (size > record->body_size - at)
            return false;
        if (!place--) {
            value->kind = SYSFOLD_KIND_BYTES;
            value->data = record->body + at;
            value->size = size;
            return true;
        }
        at += size;
    }
}

int record_param(const struct record *record, unsigned index, struct sysfold_value *ret_value)
{
    const struct sysfold_param *param;
    bool found;

    if (!record->row || index >= record->row->param_count)
        return -ENOENT;
    param = &record->row->params[index];
    *ret_value = (struct sysfold_value){
        .kind = SYSFOLD_KIND_BYTES,
        .status = status_of(record, index),
        .truncated = record->cut >> index & 1,
        .raced = record->raced >> index & 1,
    };
    if (ret_value->status != SYSFOLD_PRESENT)
        return 0;
    found = param->type->variable ? find_variable(record, param->place, ret_value)
                                  : find_fixed(record, param, ret_value);
    if (!found)
        ret_value->status = SYSFOLD_ABSENT;
    return 0;
}

int64_t record_integer(const struct record *record, unsigned index, int64_t otherwise)
{
    const struct sysfold_param *param;

    if (!record->row || index >= record->row->param_count)
        return otherwise;
    param = &record->row->params[index];
    if (param->type->variable || param->type->count != 1 || status_of(record, index) != SYSFOLD_PRESENT ||
        param->place + wire_size(param->type->wire) > record->body_size)
        return otherwise;
    return load_integer(record->body + param->place, param->type->wire, record->swapped);
}
