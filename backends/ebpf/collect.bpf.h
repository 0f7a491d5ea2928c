/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef SYSFOLD_EBPF_COLLECT_BPF_H
#define SYSFOLD_EBPF_COLLECT_BPF_H

/*
 * From a system call to its record, by walking its row, at the call's exit:
 * what common/collect.c is to the backends that stop their targets, and the
 * same records. What lies in pages that are not there at that moment is
 * unreadable here, since nothing may wait for them.
 */

#include "common/rows.h"
#include "files.bpf.h"
#include "sockets.bpf.h"
#include "walk.bpf.h"

#define PAGE 4096
#define IOVECS_MAX 1024 /* UIO_MAXIOV */
#define STRINGS_MAX 1024
#define ARRAY_MAX 4096
#define SOCKADDR_MAX 128
#define ERRNO_MAX 4095

/* What came of reading a variable parameter: its size; whether it was cut; or a status. */
#define OUTCOME_CUT (1ULL << 32)
#define OUTCOME(size, cut) ((__u64)(size) | ((cut) ? OUTCOME_CUT : 0))
#define NO_VALUE(status) ((__u64)(status) << 40)
#define OUTCOME_SIZE(outcome) ((__u32)(outcome))
#define OUTCOME_STATUS(outcome) ((__u32)((outcome) >> 40))

static __always_inline bool has_failed(const struct walk *walk)
{
    return walk->result < 0 && walk->result >= -ERRNO_MAX;
}

static __always_inline bool read_user(void *to, __u64 size, __u64 address)
{
    return bpf_probe_read_user(to, size, (const void *)address) == 0;
}

/* Returns whether there may be more. */
__noinline int copy_page(struct walk *walk)
{
    struct cursor *pages;
    __u64 size, left;

    if (!walk)
        return 0;
    pages = &walk->pages;
    left = pages->length - pages->got;
    size = PAGE - pages->address % PAGE;
    if (size > left)
        size = left;
    size = at_most(size, PAGE);
    if (!size || !read_user(room_at(walk, pages->at + pages->got), size, pages->address))
        return 0;
    pages->address += size;
    pages->got += size;
    return pages->got < pages->length;
}

/* Page by page: a read that meets a missing page yields nothing of those before it. Returns how much there was. */
__noinline __u32 copy_pages(struct walk *walk, __u64 address, __u32 at, __u32 wanted)
{
    if (!walk)
        return 0;
    walk->pages.address = address;
    walk->pages.length = wanted;
    walk->pages.at = at;
    walk->pages.got = 0;
    for (int i = 0; i < RECORD_MAX / PAGE + 2; i++) {
        if (!copy_page(walk))
            break;
    }
    return walk->pages.got;
}

/* Copies up to `wanted` bytes of the caller's memory into the room; returns how many could be read, from the start. */
static __always_inline __u32 copy(struct walk *walk, __u64 address, __u32 at, __u32 wanted)
{
    __u64 size = at_most(wanted, RECORD_MAX);

    if (read_user(room_at(walk, at), size, address))
        return wanted;
    return copy_pages(walk, address, at, wanted);
}

__noinline __u64 read_bytes(struct walk *walk, __u64 address, __u64 length, __u32 at, __u32 room)
{
    __u32 wanted = length < room ? length : room, got;

    if (!walk)
        return NO_VALUE(STATUS_ABSENT);
    if (!address)
        return NO_VALUE(STATUS_NULL);
    if (!wanted)
        return OUTCOME(0, length > 0);
    got = copy(walk, address, at, wanted);
    return got ? OUTCOME(got, got < length) : NO_VALUE(STATUS_UNREADABLE);
}

/* Without its NUL. One that reaches into a missing page is what lies before that page. */
__noinline __u64 read_string(struct walk *walk, __u64 address, __u32 at, __u32 room)
{
    __u32 got;
    long size;

    if (!walk)
        return NO_VALUE(STATUS_ABSENT);
    if (!address)
        return NO_VALUE(STATUS_NULL);
    if (!room)
        return OUTCOME(0, true);
    size = bpf_probe_read_user_str(room_at(walk, at), at_most(room + 1, RECORD_MAX), (const void *)address);
    if (size > room)
        return OUTCOME(room, true);
    if (size >= 0) /* an empty one counts its NUL only since Linux 6.13 */
        return OUTCOME(size ? size - 1 : 0, false);
    got = copy_pages(walk, address, at, room);
    return got ? OUTCOME(got, true) : NO_VALUE(STATUS_UNREADABLE);
}

