// SPDX-License-Identifier: Apache-2.0
/* Opens performed for who is not like us, by a process that is: as in a container. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/proc.h"
#include "perform-kit.h"

TestSuite(perform_worker, .timeout = 60);

#define SOMEBODY 1234
#define MUST(CALL)                                                                                                     \
    do {                                                                                                               \
        if ((CALL) < 0)                                                                                                \
            _exit(3);                                                                                                  \
    } while (0)

static struct stage *stage;

static bool set_up(void)
{
    if (geteuid() != 0) {
        cr_log_warn("skipped: only root can be like somebody else");
        return false;
    }
    need_user_namespaces();
    stage = stage_make();
    stage_directory(stage, "/var/tmp");
    stage_is_container = true;
    cr_assert_eq(chmod(stage->directory, 0755), 0);
    return true;
}

static void tear_down(void)
{
    stage_clear(stage);
    stage_free(stage);
}

static void write_file(const char *path, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

    MUST(fd);
    MUST(write(fd, "hello", 5));
    MUST(fchmod(fd, mode));
    close(fd);
}

static void open_step(struct stage *on, int step, const char *path, int flags)
{
    int fd;

    (void)access(path, F_OK);
    step_begin(on, step);
    fd = open(path, flags, 0600);
    step_end(on);
    made_measure(&on->made[1][step], fd, errno);
}

/* A root of its own: files, and the devices that containers have. */
static void build_root(struct stage *on)
{
    MUST(unshare(CLONE_NEWNS));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(mount("none", on->directory, "tmpfs", 0, NULL));
    MUST(chdir(on->directory));
    write_file("everybody's", 0644);
    write_file("root's", 0600);
    MUST(mkdir("dir", 0755));
    write_file("dir/inner", 0644);
    MUST(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    MUST(chmod("null", 0666));
    MUST(chroot("."));
}

static void open_inside(struct stage *on)
{
    build_root(on);
    MUST(setgroups(1, (gid_t[]){77}));
    MUST(setresgid(SOMEBODY, SOMEBODY, SOMEBODY));
    MUST(setresuid(SOMEBODY, SOMEBODY, SOMEBODY));
    open_step(on, 0, "/everybody's", O_RDONLY | O_CLOEXEC);
    open_step(on, 1, "root's", O_RDONLY);
    MUST(chdir("dir"));
    open_step(on, 2, "inner", O_RDONLY);
    open_step(on, 3, "/../../everybody's", O_RDONLY);
    open_step(on, 4, "/null", O_RDWR);
    open_step(on, 5, "/made", O_WRONLY | O_CREAT);
    open_step(on, 6, "/everybody's", O_WRONLY);
}

Test(perform_worker, a_container_is_performed_for_by_who_is_like_it)
{
    static const bool performed[] = {true, true, true, true, false, false, true};
    static const int errors[] = {0, EACCES, 0, 0, 0, 0, EACCES};

    if (!set_up())
        return;
    if (stage_serve(stage, open_inside)) {
        for (size_t i = 0; i < 7; i++) {
            cr_expect_eq(stage->told[i].performed, performed[i], "%zu", i);
            if (errors[i])
                cr_expect_eq(stage->made[1][i].result, -errors[i], "%zu: %d", i, stage->made[1][i].result);
            else
                cr_expect_geq(stage->made[1][i].result, 0, "%zu: %d", i, stage->made[1][i].result);
            if (performed[i])
                cr_expect_eq(stage->told[i].result, stage->made[1][i].result, "%zu", i);
        }
        cr_expect_str_eq(stage->told[0].path, "/everybody's");
        cr_expect_str_eq(stage->told[2].path, "/dir/inner");
        cr_expect_str_eq(stage->told[3].path, "/everybody's");
        cr_expect_eq(stage->made[1][0].fd_flags, FD_CLOEXEC);
    }
    tear_down();
}

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);

    MUST(fd);
    MUST(write(fd, text, strlen(text)));
    close(fd);
}

static void open_in_user_namespace(struct stage *on)
{
    MUST(chdir(on->directory));
    write_file("root's", 0600);
    write_file("nobody's", 0);
    MUST(chown("nobody's", 5, 5));
    MUST(unshare(CLONE_NEWUSER | CLONE_NEWNS));
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/uid_map", "0 0 1");
    write_text("/proc/self/gid_map", "0 0 1");
    open_step(on, 0, "root's", O_RDWR);
    open_step(on, 1, "nobody's", O_RDONLY); /* the capabilities do not reach that far */
}

Test(perform_worker, a_user_namespace_is_entered)
{
    if (!set_up())
        return;
    if (stage_serve(stage, open_in_user_namespace)) {
        cr_expect(stage->told[0].performed);
        cr_expect_geq(stage->made[1][0].result, 0);
        cr_expect_eq(stage->made[1][1].result, -EACCES);
    }
    tear_down();
}

/* Groups were given up before there was a namespace in which nobody may: nobody can become like that. */

static void open_without_groups(struct stage *on)
{
    MUST(chdir(on->directory));
    write_file("root's", 0600);
    MUST(setgroups(0, NULL));
    MUST(unshare(CLONE_NEWUSER));
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/uid_map", "0 0 1");
    write_text("/proc/self/gid_map", "0 0 1");
    open_step(on, 0, "root's", O_RDONLY);
}

Test(perform_worker, who_came_out_otherwise_is_not_used)
{
    if (!set_up())
        return;
    cr_assert_eq(setgroups(1, (gid_t[]){77}), 0);
    if (stage_serve(stage, open_without_groups)) {
        cr_expect_geq(stage->made[1][0].result, 0);
        cr_expect_not(stage->told[0].performed);
    }
    tear_down();
}

/* A worker that does not answer is done without. */

static void stop_workers(const struct seccomp_notif *notif)
{
    pid_t *pids = NULL;
    size_t count = 0;

    if (stage->step < 1 || proc_children(getpid(), &pids, &count) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        if (pids[i] != (pid_t)notif->pid)
            (void)kill(pids[i], SIGSTOP);
    }
    free(pids);
}

static void open_often(struct stage *on)
{
    build_root(on);
    for (int i = 0; i < 10; i++)
        open_step(on, i, "/everybody's", O_RDONLY);
}

Test(perform_worker, a_worker_that_hangs_is_done_without)
{
    if (!set_up())
        return;
    stage_before = stop_workers;
    if (stage_serve(stage, open_often)) {
        cr_expect(stage->told[0].performed);
        for (size_t i = 0; i < 10; i++) {
            cr_expect_geq(stage->made[1][i].result, 0);
            if (i > 0)
                cr_expect_not(stage->told[i].performed);
        }
    }
    stage_before = NULL;
    tear_down();
}

/* Who is somebody else every time. */

static void change_often(struct stage *on)
{
    MUST(chdir(on->directory));
    write_file("everybody's", 0644);
    for (int i = 0; i < 80; i++) {
        MUST(syscall(SYS_setresuid, -1, 0, -1));
        MUST(syscall(SYS_setresuid, -1, i + 1, -1));
        open_step(on, i, "everybody's", O_RDONLY);
    }
}

Test(perform_worker, there_are_only_so_many_of_them)
{
    if (!set_up())
        return;
    if (stage_serve(stage, change_often)) {
        cr_expect(stage->told[0].performed);
        cr_expect_not(stage->told[79].performed);
        for (size_t i = 0; i < 80; i++)
            cr_expect_geq(stage->made[1][i].result, 0);
    }
    tear_down();
}
