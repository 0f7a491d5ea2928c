// SPDX-License-Identifier: Apache-2.0
/* The kinds of damage. Each strikes only where a comparison has to notice it. */

#include "fault.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "common/cleanup.h"

#define NOWHERE SIZE_MAX

static const struct sysfold_param *param_at(const struct tape *tape, size_t at, unsigned param)
{
    return &tape->items[at].record.row->params[param];
}

static bool get(const struct tape *tape, size_t at, unsigned param, struct sysfold_value *ret_value)
{
    return record_param(&tape->items[at].record, param, ret_value) == 0 && ret_value->status == SYSFOLD_PRESENT;
}

static int64_t result_of(const struct tape *tape, size_t at)
{
    return record_integer(&tape->items[at].record, 0, 0);
}

static uint32_t tid_of(const struct tape *tape, size_t at)
{
    return tape->items[at].record.tid;
}

/* Interrupted calls are merged with what restarts them: damage to them may vanish with them. */
static bool is_interrupted(const struct tape *tape, size_t at)
{
    int64_t result = result_of(tape, at);

    return item_row(&tape->items[at]) == ROW_RESTART_SYSCALL || result == -EINTR || (result <= -512 && result >= -516);
}

static bool is_compared(const struct tape *tape, size_t at)
{
    return tape->items[at].compared && !tape->items[at].struck && tape->items[at].record.row;
}

/* A system call with a row of its own that has happened once. */
static bool is_call(const struct tape *tape, size_t at)
{
    return is_compared(tape, at) && item_row(&tape->items[at]) < ROW_SYSCALL_MAX && !is_interrupted(tape, at);
}

/* The thread's next record of any kind, or NOWHERE. */
static size_t next_of_thread(const struct tape *tape, size_t at)
{
    for (size_t i = at + 1; i < tape->count; i++) {
        if (tid_of(tape, i) == tid_of(tape, at))
            return i;
    }
    return NOWHERE;
}

static bool fits_call(const struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    return is_call(tape, at);
}

static int strike_drop(struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    tape_remove(tape, at);
    return 0;
}

static int strike_duplicate(struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    return tape_insert(tape, at + 1, tape->items[at].bytes);
}

/* Order. */

static bool fits_swap(const struct tape *tape, size_t at, unsigned param)
{
    size_t next = next_of_thread(tape, at);

    (void)param;
    return is_call(tape, at) && next != NOWHERE && is_call(tape, next) &&
           item_row(&tape->items[at]) != item_row(&tape->items[next]);
}

static int strike_swap(struct tape *tape, size_t at, unsigned param)
{
    size_t next = next_of_thread(tape, at);
    struct item item = tape->items[at];

    (void)param;
    tape->items[at] = tape->items[next];
    tape->items[next] = item;
    return 0;
}

/* Another thread that makes calls, the next behind it or else before it. */
static size_t other_thread(const struct tape *tape, size_t at)
{
    for (size_t i = 1; i < tape->count; i++) {
        if (at + i < tape->count && is_call(tape, at + i) && tid_of(tape, at + i) != tid_of(tape, at))
            return at + i;
        if (at >= i && is_call(tape, at - i) && tid_of(tape, at - i) != tid_of(tape, at))
            return at - i;
    }
    return NOWHERE;
}

static bool fits_move(const struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    return is_call(tape, at) && other_thread(tape, at) != NOWHERE;
}

static int strike_move(struct tape *tape, size_t at, unsigned param)
{
    const struct edit edit = {.what = EDIT_TID, .tid = tid_of(tape, other_thread(tape, at))};

    (void)param;
    return tape_edit(tape, at, &edit);
}

/* The wait behind it that tells of this process's end. */
static size_t wait_for(const struct tape *tape, size_t at)
{
    for (size_t i = at + 1; i < tape->count; i++) {
        if (item_row(&tape->items[i]) == ROW_WAIT4 && is_compared(tape, i) && result_of(tape, i) == tid_of(tape, at))
            return i;
    }
    return NOWHERE;
}

static bool fits_delay_exit(const struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    return is_compared(tape, at) && item_row(&tape->items[at]) == ROW_PROCESS_EXIT && wait_for(tape, at) != NOWHERE;
}

static int strike_delay_exit(struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    tape_move(tape, at, wait_for(tape, at));
    return 0;
}

static bool fits_start(const struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    return is_compared(tape, at) && item_row(&tape->items[at]) == ROW_THREAD_START && at &&
           next_of_thread(tape, at) != NOWHERE && is_call(tape, next_of_thread(tape, at));
}

static int strike_delay_start(struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    tape_move(tape, at, next_of_thread(tape, at));
    return 0;
}

/* Values. */

