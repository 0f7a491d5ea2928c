// SPDX-License-Identifier: Apache-2.0
/* A dump of a sandbox's processes as records: excerpts of real ones, whole real ones, and what a hostile sandbox
 * might print. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "backends/gvisor/procfs.h"
#include "common/cleanup.h"
#include "decoder/decode/record.h"
#include "source-root.h"

#define TIME UINT64_C(1795250000000000001) /* behind what is recorded */
#define TOLD_MAX 4096

static const struct capture_options options = {.live = {.string_vector_max = 16384}};

/* Copies of the records, in their order. */
static struct told {
    uint8_t *records[TOLD_MAX];
    size_t sizes[TOLD_MAX];
    size_t count;
} told;

static void take(void *data, const uint8_t *bytes, size_t size)
{
    cr_assert_eq(data, &told);
    cr_assert_lt(told.count, TOLD_MAX);
    told.records[told.count] = malloc(size);
    memcpy(told.records[told.count], bytes, size);
    told.sizes[told.count++] = size;
}

static void forget(void)
{
    while (told.count)
        free(told.records[--told.count]);
}

TestSuite(gvisor_procfs, .fini = forget);

static int tell(const char *dump, const struct capture_options *how)
{
    struct sysfold_error error = {0};
    int r;

    forget();
    r = procfs_tell(dump, "box-1", how, TIME, take, &told, &error);
    cr_assert_eq(r < 0, error.message[0] != '\0', "an error is explained, and nothing else is");
    return r;
}

static struct record at(size_t index, unsigned row)
{
    struct record record;

    cr_assert_lt(index, told.count);
    cr_assert_eq(record_read(&record, sysfold_schema_builtin(), told.records[index], told.sizes[index], false),
                 (int)told.sizes[index]);
    cr_assert_eq(record.row->number, row, "record %zu is %s", index, record.row->name);
    cr_assert_eq(record.time, TIME);
    return record;
}

static struct sysfold_value value_of(const struct record *record, unsigned param)
{
    struct sysfold_value value;

    cr_assert_eq(record_param(record, param, &value), 0);
    return value;
}

static void expect_integer(const struct record *record, unsigned param, int64_t expected)
{
    struct sysfold_value value = value_of(record, param);

    cr_assert_eq(value.status, SYSFOLD_PRESENT, "%s is absent", record->row->params[param].name);
    cr_assert_eq(value.i, expected, "%s is %lld", record->row->params[param].name, (long long)value.i);
}

static void expect_bytes(const struct record *record, unsigned param, const char *expected, size_t size)
{
    struct sysfold_value value = value_of(record, param);

    cr_assert_eq(value.status, SYSFOLD_PRESENT, "%s is absent", record->row->params[param].name);
    cr_assert_eq(value.size, size, "%s has %zu bytes", record->row->params[param].name, value.size);
    cr_assert_arr_eq(value.data, expected, size);
}

static void expect_string(const struct record *record, unsigned param, const char *expected)
{
    expect_bytes(record, param, expected, strlen(expected));
}

static void expect_absent(const struct record *record, unsigned param)
{
    cr_assert_eq(value_of(record, param).status, SYSFOLD_ABSENT, "%s is there", record->row->params[param].name);
}

#define BEGIN "PROCFS DUMP\n\n"
/* The last mapping of every process ends beyond what a signed integer holds. */
#define MAPS                                                                                                           \
    "\"maps\":[{\"address\":{\"Start\":18446744073699065856,\"End\":18446744073699069952},\"permissions\":"            \
    "{\"Read\":true,\"Write\":false,\"Execute\":true},\"private\":\"p\",\"offset\":0,\"pathname\":\"[vsyscall]\"}]"
