// SPDX-License-Identifier: Apache-2.0
/* The rows keep the promises that captures, backends and the state rely on; the schema tells them truly. */

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "common/cleanup.h"
#include "common/rows.h"
#include "events-lock.h"
#include "schema-paths.h"

/* Every row in order of number: the next one, or the first for NULL. */
static const struct sysfold_row *next_row(const struct sysfold_row *row)
{
    unsigned number = row ? row->number + 1 : 0;

    while (number < ROW_MAX && !row_builtin(number))
        number++;
    return row_builtin(number);
}

static const struct sysfold_param *params_end(const struct sysfold_row *row)
{
    return row->params + row->param_count;
}

/* The lock. */

Test(schema, what_is_locked_has_not_changed)
{
    struct lock lock;

    cr_assert_eq(lock_read(EVENTS_LOCK, &lock), 0, "%s cannot be read", EVENTS_LOCK);
    cr_assert_gt(lock.count, 1000u);
    for (size_t i = 0; i < lock.count; i++) {
        const struct lock_line *line = &lock.lines[i];

        cr_expect(lock_line_holds(line),
                  "parameter %u (%s) of row %u (%s) was changed, moved or removed: rows are only ever appended to",
                  line->index, line->param, line->number, line->row);
    }
    lock_finish(&lock);
}

Test(schema, what_is_new_is_locked)
{
    struct lock lock;

    cr_assert_eq(lock_read(EVENTS_LOCK, &lock), 0);
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        for (unsigned index = 0; index < row->param_count; index++)
            cr_expect(lock_find(&lock, row->number, index),
                      "%s.%s is not in common/events.lock: run `ninja update-events-lock` and commit the file",
                      row->name, row->params[index].name);
    }
    lock_finish(&lock);
}

/* A fixed parameter that is appended later comes behind variable ones in the row, yet before them on the wire. */
Test(schema, fixed_parameters_come_first)
{
    struct lock lock;

    cr_assert_eq(lock_read(EVENTS_LOCK, &lock), 0);
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        bool variable = false;

        for (unsigned index = 0; index < row->param_count; index++) {
            const struct lock_line *line = lock_find(&lock, row->number, index);

            if (line && line->appended)
                continue;
            cr_expect(!variable || row->params[index].type->variable, "%s: %s comes after a variable parameter",
                      row->name, row->params[index].name);
            variable = row->params[index].type->variable;
        }
    }
    lock_finish(&lock);
}

Test(schema, a_lock_tells_a_change_from_an_addition)
{
    struct lock_line line = lock_line_now(row_builtin(ROW_OPENAT), P_OPENAT_flags);
    struct lock_line changed;

    cr_assert(lock_line_holds(&line));
    changed = line;
    changed.place++;
    cr_expect(!lock_line_holds(&changed));
    changed = line;
    changed.index = P_OPENAT_COUNT;
    cr_expect(!lock_line_holds(&changed));
    changed = line;
    strcpy(changed.type, "HEX32");
    cr_expect(!lock_line_holds(&changed));
    changed = line;
    strcpy(changed.wire, "i32");
    cr_expect(!lock_line_holds(&changed));
    changed = line;
    strcpy(changed.param, "flag");
    cr_expect(!lock_line_holds(&changed));
    changed = line;
    changed.number = ROW_MAX - 1;
    cr_expect(!lock_line_holds(&changed));
}

/* Numbers. */

#ifdef __x86_64__
#define HEADER_MAX 1024

static char header_names[HEADER_MAX][LOCK_NAME_MAX];

/* The definitions of asm/unistd_64.h, as the compiler lists them. Returns the greatest number. */
static unsigned read_header(void)
{
    cleanup_fclose FILE *file = fopen(UNISTD_DEFINES, "re");
    unsigned greatest = 0;
    char line[512];

    cr_assert(file, "%s", UNISTD_DEFINES);
    while (fgets(line, sizeof(line), file)) {
        char name[LOCK_NAME_MAX];
        unsigned number;

        if (sscanf(line, "#define __NR_%63s %u", name, &number) != 2 || number >= HEADER_MAX)
            continue;
        memcpy(header_names[number], name, sizeof(name));
        greatest = number > greatest ? number : greatest;
    }
    return greatest;
}