static __always_inline __u64 argument(const struct walk *walk, __u64 number)
{
    return walk->args[at_most(number, 5)];
}

/* The int that a length pointer points to; 0 for one that cannot be a length. */
static __always_inline __u64 int_at(__u64 address)
{
    int value = 0;

    if (!address || !read_user(&value, sizeof(value), address))
        return 0;
    return value > 0 ? (__u64)value : 0;
}

/* How many bytes or elements a length code of rows.h stands for. */
__noinline __u64 length_of(const struct walk *walk, __u32 code)
{
    __u64 result, given;
    int bits;

    if (!walk)
        return 0;
    result = walk->result > 0 ? (__u64)walk->result : 0;
    if (code >= LENGTH_BITS) {
        bits = (int)argument(walk, code - LENGTH_BITS);
        return bits > 0 ? ((__u64)bits + 63) / 64 : 0;
    }
    if (code >= LENGTH_SIZE)
        return code - LENGTH_SIZE;
    if (code >= LENGTH_WITHIN) {
        given = argument(walk, code - LENGTH_WITHIN);
        return result < given ? result : given;
    }
    if (code >= LENGTH_INT_AT)
        return int_at(argument(walk, code - LENGTH_INT_AT));
    return code == LENGTH_RESULT ? result : argument(walk, code);
}

/* A row's BY_SIZE(0) of an iovec means: as long as the iovecs say. */
static __always_inline __u64 iovec_length(const struct walk *walk, __u32 code)
{
    return code == LENGTH_SIZE ? ~0ULL : length_of(walk, code);
}

struct span {
    __u64 address, length;
};

/* Returns whether to go on. */
__noinline int read_span(struct walk *walk)
{
    struct span span = {};
    struct cursor *pieces;
    __u64 size, one;

    if (!walk)
        return 0;
    pieces = &walk->pieces;
    if (!pieces->length)
        return 0;
    if (!read_user(&span, sizeof(span), pieces->address)) {
        pieces->unreadable = pieces->index == 0;
        return 0;
    }
    pieces->index++;
    pieces->address += sizeof(span);
    size = span.length < pieces->length ? span.length : pieces->length;
    if (!size)
        return 1;
    pieces->length -= size;
    one = read_bytes(walk, span.address, size, pieces->at + pieces->got, pieces->room - pieces->got);
    pieces->got += OUTCOME_SIZE(one);
    pieces->cut = one != OUTCOME_SIZE(one);
    return !pieces->cut;
}

static __always_inline void begin_pieces(struct walk *walk, __u64 address, __u64 length, __u32 at, __u32 room)
{
    walk->pieces.address = address;
    walk->pieces.length = length;
    walk->pieces.at = at;
    walk->pieces.room = room;
    walk->pieces.got = 0;
    walk->pieces.index = 0;
    walk->pieces.cut = false;
    walk->pieces.unreadable = false;
}

static __always_inline __u64 outcome_of(const struct cursor *pieces)
{
    return pieces->unreadable ? NO_VALUE(STATUS_UNREADABLE) : OUTCOME(pieces->got, pieces->cut);
}

/* The bytes behind as many iovecs as `count_code` says above its lowest byte, `room` of them at most and no more than
 * the length code in that byte says. */
__noinline __u64 read_iovec(struct walk *walk, __u64 address, __u64 count_code, __u32 at, __u32 room)
{
    if (!walk)
        return NO_VALUE(STATUS_ABSENT);
    if (!address)
        return NO_VALUE(STATUS_NULL);
    begin_pieces(walk, address, iovec_length(walk, count_code & 0xff), at, room);
    for (__u32 i = 0; i < IOVECS_MAX && i < count_code >> 8; i++) {
        if (!read_span(walk))
            break;
    }
    return outcome_of(&walk->pieces);
}

static __always_inline __u64 with_code(__u64 count, __u8 code)
{
    return count << 8 | code;
}

