/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef SYSFOLD_EBPF_WALK_BPF_H
#define SYSFOLD_EBPF_WALK_BPF_H

/*
 * The record that is being built, one on each cpu, and the ways of putting
 * something into it: what common/encode.c is to the other backends.
 *
 * Functions that are not static are verified once and on their own, whatever
 * their callers know: this is what keeps a walk over 32 parameters of 20
 * sources within the verifier's patience. Hence the checks of pointers and
 * bounds that look superfluous.
 */

#include "kernel.bpf.h" /* first: layout.h wants its types */

#include "backends/ebpf/layout.h"

#define PREFIX_MAX 40 /* RECORD_PREFIX_MAX: where the fixed parameters begin */
#define RECORD_MAX 65535
#define FIXED_MAX EBPF_FIXED_MAX
#define FIXED_TYPE_MAX 64
#define PATH_MAX_BYTES 4096
#define PARAM_MAX 32

/* Flags and statuses of include/sysfold/event.h. */
#define FLAG_FAILED 0x8000
#define FLAG_TRUNCATED 0x4000
#define FLAG_ABSENT 0x2000
#define FLAG_RACED 0x1000
#define FLAG_TIMED 0x0800
enum status { STATUS_PRESENT, STATUS_ABSENT, STATUS_UNREADABLE, STATUS_NULL };

/* Built from its end, a name of at most 255 bytes and its slash at a time; a little is read behind it (files.bpf.h). */
#define NAME_MAX_BYTES 255
#define PATH_END (PATH_MAX_BYTES + 2 * (NAME_MAX_BYTES + 1))
#define PATH_ROOM (PATH_END + NAME_MAX_BYTES + 1)

/* Numbers of calls that want more than their rows say. */
#define OPEN 2
#define RT_SIGRETURN 15
#define CLONE 56
#define FORK 57
#define VFORK 58
#define EXECVE 59
#define EXIT 60
#define CREAT 85
#define EXIT_GROUP 231
#define OPENAT 257
#define EXECVEAT 322
#define CLONE3 435
#define OPENAT2 437
#define I386_FORK 2
#define I386_EXECVE 11
#define I386_CLONE 120
#define I386_VFORK 190
#define I386_CLONE3 435
#define X32_BIT 0x40000000
#define TS_COMPAT 0x0002 /* of thread_info.status: within a call of a 32-bit ABI */

/* Any offset and any size of one parameter fit, so that two checks suffice for the verifier. */
#define ROOM_SIZE (RECORD_MAX + PREFIX_MAX + RECORD_MAX + 1)

/* A loop's state between its rounds. Each is a function of its own: what a round does not find in registers, the
 * verifier need not follow from round to round. */
struct cursor {
    __u64 address;
    __u64 length; /* what is left of it */
    __u32 at, room, got;
    __u32 index;
    bool cut, unreadable;
};

#define NOTHING_KEPT EBPF_CALLS

/* A path that was read before the kernel acted on it. */
struct kept {
    __u32 nr; /* or NOTHING_KEPT */
    __u32 size;
    bool cut;
    bool is_script; /* of an exec: the path's interpreter runs, with arguments of its own */
    bool native;    /* of an exec: the caller was */
    __u32 entered;  /* the exec that a native caller is in, or 0 */
    __u64 exec;     /* of an exec: its key in `execs` */
    __u8 bytes[PATH_MAX_BYTES + 1];
};

