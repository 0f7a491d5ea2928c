// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/runsc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "common/cleanup.h"
#include "common/error.h"

#define WORDS_MAX 32
#define OUTPUT_MAX ((size_t)64 << 20)
#define COMPLAINT_MAX 4096 /* bytes kept, from the end */
#define COMPLAINT_SHOWN 300
#define REAP_MS 5
#define ANSWER_MS 30000 /* for what takes some milliseconds, on a busy machine */
#define ROOT_FLAG "--root"

struct run {
    const char *program;
    pid_t pid;
    int64_t deadline; /* ms of the monotonic clock */
    int stdout_fd, stderr_fd;
    char *output;
    size_t size, room;
    char complaint[COMPLAINT_MAX];
    size_t complained;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Above the standard ones, which the child's are laid over one after the other. */
static int raise_fd(int *fd)
{
    int higher;

    if (*fd > STDERR_FILENO)
        return 0;
    higher = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (higher < 0)
        return -errno;
    close(*fd);
    *fd = higher;
    return 0;
}

static int open_pipe(int *ret_reader, int *ret_writer)
{
    int ends[2];
    int r;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    r = raise_fd(&ends[0]);
    if (r == 0)
        r = raise_fd(&ends[1]);
    if (r < 0) {
        close(ends[0]);
        close(ends[1]);
        return r;
    }
    *ret_reader = ends[0];
    *ret_writer = ends[1];
    return 0;
}

/* Signals as after login, and a process group of its own: a terminal's interrupt is for us, and what it starts
 * can be killed with it. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t set;
    int r;

    sigemptyset(&set);
    r = posix_spawnattr_setsigmask(attributes, &set);
    sigfillset(&set);
    if (r == 0)
        r = posix_spawnattr_setsigdefault(attributes, &set);
    if (r == 0)
        r = posix_spawnattr_setpgroup(attributes, 0);
    if (r == 0)
        r = posix_spawnattr_setflags(attributes,
                                     POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return -r;
}

static int set_files(posix_spawn_file_actions_t *actions, int stdout_fd, int stderr_fd)
{
    int r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, stdout_fd, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(actions, stderr_fd, STDERR_FILENO);
    return -r;
}

static int spawn(struct run *run, char *const *argv, int stdout_fd, int stderr_fd)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int r = -posix_spawn_file_actions_init(&actions);

    if (r < 0)
        return r;
    r = -posix_spawnattr_init(&attributes);
    if (r == 0) {
        r = set_attributes(&attributes);
        if (r == 0)
            r = set_files(&actions, stdout_fd, stderr_fd);
        if (r == 0)
            r = -posix_spawnp(&run->pid, run->program, &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

static int start(struct run *run, char *const *argv, struct sysfold_error *error)
{
    cleanup_close int stdout_fd = -1;
    cleanup_close int stderr_fd = -1;
    int r = open_pipe(&run->stdout_fd, &stdout_fd);

    if (r == 0)
        r = open_pipe(&run->stderr_fd, &stderr_fd);
    if (r == 0)
        r = spawn(run, argv, stdout_fd, stderr_fd);
    if (r == -ENOENT && !strchr(run->program, '/'))
        return error_set(error, r,
                         "gvisor: cannot run %s: it is not in PATH (install gVisor's runsc, or say where it is)",
                         run->program);
    return r < 0 ? error_system(error, r, "gvisor: cannot run %s", run->program) : 0;
}

/* Always room for a NUL. */
static int make_room(struct run *run)
{
    size_t room = run->room ? run->room * 2 : 65536;
    char *larger;

    if (run->room > run->size + 1)
        return 0;
    larger = realloc(run->output, room);
    if (!larger)
        return -ENOMEM;
    run->output = larger;
    run->room = room;
    return 0;
}

static int read_output(struct run *run, struct sysfold_error *error)
{
    ssize_t got;
    int r = make_room(run);

    if (r < 0)
        return error_system(error, r, "gvisor: cannot keep what %s prints", run->program);
    got = read(run->stdout_fd, run->output + run->size, run->room - run->size - 1);
    if (got < 0)
        return errno == EINTR ? 0 : error_system(error, -errno, "gvisor: cannot read what %s prints", run->program);
    if (got == 0) {
        close(steal_fd(&run->stdout_fd));
        return 0;
    }
    run->size += (size_t)got;
    if (run->size > OUTPUT_MAX)
        return error_set(error, -EFBIG, "gvisor: %s prints more than %zu MiB (is it gVisor's?)", run->program,
                         OUTPUT_MAX >> 20);
    return 0;
}

/* The end of it is what matters. */
static void keep_complaint(struct run *run, const char *text, size_t size)
{
    size_t surplus;

    if (size > sizeof(run->complaint)) {
        text += size - sizeof(run->complaint);
        size = sizeof(run->complaint);
    }
    surplus = run->complained + size > sizeof(run->complaint) ? run->complained + size - sizeof(run->complaint) : 0;
    memmove(run->complaint, run->complaint + surplus, run->complained - surplus);
    run->complained -= surplus;
    memcpy(run->complaint + run->complained, text, size);
    run->complained += size;
}

static int read_complaint(struct run *run, struct sysfold_error *error)
{
    char text[4096];
    ssize_t got = read(run->stderr_fd, text, sizeof(text));

    if (got < 0)
        return errno == EINTR ? 0 : error_system(error, -errno, "gvisor: cannot read what %s says", run->program);
    if (got == 0)
        close(steal_fd(&run->stderr_fd));
    else
        keep_complaint(run, text, (size_t)got);
    return 0;
}

static int too_late(const struct run *run, struct sysfold_error *error)
{
    return error_set(error, -ETIMEDOUT, "gvisor: %s does not answer in time (killed; is the sandbox stuck?)",
                     run->program);
}

static int read_everything(struct run *run, struct sysfold_error *error)
{
    int r = 0;

    while (r == 0 && (run->stdout_fd >= 0 || run->stderr_fd >= 0)) {
        struct pollfd fds[] = {{.fd = run->stdout_fd, .events = POLLIN}, {.fd = run->stderr_fd, .events = POLLIN}};
        int64_t left = run->deadline - now_ms();

        if (left <= 0)
            return too_late(run, error);
        if (poll(fds, 2, (int)left) < 0) {
            if (errno != EINTR)
                return error_system(error, -errno, "gvisor: cannot wait for %s", run->program);
            continue;
        }
        if (fds[0].revents)
            r = read_output(run, error);
        if (r == 0 && fds[1].revents)
            r = read_complaint(run, error);
    }
    return r;
}

/* Who has closed its output ends in a moment, or never: there is a deadline, and no wait that knows of one. */
static int reap(struct run *run, int *ret_status, struct sysfold_error *error)
{
    for (;;) {
        pid_t ended = waitpid(run->pid, ret_status, WNOHANG);

        if (ended == run->pid) {
            run->pid = 0;
            return 0;
        }
        if (ended < 0 && errno != EINTR) {
            run->pid = 0; /* who waits for every child has taken it */
            return error_system(error, -errno, "gvisor: cannot tell how %s ended", run->program);
        }
        if (now_ms() >= run->deadline)
            return too_late(run, error);
        (void)poll(NULL, 0, REAP_MS);
    }
}

/* The last line that says something, printable; empty: there is none. */
static void last_line(const struct run *run, char *line, size_t size)
{
    size_t end = run->complained;
    size_t begin, length;

    while (end && (unsigned char)run->complaint[end - 1] <= ' ')
        end--;
    for (begin = end; begin && run->complaint[begin - 1] != '\n';)
        begin--;
    length = end - begin < size ? end - begin : size - 1;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)run->complaint[begin + i];

