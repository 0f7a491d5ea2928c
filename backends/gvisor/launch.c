// SPDX-License-Identifier: Apache-2.0
/* A command in a throw-away sandbox. */

#include "backends/gvisor/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "backends/command.h"
#include "backends/gvisor/bundle.h"
#include "backends/gvisor/probe.h"
#include "backends/gvisor/warden.h"
#include "common/cleanup.h"
#include "common/error.h"

#define WORDS_MAX 24
#define PASSED_ERRORS                                                                                                  \
    3 /* where runsc finds the error output of the command, as --pass-fd says; its own goes elsewhere */
#define LOG_MAX (1 << 20)
#define ANSWER_MS 5000
#define DELETE_MS 10000

/* One for each launch of this process: runsc of 2022 has a name for it that all of the machine shares. */
static atomic_uint launches;

struct launch {
    char *directory;
    char *program; /* runsc's path */
    char *session; /* NULL: none */
    char *word;    /* the command's name */
    char id[48];
    bool terminal;
    bool passes_fds; /* runsc run --pass-fd */
    atomic_int pid;  /* the warden's; 0: it does not run */
    int control;
    bool owns_files;
    int output_flags[2]; /* what standard output's and error's were before we changed them; -1: we did not */
    bool done;
    int status;
};

/* gVisor makes one terminal of all three, or of none. */
static bool have_terminal(void)
{
    struct stat input, output, errors;

    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO) && fstat(STDIN_FILENO, &input) == 0 &&
           fstat(STDOUT_FILENO, &output) == 0 && fstat(STDERR_FILENO, &errors) == 0 &&
           input.st_rdev == output.st_rdev && output.st_rdev == errors.st_rdev;
}

/* A path in the launch's directory, to be freed. */
static char *path_of(const struct launch *launch, const char *name)
{
    char *path;

    return asprintf(&path, "%s/%s", launch->directory, name) < 0 ? NULL : path;
}

static int find_runsc(const struct runsc *runsc, char **ret_path, struct sysfold_error *error)
{
    const char *name = runsc->program ? runsc->program : "runsc";

    if (command_find("gvisor", name, ret_path, NULL) < 0)
        return error_set(error, -ENOTSUP, "gvisor: cannot run a command in a sandbox: there is no %s (install runsc)",
                         name);
    return 0;
}

/* With it, what runsc complains of does not get among what the command says. Of 2022 it has none. */
static bool can_pass_fds(const char *program)
{
    const struct runsc runsc = {.program = program};
    const char *const words[] = {"help", "run", NULL};
    cleanup_free char *help = NULL;
    size_t size;

    return runsc_run(&runsc, words, ANSWER_MS, &help, &size, NULL) == 0 && strstr(help, "-pass-fd");
}

int launch_create(const struct launch_options *options, struct launch **ret_launch, struct sysfold_error *error)
{
    struct launch *launch = calloc(1, sizeof(*launch));
    int r;

    if (!launch)
        return -ENOMEM;
    launch->control = -1;
    launch->output_flags[0] = launch->output_flags[1] = -1;
    launch->terminal = have_terminal();
    launch->directory = realpath(options->directory, NULL);
    launch->session = options->session ? strdup(options->session) : NULL;
    (void)snprintf(launch->id, sizeof(launch->id), "sysfold-%d-%u", getpid(), atomic_fetch_add(&launches, 1));
    launch->word = strdup(options->argv[0] ? options->argv[0] : "");
    if (!launch->directory || !launch->word || (options->session && !launch->session))
        r = error_system(error, -errno, "gvisor: cannot use the directory '%s'", options->directory);
    else
        r = find_runsc(&options->runsc, &launch->program, error);
    if (r == 0)
        r = bundle_write(options, launch->terminal, error);
    if (r < 0) {
        launch_destroy(launch);
        return r;
    }
    launch->owns_files = true;
    launch->passes_fds = !launch->terminal && can_pass_fds(launch->program);
    *ret_launch = launch;
    return 0;
}

