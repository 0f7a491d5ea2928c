// SPDX-License-Identifier: Apache-2.0
/*
 * Writes what the fuzzer of the gVisor backend begins with: every message there
 * is, with all its fields, at enter and at exit; a process's life; dumps.
 *
 *     fuzz-make-gvisor-seeds DIRECTORY     (makes DIRECTORY; prints how many)
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/gvisor/message.h"

#define START INT64_C(1700000000000000000)
#define ROOM 65536
#define PAUSED 0x4000
#define LOST 0x8000

struct seed {
    size_t size;
    uint8_t bytes[ROOM];
};

static const struct {
    uint16_t type;
    const ProtobufCMessageDescriptor *descriptor;
} kinds[] = {
    {1, &gv__start__descriptor},
    {2, &gv__clone_info__descriptor},
    {3, &gv__execve_info__descriptor},
    {4, &gv__exit_notify_parent_info__descriptor},
    {5, &gv__task_exit__descriptor},
    {6, &gv__syscall__descriptor},
    {7, &gv__open__descriptor},
    {8, &gv__close__descriptor},
    {9, &gv__read__descriptor},
    {10, &gv__connect__descriptor},
    {11, &gv__execve__descriptor},
    {12, &gv__socket__descriptor},
    {13, &gv__chdir__descriptor},
    {14, &gv__setid__descriptor},
    {15, &gv__setresid__descriptor},
    {16, &gv__prlimit__descriptor},
    {17, &gv__pipe__descriptor},
    {18, &gv__fcntl__descriptor},
    {19, &gv__dup__descriptor},
    {20, &gv__signalfd__descriptor},
    {21, &gv__chroot__descriptor},
    {22, &gv__eventfd__descriptor},
    {23, &gv__clone__descriptor},
    {24, &gv__bind__descriptor},
    {25, &gv__accept__descriptor},
    {26, &gv__timerfd_create__descriptor},
    {27, &gv__timerfd_set_time__descriptor},
    {28, &gv__timerfd_get_time__descriptor},
    {29, &gv__fork__descriptor},
    {30, &gv__inotify_init__descriptor},
    {31, &gv__inotify_add_watch__descriptor},
    {32, &gv__inotify_rm_watch__descriptor},
    {33, &gv__socket_pair__descriptor},
    {34, &gv__write__descriptor},
    {35, &gv__mmap_info__descriptor},
    {36, &gv__mmap__descriptor},
    {37, &gv__listen__descriptor},
    {38, &gv__ptrace__descriptor},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

/* A number that each kind of call has. */
static const uint16_t numbers[KINDS] = {
    0,   0,   0,   0,  0,  87,  257, 3,   0,   42, 59,  41,  80,  105, 117, 302, 293, 72, 33,
    289, 161, 290, 56, 49, 288, 283, 286, 287, 57, 294, 254, 255, 53,  1,   0,   9,   50, 101,
};

static const char *directory;
static unsigned count;
static int64_t now = START;

static void save(struct seed *seed, const char *name)
{
    char path[4096];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    file = fopen(path, "we");
    if (!file || fwrite(seed->bytes, 1, seed->size, file) != seed->size || fclose(file)) {
        perror(path);
        exit(1);
    }
    count++;
    seed->size = 0;
}

static void begin(struct seed *seed, uint8_t entry)
{
    seed->size = 1;
    seed->bytes[0] = entry;
    now = START;
}

static void add(struct seed *seed, uint16_t type, uint32_t dropped, unsigned flags, const ProtobufCMessage *message)
{
    size_t size = 8 + (message ? protobuf_c_message_get_packed_size(message) : 0);
    uint8_t *to = seed->bytes + seed->size;
    uint16_t header = 8, word = (uint16_t)(size | flags);

    if (seed->size + 2 + size > ROOM)
        abort();
    to[0] = (uint8_t)word;
    to[1] = (uint8_t)(word >> 8);
    memcpy(to + 2, &header, 2);
    memcpy(to + 4, &type, 2);
    memcpy(to + 6, &dropped, 4);
    if (message)
        (void)protobuf_c_message_pack(message, to + 10);
    seed->size += 2 + size;
    now += 1000000;
}

