// SPDX-License-Identifier: Apache-2.0
/* The tables that events.def, types.def and flags.def expand to. */

#include "rows.h"

#include <assert.h>

#include "layout.h"
#include "record.h"

/* Flags. */

#define TABLE_BITS(TABLE) static const struct flag_entry entries_##TABLE[] = {
#define TABLE_VALUES(TABLE) static const struct flag_entry entries_##TABLE[] = {
#define BIT(TABLE, NAME, VALUE) {#NAME, VALUE, VALUE},
#define FIELD(TABLE, NAME, VALUE, MASK) {#NAME, VALUE, MASK},
#define VALUE(TABLE, NAME, VALUE) {#NAME, VALUE, UINT64_MAX},
#define TABLE_END(TABLE) };
#include "flags.def"
#undef TABLE_BITS
#undef TABLE_VALUES
#undef TABLE_END
#undef BIT
#undef FIELD
#undef VALUE
#define BIT(TABLE, NAME, VALUE)
#define FIELD(TABLE, NAME, VALUE, MASK)
#define VALUE(TABLE, NAME, VALUE)
#define TABLE_END(TABLE)

#define TABLE_OF(TABLE, IS_BITS)                                                                                       \
    static const struct flag_table table_##TABLE = {                                                                   \
        .name = #TABLE,                                                                                                \
        .entries = entries_##TABLE,                                                                                    \
        .count = sizeof(entries_##TABLE) / sizeof(entries_##TABLE[0]),                                                 \
        .bits = IS_BITS,                                                                                               \
    };
#define TABLE_BITS(TABLE) TABLE_OF(TABLE, true)
#define TABLE_VALUES(TABLE) TABLE_OF(TABLE, false)
#include "flags.def"
#undef TABLE_BITS
#undef TABLE_VALUES

#define TABLE_BITS(TABLE) &table_##TABLE,
#define TABLE_VALUES(TABLE) &table_##TABLE,
const struct flag_table *const flag_tables[] = {
#include "flags.def"
    NULL,
};

/* Types. */

static const struct flag_table table_none = {.name = "none"};