/* Of one cpu. */
struct walk {
    /* The record that is being built; zero when it begins: */
    __u64 status;     /* 2 bits a parameter */
    __u32 cut, raced; /* a bit a parameter */
    __u32 variables;  /* laid so far */
    __u32 given_at;   /* the first path that the caller gave, in the room */
    bool unfinished;  /* the call never returns: nothing but its arguments */
    bool replaced;    /* a successful exec: the caller's memory and registers are gone */
    bool no_environment;
    bool args_known; /* nevertheless, from its entry */
    bool is_script;  /* as kept */
    bool keeps;      /* there may be something in `paths` */
    bool file_asked, file_known;
    __u16 flags;
    __u16 number;
    __u32 class;
    __u64 duration; /* with FLAG_TIMED */
    /* From here on whatever was there last: */
    union {
        __u64 values[EBPF_VALUES];
        struct {
            __u64 args[6];
            __s64 result;
            __u64 nr, arch;
        };
    };
    __u64 time;
    __u32 tid;
    __u32 row; /* place in rows[] */
    __u32 end; /* offset of the next variable parameter in the room */
    __u32 given_size;
    __u64 exec;
    bool path_known; /* the path is in path[] from there on; `file_size` bytes */
    bool is_lone;    /* a dentry without a parent that is no root either */
    __u32 file_dev;
    __u64 file_ino;
    __u32 file_at, file_size;
    __u64 dentry, mount;         /* where its walk has got to */
    struct cursor pages, pieces; /* the pieces of a vector, and within one of them the pages */
    /* The cpu's own: */
    __u64 ring_at;            /* where its ring's next record begins */
    bool losing;              /* the last record found no room */
    __u32 known_tgid;         /* a process of which it was looked up whether it is recorded, */
    __u64 known_generation;   /* when `generation` was this: */
    bool known_recorded;      /* whether it is */
    __u32 passed[EBPF_CALLS]; /* of sampled calls: how many were not recorded since the last one was */
    __u8 room[ROOM_SIZE];
    __u8 path[PATH_ROOM];
};

const volatile struct ebpf_row rows[EBPF_ROWS] = {};
const volatile struct ebpf_param params[EBPF_PARAMS] = {};
const volatile struct ebpf_settings settings = {};
const volatile __u64 ring_size = 4096; /* of each ring's data */

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 65536);
    __type(key, __u32);
    __type(value, __u8);
} targets SEC(".maps");

/* Goes up whenever `targets` changes, on either side: what was looked up before is void. */
__u64 generation = 0;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(struct ebpf_ring) + 4096 + EBPF_OVERRUN);
} rings SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} bell SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
    __uint(max_entries, EBPF_CGROUPS_MAX);
    __uint(key_size, sizeof(__u32));
    __uint(value_size, sizeof(__u32));
} cgroups SEC(".maps");

/* Of threads that have been within one of the calls whose paths are kept. */
struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, struct kept);
} paths SEC(".maps");

/* Of threads within a call, where calls are timed; 0 in between. */
struct {
    __uint(type, BPF_MAP_TYPE_TASK_STORAGE);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, int);
    __type(value, __u64);
} entered SEC(".maps");

#define VECTOR_MAX 24576 /* STRING_VECTOR_MAX */

/* An exec's arguments at its entry: of what a successful one leaves, nothing says which call it was. */
struct exec {
    __u32 nr;
    __s32 dirfd;
    __u32 flags;
    __u32 no_environment;    /* NULL was given */
    __u32 size, status, cut; /* of argv */
    __u8 argv[VECTOR_MAX];
};

/* By pid_tgid. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 128);
    __type(key, __u64);
    __type(value, struct exec);
} execs SEC(".maps");

/* As many as there are cpus, indexed by cpu: a value of a per-cpu array may not have more than 32 KiB. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct walk);
} scratch SEC(".maps");

/* Keeps the compiler from proving what the verifier cannot follow, and then from leaving the check away. */
#define UNKNOWN(n) asm volatile("" : "+r"(n))

static __always_inline __u64 at_most(__u64 n, __u64 max)
{
    UNKNOWN(n);
    if (n > max)
        n = max;
    return n;
}

static __always_inline __u8 *room_at(struct walk *walk, __u64 at)
{
    return walk->room + at_most(at, RECORD_MAX + PREFIX_MAX);
}

/* x86-64 and arm64 store unaligned; the compiler, which is told nothing of it, would store byte by byte. */
static __always_inline void store_u16(__u8 *to, __u16 value)
{
    *(__u16 *)to = value;
}

static __always_inline void store_u32(__u8 *to, __u32 value)
{
    *(__u32 *)to = value;
}

