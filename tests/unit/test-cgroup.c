// SPDX-License-Identifier: Apache-2.0
/* Cgroups by path, containers by id: with cgroups made for it (as root), and with a container of crun's. */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/cgroup.h"

/* What a test made, to be taken away again. */
static struct {
    char directories[16][512]; /* outermost first */
    unsigned directory_count;
    pid_t children[8];
    unsigned child_count;
} made;

static struct container container;
static struct sysfold_error error;

static void take_away(void)
{
    for (unsigned i = 0; i < made.child_count; i++) {
        kill(made.children[i], SIGKILL);
        waitpid(made.children[i], NULL, 0);
    }
    while (made.directory_count)
        (void)rmdir(made.directories[--made.directory_count]);
    container_finish(&container);
}

static void begin(void)
{
    container.cgroup = -1;
}

TestSuite(cgroup, .init = begin, .fini = take_away, .timeout = 100);

/* Where a hierarchy of that kind, with that option, is mounted; NULL: nowhere. */
static const char *mount_point(const char *kind, const char *option)
{
    static char point[256];
    FILE *mounts = setmntent("/proc/self/mounts", "re");
    bool found = false;

    for (const struct mntent *mount; !found && (mount = getmntent(mounts));) {
        found = !strcmp(mount->mnt_type, kind) && (!option || hasmntopt(mount, option));
        (void)snprintf(point, sizeof(point), "%s", mount->mnt_dir);
    }
    endmntent(mounts);
    return found ? point : NULL;
}

static const char *unified(void)
{
    const char *point = mount_point("cgroup2", NULL);

    if (!point)
        cr_skip_test("no version 2 cgroup hierarchy is mounted");
    return point;
}

/* A cgroup, its whole path; skips the test where we may not make any. */
static const char *make(const char *point, const char *path)
{
    char *directory = made.directories[made.directory_count];

    (void)snprintf(directory, sizeof(made.directories[0]), "%s/%s", point, path);
    if (mkdir(directory, 0755) < 0)
        cr_skip_test("cannot make a cgroup: %s", strerror(errno));
    made.directory_count++;
    return directory;
}

/* A child that waits in that cgroup for its death. */
static pid_t put_child(const char *directory)
{
    char path[600];
    int ends[2];
    char ready;
    pid_t child;

    (void)snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
    cr_assert_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        int fd = open(path, O_WRONLY | O_CLOEXEC);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)!write(ends[1], write(fd, "0", 1) == 1 ? "y" : "n", 1);
        for (;;)
            pause();
    }
    made.children[made.child_count++] = child;
    cr_assert_eq(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    close(ends[1]);
    cr_assert_eq(ready, 'y', "%s takes no process", path);
    return child;
}

/* Unlike every other's that runs at the same time: digits of our own, the rest as given. */
static const char *unique(const char *format)
{
    static char names[16][256];
    static unsigned next;
    char *name = names[next++ % 16];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(name, sizeof(names[0]), format, (unsigned)getpid());
#pragma GCC diagnostic pop
    return name;
}

#define DIGITS_52 "fedcba98765432100123456789abcdeffedcba98765432100123"

