// SPDX-License-Identifier: Apache-2.0
/* The state under streams that lie, and under random calls, against a naive model. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "common/encode.h"
#include "state-kit.h"

TestSuite(state_lies, .init = kit_init, .fini = kit_finish);

/* Lies. */

Test(state_lies, ids_that_make_no_sense)
{
    SEND("thread_start", 7, N("pid", -5), N("parent_tid", -1));
    cr_expect_eq(sysfold_process_pid(process_of(7)), 7);
    SEND("thread_start", 7, N("pid", 7), N("parent_tid", 7), N("ppid", 7));
    SEND("thread_start", 7, N("pid", 7), N("parent_tid", 7), N("flags", 0x600));
    SEND("thread_start", 8, N("pid", 7), N("parent_tid", 8));
    SEND("thread_start", 7, N("pid", 8), N("parent_tid", 8));
    SEND("thread_start", 0, N("pid", 8));
    SEND_BARE("thread_start", 9);
    SEND("exec", 9, N("old_tid", 8));
    SEND("exec", 8, N("old_tid", 9));
    SEND("exec", 7, N("old_tid", 4000));
    SEND("exec", 0, N("old_tid", 7));
    SEND("exec", 4294967295u, N("old_tid", 7));
    SEND_BARE("thread_exit", 0);
    SEND_BARE("process_exit", 0);
    SEND("thread_exit", 5, N("pid", 6));
    SEND("process_exit", 5, N("pid", 6));
    SEND_BARE("process_exit", 5);
    SEND_BARE("process_exit", 5);
    SEND_BARE("snap_fd", 0);
    SEND("snap_fd", 3, N("pid", -7), N("fd", 3));
    SEND("snap_fd", 3, N("pid", 9), N("fd", -3));
    SEND("snap_thread", 0, N("pid", 9));
    SEND("snap_thread", 9, N("pid", 3));
    SEND("snap_thread", 3, N("pid", 9));
    process_of(9);
}

Test(state_lies, a_thread_that_has_another_process_s_id)
{
    FORK(1, 7);
    START(7, 20, 7, THREAD_FLAGS);
    START(7, 21, 20, THREAD_FLAGS);
    SEND("exec", 20, N("pid", 20), N("old_tid", 21));
    process_of(7);
    cr_expect_eq(sysfold_process_pid(process_of(20)), 20);
    SEND("process_exit", 20, N("pid", 20));
    process_of(7);
    SEND("process_exit", 7, N("pid", 7));
    cr_expect_eq(sysfold_process_pid(process_of(20)), 20);
    cr_expect_eq(visit_all().count, 1);
}

Test(state_lies, numbers_that_no_kernel_gives)
{
    OPEN(7, INT_MAX, "/max");
    EXPECT_NAME(7, INT_MAX, "/max");
    OPEN(7, 0, "/min");
    for (int i = 1; i < 200000; i++)
        OPEN(7, (int)((uint32_t)i * 2654435761u >> 1), "/x");
    EXPECT_NAME(7, (int)(UINT32_C(199999) * 2654435761u >> 1), NULL); /* there is a limit */
    EXPECT_NAME(7, INT_MAX, "/max");
    FORK(7, 8);
    SEND("close_range", 8, N("res", 0), N("first", 1), N("last", 4294967295));
    EXPECT_NAME(8, INT_MAX, NULL);
    EXPECT_NAME(8, 0, "/min");
    EXPECT_NAME(7, INT_MAX, "/max");
    OPEN(8, 5, "/room again");
    EXPECT_NAME(8, 5, "/room again");
}

/* Rows with each other's parameters and effects, some that nobody knows. */
static void mix_rows(void)
{
    for (unsigned i = 0; i < KIT_ROWS; i++) {
        const struct sysfold_param *others = kit_params[random_below(KIT_ROWS)];

        if (!random_below(3))
            kit_rows[i].effect = (uint8_t)random_below(EFFECT_COUNT + 5);
        kit_rows[i].params = others;
        kit_rows[i].param_count = 0;
        while (kit_rows[i].param_count < KIT_PARAMS && others[kit_rows[i].param_count].name)
            kit_rows[i].param_count++;
        kit_rows[i].fixed_size = (uint16_t)random_below(40);
    }
}

static void send_nonsense(void)
{
    static uint8_t record[200];
    uint16_t size = (uint16_t)(RECORD_HEADER_SIZE + random_below(120));
    uint16_t type = (uint16_t)(kit_rows[random_below(KIT_ROWS)].number | random_below(8) / 7 * SYSFOLD_EVENT_FAILED);
    uint32_t tid = random_below(12);

    for (unsigned at = 0; at < size; at++)
        record[at] = (uint8_t)(random_below(3) ? random_below(12) : random_below(256));
    memcpy(record, &type, sizeof(type));
    memcpy(record + 2, &size, sizeof(size));
    memcpy(record + 4, &tid, sizeof(tid));
    source = random_below(2);
    (void)send_bytes(record, size);
}

