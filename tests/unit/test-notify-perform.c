// SPDX-License-Identifier: Apache-2.0
/* Calls performed for a target: against the same calls made natively, with odd files, and by targets that are not
 * like us. */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "common/cleanup.h"
#include "perform-kit.h"

TestSuite(perform, .timeout = 110);

#define NOBODY 65534
#define ON_DISK "/var/tmp"
#define IN_MEMORY "/dev/shm"

static struct stage *stage;

/* Whether it can be done at all; a kernel that cannot has nothing to test. */
static bool serve(void (*body)(struct stage *))
{
    if (stage_serve(stage, body))
        return true;
    cr_log_warn("skipped: this kernel cannot perform calls for others");
    return false;
}

static void set_up(const char *where)
{
    stage = stage_make();
    stage_directory(stage, where);
    chmod(stage->directory, 0755);
}

static void tear_down(void)
{
    stage_clear(stage);
    stage_free(stage);
}

static void become_nobody(void)
{
    if (geteuid() != 0)
        return;
    cr_assert_eq(setgroups(0, NULL), 0);
    cr_assert_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
    cr_assert_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
    cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0); /* as a process of his is */
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(fchmod(fd, mode), 0);
    close(fd);
}

/* Of each kind one. The directory is the working directory then. */
static void furnish(const char *name)
{
    cr_assert_eq(chdir(stage->directory), 0);
    cr_assert_eq(mkdir(name, 0755), 0);
    cr_assert_eq(chdir(name), 0);
    write_file("file", "hello", 0644);
    write_file("unreadable", "hello", 0);
    cr_assert_eq(mkdir("dir", 0755), 0);
    write_file("dir/inner", "inner", 0600);
    cr_assert_eq(mkdir("closed", 0), 0);
    cr_assert_eq(symlink("file", "link"), 0);
    cr_assert_eq(symlink("dir", "dirlink"), 0);
    cr_assert_eq(symlink("nothing", "dangling"), 0);
    cr_assert_eq(symlink("loop", "loop"), 0);
    cr_assert_eq(mkfifo("fifo", 0644), 0);
    cr_assert_eq(mkdir("sticky", 0755), 0);
    cr_assert_eq(chmod("sticky", 01777), 0);
    cr_assert_eq(mkdir("setgid", 0755), 0);
    cr_assert_eq(chmod("setgid", 02777), 0);
}

/* One row for each call that is compared with its native twin. */
struct twin {
    const char *path;
    int flags;
    mode_t mode, mask;
    enum expected { NEVER, ALWAYS, FOR_ROOT } performed;
};

static const struct twin *twins;
static size_t twin_count;
static int twin_results; /* which of made[] */

/* Knows the way, as after any earlier use: what is not cached is the target's to look up. */
static void warm(const char *path)
{
    struct stat status;

    (void)lstat(path, &status);
    (void)stat(path, &status);
}

static void make_twins(struct stage *on)
{
    for (size_t i = 0; i < twin_count; i++) {
        int fd;

        umask(twins[i].mask);
        warm(twins[i].path);
        step_begin(on, (int)i);
        fd = (int)syscall(SYS_openat, AT_FDCWD, twins[i].path, twins[i].flags, twins[i].mode);
        step_end(on);
        made_measure(&on->made[twin_results][i], fd, errno);
    }
}

static void assert_same(size_t i, const char *path, int flags)
{
    const struct made *native = &stage->made[0][i];
    const struct made *performed = &stage->made[1][i];

    cr_expect(
        !memcmp(native, performed, sizeof(*native)),
        "open(\"%s\", 0%o): natively %d mode %o uid %u gid %u size %ld flags %o/%d/%o, here (%s) %d mode %o uid %u "
        "gid %u size %ld flags %o/%d/%o",
        path, (unsigned)flags, native->result, native->mode, native->uid, native->gid, (long)native->size,
        (unsigned)native->status_flags, native->fd_flags, native->info_flags,
        stage->told[i].performed ? "performed" : "continued", performed->result, performed->mode, performed->uid,
        performed->gid, (long)performed->size, (unsigned)performed->status_flags, performed->fd_flags,
        performed->info_flags);
}

