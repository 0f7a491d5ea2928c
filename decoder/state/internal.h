/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_STATE_INTERNAL_H
#define SYSFOLD_STATE_INTERNAL_H

/*
 * How the state hangs together:
 *
 *     state ──► threads (source, tid) ──► thread ──► process ◄── processes (source, pid)
 *                                           │ │         │ │
 *                                           │ └► fs ◄───┘ │      shared with CLONE_FS
 *                                           └──► fd table ◄      shared with CLONE_FILES
 *
 * A process holds the table and the directories of its leader, for those who
 * ask for the process. Every record may make at most one thread and one process.
 */

#include <stdbool.h>
#include <stdint.h>

#include "common/rows.h"
#include "common/table.h"
#include "decoder/state/container.h"
#include "decoder/state/fds.h"
#include "decoder/state/state.h"
#include "decoder/state/text.h"

#define COMM_ROOM 16
#define AT_FDCWD_NUMBER (-100)
#define CLONE_FS_FLAG 0x200
#define CLONE_FILES_FLAG 0x400
#define O_CLOEXEC_FLAG 02000000

/* The parameters that the transitions know, by name. */
enum slot {
    SLOT_RES,
    SLOT_FD,
    SLOT_PATH,
    SLOT_DIRFD,
    SLOT_FLAGS,
    SLOT_FILE,
    SLOT_ADDR,
    SLOT_SOCKETS,
    SLOT_FDS,
    SLOT_CONTROL,
    SLOT_FIRST,
    SLOT_LAST,
    SLOT_OPTION,
    SLOT_NAME,
    SLOT_CMD,
    SLOT_ARG,
    SLOT_REQUEST,
    SLOT_FAMILY,
    SLOT_TYPE,
    SLOT_PID,
    SLOT_PPID,
    SLOT_PARENT_TID,
    SLOT_START_TIME,
    SLOT_OLD_TID,
    SLOT_UID,
    SLOT_COMM,
    SLOT_EXE,
    SLOT_ARGV,
    SLOT_STATUS,
    SLOT_MODE,
    SLOT_CWD,
    SLOT_ROOT,
    SLOT_TO,
    SLOT_CGROUP,
    SLOT_ID,
    SLOT_ENGINE,
    SLOT_COUNT
};

struct step;
typedef int (*transition)(struct step *step);

/* What a row does to the state: worked out once, when the state is created. */
struct plan {
    transition transition; /* NULL: nothing changes */
    bool on_success;       /* only a call that succeeded changes anything */
    bool finds_thread;     /* the transition says itself which thread the event is of */
    bool uncounted;        /* it is not something the process did */
    int8_t at[SLOT_COUNT]; /* the parameter's index, -1 where the row has none */
};

/* Directories of one process, or of several that were cloned with CLONE_FS. */
struct fs {
    struct text *cwd;  /* NULL: not known */
    struct text *root; /* NULL: "/" */
    uint32_t losses;   /* the source's, when this was learned */
    uint32_t holders;
};

struct sysfold_thread {
    struct sysfold_process *process;
    struct fd_table *files;
    struct fs *fs;
    struct sysfold_thread *next, **link; /* among its process's threads */
    uint32_t tid;
    uint32_t losses; /* its source's, when it was last announced */
    bool guessed;    /* nobody announced it */
    char name[COMM_ROOM];
};

struct sysfold_process {
    const struct origin *source;
    struct sysfold_thread *threads;
    struct sysfold_process *older, *younger; /* in order of birth */
    struct fd_table *files;
    struct fs *fs;
    struct text *exe;
    struct text *cmdline;
    struct container *container; /* NULL: none, or not known */
    uint64_t start_time;
    uint64_t exit_time;
    uint64_t events;
    uint64_t thread_count;
    uint32_t pid;
    uint32_t ppid;
    uint32_t uid;
    uint32_t losses; /* its source's, when it was last known to be right */
    int32_t status;
    bool has_uid;
    bool has_status;
    bool guessed;          /* nobody announced it */
    bool awaits_arguments; /* the image is new, the call's own event is still to come */
    bool has_arguments;    /* the call's own event came before that of the image */
    char name[COMM_ROOM];
};

/* What the last event ended, and the next one buries. */
struct ending {
    struct fd_table *table; /* held; descriptors `first` to `last` of it are closed */
    uint32_t first, last;
    struct sysfold_thread *thread;
    struct sysfold_process *process;
};

struct state {
    struct sysfold_thread *latest; /* the last one looked up; NULL: none */
    struct origin *source;         /* the last one looked up; NULL: none */
    struct ending ending;
    bool has_ending;
    bool keep_exited;
    struct table threads;
    struct table processes; /* those that run */
    struct table sources;
    struct sysfold_process *eldest, *youngest;
    struct plan plans[ROW_MAX + 1]; /* the last one is for rows we do not know */
};

