// SPDX-License-Identifier: Apache-2.0
/* Which values count, by type; and the parameters that are not what their type says. */

#include "canonical.h"

#include <errno.h>
#include <string.h>

#define O_CREAT_FLAG 0100
#define O_TMPFILE_FLAG 020000000
#define ABSOLUTE_TIME 1 /* TIMER_ABSTIME, TFD_TIMER_ABSTIME */
#define EPHEMERAL_MIN 32768

struct exception {
    const char *row;
    const char *param;
    enum identity identity;
    bool (*when)(const struct record *record); /* NULL: always; else it is as its type says */
};

static bool succeeded(const struct record *record)
{
    return !(record->flags & SYSFOLD_EVENT_FAILED);
}

static bool creates_nothing(const struct record *record)
{
    return !(record_number(record, "flags", 0) & (O_CREAT_FLAG | O_TMPFILE_FLAG));
}

static bool is_absolute(const struct record *record)
{
    return record_number(record, "flags", 0) & ABSOLUTE_TIME;
}

static bool is_of_user(const struct record *record) /* PRIO_USER */
{
    return record_number(record, "which", 0) == 2;
}

static bool is_not_of_user(const struct record *record) /* IOPRIO_WHO_USER */
{
    return record_number(record, "which", 0) != 3;
}

static bool is_not_for_user(const struct record *record)
{
    return !is_of_user(record);
}

static bool waits_for_pidfd(const struct record *record)
{
    return record_number(record, "which", 0) == 3;
}

static bool gets_owner(const struct record *record)
{
    return record_number(record, "cmd", 0) == 9 && succeeded(record);
}

static bool sets_owner(const struct record *record)
{
    return record_number(record, "cmd", 0) == 8;
}

/* F_GETFD, F_GETFL, F_GETOWN, F_GETSIG, F_GETLEASE, F_GETPIPE_SZ, F_GET_SEALS: nobody looks at the argument. */
static bool takes_no_argument(const struct record *record)
{
    switch (record_number(record, "cmd", 0)) {
    case 1:
    case 3:
    case 9:
    case 11:
    case 1025:
    case 1032:
    case 1034:
        return true;
    default:
        return false;
    }
}

/* F_GETLK and its kin, owners and hints. */
static bool takes_pointer(const struct record *record)
{
    int64_t command = record_number(record, "cmd", 0);

    return (command >= 5 && command <= 7) || (command >= 15 && command <= 17) || (command >= 36 && command <= 38) ||
           (command >= 1035 && command <= 1038);
}

static bool is_positive_keyring(const struct record *record)
{
    return record_number(record, "keyring", 0) > 0;
}

/* i386: getpid, getppid, fork, vfork, clone, getpgrp, getpgid, setsid, getsid, gettid. */
static bool gives_thread(const struct record *record)
{
    static const uint8_t calls[] = {20, 64, 2, 190, 120, 65, 132, 66, 147, 224};
    int64_t number = record_number(record, "nr", 0);

    for (size_t i = 0; i < sizeof(calls); i++) {
        if (record_number(record, "arch", 0) == 0x40000003 && number == calls[i])
            return succeeded(record);
    }
    return false;
}

/* i386: time, times. */
static bool gives_time(const struct record *record)
{
    int64_t number = record_number(record, "nr", 0);

    return record_number(record, "arch", 0) == 0x40000003 && (number == 13 || number == 43) && succeeded(record);
}

static bool is_of_thread(const struct record *record)
{
    return record_number(record, "flags", 0) & CLONE_THREAD_FLAG;
}