/* struct msghdr of a 64-bit caller. */
struct message {
    __u64 name;
    __u32 name_size, unused;
    __u64 spans, span_count;
    __u64 control, control_size;
    __u64 flags;
};

static __always_inline __u64 read_message(struct walk *walk, __u32 place, __u32 room)
{
    const volatile struct ebpf_param *param = param_at(place);
    struct message message;
    __u64 address, count;
    __u32 at;

    if (!walk)
        return NO_VALUE(STATUS_ABSENT);
    address = argument(walk, param->a);
    at = walk->end + sizeof(__u16);
    if (!address)
        return NO_VALUE(STATUS_NULL);
    if (!read_user(&message, sizeof(message), address))
        return NO_VALUE(STATUS_UNREADABLE);
    if (param->source == SOURCE_MSG_NAME)
        return read_bytes(walk, message.name, message.name_size, at, room);
    if (param->source == SOURCE_MSG_CONTROL)
        return read_bytes(walk, message.control, message.control_size, at, room);
    count = message.span_count < IOVECS_MAX ? message.span_count : IOVECS_MAX;
    return read_iovec(walk, message.spans, with_code(count, param->b), at, room);
}

/* One string and its NUL. Returns whether to go on. */
__noinline int read_piece(struct walk *walk)
{
    struct cursor *pieces;
    __u64 pointer = 0, one;
    __u32 left;

    if (!walk)
        return 0;
    pieces = &walk->pieces;
    if (!read_user(&pointer, sizeof(pointer), pieces->address)) {
        pieces->unreadable = pieces->got == 0;
        pieces->cut = true;
        return 0;
    }
    if (!pointer)
        return 0;
    left = pieces->room - pieces->got;
    one = left > 1 ? read_string(walk, pointer, pieces->at + pieces->got, left - 1) : OUTCOME_CUT;
    pieces->cut = one != OUTCOME_SIZE(one);
    if (OUTCOME_STATUS(one) || one == OUTCOME_CUT)
        return 0;
    pieces->got += OUTCOME_SIZE(one);
    *room_at(walk, pieces->at + pieces->got) = 0;
    pieces->got++;
    pieces->address += sizeof(pointer);
    return !pieces->cut;
}

/* Every string with its NUL, one after the other, until the NULL pointer or until the room is full. */
__noinline __u64 read_string_vector(struct walk *walk, __u64 address, __u32 at, __u32 room)
{
    __u32 i;

    if (!walk)
        return NO_VALUE(STATUS_ABSENT);
    if (!address)
        return NO_VALUE(STATUS_NULL);
    begin_pieces(walk, address, 0, at, room);
    for (i = 0; i < STRINGS_MAX; i++) {
        if (!read_piece(walk))
            break;
    }
    if (i == STRINGS_MAX)
        walk->pieces.cut = true;
    return outcome_of(&walk->pieces);
}

static __always_inline __u64 read_sockaddr_out(struct walk *walk, const volatile struct ebpf_param *param, __u32 at,
                                               __u32 room)
{
    __u64 address = argument(walk, param->a), length_at = argument(walk, param->b);
    __u32 length = 0;

    if (!address || !length_at)
        return NO_VALUE(STATUS_NULL);
    if (!read_user(&length, sizeof(length), length_at))
        return NO_VALUE(STATUS_UNREADABLE);
    return read_bytes(walk, address, length, at, room);
}

/* Whole elements only. The length counts them, and is an int to the kernel, whatever its register holds above. */
static __always_inline __u64 read_array(struct walk *walk, const volatile struct ebpf_param *param, __u32 at,
                                        __u32 room)
{
    __u32 element = (__u32)param->width * param->count;
    __u64 length = (__u32)length_of(walk, param->b), outcome;

    if (!element)
        return NO_VALUE(STATUS_ABSENT);
    outcome = read_bytes(walk, argument(walk, param->a), length * element, at, room - room % element);
    return outcome - OUTCOME_SIZE(outcome) % element;
}

