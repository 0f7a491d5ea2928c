// SPDX-License-Identifier: Apache-2.0
/* From a schema, which may be another version's or a liar's, to what each of its rows does. */

#include <limits.h>
#include <string.h>

#include "decoder/state/internal.h"

static const char *const slot_names[SLOT_COUNT] = {
    [SLOT_RES] = "res",
    [SLOT_FD] = "fd",
    [SLOT_PATH] = "path",
    [SLOT_DIRFD] = "dirfd",
    [SLOT_FLAGS] = "flags",
    [SLOT_FILE] = "file",
    [SLOT_ADDR] = "addr",
    [SLOT_SOCKETS] = "sockets",
    [SLOT_FDS] = "fds",
    [SLOT_CONTROL] = "control",
    [SLOT_FIRST] = "first",
    [SLOT_LAST] = "last",
    [SLOT_OPTION] = "option",
    [SLOT_NAME] = "name",
    [SLOT_CMD] = "cmd",
    [SLOT_ARG] = "arg",
    [SLOT_REQUEST] = "request",
    [SLOT_FAMILY] = "family",
    [SLOT_TYPE] = "type",
    [SLOT_PID] = "pid",
    [SLOT_PPID] = "ppid",
    [SLOT_PARENT_TID] = "parent_tid",
    [SLOT_START_TIME] = "start_time",
    [SLOT_OLD_TID] = "old_tid",
    [SLOT_UID] = "uid",
    [SLOT_COMM] = "comm",
    [SLOT_EXE] = "exe",
    [SLOT_ARGV] = "argv",
    [SLOT_STATUS] = "status",
    [SLOT_MODE] = "mode",
    [SLOT_CWD] = "cwd",
    [SLOT_ROOT] = "root",
    [SLOT_TO] = "to",
    [SLOT_CGROUP] = "cgroup",
    [SLOT_ID] = "id",
    [SLOT_ENGINE] = "engine",
};

/* A call's transition: tried where it succeeded, or (close, connect) where a failure counts too. */
static const struct plan plans_by_effect[EFFECT_COUNT] = {
    [E_OPENS_FD] = {.transition = effect_opens_fd, .on_success = true},
    [E_MAKES_FD] = {.transition = effect_makes_fd, .on_success = true},
    [E_MAKES_SOCKET] = {.transition = effect_makes_socket, .on_success = true},
    [E_MAKES_PAIR] = {.transition = effect_makes_pair, .on_success = true},
    [E_BINDS] = {.transition = effect_binds, .on_success = true},
    [E_CONNECTS] = {.transition = effect_connects},
    [E_ACCEPTS] = {.transition = effect_accepts, .on_success = true},
    [E_DUPLICATES_FD] = {.transition = effect_duplicates_fd, .on_success = true},
    [E_CONTROLS_FD] = {.transition = effect_controls_fd, .on_success = true},
    [E_CLOSES_FD] = {.transition = effect_closes_fd},
    [E_CLOSES_RANGE] = {.transition = effect_closes_range, .on_success = true},
    [E_RECEIVES_FDS] = {.transition = effect_receives_fds, .on_success = true},
    [E_GETS_FD] = {.transition = effect_gets_fd, .on_success = true},
    [E_CHANGES_DIR] = {.transition = effect_changes_dir, .on_success = true},
    [E_CHANGES_DIR_FD] = {.transition = effect_changes_dir_fd, .on_success = true},
    [E_CHANGES_ROOT] = {.transition = effect_changes_root, .on_success = true},
    [E_NAMES_THREAD] = {.transition = effect_names_thread, .on_success = true},
    [E_UNSHARES] = {.transition = effect_unshares, .on_success = true},
    [E_STARTS_THREAD] = {.transition = effect_starts_thread, .finds_thread = true},
    [E_EXECS] = {.transition = effect_execs, .finds_thread = true},
    [E_ENDS_THREAD] = {.transition = effect_ends_thread, .finds_thread = true},
    [E_ENDS_PROCESS] = {.transition = effect_ends_process, .finds_thread = true},
    [E_SNAPSHOTS_THREAD] = {.transition = effect_snapshots_thread, .finds_thread = true, .uncounted = true},
    [E_SNAPSHOTS_FD] = {.transition = effect_snapshots_fd, .finds_thread = true, .uncounted = true},
    [E_NAMES_CONTAINER] = {.transition = effect_names_container, .finds_thread = true, .uncounted = true},
    [E_LOSES] = {.transition = effect_loses, .finds_thread = true, .uncounted = true},
};

static void find_parameters(struct plan *plan, const struct sysfold_row *row)
{
    for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
        plan->at[slot] = -1;
        for (unsigned i = 0; row && plan->at[slot] < 0 && i < row->param_count && i < ROW_PARAM_MAX; i++) {
            if (!strcmp(row->params[i].name, slot_names[slot]))
                plan->at[slot] = (int8_t)i;
        }
    }
}

static struct plan plan_row(const struct sysfold_row *row)
{
    struct plan plan = {0};

    if (row && row->effect < EFFECT_COUNT)
        plan = plans_by_effect[row->effect];
    find_parameters(&plan, row);
    /* execve and its kin: the new image is announced by a row of its own, the arguments are in the call's. */
    if (plan.at[SLOT_RES] >= 0 && plan.at[SLOT_ARGV] >= 0) {
        plan.transition = effect_takes_arguments;
        plan.on_success = true;
        plan.finds_thread = false;
    }
    return plan;
}

void plan_rows(struct plan plans[ROW_MAX + 1], const struct sysfold_schema *schema)
{
    for (unsigned number = 0; number < ROW_MAX; number++)
        plans[number] = plan_row(schema->by_number[number]);
    plans[ROW_MAX] = plan_row(NULL);
}

int64_t step_number(const struct step *step, enum slot slot, int64_t otherwise)
{
    int at = step->plan->at[slot];

    return at < 0 ? otherwise : record_integer(step->record, (unsigned)at, otherwise);
}

uint32_t step_id(const struct step *step, enum slot slot)
{
    int64_t id = step_number(step, slot, 0);

    return id > 0 && id <= UINT32_MAX ? (uint32_t)id : 0;
}

int step_fd(const struct step *step, enum slot slot)
{
    int64_t fd = step_number(step, slot, -1);

    return fd >= 0 && fd <= INT_MAX ? (int)fd : -1;
}

bool step_bytes(const struct step *step, enum slot slot, struct sysfold_value *ret_value)
{
    int at = step->plan->at[slot];

    return at >= 0 && !record_param(step->record, (unsigned)at, ret_value) && ret_value->status == SYSFOLD_PRESENT &&
           ret_value->kind == SYSFOLD_KIND_BYTES;
}
