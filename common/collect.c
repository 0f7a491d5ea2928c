// SPDX-License-Identifier: Apache-2.0
#include "collect.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define ARRAY_BYTES_MAX 4096
#define SOCKET_PAIR_MAX 257
#define CHUNK 32 /* pointers or iovecs read from the target at a time */

/* One call on its way into a record. */
struct walk {
    const struct collect_ops *ops;
    void *target;
    const struct collect_limits *limits;
    const struct call *call;
    const struct kept *kept;
    struct encoder *encoder;
    /* The file behind the result, asked for once. */
    bool file_asked, file_known, file_path_known;
    uint32_t file_dev;
    uint64_t file_ino;
    size_t file_path_size;
    char file_path[PATH_BYTES_MAX];
};

/* What came of reading a variable parameter. */
struct outcome {
    size_t size;
    enum sysfold_status status;
    bool cut;
};

/* In front of each parameter's bytes in `struct kept`. */
struct kept_header {
    size_t size;
    unsigned index;
    enum sysfold_status status;
    bool cut;
};

const struct sysfold_row *call_row(uint32_t arch, uint32_t nr)
{
    const struct sysfold_row *row = NULL;

    if (arch == AUDIT_ARCH_X86_64 && nr < ROW_SYSCALL_MAX)
        row = row_builtin(nr);
    return row ? row : row_builtin(ROW_SYSCALL);
}

static bool has_failed(const struct call *call)
{
    return call->result < 0 && call->result >= -4095;
}

static struct outcome no_value(enum sysfold_status status)
{
    return (struct outcome){.status = status};
}

/* The int in the target that a length pointer points to; 0 for one that cannot be a length. */
static uint64_t int_at(const struct walk *walk, uint64_t address)
{
    int32_t value;

    if (!address || walk->ops->read(walk->target, &value, address, sizeof(value)) != sizeof(value))
        return 0;
    return value > 0 ? (uint64_t)value : 0;
}

/* As many as hold that number of bits; none where it makes no sense. */
static uint64_t longs_of(int32_t bits)
{
    return bits > 0 ? ((uint64_t)bits + 63) / 64 : 0;
}

/* How many bytes or elements a length code of rows.h stands for. */
static uint64_t length_of(const struct walk *walk, uint8_t code)
{
    const struct call *call = walk->call;
    uint64_t result = call->result > 0 ? (uint64_t)call->result : 0;

    if (code >= LENGTH_BITS)
        return longs_of((int32_t)call->args[code - LENGTH_BITS]);
    if (code >= LENGTH_SIZE)
        return code - LENGTH_SIZE;
    if (code >= LENGTH_WITHIN)
        return result < call->args[code - LENGTH_WITHIN] ? result : call->args[code - LENGTH_WITHIN];
    if (code >= LENGTH_INT_AT)
        return int_at(walk, call->args[code - LENGTH_INT_AT]);
    return code == LENGTH_RESULT ? result : call->args[code];
}

static size_t limit_of(const struct walk *walk, const struct sysfold_param *param)
{
    switch (param->type->form) {
    case FORM_DATA:
        return walk->limits->snaplen;
    case FORM_STRING_VECTOR:
    case FORM_ENVIRONMENT:
        return walk->limits->string_vector_max;
    case FORM_PATH:
        return PATH_BYTES_MAX;
    case FORM_SOCKADDR:
        return sizeof(struct sockaddr_storage);
    default:
        return ARRAY_BYTES_MAX;
    }
}

static struct outcome read_bytes(const struct walk *walk, uint64_t address, uint64_t length, uint8_t *to, size_t room)
{
    size_t wanted = length < room ? (size_t)length : room;
    size_t got;

    if (!address)
        return no_value(SYSFOLD_NULL);
    if (!wanted)
        return (struct outcome){.cut = length > 0};
    got = walk->ops->read(walk->target, to, address, wanted);
    if (!got)
        return no_value(SYSFOLD_UNREADABLE);
    return (struct outcome){.size = got, .cut = got < length};
}

static struct outcome read_string(const struct walk *walk, uint64_t address, uint8_t *to, size_t room)
{
    const uint8_t *end;
    size_t got;

