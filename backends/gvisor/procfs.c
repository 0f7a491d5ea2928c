// SPDX-License-Identifier: Apache-2.0
/*
 *     PROCFS DUMP
 *
 *     {"exe":"/bin/busybox","args":["sleep","4"],...,"fdlist":[{"number":0,...},...],"status":{...},"maps":[...]}
 *
 *     {"exe":...
 *
 * One process to a line: runsc writes JSON without line breaks. Taken line by
 * line, a process that cannot be understood costs itself alone, and every
 * byte is parsed once, whatever a sandbox makes of its dump.
 */
#include "backends/gvisor/procfs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/cleanup.h"
#include "common/encode.h"
#include "common/error.h"
#include "common/rows.h"

#define TITLE "PROCFS DUMP"
#define ENGINE "gvisor"
/* Parsed, the worst of lines takes some 25 times its size; 40,000 mappings fit. */
#define LINE_MAX_SIZE ((size_t)8 << 20)

struct teller {
    struct encoder encoder;
    const char *container;
    const struct capture_options *options;
    uint64_t time;
    void (*put)(void *data, const uint8_t *record, size_t size);
    void *data;
    size_t processes;
    size_t orphans; /* processes whose parent is outside of the sandbox */
    int64_t orphan; /* the last of them */
};

static void put_record(struct teller *teller)
{
    size_t size;
    const uint8_t *record = encoder_finish(&teller->encoder, &size);

    teller->put(teller->data, record, size);
}

/* Whether there is such an integer, and no other value than it may have. */
static bool read_integer(const json_t *object, const char *key, int64_t lowest, int64_t highest, int64_t *ret_value)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < lowest || json_integer_value(value) > highest)
        return false;
    *ret_value = json_integer_value(value);
    return true;
}

static void put_integer(struct encoder *encoder, unsigned index, const json_t *object, const char *key, int64_t highest)
{
    int64_t value;

    if (read_integer(object, key, 0, highest, &value))
        encoder_integer(encoder, index, value);
}

/* An empty one is what gVisor writes where it does not know. */
static void put_string(struct encoder *encoder, unsigned index, const json_t *object, const char *key)
{
    const char *string = json_string_value(json_object_get(object, key));

    encoder_string(encoder, index, string && *string ? string : NULL);
}

static void put_ids(struct encoder *encoder, const json_t *status)
{
    const json_t *uid = json_object_get(status, "uid"), *gid = json_object_get(status, "gid");

    put_integer(encoder, P_SNAP_THREAD_uid, uid, "real", UINT32_MAX);
    put_integer(encoder, P_SNAP_THREAD_euid, uid, "effective", UINT32_MAX);
    put_integer(encoder, P_SNAP_THREAD_gid, gid, "real", UINT32_MAX);
    put_integer(encoder, P_SNAP_THREAD_egid, gid, "effective", UINT32_MAX);
}

/* Lays strings one behind the other, each with its NUL, as long as there is room. */
struct vector {
    uint8_t *to;
    size_t size, room;
    bool cut;
};

static void vector_add(struct vector *vector, const char *string, size_t size)
{
    size_t fits = size < vector->room - vector->size ? size : vector->room - vector->size;

    memcpy(vector->to + vector->size, string, fits);
    vector->size += fits;
    vector->cut |= fits < size;
}

static void put_argv(struct encoder *encoder, const json_t *args, size_t limit)
{
    struct vector vector = {0};

    if (json_array_size(args) == 0) {
        encoder_status(encoder, P_SNAP_THREAD_argv, SYSFOLD_ABSENT);
        return;
    }
    vector.to = encoder_variable_begin(encoder, P_SNAP_THREAD_argv, limit, &vector.room);
    for (size_t i = 0; i < json_array_size(args) && !vector.cut; i++) {
        const char *arg = json_string_value(json_array_get(args, i));

        vector_add(&vector, arg ? arg : "", arg ? strlen(arg) + 1 : 1);
    }
    encoder_variable_end(encoder, P_SNAP_THREAD_argv, vector.size, vector.cut);
}