/* What was told is what the target got. */
static void assert_told(size_t i)
{
    const struct told *told = &stage->told[i];
    const struct made *made = &stage->made[1][i];

    cr_expect(told->seen);
    if (!told->performed)
        return;
    cr_expect_eq(told->result, made->result, "told %ld, got %d", (long)told->result, made->result);
    cr_expect_eq(told->has_file, made->result >= 0);
}

/* In two directories alike: once natively, once performed. */
static bool run_both(const char *where, bool as_nobody, void (*body)(struct stage *))
{
    set_up(where);
    if (as_nobody) {
        cr_assert_eq(chown(stage->directory, NOBODY, NOBODY), 0);
        become_nobody();
    }
    furnish("native");
    twin_results = 0;
    stage_run(stage, body);
    furnish("performed");
    twin_results = 1;
    return serve(body);
}

#define NEW(FLAGS) (O_WRONLY | O_CREAT | (FLAGS))
/* clang-format off */
static const struct twin table[] = {
    {"file", O_RDONLY, 0, 022, ALWAYS},
    {"file", O_RDWR | O_APPEND | O_CLOEXEC, 0, 022, ALWAYS},
    {"./dir/../dir/inner", O_RDONLY, 0, 022, ALWAYS},
    {"link", O_RDWR, 0, 022, ALWAYS},
    {"link", O_RDONLY | O_NOFOLLOW, 0, 022, NEVER},
    {"file", O_RDONLY | O_NOFOLLOW, 0, 022, NEVER},
    {"dir", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, 0, 022, ALWAYS},
    {"dir", O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC, 0, 022, ALWAYS},
    {"dirlink", O_RDONLY | O_DIRECTORY, 0, 022, ALWAYS},
    {"dirlink/inner", O_RDONLY, 0, 022, ALWAYS},
    {"dir", O_WRONLY, 0, 022, ALWAYS},
    {"dir", O_RDONLY | O_CREAT, 0600, 022, NEVER},
    {"file", O_RDONLY | O_DIRECTORY, 0, 022, ALWAYS},
    {"file/inner", O_RDONLY, 0, 022, NEVER},
    {"file/", O_RDONLY, 0, 022, ALWAYS},
    {"dir/", O_RDONLY, 0, 022, ALWAYS},
    {"missing", O_RDONLY, 0, 022, ALWAYS},
    {"missing/", O_RDONLY, 0, 022, ALWAYS},
    {"missing/below/that", O_RDONLY, 0, 022, ALWAYS},
    {"dangling", O_RDONLY, 0, 022, NEVER},
    {"dangling", NEW(O_EXCL), 0600, 022, ALWAYS},
    {"dangling", NEW(0), 0640, 022, NEVER},
    {"loop", O_RDONLY, 0, 022, NEVER},
    {"unreadable", O_RDONLY, 0, 022, ALWAYS},
    {"closed/x", O_RDONLY, 0, 022, FOR_ROOT},
    {"", O_RDONLY, 0, 022, NEVER},
    {"new-1", NEW(0), 0666, 022, ALWAYS},
    {"new-2", NEW(0), 0666, 0, ALWAYS},
    {"new-3", NEW(O_EXCL), 07777, 077, ALWAYS},
    {"new-4", NEW(O_TRUNC | O_CLOEXEC | O_APPEND), 0, 0777, ALWAYS},
    {"new-5", O_RDONLY | O_CREAT, 0200, 0, ALWAYS},
    {"new-6/", NEW(0), 0666, 0, NEVER},
    {"dir/new-7", NEW(O_NOFOLLOW), 0604, 02, ALWAYS},
    {"dirlink/new-8", NEW(O_NONBLOCK), 0604, 02, ALWAYS},
    {"setgid/new-9", NEW(0), 02777, 0, ALWAYS},
    {"sticky/new-10", NEW(0), 0666, 0, ALWAYS},
    {"missing/new-11", NEW(0), 0666, 0, NEVER},
    {"closed/new-12", NEW(O_EXCL), 0666, 0, ALWAYS},
    {"new-1", NEW(O_EXCL), 0666, 022, ALWAYS},
    {"new-1", NEW(0), 0600, 022, ALWAYS},
    {"file", NEW(O_TRUNC), 0600, 022, ALWAYS},
    {"link", NEW(0), 0600, 022, NEVER},
    {"fifo", O_RDWR, 0, 022, NEVER},
    {"fifo", O_WRONLY | O_NONBLOCK, 0, 022, NEVER},
    {".", O_RDONLY | O_DIRECTORY, 0, 022, ALWAYS},
    {".", O_RDONLY | O_TMPFILE, 0600, 022, NEVER},
    {".", O_RDWR | O_TMPFILE, 0606, 02, NEVER},
    {"file", O_PATH, 0, 022, NEVER},
    {"/", O_RDONLY, 0, 022, ALWAYS},
    {"/dev/null", O_RDWR | O_TRUNC, 0, 022, ALWAYS},
    {"/dev/null", NEW(O_TRUNC), 0666, 022, ALWAYS},
    {"/dev/zero", O_RDONLY, 0, 022, ALWAYS},
    {"/dev/tty", O_RDWR, 0, 022, NEVER},
    {"/dev/stdin", O_RDONLY, 0, 022, NEVER},
    {"/dev/fd/0", O_RDONLY, 0, 022, NEVER},
    {"/proc/self/status", O_RDONLY, 0, 022, NEVER},
    {"/proc/self/missing", O_RDONLY, 0, 022, NEVER},
    {"/proc/thread-self/comm", O_RDWR, 0, 022, NEVER},
    {"/proc/self/cwd/file", O_RDONLY, 0, 022, NEVER},
    {"/proc/self/root", O_RDONLY, 0, 022, NEVER},
    {"/proc", O_RDONLY | O_DIRECTORY, 0, 022, NEVER},
    {"/sys/kernel", O_RDONLY | O_DIRECTORY, 0, 022, NEVER},
};
/* clang-format on */

