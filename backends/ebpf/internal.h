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
#include "common/encode.h"

struct bpf_object;

#define EBPF_RINGS_MAX 16
/* Records of two rings come in order if they are written within so long after they were made. */
#define EBPF_WINDOW_NS 10000000
#define EBPF_BATCH_ROOM (256 * 1024)

/* load.c: the programs. */

struct programs {
    struct ebpf_programs *skeleton;
    int targets, rings, losses; /* maps, borrowed of the skeleton */
    const struct bpf_object *object; /* likewise */
    uint64_t clock_offset;      /* from CLOCK_BOOTTIME to the epoch */
};

struct rings;

int programs_load(struct programs *programs, const struct capture_options *options, const struct rings *rings,
                  struct sysfold_error *error);
int programs_attach(struct programs *programs, struct sysfold_error *error);
/* What is in the rings stays there. */
void programs_detach(struct programs *programs);
void programs_finish(struct programs *programs);
/* The programs' clock: now, as records have it. */
uint64_t programs_now(const struct programs *programs);

/* rows.c: every row of events.def, as the programs walk it. -E2BIG: layout.h has no room for them. */
int rows_lay(struct ebpf_row rows[EBPF_ROWS], struct ebpf_param params[EBPF_PARAMS]);

/* rings.c: one ring buffer for each cpu, or for some of them. */

struct ring {
    int fd;
    size_t size;
    uint64_t *consumer;       /* how far we have read: a page that we write */
    const uint64_t *producer; /* how far the kernel has: a page before its data */
    const uint8_t *data;      /* mapped twice, one behind the other */
    uint64_t at;              /* where we read; the consumer's page follows at the end of a pass */
    const uint8_t *head;      /* the next record, NULL: none yet */
    uint64_t head_time;
    size_t head_span; /* what it takes in the ring */
};

struct rings {
    struct ring each[EBPF_RINGS_MAX];
    int fds[EBPF_RINGS_MAX];
    unsigned count;
};

int rings_create(struct rings *rings, size_t buffer_size, struct sysfold_error *error);
void rings_finish(struct rings *rings);
/* The ring whose next record is the oldest; NULL if all are empty. Until rings_next() of it. */
struct ring *rings_oldest(struct rings *rings);
void rings_next(struct ring *ring);
/* Gives what was read back to the programs; looks again for what is new. */
void rings_turn(struct rings *rings);
uint64_t rings_used(const struct rings *rings);

/* losses.c: what found no room. */

struct losses {
    int map;
    unsigned cpus;
    uint64_t total;
    struct ebpf_loss *now;     /* of each cpu: as the map has it; */
    struct ebpf_loss *told;    /* what has been told of it; */
    struct ebpf_loss *pending; /* and what is to be told */
};

int losses_init(struct losses *losses, int map);
void losses_finish(struct losses *losses);
void losses_read(struct losses *losses);
/* The cpu whose pending loss began first; -1: nothing was lost. */
int losses_first(const struct losses *losses, uint64_t *ret_time);
/* Its record, borrowed of the encoder; nothing is pending of that cpu then. */
const uint8_t *losses_tell(struct losses *losses, unsigned cpu, struct encoder *encoder, size_t *ret_size);

/* launch.c: a command, held until it is let go, and waited for by a process of its own. */

struct launch {
    char *path;
    char *const *argv;
    char *const *envp;
    sigset_t mask;  /* the caller's, for the command */
    pid_t launcher; /* its parent */
    pid_t pid;
    int go;      /* written: it may run */
    int failure; /* read: why it could not become the command; ends when it has */
    int report;  /* read: its pids, later its status */
    bool ended;
    int status;
};

#define LAUNCH_NONE ((struct launch){.go = -1, .failure = -1, .report = -1})

int launch_prepare(struct launch *launch, const struct sysfold_live_options *live, struct sysfold_error *error);
/* Lets it go, and waits until it has become the command. */
int launch_release(struct launch *launch, struct sysfold_error *error);
/* Has it ended? Waits for that. */
bool launch_ended(struct launch *launch, int timeout_ms);
void launch_finish(struct launch *launch);

/* targets.c: whom to record, and what they were like at the beginning. */

/* Records in memory: the snapshot. */
struct store {
    uint8_t *bytes;
    size_t size, room;
    bool failed; /* for want of memory */
};

int targets_add(int map, pid_t tgid, struct sysfold_error *error);
/* The processes that these pids or tids belong to. */
int targets_add_pids(int map, const pid_t *pids, size_t count, struct sysfold_error *error);
/* Are there none left? Those that ended unseen are taken out first if `sweep` says so. */
bool targets_gone(int map, bool sweep);
/* Snapshot records of the processes in the map, or of all but this one. -ENOMEM */
int targets_snapshot(int map, bool system_wide, struct encoder *encoder, struct store *store);
bool store_has_thread(const struct store *store, uint32_t tid);

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
    struct store snapshot;
    struct encoder encoder;
    enum phase phase;
    uint64_t ending_at;
    uint64_t swept_at;
    int epoll;
    int stop;             /* an eventfd: stop() was called */
    int counting;         /* open: the kernel counts its programs' runs */
    uint64_t snapshot_at; /* when it was complete */
    bool snapshot_told;
    bool stopped;         /* before the targets had ended */
    uint64_t launched_at; /* when the command's exec had begun */
    bool launching;
    uint8_t *batch;    /* EBPF_BATCH_ROOM bytes, */
    size_t batch_size; /* and how many are used */
};

int capture_next_batch(struct capture *capture, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error);

/* probe.c */
void ebpf_probe(struct sysfold_backend_info *info);

#endif