/* Of several for one parameter the first that holds counts: they stand together. */
static const struct exception exceptions[] = {
    /* Clock readings, and what is left of a time. */
    {"clock_gettime", "tp", IDENTITY_REMOVED, NULL},
    {"gettimeofday", "tv", IDENTITY_REMOVED, NULL},
    {"time", "res", IDENTITY_REMOVED, succeeded},
    {"times", "res", IDENTITY_REMOVED, succeeded},
    {"alarm", "res", IDENTITY_REMOVED, succeeded},
    {"getitimer", "value", IDENTITY_REMOVED, NULL},
    {"setitimer", "old_value", IDENTITY_REMOVED, NULL},
    {"timer_gettime", "value", IDENTITY_REMOVED, NULL},
    {"timer_settime", "old_value", IDENTITY_REMOVED, NULL},
    {"timerfd_gettime", "value", IDENTITY_REMOVED, NULL},
    {"timerfd_settime", "old_value", IDENTITY_REMOVED, NULL},
    {"select", "timeout", IDENTITY_REMOVED, NULL},
    {"pselect6", "timeout", IDENTITY_REMOVED, NULL},
    {"ppoll", "timeout", IDENTITY_REMOVED, NULL},
    {"recvmmsg", "timeout", IDENTITY_REMOVED, NULL},
    /* Absolute times come from a clock reading. */
    {"clock_nanosleep", "req", IDENTITY_REMOVED, is_absolute},
    {"timer_settime", "new_value", IDENTITY_REMOVED, is_absolute},
    {"timerfd_settime", "new_value", IDENTITY_REMOVED, is_absolute},
    {"futex_wait", "timeout", IDENTITY_REMOVED, NULL},
    {"futex_waitv", "timeout", IDENTITY_REMOVED, NULL},
    {"mq_timedsend", "timeout", IDENTITY_REMOVED, NULL},
    {"mq_timedreceive", "timeout", IDENTITY_REMOVED, NULL},
    /* The machine's business, and what is left in a register. */
    {"getcpu", "cpu", IDENTITY_REMOVED, NULL},
    {"getcpu", "node", IDENTITY_REMOVED, NULL},
    {"sched_getaffinity", "res", IDENTITY_REMOVED, succeeded},
    {"sched_getaffinity", "cpus", IDENTITY_REMOVED, NULL},
    {"rt_sigreturn", "res", IDENTITY_REMOVED, NULL},
    {"open", "mode", IDENTITY_REMOVED, creates_nothing},
    {"openat", "mode", IDENTITY_REMOVED, creates_nothing},
    {"mq_open", "mode", IDENTITY_REMOVED, creates_nothing},
    {"exec", "cgroup", IDENTITY_INHERITED, NULL}, /* a container's id is new in each run, and not all can know it */
    {"thread_start", "ppid", IDENTITY_INHERITED, is_of_thread},
    /* Arguments of several kinds. */
    {"fcntl", "arg", IDENTITY_REMOVED, takes_no_argument},
    {"fcntl", "arg", IDENTITY_ADDRESS, takes_pointer},
    {"fcntl", "arg", IDENTITY_THREAD, sets_owner},
    {"fcntl", "res", IDENTITY_THREAD, gets_owner},
    {"ioctl", "arg", IDENTITY_WORD, NULL},
    {"prctl", "arg2", IDENTITY_WORD, NULL},
    {"prctl", "arg3", IDENTITY_WORD, NULL},
    {"prctl", "arg4", IDENTITY_WORD, NULL},
    {"prctl", "arg5", IDENTITY_WORD, NULL},
    {"semctl", "arg", IDENTITY_WORD, NULL},
    {"ptrace", "data", IDENTITY_WORD, NULL},
    {"futex", "timeout", IDENTITY_WORD, NULL},
    {"futex", "val", IDENTITY_WORD, NULL}, /* of who waits for a thread: its tid */
    {"clone", "tls", IDENTITY_ADDRESS, NULL},
    {"io_setup", "context", IDENTITY_ADDRESS, NULL},
    {"io_destroy", "context", IDENTITY_ADDRESS, NULL},
    {"io_getevents", "context", IDENTITY_ADDRESS, NULL},
    {"io_pgetevents", "context", IDENTITY_ADDRESS, NULL},
    {"io_submit", "context", IDENTITY_ADDRESS, NULL},
    {"io_cancel", "context", IDENTITY_ADDRESS, NULL},
    {"syscall", "res", IDENTITY_THREAD, gives_thread},
    {"syscall", "res", IDENTITY_REMOVED, gives_time},
    {"syscall", "res", IDENTITY_WORD, succeeded},
    {"syscall", "a0", IDENTITY_WORD, NULL},
    {"syscall", "a1", IDENTITY_WORD, NULL},
    {"syscall", "a2", IDENTITY_WORD, NULL},
    {"syscall", "a3", IDENTITY_WORD, NULL},
    {"syscall", "a4", IDENTITY_WORD, NULL},
    {"syscall", "a5", IDENTITY_WORD, NULL},
    /* Who. */
    {"getpriority", "who", IDENTITY_THREAD, is_not_for_user},
    {"setpriority", "who", IDENTITY_THREAD, is_not_for_user},
    {"ioprio_get", "who", IDENTITY_THREAD, is_not_of_user},
    {"ioprio_set", "who", IDENTITY_THREAD, is_not_of_user},
    {"waitid", "id", IDENTITY_EXACT, waits_for_pidfd},
    /* Numbers that the kernel makes up. */
    {"mknod", "dev", IDENTITY_EXACT, NULL}, /* but for this: it is the program's choice */
    {"mknodat", "dev", IDENTITY_EXACT, NULL},
    {"name_to_handle_at", "mount_id", IDENTITY_OPAQUE, NULL},
    {"shmget", "res", IDENTITY_OPAQUE, succeeded},
    {"semget", "res", IDENTITY_OPAQUE, succeeded},
    {"msgget", "res", IDENTITY_OPAQUE, succeeded},
    {"shmat", "id", IDENTITY_OPAQUE, NULL},
    {"shmctl", "id", IDENTITY_OPAQUE, NULL},
    {"semop", "id", IDENTITY_OPAQUE, NULL},
    {"semtimedop", "id", IDENTITY_OPAQUE, NULL},
    {"semctl", "id", IDENTITY_OPAQUE, NULL},
    {"msgsnd", "id", IDENTITY_OPAQUE, NULL},
    {"msgrcv", "id", IDENTITY_OPAQUE, NULL},
    {"msgctl", "id", IDENTITY_OPAQUE, NULL},
    {"add_key", "res", IDENTITY_OPAQUE, succeeded},
    {"request_key", "res", IDENTITY_OPAQUE, succeeded},
    {"add_key", "keyring", IDENTITY_OPAQUE, is_positive_keyring},
    {"request_key", "keyring", IDENTITY_OPAQUE, is_positive_keyring},
    /* Names. */
    {"mq_open", "name", IDENTITY_NAME, NULL},
    {"mq_unlink", "name", IDENTITY_NAME, NULL},
};
#define EXCEPTION_COUNT (sizeof(exceptions) / sizeof(exceptions[0]))

