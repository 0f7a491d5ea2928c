// SPDX-License-Identifier: Apache-2.0
/* Commands in sandboxes of the real runsc: SYSFOLD_RUNSC, or the one in PATH. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "backends/command.h"
#include "backends/gvisor/launch.h"
#include "common/cleanup.h"

TestSuite(gvisor_launch, .timeout = 100);

#define PATIENCE 60000 /* ms */
#define SOMEBODY 1234
#define TEXT_MAX 8192
#define BUSYBOX "/bin/busybox"

static char directory[] = "/tmp/sysfold-launch-XXXXXX"; /* holds `launch`, `bound` and `unbound` */
static char launch_directory[64], bound[64], unbound[64];
static char runsc[4096];
static struct sysfold_error error;

static void prepare(void)
{
    const char *name = getenv("SYSFOLD_RUNSC");
    cleanup_free char *path = NULL;

    if (command_find("test", name && *name ? name : "runsc", &path, NULL) < 0)
        cr_skip_test("there is no runsc (SYSFOLD_RUNSC names one)");
    (void)snprintf(runsc, sizeof(runsc), "%s", path);
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(launch_directory, sizeof(launch_directory), "%s/launch", directory);
    (void)snprintf(bound, sizeof(bound), "%s/bound", directory);
    (void)snprintf(unbound, sizeof(unbound), "%s/unbound", directory);
    cr_assert_eq(mkdir(launch_directory, 0700) | mkdir(bound, 0700) | mkdir(unbound, 0700), 0);
    cr_assert_eq(chdir(unbound), 0);
}

static void become_ordinary(void)
{
    if (geteuid() == 0)
        cr_assert_eq(
            setgroups(0, NULL) | setresgid(SOMEBODY, SOMEBODY, SOMEBODY) | setresuid(SOMEBODY, SOMEBODY, SOMEBODY), 0);
}

static int remove_one(const char *path, const struct stat *stat_, int type, struct FTW *where)
{
    (void)stat_;
    (void)type;
    (void)where;
    return remove(path);
}

static void finish(void)
{
    if (!*launch_directory)
        return;
    cr_expect_eq(rmdir(launch_directory), 0, "something is left: %s", strerror(errno));
    cr_expect_eq(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* 0, or what the kernel says against a user namespace, without which runsc starts nothing: a chroot has none. */
static int try_namespace(void)
{
    int status;
    pid_t pid = fork();

    cr_assert_geq(pid, 0);
    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER) < 0 ? errno : 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WEXITSTATUS(status);
}

static void prepare_sandboxes(void)
{
    int refusal = try_namespace();

    if (refusal)
        cr_skip_test("runsc starts no sandboxes here: there are no user namespaces: %s", strerror(refusal));
    prepare();
}

/* Of what needs no sandbox, and of what does. */
#define LAUNCH_TEST(name) Test(gvisor_launch, name, .init = prepare, .fini = finish)
#define SANDBOX_TEST(name) Test(gvisor_launch, name, .init = prepare_sandboxes, .fini = finish)

static struct launch_options options_of(char *const *argv)
{
    return (struct launch_options){.runsc = {.program = runsc}, .argv = argv, .directory = launch_directory};
}

struct run {
    struct launch *launch;
    int input, output, errors; /* our ends */
    int status;
    char out[TEXT_MAX], err[TEXT_MAX];
};

/* Lays one end of a pipe over a standard descriptor; the other end is returned. */
static int lay_pipe(int fd, int *ret_saved)
{
    int fds[2];
    int theirs = fd == STDIN_FILENO ? 0 : 1;

    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    *ret_saved = fcntl(fd, F_DUPFD_CLOEXEC, 10);
    cr_assert_eq(dup2(fds[theirs], fd), fd);
    close(fds[theirs]);
    return fds[!theirs];
}

static void lay_back(int fd, int saved)
{
    cr_assert_eq(dup2(saved, fd), fd);
    close(saved);
}

static int start(struct run *run, const struct launch_options *options)
{
    int saved[3];
    int r = launch_create(options, &run->launch, &error);

    if (r < 0)
        return r;
    run->input = lay_pipe(STDIN_FILENO, &saved[0]);
    run->output = lay_pipe(STDOUT_FILENO, &saved[1]);
    run->errors = lay_pipe(STDERR_FILENO, &saved[2]);
    r = launch_start(run->launch, &error);
    for (int fd = 0; fd < 3; fd++)
        lay_back(fd, saved[fd]);
    return r;
}

static void read_all(int fd, char text[TEXT_MAX])
{
    size_t size = 0;

    for (ssize_t count; (count = read(fd, text + size, TEXT_MAX - 1 - size)) > 0;)
        size += (size_t)count;
    text[size] = '\0';
    close(fd);
}

static void read_line(int fd, char text[TEXT_MAX])
{
    size_t size = 0;

    while (size < TEXT_MAX - 1 && read(fd, text + size, 1) == 1 && text[size++] != '\n')
        continue;
    text[size] = '\0';
}

static int end(struct run *run)
{
    int r = launch_wait(run->launch, PATIENCE, &run->status, &error);

    read_all(run->output, run->out);
    read_all(run->errors, run->err);
    launch_destroy(run->launch);
    return r;
}

static int run_with(struct run *run, const struct launch_options *options, const char *input)
{
    int r = start(run, options);

    if (r < 0)
        return r;
    cr_assert_eq(write(run->input, input, strlen(input)), (ssize_t)strlen(input));
    close(run->input);
    return end(run);
}

static struct run run;

static void run_shell(const char *script)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    struct launch_options options = options_of(argv);

    cr_assert_eq(run_with(&run, &options, ""), 1, "%s", error.message);
}