static void compare_table(const char *where, bool as_nobody)
{
    bool is_root = geteuid() == 0 && !as_nobody;

    twins = table;
    twin_count = sizeof(table) / sizeof(*table);
    if (run_both(where, as_nobody, make_twins)) {
        for (size_t i = 0; i < twin_count; i++) {
            assert_same(i, table[i].path, table[i].flags);
            assert_told(i);
            cr_expect_eq(stage->told[i].performed,
                         table[i].performed == ALWAYS || (is_root && table[i].performed == FOR_ROOT),
                         "open(\"%s\", 0%o) was %s", table[i].path, (unsigned)table[i].flags,
                         stage->told[i].performed ? "performed" : "continued");
        }
    }
    tear_down();
}

Test(perform, opens_are_as_if_made_by_root_himself)
{
    if (geteuid() == 0)
        compare_table(ON_DISK, false);
}

Test(perform, opens_are_as_if_made_by_the_user_himself)
{
    compare_table(ON_DISK, geteuid() == 0);
}

/* Every flag that there is, and every pair, with each way to access, on each kind of file. */

static const int flags[] = {0,           O_CREAT,    O_EXCL,    O_NOCTTY,  O_TRUNC,    O_APPEND, O_NONBLOCK,
                            O_DSYNC,     O_SYNC,     O_ASYNC,   O_DIRECT,  0100000,    O_PATH,   O_TMPFILE,
                            O_DIRECTORY, O_NOFOLLOW, O_NOATIME, O_CLOEXEC, 0x40000000, 020000000};
static const char *const kinds[] = {"file", "unreadable", "dir", "link", "dangling", "missing", "dir/inner"};
#define FLAG_COUNT (sizeof(flags) / sizeof(*flags))
#define KIND_COUNT (sizeof(kinds) / sizeof(*kinds))

static void restore(void)
{
    (void)truncate("file", 5);
    (void)truncate("unreadable", 5);
    (void)truncate("dir/inner", 5);
    unlink("missing");
    unlink("nothing");
}

static int pair_step(size_t kind, int access, size_t one, size_t other)
{
    return (int)(((kind * 4 + (size_t)access) * FLAG_COUNT + one) * FLAG_COUNT + other);
}

static void make_pair(struct stage *on, const char *path, int open_flags, int step)
{
    int fd;

    warm(path);
    step_begin(on, step);
    fd = (int)syscall(SYS_open, path, open_flags, 0640);
    step_end(on);
    made_measure(&on->made[twin_results][step], fd, errno);
    restore();
}