static void vector_add_hierarchy(struct vector *lines, const json_t *hierarchy)
{
    const char *controllers = json_string_value(json_object_get(hierarchy, "controllers"));
    const char *path = json_string_value(json_object_get(hierarchy, "path"));
    int64_t id;
    char number[32];

    if (!controllers || !path || !read_integer(hierarchy, "hierarchy_id", 0, INT32_MAX, &id))
        return;
    (void)snprintf(number, sizeof(number), "%s%d:", lines->size ? "\n" : "", (int)id);
    vector_add(lines, number, strlen(number));
    vector_add(lines, controllers, strlen(controllers));
    vector_add(lines, ":", 1);
    vector_add(lines, path, strlen(path));
}

/* As /proc/PID/cgroup has them: gVisor's are version 1's. */
static void put_cgroup(struct encoder *encoder, const json_t *hierarchies)
{
    struct vector lines = {0};

    lines.to = encoder_variable_begin(encoder, P_SNAP_THREAD_cgroup, PATH_BYTES_MAX, &lines.room);
    for (size_t i = 0; i < json_array_size(hierarchies) && !lines.cut; i++)
        vector_add_hierarchy(&lines, json_array_get(hierarchies, i));
    if (lines.size)
        encoder_variable_end(encoder, P_SNAP_THREAD_cgroup, lines.size, lines.cut);
    else
        encoder_status(encoder, P_SNAP_THREAD_cgroup, SYSFOLD_ABSENT);
}

static void tell_thread(struct teller *teller, const json_t *process, int64_t pid)
{
    struct encoder *encoder = &teller->encoder;
    const json_t *status = json_object_get(process, "status"), *stat = json_object_get(process, "stat");

    encoder_begin(encoder, row_builtin(ROW_SNAP_THREAD), (uint32_t)pid, teller->time);
    encoder_integer(encoder, P_SNAP_THREAD_pid, pid);
    put_integer(encoder, P_SNAP_THREAD_ppid, status, "ppid", INT32_MAX);
    put_integer(encoder, P_SNAP_THREAD_pgid, stat, "pgid", INT32_MAX);
    put_integer(encoder, P_SNAP_THREAD_sid, stat, "sid", INT32_MAX);
    put_ids(encoder, status);
    put_integer(encoder, P_SNAP_THREAD_start_time, process, "clone_ts", INT64_MAX);
    put_string(encoder, P_SNAP_THREAD_comm, status, "comm");
    put_string(encoder, P_SNAP_THREAD_exe, process, "exe");
    put_argv(encoder, json_object_get(process, "args"), teller->options->live.string_vector_max);
    put_string(encoder, P_SNAP_THREAD_cwd, process, "cwd");
    put_string(encoder, P_SNAP_THREAD_root, process, "root");
    put_cgroup(encoder, json_object_get(process, "cgroup"));
    put_record(teller);
}

static void tell_fd(struct teller *teller, const json_t *file, int64_t pid)
{
    int64_t fd;

    if (!read_integer(file, "number", 0, INT32_MAX, &fd))
        return;
    encoder_begin(&teller->encoder, row_builtin(ROW_SNAP_FD), (uint32_t)pid, teller->time);
    encoder_integer(&teller->encoder, P_SNAP_FD_pid, pid);
    encoder_integer(&teller->encoder, P_SNAP_FD_fd, fd);
    put_integer(&teller->encoder, P_SNAP_FD_mode, file, "mode", UINT32_MAX);
    put_string(&teller->encoder, P_SNAP_FD_file, file, "path");
    put_record(teller);
}

static void tell_process(struct teller *teller, const json_t *process)
{
    const json_t *status = json_object_get(process, "status"), *files = json_object_get(process, "fdlist");
    int64_t pid, ppid, birth;

    if (!read_integer(status, "pid", 1, INT32_MAX, &pid))
        return;
    teller->processes++;
    if (read_integer(process, "clone_ts", 0, INT64_MAX, &birth) && (uint64_t)birth > teller->time)
        return; /* its birth is told as such */
    if (read_integer(status, "ppid", 0, 0, &ppid)) {
        teller->orphans++;
        teller->orphan = pid;
    }
    tell_thread(teller, process, pid);
    for (size_t i = 0; i < json_array_size(files); i++)
        tell_fd(teller, json_array_get(files, i), pid);
}