    if (!address)
        return no_value(SYSFOLD_NULL);
    if (!room)
        return (struct outcome){.cut = true};
    got = walk->ops->read_string(walk->target, (char *)to, address, room);
    if (!got)
        return no_value(SYSFOLD_UNREADABLE);
    end = memchr(to, 0, got);
    return end ? (struct outcome){.size = (size_t)(end - to)} : (struct outcome){.size = got, .cut = true};
}

/* Whole elements only. `length` counts them, and is an int to the kernel, whatever its register holds above. */
static struct outcome read_array(const struct walk *walk, const struct sysfold_param *param, uint64_t address,
                                 uint64_t length, uint8_t *to, size_t room)
{
    size_t element = type_size(param->type);
    struct outcome outcome;

    length = (uint32_t)length;
    outcome = read_bytes(walk, address, length * element, to, room - room % element);
    outcome.size -= outcome.size % element;
    return outcome;
}

/* The bytes behind `count` iovecs, `length` of them at most. */
static struct outcome read_iovec(const struct walk *walk, uint64_t address, uint64_t count, uint64_t length,
                                 uint8_t *to, size_t room)
{
    struct outcome all = {0};
    struct iovec chunk[CHUNK];

    if (!address)
        return no_value(SYSFOLD_NULL);
    if (count > UIO_MAXIOV)
        count = UIO_MAXIOV;
    for (uint64_t done = 0; done < count && length; done += CHUNK) {
        size_t wanted = count - done < CHUNK ? (size_t)(count - done) : CHUNK;
        size_t got = walk->ops->read(walk->target, chunk, address + done * sizeof(*chunk), wanted * sizeof(*chunk));

        if (got < sizeof(*chunk))
            return done ? all : no_value(SYSFOLD_UNREADABLE);
        for (size_t i = 0; i < got / sizeof(*chunk) && length; i++) {
            uint64_t size = chunk[i].iov_len < length ? chunk[i].iov_len : length;
            struct outcome one;

            if (!size)
                continue;
            one = read_bytes(walk, (uintptr_t)chunk[i].iov_base, size, to + all.size, room - all.size);
            all.size += one.size;
            length -= size;
            if (one.cut || one.status) {
                all.cut = true;
                return all;
            }
        }
    }
    return all;
}

/* A row's BY_SIZE(0) of an iovec means: as long as the iovecs say. */
static uint64_t iovec_length(const struct walk *walk, uint8_t code)
{
    return code == LENGTH_SIZE ? UINT64_MAX : length_of(walk, code);
}

static bool read_msghdr(const struct walk *walk, uint64_t address, struct msghdr *ret_header)
{
    return address && walk->ops->read(walk->target, ret_header, address, sizeof(*ret_header)) == sizeof(*ret_header);
}

static struct outcome read_message(const struct walk *walk, const struct sysfold_param *param, uint8_t *to, size_t room)
{
    uint64_t address = walk->call->args[param->a];
    struct msghdr header;

    if (!read_msghdr(walk, address, &header))
        return no_value(address ? SYSFOLD_UNREADABLE : SYSFOLD_NULL);
    switch (param->source) {
    case SOURCE_MSG_NAME:
        return read_bytes(walk, (uintptr_t)header.msg_name, header.msg_namelen, to, room);
    case SOURCE_MSG_CONTROL:
        return read_bytes(walk, (uintptr_t)header.msg_control, header.msg_controllen, to, room);
    default:
        return read_iovec(walk, (uintptr_t)header.msg_iov, header.msg_iovlen, iovec_length(walk, param->b), to, room);
    }
}

static struct outcome read_sockaddr_out(const struct walk *walk, const struct sysfold_param *param, uint8_t *to,
                                        size_t room)
{
    uint64_t address = walk->call->args[param->a];
    uint64_t length_at = walk->call->args[param->b];
    uint32_t length;

    if (!address || !length_at)
        return no_value(SYSFOLD_NULL);
    if (walk->ops->read(walk->target, &length, length_at, sizeof(length)) != sizeof(length))
        return no_value(SYSFOLD_UNREADABLE);
    return read_bytes(walk, address, length, to, room);
}

/* Every string with its NUL, one after the other, until the NULL pointer or until the room is full. */
static struct outcome read_string_vector(const struct walk *walk, uint64_t address, uint8_t *to, size_t room)
{
    struct outcome all = {0};
    uint64_t pointers[CHUNK];