/* Nothing is expected but that the sanitizers are content. */
Test(state_lies, schemas_and_records_of_a_liar)
{
    for (unsigned round = 0; round < 40; round++) {
        random_state = round;
        kit_finish();
        kit_init();
        mix_rows();
        open_stream(round % 2);
        for (unsigned i = 0; i < 20000; i++)
            send_nonsense();
        (void)visit_all();
    }
}

static int64_t plausible_number(const char *name)
{
    if (!strcmp(name, "flags"))
        return (int64_t)(random_below(2) * 02000000 | random_below(2) * 0x600 | random_below(2) * 0x10000 |
                         random_below(8));
    if (!strcmp(name, "dirfd") && random_below(2))
        return -100;
    if (!strcmp(name, "last") && random_below(2))
        return UINT32_MAX;
    return random_below(8) ? random_below(24) : (int64_t)random_below(2000000000) - 5;
}

static size_t plausible_bytes(const char *name, uint8_t bytes[64])
{
    static const char *const strings[] = {"/a/b", "c", "../x", "", "/", "/tmp/zz/../y"};
    const char *string = strings[random_below(6)];

    if (strcmp(name, "addr") && strcmp(name, "sockets") && strcmp(name, "control") && strcmp(name, "fds")) {
        memcpy(bytes, string, strlen(string));
        return strlen(string);
    }
    for (unsigned i = 0; i < 64; i++)
        bytes[i] = (uint8_t)(i % 4 ? 0 : random_below(30));
    bytes[0] = (uint8_t[]){1, 2, 10, 16, 24}[random_below(5)];
    if (!strcmp(name, "control"))
        memcpy(bytes, (uint64_t[]){24, UINT64_C(0x100000001)}, 16);
    return random_below(64);
}

static void send_plausible(void)
{
    static uint8_t bytes[KIT_PARAMS][64];
    const struct sysfold_row *row = &kit_rows[random_below(2) ? 28 + random_below(KIT_ROWS - 28) : random_below(28)];
    struct value values[KIT_PARAMS + 1] = {0};
    unsigned count = 0;

    for (unsigned i = 0; i < row->param_count; i++) {
        const struct sysfold_param *param = &row->params[i];

        if (!random_below(12))
            continue;
        values[count].name = param->name;
        if (!param->type->variable && param->type->count == 1) {
            values[count++].number = plausible_number(param->name);
            continue;
        }
        values[count].size = plausible_bytes(param->name, bytes[i]);
        values[count++].bytes = bytes[i];
    }
    source = !random_below(20);
    send_event(row->name, random_below(14), values);
}

/* Each record is well formed, and their order is impossible. */
Test(state_lies, stories_that_make_no_sense)
{
    for (unsigned round = 0; round < 30; round++) {
        random_state = round;
        open_stream(round % 2);
        for (unsigned i = 0; i < 4000; i++)
            send_plausible();
        (void)visit_all();
    }
}

/* Random calls, against a model that copies everything whole. */

#define MODEL_TASKS 10
#define MODEL_FDS 70 /* the last few stand for large numbers */

struct model_table {
    char name[MODEL_FDS][8]; /* "" is a free one */
    bool cloexec[MODEL_FDS];
    int holders;
};

static struct model_task {
    struct model_table *table; /* NULL: no such task */
    uint32_t pid;
} tasks[MODEL_TASKS];

static int model_number(unsigned index)
{
    return index < MODEL_FDS - 6 ? (int)index : (int)(INT_MAX >> 4 * (MODEL_FDS - 1 - index));
}

static uint32_t task_tid(unsigned task)
{
    return 100 + task;
}

static void model_drop(unsigned task)
{
    if (tasks[task].table && !--tasks[task].table->holders)
        free(tasks[task].table);
    tasks[task].table = NULL;
}

static struct model_table *model_copy(const struct model_table *table)
{
    struct model_table *copy = malloc(sizeof(*copy));

    *copy = *table;
    copy->holders = 1;
    return copy;
}

static void model_unshare(unsigned task)
{
    struct model_table *copy = model_copy(tasks[task].table);

    model_drop(task);
    tasks[task].table = copy;
}

static void model_open(unsigned task, unsigned fd)
{
    struct model_table *table = tasks[task].table;
    bool cloexec = random_below(2);
    char name[8];

    (void)snprintf(name, sizeof(name), "/%u", random_below(100000));
    SEND("openat", task_tid(task), N("res", model_number(fd)), N("flags", cloexec ? 02000000 : 0), S("path", name));
    memcpy(table->name[fd], name, sizeof(name));
    table->cloexec[fd] = cloexec;
}