static void expect_exit(const char *script, int status)
{
    run_shell(script);
    cr_expect(WIFEXITED(run.status) && WEXITSTATUS(run.status) == status, "%s: %#x", script, (unsigned)run.status);
}

static void expect_death(const char *script, int signal_)
{
    run_shell(script);
    cr_expect(WIFSIGNALED(run.status) && WTERMSIG(run.status) == signal_, "%s: %#x", script, (unsigned)run.status);
}

SANDBOX_TEST(exit_statuses)
{
    expect_exit("true", 0);
    expect_exit("exit 128", 128);
    expect_exit("exit 137", 137);
    expect_exit("exit 255", 255);
}

SANDBOX_TEST(deaths_by_signals)
{
    expect_death("kill -KILL $$", SIGKILL);
    expect_death("kill -TERM $$", SIGTERM);
    expect_death("kill -ABRT $$", SIGABRT);
}

SANDBOX_TEST(standard_streams)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"cat; echo complaint >&2", NULL};
    struct launch_options options = options_of(argv);

    cr_assert_eq(run_with(&run, &options, "one\ntwo"), 1, "%s", error.message);
    cr_expect_str_eq(run.out, "one\ntwo");
    cr_expect_str_eq(run.err, "complaint\n");
}

/* Files with an offset: the command goes on where others stopped, and others where it did. */
SANDBOX_TEST(files_as_streams)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"cat; echo of the command", NULL};
    struct launch_options options = options_of(argv);
    struct launch *launch = NULL;
    char text[256] = "";
    int input = open("input", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int output = open("output", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int saved[2] = {dup(STDIN_FILENO), dup(STDOUT_FILENO)};
    int r, flags, status;

    cr_assert_eq(pwrite(input, "read\nunread\n", 12, 0), 12);
    cr_assert_eq(lseek(input, 5, SEEK_SET), 5);
    cr_assert_eq(write(output, "before\n", 7), 7);
    flags = fcntl(output, F_GETFL);
    cr_assert_eq(launch_create(&options, &launch, &error), 0, "%s", error.message);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    r = launch_start(launch, &error);
    if (r == 0)
        r = launch_wait(launch, PATIENCE, &status, &error);
    lay_back(STDIN_FILENO, saved[0]);
    lay_back(STDOUT_FILENO, saved[1]);
    cr_expect_eq(r, 1, "%s", error.message);
    cr_expect_eq(write(output, "behind\n", 7), 7);
    cr_expect_geq(pread(output, text, sizeof(text) - 1, 0), 0);
    cr_expect_str_eq(text, "before\nunread\nof the command\nbehind\n");
    cr_expect_eq(fcntl(output, F_GETFL), flags);
    close(input);
    close(output);
    launch_destroy(launch);
}

SANDBOX_TEST(words_directory_and_environment)
{
    char *const argv[] = {(char *)"sh",
                          (char *)"-c",
                          (char *)"pwd; echo \"$#:$1:$2:$3:\"; echo \"$ODD:$EMPTY:\"; echo \"${NONE-unset}\"",
                          (char *)"sh",
                          (char *)"two  words",
                          (char *)"",
                          (char *)"\"\\\n\x01\xc3\xa9$HOME",
                          NULL};
    char *const envp[] = {(char *)"PATH=/usr/bin:/bin", (char *)"ODD=\x01\n= \xe2\x80\xa8",
                          (char *)"EMPTY=", (char *)"NO-VALUE", NULL};
    struct launch_options options = options_of(argv);
    char expected[TEXT_MAX];

    options.envp = envp;
    cr_assert_eq(run_with(&run, &options, ""), 1, "%s", error.message);
    (void)snprintf(expected, sizeof(expected),
                   "%s\n3:two  words::\"\\\n\x01\xc3\xa9$HOME:\n\x01\n= \xe2\x80\xa8::\nunset\n", unbound);
    cr_expect_str_eq(run.out, expected);
}

static void make_file(const char *path, const char *text, mode_t mode)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(fchmod(fd, mode), 0);
}