static __always_inline __u32 limit_of(const volatile struct ebpf_param *param)
{
    switch (param->limit) {
    case EBPF_LIMIT_DATA:
        return settings.snaplen;
    case EBPF_LIMIT_VECTOR:
        return settings.string_vector_max;
    case EBPF_LIMIT_PATH:
        return PATH_MAX_BYTES;
    case EBPF_LIMIT_SOCKADDR:
        return SOCKADDR_MAX;
    default:
        return ARRAY_MAX;
    }
}

/* What may still be laid, so that the record does not grow too large and the lengths behind have their place. */
static __always_inline __u32 room_for(const struct walk *walk, const volatile struct ebpf_param *param)
{
    __u32 behind = row_at(walk->row)->variable_count - walk->variables;
    __u32 used = walk->end + sizeof(__u16) * behind, limit = limit_of(param);
    __u32 room = used < RECORD_MAX ? RECORD_MAX - used : 0;

    return limit < room ? limit : room;
}

/* A variable parameter that lies in the caller's memory. */
static __always_inline __u64 read_source(struct walk *walk, __u32 place, __u32 at, __u32 room)
{
    const volatile struct ebpf_param *param = param_at(place);
    __u64 address;

    if (!walk)
        return NO_VALUE(STATUS_ABSENT);
    address = argument(walk, param->a);
    switch (param->source) {
    case SOURCE_USER_STRING_WHEN:
        if ((__u32)walk->args[0] != param->b)
            return NO_VALUE(STATUS_ABSENT);
        return read_string(walk, address, at, room);
    case SOURCE_USER_STRING:
        return read_string(walk, address, at, room);
    case SOURCE_USER_BYTES:
        return read_bytes(walk, address, length_of(walk, param->b), at, room);
    case SOURCE_USER_ARRAY:
        return read_array(walk, param, at, room);
    case SOURCE_USER_IOVEC:
        return read_iovec(walk, address, with_code((__u32)argument(walk, param->a + 1), param->b), at, room);
    case SOURCE_MSG_NAME:
    case SOURCE_MSG_DATA:
    case SOURCE_MSG_CONTROL:
        return read_message(walk, place, room);
    case SOURCE_USER_SOCKADDR:
        return read_bytes(walk, address, (__u32)argument(walk, param->b), at, room);
    case SOURCE_USER_SOCKADDR_OUT:
        return read_sockaddr_out(walk, param, at, room);
    case SOURCE_USER_STRING_VECTOR:
        return read_string_vector(walk, address, at, room);
    default:
        return NO_VALUE(STATUS_ABSENT);
    }
}

/* Notes the first path that the caller gave: what a file's is compared with. */
static __always_inline void note_given(struct walk *walk, const volatile struct ebpf_param *param, __u32 size, bool cut)
{
    if (param->source != SOURCE_USER_STRING || walk->given_at || cut)
        return;
    walk->given_at = walk->end + sizeof(__u16);
    walk->given_size = size;
}

static __always_inline int put_outcome(struct walk *walk, __u32 place, __u32 index, __u64 outcome)
{
    if (OUTCOME_STATUS(outcome))
        return put_nothing(walk, place, index, OUTCOME_STATUS(outcome));
    note_given(walk, param_at(place), OUTCOME_SIZE(outcome), outcome & OUTCOME_CUT);
    end_variable(walk, index, at_most(OUTCOME_SIZE(outcome), RECORD_MAX), outcome & OUTCOME_CUT);
    return 0;
}

/* What was kept at the call's entry, compared with what is in memory now. */
__noinline int put_kept(struct walk *walk, __u32 place, __u32 index)
{
    const volatile struct ebpf_param *param = param_at(place);
    const struct kept *kept = bpf_task_storage_get(&paths, bpf_get_current_task_btf(), NULL, 0);
    __u32 at, behind;
    __u64 size, now;

    if (!walk || !kept || kept->nr != walk->nr)
        return 0;
    at = walk->end + sizeof(__u16);
    size = at_most(kept->size, PATH_MAX_BYTES);
    bpf_probe_read_kernel(room_at(walk, at), size, kept->bytes);
    note_given(walk, param, size, kept->cut);
    if (!walk->replaced && !walk->unfinished) {
        behind = at + size;
        now = read_string(walk, argument(walk, param->a), behind, PATH_MAX_BYTES);
        if (OUTCOME_STATUS(now) || OUTCOME_SIZE(now) != size || !is_same(walk, at, behind, size))
            walk->raced |= 1U << (index & 31);
    }
    end_variable(walk, index, size, kept->cut);
    return 1;
}