Test(schema, system_calls_have_the_kernels_numbers)
{
    unsigned greatest = read_header();

    cr_assert_geq(greatest, 450u);
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        if (row->number > greatest)
            continue;
        cr_expect_str_eq(row->name, header_names[row->number], "row %u is %s, the kernel's is %s", row->number,
                         row->name, header_names[row->number]);
    }
}
#endif

Test(schema, names_are_unique)
{
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        cr_expect_eq(sysfold_schema_row_by_name(sysfold_schema_builtin(), row->name), row, "two rows are called %s",
                     row->name);
    }
}

/* What the issue of the first release names, one by one. */
Test(schema, the_families_have_rows_of_their_own)
{
    char names[] =
        "open openat openat2 creat close close_range read write pread64 pwrite64 readv writev preadv pwritev "
        "preadv2 pwritev2 lseek stat fstat lstat newfstatat statx access faccessat faccessat2 rename renameat "
        "renameat2 link linkat unlink unlinkat mkdir mkdirat rmdir symlink symlinkat readlink readlinkat chmod "
        "fchmod fchmodat chown fchown lchown fchownat truncate ftruncate getdents getdents64 dup dup2 dup3 pipe "
        "pipe2 fcntl ioctl flock fsync fdatasync mmap munmap mprotect brk copy_file_range sendfile splice clone "
        "clone3 fork vfork execve execveat exit exit_group wait4 waitid kill tkill tgkill setuid setgid setreuid "
        "setregid setresuid setresgid setfsuid setfsgid setgroups setsid setpgid prctl chdir fchdir chroot "
        "prlimit64 ptrace unshare setns mount umount2 pivot_root move_mount open_tree fsopen fsconfig fsmount "
        "fspick mount_setattr seccomp bpf capset socket socketpair bind connect listen accept accept4 sendto "
        "sendmsg sendmmsg recvfrom recvmsg recvmmsg shutdown getsockopt setsockopt getsockname getpeername "
        "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll select pselect6 "
        "eventfd eventfd2 timerfd_create timerfd_settime timerfd_gettime signalfd signalfd4 inotify_init "
        "inotify_init1 inotify_add_watch inotify_rm_watch io_uring_setup io_uring_enter io_uring_register "
        "memfd_create userfaultfd pidfd_open pidfd_getfd pidfd_send_signal rt_sigaction rt_sigprocmask "
        "rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend futex "
        "nanosleep clock_nanosleep";

    for (char *rest = NULL, *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest))
        cr_expect(sysfold_schema_row_by_name(sysfold_schema_builtin(), name), "%s has no row", name);
}

/* Parameters. */

Test(schema, a_system_calls_result_comes_first)
{
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        bool is_call = sysfold_row_is_syscall(row);

        for (const struct sysfold_param *param = row->params; param < params_end(row); param++) {
            cr_expect_eq(param->source == SOURCE_RESULT, is_call && param == row->params, "%s.%s", row->name,
                         param->name);
        }
        if (is_call)
            cr_expect_str_eq(row->params[0].name, "res", "%s", row->name);
    }
}

Test(schema, parameters_have_names_of_their_own)
{
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        for (const struct sysfold_param *param = row->params; param < params_end(row); param++) {
            cr_expect_eq(sysfold_row_param_index(row, param->name), param - row->params, "%s has two %s", row->name,
                         param->name);
            for (const char *c = param->name; *c; c++)
                cr_expect(islower(*c) || isdigit(*c) || *c == '_', "%s.%s", row->name, param->name);
        }
    }
}

