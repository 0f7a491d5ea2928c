/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EBPF_INTERNAL_H
#define SYSFOLD_EBPF_INTERNAL_H

/*
 * The backend's user side. The programs in the kernel write whole records
 * into the rings; here they are loaded, told what to record, and their rings
 * merged by time into batches.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backends/backend.h"
#include "backends/ebpf/layout.h"
#include "backends/ebpf/snapshot.h"
#include "common/encode.h"

struct bpf_object;

/* Whoever takes longer than this to write a record is not waited for. */
#define EBPF_WINDOW_NS 10000000
#define EBPF_BATCH_RECORDS 4096

/* load.c: the programs. */

struct programs {
    struct ebpf_programs *skeleton;
    const struct bpf_object *object; /* borrowed of the skeleton, */
    int targets;                     /* and a map of it, */
    uint64_t *generation;            /* goes up when `targets` has changed */
    unsigned cpus;
    size_t ring_size;      /* of one cpu's ring */
    bool old_kernel;       /* it takes no large ones */
    uint64_t clock_offset; /* from CLOCK_BOOTTIME to the epoch */
};

int programs_load(struct programs *programs, const struct capture_options *options, unsigned cgroup_count,
                  struct sysfold_error *error);
int programs_attach(struct programs *programs, struct sysfold_error *error);
/* What is in the rings stays there. */
void programs_detach(struct programs *programs);
void programs_finish(struct programs *programs);
int programs_rings_map(const struct programs *programs);
int programs_bell_map(const struct programs *programs);
int programs_cgroups_map(const struct programs *programs);
/* Now, as records have it. It counts the time that a suspended machine spends. */
uint64_t programs_now(const struct programs *programs);
/* What is between the programs' clock, which does not, and that. */
uint64_t programs_clock_offset(const struct programs *programs);

/* rows.c: every row of events.def, as the programs walk it. -E2BIG: layout.h has no room for them. */
int rows_lay(struct ebpf_row rows[EBPF_ROWS], struct ebpf_param params[EBPF_PARAMS]);

/* rings.c: one for each cpu. */

struct ring {
    struct ebpf_ring *shared;
    uint64_t seen, read; /* bytes so far */
    size_t at;           /* of the next record */
    const uint8_t *head; /* the next record, NULL: none yet */
    uint64_t head_time;
    uint64_t complete_to; /* nothing older will come */
};

struct rings {
    struct ring *each;
    unsigned count;
    size_t size;        /* of each one's data */
    struct ring **heap; /* those that have a head */
    unsigned heap_count;
    void *memory;
    size_t memory_size;
};

/* What each cpu gets of a buffer; on a kernel that takes no large ones, as much as it takes. */
size_t rings_size(const struct capture_options *options, unsigned cpus, bool old_kernel);
/* What it takes in the map. */
size_t rings_value_size(size_t size);
int rings_init(struct rings *rings, int map, size_t size, unsigned cpus, struct sysfold_error *error);
void rings_finish(struct rings *rings);
void rings_set_clock(struct rings *rings, uint64_t offset);
/* Gives what was read back to the programs and looks for what is new. Returns up to when it is complete. */
uint64_t rings_turn(struct rings *rings, uint64_t now);
/* The oldest of the rings' next records; NULL: all that was seen is read. It stays where it is until rings_turn(). */
const uint8_t *rings_oldest(const struct rings *rings, uint64_t *ret_time);
void rings_pop(struct rings *rings);
/* Has the bell ring for the next record, or else when a ring is half full. Is there nothing yet? */
bool rings_await(struct rings *rings, bool idle);
uint64_t rings_used(const struct rings *rings);

/* losses.c: what found no room. */

struct loss {
    uint64_t seen;        /* as the programs count */
    uint64_t pending;     /* to be told, */
    uint64_t first, last; /* from when to when */
};

struct cpu_losses {
    uint64_t seen;
    struct loss classes[EBPF_CLASSES];
};

struct losses {
    const struct rings *rings;
    struct cpu_losses *each; /* of each cpu */
    uint64_t total;
    uint64_t next_time; /* when the next one to be told began; UINT64_MAX: there is none */
};