    if (!address)
        return no_value(SYSFOLD_NULL);
    for (;;) {
        size_t got = walk->ops->read(walk->target, pointers, address, sizeof(pointers)) / sizeof(pointers[0]);

        if (!got) {
            all.status = all.size ? SYSFOLD_PRESENT : SYSFOLD_UNREADABLE;
            all.cut = all.size > 0;
            return all;
        }
        for (size_t i = 0; i < got; i++) {
            struct outcome one;

            if (!pointers[i])
                return all;
            one = room - all.size > 1 ? read_string(walk, pointers[i], to + all.size, room - all.size - 1)
                                      : (struct outcome){.cut = true};
            if (one.status != SYSFOLD_PRESENT || (one.cut && !one.size)) {
                all.cut = true;
                return all;
            }
            all.size += one.size;
            to[all.size++] = 0;
            if (one.cut) {
                all.cut = true;
                return all;
            }
        }
        address += got * sizeof(pointers[0]);
    }
}

static struct outcome read_string_when(const struct walk *walk, const struct sysfold_param *param, uint8_t *to,
                                       size_t room)
{
    if ((uint32_t)walk->call->args[0] != param->b)
        return no_value(SYSFOLD_ABSENT);
    return read_string(walk, walk->call->args[param->a], to, room);
}

/* A variable parameter that lies in the target's memory. */
static struct outcome read_user(const struct walk *walk, const struct sysfold_param *param, uint8_t *to, size_t room)
{
    const struct call *call = walk->call;
    uint64_t address = call->args[param->a < 6 ? param->a : 0];

    switch (param->source) {
    case SOURCE_USER_STRING:
        return read_string(walk, address, to, room);
    case SOURCE_USER_STRING_WHEN:
        return read_string_when(walk, param, to, room);
    case SOURCE_USER_BYTES:
        return read_bytes(walk, address, length_of(walk, param->b), to, room);
    case SOURCE_USER_ARRAY:
        return read_array(walk, param, address, length_of(walk, param->b), to, room);
    case SOURCE_USER_IOVEC:
        return read_iovec(walk, address, (uint32_t)call->args[param->a + 1], iovec_length(walk, param->b), to, room);
    case SOURCE_MSG_NAME:
    case SOURCE_MSG_DATA:
    case SOURCE_MSG_CONTROL:
        return read_message(walk, param, to, room);
    case SOURCE_USER_SOCKADDR:
        return read_bytes(walk, address, (uint32_t)call->args[param->b], to, room);
    case SOURCE_USER_SOCKADDR_OUT:
        return read_sockaddr_out(walk, param, to, room);
    case SOURCE_USER_STRING_VECTOR:
        return read_string_vector(walk, address, to, room);
    default:
        return no_value(SYSFOLD_ABSENT);
    }
}

static struct outcome read_fixed(const struct walk *walk, const struct sysfold_param *param, uint8_t *to)
{
    uint64_t address = walk->call->args[param->a];
    size_t size = type_size(param->type);

    if (!address)
        return no_value(SYSFOLD_NULL);
    if (walk->ops->read(walk->target, to, address + param->b, size) != size)
        return no_value(SYSFOLD_UNREADABLE);
    return (struct outcome){.size = size};
}

/* Entry. */

static bool make_room(struct kept *kept, size_t more)
{
    size_t wanted = kept->size + more;
    uint8_t *grown;

    if (wanted <= kept->room)
        return true;
    grown = realloc(kept->bytes, wanted);
    if (!grown)
        return false;
    kept->bytes = grown;
    kept->room = wanted;
    return true;
}

/* Over a version that the kernel does not know it writes its own. */
static bool is_overwritten(const uint8_t *header)
{
    uint32_t version;

    memcpy(&version, header, sizeof(version));
    return version != _LINUX_CAPABILITY_VERSION_1 && version != _LINUX_CAPABILITY_VERSION_2 &&
           version != _LINUX_CAPABILITY_VERSION_3;
}