static Gv__ContextData *context_of(int32_t tid, int32_t pid)
{
    static Gv__Credentials credentials;
    static Gv__ContextData context;

    gv__credentials__init(&credentials);
    gv__context_data__init(&context);
    credentials.real_uid = 1000;
    context.time_ns = now;
    context.thread_id = tid;
    context.thread_start_time_ns = START - 1000 + tid;
    context.thread_group_id = pid;
    context.thread_group_start_time_ns = START - 1000 + pid;
    context.container_id = (ProtobufCBinaryData){3, (uint8_t *)"box"};
    context.credentials = &credentials;
    context.cwd = (ProtobufCBinaryData){1, (uint8_t *)"/"};
    context.process_name = (ProtobufCBinaryData){2, (uint8_t *)"sh"};
    return &context;
}

/* Any message with something in every field. The deepest there is has four levels. */
#define DEPTH 6
static union {
    ProtobufCMessage base;
    uint8_t bytes[1024];
} pool[256];
static unsigned pooled;

static ProtobufCMessage *fill(const ProtobufCMessageDescriptor *descriptor, unsigned depth);

static void fill_one(const ProtobufCFieldDescriptor *field, uint8_t *to, unsigned depth)
{
    static uint8_t address[] = {2, 0, 0, 80, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    int64_t number = field->id;
    int32_t narrow = field->id;

    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE: {
        ProtobufCMessage *inner = depth < DEPTH ? fill(field->descriptor, depth + 1) : NULL;

        memcpy(to, &inner, sizeof(inner));
        break;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        ProtobufCBinaryData data = {sizeof(address), address};

        memcpy(to, &data, sizeof(data));
        break;
    }
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        memcpy(to, &number, sizeof(number));
        break;
    default:
        memcpy(to, &narrow, sizeof(narrow));
    }
}

static void fill_repeated(const ProtobufCFieldDescriptor *field, uint8_t *message)
{
    static ProtobufCBinaryData strings[] = {{2, (uint8_t *)"sh"}, {0, NULL}, {3, (uint8_t *)"\xff\0x"}};
    void *elements = strings;
    size_t n = sizeof(strings) / sizeof(*strings);

    if (field->type != PROTOBUF_C_TYPE_BYTES)
        return;
    memcpy(message + field->quantifier_offset, &n, sizeof(n));
    memcpy(message + field->offset, &elements, sizeof(elements));
}

static ProtobufCMessage *fill(const ProtobufCMessageDescriptor *descriptor, unsigned depth)
{
    ProtobufCMessage *message = &pool[pooled].base;

    if (pooled == sizeof(pool) / sizeof(*pool) || descriptor->sizeof_message > sizeof(*pool))
        abort();
    pooled++;
    protobuf_c_message_init(descriptor, message);
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            fill_repeated(field, (uint8_t *)message);
        else
            fill_one(field, (uint8_t *)message + field->offset, depth);
    }
    return message;
}

static void set(ProtobufCMessage *message, const char *name, const void *value, size_t size)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);

    if (field)
        memcpy((uint8_t *)message + field->offset, value, size);
}

/* At enter, at exit, and failed. */
static void add_kind(struct seed *seed, size_t kind)
{
    static Gv__Exit failure;
    Gv__Exit *none = NULL, *failed = &failure;
    uint64_t sysno = numbers[kind];

    gv__exit__init(&failure);
    failure.errorno = 4;
    for (unsigned mood = 0; mood < 4; mood++) {
        ProtobufCMessage *message;
        Gv__ContextData *context = context_of(7, 7);

        pooled = 0;
        message = fill(kinds[kind].descriptor, 0);
        set(message, "context_data", &context, sizeof(context));
        set(message, "sysno", &sysno, sizeof(sysno));
        if (mood != 1)
            set(message, "exit", mood == 3 ? &failed : &none, sizeof(none));
        add(seed, kinds[kind].type, 0, 0, message);
    }
}

static void save_kinds(struct seed *seed)
{
    for (size_t i = 0; i < KINDS; i++) {
        for (uint8_t entry = 0; entry < 3; entry++) {
            char name[64];

            begin(seed, entry);
            add_kind(seed, i);
            (void)snprintf(name, sizeof(name), "%s-%u", kinds[i].descriptor->short_name, entry);
            save(seed, name);
        }
    }
}

static void add_open(struct seed *seed, int32_t tid, const char *path, int64_t result, int64_t errorno, bool leaving)
{
    Gv__Open message;
    Gv__Exit leave;

    gv__open__init(&message);
    gv__exit__init(&leave);
    leave.result = result;
    leave.errorno = errorno;
    message.context_data = context_of(tid, 1);
    message.exit = leaving ? &leave : NULL;
    message.sysno = 257;
    message.fd = -100;
    message.pathname = (ProtobufCBinaryData){strlen(path), (uint8_t *)path};
    add(seed, 7, 0, 0, &message.base);
}