static bool same_file(int fd, const char *path)
{
    struct stat a, b;

    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void expect_opened(const char *path, const char *directory)
{
    int fd = cgroup_open(path, &error);

    cr_assert_geq(fd, 0, "%s: %s", path, error.message);
    cr_expect(same_file(fd, directory), "%s is not %s", path, directory);
    cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static void expect_not_opened(const char *path, int code, const char *said)
{
    cr_expect_eq(cgroup_open(path, &error), code, "%s", path);
    cr_expect_eq(error.code, code);
    cr_expect(strstr(error.message, said), "%s: %s", path, error.message);
    cr_expect_eq(cgroup_open(path, NULL), code);
}

static void expect_found(const char *id, const char *whole_id, const char *directory, pid_t child)
{
    bool among = false;

    container_finish(&container);
    cr_assert_eq(container_find(id, &container, &error), 0, "%s: %s", id, error.message);
    cr_expect_str_eq(container.id, whole_id);
    if (directory)
        cr_expect(same_file(container.cgroup, directory), "%s is not %s", id, directory);
    else
        cr_expect_eq(container.cgroup, -1);
    for (size_t i = 0; i < container.pid_count; i++)
        among |= container.pids[i] == child;
    cr_expect(among, "%d is not in %s", child, id);
}

static void expect_not_found(const char *id, int code, const char *said)
{
    struct container before = {.cgroup = 4711}, after = before;

    cr_expect_eq(container_find(id, &after, &error), code, "%s", id);
    cr_expect_eq(error.code, code);
    cr_expect(strstr(error.message, said), "%s: %s", id, error.message);
    cr_expect_eq(memcmp(&before, &after, sizeof(before)), 0, "it was touched");
}

Test(cgroup, the_root_is_there)
{
    const char *point = unified();

    expect_opened("/", point);
    expect_opened("//", point);
    expect_opened(point, point);
}

Test(cgroup, a_path_is_below_the_mount_point)
{
    const char *point = unified(), *name = unique("sysfold-%08x");
    const char *outer = make(point, name), *inner = make(outer, "in side");
    char path[300];

    expect_opened(name, outer);
    expect_opened(outer, outer);
    (void)snprintf(path, sizeof(path), "/%s", name);
    expect_opened(path, outer);
    (void)snprintf(path, sizeof(path), "%s//in side/", name);
    expect_opened(path, inner);
}

Test(cgroup, what_is_no_cgroup)
{
    unified();
    expect_not_opened("", -EINVAL, "empty");
    expect_not_opened("..", -EINVAL, "'..' leads out");
    expect_not_opened("a/../../etc", -EINVAL, "leads out");
    expect_not_opened("/a/..", -EINVAL, "leads out");
    expect_not_opened("no/such", -ENOENT, "'no/such'");
    expect_not_opened("...", -ENOENT, "'...'");
    expect_not_opened("cgroup.procs", -ENOTDIR, "'cgroup.procs'");
}

Test(cgroup, the_message_says_where_it_was_looked_for)
{
    expect_not_opened("no-such", -ENOENT, unified());
}

Test(cgroup, a_container_by_its_id_as_runtimes_write_it)
{
    static const char *const forms[] = {"%s", "docker-%s.scope", "libpod-%s.scope", "crio-%s.scope",
                                        "cri-containerd-%s.scope"};
    const char *outer = make(unified(), unique("sysfold-%08x"));
    const char *id = unique("0%08x000" DIGITS_52), *beginning = unique("0%08x000");

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char name[128];
        const char *directory;
        pid_t child;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(name, sizeof(name), forms[i], id);
#pragma GCC diagnostic pop
        directory = make(outer, name);
        child = put_child(directory);
        expect_found(beginning, id, directory, child);
        expect_found(id, id, directory, child);
        expect_not_found(unique("0%08x00"), -ENOENT, "12 digits");
        cr_expect_eq(container.pid_count, 1);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        made.child_count--;
    }
}

Test(cgroup, what_is_inside_is_the_containers_too)
{
    const char *id = unique("1%08x000" DIGITS_52);
    const char *directory = make(unified(), id);
    pid_t first = put_child(make(directory, "init.scope")), second = put_child(make(directory, "web"));

    expect_found(unique("1%08x000fed"), id, directory, first);
    expect_found(unique("1%08x000fed"), id, directory, second);
    cr_expect_eq(container.pid_count, 2);
}

Test(cgroup, a_container_by_its_name)
{
    const char *name = unique("web-%08x.1"), *directory = make(unified(), name);
    pid_t child = put_child(directory);

    expect_found(name, name, directory, child);
    expect_not_found(unique("web-%08x"), -ENOENT, "no container");
    expect_not_found(unique("eb-%08x.1"), -ENOENT, "no container");
}

Test(cgroup, the_monitor_of_a_container_is_not_the_container)
{
    put_child(make(unified(), unique("libpod-conmon-2%08x000" DIGITS_52 ".scope")));
    expect_not_found(unique("2%08x000" DIGITS_52), -ENOENT, "no container");
}

Test(cgroup, more_than_one_id_with_that_beginning)
{
    const char *point = unified();

    put_child(make(point, unique("3%08x000aaa" DIGITS_52)));
    put_child(make(point, unique("3%08x000bbb" DIGITS_52)));
    expect_not_found(unique("3%08x000"), -ENOTUNIQ, unique("3%08x000bbb" DIGITS_52));
    cr_expect(strstr(error.message, "id begins with"), "%s", error.message);
    cr_expect(strstr(error.message, unique("3%08x000aaa" DIGITS_52)), "%s", error.message);
    expect_not_found(unique("3%08x000aab"), -ENOENT, "no container");
    cr_expect_eq(container_find(unique("3%08x000aaa"), &container, &error), 0, "%s", error.message);
}

Test(cgroup, more_than_one_cgroup_of_that_name)
{
    const char *outer = make(unified(), unique("sysfold-%08x"));
    const char *name = unique("twin-%08x");

    put_child(make(make(outer, "a"), name));
    put_child(make(make(outer, "b"), name));
    expect_not_found(name, -ENOTUNIQ, "/a/twin-");
    cr_expect(strstr(error.message, "/b/twin-"), "%s", error.message);
}

Test(cgroup, what_is_no_container)
{
    expect_not_found("", -EINVAL, "''");
    expect_not_found("/", -EINVAL, "'/'");
    expect_not_found("docker/0123456789ab", -EINVAL, "no container's id");
    expect_not_found("0123456789a", -ENOENT, "12 digits");
    expect_not_found("feedfacefeedface", -ENOENT, "'feedfacefeedface'");
    expect_not_found("no-such-container", -ENOENT, "'no-such-container'");
}

Test(cgroup, a_cgroup_without_processes_is_no_container)
{
    const char *name = unique("empty-%08x");

    make(unified(), name);
    expect_not_found(name, -ENOENT, "no container");
}

/* In a child, which can be moved. */
static int find_oneself(const char *name, const char *directory)
{
    int at = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int procs = openat(at, "cgroup.procs", O_WRONLY | O_CLOEXEC);

    if (write(procs, "0", 1) != 1 || container_find(name, &container, &error) < 0)
        return 1;
    return container.pid_count || container.cgroup < 0;
}

Test(cgroup, the_caller_is_not_among_them)
{
    const char *name = unique("own-%08x"), *directory = make(unified(), name);
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(find_oneself(name, directory));
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect_eq(status, 0, "%s", error.message);
}

/* Where cgroups of both versions are mounted, a runtime may use the old ones only. */
Test(cgroup, a_container_that_only_an_old_hierarchy_knows)
{
    const char *point = mount_point("cgroup", "freezer"), *name = unique("old-%08x"), *id;
    pid_t child;

    if (!point)
        cr_skip_test("no version 1 cgroup hierarchy is mounted");
    child = put_child(make(point, name));
    expect_found(name, name, NULL, child);
    cr_expect_eq(container.pid_count, 1);
    id = unique("4%08x000" DIGITS_52);
    child = put_child(make(make(point, unique("docker-%08x")), id));
    expect_found(unique("4%08x000"), id, NULL, child);
}

/* crun wants cgroups of one version; where they are mixed it gets a view of its own. */
static const char RUN_CONTAINER[] =
    "cd \"$1\" && mkdir -p rootfs/dev && cp \"$(command -v busybox)\" rootfs/busybox || exit 77\n"
    "if mountpoint -q /sys/fs/cgroup/unified; then\n"
    "    umount -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit 77\n"
    "fi\n"
    "echo '{\"ociVersion\": \"1.0.0\", \"root\": {\"path\": \"rootfs\"}, \"process\": {\"user\": {\"uid\": 0, \"gid\": 0},"
    " \"args\": [\"/busybox\", \"sleep\", \"90\"], \"cwd\": \"/\", \"env\": []}, \"mounts\": [],"
    " \"linux\": {\"namespaces\": [{\"type\": \"pid\"}, {\"type\": \"mount\"}]}}' > config.json\n"
    "exec crun --cgroup-manager=cgroupfs run \"$2\" > log 2>&1 < /dev/null\n";

static pid_t run_container(const char *directory, const char *name)
{
    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("unshare", "unshare", "-m", "sh", "-c", RUN_CONTAINER, "sh", directory, name, (char *)NULL);
        _exit(77);
    }
    return child;
}