/* What decoder/state looks for (common/rows.h, enum effect). */
static const char *const effect_params[EFFECT_COUNT][5] = {
    [E_OPENS_FD] = {"res", "file"},
    [E_MAKES_FD] = {"res"},
    [E_MAKES_SOCKET] = {"res", "family", "type"},
    [E_MAKES_PAIR] = {"fds"},
    [E_BINDS] = {"fd", "addr"},
    [E_CONNECTS] = {"fd", "addr", "sockets"},
    [E_ACCEPTS] = {"res", "fd", "addr", "sockets"},
    [E_DUPLICATES_FD] = {"fd", "res"},
    [E_CONTROLS_FD] = {"fd", "res"}, /* and cmd or request */
    [E_CLOSES_FD] = {"fd"},
    [E_CLOSES_RANGE] = {"first", "last", "flags"},
    [E_RECEIVES_FDS] = {"fd", "control"},
    [E_GETS_FD] = {"res"},
    [E_USES_FD] = {"fd"},
    [E_CHANGES_DIR] = {"path"},
    [E_CHANGES_DIR_FD] = {"fd"},
    [E_CHANGES_ROOT] = {"path"},
    [E_NAMES_THREAD] = {"option", "name"},
    [E_UNSHARES] = {"flags"},
    [E_STARTS_THREAD] = {"pid", "ppid", "parent_tid", "flags"},
    [E_EXECS] = {"pid", "old_tid", "comm", "exe"},
    [E_ENDS_THREAD] = {"pid", "status"},
    [E_ENDS_PROCESS] = {"pid", "status"},
    [E_SNAPSHOTS_THREAD] = {"pid", "ppid", "comm", "cwd"},
    [E_SNAPSHOTS_FD] = {"pid", "fd", "flags", "file", "sockets"},
    [E_LOSES] = {"count"},
    [E_NAMES_CONTAINER] = {"pid", "id", "engine"},
};

Test(schema, effects_find_their_parameters)
{
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        for (size_t i = 0; i < 5 && effect_params[row->effect][i]; i++)
            cr_expect_geq(sysfold_row_param_index(row, effect_params[row->effect][i]), 0, "%s %s, but has no %s",
                          row->name, effect_names[row->effect], effect_params[row->effect][i]);
        if (row->effect == E_CONTROLS_FD)
            cr_expect((sysfold_row_param_index(row, "cmd") >= 0 && sysfold_row_param_index(row, "arg") >= 0) ||
                          sysfold_row_param_index(row, "request") >= 0,
                      "%s", row->name);
    }
}

Test(schema, descriptors_are_typed_as_such)
{
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        for (const struct sysfold_param *param = row->params; param < params_end(row); param++) {
            if (!strcmp(param->name, "fd"))
                cr_expect_eq(param->type->id, TYPE_FD, "%s.fd", row->name);
            if (!strcmp(param->name, "fds") && row->effect == E_MAKES_PAIR)
                cr_expect_eq(param->type->id, TYPE_FD_PAIR, "%s.fds", row->name);
            if (!strcmp(param->name, "sockets"))
                cr_expect_eq(param->type->id, TYPE_SOCKET_PAIR, "%s.sockets", row->name);
        }
    }
}

/* The recipes. */

static bool is_variable_source(unsigned source)
{
    switch (source) {
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
    case SOURCE_USER_ARRAY:
    case SOURCE_RESULT_SOCKET:
    case SOURCE_FD_SOCKET:
        return true;
    default:
        return false;
    }
}

static bool takes_length(unsigned source)
{
    return source == SOURCE_USER_BYTES || source == SOURCE_USER_IOVEC || source == SOURCE_MSG_DATA ||
           source == SOURCE_USER_ARRAY;
}

static bool is_length(unsigned code)
{
    return code <= LENGTH_RESULT || (code >= LENGTH_INT_AT && code < LENGTH_INT_AT + 6) ||
           (code >= LENGTH_WITHIN && code < LENGTH_WITHIN + 6) || (code >= LENGTH_SIZE && code < LENGTH_BITS) ||
           (code >= LENGTH_BITS && code < LENGTH_BITS + 6);
}

Test(schema, sources_fit_their_types)
{
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        for (const struct sysfold_param *param = row->params; param < params_end(row); param++) {
            const struct type_info *type = param->type;
            bool is_path = param->source == SOURCE_RESULT_FILE && param->a == FILE_PATH;

            if (param->source == SOURCE_GIVEN)
                continue;
            cr_expect_eq(type->variable, is_variable_source(param->source) || is_path, "%s.%s", row->name, param->name);
            if (!type->variable && param->source != SOURCE_USER_FIXED)
                cr_expect_eq(type->count, 1, "%s.%s is more than one integer", row->name, param->name);
            cr_expect_lt(param->a, param->source == SOURCE_USER_IOVEC ? 5 : 6, "%s.%s: argument %u", row->name,
                         param->name, param->a);
            if (takes_length(param->source))
                cr_expect(is_length(param->b), "%s.%s: length %u", row->name, param->name, param->b);
        }
    }
}