static void expect_refusal(const char *name, const char *argument, int code)
{
    char *const argv[] = {(char *)name, (char *)argument, NULL};
    struct launch_options options = options_of(argv);
    struct launch *launch = NULL;

    cr_expect_eq(launch_create(&options, &launch, &error), code, "%s: %s", name, error.message);
    cr_expect_null(launch);
}

LAUNCH_TEST(commands_that_do_not_run)
{
    make_file("plain", "text\n", 0600);
    make_file("text", "text\n", 0700);
    make_file("astray", "#!/no/such/interpreter\n", 0700);
    expect_refusal("no-such-command", NULL, -ENOENT);
    expect_refusal("/no/such/command", NULL, -ENOENT);
    expect_refusal("", NULL, -ENOENT);
    expect_refusal("./plain", NULL, -EACCES);
    expect_refusal("./plain/x", NULL, -EACCES);
    expect_refusal(".", NULL, -EACCES);
    expect_refusal("/", NULL, -EACCES);
    expect_refusal("./text", NULL, -ENOEXEC);
    expect_refusal("./astray", NULL, -ENOENT);
    expect_refusal("true", "\xff", -EILSEQ);
}

SANDBOX_TEST(a_command_that_only_its_execution_shows_to_be_none)
{
    char *const argv[] = {(char *)"./damaged", NULL};
    struct launch_options options = options_of(argv);

    make_file("damaged", "\177ELF and nothing more", 0700);
    cr_expect_eq(run_with(&run, &options, ""), -ENOEXEC, "%s", error.message);
    cr_expect_str_eq(run.out, "");
}

SANDBOX_TEST(scripts_by_relative_paths)
{
    char *const by_path[] = {(char *)"./script", NULL};
    char *const by_name[] = {(char *)"script", NULL};
    char *const envp[] = {(char *)"PATH=.:/usr/bin:/bin", NULL};
    struct launch_options options = options_of(by_path);

    make_file("script", "#!/bin/sh\necho ran\n", 0700);
    cr_expect_eq(run_with(&run, &options, ""), 1, "%s", error.message);
    cr_expect_str_eq(run.out, "ran\n");
    options.argv = by_name;
    options.envp = envp;
    cr_expect_eq(run_with(&run, &options, ""), 1, "%s", error.message);
    cr_expect_str_eq(run.out, "ran\n");
}

static void write_everywhere(void)
{
    char script[512];
    char *const argv[] = {(char *)"sh", (char *)"-c", script, NULL};
    const char *const binds[] = {bound};
    struct launch_options options = options_of(argv);

    (void)snprintf(script, sizeof(script), "echo x >%s/file && echo y >%s/file && cat %s/file %s/file", unbound, bound,
                   unbound, bound);
    options.binds = binds;
    options.bind_count = 1;
    cr_assert_eq(run_with(&run, &options, ""), 1, "%s", error.message);
    cr_expect_str_eq(run.out, "x\ny\n", "%s", run.err);
    cr_expect_neq(access("file", F_OK), 0, "it was written outside");
    cr_expect_eq(access("../bound/file", F_OK), 0);
}

SANDBOX_TEST(only_binds_are_written_to)
{
    write_everywhere();
}

static void start_waiting(const char *script)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    struct launch_options options = options_of(argv);

    cr_assert_eq(start(&run, &options), 0, "%s", error.message);
    read_line(run.output, run.out);
    cr_assert_str_eq(run.out, "ready\n");
}

SANDBOX_TEST(signals_reach_the_command)
{
    start_waiting("trap 'exit 3' USR1; echo ready; while :; do sleep 0.05; done");
    cr_expect_eq(launch_wait(run.launch, 0, &run.status, &error), 0);
    cr_expect_eq(kill(launch_pid(run.launch), SIGUSR1), 0);
    cr_assert_eq(end(&run), 1, "%s", error.message);
    cr_expect(WIFEXITED(run.status) && WEXITSTATUS(run.status) == 3, "%#x", (unsigned)run.status);
}

