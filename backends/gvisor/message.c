// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MIN 8
#define ARENA_SIZE ((size_t)256 << 10)
/* What one packet may take in memory: empty elements of a repeated field take some 60 times their bytes on the wire. */
#define ARENA_MAX ((size_t)64 << 20)
#define ALIGNMENT sizeof(max_align_t)

/* Memory beyond the arena's own, until the next message. */
struct chunk {
    struct chunk *next;
    max_align_t bytes[];
};

void arena_reset(struct arena *arena)
{
    while (arena->chunks) {
        struct chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        free(chunk);
    }
    arena->used = 0;
}

void arena_finish(struct arena *arena)
{
    arena_reset(arena);
    free(arena->bytes);
    *arena = (struct arena){0};
}

static void *allocate_chunk(struct arena *arena, size_t size)
{
    struct chunk *chunk = malloc(sizeof(*chunk) + size);

    if (!chunk)
        return NULL;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk->bytes;
}

static void *arena_allocate(void *data, size_t size)
{
    struct arena *arena = data;
    size_t at = arena->used;

    if (size > ARENA_MAX || at + size > ARENA_MAX)
        return NULL;
    arena->used += (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (arena->used <= arena->size)
        return arena->bytes + at;
    return allocate_chunk(arena, size);
}

static void arena_free(void *data, void *memory)
{
    (void)data;
    (void)memory;
}

static const ProtobufCMessageDescriptor *const descriptors[MESSAGE_LAST + 1] = {
    [MESSAGE_START] = &gv__start__descriptor,
    [MESSAGE_CLONE_INFO] = &gv__clone_info__descriptor,
    [MESSAGE_EXECVE_INFO] = &gv__execve_info__descriptor,
    [MESSAGE_EXIT_NOTIFY_PARENT] = &gv__exit_notify_parent_info__descriptor,
    [MESSAGE_TASK_EXIT] = &gv__task_exit__descriptor,
    [MESSAGE_RAW] = &gv__syscall__descriptor,
    [MESSAGE_OPEN] = &gv__open__descriptor,
    [8] = &gv__close__descriptor,
    [9] = &gv__read__descriptor,
    [10] = &gv__connect__descriptor,
    [11] = &gv__execve__descriptor,
    [12] = &gv__socket__descriptor,
    [13] = &gv__chdir__descriptor,
    [14] = &gv__setid__descriptor,
    [15] = &gv__setresid__descriptor,
    [16] = &gv__prlimit__descriptor,
    [17] = &gv__pipe__descriptor,
    [18] = &gv__fcntl__descriptor,
    [19] = &gv__dup__descriptor,
    [20] = &gv__signalfd__descriptor,
    [21] = &gv__chroot__descriptor,
    [22] = &gv__eventfd__descriptor,
    [23] = &gv__clone__descriptor,
    [24] = &gv__bind__descriptor,
    [25] = &gv__accept__descriptor,
    [26] = &gv__timerfd_create__descriptor,
    [27] = &gv__timerfd_set_time__descriptor,
    [28] = &gv__timerfd_get_time__descriptor,
    [29] = &gv__fork__descriptor,
    [30] = &gv__inotify_init__descriptor,
    [31] = &gv__inotify_add_watch__descriptor,
    [32] = &gv__inotify_rm_watch__descriptor,
    [33] = &gv__socket_pair__descriptor,
    [34] = &gv__write__descriptor,
    [35] = &gv__mmap_info__descriptor,
    [36] = &gv__mmap__descriptor,
    [37] = &gv__listen__descriptor,
    [38] = &gv__ptrace__descriptor,
};

static bool is_call(uint16_t type)
{
    return type >= MESSAGE_RAW && type != MESSAGE_MMAP_INFO;
}

/* Every message but Start begins with these; of calls, the schematized ones have the exit and the number next. */
struct beginning {
    ProtobufCMessage base;
    Gv__ContextData *context;
    Gv__Exit *exit;
    uint64_t sysno;
};
#define BEGINS(MESSAGE)                                                                                                \
    _Static_assert(offsetof(MESSAGE, context_data) == offsetof(struct beginning, context) &&                           \
                       offsetof(MESSAGE, exit) == offsetof(struct beginning, exit) &&                                  \
                       offsetof(MESSAGE, sysno) == offsetof(struct beginning, sysno),                                  \
                   "all calls begin alike")
BEGINS(Gv__Syscall);
BEGINS(Gv__Open);
BEGINS(Gv__Close);
BEGINS(Gv__Read);
BEGINS(Gv__Connect);
BEGINS(Gv__Execve);
BEGINS(Gv__Socket);
BEGINS(Gv__Chdir);
BEGINS(Gv__Setid);
BEGINS(Gv__Setresid);
BEGINS(Gv__Prlimit);
BEGINS(Gv__Pipe);
BEGINS(Gv__Fcntl);
BEGINS(Gv__Dup);
BEGINS(Gv__Signalfd);
BEGINS(Gv__Chroot);
BEGINS(Gv__Eventfd);
BEGINS(Gv__Clone);
BEGINS(Gv__Bind);
BEGINS(Gv__Accept);
BEGINS(Gv__TimerfdCreate);
BEGINS(Gv__TimerfdSetTime);
BEGINS(Gv__TimerfdGetTime);
BEGINS(Gv__Fork);
BEGINS(Gv__InotifyInit);
BEGINS(Gv__InotifyAddWatch);
BEGINS(Gv__InotifyRmWatch);
BEGINS(Gv__SocketPair);
BEGINS(Gv__Write);
BEGINS(Gv__Mmap);
BEGINS(Gv__Listen);
BEGINS(Gv__Ptrace);
#define HAS_CONTEXT(MESSAGE)                                                                                           \
    _Static_assert(offsetof(MESSAGE, context_data) == offsetof(struct beginning, context), "the context comes first")
HAS_CONTEXT(Gv__Start);
HAS_CONTEXT(Gv__CloneInfo);
HAS_CONTEXT(Gv__ExecveInfo);
HAS_CONTEXT(Gv__ExitNotifyParentInfo);
HAS_CONTEXT(Gv__TaskExit);
HAS_CONTEXT(Gv__MmapInfo);

static void take_beginning(struct message *message)
{
    const struct beginning *beginning = (const struct beginning *)(const void *)message->body;

    message->unknown_fields = beginning->base.n_unknown_fields;
    message->context = beginning->context;
    if (message->context)
        message->unknown_fields += message->context->base.n_unknown_fields;
    if (!is_call(message->type))
        return;
    message->is_call = true;
    message->exit = beginning->exit;
    message->sysno = beginning->sysno;
}

static int read_body(struct arena *arena, const uint8_t *bytes, size_t size, struct message *message)
{
    ProtobufCAllocator allocator = {.alloc = arena_allocate, .free = arena_free, .allocator_data = arena};
    const ProtobufCMessageDescriptor *descriptor = message->type <= MESSAGE_LAST ? descriptors[message->type] : NULL;

    if (!descriptor)
        return 0;
    arena_reset(arena);
    if (!arena->bytes) {
        arena->bytes = malloc(ARENA_SIZE);
        arena->size = arena->bytes ? ARENA_SIZE : 0;
    }
    message->body = protobuf_c_message_unpack(descriptor, &allocator, size, bytes);
    if (!message->body)
        return -EBADMSG;
    take_beginning(message);
    return message->is_call && message->sysno > UINT32_MAX ? -EBADMSG : 0;
}

int message_read(struct arena *arena, const uint8_t *packet, size_t size, struct message *ret_message)
{
    uint16_t header_size;

    *ret_message = (struct message){0};
    if (size < HEADER_MIN)
        return -EBADMSG;
    memcpy(&header_size, packet, sizeof(header_size));
    memcpy(&ret_message->type, packet + 2, sizeof(ret_message->type));
    memcpy(&ret_message->dropped, packet + 4, sizeof(ret_message->dropped));
    if (header_size < HEADER_MIN || header_size > size)
        return -EBADMSG;
    return read_body(arena, packet + header_size, size - header_size, ret_message);
}