static void make_pairs(struct stage *on)
{
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        for (int access = 0; access < 4; access++) {
            for (size_t one = 0; one < FLAG_COUNT; one++) {
                for (size_t other = 0; other <= one; other++)
                    make_pair(on, kinds[kind], access | flags[one] | flags[other], pair_step(kind, access, one, other));
            }
        }
    }
}

static unsigned compare_pairs(void)
{
    unsigned performed = 0;

    for (int step = 0; step < pair_step(KIND_COUNT, 0, 0, 0); step++) {
        size_t pair = (size_t)step % (FLAG_COUNT * FLAG_COUNT);
        size_t group = (size_t)step / (FLAG_COUNT * FLAG_COUNT);

        if (!stage->told[step].seen)
            continue;
        assert_same((size_t)step, kinds[group / 4],
                    (int)(group % 4) | flags[pair / FLAG_COUNT] | flags[pair % FLAG_COUNT]);
        assert_told((size_t)step);
        performed += stage->told[step].performed;
    }
    return performed;
}

static void compare_all_pairs(const char *where)
{
    static_assert(KIND_COUNT * 4 * FLAG_COUNT * FLAG_COUNT <= STEPS_MAX, "each has its step");
    if (run_both(where, geteuid() == 0, make_pairs))
        cr_expect_gt(compare_pairs(), KIND_COUNT * 4 * FLAG_COUNT * FLAG_COUNT / 8);
    tear_down();
}

Test(perform, every_pair_of_flags_does_the_same_on_a_disk)
{
    compare_all_pairs(ON_DISK);
}

Test(perform, every_pair_of_flags_does_the_same_in_memory)
{
    compare_all_pairs(IN_MEMORY);
}

/* openat2(): its structure has more than its row, and is written over while it is read. */

struct how_case {
    const char *path;
    struct open_how how;
    size_t size;
    bool performed;
};

static const struct how_case hows[] = {
    {"file", {.flags = O_RDONLY | O_CLOEXEC}, sizeof(struct open_how), true},
    {"link", {.flags = O_RDWR, .resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH}, sizeof(struct open_how), true},
    {"/file", {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT}, sizeof(struct open_how), true},
    {"link", {.flags = O_RDONLY, .resolve = RESOLVE_NO_SYMLINKS}, sizeof(struct open_how), false},
    {"/file", {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH}, sizeof(struct open_how), false},
    {"made", {.flags = O_WRONLY | O_CREAT, .mode = 0640}, sizeof(struct open_how), true},
    {"file", {.flags = O_RDONLY, .mode = 0600}, sizeof(struct open_how), false},
    {"file", {.flags = (uint64_t)1 << 40}, sizeof(struct open_how), false},
    {"more", {.flags = O_WRONLY | O_CREAT, .mode = 0200600}, sizeof(struct open_how), false},
    {"file", {.flags = 0x40000000}, sizeof(struct open_how), false},
    {"file", {.resolve = (uint64_t)1 << 33}, sizeof(struct open_how), false},
    {"file", {.flags = O_RDONLY}, sizeof(struct open_how) - 1, false},
    {"file", {.flags = O_RDONLY}, sizeof(struct open_how) + 8, false},
};
#define HOW_COUNT (sizeof(hows) / sizeof(*hows))

static void make_hows(struct stage *on)
{
    for (size_t i = 0; i < HOW_COUNT; i++) {
        struct {
            struct open_how how;
            uint64_t more;
        } given = {.how = hows[i].how};
        int fd;

        warm(hows[i].path);
        step_begin(on, (int)i);
        fd = (int)syscall(SYS_openat2, AT_FDCWD, hows[i].path, &given, hows[i].size);
        step_end(on);
        made_measure(&on->made[twin_results][i], fd, errno);
    }
}

Test(perform, openat2_is_performed_only_as_it_is_told)
{
    if (run_both(ON_DISK, geteuid() == 0, make_hows)) {
        for (size_t i = 0; i < HOW_COUNT; i++) {
            assert_same(i, hows[i].path, (int)hows[i].how.flags);
            assert_told(i);
            cr_expect_eq(stage->told[i].performed, hows[i].performed, "%zu was %s", i,
                         stage->told[i].performed ? "performed" : "continued");
        }
    }
    tear_down();
}