/* What is not here is exact. */
static const uint8_t identities[TYPES] = {
    [TYPE_ADDR] = IDENTITY_ADDRESS, [TYPE_PID] = IDENTITY_THREAD,         [TYPE_DEV] = IDENTITY_DEVICE,
    [TYPE_INO] = IDENTITY_INODE,    [TYPE_NS] = IDENTITY_REMOVED,         [TYPE_PATH] = IDENTITY_NAME,
    [TYPE_ABSPATH] = IDENTITY_NAME, [TYPE_STRING_VECTOR] = IDENTITY_NAME, [TYPE_ENVIRONMENT] = IDENTITY_NAME,
};

static const struct exception *find_exception(const char *row, const char *param)
{
    for (size_t i = 0; i < EXCEPTION_COUNT; i++) {
        if (!strcmp(exceptions[i].row, row) && !strcmp(exceptions[i].param, param))
            return &exceptions[i];
    }
    return NULL;
}

const struct rules *rules_of(struct sysfold_story *story, const struct sysfold_row *row)
{
    struct rules rules = {.is_generic = !strcmp(row->name, "syscall"),
                          .tells_credentials = !strcmp(row->name, "getsockopt")};

    for (unsigned i = 0; i < row->param_count && i < ROW_PARAM_MAX; i++) {
        rules.types[i] = row->params[i].type->id;
        rules.identities[i] = identities[rules.types[i]];
        rules.exceptions[i] = find_exception(row->name, row->params[i].name);
    }
    return story_keep(story, &rules, sizeof(rules));
}

static enum identity identity_of(const struct rules *rules, const struct record *record, unsigned index)
{
    const struct exception *first = rules->exceptions[index];

    for (const struct exception *at = first; first && at < exceptions + EXCEPTION_COUNT; at++) {
        if (strcmp(at->row, first->row) != 0 || strcmp(at->param, first->param) != 0)
            break;
        if (!at->when || at->when(record))
            return at->identity;
    }
    return rules->identities[index];
}

bool param_is_filled_in(const struct sysfold_row *row, const struct sysfold_param *param)
{
    const struct exception *exception = find_exception(row->name, param->name);

    return param->moment == MOMENT_SUCCESS || param_is_updated(row, param) ||
           (exception && exception->identity == IDENTITY_REMOVED && !exception->when);
}

bool word_is_address(uint64_t word)
{
    uint64_t low = word & UINT32_MAX;

    /* Small negative numbers, of 64 or of 32 bits, are none either. */
    return word >= ADDRESS_MIN && word < UINT64_C(0x800000000000) && !(word == low && low >= 0xfffff000);
}

/* Values made of bytes. */

uint64_t span_number(const uint8_t *data, const struct span *span)
{
    const uint8_t *at = data + span->at;

    if (span->size == 2)
        return (uint64_t)at[0] << 8 | at[1];
    if (span->size == 4)
        return (uint64_t)(int32_t)load_u32(at, false);
    return load_u64(at, false);
}