static __always_inline void store_u64(__u8 *to, __u64 value)
{
    *(__u64 *)to = value;
}

static __always_inline struct walk *this_walk(void)
{
    __u32 cpu = bpf_get_smp_processor_id();

    return bpf_map_lookup_elem(&scratch, &cpu);
}

static __always_inline struct ebpf_ring *this_ring(void)
{
    __u32 cpu = bpf_get_smp_processor_id();

    return bpf_map_lookup_elem(&rings, &cpu);
}

static __always_inline void count_loss(struct walk *walk, struct ebpf_ring *ring)
{
    struct ebpf_loss *loss = &ring->losses[at_most(walk->class, EBPF_CLASS_OTHER)];

    if (loss->count == *(volatile __u64 *)&loss->known)
        loss->first = walk->time;
    loss->last = walk->time;
    loss->count++;
    ring->lost++;
}

/* A record about thread `tid` begins; NULL: it cannot. Nobody interrupts us here but where the kernel lets programs be
 * preempted: what would come in between is lost, and counted. */
static __always_inline struct walk *walk_begin(struct walk *walk, __u32 tid)
{
    struct ebpf_ring *ring = this_ring();

    if (!walk || !ring)
        return NULL;
    if (ring->writing) {
        count_loss(walk, ring);
        return NULL;
    }
    /* The consumer is to know that something older than what it finds may come; hence before the clock. */
    *(volatile __u64 *)&ring->writing = 1;
    __builtin_memset(walk, 0, __builtin_offsetof(struct walk, values));
    walk->tid = tid;
    /* Three quarters of what the clock takes that counts suspended time; the consumer sees to that. */
    walk->time = bpf_ktime_get_ns() + *(volatile __u64 *)&ring->clock_offset;
    return walk;
}

static __always_inline const volatile struct ebpf_param *param_at(__u64 place)
{
    return &params[at_most(place, EBPF_PARAMS - 1)];
}

static __always_inline const volatile struct ebpf_row *row_at(__u64 place)
{
    return &rows[at_most(place, EBPF_ROWS - 1)];
}

static __always_inline void put_integer(struct walk *walk, const volatile struct ebpf_param *param, __u64 value)
{
    __u8 *to = walk->room + PREFIX_MAX + at_most(param->place, FIXED_MAX);

    switch (param->width) {
    case 8:
        store_u64(to, value);
        break;
    case 4:
        store_u32(to, (__u32)value);
        break;
    case 2:
        store_u16(to, (__u16)value);
        break;
    default:
        *to = (__u8)value;
    }
}

/* The bytes of a variable parameter are in their place already. */
static __always_inline void end_variable(struct walk *walk, __u32 index, __u32 size, bool cut)
{
    store_u16(room_at(walk, walk->end), (__u16)size);
    walk->end += sizeof(__u16) + size;
    walk->variables++;
    if (cut)
        walk->cut |= 1U << (index & 31);
}

/* No value. STATUS_PRESENT: of what only a success has, of a failed call, which needs no mark. */
__noinline int put_nothing(struct walk *walk, __u32 place, __u32 index, __u32 status)
{
    const volatile struct ebpf_param *param = param_at(place);
    __u64 at, size;

    if (!walk)
        return 0;
    walk->status |= (__u64)(status & 3) << (2 * index & 63);
    if (param->variable) {
        end_variable(walk, index, 0, false);
        return 0;
    }
    at = at_most(param->place, FIXED_MAX);
    size = (__u64)param->width * param->count;
    for (__u64 i = 0; i < FIXED_TYPE_MAX && i < size; i++)
        walk->room[PREFIX_MAX + at + i] = 0;
    return 0;
}

/* Eight bytes of the room, or as many as are left. What is behind them is read and not looked at. */
__noinline int is_same_word(const struct walk *walk, __u32 one, __u32 other, __u32 left)
{
    __u64 difference;

    if (!walk)
        return 0;
    difference =
        *(const __u64 *)room_at((struct walk *)walk, one) ^ *(const __u64 *)room_at((struct walk *)walk, other);
    if (left < 8)
        difference <<= 64 - 8 * left & 63;
    return difference == 0;
}