/* Words of one command line, all in one block. */
struct words {
    char *list[WORDS_MAX];
    size_t count;
    bool failed;
};

/* first and second as one word. */
static void add_word(struct words *words, const char *first, const char *second)
{
    char *word = NULL;

    if (words->count + 1 >= WORDS_MAX || asprintf(&word, "%s%s", first, second) < 0) {
        words->failed = true;
        return;
    }
    words->list[words->count++] = word;
}

static void add_path(struct words *words, const char *flag, const struct launch *launch, const char *name)
{
    cleanup_free char *path = path_of(launch, name);

    if (path)
        add_word(words, flag, path);
    else
        words->failed = true;
}

static void free_words(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->list[i]);
}
#define cleanup_words __attribute__((cleanup(free_words)))

/* What runsc says is kept apart: in `log` why it failed, in boot.log, the sandbox's, and run.log how the command
 * ended. */
static void add_run_words(const struct launch *launch, struct words *words)
{
    add_word(words, launch->program, "");
    add_path(words, "--root=", launch, "state");
    add_path(words, "--log=", launch, "log");
    add_path(words, "--debug-log=", launch, "%COMMAND%.log");
    add_word(words, "--debug-command=run,boot", "");
    add_word(words, "--network=none", "");
    add_word(words, "--ignore-cgroups", "");
    add_word(words, "--overlay2=root:memory", "");
    if (geteuid() != 0)
        add_word(words, "--rootless", "");
    if (launch->session)
        add_word(words, "--pod-init-config=", launch->session);
    add_word(words, "run", "");
    add_word(words, "--bundle=", launch->directory);
    if (launch->passes_fds)
        add_word(words, "--pass-fd=3:2", "");
    add_word(words, launch->id, "");
}

static void add_kill_words(const struct launch *launch, struct words *words)
{
    add_word(words, launch->program, "");
    add_path(words, "--root=", launch, "state");
    add_path(words, "--log=", launch, "kill.log");
    if (geteuid() != 0)
        add_word(words, "--rootless", "");
    add_word(words, "kill", "");
}

/* gVisor counts a file's offset anew, from its beginning, unless what is written is appended. */
static void append_output(struct launch *launch)
{
    for (int i = 0; i < 2; i++) {
        int fd = STDOUT_FILENO + i;
        int flags = fcntl(fd, F_GETFL);
        struct stat stat_;

        if (flags < 0 || flags & O_APPEND || fstat(fd, &stat_) < 0 || !S_ISREG(stat_.st_mode))
            continue;
        if (fcntl(fd, F_SETFL, flags | O_APPEND) == 0)
            launch->output_flags[i] = flags;
    }
}

/* And whoever writes there next does so behind it. */
static void restore_output(struct launch *launch)
{
    for (int i = 0; i < 2; i++) {
        if (launch->output_flags[i] < 0)
            continue;
        (void)lseek(STDOUT_FILENO + i, 0, SEEK_END);
        (void)fcntl(STDOUT_FILENO + i, F_SETFL, launch->output_flags[i]);
        launch->output_flags[i] = -1;
    }
}

/* Above those that runsc's are laid over. */
static int raise_fd(int *fd)
{
    int higher = fcntl(*fd, F_DUPFD_CLOEXEC, PASSED_ERRORS + 1);

    close(*fd);
    *fd = -1;
    return higher;
}