/* Were there strings that only the exec itself brought into memory? */
static __always_inline bool is_incomplete(const struct exec *exec)
{
    return exec->status == STATUS_UNREADABLE || (exec->cut && exec->size + 1 < settings.string_vector_max);
}

/* What was read of argv at the exec's entry. Returns whether that was all of it. */
__noinline int put_exec_argv(struct walk *walk, __u32 place, __u32 index)
{
    const volatile struct ebpf_param *param = param_at(place);
    const struct exec *exec;
    __u64 size, key;
    __u32 room;

    if (!walk)
        return 0;
    key = walk->exec; /* on the stack: Linux 6.1 takes no key from elsewhere */
    exec = bpf_map_lookup_elem(&execs, &key);
    if (!exec || is_incomplete(exec))
        return 0;
    if (exec->status) {
        put_nothing(walk, place, index, exec->status);
        return 1;
    }
    room = room_for(walk, param);
    size = at_most(exec->size < room ? exec->size : room, VECTOR_MAX);
    bpf_probe_read_kernel(room_at(walk, walk->end + sizeof(__u16)), size, exec->argv);
    end_variable(walk, index, size, exec->cut || size < exec->size);
    return 1;
}

/* A vector as it lies in the new image: its strings, one behind the other. */
static __always_inline int put_image(struct walk *walk, __u32 place, __u32 index, __u64 from, __u64 to)
{
    __u32 at = walk->end + sizeof(__u16);
    __u64 outcome = 0;

    if (to > from)
        outcome = read_bytes(walk, from, to - from, at, room_for(walk, param_at(place)));
    if (outcome & OUTCOME_CUT && OUTCOME_SIZE(outcome))
        *room_at(walk, at + OUTCOME_SIZE(outcome) - 1) = 0;
    return put_outcome(walk, place, index, outcome);
}

/* Has the new image the argv that was given? Not where an interpreter runs a script, nor where there was no argv[0]. */
static __always_inline bool has_argv(const struct walk *walk)
{
    const struct exec *exec;
    __u64 key = walk->exec; /* on the stack: Linux 6.1 takes no key from elsewhere */

    if (walk->is_script)
        return false;
    exec = bpf_map_lookup_elem(&execs, &key);
    return !exec || exec->size || is_incomplete(exec);
}

/* A successful exec has replaced the caller's memory. What the new one has is what it got; the rest is from the entry,
 * when another thread could still change it. */
__noinline int put_replaced(struct walk *walk, __u32 place, __u32 index)
{
    const volatile struct ebpf_param *param = param_at(place);
    struct task_struct *task = bpf_get_current_task_btf();
    struct mm_struct *mm = task->mm;

    if (!walk)
        return 0;
    if (param->source != SOURCE_USER_STRING_VECTOR || !mm)
        return put_nothing(walk, place, index, STATUS_ABSENT);
    /* execve(path, argv, envp), execveat(dirfd, path, argv, envp, flags) */
    if (param->a == (walk->nr == EXECVE ? 2 : 3)) {
        if (walk->no_environment)
            return put_nothing(walk, place, index, STATUS_NULL);
        return put_image(walk, place, index, mm->env_start, mm->env_end);
    }
    if (has_argv(walk))
        return put_image(walk, place, index, mm->arg_start, mm->arg_end);
    if (put_exec_argv(walk, place, index))
        return 0;
    return put_nothing(walk, place, index, STATUS_ABSENT);
}

static __always_inline int put_user(struct walk *walk, __u32 place, __u32 index)
{
    const volatile struct ebpf_param *param = param_at(place);
    __u64 outcome;

    if (walk->keeps && param->source == SOURCE_USER_STRING && put_kept(walk, place, index))
        return 0;
    if (walk->unfinished)
        return put_nothing(walk, place, index, STATUS_ABSENT);
    if (walk->replaced)
        return put_replaced(walk, place, index);
    if (param->b == LENGTH_RESULT && has_failed(walk) && param->source != SOURCE_USER_SOCKADDR)
        return put_nothing(walk, place, index, STATUS_ABSENT);
    outcome = read_source(walk, place, walk->end + sizeof(__u16), room_for(walk, param));
    return put_outcome(walk, place, index, outcome);
}