static void keep(const struct walk *walk, struct kept *kept, unsigned index)
{
    const struct sysfold_param *param = &walk->call->row->params[index];
    size_t limit = param->type->variable ? limit_of(walk, param) : type_size(param->type);
    struct kept_header header = {.index = index, .status = SYSFOLD_ABSENT};
    struct outcome outcome;
    uint8_t *to;

    if (!make_room(kept, sizeof(header) + limit))
        return;
    to = kept->bytes + kept->size + sizeof(header);
    outcome = param->type->variable ? read_user(walk, param, to, limit) : read_fixed(walk, param, to);
    if (param->type->id == TYPE_CAP_HEADER && outcome.size && is_overwritten(to))
        outcome = no_value(SYSFOLD_ABSENT);
    header.size = outcome.size;
    header.status = outcome.status;
    header.cut = outcome.cut;
    memcpy(kept->bytes + kept->size, &header, sizeof(header));
    kept->size += sizeof(header) + header.size;
}

static void keep_all(const struct collect_ops *ops, void *target, const struct collect_limits *limits,
                     const struct call *call, struct kept *kept, uint32_t mask)
{
    struct walk walk;

    kept->size = 0;
    walk.ops = ops;
    walk.target = target;
    walk.limits = limits;
    walk.call = call;
    for (uint32_t left = mask; left; left &= left - 1)
        keep(&walk, kept, (unsigned)__builtin_ctz(left));
}

void collect_entry(const struct collect_ops *ops, void *target, const struct collect_limits *limits,
                   const struct call *call, struct kept *kept)
{
    keep_all(ops, target, limits, call, kept, call->row->entry_mask);
}

static bool is_in_memory(const struct sysfold_param *param)
{
    switch (param->source) {
    case SOURCE_USER_STRING:
    case SOURCE_USER_STRING_WHEN:
    case SOURCE_USER_BYTES:
    case SOURCE_USER_IOVEC:
    case SOURCE_MSG_NAME:
    case SOURCE_MSG_DATA:
    case SOURCE_MSG_CONTROL:
    case SOURCE_USER_SOCKADDR:
    case SOURCE_USER_SOCKADDR_OUT:
    case SOURCE_USER_STRING_VECTOR:
    case SOURCE_USER_FIXED:
    case SOURCE_USER_ARRAY:
        return true;
    default:
        return false;
    }
}

/* The parameters that the caller passes in memory, and that are the same when the call has returned. */
static uint32_t passed_mask(const struct sysfold_row *row)
{
    uint32_t mask = 0;

    for (unsigned index = 0; index < row->param_count; index++) {
        const struct sysfold_param *param = &row->params[index];

        if (is_in_memory(param) && param->moment != MOMENT_SUCCESS && !param_is_updated(row, param))
            mask |= UINT32_C(1) << index;
    }
    return mask;
}

bool row_passes_memory(const struct sysfold_row *row)
{
    return passed_mask(row) != 0;
}

void collect_passed(const struct collect_ops *ops, void *target, const struct collect_limits *limits,
                    const struct call *call, struct kept *kept)
{
    keep_all(ops, target, limits, call, kept, passed_mask(call->row));
}

/* The bytes that were kept of a parameter, or NULL. */
static const uint8_t *find_kept(const struct kept *kept, unsigned index, struct kept_header *ret_header)
{
    size_t at = 0;

    while (at < kept->size) {
        memcpy(ret_header, kept->bytes + at, sizeof(*ret_header));
        if (ret_header->index == index)
            return kept->bytes + at + sizeof(*ret_header);
        at += sizeof(*ret_header) + ret_header->size;
    }
    return NULL;
}

const uint8_t *kept_find(const struct kept *kept, unsigned index, size_t *ret_size, bool *ret_cut)
{
    struct kept_header header;
    const uint8_t *bytes = find_kept(kept, index, &header);

    if (!bytes || header.status != SYSFOLD_PRESENT)
        return NULL;
    *ret_size = header.size;
    *ret_cut = header.cut;
    return bytes;
}

void kept_finish(struct kept *kept)
{
    free(kept->bytes);
    *kept = (struct kept){0};
}

/* Exit. */

/* Does the target's memory still hold what was kept? A successful exec has replaced it. */
static bool has_changed(const struct walk *walk, const struct sysfold_param *param, const struct kept_header *header,
                        const uint8_t *kept)
{
    uint8_t now[PATH_BYTES_MAX];
    struct outcome outcome;

    if (header->status != SYSFOLD_PRESENT || header->size > sizeof(now) || limit_of(walk, param) > sizeof(now))
        return false;
    if (walk->call->row->number == ROW_EXECVE || walk->call->row->number == ROW_EXECVEAT)
        return false;
    outcome = read_user(walk, param, now, limit_of(walk, param));
    return outcome.status != SYSFOLD_PRESENT || outcome.size != header->size || memcmp(now, kept, outcome.size) != 0;
}

