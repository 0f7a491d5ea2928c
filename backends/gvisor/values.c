// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/values.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/record.h"

#define O_TMPFILE_BIT 020000000
/* What is needed no more is kept for the next call up to this size. */
#define ROOM_KEPT 1024

/* How a field becomes bytes. */
enum kind { INT, BYTES, VECTOR, LIMIT, TIMER, PAIR };
enum when { ALWAYS, LATER, CREATE };

struct mapping {
    const ProtobufCMessageDescriptor *message;
    uint16_t row;
    uint16_t offset;
    uint8_t index;
    uint8_t kind;
    uint8_t when;
    uint8_t width; /* of an integer; negative ones are extended */
    bool is_signed;
};

#define IS_SIGNED(MESSAGE, FIELD)                                                                                      \
    _Generic(((Gv__##MESSAGE *)NULL)->FIELD, int32_t : true, int64_t : true, default : false)
#define MAP(ROW, PARAM, MESSAGE, FIELD, KIND, WHEN)                                                                    \
    {&DESCRIPTOR_##MESSAGE,                                                                                            \
     ROW_##ROW,                                                                                                        \
     offsetof(Gv__##MESSAGE, FIELD),                                                                                   \
     P_##ROW##_##PARAM,                                                                                                \
     KIND,                                                                                                             \
     WHEN,                                                                                                             \
     sizeof(((Gv__##MESSAGE *)NULL)->FIELD) > 8 ? 0 : sizeof(((Gv__##MESSAGE *)NULL)->FIELD),                          \
     IS_SIGNED(MESSAGE, FIELD)},
#define DESCRIPTOR_Open gv__open__descriptor
#define DESCRIPTOR_Close gv__close__descriptor
#define DESCRIPTOR_Read gv__read__descriptor
#define DESCRIPTOR_Write gv__write__descriptor
#define DESCRIPTOR_Connect gv__connect__descriptor
#define DESCRIPTOR_Bind gv__bind__descriptor
#define DESCRIPTOR_Accept gv__accept__descriptor
#define DESCRIPTOR_Listen gv__listen__descriptor
#define DESCRIPTOR_Socket gv__socket__descriptor
#define DESCRIPTOR_SocketPair gv__socket_pair__descriptor
#define DESCRIPTOR_Execve gv__execve__descriptor
#define DESCRIPTOR_Clone gv__clone__descriptor
#define DESCRIPTOR_Ptrace gv__ptrace__descriptor
#define DESCRIPTOR_Chdir gv__chdir__descriptor
#define DESCRIPTOR_Chroot gv__chroot__descriptor
#define DESCRIPTOR_Setid gv__setid__descriptor
#define DESCRIPTOR_Setresid gv__setresid__descriptor
#define DESCRIPTOR_Prlimit gv__prlimit__descriptor
#define DESCRIPTOR_Pipe gv__pipe__descriptor
#define DESCRIPTOR_Fcntl gv__fcntl__descriptor
#define DESCRIPTOR_Dup gv__dup__descriptor
#define DESCRIPTOR_Signalfd gv__signalfd__descriptor
#define DESCRIPTOR_Eventfd gv__eventfd__descriptor
#define DESCRIPTOR_TimerfdCreate gv__timerfd_create__descriptor
#define DESCRIPTOR_TimerfdSetTime gv__timerfd_set_time__descriptor
#define DESCRIPTOR_TimerfdGetTime gv__timerfd_get_time__descriptor
#define DESCRIPTOR_InotifyInit gv__inotify_init__descriptor
#define DESCRIPTOR_InotifyAddWatch gv__inotify_add_watch__descriptor
#define DESCRIPTOR_InotifyRmWatch gv__inotify_rm_watch__descriptor
#define DESCRIPTOR_Mmap gv__mmap__descriptor

static const struct mapping mappings[] = {
#include "backends/gvisor/map.def"
};
#define MAPPINGS (sizeof(mappings) / sizeof(mappings[0]))

/* In front of each value's bytes. */
struct header {
    uint32_t size;
    uint8_t index;
    bool cut;
};

static struct header *begin_value(struct values *values, unsigned index, size_t size)
{
    size_t wanted = values->size + sizeof(struct header) + size;
    struct header *header;

    if (wanted > values->room) {
        uint8_t *grown = realloc(values->bytes, 2 * wanted);

        if (!grown)
            return NULL;
        values->bytes = grown;
        values->room = 2 * wanted;
    }
    header = (struct header *)(void *)(values->bytes + values->size);
    *header = (struct header){.size = (uint32_t)size, .index = (uint8_t)index};
    return header;
}

/* Headers stay aligned. */
static void end_value(struct values *values, const struct header *header)
{
    values->size += (sizeof(*header) + header->size + 7) & ~(size_t)7;
}

static int put(struct values *values, unsigned index, const void *bytes, size_t size, size_t limit)
{
    size_t kept = size < limit ? size : limit;
    struct header *header = begin_value(values, index, kept + 8);

    if (!header)
        return -ENOMEM;
    header->size = (uint32_t)kept;
    header->cut = kept < size;
    if (kept)
        memcpy(header + 1, bytes, kept);
    end_value(values, header);
    return 0;
}

int values_put_strings(struct values *values, unsigned index, const ProtobufCBinaryData *strings, size_t count,
                       size_t vector_max)
{
    struct header *header = begin_value(values, index, vector_max + 8);
    uint8_t *to;

    if (!header)
        return -ENOMEM;
    to = (uint8_t *)(header + 1);
    header->size = 0;
    for (size_t i = 0; i < count && !header->cut; i++) {
        size_t room = vector_max - header->size, size = strings[i].len;

        header->cut = size + 1 > room;
        if (room < 2 && header->cut)
            break;
        size = header->cut ? room - 1 : size;
        if (size)
            memcpy(to + header->size, strings[i].data, size);
        to[header->size + size] = '\0';
        header->size += (uint32_t)size + 1;
    }
    end_value(values, header);
    return 0;
}

static int64_t integer_of(const struct mapping *mapping, const uint8_t *field)
{
    int32_t narrow;
    int64_t wide;

    if (mapping->width == sizeof(wide)) {
        memcpy(&wide, field, sizeof(wide));
        return wide;
    }
    memcpy(&narrow, field, sizeof(narrow));
    return mapping->is_signed ? narrow : (int64_t)(uint32_t)narrow;
}

static int put_limit(struct values *values, unsigned index, const Gv__StructRlimit *limit)
{
    const uint64_t bytes[2] = {limit ? limit->cur : 0, limit ? limit->max : 0};

    return limit ? put(values, index, bytes, sizeof(bytes), sizeof(bytes)) : 0;
}

static int put_timer(struct values *values, unsigned index, const Gv__ItimerSpec *timer)
{
    const Gv__Timespec *interval = timer ? timer->interval : NULL, *value = timer ? timer->value : NULL;
    const int64_t bytes[4] = {interval ? interval->sec : 0, interval ? interval->nsec : 0, value ? value->sec : 0,
                              value ? value->nsec : 0};

    return timer ? put(values, index, bytes, sizeof(bytes), sizeof(bytes)) : 0;
}

static int put_field(struct values *values, const struct mapping *mapping, const uint8_t *field, size_t vector_max)
{
    ProtobufCBinaryData data;
    const void *pointer;
    int64_t integer;
    size_t count;

    switch ((enum kind)mapping->kind) {
    case BYTES:
        memcpy(&data, field, sizeof(data));
        return put(values, mapping->index, data.data, data.len, PATH_BYTES_MAX);
    case VECTOR: /* protobuf-c has the number in front of the pointer */
        memcpy(&count, field - sizeof(count), sizeof(count));
        memcpy(&pointer, field, sizeof(pointer));
        return values_put_strings(values, mapping->index, pointer, count, vector_max);
    case LIMIT:
        memcpy(&pointer, field, sizeof(pointer));
        return put_limit(values, mapping->index, pointer);
    case TIMER:
        memcpy(&pointer, field, sizeof(pointer));
        return put_timer(values, mapping->index, pointer);
    case PAIR:
        return put(values, mapping->index, field, 2 * sizeof(int32_t), 2 * sizeof(int32_t));
    default:
        integer = integer_of(mapping, field);
        return put(values, mapping->index, &integer, sizeof(integer), sizeof(integer));
    }
}

_Static_assert(offsetof(Gv__Execve, argv) == offsetof(Gv__Execve, n_argv) + sizeof(size_t), "the number is in front");
_Static_assert(offsetof(Gv__Execve, envv) == offsetof(Gv__Execve, n_envv) + sizeof(size_t), "the number is in front");
_Static_assert(offsetof(Gv__Pipe, writer) == offsetof(Gv__Pipe, reader) + sizeof(int32_t), "a pair");
_Static_assert(offsetof(Gv__SocketPair, socket2) == offsetof(Gv__SocketPair, socket1) + sizeof(int32_t), "a pair");

/* Without these flags a mode is whatever the register held. */
static bool creates(const struct message *message)
{
    return message->type == MESSAGE_OPEN &&
           ((const Gv__Open *)(const void *)message->body)->flags & (O_CREAT | O_TMPFILE_BIT);
}

static bool is_valid(const struct mapping *mapping, const struct message *message)
{
    if (mapping->when == LATER)
        return message->exit != NULL;
    return mapping->when != CREATE || creates(message);
}

/* Where a row's mappings begin, from 1; 0: it has none. */
static uint8_t first_of[ROW_SYSCALL_MAX];
_Static_assert(MAPPINGS < UINT8_MAX, "places fit into a byte");

static void find_firsts(void)
{
    for (size_t i = MAPPINGS; i > 0; i--)
        first_of[mappings[i - 1].row] = (uint8_t)i;
}

static const struct mapping *first_mapping(unsigned row)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, find_firsts);
    return row < ROW_SYSCALL_MAX && first_of[row] ? &mappings[first_of[row] - 1] : NULL;
}

int values_take(struct values *values, const struct sysfold_row *row, const struct message *message, size_t vector_max)
{
    const struct mapping *mapping = first_mapping(row->number);
    int r = 0;

    for (; mapping && mapping < mappings + MAPPINGS && mapping->row == row->number && r == 0; mapping++) {
        if (mapping->message != message->body->descriptor || !is_valid(mapping, message))
            continue;
        r = put_field(values, mapping, (const uint8_t *)message->body + mapping->offset, vector_max);
    }
    return r;
}

bool values_find(const struct values *values, unsigned index, struct value *ret_value)
{
    size_t at = 0;

    while (at < values->size) {
        const struct header *header = (const struct header *)(const void *)(values->bytes + at);

        if (header->index == index) {
            *ret_value = (struct value){(const uint8_t *)(header + 1), header->size, header->cut};
            return true;
        }
        at += (sizeof(*header) + header->size + 7) & ~(size_t)7;
    }
    return false;
}

void values_clear(struct values *values)
{
    values->size = 0;
    if (values->room > ROOM_KEPT)
        values_finish(values);
}

void values_finish(struct values *values)
{
    free(values->bytes);
    *values = (struct values){0};
}