__noinline int put_user_fixed(struct walk *walk, __u32 place, __u32 index)
{
    const volatile struct ebpf_param *param = param_at(place);
    __u64 address, size;
    __u8 *to;

    if (!walk)
        return 0;
    address = argument(walk, param->a);
    if (!address)
        return put_nothing(walk, place, index, STATUS_NULL);
    to = walk->room + PREFIX_MAX + at_most(param->place, FIXED_MAX);
    size = at_most((__u64)param->width * param->count, FIXED_TYPE_MAX);
    if (!read_user(to, size, address + param->b))
        return put_nothing(walk, place, index, STATUS_UNREADABLE);
    return 0;
}

__noinline int put_result_file(struct walk *walk, __u32 place, __u32 index)
{
    const volatile struct ebpf_param *param = param_at(place);

    if (!walk)
        return 0;
    if (!walk->file_asked)
        ask_file(walk, file_at(walk->result));
    walk->file_asked = true;
    if (!walk->file_known || (param->a == FILE_PATH && !walk->path_known))
        return put_nothing(walk, place, index, STATUS_ABSENT);
    if (param->a == FILE_PATH)
        return put_path(walk, index, room_for(walk, param));
    put_integer(walk, param, param->a == FILE_DEV ? walk->file_dev : walk->file_ino);
    return 0;
}

/* Does it need neither the result nor a look at memory? */
static __always_inline bool is_scalar(__u8 source)
{
    return source == SOURCE_ARG || source == SOURCE_CALL_NR || source == SOURCE_CALL_ARCH;
}

/* One parameter of a call that has returned, or never will. */
__noinline int put_param(struct walk *walk, __u32 place, __u32 index)
{
    const volatile struct ebpf_param *param = param_at(place);

    if (!walk)
        return 0;
    if (walk->unfinished && !is_scalar(param->source) && param->source != SOURCE_USER_STRING)
        return put_nothing(walk, place, index, STATUS_ABSENT);
    if (walk->replaced && !walk->args_known && param->source == SOURCE_ARG)
        return put_nothing(walk, place, index, STATUS_ABSENT); /* the registers are new as well */
    switch (param->source) {
    case SOURCE_RESULT:
        put_integer(walk, param, walk->result);
        return 0;
    case SOURCE_ARG:
        put_integer(walk, param, argument(walk, param->a));
        return 0;
    case SOURCE_CALL_NR:
        put_integer(walk, param, walk->nr);
        return 0;
    case SOURCE_CALL_ARCH:
        put_integer(walk, param, walk->arch);
        return 0;
    case SOURCE_USER_FIXED:
        return put_user_fixed(walk, place, index);
    case SOURCE_RESULT_FILE:
        return put_result_file(walk, place, index);
    case SOURCE_RESULT_SOCKET:
        return put_sockets(walk, place, index, walk->result);
    case SOURCE_FD_SOCKET:
        return put_sockets(walk, place, index, argument(walk, param->a));
    case SOURCE_GIVEN:
        return put_nothing(walk, place, index, STATUS_ABSENT);
    default:
        return put_user(walk, place, index);
    }
}

/* The integers at hand, eight bytes each: what is too much of one is where the next one goes, or a later parameter. */
static __always_inline void put_scalar(struct walk *walk, __u64 scalar)
{
    store_u64(walk->room + PREFIX_MAX + (scalar & (FIXED_MAX - 1)), walk->values[scalar >> 16 & (EBPF_VALUES - 1)]);
}

static __always_inline void put_scalars(struct walk *walk, const volatile struct ebpf_row *row)
{
    put_scalar(walk, row->scalars[0]);
    put_scalar(walk, row->scalars[1]);
    put_scalar(walk, row->scalars[2]);
    if (row->scalar_count <= 3)
        return;
#pragma unroll
    for (int i = 3; i < EBPF_SCALARS; i++)
        put_scalar(walk, row->scalars[i]);
}

static __always_inline __u64 value_at(const struct walk *walk, __u64 value)
{
    return walk->values[value & (EBPF_VALUES - 1)];
}