int losses_init(struct losses *losses, const struct rings *rings);
void losses_finish(struct losses *losses);
void losses_read(struct losses *losses);
/* The record of that next one, borrowed of the encoder, and up to when it lost something. */
const uint8_t *losses_tell(struct losses *losses, struct encoder *encoder, uint64_t *ret_until);

/* launch.c: a command, held until it is let go, and waited for by a process of its own. */

struct launch {
    char *path;
    char *const *argv;
    char *const *envp;
    sigset_t mask;  /* the caller's, for the command */
    pid_t launcher; /* its parent */
    pid_t pid;
    int go;     /* written: it may run */
    int report; /* read: its pids, whether it has become the command, later its status */
    bool ended;
    int status;
};

#define LAUNCH_NONE ((struct launch){.go = -1, .report = -1})

int launch_prepare(struct launch *launch, const struct sysfold_live_options *live, struct sysfold_error *error);
/* Lets it go, and waits until it has become the command. */
int launch_release(struct launch *launch, struct sysfold_error *error);
/* Has it ended? Waits for that. */
bool launch_ended(struct launch *launch, int timeout_ms);
void launch_finish(struct launch *launch);

/* targets.c: whom to record. */

int targets_add(const struct programs *programs, pid_t tgid, struct sysfold_error *error);
/* The processes that these pids or tids belong to. */
int targets_add_pids(const struct programs *programs, const pid_t *pids, size_t count, struct sysfold_error *error);
/* And all that descend from these processes, which are targets already. */
int targets_add_descendants(const struct programs *programs, const pid_t *pids, size_t count,
                            struct sysfold_error *error);
bool targets_have(const struct programs *programs, pid_t tgid);
/* Are there none left? Those that ended unseen are taken out first if `sweep` says so. */
bool targets_gone(const struct programs *programs, bool sweep);

/* groups.c: cgroups, and containers, as targets. */

struct groups {
    int fds[EBPF_CGROUPS_MAX]; /* of cgroups' directories */
    unsigned count;
};

int groups_open(struct groups *groups, const struct sysfold_live_options *live, struct sysfold_error *error);
void groups_finish(struct groups *groups);
/* Into the programs' map of cgroups. */
int groups_put(const struct groups *groups, int map, struct sysfold_error *error);
/* The processes of containers that have no cgroup of their own, and what they have become, into the map of targets. */
int groups_add_processes(const struct programs *programs, const struct sysfold_live_options *live,
                         struct sysfold_error *error);

/* The processes in cgroups, and below, at a moment. */
struct members {
    pid_t *pids; /* sorted; for free() */
    size_t count, room;
};

/* -ENOMEM; there may be some to free even then. */
int groups_list(const struct groups *groups, struct members *ret_members);
bool members_have(const struct members *members, pid_t pid);

/* batch.c */

enum phase {
    PHASE_RUNNING,
    PHASE_ENDING, /* the last records are being written */
    PHASE_LAST,   /* whatever is in the rings is all there is */
    PHASE_OVER,
};

struct capture {
    const struct capture_options *options;
    struct programs programs;
    struct rings rings;
    struct losses losses;
    struct launch launch;
    struct groups groups;
    struct snapshot *snapshot;
    struct members members; /* while a snapshot is taken */
    struct encoder encoder;
    enum phase phase;
    uint64_t ending_at;
    uint64_t swept_at;
    bool somebody_ended; /* since it was last looked whether targets are left */
    uint64_t rings_clock;  /* what the programs add to their clock */
    uint64_t lively_until; /* something came not long ago: more is likely to */
    bool armed;            /* the bell rings for the next record */
    int epoll;
    int stop;                 /* an eventfd: stop() was called */
    int counting;             /* open: the kernel counts its programs' runs */
    struct ring_buffer *bell; /* what wakes us */
    uint64_t lost_until;      /* what was known of the targets before may be wrong; 0: nothing was lost */
    bool stopped;             /* before the targets had ended */
    uint64_t launched_at;     /* when the command's exec had begun */
    bool launching;
    const uint8_t **batch; /* EBPF_BATCH_RECORDS of them, in the rings, */
    size_t batch_count;    /* and how many are used */
};

/* Of all targets; `again`: once more, after a loss. */
int capture_take_snapshot(struct capture *capture, bool again);
int capture_next_batch(struct capture *capture, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error);

/* probe.c */
void ebpf_probe(struct sysfold_backend_info *info);

#endif