/* Only a success has an output, or a length that is the result. */
Test(schema, outputs_are_read_on_success_only)
{
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        for (const struct sysfold_param *param = row->params; param < params_end(row); param++) {
            bool by_result = takes_length(param->source) &&
                             (param->b == LENGTH_RESULT || (param->b >= LENGTH_INT_AT && param->b < LENGTH_SIZE));

            if (by_result || param->source == SOURCE_RESULT_FILE || param->source == SOURCE_RESULT_SOCKET ||
                param->source == SOURCE_USER_SOCKADDR_OUT)
                cr_expect_eq(param->moment, MOMENT_SUCCESS, "%s.%s", row->name, param->name);
            if (param->source == SOURCE_RESULT)
                cr_expect_eq(param->moment, MOMENT_EXIT, "%s.%s", row->name, param->name);
        }
    }
}

/* Backends keep variable parameters only between entry and exit. */
Test(schema, what_the_kernel_is_about_to_use_is_read_at_entry)
{
    static const struct {
        unsigned row, param;
    } at_entry[] = {
        {ROW_OPEN, P_OPEN_path},         {ROW_OPENAT, P_OPENAT_path},     {ROW_OPENAT2, P_OPENAT2_path},
        {ROW_CREAT, P_CREAT_path},       {ROW_CONNECT, P_CONNECT_addr},   {ROW_EXECVE, P_EXECVE_path},
        {ROW_EXECVE, P_EXECVE_argv},     {ROW_EXECVE, P_EXECVE_envp},     {ROW_EXECVEAT, P_EXECVEAT_path},
        {ROW_EXECVEAT, P_EXECVEAT_argv}, {ROW_EXECVEAT, P_EXECVEAT_envp},
    };

    for (size_t i = 0; i < sizeof(at_entry) / sizeof(at_entry[0]); i++)
        cr_expect_eq(row_builtin(at_entry[i].row)->params[at_entry[i].param].moment, MOMENT_ENTRY, "%s",
                     row_builtin(at_entry[i].row)->name);
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        uint32_t entry = 0;
        uint32_t success = 0;

        for (const struct sysfold_param *param = row->params; param < params_end(row); param++) {
            cr_expect(param->moment != MOMENT_ENTRY || param->type->variable, "%s.%s", row->name, param->name);
            entry |= (uint32_t)(param->moment == MOMENT_ENTRY) << (param - row->params);
            success |= (uint32_t)(param->moment == MOMENT_SUCCESS) << (param - row->params);
        }
        cr_expect_eq(row->entry_mask, entry, "%s", row->name);
        cr_expect_eq(row->success_mask, success, "%s", row->name);
    }
}

/* Places, worked out a second time. */
Test(schema, parameters_lie_one_behind_the_other)
{
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        size_t fixed = 0;
        size_t variable = 0;

        for (const struct sysfold_param *param = row->params; param < params_end(row); param++) {
            cr_expect_eq(param->place, param->type->variable ? variable : fixed, "%s.%s", row->name, param->name);
            if (param->type->variable)
                variable++;
            else
                fixed += type_size(param->type);
        }
        cr_expect_eq(row->fixed_size, fixed, "%s", row->name);
        cr_expect_eq(row->variable_count, variable, "%s", row->name);
    }
}

/* Types. */

Test(schema, types_have_the_tables_that_their_forms_need)
{
    for (unsigned i = TYPE_NONE + 1; i < TYPES; i++) {
        const struct type_info *type = &type_infos[i];

        cr_expect_eq(type->id, i);
        cr_expect_lt(type->form, FORM_COUNT);
        if (type->form == FORM_FLAGS || type->form == FORM_ENUM) {
            cr_expect_gt(type->table->count, 0u, "%s has no table", type->name);
            cr_expect_eq(type->table->bits, type->form == FORM_FLAGS, "%s is shown as what it is not", type->name);
            cr_expect_eq(type->count, 1, "%s", type->name);
        }
    }
}

Test(schema, every_type_is_of_use)
{
    bool used[TYPES] = {[TYPE_NONE] = true};

    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        for (const struct sysfold_param *param = row->params; param < params_end(row); param++) {
            used[param->type->id] = true;
        }
    }
    for (unsigned i = 0; i < TYPES; i++)
        cr_expect(used[i], "no row has a parameter of type %s", type_infos[i].name);
}

/* The public view. */