static void add_span(struct canonical *value, size_t at, size_t size, enum identity identity)
{
    if (value->span_count < SPANS_MAX && at + size <= value->size)
        value->spans[value->span_count++] =
            (struct span){.at = (uint16_t)at, .size = (uint16_t)size, .identity = identity};
}

enum { FAMILY_UNIX = 1, FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_NETLINK = 16 };

static bool is_autobound(const uint8_t *bytes, size_t size)
{
    if (size != 8 || bytes[2])
        return false;
    for (size_t i = 3; i < size; i++) {
        if (!(bytes[i] >= '0' && bytes[i] <= '9') && !(bytes[i] >= 'a' && bytes[i] <= 'f'))
            return false;
    }
    return true;
}

/* How much of an address is its own: behind a path's NUL, and behind a port and host, is padding. */
static size_t address_size(const uint8_t *bytes, size_t size)
{
    unsigned family = size >= 2 ? load_u16(bytes, false) : 0;

    if (family == FAMILY_UNIX && size > 2 && bytes[2])
        return 2 + strnlen((const char *)bytes + 2, size - 2);
    if (family == FAMILY_INET && size > 8)
        return 8;
    if (family == FAMILY_INET6 && size > 28)
        return 28;
    if (family == FAMILY_NETLINK && size > 12)
        return 12;
    return size;
}

static void add_address_spans(struct canonical *value, size_t at, size_t size)
{
    const uint8_t *bytes = value->data + at;
    unsigned family = size >= 2 ? load_u16(bytes, false) : 0;

    if (family == FAMILY_UNIX && is_autobound(bytes, size))
        add_span(value, at + 3, 5, IDENTITY_REMOVED);
    else if (family == FAMILY_UNIX && size > 2)
        add_span(value, at + 2, size - 2, IDENTITY_NAME);
    else if ((family == FAMILY_INET || family == FAMILY_INET6) && size >= 4 &&
             ((unsigned)bytes[2] << 8 | bytes[3]) >= EPHEMERAL_MIN)
        add_span(value, at + 2, 2, IDENTITY_PORT);
    else if (family == FAMILY_NETLINK && size >= 8)
        add_span(value, at + 4, 4, IDENTITY_THREAD);
}

static void take_address(struct canonical *value)
{
    value->size = address_size(value->data, value->size);
    add_address_spans(value, 0, value->size);
}

/* u8 size of the local address, the local address, the peer's. */
static void take_pair(struct canonical *value)
{
    const uint8_t *bytes = value->data;
    size_t left = value->size ? value->size - 1 : 0, local, peer, local_size, peer_size;

    if (value->size < 1 || value->size > ADDRESSES_ROOM)
        return;
    local = bytes[0] < left ? bytes[0] : left;
    peer = left - local;
    local_size = address_size(bytes + 1, local);
    peer_size = address_size(bytes + 1 + local, peer);
    value->room[0] = (uint8_t)local_size;
    memcpy(value->room + 1, bytes + 1, local_size);
    memcpy(value->room + 1 + local_size, bytes + 1 + local, peer_size);
    value->data = value->room;
    value->size = 1 + local_size + peer_size;
    add_address_spans(value, 1, local_size);
    add_address_spans(value, 1 + local_size, peer_size);
}

/* u64 size with its header, i32 level, i32 type, data; each begins at a multiple of 8. */
static void take_control(struct canonical *value)
{
    size_t at = 0;

    while (at + 16 <= value->size) {
        uint64_t size = load_u64(value->data + at, false);
        bool of_socket = load_u32(value->data + at + 8, false) == 1;
        uint32_t type = load_u32(value->data + at + 12, false);

        if (size < 16 || size > value->size - at)
            break;
        if (of_socket && type == 2) /* SCM_CREDENTIALS */
            add_span(value, at + 16, 4, IDENTITY_THREAD);
        else if (of_socket && (type == 29 || type == 35) && size >= 32) /* SCM_TIMESTAMP, SCM_TIMESTAMPNS */
            add_span(value, at + 16, 16, IDENTITY_REMOVED);
        if (size % 8 && at + size + 8 - size % 8 <= value->size)
            add_span(value, at + (size_t)size, (size_t)(8 - size % 8), IDENTITY_REMOVED);
        at += ((size_t)size + 7) & ~(size_t)7;
    }
}

/* flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup */
static void take_clone_args(struct canonical *value)
{
    static const uint8_t addresses[] = {1, 2, 3, 5, 7, 8};

    for (size_t i = 0; i < sizeof(addresses); i++)
        add_span(value, 8 * (size_t)addresses[i], 8, IDENTITY_ADDRESS);
}