#define SHELL                                                                                                           \
    "{\"exe\":\"/bin/busybox\",\"args\":[\"/bin/sh\",\"-c\",\"exec 7\\u003c/x \\u0026 \\\"18446744073699069952\\\"\"]," \
    "\"env\":[\"HOME=/\"],\"cwd\":\"/tmp\",\"fdlist\":[{\"number\":0,\"path\":\"host:[1]\",\"mode\":8630},"             \
    "{\"number\":7,\"path\":\"/bin/busybox\",\"mode\":33261}],\"clone_ts\":1795246167491645738,\"root\":\"/\","         \
    "\"limits\":{\"RLIMIT_NOFILE\":{\"cur\":1024,\"max\":1024}},\"cgroup\":[{\"hierarchy_id\":7,\"controllers\":"       \
    "\"pids\",\"path\":\"/\"},{\"hierarchy_id\":6,\"controllers\":\"memory\",\"path\":\"/a\"}],\"status\":"             \
    "{\"comm\":\"sh\",\"pid\":2,\"ppid\":0,\"uid\":{\"real\":1,\"effective\":2,\"saved\":3},\"gid\":{\"real\":4,"       \
    "\"effective\":4294967295,\"saved\":6},\"vm_size\":10308,\"vm_rss\":2480},\"stat\":{\"pgid\":3,\"sid\":4}," MAPS    \
    "}\n"

Test(gvisor_procfs, tells_a_process)
{
    struct record record;

    cr_assert_eq(tell(BEGIN SHELL, &options), 0);
    cr_assert_eq(told.count, 4);
    record = at(0, ROW_SNAP_THREAD);
    cr_assert_eq(record.tid, 2);
    expect_integer(&record, P_SNAP_THREAD_pid, 2);
    expect_integer(&record, P_SNAP_THREAD_ppid, 0);
    expect_integer(&record, P_SNAP_THREAD_pgid, 3);
    expect_integer(&record, P_SNAP_THREAD_sid, 4);
    expect_integer(&record, P_SNAP_THREAD_uid, 1);
    expect_integer(&record, P_SNAP_THREAD_euid, 2);
    expect_integer(&record, P_SNAP_THREAD_gid, 4);
    cr_assert_eq((uint32_t)value_of(&record, P_SNAP_THREAD_egid).u, UINT32_MAX);
    expect_integer(&record, P_SNAP_THREAD_start_time, INT64_C(1795246167491645738)); /* to the nanosecond */
    expect_string(&record, P_SNAP_THREAD_comm, "sh");
    expect_string(&record, P_SNAP_THREAD_exe, "/bin/busybox");
    expect_bytes(&record, P_SNAP_THREAD_argv, "/bin/sh\0-c\0exec 7</x & \"18446744073699069952\"", 46);
    expect_string(&record, P_SNAP_THREAD_cwd, "/tmp");
    expect_string(&record, P_SNAP_THREAD_root, "/");
    expect_string(&record, P_SNAP_THREAD_cgroup, "7:pids:/\n6:memory:/a");
    expect_absent(&record, P_SNAP_THREAD_pid_ns);
    expect_absent(&record, P_SNAP_THREAD_net_ns);
}

Test(gvisor_procfs, tells_descriptors_and_the_container)
{
    struct record record;

    cr_assert_eq(tell(BEGIN SHELL, &options), 0);
    record = at(1, ROW_SNAP_FD);
    cr_assert_eq(record.tid, 2);
    expect_integer(&record, P_SNAP_FD_pid, 2);
    expect_integer(&record, P_SNAP_FD_fd, 0);
    expect_integer(&record, P_SNAP_FD_mode, 8630);
    expect_string(&record, P_SNAP_FD_file, "host:[1]");
    expect_absent(&record, P_SNAP_FD_flags);
    expect_absent(&record, P_SNAP_FD_ino);
    expect_absent(&record, P_SNAP_FD_sockets);
    record = at(2, ROW_SNAP_FD);
    expect_integer(&record, P_SNAP_FD_fd, 7);
    expect_string(&record, P_SNAP_FD_file, "/bin/busybox");
    record = at(3, ROW_SNAP_CONTAINER);
    expect_integer(&record, P_SNAP_CONTAINER_pid, 2);
    expect_string(&record, P_SNAP_CONTAINER_id, "box-1");
    expect_string(&record, P_SNAP_CONTAINER_engine, "gvisor");
    expect_absent(&record, P_SNAP_CONTAINER_name);
}