SANDBOX_TEST(a_signal_that_comes_early_is_kept)
{
    char *const argv[] = {(char *)"sleep", (char *)"100", NULL};
    struct launch_options options = options_of(argv);

    cr_assert_eq(start(&run, &options), 0, "%s", error.message);
    cr_expect_eq(kill(launch_pid(run.launch), SIGTERM), 0);
    cr_assert_eq(end(&run), 1, "%s", error.message);
    cr_expect(WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGTERM, "%#x", (unsigned)run.status);
}

/* Processes whose command line says that they belong to this launch; zombies have none. */
static unsigned count_processes(void)
{
    DIR *proc = opendir("/proc");
    unsigned count = 0;

    cr_assert_not_null(proc);
    for (const struct dirent *entry; (entry = readdir(proc));) {
        char path[300], line[TEXT_MAX];
        cleanup_close int fd = -1;
        ssize_t size;

        (void)snprintf(path, sizeof(path), "/proc/%.20s/cmdline", entry->d_name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        size = fd < 0 ? 0 : read(fd, line, sizeof(line));
        count += size > 0 && memmem(line, (size_t)size, launch_directory, strlen(launch_directory));
    }
    closedir(proc);
    return count;
}

static void expect_no_trace(void)
{
    char mounts[1 << 16];
    cleanup_close int fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, mounts, sizeof(mounts));

    cr_expect_eq(count_processes(), 0);
    cr_assert_gt(size, 0);
    cr_expect_null(memmem(mounts, (size_t)size, directory, strlen(directory)));
}

SANDBOX_TEST(destroyed_while_it_runs)
{
    start_waiting("echo ready; sleep 100");
    cr_expect_geq(count_processes(), 3, "runsc, its sandbox and its gofer");
    launch_destroy(run.launch);
    expect_no_trace();
}

SANDBOX_TEST(destroyed_while_it_starts)
{
    char *const argv[] = {(char *)"sleep", (char *)"100", NULL};
    struct launch_options options = options_of(argv);

    for (unsigned delay = 0; delay < 200; delay += 40) {
        cr_assert_eq(start(&run, &options), 0, "%s", error.message);
        (void)poll(NULL, 0, (int)delay);
        launch_destroy(run.launch);
        expect_no_trace();
    }
}

LAUNCH_TEST(never_started)
{
    char *const argv[] = {(char *)"true", NULL};
    struct launch_options options = options_of(argv);

    cr_assert_eq(launch_create(&options, &run.launch, &error), 0, "%s", error.message);
    cr_expect_eq(launch_pid(run.launch), 0);
    launch_destroy(run.launch);
    launch_destroy(NULL);
}

static void prepare_ordinary(void)
{
    become_ordinary();
    prepare_sandboxes();
}

#define ORDINARY_TEST(name) Test(gvisor_launch, name, .init = prepare_ordinary, .fini = finish)

ORDINARY_TEST(an_ordinary_users)
{
    expect_exit("exit 137", 137);
    expect_death("kill -TERM $$", SIGTERM);
    expect_exit("cat /etc/shadow", 1);
    cr_expect_neq(strstr(run.err, "Permission denied"), NULL, "%s", run.err);
    write_everywhere();
}

ORDINARY_TEST(an_ordinary_users_signals_and_end)
{
    start_waiting("trap 'exit 3' USR1; echo ready; while :; do sleep 0.05; done");
    cr_expect_eq(kill(launch_pid(run.launch), SIGUSR1), 0);
    cr_assert_eq(end(&run), 1, "%s", error.message);
    cr_expect(WIFEXITED(run.status) && WEXITSTATUS(run.status) == 3, "%#x", (unsigned)run.status);
    start_waiting("echo ready; sleep 100");
    launch_destroy(run.launch);
    expect_no_trace();
}