/* Its first process is the only one without a parent; where `runsc exec` or the pod's other containers
 * have added some, nothing tells which is which. */
static void tell_container(struct teller *teller)
{
    bool known = teller->orphans == 1;

    encoder_begin(&teller->encoder, row_builtin(ROW_SNAP_CONTAINER), known ? (uint32_t)teller->orphan : 0,
                  teller->time);
    if (known)
        encoder_integer(&teller->encoder, P_SNAP_CONTAINER_pid, teller->orphan);
    encoder_string(&teller->encoder, P_SNAP_CONTAINER_id, teller->container);
    encoder_string(&teller->encoder, P_SNAP_CONTAINER_engine, ENGINE);
    encoder_string(&teller->encoder, P_SNAP_CONTAINER_name, NULL);
    encoder_string(&teller->encoder, P_SNAP_CONTAINER_image, NULL);
    put_record(teller);
}

static bool fits_integer(const char *digits, size_t size)
{
    char copy[24];

    if (size >= sizeof(copy))
        return false;
    memcpy(copy, digits, size);
    copy[size] = '\0';
    errno = 0;
    (void)strtoll(copy, NULL, 10);
    return errno == 0;
}

/* jansson refuses the whole of a text for one number that is too large, and every process has some: the addresses of
 * [vsyscall] among its mappings. What is too large becomes null, in place. */
static size_t tame_number(char *text)
{
    size_t size = strspn(text, "+-0123456789.eE");
    bool integer = strcspn(text, ".eE") >= size;

    if (size >= 4 && !(integer && fits_integer(text, size))) {
        memcpy(text, "null", 4);
        memset(text + 4, ' ', size - 4);
    }
    return size;
}

static size_t string_size(const char *text)
{
    size_t size = 1;

    while (text[size] && text[size] != '"')
        size += text[size] == '\\' && text[size + 1] ? 2 : 1;
    return text[size] ? size + 1 : size;
}

static void tame_numbers(char *text)
{
    while (*text) {
        if (*text == '"')
            text += string_size(text);
        else if (*text == '-' || (*text >= '0' && *text <= '9'))
            text += tame_number(text);
        else
            text++;
    }
}

static int tell_line(struct teller *teller, const char *line, size_t size)
{
    cleanup_free char *text = NULL;
    json_t *process;

    if (size > LINE_MAX_SIZE)
        return 0;
    text = strndup(line, size);
    if (!text)
        return -ENOMEM;
    tame_numbers(text);
    process = json_loads(text, JSON_ALLOW_NUL, NULL);
    tell_process(teller, process);
    json_decref(process);
    return 0;
}

static int tell_lines(struct teller *teller, const char *lines, bool *ret_any)
{
    bool any = false;

    while (*lines) {
        size_t size = strcspn(lines, "\n");
        int r = size ? tell_line(teller, lines, size) : 0;

        if (r < 0)
            return r;
        any |= size > 0;
        lines += size + (lines[size] == '\n');
    }
    *ret_any = any;
    return 0;
}

int procfs_tell(const char *dump, const char *container, const struct capture_options *options, uint64_t time,
                void (*put)(void *data, const uint8_t *record, size_t size), void *data, struct sysfold_error *error)
{
    cleanup_free struct teller *teller = NULL;
    bool any;
    int r;

    if (strncmp(dump, TITLE "\n", strlen(TITLE "\n")) != 0)
        return error_set(error, -EBADMSG,
                         "gvisor: what runsc trace procfs printed is no dump of processes (does this runsc know it?)");
    teller = calloc(1, sizeof(*teller));
    if (!teller)
        return error_set(error, -ENOMEM, "gvisor: out of memory");
    teller->container = container;
    teller->options = options;
    teller->time = time;
    teller->put = put;
    teller->data = data;
    r = tell_lines(teller, dump + strlen(TITLE "\n"), &any);
    if (r < 0)
        return error_set(error, r, "gvisor: out of memory");
    if (any && teller->processes == 0)
        return error_set(error, -EBADMSG, "gvisor: no process of what runsc trace procfs printed can be understood");
    tell_container(teller);
    return 0;
}