/* Where a path begins, and what is told of the file. */

static void make_starts(struct stage *on)
{
    struct made *made = on->made[twin_results];
    int directory = open("dir", O_RDONLY | O_DIRECTORY);
    int path_only = open("dir", O_PATH);
    int file = open("file", O_RDONLY);
    int starts[] = {directory, path_only, file, 99, -1, AT_FDCWD};

    for (size_t i = 0; i < 6; i++) {
        int fd;

        step_begin(on, (int)i);
        fd = openat(starts[i], "inner", O_RDONLY);
        step_end(on);
        made_measure(&made[i], fd, errno);
    }
    (void)!chdir("dir");
    step_begin(on, 6);
    directory = open("inner", O_RDONLY);
    step_end(on);
    made_measure(&made[6], directory, errno);
    (void)!unlink("inner");
    step_begin(on, 7);
    directory = creat("inner", 0600);
    step_end(on);
    made_measure(&made[7], directory, errno);
    (void)!chdir("/");
    step_begin(on, 8);
    directory = openat(99, on->directory, O_RDONLY);
    step_end(on);
    made_measure(&made[8], directory, errno);
}

Test(perform, paths_begin_where_the_target_is)
{
    static const bool performed[] = {true, true, false, false, false, false, true, true, true};
    char path[128];

    if (run_both(ON_DISK, geteuid() == 0, make_starts)) {
        for (size_t i = 0; i < 9; i++) {
            assert_same(i, "inner", 0);
            assert_told(i);
            cr_expect_eq(stage->told[i].performed, performed[i], "%zu", i);
        }
        snprintf(path, sizeof(path), "%s/performed/dir/inner", stage->directory);
        cr_expect_str_eq(stage->told[0].path, path);
        cr_expect_str_eq(stage->told[6].path, path);
        cr_expect_str_eq(stage->told[8].path, stage->directory);
    }
    tear_down();
}

static void open_in_chroot(struct stage *on)
{
    (void)!chdir("/");
    step_begin(on, 0);
    close(open("/inner", O_RDWR | O_CREAT, 0600));
    step_end(on);
}

/* Whose root is no mount's, so that it is in no mount table: we and our targets. */
Test(perform, a_chroot_into_the_middle_of_a_mount_is_performed_in)
{
    cleanup_close int outside = open("/", O_PATH | O_CLOEXEC);

    if (geteuid() != 0)
        cr_skip_test("only root changes his root directory");
    cr_assert_eq(unshare(CLONE_NEWNS), 0);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        cr_skip_test("all of this runs in such a chroot");
    set_up(ON_DISK);
    cr_assert_eq(chdir(stage->directory), 0);
    cr_assert_eq(mkdir("proc", 0755), 0);
    cr_assert_eq(mount("/proc", "proc", NULL, MS_BIND | MS_REC, NULL), 0);
    cr_assert_eq(chroot("."), 0);
    if (serve(open_in_chroot)) {
        cr_expect(stage->told[0].performed);
        cr_expect_str_eq(stage->told[0].path, "/inner");
    }
    cr_assert_eq(umount2("proc", MNT_DETACH), 0);
    cr_assert_eq(fchdir(outside), 0);
    cr_assert_eq(chroot("."), 0);
    tear_down();
}

/* Who is not like us opens for himself. */