static void add_raw(struct seed *seed, int32_t tid, uint64_t sysno, int64_t errorno, bool leaving)
{
    Gv__Syscall message;
    Gv__Exit leave;

    gv__syscall__init(&message);
    gv__exit__init(&leave);
    leave.errorno = errorno;
    message.context_data = context_of(tid, 1);
    message.exit = leaving ? &leave : NULL;
    message.sysno = sysno;
    message.arg1 = (uint64_t)-100;
    add(seed, 6, 0, 0, &message.base);
}

static void add_clone(struct seed *seed, int32_t parent, int32_t tid, int32_t pid)
{
    Gv__CloneInfo message;

    gv__clone_info__init(&message);
    message.context_data = context_of(parent, 1);
    message.created_thread_id = tid;
    message.created_thread_group_id = pid;
    message.created_thread_start_time_ns = now;
    message.flags = 0x3d0f00;
    add(seed, 2, 0, 0, &message.base);
}

static void add_exec(struct seed *seed, int32_t tid)
{
    Gv__ExecveInfo message;

    gv__execve_info__init(&message);
    message.context_data = context_of(tid, 1);
    message.binary_path = (ProtobufCBinaryData){7, (uint8_t *)"/bin/sh"};
    add(seed, 3, 0, 0, &message.base);
}

static void add_end(struct seed *seed, int32_t tid, bool notice)
{
    Gv__TaskExit message;

    gv__task_exit__init(&message); /* the notice has the same fields */
    message.context_data = context_of(tid, 1);
    message.exit_status = 0x700;
    add(seed, notice ? 4 : 5, 0, 0, &message.base);
}

/* Threads, duplicates, a race, a restart, an exec by another than the leader, losses, both ends. */
static void save_life(struct seed *seed)
{
    begin(seed, 0);
    add_clone(seed, 1, 2, 1);
    add_raw(seed, 1, 257, 0, false);
    add_open(seed, 1, "/tmp/real", 0, 0, false);
    add_raw(seed, 1, 257, 0, true);
    add_open(seed, 1, "/tmp/other", 3, 0, true);
    add_raw(seed, 2, 0, 0, false);
    add_raw(seed, 2, 0, 512, true);
    add_raw(seed, 2, 15, 0, false);
    add_raw(seed, 2, 15, 0, true);
    add_raw(seed, 2, 0, 0, false);
    add(seed, 99, 5, LOST, NULL);
    add_raw(seed, 2, 0, 0, true);
    add_raw(seed, 2, 59, 0, false);
    add_exec(seed, 2);
    add_raw(seed, 2, 59, 0, true);
    add_end(seed, 1, false);
    add(seed, 7, 3, PAUSED, NULL);
    add_raw(seed, 1, 231, 0, false);
    add_end(seed, 1, false);
    add_end(seed, 1, true);
    add_end(seed, 1, true);
    save(seed, "life");
}

static void save_dump(struct seed *seed, const char *name, const char *dump)
{
    begin(seed, 3);
    memcpy(seed->bytes + 1, dump, strlen(dump));
    seed->size += strlen(dump);
    save(seed, name);
}

static void save_dumps(struct seed *seed)
{
    save_dump(
        seed, "dump-whole",
        "PROCFS DUMP\n\n{\"exe\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"\\u003c\"],\"cwd\":\"/\",\"fdlist\":[{\"number\":0,"
        "\"path\":\"host:[1]\",\"mode\":8630},{\"number\":-1}],\"clone_ts\":1795246367170237395,\"root\":\"/\","
        "\"cgroup\":[{\"hierarchy_id\":7,\"controllers\":\"pids\",\"path\":\"/\"}],\"status\":{\"comm\":\"sh\","
        "\"pid\":1,\"ppid\":0,\"uid\":{\"real\":0,\"effective\":0},\"gid\":{\"real\":0,\"effective\":0}},"
        "\"stat\":{\"pgid\":1,\"sid\":1},\"maps\":[{\"address\":{\"Start\":18446744073699065856}}]}\n");
    save_dump(seed, "dump-strange",
              "PROCFS DUMP\n\n{\"status\":{\"pid\":1e400}}\n[[[[\n{\"status\":{\"pid\":2}}\n\"\\");
}

int main(int argc, char **argv)
{
    static struct seed seed;

    if (argc != 2)
        return 2;
    directory = argv[1];
    if (mkdir(directory, 0777) < 0 && errno != EEXIST) {
        perror(directory);
        return 1;
    }
    save_kinds(&seed);
    save_life(&seed);
    save_dumps(&seed);
    printf("%u\n", count);
    return 0;
}
