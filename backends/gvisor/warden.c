// SPDX-License-Identifier: Apache-2.0
/* Forked from a process that may have threads: nothing but async-signal-safe calls from there on. */

#include "backends/gvisor/warden.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"

#define RETRY_MS 50 /* a sandbox takes some 200 ms until it can be signalled */
#define RETRIES_MAX 200
#define REAP_MS 10000 /* for processes that were killed */
#define KILL_WORDS 16
#define FDS_MAX 65536

struct warden {
    const struct warden_plan *plan;
    int control, signals;
    pid_t runsc;
    pid_t killer; /* runsc kill; 0: none */
    int delivering;
    bool delivering_to_all;
    unsigned failures;
    uint64_t pending, pending_for_all; /* 1 << signal */
    bool ending;
};

static void replace_fd(int fd, int by)
{
    if (by >= 0)
        dup2(by, fd);
}

static void run_runsc(const struct warden_plan *plan, char *const *words)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(plan->program, words);
    _exit(127);
}

/* In a session of its own: the terminal's signals come to the warden alone. */
static pid_t start_sandbox(const struct warden_plan *plan, pid_t warden)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != warden)
        _exit(127);
    if (plan->errors >= 0)
        replace_fd(plan->errors, STDERR_FILENO);
    replace_fd(STDERR_FILENO, plan->complaints);
    replace_fd(STDIN_FILENO, plan->input);
    run_runsc(plan, plan->run);
    return -1;
}

static void write_number(char text[4], int number)
{
    text[0] = (char)('0' + number / 10);
    text[1] = (char)('0' + number % 10);
    text[2] = '\0';
}

static pid_t start_kill(const struct warden_plan *plan, int signal_, bool to_all)
{
    char *words[KILL_WORDS];
    char number[4];
    size_t count = 0;
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    while (plan->kill[count] && count < KILL_WORDS - 4) {
        words[count] = plan->kill[count];
        count++;
    }
    write_number(number, signal_);
    if (to_all)
        words[count++] = (char *)"--all";
    words[count++] = (char *)plan->id;
    words[count++] = number;
    words[count] = NULL;
    run_runsc(plan, words);
    return -1;
}

static void deliver(struct warden *warden)
{
    uint64_t pending = warden->pending | warden->pending_for_all;

    if (warden->killer || !pending || warden->ending)
        return;
    warden->delivering = __builtin_ctzll(pending);
    warden->delivering_to_all = warden->pending_for_all >> warden->delivering & 1;
    warden->killer = start_kill(warden->plan, warden->delivering, warden->delivering_to_all);
    if (warden->killer < 0) {
        warden->killer = 0;
        return;
    }
    warden->pending &= ~(UINT64_C(1) << warden->delivering);
    warden->pending_for_all &= ~(UINT64_C(1) << warden->delivering);
}

/* It may have been too early: the sandbox is not up yet. */
static void end_delivery(struct warden *warden, int status)
{
    uint64_t bit = UINT64_C(1) << warden->delivering;

    warden->killer = 0;
    if (status == 0 || ++warden->failures > RETRIES_MAX)
        return;
    if (warden->delivering_to_all)
        warden->pending_for_all |= bit;
    else
        warden->pending |= bit;
}

/* False: there is nothing left. */
static bool reap(struct warden *warden)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == warden->runsc)
            warden->ending = true;
        else if (pid == warden->killer)
            end_delivery(warden, status);
    }
    return pid == 0 || errno != ECHILD;
}

static void take_signals(struct warden *warden)
{
    struct signalfd_siginfo info;

    while (read(warden->signals, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGCHLD || info.ssi_signo >= 64)
            continue;
        if (info.ssi_code == SI_KERNEL)
            warden->pending_for_all |= UINT64_C(1) << info.ssi_signo;
        else
            warden->pending |= UINT64_C(1) << info.ssi_signo;
    }
}

static void end_sandbox(struct warden *warden)
{
    if (!warden->ending)
        kill(warden->runsc, SIGKILL);
    warden->ending = true;
    warden->control = -1; /* poll() passes it over */
}

static void watch(struct warden *warden)
{
    unsigned rest = REAP_MS / RETRY_MS;

    while (reap(warden)) {
        struct pollfd fds[2] = {{.fd = warden->control, .events = POLLIN}, {.fd = warden->signals, .events = POLLIN}};
        bool wanting = warden->ending || ((warden->pending | warden->pending_for_all) && !warden->killer);
        int r = poll(fds, 2, wanting ? RETRY_MS : -1);

        if (warden->ending && r == 0 && rest-- == 0)
            return;
        if (r > 0 && fds[0].revents)
            end_sandbox(warden);
        if (r > 0 && fds[1].revents)
            take_signals(warden);
        if (r == 0 || (!warden->failures && !warden->ending))
            deliver(warden);
    }
}

/* Of the caller's descriptors it keeps none open: somebody waits for their end. */
static void close_others(int keep, int keep_too)
{
    int low = keep < keep_too ? keep : keep_too;
    int high = keep < keep_too ? keep_too : keep;

    if (syscall(SYS_close_range, 0, low - 1, 0) == 0 && syscall(SYS_close_range, low + 1, high - 1, 0) == 0 &&
        syscall(SYS_close_range, high + 1, ~0U, 0) == 0)
        return;
    for (int fd = 0; fd < FDS_MAX; fd++)
        if (fd != keep && fd != keep_too)
            close(fd);
}

static void be_warden(const struct warden_plan *plan, int control)
{
    struct warden warden = {.plan = plan, .control = control};
    sigset_t all;

    sigfillset(&all);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    warden.signals = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
    warden.runsc = warden.signals < 0 ? -1 : start_sandbox(plan, getpid());
    if (warden.runsc < 0)
        _exit(127);
    close_others(control, warden.signals);
    watch(&warden);
    _exit(0);
}

/* Above the standard ones, which runsc's are laid over. */
static int raise_fd(int fd)
{
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 2);

    close(fd);
    return higher;
}

static int make_control(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -errno;
    fds[0] = raise_fd(fds[0]);
    fds[1] = raise_fd(fds[1]);
    if (fds[0] >= 0 && fds[1] >= 0)
        return 0;
    close(fds[0]);
    close(fds[1]);
    return -EMFILE;
}

int warden_start(const struct warden_plan *plan, pid_t *ret_pid, int *ret_control)
{
    sigset_t all, before;
    int control[2] = {-1, -1};
    int r = make_control(control);
    pid_t pid;

    if (r < 0)
        return r;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = fork();
    if (pid == 0) {
        close(control[1]);
        be_warden(plan, control[0]);
    }
    r = pid < 0 ? -errno : 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(control[0]);
    if (r < 0) {
        close(control[1]);
        return r;
    }
    *ret_pid = pid;
    *ret_control = control[1];
    return 0;
}