#define UNLIKE_WHERE(NAME, NEED, BODY)                                                                                 \
    static void NAME##_body(struct stage *on)                                                                          \
    {                                                                                                                  \
        step_begin(on, 0);                                                                                             \
        close(open("/etc/passwd", O_RDONLY));                                                                          \
        step_end(on);                                                                                                  \
        BODY;                                                                                                          \
        step_begin(on, 1);                                                                                             \
        close(open("/etc/passwd", O_RDONLY));                                                                          \
        step_end(on);                                                                                                  \
    }                                                                                                                  \
    Test(perform, NAME)                                                                                                \
    {                                                                                                                  \
        NEED;                                                                                                          \
        set_up(ON_DISK);                                                                                               \
        if (geteuid() == 0 && serve(NAME##_body)) {                                                                    \
            cr_expect(stage->told[0].performed);                                                                       \
            cr_expect(stage->told[1].seen);                                                                            \
            cr_expect_not(stage->told[1].performed);                                                                   \
        }                                                                                                              \
        tear_down();                                                                                                   \
    }

#define UNLIKE(NAME, BODY) UNLIKE_WHERE(NAME, (void)0, BODY)

/* A failure ends the target with what the kit does not take for success. */
#define MUST(CALL)                                                                                                     \
    do {                                                                                                               \
        if ((CALL) < 0)                                                                                                \
            _exit(3);                                                                                                  \
    } while (0)

static void drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};

    MUST(syscall(SYS_capset, &header, data));
}

static void restrict_by_landlock(void)
{
    struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);

    if (ruleset >= 0) { /* else the call alone must do: who makes it is not told apart */
        MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    }
    (void)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

static void *change_root(void *data)
{
    const struct stage *on = data;

    MUST(chroot(on->directory));
    return NULL;
}

static void chroot_in_a_thread(struct stage *on)
{
    pthread_t thread;

    MUST(-pthread_create(&thread, NULL, change_root, on));
    pthread_join(thread, NULL);
}

UNLIKE(another_user_is_never_performed_for, MUST(setuid(NOBODY)))
UNLIKE(another_effective_user_is_never_performed_for, MUST(seteuid(NOBODY)))
UNLIKE(another_group_is_never_performed_for, MUST(setgid(NOBODY)))
UNLIKE(another_file_system_user_is_never_performed_for, (void)syscall(SYS_setfsuid, NOBODY))
UNLIKE(another_file_system_group_is_never_performed_for, (void)syscall(SYS_setfsgid, NOBODY))
UNLIKE(more_groups_are_never_performed_for, MUST(setgroups(2, ((gid_t[]){1, 2}))))
UNLIKE_WHERE(a_user_namespace_is_never_performed_in, need_user_namespaces(), MUST(unshare(CLONE_NEWUSER)))
UNLIKE(a_mount_namespace_is_never_performed_in, MUST(unshare(CLONE_NEWNS)))
UNLIKE(another_root_is_never_performed_in, MUST(chroot(on->directory)))
UNLIKE(fewer_capabilities_are_never_performed_for, drop_capabilities())
UNLIKE(landlock_is_never_performed_below, restrict_by_landlock())
UNLIKE(a_root_that_a_thread_has_changed_is_not_performed_in, chroot_in_a_thread(on))
UNLIKE(who_is_asked_by_fanotify_is_not_waited_for, (void)syscall(SYS_fanotify_init, 0x4, O_RDONLY))

static void back_again(struct stage *on)
{
    MUST(seteuid(NOBODY));
    step_begin(on, 0);
    close(open("/etc/passwd", O_RDONLY));
    step_end(on);
    MUST(seteuid(0));
    step_begin(on, 1);
    close(open("/etc/passwd", O_RDONLY));
    step_end(on);
}

Test(perform, who_is_like_us_again_is_performed_for)
{
    set_up(ON_DISK);
    if (geteuid() == 0 && serve(back_again)) {
        cr_expect_not(stage->told[0].performed);
        cr_expect(stage->told[1].performed);
    }
    tear_down();
}

/* A full table of descriptors: nothing is made in vain, and the error is the kernel's. */

static void fill_the_table(struct stage *on)
{
    struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
    static const char *const paths[] = {"file", "missing", "made"};

    MUST(setrlimit(RLIMIT_NOFILE, &limit));
    while (dup(0) >= 0)
        ;
    for (int i = 0; i < 3; i++) {
        int fd;

        step_begin(on, i);
        fd = open(paths[i], i == 2 ? O_WRONLY | O_CREAT : O_RDONLY, 0600);
        step_end(on);
        made_measure(&on->made[twin_results][i], fd, errno);
    }
    on->scratch[0] += access("made", F_OK) == 0;
}