        line[i] = c < ' ' || c > '~' ? '?' : (char)c;
    }
    line[length] = '\0';
}

static int judge(const struct run *run, const char *word, int status, struct sysfold_error *error)
{
    char line[COMPLAINT_SHOWN];

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    last_line(run, line, sizeof(line));
    if (*line)
        return error_set(error, -ECHILD, "gvisor: %s %s failed: %s", run->program, word, line);
    return error_set(error, -ECHILD, "gvisor: %s %s failed without a word (%s %d)", run->program, word,
                     WIFSIGNALED(status) ? "signal" : "exit status",
                     WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void run_finish(struct run *run)
{
    if (run->pid) {
        kill(-run->pid, SIGKILL);
        kill(run->pid, SIGKILL); /* should it have left its group */
        while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    cleanup_close_fd(&run->stdout_fd);
    cleanup_close_fd(&run->stderr_fd);
    free(run->output);
}

/* exec's argv is not const, and is not written to all the same. */
static int fill_argv(const struct runsc *runsc, const char *program, const char *const *words, char **argv,
                     struct sysfold_error *error)
{
    size_t count = 0;

    argv[count++] = (char *)program;
    if (runsc->root) {
        argv[count++] = (char *)ROOT_FLAG;
        argv[count++] = (char *)runsc->root;
    }
    for (; *words; words++) {
        if (count == WORDS_MAX)
            return error_set(error, -E2BIG, "gvisor: too many arguments for %s", program);
        argv[count++] = (char *)*words;
    }
    argv[count] = NULL;
    return 0;
}

int runsc_run(const struct runsc *runsc, const char *const *words, int timeout_ms, char **ret_output, size_t *ret_size,
              struct sysfold_error *error)
{
    __attribute__((cleanup(run_finish))) struct run run = {
        .program = runsc->program ? runsc->program : "runsc",
        .deadline = now_ms() + timeout_ms,
        .stdout_fd = -1,
        .stderr_fd = -1,
    };
    char *argv[WORDS_MAX + 1];
    int status;
    int r = fill_argv(runsc, run.program, words, argv, error);

    if (r == 0)
        r = start(&run, argv, error);
    if (r == 0)
        r = read_everything(&run, error);
    if (r == 0)
        r = reap(&run, &status, error);
    if (r == 0)
        r = judge(&run, words[0] ? words[0] : "", status, error);
    if (r < 0)
        return r;
    run.output[run.size] = '\0';
    if (ret_size)
        *ret_size = run.size;
    if (ret_output)
        *ret_output = steal_pointer(&run.output);
    return 0;
}

int runsc_version(const struct runsc *runsc, char **ret_version, struct sysfold_error *error)
{
    static const char *const words[] = {"--version", NULL};
    static const char prefix[] = "runsc version ";
    cleanup_free char *output = NULL;
    size_t length;
    int r = runsc_run(runsc, words, ANSWER_MS, &output, NULL, error);

    if (r < 0)
        return r;
    length = strncmp(output, prefix, strlen(prefix)) ? 0 : strcspn(output + strlen(prefix), "\n");
    if (!length)
        return error_set(error, -EBADMSG, "gvisor: %s does not say its version (is it gVisor's?)",
                         runsc->program ? runsc->program : "runsc");
    memmove(output, output + strlen(prefix), length);
    output[length] = '\0';
    *ret_version = steal_pointer(&output);
    return 0;
}

/* NULL: it has ended, and only its state is still there; or that is no container. */
static const char *running_id(const json_t *container)
{
    const char *status = json_string_value(json_object_get(container, "status"));

    return status && strcmp(status, "stopped") != 0 ? json_string_value(json_object_get(container, "id")) : NULL;
}

/* Pointers first, what they point to after them. */
static char **copy_ids(const json_t *containers, size_t *ret_count)
{
    size_t count = 0, bytes = 0;
    const json_t *container;
    char **ids;
    char *text;
    size_t i;

    json_array_foreach(containers, i, container)
    {
        const char *id = running_id(container);

        count += id != NULL;
        bytes += id ? strlen(id) + 1 : 0;
    }
    ids = malloc((count + 1) * sizeof(*ids) + bytes);
    if (!ids)
        return NULL;
    text = (char *)(ids + count + 1);
    count = 0;
    json_array_foreach(containers, i, container)
    {
        const char *id = running_id(container);

        if (!id)
            continue;
        ids[count++] = text;
        text = stpcpy(text, id) + 1;
    }
    ids[count] = NULL;
    *ret_count = count;
    return ids;
}

int runsc_list(const struct runsc *runsc, char ***ret_ids, size_t *ret_count, struct sysfold_error *error)
{
    static const char *const words[] = {"list", "-format", "json", NULL};
    cleanup_free char *output = NULL;
    json_error_t problem;
    json_t *containers;
    char **ids;
    size_t size, count;
    int r = runsc_run(runsc, words, ANSWER_MS, &output, &size, error);

    if (r < 0)
        return r;
    containers = json_loadb(output, size, JSON_DECODE_ANY, &problem);
    if (!json_is_array(containers) && !json_is_null(containers)) { /* null: there are none */
        json_decref(containers);
        return error_set(error, -EBADMSG, "gvisor: %s list answers with something else than a list (is it gVisor's?)",
                         runsc->program ? runsc->program : "runsc");
    }
    ids = copy_ids(containers, &count);
    json_decref(containers);
    if (!ids)
        return error_system(error, -ENOMEM, "gvisor: cannot list the containers");
    *ret_ids = ids;
    if (ret_count)
        *ret_count = count;
    return 0;
}
