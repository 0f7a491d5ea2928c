// SPDX-License-Identifier: Apache-2.0
/* What a live capture may be asked for, and of which backend. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/backend.h"
#include "backends/choose.h"

static const pid_t pids[] = {1};
static const char *const names[] = {"a"};
static char *const command[] = {"true", NULL};

#define OPTIONS(...) (&(struct sysfold_live_options){.size = sizeof(struct sysfold_live_options), __VA_ARGS__})

static void expect_refusal(const struct sysfold_live_options *options, int code, const char *said)
{
    struct sysfold_stream *stream = NULL;
    struct sysfold_error error = {0};

    cr_expect_eq(sysfold_live_open(options, &stream, &error), code, "%s: %s", said, error.message);
    cr_expect_eq(error.code, code);
    cr_expect(strstr(error.message, said), "%s: %s", said, error.message);
    cr_expect_null(stream);
    cr_expect_eq(sysfold_live_open(options, &stream, NULL), code);
}

Test(choose, exactly_one_kind_of_target)
{
    const char *said = "give one of these";

    expect_refusal(OPTIONS(.timed = true), -EINVAL, said);
    expect_refusal(OPTIONS(.argv = command, .pids = pids, .pid_count = 1), -EINVAL, said);
    expect_refusal(OPTIONS(.argv = command, .system_wide = true), -EINVAL, said);
    expect_refusal(OPTIONS(.argv = command, .cgroups = names, .cgroup_count = 1), -EINVAL, said);
    expect_refusal(OPTIONS(.argv = command, .containers = names, .container_count = 1), -EINVAL, said);
    expect_refusal(OPTIONS(.pids = pids, .pid_count = 1, .system_wide = true), -EINVAL, said);
    expect_refusal(OPTIONS(.pids = pids, .pid_count = 1, .cgroups = names, .cgroup_count = 1), -EINVAL, said);
    expect_refusal(OPTIONS(.system_wide = true, .containers = names, .container_count = 1), -EINVAL, said);
}

Test(choose, what_to_sample_is_read_before_anything_is_run)
{
    expect_refusal(OPTIONS(.argv = command, .sample = "read:0"), -EINVAL, "item 1");
    expect_refusal(OPTIONS(.argv = command, .sample = ""), -EINVAL, "item 1");
}

Test(choose, no_backend_of_that_name)
{
    expect_refusal(OPTIONS(.argv = command, .backend = "crystal-ball"), -ENOENT, "'crystal-ball'");
}

static const struct sysfold_backend *find(const char *name)
{
    for (size_t i = 0; sysfold_backends[i]; i++) {
        if (!strcmp(sysfold_backends[i]->name, name))
            return sysfold_backends[i];
    }
    cr_skip_test("this build has no backend '%s'", name);
    return NULL;
}

Test(choose, a_named_backend_must_be_able_to)
{
    find("ptrace");
    expect_refusal(OPTIONS(.system_wide = true, .backend = "ptrace"), -ENOSYS,
                   "ptrace: cannot record the whole system");
    expect_refusal(OPTIONS(.cgroups = names, .cgroup_count = 1, .backend = "ptrace"), -ENOSYS,
                   "ptrace: cannot record a cgroup");
    expect_refusal(OPTIONS(.containers = names, .container_count = 1, .backend = "ptrace"), -ENOSYS,
                   "ptrace: cannot record a container");
    expect_refusal(OPTIONS(.argv = command, .sample = "2", .backend = "ptrace"), -ENOSYS,
                   "ptrace: cannot sample calls");
}

Test(choose, who_could_is_said)
{
    find("ebpf");
    find("ptrace");
    expect_refusal(OPTIONS(.system_wide = true, .backend = "ptrace"), -ENOSYS, "(ebpf can)");
}

Test(choose, a_named_one_is_taken_usable_or_not)
{
    const struct sysfold_backend *backend = NULL, *ebpf = find("ebpf");

    cr_assert_eq(backend_choose(OPTIONS(.argv = command, .backend = "ebpf"), &backend, NULL), 0);
    cr_assert_eq(backend, ebpf);
}

static bool is_usable(const struct sysfold_backend *backend)
{
    struct sysfold_backend_info info = {0};

    backend->probe(&info);
    return info.usability == SYSFOLD_USABLE;
}

Test(choose, the_first_usable_one_that_can)
{
    const struct sysfold_backend *backend = NULL, *ebpf = find("ebpf"), *ptrace = find("ptrace");

    if (!is_usable(ptrace))
        cr_skip_test("the ptrace backend is not usable here");
    cr_assert_eq(backend_choose(OPTIONS(.argv = command), &backend, NULL), 0);
    cr_expect_eq(backend, is_usable(ebpf) ? ebpf : ptrace);
}

Test(choose, where_none_can_each_has_its_reason)
{
    const struct sysfold_backend *backend = NULL;
    struct sysfold_error error = {0};

    find("ebpf");
    find("ptrace");
    if (geteuid() == 0 && setuid(65534) < 0)
        cr_skip_test("cannot become an ordinary user");
    if (is_usable(find("ebpf")))
        cr_skip_test("an ordinary user may load programs here");
    cr_assert_lt(backend_choose(OPTIONS(.system_wide = true), &backend, &error), 0);
    cr_expect(strstr(error.message, "no backend can do that here: ebpf: "), "%s", error.message);
    cr_expect(strstr(error.message, "; ptrace: cannot record the whole system"), "%s", error.message);
    cr_expect_null(backend);
}