static bool is_exact_number(const struct sysfold_param *param)
{
    const struct type_info *type = param->type;

    if (type->variable || type->count != 1)
        return false;
    switch (type->form) {
    case FORM_FLAGS:
    case FORM_ENUM:
    case FORM_MODE:
    case FORM_ID:
        return true;
    case FORM_DEC:
        return type->id != TYPE_PID && type->id != TYPE_INO && type->id != TYPE_NS;
    default:
        return false;
    }
}

static bool is_text(const struct sysfold_param *param)
{
    bool told = param->source != SOURCE_RESULT_FILE; /* by the kernel: temporary directories and their like */

    return told &&
           (param->type->form == FORM_PATH || param->type->form == FORM_DATA || param->type->form == FORM_STRING);
}

static bool fits_argument(const struct tape *tape, size_t at, unsigned param)
{
    struct sysfold_value value;

    return is_call(tape, at) && item_row(&tape->items[at]) != ROW_PRCTL &&
           param_at(tape, at, param)->source == SOURCE_ARG && is_exact_number(param_at(tape, at, param)) &&
           get(tape, at, param, &value);
}

static int strike_number(struct tape *tape, size_t at, unsigned param)
{
    struct edit edit = {.what = EDIT_INTEGER, .param = param};
    struct sysfold_value value;

    get(tape, at, param, &value);
    edit.integer = value.i ^ 1;
    return tape_edit(tape, at, &edit);
}

static bool fits_fd(const struct tape *tape, size_t at, unsigned param)
{
    struct sysfold_value value;
    unsigned form;

    if (!is_call(tape, at) || !get(tape, at, param, &value))
        return false;
    form = param_at(tape, at, param)->type->form;
    return param_at(tape, at, param)->source == SOURCE_ARG && (form == FORM_FD || form == FORM_DIRFD);
}

static bool fits_result(const struct tape *tape, size_t at, unsigned param)
{
    struct sysfold_value value;
    unsigned type;

    (void)param;
    if (!is_call(tape, at) || param_at(tape, at, 0)->source != SOURCE_RESULT || !get(tape, at, 0, &value))
        return false;
    type = param_at(tape, at, 0)->type->id;
    return value.i < 0 || type == TYPE_COUNT || type == TYPE_FD || type == TYPE_OFF || type == TYPE_INT;
}

static int strike_result(struct tape *tape, size_t at, unsigned param)
{
    int64_t result = result_of(tape, at);
    const struct edit edit = {.what = EDIT_INTEGER,
                              .param = param,
                              .integer = result >= 0      ? result + 1
                                         : result == -EIO ? -ENXIO
                                                          : -EIO};

    return tape_edit(tape, at, &edit);
}

static bool fits_failure(const struct tape *tape, size_t at, unsigned param)
{
    struct sysfold_value value;

    (void)param;
    return is_call(tape, at) && param_at(tape, at, 0)->source == SOURCE_RESULT && get(tape, at, 0, &value);
}

static int strike_failure(struct tape *tape, size_t at, unsigned param)
{
    const struct edit edit = {
        .what = EDIT_FAILURE, .param = param, .integer = result_of(tape, at) < 0 ? 0 : -ENOTRECOVERABLE};

    return tape_edit(tape, at, &edit);
}

static bool fits_bytes(const struct tape *tape, size_t at, unsigned param, unsigned form)
{
    struct sysfold_value value;

    return is_call(tape, at) && is_text(param_at(tape, at, param)) &&
           (!form || param_at(tape, at, param)->type->form == form) && get(tape, at, param, &value) && value.size &&
           !value.truncated;
}

static bool fits_path(const struct tape *tape, size_t at, unsigned param)
{
    return fits_bytes(tape, at, param, FORM_PATH);
}

static bool fits_data(const struct tape *tape, size_t at, unsigned param)
{
    return fits_bytes(tape, at, param, FORM_DATA);
}

static bool fits_cut(const struct tape *tape, size_t at, unsigned param)
{
    return fits_bytes(tape, at, param, 0);
}

static int strike_last_byte(struct tape *tape, size_t at, unsigned param)
{
    struct edit edit = {.what = EDIT_BYTES, .param = param};
    cleanup_free uint8_t *bytes = NULL;
    struct sysfold_value value;

    get(tape, at, param, &value);
    bytes = malloc(value.size);
    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, value.data, value.size);
    bytes[value.size - 1] ^= 1;
    edit.bytes = bytes;
    edit.size = value.size;
    return tape_edit(tape, at, &edit);
}

static int strike_cut(struct tape *tape, size_t at, unsigned param)
{
    struct edit edit = {.what = EDIT_BYTES, .param = param};
    struct sysfold_value value;

    get(tape, at, param, &value);
    edit.bytes = value.data;
    edit.size = value.size - 1;
    return tape_edit(tape, at, &edit);
}

/* Status. */

static bool fits_status(const struct tape *tape, size_t at, unsigned param)
{
    struct sysfold_value value;

    return is_call(tape, at) && param_at(tape, at, param)->source != SOURCE_RESULT &&
           (is_text(param_at(tape, at, param)) || is_exact_number(param_at(tape, at, param))) &&
           get(tape, at, param, &value);
}