/* Two processes came from outside: which of them is the container's first, nobody knows. */
Test(gvisor_procfs, does_not_guess_the_first_process)
{
    struct record record;

    cr_assert_eq(tell(BEGIN "{\"status\":{\"pid\":1,\"ppid\":0}}\n\n{\"status\":{\"pid\":2,\"ppid\":1}}\n", &options),
                 0);
    record = at(2, ROW_SNAP_CONTAINER);
    expect_integer(&record, P_SNAP_CONTAINER_pid, 1);
    cr_assert_eq(tell(BEGIN "{\"status\":{\"pid\":1,\"ppid\":0}}\n\n{\"status\":{\"pid\":9,\"ppid\":0}}\n", &options),
                 0);
    record = at(2, ROW_SNAP_CONTAINER);
    expect_absent(&record, P_SNAP_CONTAINER_pid);
}

Test(gvisor_procfs, leaves_out_who_was_born_behind_it)
{
    cr_assert_eq(tell("PROCFS DUMP\n\n{\"status\":{\"pid\":1},\"clone_ts\":1795240000000000000}\n"
                      "{\"status\":{\"pid\":2},\"clone_ts\":1795260000000000000,\"fdlist\":[{\"number\":3}]}\n",
                      &options),
                 0);
    cr_assert_eq(told.count, 2); /* the other one, and the container */
}

Test(gvisor_procfs, leaves_out_what_is_not_known)
{
    struct record record;

    cr_assert_eq(tell(BEGIN "{\"exe\":\"\",\"args\":[],\"cgroup\":null,\"status\":{\"pid\":5}}", &options), 0);
    cr_assert_eq(told.count, 2);
    record = at(0, ROW_SNAP_THREAD);
    for (unsigned i = P_SNAP_THREAD_ppid; i <= P_SNAP_THREAD_cgroup; i++)
        expect_absent(&record, i);
    record = at(1, ROW_SNAP_CONTAINER);
    expect_absent(&record, P_SNAP_CONTAINER_pid);
}

Test(gvisor_procfs, leaves_out_values_of_other_kinds)
{
    struct record record;

    cr_assert_eq(tell(BEGIN
                      "{\"exe\":7,\"args\":{\"a\":1},\"cwd\":[],\"root\":null,\"clone_ts\":1.5e300,\"cgroup\":[3,{},"
                      "{\"hierarchy_id\":\"1\",\"controllers\":\"c\",\"path\":\"/\"}],\"stat\":[],"
                      "\"fdlist\":[null,7,{},{\"number\":-1},{\"number\":2147483648},{\"number\":1e400},"
                      "{\"number\":99999999999999999999999999},{\"number\":3,\"path\":8,\"mode\":-1}],"
                      "\"status\":{\"pid\":5,\"ppid\":-4,\"comm\":false,\"uid\":7,\"gid\":{\"real\":4294967296}}}\n",
                      &options),
                 0);
    cr_assert_eq(told.count, 3);
    record = at(0, ROW_SNAP_THREAD);
    for (unsigned i = P_SNAP_THREAD_ppid; i <= P_SNAP_THREAD_cgroup; i++)
        expect_absent(&record, i);
    record = at(1, ROW_SNAP_FD);
    expect_integer(&record, P_SNAP_FD_fd, 3);
    expect_absent(&record, P_SNAP_FD_mode);
    expect_absent(&record, P_SNAP_FD_file);
}