/* One event on its way into the state. */
struct step {
    struct state *state;
    const struct plan *plan;
    const struct record *record;
    struct origin *source;
    struct sysfold_thread *thread;
    int made; /* the descriptor that came to be, -1 where none did */
};

/* plan.c */
void plan_rows(struct plan plans[ROW_MAX + 1], const struct sysfold_schema *schema);

/* A parameter as a number; `otherwise` where it is absent or not a number. */
int64_t step_number(const struct step *step, enum slot slot, int64_t otherwise);
/* A number that names a thread or process; 0 where there is none. */
uint32_t step_id(const struct step *step, enum slot slot);
/* A descriptor's number, or -1. */
int step_fd(const struct step *step, enum slot slot);
/* A parameter made of bytes. false: it is not there. */
bool step_bytes(const struct step *step, enum slot slot, struct sysfold_value *ret_value);

/* process.c: finding, making, ending. */
struct sysfold_thread *state_thread_find(struct state *state, const struct origin *source, uint32_t tid);
struct sysfold_process *state_process_find(const struct state *state, const struct origin *source, uint32_t pid);
/* -ENOMEM. The thread begins with the process's descriptors and directories. */
int state_thread_create(struct state *state, struct sysfold_process *process, uint32_t tid,
                        struct sysfold_thread **ret);
int state_process_create(struct state *state, const struct origin *source, uint32_t pid, struct sysfold_process **ret);
/* The process, or the thread, with that id; guessed where nobody has announced it. pid 0: the thread's own id. */
int state_process_get(struct state *state, const struct origin *source, uint32_t pid, struct sysfold_process **ret);
int state_thread_get(struct state *state, const struct origin *source, uint32_t tid, uint32_t pid,
                     struct sysfold_thread **ret);
void state_thread_remove(struct state *state, struct sysfold_thread *thread);
/* Its threads go too; it is freed unless it has ended (its exit_time says so) and ended processes are kept. */
void state_process_remove(struct state *state, struct sysfold_process *process);
/* A process or thread whose end nobody saw is no more: its id was given to another. One that was only guessed
 * to exist never did. */
void state_process_retire(struct state *state, struct sysfold_process *process, uint64_t time);
void state_thread_retire(struct state *state, struct sysfold_thread *thread, uint64_t time);
/* So are all that no snapshot has mentioned since the source's last loss. */
void state_retire_unmentioned(struct state *state, const struct origin *source, uint64_t time);
/* The thread gets another id; there must be none with that id. */
void state_thread_rename(struct state *state, struct sysfold_thread *thread, uint32_t tid);
void state_free_processes(struct state *state);

struct fs *state_fs_create(void);
struct fs *state_fs_fork(const struct fs *fs);
struct fs *state_fs_hold(struct fs *fs);
void state_fs_drop(struct fs *fs);
/* Gives the thread other ones, and its process too where it is the leader. Takes over the hold. */
void state_thread_set_files(struct sysfold_thread *thread, struct fd_table *files);
void state_thread_set_fs(struct sysfold_thread *thread, struct fs *fs);
/* -ENOMEM */
int state_thread_unshare_files(struct sysfold_thread *thread);
int state_thread_unshare_fs(struct sysfold_thread *thread);
void state_thread_set_name(struct sysfold_thread *thread, const uint8_t *name, size_t size);

/* container.c */
/* By the cgroup that the record tells, if it does. -ENOMEM. */
int state_process_enter_cgroup(const struct step *step, struct sysfold_process *process);
void state_process_inherit_container(struct sysfold_process *process, const struct sysfold_process *parent);
int effect_names_container(struct step *step);

/* lifecycle.c */
int effect_starts_thread(struct step *step);
int effect_execs(struct step *step);
int effect_ends_thread(struct step *step);
int effect_ends_process(struct step *step);
int effect_snapshots_thread(struct step *step);
int effect_loses(struct step *step);
int effect_names_thread(struct step *step);
int effect_unshares(struct step *step);
int effect_takes_arguments(struct step *step);

/* descriptors.c */
int effect_opens_fd(struct step *step);
int effect_makes_fd(struct step *step);
int effect_makes_socket(struct step *step);
int effect_makes_pair(struct step *step);
int effect_binds(struct step *step);
int effect_connects(struct step *step);
int effect_accepts(struct step *step);
int effect_duplicates_fd(struct step *step);
int effect_controls_fd(struct step *step);
int effect_closes_fd(struct step *step);
int effect_closes_range(struct step *step);
int effect_receives_fds(struct step *step);
int effect_gets_fd(struct step *step);
int effect_changes_dir(struct step *step);
int effect_changes_dir_fd(struct step *step);
int effect_changes_root(struct step *step);
int effect_snapshots_fd(struct step *step);

#endif