Test(perform, a_full_table_is_noticed_before_anything_is_made)
{
    if (run_both(ON_DISK, geteuid() == 0, fill_the_table)) {
        for (size_t i = 0; i < 3; i++) {
            assert_same(i, "full", (int)i);
            cr_expect_eq(stage->made[1][i].result, -EMFILE);
            cr_expect_not(stage->told[i].performed);
        }
        cr_expect_eq(stage->scratch[0], 0);
    }
    tear_down();
}

/* A path that never stands still: what is told is what was opened, or it is not told. */

#define FLIPS 10000

static char flipping[2][16] = {"file", "dir/inner"};
static char flipped[16] = "file";
static atomic_bool flip_on;

static void *flip(void *data)
{
    (void)data;
    for (unsigned i = 0; flip_on; i++)
        memcpy(flipped, flipping[i % 2], sizeof(flipped));
    return NULL;
}

static void open_flipping(struct stage *on)
{
    pthread_t thread;

    flip_on = true;
    MUST(-pthread_create(&thread, NULL, flip, NULL));
    for (int i = 0; i < FLIPS; i++) {
        struct made *made = &on->made[1][i];
        struct stat status;
        int fd;

        step_begin(on, i);
        fd = open(flipped, O_RDONLY);
        step_end(on);
        made->result = fd < 0 ? -errno : fd;
        if (fd >= 0 && fstat(fd, &status) == 0) {
            made->size = (int64_t)status.st_ino;
            close(fd);
        }
    }
    flip_on = false;
    pthread_join(thread, NULL);
}

Test(perform, a_path_that_is_written_over_is_told_as_it_was_opened)
{
    unsigned performed = 0;

    set_up(ON_DISK);
    furnish("there");
    if (serve(open_flipping)) {
        for (size_t i = 0; i < FLIPS; i++) {
            const struct told *told = &stage->told[i];

            performed += told->performed;
            if (told->performed)
                cr_assert_eq(told->result, stage->made[1][i].result);
            if (told->has_file)
                cr_assert_eq((int64_t)told->ino, stage->made[1][i].size, "%zu: told another file", i);
        }
        cr_expect_gt(performed, FLIPS / 2);
    }
    tear_down();
}

/* The same for names that are moved about below it: a file and a FIFO change places. */

static void *swap(void *data)
{
    (void)data;
    while (flip_on)
        (void)syscall(SYS_renameat2, AT_FDCWD, "fifo", AT_FDCWD, "file", 2 /* RENAME_EXCHANGE */);
    return NULL;
}

/* Opens again and again while `other` changes what is there. */
static void open_beside(struct stage *on, void *(*other)(void *), const char *path, int how)
{
    pthread_t thread;

    flip_on = true;
    MUST(-pthread_create(&thread, NULL, other, NULL));
    for (int i = 0; i < FLIPS; i++) {
        struct stat status = {0};
        int fd;

        step_begin(on, i);
        fd = open(path, how, 0600);
        step_end(on);
        on->made[1][i].result = fd;
        if (fd >= 0 && fstat(fd, &status) == 0)
            close(fd);
        on->made[1][i].mode = status.st_mode;
    }
    flip_on = false;
    pthread_join(thread, NULL);
}

static void expect_regular_files(void (*opens)(struct stage *))
{
    unsigned performed = 0;

    set_up(ON_DISK);
    furnish("there");
    if (serve(opens)) {
        for (size_t i = 0; i < FLIPS; i++) {
            if (stage->told[i].performed && stage->made[1][i].result >= 0)
                cr_assert(S_ISREG(stage->made[1][i].mode), "%zu is of mode %o", i, stage->made[1][i].mode);
            performed += stage->told[i].performed;
        }
        cr_expect_gt(performed, 0);
    }
    tear_down();
}

static void open_swapping(struct stage *on)
{
    open_beside(on, swap, "file", O_RDONLY | O_NONBLOCK);
}

Test(perform, only_files_that_were_looked_at_are_opened)
{
    expect_regular_files(open_swapping);
}

/* A file is to be made, and meanwhile there is a link in its place. */

static void *put_links(void *data)
{
    (void)data;
    while (flip_on) {
        (void)symlink("fifo", "made");
        (void)unlink("made");
    }
    return NULL;
}