/* The one buffer of a call that has not failed. Returns false where that is not as simple as it mostly is. */
static __always_inline bool put_buffer(struct walk *walk, const volatile struct ebpf_row *row)
{
    __u64 length = value_at(walk, row->length[0]), other = value_at(walk, row->length[1]);
    __u64 address = value_at(walk, row->address), end = walk->end, size;

    if (other < length)
        length = other;
    if (!address || (__s64)length < 0)
        return false;
    size = at_most(length, settings.snaplen);
    if (size && !read_user(room_at(walk, end + sizeof(__u16)), size, address))
        return false;
    store_u16(room_at(walk, end), (__u16)size);
    walk->end = end + sizeof(__u16) + size;
    if (size < length)
        walk->cut = 1U << (row->index & 31);
    return true;
}

/* The address that nobody gave with a message. */
static __always_inline bool put_no_address(struct walk *walk, const volatile struct ebpf_row *row)
{
    if (value_at(walk, row->other))
        return false;
    walk->status = (__u64)STATUS_NULL << (2 * row->other_index & 63);
    store_u16(room_at(walk, walk->end), 0);
    walk->end += sizeof(__u16);
    return true;
}

static __always_inline bool put_structure(struct walk *walk, const volatile struct ebpf_row *row)
{
    __u8 *to = walk->room + PREFIX_MAX + (row->place & (FIXED_MAX - 1));
    __u64 address = value_at(walk, row->address), size = at_most(row->size, FIXED_TYPE_MAX);

    return address && read_user(to, size, address + row->offset);
}

static __always_inline bool put_rest(struct walk *walk, const volatile struct ebpf_row *row)
{
    switch (row->shape) {
    case EBPF_SHAPE_SCALARS:
        return true;
    case EBPF_SHAPE_BUFFER:
        return put_buffer(walk, row);
    case EBPF_SHAPE_MESSAGE:
        return put_buffer(walk, row) && put_no_address(walk, row);
    case EBPF_SHAPE_STRUCTURE:
        return put_structure(walk, row);
    default:
        return false;
    }
}

/* The record of a call whose row has an easy shape; false: it has not. Calls of functions are what costs most: each
 * return is a jump that is not predicted, where the kernel must see to that. So this calls none. */
static __always_inline bool collect_quickly(struct walk *walk)
{
    const volatile struct ebpf_row *row = row_at(walk->row);

    if (row->shape == EBPF_SHAPE_ANY || walk->unfinished || has_failed(walk))
        return false;
    walk->number = row->number;
    walk->class = row->class;
    walk->end = PREFIX_MAX + at_most(row->fixed_size, FIXED_MAX);
    put_scalars(walk, row);
    if (!put_rest(walk, row)) {
        walk->cut = 0;
        return false;
    }
    finish(walk);
    return true;
}

/* The parameters from `first` to before `end`, but for those in `skipped`, which only a success has. */
__noinline int put_params(struct walk *walk, __u32 first, __u32 end, __u32 skipped)
{
    if (!walk)
        return 0;
    for (__u32 i = 0; i < PARAM_MAX && first + i < end; i++) {
        __u32 index = param_at(first + i)->index;

        if (skipped >> (index & 31) & 1)
            put_nothing(walk, first + i, index, STATUS_PRESENT);
        else
            put_param(walk, first + i, index);
    }
    return 0;
}

/* The whole record of a call: row, arguments and result are in `walk`. */
static __always_inline void collect(struct walk *walk)
{
    const volatile struct ebpf_row *row = row_at(walk->row);
    __u32 first = row->first, skipped = 0;
    __u32 scalars = row->scalar_count < EBPF_SCALARS ? row->scalar_count : EBPF_SCALARS;

    walk->number = row->number;
    walk->class = row->class;
    walk->end = PREFIX_MAX + at_most(row->fixed_size, FIXED_MAX);
    if (has_failed(walk)) {
        walk->flags |= FLAG_FAILED;
        skipped = row->success_mask;
    }
    if (walk->unfinished || walk->replaced)
        scalars = 0;
    else
        put_scalars(walk, row);
    put_params(walk, first + scalars, first + row->param_count, skipped);
    walk_finish(walk);
}

#endif