Test(schema, rows_are_found_by_number_name_and_index)
{
    const struct sysfold_schema *schema = sysfold_schema_builtin();
    size_t count = sysfold_schema_row_count(schema);

    for (size_t i = 0; i < count; i++) {
        const struct sysfold_row *row = sysfold_schema_row(schema, i);

        cr_assert(row);
        cr_expect_eq(sysfold_schema_row_by_id(schema, sysfold_row_id(row)), row);
        cr_expect_eq(sysfold_schema_row_by_name(schema, sysfold_row_name(row)), row);
    }
    cr_expect_null(sysfold_schema_row(schema, count));
    cr_expect_null(sysfold_schema_row_by_id(schema, ROW_MAX));
    cr_expect_null(sysfold_schema_row_by_id(schema, 1023));
    cr_expect_null(sysfold_schema_row_by_name(schema, ""));
    cr_expect_null(sysfold_schema_row_by_name(schema, "open "));
}

Test(schema, a_row_tells_about_itself)
{
    const struct sysfold_row *row = sysfold_schema_row_by_name(sysfold_schema_builtin(), "openat");
    const struct sysfold_param *flags = sysfold_row_param(row, 2);
    const struct sysfold_param *file = sysfold_row_param(row, 7);

    cr_assert_eq(sysfold_row_id(row), 257u);
    cr_expect(sysfold_row_is_syscall(row));
    cr_expect_str_eq(sysfold_row_class(row, 0), "file");
    cr_expect_str_eq(sysfold_row_class(row, 1), "desc");
    cr_expect_null(sysfold_row_class(row, 2));
    cr_expect_str_eq(sysfold_row_effect(row), "opens_fd");
    cr_expect_eq(sysfold_row_param_count(row), 8u);
    cr_expect_null(sysfold_row_param(row, 8));
    cr_expect_eq(sysfold_row_param_index(row, "path"), 6);
    cr_expect_eq(sysfold_row_param_index(row, "pat"), -ENOENT);
    cr_expect_str_eq(sysfold_param_name(flags), "flags");
    cr_expect_str_eq(sysfold_param_type(flags), "OPEN_FLAGS");
    cr_expect_str_eq(sysfold_param_source(flags), "ARG(2)");
    cr_expect_str_eq(sysfold_param_moment(flags), "exit");
    cr_expect_str_eq(sysfold_param_source(file), "RESULT_FILE(FILE_PATH)");
    cr_expect_str_eq(sysfold_param_moment(file), "success");
    cr_expect_str_eq(sysfold_param_moment(sysfold_row_param(row, 6)), "entry");
    cr_expect(sysfold_row_is_syscall(row_builtin(ROW_SYSCALL)));
    cr_expect(!sysfold_row_is_syscall(row_builtin(ROW_EXEC)));
    cr_expect_null(sysfold_row_class(row_builtin(ROW_EXEC), 0));
}

static const char *wire_of(const char *row_name, const char *param)
{
    const struct sysfold_row *row = sysfold_schema_row_by_name(sysfold_schema_builtin(), row_name);

    return sysfold_param_wire(sysfold_row_param(row, (size_t)sysfold_row_param_index(row, param)));
}

Test(schema, wire_forms_are_spelt)
{
    cr_expect_str_eq(wire_of("openat", "res"), "i32");
    cr_expect_str_eq(wire_of("openat", "mode"), "u16");
    cr_expect_str_eq(wire_of("openat", "path"), "bytes");
    cr_expect_str_eq(wire_of("nanosleep", "req"), "2*i64");
    cr_expect_str_eq(wire_of("epoll_ctl", "event"), "12*u8");
    cr_expect_str_eq(wire_of("epoll_wait", "events"), "12*u8[]");
    cr_expect_str_eq(wire_of("select", "readfds"), "u64[]");
    cr_expect_str_eq(wire_of("setgroups", "groups"), "u32[]");
}

/* The documents. */

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    cr_assert(text, "no %s", key);
    return text;
}