static void make_root(void)
{
    cleanup_close int busybox = open(BUSYBOX, O_RDONLY | O_CLOEXEC);
    cleanup_close int copy = -1;

    cr_assert_eq(mkdir("root", 0700) | mkdir("root/bin", 0700), 0);
    copy = open("root/bin/busybox", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    while (sendfile(copy, busybox, NULL, 1 << 20) > 0)
        continue;
    cr_assert_eq(symlink("/bin/busybox", "root/bin/sh") | symlink("/bin/busybox", "root/bin/ls") |
                     symlink("/usr/bin/env", "root/bin/elsewhere"),
                 0);
}

SANDBOX_TEST(a_root_of_its_own)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"pwd; echo >/new; ls /", NULL};
    char *const elsewhere[] = {(char *)"/bin/elsewhere", NULL};
    const char *const binds[] = {bound};
    struct launch_options options = options_of(argv);

    if (access(BUSYBOX, X_OK) < 0)
        cr_skip_test("there is no " BUSYBOX);
    make_root();
    options.rootfs = "root";
    cr_assert_eq(run_with(&run, &options, ""), 1, "%s", error.message);
    cr_expect_str_eq(run.out, "/\nbin\ndev\nnew\nproc\nsys\ntmp\n", "%s", run.err);
    cr_expect_neq(access("root/new", F_OK), 0);
    cr_expect_neq(access("root/dev", F_OK), 0);
    options.argv = elsewhere;
    cr_expect_eq(launch_create(&options, &run.launch, &error), -ENOENT, "a link leads out of the root");
    options.argv = argv;
    options.binds = binds;
    options.bind_count = 1;
    cr_expect_eq(launch_create(&options, &run.launch, &error), -ENOENT, "runsc would make it in the root");
    cr_expect_neq(strstr(error.message, bound), NULL, "%s", error.message);
}

SANDBOX_TEST(a_session_that_is_none)
{
    char *const argv[] = {(char *)"true", NULL};
    struct launch_options options = options_of(argv);

    make_file("session", "{\"trace_session\": 7}", 0600);
    options.session = "session";
    cr_expect_eq(run_with(&run, &options, ""), -ECHILD);
    cr_expect_neq(strstr(error.message, "trace_session"), NULL, "%s", error.message);
}

static bool write_file(const char *path, const char *text)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Root of a user namespace that lets no other be made. */
static bool forbid_namespaces(void)
{
    char users[64], groups[64];

    (void)snprintf(users, sizeof(users), "0 %u 1", (unsigned)geteuid());
    (void)snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)getegid());
    return unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/uid_map", users) && write_file("/proc/self/gid_map", groups) &&
           write_file("/proc/sys/user/max_user_namespaces", "0");
}

/* In a process of its own, since one with threads keeps its user namespace. Returns what launch_wait() did. */
static int fail_to_launch(bool forbid)
{
    char *const argv[] = {(char *)"true", NULL};
    struct launch_options options = options_of(argv);
    struct launch *launch = NULL;
    int status;
    int r;

    if (forbid && !forbid_namespaces())
        return -errno;
    r = launch_create(&options, &launch, &error);
    if (r == 0)
        r = launch_start(launch, &error);
    if (r == 0)
        r = launch_wait(launch, PATIENCE, &status, &error);
    launch_destroy(launch);
    return r;
}

/* As in a chroot: where none can be made already, that is what is told. */
LAUNCH_TEST(without_user_namespaces)
{
    bool can = try_namespace() == 0;
    char said[sizeof(error.message) + 1] = "";
    int status, fds[2];
    pid_t pid;

    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        int r = fail_to_launch(can);

        (void)!write(fds[1], error.message, strlen(error.message));
        _exit(-r);
    }
    close(fds[1]);
    cr_assert_geq(read(fds[0], said, sizeof(said) - 1), 0);
    close(fds[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == ECHILD, "%#x: %s", (unsigned)status, said);
    cr_expect_neq(strstr(said, "user namespaces cannot be made here"), NULL, "%s", said);
    cr_expect_neq(strstr(said, can ? "user.max_user_namespaces allows" : "chroot"), NULL, "%s", said);
}

LAUNCH_TEST(no_runsc)
{
    char *const argv[] = {(char *)"true", NULL};
    struct launch_options options = options_of(argv);

    options.runsc.program = "no-such-runsc";
    cr_expect_eq(launch_create(&options, &run.launch, &error), -ENOTSUP);
    cr_expect_neq(strstr(error.message, "install runsc"), NULL, "%s", error.message);
}

LAUNCH_TEST(a_runsc_that_does_not_do_its_work)
{
    char *const argv[] = {(char *)"true", NULL};
    struct launch_options options = options_of(argv);

    make_file("fails", "#!/bin/sh\nexit 3\n", 0700);
    make_file("hangs", "#!/bin/sh\n[ \"$1\" = help ] || exec sleep 100\n", 0700);
    options.runsc.program = "./fails";
    cr_expect_eq(run_with(&run, &options, ""), -ECHILD);
    options.runsc.program = "./hangs";
    cr_assert_eq(start(&run, &options), 0, "%s", error.message);
    cr_expect_eq(launch_wait(run.launch, 50, &run.status, &error), 0);
    launch_destroy(run.launch);
    expect_no_trace();
}