/* Each of these costs itself, not those around it. */
Test(gvisor_procfs, goes_on_behind_what_it_cannot_understand)
{
    static const char *const strange[] = {
        "{\"exe\":\"/bin/x",
        "{",
        "]",
        "\"",
        "\\",
        "-",
        "nothing",
        "[{\"status\":{\"pid\":7}}]",
        "{\"status\":{\"pid\":0}}",
        "{\"status\":{\"pid\":-1}}",
        "{\"status\":{\"pid\":2147483648}}",
        "{\"status\":{\"pid\":\"7\"}}",
        "{\"status\":{\"pid\":18446744073709551616}}",
        "{\"status\":{\"pid\":7}} {",
        "{\"status\":{\"pid\":7},\"exe\":\"\xff\xfe\"}",
        "{\"status\":{\"pid\":7},\"exe\":\"\\ud800\"}",
    };

    for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
        cleanup_free char *dump = NULL;

        cr_assert_gt(asprintf(&dump, "%s{\"status\":{\"pid\":1,\"ppid\":0}}\n\n%s\n\n{\"status\":{\"pid\":3}}\n", BEGIN,
                              strange[i]),
                     0);
        cr_assert_eq(tell(dump, &options), 0);
        cr_assert_eq(told.count, 3, "%s: %zu records", strange[i], told.count);
        cr_assert_eq(at(0, ROW_SNAP_THREAD).tid, 1);
        cr_assert_eq(at(1, ROW_SNAP_THREAD).tid, 3);
    }
}

static char *repeated(const char *before, const char *unit, size_t count, const char *behind)
{
    size_t size = strlen(unit);
    char *text = malloc(strlen(before) + size * count + strlen(behind) + 1), *to;

    cr_assert_not_null(text);
    to = stpcpy(text, before);
    for (size_t i = 0; i < count; i++)
        to = stpcpy(to, unit);
    (void)stpcpy(to, behind);
    return text;
}

Test(gvisor_procfs, survives_depth_and_size)
{
    cleanup_free char *deep =
        repeated(BEGIN "{\"status\":{\"pid\":1}}\n", "[", 1000000, "\n{\"status\":{\"pid\":2}}\n");
    cleanup_free char *objects = repeated(BEGIN "{\"status\":{\"pid\":1}}\n", "{\"a\":", 100000, "\n");
    cleanup_free char *large =
        repeated(BEGIN "{\"maps\":[0", ",0", 4 << 20, "],\"status\":{\"pid\":1}}\n{\"status\":{\"pid\":2}}\n");

    cr_assert_eq(tell(deep, &options), 0);
    cr_assert_eq(told.count, 3);
    cr_assert_eq(tell(objects, &options), 0);
    cr_assert_eq(told.count, 2);
    cr_assert_eq(tell(large, &options), 0); /* a process of more than 8 MiB is left out */
    cr_assert_eq(told.count, 2);
    cr_assert_eq(at(0, ROW_SNAP_THREAD).tid, 2);
}

Test(gvisor_procfs, tells_thousands_of_descriptors)
{
    cleanup_free char *dump = repeated(BEGIN "{\"status\":{\"pid\":1},\"fdlist\":[{\"number\":0}",
                                       ",{\"number\":5,\"path\":\"socket:[7]\",\"mode\":49663}", 4000, "]}\n");

    cr_assert_eq(tell(dump, &options), 0);
    cr_assert_eq(told.count, 1 + 4001 + 1);
}

Test(gvisor_procfs, cuts_what_is_too_long_and_says_so)
{
    static const struct capture_options few = {.live = {.string_vector_max = 10}};
    cleanup_free char *path = repeated(BEGIN "{\"exe\":\"/", "x", 5000,
                                       "\",\"args\":[\"four\",\"\",\"seven77\",\"more\"],"
                                       "\"status\":{\"pid\":1}}\n");
    struct record record;

    cr_assert_eq(tell(path, &few), 0);
    record = at(0, ROW_SNAP_THREAD);
    cr_assert_eq(value_of(&record, P_SNAP_THREAD_exe).size, 4096);
    cr_assert(value_of(&record, P_SNAP_THREAD_exe).truncated);
    expect_bytes(&record, P_SNAP_THREAD_argv, "four\0\0seve", 10);
    cr_assert(value_of(&record, P_SNAP_THREAD_argv).truncated);
}

