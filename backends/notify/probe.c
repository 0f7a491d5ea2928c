// SPDX-License-Identifier: Apache-2.0
/* Can this machine, and may this user, answer for others by seccomp notification? And where do results come from? */

#include "backends/notify/probe.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/filter.h"
#include "backends/notify/perf.h"
#include "backends/notify/perform.h"
#include "backends/notify/session.h"
#include "common/error.h"

static int wanted_results(const char *word, unsigned *ret_results, struct sysfold_error *error)
{
    if (!strcmp(word, "auto"))
        *ret_results = RESULTS_EMULATE | RESULTS_PERF;
    else if (!strcmp(word, "emulate"))
        *ret_results = RESULTS_EMULATE;
    else if (!strcmp(word, "perf"))
        *ret_results = RESULTS_PERF;
    else if (!strcmp(word, "none"))
        *ret_results = 0;
    else
        return error_set(error, -EINVAL, "notify: results come from 'emulate', 'perf', 'none' or 'auto', not '%s'",
                         word);
    return 0;
}

int notify_plan(const struct capture_options *options, struct plan *ret_plan, unsigned *ret_required,
                struct sysfold_error *error)
{
    const char *word = options->live.results ? options->live.results : "auto";
    struct sysfold_error reason = {0};
    struct plan plan = {0};
    unsigned results = 0, required;
    int r = wanted_results(word, &results, error);

    if (r < 0)
        return r;
    required = strcmp(word, "auto") != 0 ? results : 0;
    r = perf_probe(&plan.means, &reason);
    plan.has_lives = r == 0;
    if (r == 0 && plan.means == PERF_MEANS_EACH)
        (void)tracepoints_find_calls(&plan.each, NULL);
    plan_make(options, results, required, &plan);
    if (required & RESULTS_PERF & ~plan.results)
        return error_set(error, r < 0 ? r : -EACCES, "notify: results are not to be had from perf: %.300s",
                         reason.message);
    *ret_plan = plan;
    *ret_required = required;
    return 0;
}

static void answer(struct sysfold_backend_info *info, enum sysfold_usability usability, const char *reason,
                   const char *remedy)
{
    info->usability = usability;
    (void)snprintf(info->reason, sizeof(info->reason), "%s", reason);
    (void)snprintf(info->remedy, sizeof(info->remedy), "%s", remedy);
}

/* In a process of its own, since a filter cannot be taken off again. 0 or an errno. */
static int try_listening(const struct sock_fprog *filter)
{
    int status, r;
    pid_t child = fork();

    if (child < 0)
        return errno;
    if (child == 0) {
        r = filter_install(filter, SECCOMP_FILTER_FLAG_NEW_LISTENER);
        _exit(r < 0 ? -r : 0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static void refuse(struct sysfold_backend_info *info, int code)
{
    char reason[sizeof(info->reason)];

    if (code == EBUSY) {
        answer(info, SYSFOLD_NO_PERMISSION, "somebody watches us by seccomp notification already",
               "run sysfold outside of that sandbox");
    } else if (code == EINVAL || code == ENOSYS) {
        answer(info, SYSFOLD_UNSUPPORTED, "the kernel has no seccomp user notification", "use Linux 5.14 or later");
    } else {
        (void)snprintf(reason, sizeof(reason), "seccomp filters are refused here: %s", strerror(code));
        answer(info, SYSFOLD_NO_PERMISSION, reason, "allow seccomp() in the sandbox");
    }
}

static void accept_usable(struct sysfold_backend_info *info)
{
    static const char *const results[] = {
        [PERF_MEANS_LIVES] = "results only of opens and connects that sysfold performs",
        [PERF_MEANS_EACH] = "results of opens and connects that sysfold performs, and by perf of few calls (-e)",
        [PERF_MEANS_ALL] = "results of opens and connects that sysfold performs, and by perf of all calls",
    };
    struct sysfold_error error = {0};
    enum perf_means means = PERF_MEANS_LIVES;
    int r = perf_probe(&means, &error);

    answer(info, SYSFOLD_USABLE, results[r < 0 ? PERF_MEANS_LIVES : means], "");
    if (r < 0 || means != PERF_MEANS_ALL)
        (void)snprintf(info->remedy, sizeof(info->remedy), "for more: %.180s", error.message);
}

void notify_probe(struct sysfold_backend_info *info)
{
    struct callset calls = {0};
    const struct filter_plan plan = {.action = SCMP_ACT_NOTIFY, .calls = &calls};
    struct sock_fprog filter = {0};
    sigset_t all, mask;
    int r;

    callset_parse(&calls, "getppid", NULL);
    r = filter_make(&plan, &filter);
    if (r < 0) {
        refuse(info, -r);
        return;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &mask);
    r = try_listening(&filter);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    free(filter.filter);
    if (r)
        refuse(info, r);
    else
        accept_usable(info);
}

/* What perf tells us does not change while we live. */
static struct plan plan_of_all;

static void make_plan_of_all(void)
{
    struct capture_options options = {.calls = {.everything = true}};
    unsigned required;

    (void)notify_plan(&options, &plan_of_all, &required, NULL);
}

enum sysfold_result_way notify_result_way(const struct sysfold_row *row)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_plan_of_all);
    if (performs(row))
        return SYSFOLD_RESULT_PERFORMED;
    if (!(plan_of_all.results & RESULTS_PERF))
        return SYSFOLD_RESULT_ABSENT;
    return plan_is_unstopped(&plan_of_all, row->number) ? SYSFOLD_RESULT_UNSTOPPED : SYSFOLD_RESULT_STOPPED;
}
