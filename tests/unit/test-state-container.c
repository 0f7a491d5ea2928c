// SPDX-License-Identifier: Apache-2.0
/* Which container a process is in: by its cgroup, by its parent, and as it was given. */

#include "state-kit.h"

#define ID "3f4e2a1bc05d96788796d50cb1a2e4f30123456789abcdef0123456789abcdef"
#define OTHER "bbbb2a1bc05d96788796d50cb1a2e4f30123456789abcdef0123456789abcdef"
#define DOCKER "/system.slice/docker-" ID ".scope"
#define SNAP(TID, CGROUP) SEND("snap_thread", TID, N("pid", TID), N("ppid", 1), S("cgroup", CGROUP))
#define EXEC(TID, ...) SEND("exec", TID, N("pid", TID), N("old_tid", TID), S("comm", "x"), __VA_ARGS__)
#define EXPECT_CONTAINER(TID, CONTAINER)                                                                               \
    do {                                                                                                               \
        const char *found_ = sysfold_process_container(process_of(TID));                                               \
        cr_expect(same(found_, CONTAINER), "%d is in %s", (int)(TID), found_ ? found_ : "(none)");                     \
    } while (0)

TestSuite(container, .init = kit_init, .fini = kit_finish);

Test(container, a_snapshot_s_cgroup_tells)
{
    SNAP(7, "/kubepods/burstable/pod0cb1a2e4-f301-4567-89ab-cdef01234567/crio-" ID);
    EXPECT_CONTAINER(7, ID);
    cr_expect_str_eq(sysfold_process_container_engine(process_of(7)), "cri-o");
    cr_expect_str_eq(sysfold_process_pod(process_of(7)), "0cb1a2e4-f301-4567-89ab-cdef01234567");
    SNAP(8, "/user.slice");
    EXPECT_CONTAINER(8, NULL);
    cr_expect_null(sysfold_process_container_engine(process_of(8)));
    cr_expect_null(sysfold_process_pod(process_of(8)));
    SNAP(9, "/" ID); /* of which nobody can say whose it is */
    EXPECT_CONTAINER(9, ID);
    cr_expect_null(sysfold_process_container_engine(process_of(9)));
}

Test(container, a_child_begins_in_its_parent_s)
{
    SNAP(7, DOCKER);
    FORK(7, 8);
    FORK(8, 9);
    SEND("process_exit", 8, N("pid", 8), N("status", 0));
    EXPECT_CONTAINER(9, ID);
    START(9, 10, 9, THREAD_FLAGS);
    EXPECT_CONTAINER(10, ID);
}

Test(container, a_runtime_s_child_enters_it_and_execs)
{
    SNAP(7, "/system.slice/containerd.service");
    FORK(7, 8);
    EXPECT_CONTAINER(8, NULL);
    EXEC(8, S("cgroup", DOCKER));
    EXPECT_CONTAINER(8, ID);
    EXPECT_CONTAINER(7, NULL);
    FORK(8, 9);
    EXEC(9, S("exe", "/bin/x")); /* whose cgroup nobody knows: as before */
    EXPECT_CONTAINER(9, ID);
    EXEC(9, S("cgroup", "/docker/" OTHER));
    EXPECT_CONTAINER(9, OTHER);
    EXPECT_CONTAINER(8, ID);
    EXEC(9, S("cgroup", "/user.slice"));
    EXPECT_CONTAINER(9, NULL);
}

Test(container, the_unified_path_does_not_say_what_another_hierarchy_does)
{
    SNAP(7, "4:memory:/docker/" ID "\n0::/");
    EXEC(7, S("cgroup", "/"));
    EXPECT_CONTAINER(7, ID);
    EXEC(7, S("cgroup", "4:memory:/\n0::/"));
    EXPECT_CONTAINER(7, NULL);
}

Test(container, another_thread_s_cgroup_does_not_move_the_process)
{
    SNAP(7, DOCKER);
    SEND("snap_thread", 8, N("pid", 7), S("cgroup", "/"));
    EXPECT_CONTAINER(7, ID);
}

Test(container, what_is_given_holds)
{
    SEND("snap_thread", 7, N("pid", 7), N("ppid", 1));
    FORK(7, 8);
    SEND("snap_container", 7, N("pid", 7), S("id", "web"), S("engine", "crun"));
    EXPECT_CONTAINER(7, "web");
    EXPECT_CONTAINER(8, "web"); /* handed down */
    cr_expect_str_eq(sysfold_process_container_engine(process_of(8)), "crun");
    EXEC(8, S("cgroup", DOCKER));
    SNAP(7, DOCKER);
    FORK(8, 9);
    EXPECT_CONTAINER(7, "web");
    EXPECT_CONTAINER(8, "web");
    EXPECT_CONTAINER(9, "web");
    SEND("snap_thread", 20, N("pid", 20), N("ppid", 1));
    EXPECT_CONTAINER(20, NULL);
}

Test(container, of_all_of_a_source)
{
    SNAP(7, "/");
    source = 1;
    SNAP(7, DOCKER);
    SEND("snap_container", 0, S("id", "box"));
    EXPECT_CONTAINER(7, "box");
    SNAP(30, "/");
    EXPECT_CONTAINER(30, "box");
    SEND("snap_container", 0, S("id", "box")); /* said again, at the next snapshot */
    EXPECT_CONTAINER(31, "box");
    source = 0;
    EXPECT_CONTAINER(7, NULL);
}

Test(container, of_two_that_have_no_process_none_is_everybody_s)
{
    SEND("snap_container", 0, S("id", "one"));
    SEND("snap_container", 0, S("id", "two"));
    SEND("snap_container", 0, S("id", "one"));
    EXPECT_CONTAINER(7, NULL);
    SEND("snap_container", 7, N("pid", 7), S("id", "two"));
    EXPECT_CONTAINER(7, "two");
}

Test(container, records_that_lie)
{
    char name[2000];

    memset(name, 'n', sizeof(name));
    SEND("snap_container", 0, N("pid", 99), S("id", "nobody")); /* a process that nobody has told of */
    cr_expect_eq(visit_all().count, 0);
    SEND("snap_container", 0, S("id", ""));
    SEND_BARE("snap_container", 0);
    SEND("snap_container", 5, N("pid", -5), S("id", "x"));
    EXPECT_CONTAINER(6, "x"); /* a pid that is none is not there */
    SEND("snap_container", 7, N("pid", 7), B("id", name, sizeof(name)), B("engine", name, sizeof(name)));
    cr_expect_eq(strlen(sysfold_process_container(process_of(7))), 255);
    SEND("snap_thread", 8, N("pid", 8), N("ppid", 8), B("cgroup", "", 0));
    SEND("snap_thread", 9, N("pid", 9), N("ppid", 10), B("cgroup", "/docker/\0" ID, 9 + 64));
    SEND("snap_thread", 10, N("pid", 10), N("ppid", 9), B("cgroup", name, sizeof(name)));
    EXPECT_CONTAINER(9, "x");
}