/* For the same reason: the rest of a file that somebody read the beginning of. -1: standard input is fine as it is. */
static int copy_input(const struct launch *launch)
{
    cleanup_close int copy = -1;
    off_t offset = lseek(STDIN_FILENO, 0, SEEK_CUR);
    struct stat stat_;

    if (offset <= 0 || fstat(STDIN_FILENO, &stat_) < 0 || !S_ISREG(stat_.st_mode))
        return -1;
    copy = open(launch->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (copy < 0)
        return -1;
    while (sendfile(copy, STDIN_FILENO, &offset, SSIZE_MAX / 2) > 0)
        continue;
    return lseek(copy, 0, SEEK_SET) < 0 ? -1 : raise_fd(&copy);
}

static int open_complaints(const struct launch *launch)
{
    cleanup_free char *path = launch->passes_fds ? path_of(launch, "complaints") : NULL;
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    return fd < 0 ? -1 : raise_fd(&fd);
}

static int start(struct launch *launch, const struct words *run, const struct words *kill_)
{
    cleanup_close int complaints = open_complaints(launch);
    cleanup_close int input = copy_input(launch);
    struct warden_plan plan = {.program = launch->program,
                               .run = run->list,
                               .kill = kill_->list,
                               .id = launch->id,
                               .complaints = complaints,
                               .errors = launch->passes_fds ? PASSED_ERRORS : -1,
                               .input = input};
    pid_t pid;
    int r = warden_start(&plan, &pid, &launch->control);

    if (r == 0)
        launch->pid = pid;
    return r;
}

int launch_start(struct launch *launch, struct sysfold_error *error)
{
    cleanup_words struct words run = {0};
    cleanup_words struct words kill_ = {0};
    int r;

    add_run_words(launch, &run);
    add_kill_words(launch, &kill_);
    if (run.failed || kill_.failed)
        return error_system(error, -ENOMEM, "gvisor: cannot run %s", launch->program);
    append_output(launch);
    r = start(launch, &run, &kill_);
    return r < 0 ? error_system(error, r, "gvisor: cannot run %s", launch->program) : 0;
}

/* What a log of runsc's ends with, NUL-terminated; to be freed. NULL: there is none. */
static char *read_log(const struct launch *launch, const char *name)
{
    cleanup_free char *path = path_of(launch, name);
    cleanup_fclose FILE *file = path ? fopen(path, "re") : NULL;
    char *text = file ? malloc(LOG_MAX + 1) : NULL;
    size_t size;

    if (!text)
        return NULL;
    if (fseek(file, -LOG_MAX, SEEK_END) < 0)
        rewind(file);
    size = fread(text, 1, LOG_MAX, file);
    text[size] = '\0';
    return text;
}

/* The wait status that a process of runsc's says it got, last. */
static bool find_logged_status(const struct launch *launch, const char *name, int *ret_status)
{
    static const char phrase[] = "Exiting with status: ";
    cleanup_free char *log = read_log(launch, name);
    const char *found = NULL;
    char *end;
    long status;

    for (const char *at = log; at && (at = strstr(at, phrase)); at += sizeof(phrase) - 1)
        found = at + sizeof(phrase) - 1;
    if (!found)
        return false;
    status = strtol(found, &end, 10);
    if (end == found || *end != '\n' || status < 0 || status > 0xffff)
        return false;
    *ret_status = (int)status;
    return true;
}

/* runsc's own exit status does not tell a signal from an exit with 128 and more; its logs do. `runsc run` itself cannot
 * where the sandbox was gone before it could ask. */
static bool find_status(const struct launch *launch, int *ret_status)
{
    return find_logged_status(launch, "boot.log", ret_status) || find_logged_status(launch, "run.log", ret_status);
}

/* What runsc could not execute for a reason that only executing it shows. */
static int refusal(const char *said)
{
    static const struct {
        const char *end;
        int code;
    } reasons[] = {
        {": exec format error", -ENOEXEC}, {": no such file or directory", -ENOENT}, {": permission denied", -EACCES}};

    if (!said || !strstr(said, ": failed to load "))
        return 0;
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (strstr(said, reasons[i].end))
            return reasons[i].code;
    return 0;
}

/* runsc itself says only what the kernel answered. */
static int tell_complaint(const char *said, struct sysfold_error *error)
{
    const char *refusal = gvisor_namespace_refusal();

    if (!said)
        said = "it ended without a word (see `runsc --network=none do true`)";
    if (refusal)
        return error_set(error, -ECHILD,
                         "gvisor: runsc could not run the sandbox: user namespaces cannot be made here (%s): %.240s",
                         refusal, said);
    return error_set(error, -ECHILD, "gvisor: runsc could not run the sandbox: %.380s", said);
}

/* The log's first error is the cause of those behind it. */
static int tell_failure(const struct launch *launch, struct sysfold_error *error)
{
    cleanup_free char *log = read_log(launch, "log");
    json_t *line = log ? json_loads(log, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    const char *said = json_string_value(json_object_get(line, "msg"));
    int r = refusal(said);

    if (r == 0)
        r = tell_complaint(said, error);
    else
        command_refused("gvisor", launch->word, r, error);
    json_decref(line);
    return r;
}

/* 1: the warden has ended, and is reaped. */
static int wait_for_warden(struct launch *launch, int timeout_ms, struct sysfold_error *error)
{
    cleanup_close int fd = -1;
    pid_t pid = launch->pid;
    struct pollfd poll_ = {.events = POLLIN};
    int r;

    if (timeout_ms != 0) {
        poll_.fd = fd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (fd < 0)
            return error_system(error, -errno, "gvisor: cannot wait for runsc");
        r = poll(&poll_, 1, timeout_ms);
        if (r <= 0)
            return r == 0 || errno == EINTR ? 0 : error_system(error, -errno, "gvisor: cannot wait for runsc");
    }
    r = waitpid(pid, NULL, WNOHANG);
    if (r < 0 && errno != ECHILD) /* the caller may ignore SIGCHLD */
        return error_system(error, -errno, "gvisor: cannot wait for runsc");
    if (r == 0)
        return 0;
    launch->pid = 0;
    restore_output(launch);
    return 1;
}

int launch_wait(struct launch *launch, int timeout_ms, int *ret_status, struct sysfold_error *error)
{
    int r;

    if (launch->pid) {
        r = wait_for_warden(launch, timeout_ms, error);
        if (r <= 0)
            return r;
        launch->done = find_status(launch, &launch->status);
    }
    if (!launch->done)
        return tell_failure(launch, error);
    *ret_status = launch->status;
    return 1;
}

pid_t launch_pid(const struct launch *launch)
{
    return launch->pid;
}

static int remove_one(const char *path, const struct stat *stat_, int type, struct FTW *where)
{
    (void)stat_;
    (void)type;
    (void)where;
    (void)remove(path);
    return 0;
}

/* What it left where it was killed is runsc's to remove, as far as it can. */
static void delete_state(const struct launch *launch)
{
    cleanup_free char *state = path_of(launch, "state");
    const struct runsc runsc = {.program = launch->program, .root = state};
    const char *const words[] = {"delete", "--force", launch->id, NULL};

    if (!state || access(state, F_OK) < 0)
        return;
    if (!launch->done)
        (void)runsc_run(&runsc, words, DELETE_MS, NULL, NULL, NULL);
    (void)nftw(state, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void remove_files(const struct launch *launch)
{
    static const char *const names[] = {"config.json", "log", "run.log", "boot.log", "kill.log", "complaints"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cleanup_free char *path = path_of(launch, names[i]);

        if (path)
            (void)unlink(path);
    }
}

void launch_destroy(struct launch *launch)
{
    if (!launch)
        return;
    if (launch->control >= 0) {
        (void)send(launch->control, "", 1, MSG_NOSIGNAL);
        close(launch->control);
    }
    if (launch->pid && waitpid(launch->pid, NULL, 0) == launch->pid)
        restore_output(launch);
    if (launch->owns_files) {
        delete_state(launch);
        remove_files(launch);
    }
    free(launch->directory);
    free(launch->program);
    free(launch->session);
    free(launch->word);
    free(launch);
}