/* Are these bytes of the room the same, as far as a path may reach? */
__noinline int is_same(const struct walk *walk, __u32 one, __u32 other, __u32 size)
{
    for (__u32 i = 0; i < PATH_MAX_BYTES; i += 8) {
        if (i >= size)
            break;
        if (!is_same_word(walk, one + i, other + i, size - i))
            return 0;
    }
    return 1;
}

#define SHORT 256

/* A helper's call costs more than the words of most records. Not a word more than its span: what lies behind may not
 * have been read yet. */
static __always_inline void copy_record(__u8 *to, const struct walk *walk, __u64 start, __u64 size)
{
    const __u8 *from = walk->room + at_most(start, PREFIX_MAX);

    if (size > SHORT) {
        bpf_probe_read_kernel(to, at_most(size, RECORD_MAX), from);
        return;
    }
    for (__u64 i = 0; i < SHORT && i < size; i += sizeof(__u64))
        *(__u64 *)(to + i) = *(const __u64 *)(from + i);
}

/* Once until the consumer asks again. */
static __always_inline void ring_bell(struct ebpf_ring *ring)
{
    __u64 one = 1;

    ring->wake_at = EBPF_NEVER;
    bpf_ringbuf_output(&bell, &one, sizeof(one), BPF_RB_FORCE_WAKEUP);
}

/* What was written before is seen before; on x86-64 stores are in order. That a look at wake_at may come first is the
 * consumer's to think of. */
static __always_inline void publish(__u64 *to, __u64 value)
{
#ifdef __TARGET_ARCH_x86
    asm volatile("" ::: "memory");
    *(volatile __u64 *)to = value;
#else
    __sync_lock_test_and_set(to, value);
#endif
}

/* Writes the record that lies from `start` on, if it finds room. */
static __always_inline void send(struct walk *walk, struct ebpf_ring *ring, __u64 start, __u64 size)
{
    __u64 span = (size + 7) & ~7ULL, produced = ring->produced, at = at_most(walk->ring_at, ring_size);

    if (produced - ring->consumed + span > ring_size) {
        count_loss(walk, ring);
        if (produced + span > *(volatile __u64 *)&ring->wake_at)
            ring_bell(ring);
        return;
    }
    copy_record(ring->data + at, walk, start, size);
    walk->ring_at = at + span >= ring_size ? 0 : at + span;
    publish(&ring->produced, produced + span);
    if (produced + span > *(volatile __u64 *)&ring->wake_at)
        ring_bell(ring);
}

/* Lays the prefix before the body, whose size is known only now, and lets the record go. */
static __always_inline void finish(struct walk *walk)
{
    struct ebpf_ring *ring = this_ring();
    __u64 start = PREFIX_MAX, size;

    if (!ring)
        return;
    if (walk->flags & FLAG_TIMED) {
        start -= sizeof(__u64);
        store_u64(walk->room + start, walk->duration);
    }
    if (walk->raced) {
        walk->flags |= FLAG_RACED;
        start -= sizeof(__u32);
        store_u32(walk->room + start, walk->raced);
    }
    if (walk->cut) {
        walk->flags |= FLAG_TRUNCATED;
        start -= sizeof(__u32);
        store_u32(walk->room + start, walk->cut);
    }
    if (walk->status) {
        walk->flags |= FLAG_ABSENT;
        start -= sizeof(__u64);
        store_u64(walk->room + start, walk->status);
    }
    start -= 16;
    size = walk->end - start;
    store_u16(walk->room + start, walk->number | walk->flags);
    store_u16(walk->room + start + 2, (__u16)size);
    store_u32(walk->room + start + 4, walk->tid);
    store_u64(walk->room + start + 8, walk->time);
    send(walk, ring, start, size);
    *(volatile __u64 *)&ring->writing = 0;
}

__noinline int walk_finish(struct walk *walk)
{
    if (walk)
        finish(walk);
    return 0;
}

#endif