static void create_among_links(struct stage *on)
{
    open_beside(on, put_links, "made", O_RDWR | O_CREAT);
}

Test(perform, no_link_is_followed_to_make_a_file)
{
    expect_regular_files(create_among_links);
}

/* Nobody else has the file any more once the target goes on: its last close is the last. The target runs before all
 * others, where it may, on the cpu that we share: as soon as it is answered, and for as long as it wants. */

static void share_a_cpu(void)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(sched_getcpu(), &cpus);
    (void)sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void take_locks(struct stage *on)
{
    int other = open("file", O_RDWR);

    (void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
    for (int i = 0; i < 2000; i++) {
        int fd;

        step_begin(on, i);
        fd = open("file", O_RDWR);
        step_end(on);
        MUST(flock(fd, LOCK_EX));
        close(fd);
        on->scratch[0] += flock(other, LOCK_EX | LOCK_NB) < 0; /* refused while the first is open somewhere */
        (void)flock(other, LOCK_UN);
    }
}

Test(perform, the_target_alone_has_the_file)
{
    set_up(ON_DISK);
    furnish("there");
    share_a_cpu();
    if (serve(take_locks)) {
        cr_expect(stage->told[0].performed);
        cr_expect_eq(stage->scratch[0], 0);
    }
    tear_down();
}

/* Somebody has a lease on the file: whoever opens it waits until he gives it up, and that is not us. */

static volatile sig_atomic_t leased = -1;

static void give_up_lease(int number)
{
    (void)number;
    (void)fcntl(leased, F_SETLEASE, F_UNLCK);
}

static void open_leased(struct stage *on)
{
    pid_t pid;

    (void)signal(SIGIO, give_up_lease);
    leased = open("file", O_RDWR);
    MUST(fcntl(leased, F_SETLEASE, F_WRLCK));
    pid = fork();
    if (pid == 0) {
        step_begin(on, 0);
        _exit(open("file", O_RDWR | O_TRUNC) < 0);
    }
    while (waitpid(pid, &(int){0}, 0) < 0 && errno == EINTR)
        ;
    step_end(on);
}

Test(perform, a_lease_is_waited_for_by_the_target)
{
    set_up(ON_DISK);
    furnish("there");
    if (serve(open_leased)) {
        cr_expect(stage->told[0].seen);
        cr_expect_not(stage->told[0].performed);
    }
    tear_down();
}

/* Signals, and the end, of a target that waits for us. */

static void count_signal(int number)
{
    (void)number;
}

static void interrupt(const struct seccomp_notif *notif)
{
    (void)syscall(SYS_tkill, notif->pid, SIGUSR1);
}

static void create_interrupted(struct stage *on)
{
    (void)signal(SIGUSR1, count_signal);
    for (int i = 0; i < 100; i++) {
        char name[16];
        int fd;

        snprintf(name, sizeof(name), "made-%d", i);
        step_begin(on, i);
        fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
        step_end(on);
        on->scratch[0] += fd < 0;
        close(fd);
    }
}

Test(perform, a_signal_does_not_have_it_done_twice)
{
    set_up(ON_DISK);
    furnish("there");
    stage_before = interrupt;
    if (serve(create_interrupted)) {
        cr_expect(stage->told[0].performed);
        cr_expect_eq(stage->scratch[0], 0);
    }
    tear_down();
}

static pid_t victim;

static void kill_victim(const struct seccomp_notif *notif)
{
    if ((pid_t)notif->pid == victim)
        return;
    (void)kill((pid_t)notif->pid, SIGKILL);
}

static void die_opening(struct stage *on)
{
    victim = getpid();
    for (int i = 0; i < 50; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            step_begin(on, i);
            (void)open("file", O_RDONLY);
            on->scratch[0]++;
            _exit(0);
        }
        (void)waitpid(pid, NULL, 0);
        step_end(on);
    }
}

Test(perform, who_dies_meanwhile_is_told_nothing)
{
    set_up(ON_DISK);
    furnish("there");
    stage_before = kill_victim;
    if (serve(die_opening)) {
        cr_expect_eq(stage->scratch[0], 0);
        for (size_t i = 0; i < 50; i++)
            cr_expect_not(stage->told[i].performed);
    }
    tear_down();
}