static bool fits_text(const struct tape *tape, size_t at, unsigned param)
{
    struct sysfold_value value;

    return is_call(tape, at) && is_text(param_at(tape, at, param)) && get(tape, at, param, &value);
}

static int strike_status(struct tape *tape, size_t at, unsigned param, enum sysfold_status status)
{
    const struct edit edit = {.what = EDIT_STATUS, .param = param, .status = status};

    return tape_edit(tape, at, &edit);
}

static int strike_absent(struct tape *tape, size_t at, unsigned param)
{
    return strike_status(tape, at, param, SYSFOLD_ABSENT);
}

static int strike_null(struct tape *tape, size_t at, unsigned param)
{
    return strike_status(tape, at, param, SYSFOLD_NULL);
}

static int strike_unreadable(struct tape *tape, size_t at, unsigned param)
{
    return strike_status(tape, at, param, SYSFOLD_UNREADABLE);
}

/* Lives. */

static bool fits_exit(const struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    return is_compared(tape, at) && item_row(&tape->items[at]) == ROW_PROCESS_EXIT;
}

static int strike_exit(struct tape *tape, size_t at, unsigned param)
{
    const struct edit edit = {.what = EDIT_INTEGER,
                              .param = P_PROCESS_EXIT_status,
                              .integer = record_integer(&tape->items[at].record, P_PROCESS_EXIT_status, 0) ^ 0x100};

    (void)param;
    return tape_edit(tape, at, &edit);
}

static bool fits_exec(const struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    return is_compared(tape, at) && item_row(&tape->items[at]) == ROW_EXEC;
}

static int strike_exec(struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    return strike_last_byte(tape, at, P_EXEC_comm);
}

/* One that is neither ignored nor deadly: the thread goes on. */
static bool fits_signal(const struct tape *tape, size_t at, unsigned param)
{
    int64_t signo;

    (void)param;
    if (!is_compared(tape, at) || item_row(&tape->items[at]) != ROW_SIGNAL_DELIVERED)
        return false;
    signo = record_integer(&tape->items[at].record, P_SIGNAL_DELIVERED_signo, 0);
    if (signo == SIGCHLD || signo == SIGCONT || signo == SIGURG || signo == SIGWINCH)
        return false;
    return next_of_thread(tape, at) != NOWHERE && is_call(tape, next_of_thread(tape, at));
}

static int strike_signal(struct tape *tape, size_t at, unsigned param)
{
    struct edit edit = {.what = EDIT_INTEGER, .param = P_SIGNAL_DELIVERED_signo};

    (void)param;
    edit.integer = record_integer(&tape->items[at].record, P_SIGNAL_DELIVERED_signo, 0) == SIGUSR1 ? SIGUSR2 : SIGUSR1;
    return tape_edit(tape, at, &edit);
}

/* Losses. */

static int strike_false_loss(struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    return tape_lose(tape, at, 1);
}

static int strike_lost(struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    tape_remove(tape, at);
    return tape_lose(tape, at, 1);
}

static bool fits_nothing(const struct tape *tape, size_t at, unsigned param)
{
    (void)param;
    return tape->items[at].record.row;
}

static int strike_nothing(struct tape *tape, size_t at, unsigned param)
{
    (void)tape;
    (void)at;
    (void)param;
    return 0;
}

const struct kind kinds[] = {
    {"none", false, fits_nothing, strike_nothing},
    {"drop", false, fits_call, strike_drop},
    {"duplicate", false, fits_call, strike_duplicate},
    {"swap", false, fits_swap, strike_swap},
    {"move", false, fits_move, strike_move},
    {"argument", true, fits_argument, strike_number},
    {"result", false, fits_result, strike_result},
    {"failure", false, fits_failure, strike_failure},
    {"path", true, fits_path, strike_last_byte},
    {"data", true, fits_data, strike_last_byte},
    {"cut", true, fits_cut, strike_cut},
    {"fd", true, fits_fd, strike_number},
    {"absent", true, fits_status, strike_absent},
    {"null", true, fits_text, strike_null},
    {"unreadable", true, fits_text, strike_unreadable},
    {"exit", false, fits_exit, strike_exit},
    {"drop-exit", false, fits_exit, strike_drop},
    {"delay-exit", false, fits_delay_exit, strike_delay_exit},
    {"drop-start", false, fits_start, strike_drop},
    {"delay-start", false, fits_start, strike_delay_start},
    {"exec", false, fits_exec, strike_exec},
    {"drop-exec", false, fits_exec, strike_drop},
    {"signal", false, fits_signal, strike_signal},
    {"drop-signal", false, fits_signal, strike_drop},
    {"false-loss", false, fits_call, strike_false_loss},
    {"lost", false, fits_call, strike_lost},
    {0},
};