/* What crun had to say. */
static const char *reason(const char *directory)
{
    static char line[200];
    char path[300];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/log", directory);
    file = fopen(path, "re");
    if (!file || !fgets(line, sizeof(line), file))
        (void)snprintf(line, sizeof(line), "it says nothing");
    if (file)
        (void)fclose(file);
    line[strcspn(line, "\n")] = '\0';
    return line;
}

static void remove_tree(const char *directory)
{
    pid_t child = fork();

    if (child == 0) {
        execlp("rm", "rm", "-rf", directory, (char *)NULL);
        _exit(127);
    }
    waitpid(child, NULL, 0);
}

static bool is_sleeping(pid_t pid)
{
    char path[64], comm[16] = "";
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    file = fopen(path, "re");
    (void)!(file && fscanf(file, "%15s", comm));
    if (file)
        (void)fclose(file);
    return !strcmp(comm, "busybox");
}

/* The container's only process, once the command runs; 0: crun gave up. */
static pid_t await_container(pid_t runner, const char *name)
{
    while (waitpid(runner, NULL, WNOHANG) == 0) {
        container_finish(&container);
        if (container_find(name, &container, &error) == 0 && container.pid_count == 1 && is_sleeping(container.pids[0]))
            return container.pids[0];
        usleep(10000);
    }
    return 0;
}

Test(cgroup, a_container_of_cruns)
{
    char directory[] = "/tmp/sysfold-crun-XXXXXX", path[300];
    const char *why, *name = unique("sysfold-crun-%08x");
    pid_t runner, inside;

    if (geteuid() != 0)
        cr_skip_test("only root can make containers");
    (void)snprintf(path, sizeof(path), "%s/%s", unified(), name);
    cr_assert_not_null(mkdtemp(directory));
    runner = run_container(directory, name);
    inside = await_container(runner, name);
    if (inside) {
        cr_expect(same_file(container.cgroup, path), "that is not %s", path);
        kill(inside, SIGKILL);
        waitpid(runner, NULL, 0);
    }
    why = reason(directory);
    remove_tree(directory);
    if (!inside)
        cr_skip_test("crun runs nothing here: %s", why);
    expect_not_found(name, -ENOENT, "no container");
}