/* A string within JSON may hold a NUL; an argument cannot. */
Test(gvisor_procfs, ends_strings_at_a_nul)
{
    struct record record;

    cr_assert_eq(
        tell(BEGIN "{\"args\":[\"a\\u0000b\",\"c\"],\"status\":{\"pid\":1,\"comm\":\"x\\u0000y\"}}\n", &options), 0);
    record = at(0, ROW_SNAP_THREAD);
    expect_bytes(&record, P_SNAP_THREAD_argv, "a\0c", 4);
    expect_string(&record, P_SNAP_THREAD_comm, "x");
}

Test(gvisor_procfs, refuses_what_is_no_dump)
{
    cr_assert_eq(tell("", &options), -EBADMSG);
    cr_assert_eq(tell("PROCFS DUMPS\n", &options), -EBADMSG);
    cr_assert_eq(tell("{\"status\":{\"pid\":1}}\n", &options), -EBADMSG);
    cr_assert_eq(tell(BEGIN "fatal error\n", &options), -EBADMSG);
    cr_assert_eq(told.count, 0);
    cr_assert_eq(tell(BEGIN, &options), 0); /* nothing ran */
    cr_assert_eq(told.count, 1);
}

/* What real sandboxes printed, from the recordings beside the source tree. */
static char *read_recording(const char *name)
{
    char path[1024];
    cleanup_fclose FILE *file = NULL;
    struct stat status;
    char *text;

    (void)snprintf(path, sizeof(path), "%s/../shared/fixtures/gvisor/%s", SOURCE_ROOT, name);
    file = fopen(path, "re");
    if (!file)
        cr_skip_test("%s: %s (no recordings beside the source tree)", path, strerror(errno));
    cr_assert_eq(fstat(fileno(file), &status), 0);
    text = calloc(1, (size_t)status.st_size + 1);
    cr_assert_eq(fread(text, 1, (size_t)status.st_size, file), (size_t)status.st_size);
    return text;
}

Test(gvisor_procfs, tells_a_real_shell)
{
    static const struct {
        int pid, ppid, fds;
        const char *comm;
        int64_t start;
    } expected[] = {
        {1, 0, 4, "sh", INT64_C(1795246167491645738)},     {2, 1, 4, "sh", INT64_C(1795246167497962259)},
        {11, 1, 4, "sleep", INT64_C(1795246169342285706)}, {4, 2, 4, "sleep", INT64_C(1795246167501044705)},
        {5, 2, 4, "cat", INT64_C(1795246167502215994)},
    };
    cleanup_free char *dump = read_recording("live/procfs.txt");
    struct record container;
    size_t next = 0;

    cr_assert_eq(tell(dump, &options), 0);
    for (size_t i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
        struct record record = at(next++, ROW_SNAP_THREAD);

        expect_integer(&record, P_SNAP_THREAD_pid, expected[i].pid);
        expect_integer(&record, P_SNAP_THREAD_ppid, expected[i].ppid);
        expect_integer(&record, P_SNAP_THREAD_start_time, expected[i].start);
        expect_string(&record, P_SNAP_THREAD_comm, expected[i].comm);
        for (int fd = 0; fd < expected[i].fds; fd++) {
            record = at(next++, ROW_SNAP_FD);
            expect_integer(&record, P_SNAP_FD_pid, expected[i].pid);
            expect_integer(&record, P_SNAP_FD_fd, fd < 3 ? fd : 7);
        }
    }
    cr_assert_eq(told.count, next + 1);
    container = at(next, ROW_SNAP_CONTAINER);
    expect_integer(&container, P_SNAP_CONTAINER_pid, 1);
}

Test(gvisor_procfs, tells_a_real_sleep)
{
    cleanup_free char *dump = read_recording("multi/procfs.txt");
    struct record record;

    cr_assert_eq(tell(dump, &options), 0);
    cr_assert_eq(told.count, 1 + 3 + 1);
    record = at(0, ROW_SNAP_THREAD);
    expect_bytes(&record, P_SNAP_THREAD_argv, "sleep\0004", 8);
    expect_absent(&record, P_SNAP_THREAD_cgroup);
}