/* handler, flags, restorer, mask */
static void take_sigaction(struct canonical *value)
{
    if (value->size >= 8 && load_u64(value->data, false) > 1)
        add_span(value, 0, 8, IDENTITY_ADDRESS);
    add_span(value, 16, 8, IDENTITY_REMOVED);
}

static void take_bytes(struct canonical *value, const struct rules *rules, const struct record *record, unsigned index)
{
    switch (rules->types[index]) {
    case TYPE_SOCKADDR:
        take_address(value);
        break;
    case TYPE_SOCKET_PAIR:
        take_pair(value);
        break;
    case TYPE_CONTROL:
        take_control(value);
        break;
    case TYPE_CLONE_ARGS:
        take_clone_args(value);
        break;
    case TYPE_SIGACTION:
        take_sigaction(value);
        break;
    case TYPE_CAP_HEADER:
        add_span(value, 4, 4, IDENTITY_THREAD);
        break;
    case TYPE_EPOLL_EVENT:
    case TYPE_EPOLL_EVENTS: /* u32 events, u64 data: the program's own, often a pointer */
        add_span(value, 4, 8, IDENTITY_WORD);
        value->stride = 12;
        break;
    default:
        if (rules->tells_credentials && record_number(record, "level", 0) == 1 &&
            record_number(record, "option", 0) == 17 && rules->types[index] == TYPE_DATA) /* SO_PEERCRED */
            add_span(value, 0, 4, IDENTITY_THREAD);
    }
}

/* An absolute path that is empty says that it is the path given beside it. */
static void take_path_beside(const struct record *record, struct canonical *value)
{
    int index = sysfold_row_param_index(record->row, "path");
    struct sysfold_value path;

    if (index < 0 || record_param(record, (unsigned)index, &path) < 0 || path.status != SYSFOLD_PRESENT ||
        path.kind != SYSFOLD_KIND_BYTES)
        return;
    value->data = path.data;
    value->size = path.size;
    value->truncated = path.truncated;
}

static void take_number(struct canonical *value, const struct record *record, unsigned index,
                        const struct sysfold_value *from)
{
    const struct sysfold_param *param = &record->row->params[index];
    bool is_result = !index && sysfold_row_is_syscall(record->row);

    value->is_number = true;
    value->number = from->u;
    if (!wire_is_signed(param->type->wire) && wire_size(param->type->wire) < 8)
        value->number &= UINT64_MAX >> (64 - 8 * wire_size(param->type->wire));
    if (!is_result || !(record->flags & SYSFOLD_EVENT_FAILED))
        return;
    value->number = (uint64_t)result_seen(param->type->wire == WIRE_U32 ? (int32_t)from->u : from->i);
    if ((int64_t)value->number == RESULT_UNRETURNED)
        value->status = SYSFOLD_ABSENT;
    if (value->identity != IDENTITY_REMOVED) /* as rt_sigreturn's, which may look like an error */
        value->identity = IDENTITY_EXACT;
}

static bool is_vector(const struct sysfold_param *param)
{
    return param->type->form == FORM_STRING_VECTOR || param->type->form == FORM_ENVIRONMENT;
}

void canonical_param(const struct sysfold_story *story, const struct record *record, unsigned index,
                     struct canonical *ret_value)
{
    const struct rules *rules = story->rules[record->number];
    struct sysfold_value value;

    ret_value->status = SYSFOLD_ABSENT;
    ret_value->span_count = 0;
    ret_value->stride = 0;
    ret_value->truncated = false;
    ret_value->is_number = false;
    ret_value->identity = identity_of(rules, record, index);
    if (ret_value->identity == IDENTITY_INHERITED || record_param(record, index, &value) < 0)
        return;
    ret_value->status = value.status;
    if (value.status != SYSFOLD_PRESENT)
        return;
    if (value.kind != SYSFOLD_KIND_BYTES) {
        take_number(ret_value, record, index, &value);
        return;
    }
    ret_value->data = value.data;
    ret_value->size = value.size;
    ret_value->truncated = value.truncated;
    if (value.truncated && value.size && is_vector(&record->row->params[index]))
        ret_value->size--; /* the NUL behind a string that goes on */
    if (rules->types[index] == TYPE_ABSPATH && !value.size)
        take_path_beside(record, ret_value);
    if (ret_value->identity == IDENTITY_EXACT)
        take_bytes(ret_value, rules, record, index);
}