static void check_json_row(const json_t *event, const struct sysfold_row *row)
{
    const json_t *params = json_object_get(event, "params");
    const json_t *classes = json_object_get(event, "classes");

    cr_expect_str_eq(text_at(event, "name"), row->name);
    cr_expect_eq(json_integer_value(json_object_get(event, "number")), row->number);
    cr_expect_eq(json_is_true(json_object_get(event, "syscall")), sysfold_row_is_syscall(row));
    cr_expect_str_eq(text_at(event, "effect"), sysfold_row_effect(row));
    cr_expect_eq(json_array_size(classes), (size_t)__builtin_popcount(row->classes));
    cr_assert_eq(json_array_size(params), row->param_count);
    for (size_t i = 0; i < row->param_count; i++) {
        const json_t *param = json_array_get(params, i);

        cr_expect_str_eq(text_at(param, "name"), row->params[i].name);
        cr_expect_str_eq(text_at(param, "type"), row->params[i].type->name);
        cr_expect_str_eq(text_at(param, "wire"), sysfold_param_wire(&row->params[i]));
        cr_expect_str_eq(text_at(param, "source"), row->params[i].source_text);
        cr_expect_str_eq(text_at(param, "moment"), sysfold_param_moment(&row->params[i]));
    }
}

/* Does the array hold an object of that name? */
static bool has_named(const json_t *array, const char *name)
{
    const json_t *object;
    size_t index;

    json_array_foreach(array, index, object)
    {
        if (!strcmp(text_at(object, "name"), name))
            return true;
    }
    return false;
}

Test(schema, the_json_document_holds_all_of_it)
{
    cleanup_free char *text = NULL;
    json_t *document;
    size_t index = 0;

    cr_assert_eq(sysfold_schema_to_json(&text, NULL), 0);
    document = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(document, "the document is not JSON");
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        check_json_row(json_array_get(json_object_get(document, "events"), index++), row);
    }
    cr_expect_eq(json_array_size(json_object_get(document, "events")), index);
    for (unsigned i = TYPE_NONE + 1; i < TYPES; i++)
        cr_expect(has_named(json_object_get(document, "types"), type_infos[i].name), "%s", type_infos[i].name);
    for (size_t i = 0; flag_tables[i]; i++)
        cr_expect(has_named(json_object_get(document, "tables"), flag_tables[i]->name), "%s", flag_tables[i]->name);
    for (size_t i = 0; i < CLASS_COUNT; i++)
        cr_expect(has_named(json_object_get(document, "classes"), class_names[i]), "%s", class_names[i]);
    for (size_t i = 0; i < EFFECT_COUNT; i++)
        cr_expect(has_named(json_object_get(document, "effects"), effect_names[i]), "%s", effect_names[i]);
    cr_expect_eq(json_array_size(json_object_get(document, "moments")), 3u);
    json_decref(document);
}

/* Every operator that a row uses is explained. */
Test(schema, sources_are_explained)
{
    cleanup_free char *text = NULL;

    cr_assert_eq(sysfold_schema_to_markdown(&text, NULL), 0);
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        for (const struct sysfold_param *param = row->params; param < params_end(row); param++) {
            char explained[LOCK_NAME_MAX];

            (void)snprintf(explained, sizeof(explained), "\n- `%.*s", (int)strcspn(param->source_text, "("),
                           param->source_text);
            cr_expect(strstr(text, explained), "%s is not explained", param->source_text);
        }
    }
}

Test(schema, the_markdown_document_holds_all_of_it)
{
    cleanup_free char *text = NULL;
    const char *at;

    cr_assert_eq(sysfold_schema_to_markdown(&text, NULL), 0);
    at = text;
    for (const struct sysfold_row *row = next_row(NULL); row; row = next_row(row)) {
        char title[LOCK_NAME_MAX + 16];

        (void)snprintf(title, sizeof(title), "\n### %s (%u)\n", row->name, row->number);
        at = strstr(at, title);
        cr_assert(at, "%s is missing or out of order", row->name);
        for (const struct sysfold_param *param = row->params; param < params_end(row); param++) {
            char line[256];

            (void)snprintf(line, sizeof(line), "\n| %s | %s | %s | %s | %s |\n", param->name, param->type->name,
                           sysfold_param_wire(param), param->source_text, sysfold_param_moment(param));
            cr_assert(strstr(at, line), "%s.%s is missing", row->name, param->name);
        }
    }
    for (unsigned i = TYPE_NONE + 1; i < TYPES; i++) {
        char line[LOCK_NAME_MAX + 16];

        (void)snprintf(line, sizeof(line), "\n| %s | ", type_infos[i].name);
        cr_expect(strstr(at, line), "%s is missing", type_infos[i].name);
    }
}