#define FIXED(ID, WIRE, COUNT, FORM, TABLE) TYPE_INFO(ID, WIRE, COUNT, FORM, TABLE, false)
#define VARIABLE(ID, WIRE, COUNT, FORM, TABLE) TYPE_INFO(ID, WIRE, COUNT, FORM, TABLE, true)
#define TYPE_INFO(ID, WIRE, COUNT, FORM, TABLE, VARIABLE)                                                              \
    [TYPE_##ID] = {#ID, &table_##TABLE, TYPE_##ID, WIRE_##WIRE, COUNT, FORM_##FORM, VARIABLE},
const struct type_info type_infos[TYPES] = {
    [TYPE_NONE] = {"?", &table_none, TYPE_NONE, WIRE_U8, 1, FORM_DATA, true},
#include "types.def"
};
#undef FIXED
#undef VARIABLE

#define FIXED(ID, WIRE, COUNT, FORM, TABLE) [TYPE_##ID] = #FORM,
#define VARIABLE(ID, WIRE, COUNT, FORM, TABLE) [TYPE_##ID] = #FORM,
const char *const form_names[TYPES] = {
    [TYPE_NONE] = "DATA",
#include "types.def"
};
#undef FIXED
#undef VARIABLE

/* Parameters. */

#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT) static const struct sysfold_param params_##ID[] = {
#define PARAM(ROW, NAME, TYPE, SOURCE, MOMENT)                                                                         \
    {#NAME, #SOURCE, &type_infos[TYPE_##TYPE], PLACE(ROW, NAME, TYPE), SOURCE, MOMENT_##MOMENT},
#define END(ID) };
#define PLACE(ROW, NAME, TYPE)                                                                                         \
    (sizeof(variable_type_##TYPE) ? offsetof(struct variable_##ROW, NAME) : offsetof(struct fixed_##ROW, NAME))
#include "events.def"
#undef EVENT
#undef PARAM
#undef END

#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT) enum { success_mask_##ID = 0
#define PARAM(ROW, NAME, TYPE, SOURCE, MOMENT) | (MOMENT_##MOMENT == MOMENT_SUCCESS) << P_##ROW##_##NAME
#define END(ID) };
#include "events.def"
#undef EVENT
#undef PARAM
#undef END

#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT) enum { entry_mask_##ID = 0
#define PARAM(ROW, NAME, TYPE, SOURCE, MOMENT) | (MOMENT_##MOMENT == MOMENT_ENTRY) << P_##ROW##_##NAME
#define END(ID) };
#include "events.def"
#undef EVENT
#undef PARAM
#undef END

/* Rows. */

#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT)                                                                       \
    static_assert(sizeof(struct fixed_##ID) <= RECORD_FIXED_MAX, NAME ": too many fixed bytes");                       \
    static_assert((int)P_##ID##_COUNT < ROW_PARAM_MAX, NAME ": too many parameters");                                  \
    static_assert((NUMBER) < ROW_MAX, NAME ": the number has 11 bits");
#define PARAM(ROW, NAME, TYPE, SOURCE, MOMENT)
#define END(ID)
#include "events.def"
#undef EVENT

enum row_index {
#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT) INDEX_##ID,
#include "events.def"
#undef EVENT
    ROW_COUNT
};

#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT)                                                                       \
    {NAME,                                                                                                             \
     params_##ID,                                                                                                      \
     NUMBER,                                                                                                           \
     sizeof(struct fixed_##ID),                                                                                        \
     CLASSES,                                                                                                          \
     E_##EFFECT,                                                                                                       \
     P_##ID##_COUNT,                                                                                                   \
     sizeof(struct variable_##ID),                                                                                     \
     success_mask_##ID,                                                                                                \
     entry_mask_##ID},
static const struct sysfold_row rows[ROW_COUNT] = {
#include "events.def"
};
#undef EVENT

#define EVENT(NUMBER, ID, NAME, CLASSES, EFFECT) [NUMBER] = &rows[INDEX_##ID],
static const struct sysfold_row *const rows_by_number[ROW_MAX] = {
#include "events.def"
};
#undef EVENT
#undef PARAM
#undef END

/* The design's arithmetic, kept true: openat is 46 bytes plus its path. */
static_assert(RECORD_HEADER_SIZE + sizeof(struct fixed_OPENAT) + 2 * sizeof(struct variable_OPENAT) == 46,
              "openat's record has grown");
static_assert(offsetof(struct fixed_OPENAT, ino) == 18, "openat's layout has moved");

static const struct sysfold_schema schema_builtin = {
    .by_number = rows_by_number,
    .rows = rows,
    .row_count = ROW_COUNT,
};

const struct sysfold_schema *sysfold_schema_builtin(void)
{
    return &schema_builtin;
}

const struct sysfold_row *row_builtin(unsigned number)
{
    return number < ROW_MAX ? rows_by_number[number] : NULL;
}

bool param_is_updated(const struct sysfold_row *row, const struct sysfold_param *param)
{
    switch (param->type->id) {
    case TYPE_POLLFDS:
    case TYPE_FD_SET:
    case TYPE_EPOLL_EVENTS:
    case TYPE_OFF_AT:
        return true;
    case TYPE_TIMESPEC:
    case TYPE_TIMEVAL:
        return row->number == ROW_SELECT || row->number == ROW_PSELECT6 || row->number == ROW_PPOLL ||
               row->number == ROW_RECVMMSG;
    default:
        return false;
    }
}

const char *const class_names[CLASS_COUNT] = {
    "file", "desc", "process", "network", "memory", "signal", "ipc", "creds", "clock",
};

const char *const effect_names[EFFECT_COUNT] = {
    [E_NONE] = "none",
    [E_OPENS_FD] = "opens_fd",
    [E_MAKES_FD] = "makes_fd",
    [E_MAKES_SOCKET] = "makes_socket",
    [E_MAKES_PAIR] = "makes_pair",
    [E_BINDS] = "binds",
    [E_CONNECTS] = "connects",
    [E_ACCEPTS] = "accepts",
    [E_DUPLICATES_FD] = "duplicates_fd",
    [E_CONTROLS_FD] = "controls_fd",
    [E_CLOSES_FD] = "closes_fd",
    [E_CLOSES_RANGE] = "closes_range",
    [E_RECEIVES_FDS] = "receives_fds",
    [E_GETS_FD] = "gets_fd",
    [E_USES_FD] = "uses_fd",
    [E_CHANGES_DIR] = "changes_dir",
    [E_CHANGES_DIR_FD] = "changes_dir_fd",
    [E_CHANGES_ROOT] = "changes_root",
    [E_NAMES_THREAD] = "names_thread",
    [E_UNSHARES] = "unshares",
    [E_STARTS_THREAD] = "starts_thread",
    [E_EXECS] = "execs",
    [E_ENDS_THREAD] = "ends_thread",
    [E_ENDS_PROCESS] = "ends_process",
    [E_SNAPSHOTS_THREAD] = "snapshots_thread",
    [E_SNAPSHOTS_FD] = "snapshots_fd",
    [E_LOSES] = "loses",
    [E_NAMES_CONTAINER] = "names_container",
};