static void put_kept(struct walk *walk, unsigned index, bool compare)
{
    const struct sysfold_param *param = &walk->call->row->params[index];
    struct kept_header header;
    const uint8_t *kept = find_kept(walk->kept, index, &header);
    size_t room;
    uint8_t *to;

    if (!kept)
        return;
    if (header.status != SYSFOLD_PRESENT) {
        encoder_status(walk->encoder, index, header.status);
        return;
    }
    if (!param->type->variable) {
        encoder_fixed(walk->encoder, index, kept);
        return;
    }
    to = encoder_variable_begin(walk->encoder, index, header.size, &room);
    memcpy(to, kept, room);
    encoder_variable_end(walk->encoder, index, room, header.cut || room < header.size);
    if (compare && has_changed(walk, param, &header, kept))
        encoder_raced(walk->encoder, index);
}

static void put_user(struct walk *walk, unsigned index)
{
    const struct sysfold_param *param = &walk->call->row->params[index];
    struct outcome outcome;
    size_t room;
    uint8_t *to;

    if (param->b == LENGTH_RESULT && has_failed(walk->call) && param->source != SOURCE_USER_SOCKADDR)
        return;
    to = encoder_variable_begin(walk->encoder, index, limit_of(walk, param), &room);
    outcome = read_user(walk, param, to, room);
    if (outcome.status == SYSFOLD_PRESENT)
        encoder_variable_end(walk->encoder, index, outcome.size, outcome.cut);
    else
        encoder_status(walk->encoder, index, outcome.status);
}

static void put_user_fixed(struct walk *walk, unsigned index)
{
    uint8_t bytes[RECORD_FIXED_MAX];
    struct outcome outcome = read_fixed(walk, &walk->call->row->params[index], bytes);

    if (outcome.status == SYSFOLD_PRESENT)
        encoder_fixed(walk->encoder, index, bytes);
    else
        encoder_status(walk->encoder, index, outcome.status);
}

static void ask_file(struct walk *walk)
{
    int r = !walk->ops->file
                ? -ENOSYS
                : walk->ops->file(walk->target, (int)walk->call->result, walk->file_path, sizeof(walk->file_path),
                                  &walk->file_path_size, &walk->file_dev, &walk->file_ino);

    walk->file_asked = true;
    walk->file_path_known = r >= 0;
    walk->file_known = r >= 0 || r == -ENAMETOOLONG;
}

/* Is the opened file's path the very string that the caller gave? */
static bool is_path_given(const struct walk *walk)
{
    const struct sysfold_row *row = walk->call->row;

    for (unsigned index = 0; index < row->param_count; index++) {
        struct kept_header header;
        const uint8_t *kept;

        if (row->params[index].source != SOURCE_USER_STRING)
            continue;
        kept = find_kept(walk->kept, index, &header);
        return kept && header.size == walk->file_path_size && !header.cut &&
               memcmp(kept, walk->file_path, header.size) == 0;
    }
    return false;
}

static void put_result_file(struct walk *walk, unsigned index)
{
    if (!walk->file_asked)
        ask_file(walk);
    if (!walk->file_known)
        return;
    switch (walk->call->row->params[index].a) {
    case FILE_DEV:
        encoder_integer(walk->encoder, index, walk->file_dev);
        break;
    case FILE_INO:
        encoder_integer(walk->encoder, index, (int64_t)walk->file_ino);
        break;
    default:
        if (walk->file_path_known)
            encoder_bytes(walk->encoder, index, walk->file_path, is_path_given(walk) ? 0 : walk->file_path_size,
                          PATH_BYTES_MAX);
    }
}

static void put_sockets(struct walk *walk, unsigned index, int fd)
{
    uint8_t pair[SOCKET_PAIR_MAX];
    int size = walk->ops->sockets ? walk->ops->sockets(walk->target, fd, pair) : -ENOSYS;

    if (size >= 0)
        encoder_bytes(walk->encoder, index, pair, (size_t)size, sizeof(pair));
}