static void model_dup(unsigned task, unsigned from, unsigned to)
{
    struct model_table *table = tasks[task].table;
    bool cloexec = random_below(2);

    if (!table->name[from][0] || from == to)
        return;
    SEND("dup3", task_tid(task), N("res", model_number(to)), N("fd", model_number(from)),
         N("flags", cloexec ? 02000000 : 0));
    memcpy(table->name[to], table->name[from], sizeof(table->name[to]));
    table->cloexec[to] = cloexec;
}

static void model_close(unsigned task, unsigned first, unsigned last, int flags)
{
    if (first == last && !flags)
        SEND("close", task_tid(task), N("res", 0), N("fd", model_number(first)));
    else
        SEND("close_range", task_tid(task), N("res", 0), N("first", model_number(first)), N("last", model_number(last)),
             N("flags", flags));
    if (flags & 2)
        model_unshare(task);
    for (unsigned fd = first; fd <= last; fd++) {
        if (flags & 4)
            tasks[task].table->cloexec[fd] = true;
        else
            tasks[task].table->name[fd][0] = '\0';
    }
}

static void model_start(unsigned task, unsigned child)
{
    bool share = random_below(2), thread = random_below(2);
    uint32_t pid = thread ? tasks[task].pid : task_tid(child);

    if (tasks[child].table)
        return;
    START(task_tid(task), task_tid(child), pid, (share ? 0x400 : 0) | (thread ? 0x10100 : 0));
    tasks[child].pid = pid;
    tasks[child].table = share ? tasks[task].table : model_copy(tasks[task].table);
    if (share)
        tasks[task].table->holders++;
}

static void model_exec(unsigned task)
{
    unsigned leader = tasks[task].pid - task_tid(0);
    struct model_table *table = model_copy(tasks[task].table);

    SEND("exec", tasks[task].pid, N("pid", tasks[task].pid), N("old_tid", task_tid(task)));
    for (unsigned other = 0; other < MODEL_TASKS; other++) {
        if (tasks[other].table && tasks[other].pid == task_tid(leader))
            model_drop(other);
    }
    tasks[leader] = (struct model_task){table, task_tid(leader)};
    for (unsigned fd = 0; fd < MODEL_FDS; fd++) {
        if (table->cloexec[fd])
            table->name[fd][0] = '\0';
    }
}

static void model_exit(unsigned task)
{
    if (tasks[task].pid != task_tid(task)) {
        SEND("thread_exit", task_tid(task), N("pid", tasks[task].pid));
        model_drop(task);
        return;
    }
    if (task == 0)
        return;
    SEND("process_exit", task_tid(task), N("pid", task_tid(task)));
    for (unsigned other = 0; other < MODEL_TASKS; other++) {
        if (tasks[other].table && tasks[other].pid == task_tid(task))
            model_drop(other);
    }
}

static void model_step(void)
{
    unsigned task = random_below(MODEL_TASKS), fd = random_below(MODEL_FDS), other = random_below(MODEL_FDS);

    if (!tasks[task].table)
        task = 0;
    switch (random_below(16)) {
    case 0:
        model_start(task, random_below(MODEL_TASKS));
        break;
    case 1:
        model_exec(task);
        break;
    case 2:
        model_exit(task);
        break;
    case 3:
        SEND("unshare", task_tid(task), N("res", 0), N("flags", 0x400));
        model_unshare(task);
        break;
    case 4:
        model_close(task, fd < other ? fd : other, fd < other ? other : fd, (int)random_below(4) * 2);
        break;
    case 5:
    case 6:
        model_close(task, fd, fd, 0);
        break;
    case 7:
    case 8:
    case 9:
        model_dup(task, fd, other);
        break;
    default:
        model_open(task, fd);
    }
}

static void model_compare(unsigned round)
{
    for (unsigned task = 0; task < MODEL_TASKS; task++) {
        for (unsigned fd = 0; tasks[task].table && fd < MODEL_FDS; fd++) {
            const char *expected = tasks[task].table->name[fd], *found = fd_name(task_tid(task), model_number(fd));

            cr_assert(same(found, expected[0] ? expected : NULL), "round %u: %u's %d is %s, not %s", round,
                      task_tid(task), model_number(fd), found ? found : "nothing", expected);
        }
    }
}

Test(state_lies, random_calls_against_a_model)
{
    for (unsigned seed = 1; seed <= 12; seed++) {
        random_state = seed;
        open_stream(seed % 2);
        tasks[0] = (struct model_task){calloc(1, sizeof(struct model_table)), task_tid(0)};
        tasks[0].table->holders = 1;
        FORK(1, task_tid(0));
        for (unsigned round = 0; round < 1500; round++) {
            model_step();
            if (round % 5 == 0)
                model_compare(round);
        }
        for (unsigned task = 0; task < MODEL_TASKS; task++)
            model_drop(task);
    }
}