/* What is behind the descriptors of a call that has succeeded. */
static void put_behind(struct walk *walk, unsigned index)
{
    const struct sysfold_param *param = &walk->call->row->params[index];

    switch (param->source) {
    case SOURCE_RESULT_FILE:
        put_result_file(walk, index);
        break;
    case SOURCE_RESULT_SOCKET:
        put_sockets(walk, index, (int)walk->call->result);
        break;
    case SOURCE_FD_SOCKET:
        put_sockets(walk, index, (int)walk->call->args[param->a]);
        break;
    default:
        break;
    }
}

/* Parameters that need no look at the target. */
static bool put_scalar(struct walk *walk, unsigned index)
{
    const struct sysfold_param *param = &walk->call->row->params[index];

    switch (param->source) {
    case SOURCE_ARG:
        encoder_integer(walk->encoder, index, (int64_t)walk->call->args[param->a]);
        return true;
    case SOURCE_CALL_NR:
        encoder_integer(walk->encoder, index, walk->call->nr);
        return true;
    case SOURCE_CALL_ARCH:
        encoder_integer(walk->encoder, index, walk->call->arch);
        return true;
    default:
        return false;
    }
}

static void put_exit(struct walk *walk, unsigned index)
{
    const struct sysfold_param *param = &walk->call->row->params[index];

    if (put_scalar(walk, index))
        return;
    switch (param->source) {
    case SOURCE_RESULT:
        encoder_integer(walk->encoder, index, walk->call->result);
        break;
    case SOURCE_USER_FIXED:
        put_user_fixed(walk, index);
        break;
    case SOURCE_RESULT_FILE:
    case SOURCE_RESULT_SOCKET:
    case SOURCE_FD_SOCKET:
        put_behind(walk, index);
        break;
    case SOURCE_GIVEN:
        break;
    default:
        put_user(walk, index);
    }
}

static void begin_walk(struct walk *walk, const struct call *call, const struct kept *kept, struct encoder *encoder,
                       uint32_t tid, uint64_t time)
{
    walk->call = call;
    walk->kept = kept;
    walk->encoder = encoder;
    walk->file_asked = false;
    encoder_begin(encoder, call->row, tid, time);
}

void collect_exit(const struct collect_ops *ops, void *target, const struct collect_limits *limits,
                  const struct call *call, const struct kept *kept, uint32_t tid, uint64_t time,
                  struct encoder *encoder)
{
    uint32_t skipped = has_failed(call) ? call->row->success_mask : 0;
    struct walk walk;

    walk.ops = ops;
    walk.target = target;
    walk.limits = limits;
    begin_walk(&walk, call, kept, encoder, tid, time);
    if (has_failed(call))
        encoder_failed(encoder);
    for (unsigned index = 0; index < call->row->param_count; index++) {
        if (skipped >> index & 1)
            continue;
        if (call->row->entry_mask >> index & 1 && call->row->params[index].type->variable)
            put_kept(&walk, index, true);
        else
            put_exit(&walk, index);
    }
}

void collect_told(const struct collect_ops *ops, void *target, const struct call *call, bool has_result,
                  const struct kept *kept, uint32_t tid, uint64_t time, struct encoder *encoder)
{
    static const struct collect_ops nobody = {0};
    bool failed = has_result && has_failed(call);
    uint32_t skipped = failed || !has_result ? call->row->success_mask : 0;
    uint32_t passed = passed_mask(call->row);
    struct walk walk;

    walk.ops = ops ? ops : &nobody;
    walk.target = target;
    begin_walk(&walk, call, kept, encoder, tid, time);
    if (failed)
        encoder_failed(encoder);
    for (unsigned index = 0; index < call->row->param_count; index++) {
        if (skipped >> index & 1)
            continue;
        if (passed >> index & 1)
            put_kept(&walk, index, false);
        else if (call->row->params[index].source == SOURCE_RESULT && has_result)
            encoder_integer(encoder, index, call->result);
        else if (!put_scalar(&walk, index) && has_result && !failed)
            put_behind(&walk, index);
    }
}

void collect_unfinished(const struct call *call, const struct kept *kept, uint32_t tid, uint64_t time,
                        struct encoder *encoder)
{
    struct walk walk;

    begin_walk(&walk, call, kept, encoder, tid, time);
    for (unsigned index = 0; index < call->row->param_count; index++) {
        if (call->row->entry_mask >> index & 1 && call->row->params[index].type->variable)
            put_kept(&walk, index, false);
        else
            (void)put_scalar(&walk, index);
    }
}
