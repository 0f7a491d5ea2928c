// SPDX-License-Identifier: Apache-2.0
/* Whether sandboxes can be recorded here: they connect to us, from wherever they are, so that it always can. Whether
 * they can be started and configured here is another question. */

#include "backends/gvisor/probe.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/gvisor/runsc.h"
#include "common/cleanup.h"

#define ANSWER_MS 1000

static void answer(struct sysfold_backend_info *info, const char *reason, const char *remedy)
{
    info->usability = SYSFOLD_USABLE;
    (void)snprintf(info->reason, sizeof(info->reason), "%s", reason);
    (void)snprintf(info->remedy, sizeof(info->remedy), "%s", remedy);
}

/* As runsc does it. The child ends at once. */
static int try_user_namespace(void)
{
    struct clone_args arguments = {.flags = CLONE_NEWUSER | CLONE_NEWNS, .exit_signal = SIGCHLD};
    pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof(arguments));

    if (pid == 0)
        _exit(0);
    if (pid < 0)
        return -errno;
    (void)waitpid(pid, NULL, 0);
    return 0;
}

const char *gvisor_namespace_refusal(void)
{
    int r = try_user_namespace();

    if (r == 0)
        return NULL;
    return r == -ENOSPC ? "user.max_user_namespaces allows no more"
                        : "a chroot, a container's seccomp profile or kernel.unprivileged_userns_clone forbids them";
}

/* "runsc version 0.0~20240729.0": the last word of the first line. */
static int ask_version(char *ret_version, size_t size)
{
    const struct runsc runsc = {0};
    const char *const words[] = {"--version", NULL};
    cleanup_free char *output = NULL;
    int r = runsc_run(&runsc, words, ANSWER_MS, &output, NULL, NULL);
    const char *word;

    if (r < 0)
        return r;
    output[strcspn(output, "\n")] = '\0';
    word = strrchr(output, ' ');
    (void)snprintf(ret_version, size, "%.40s", word ? word + 1 : output);
    return 0;
}

static void answer_about(struct sysfold_backend_info *info, const char *version)
{
    char reason[sizeof(info->reason)];
    const char *refusal = gvisor_namespace_refusal();

    if (!refusal) {
        (void)snprintf(reason, sizeof(reason), "runsc %s runs sandboxes%s", version,
                       geteuid() == 0 ? "" : ", rootless");
        answer(info, reason, "");
        return;
    }
    (void)snprintf(reason, sizeof(reason),
                   "sandboxes can connect, but runsc %s runs no commands: no user namespaces: %s", version, refusal);
    answer(info, reason,
           geteuid() == 0 ? "to run commands, do so where `unshare -U true` succeeds"
                          : "to run commands, do so where `unshare -U true` succeeds, or as root");
}

void gvisor_probe(struct sysfold_backend_info *info)
{
    char version[64];
    int r = ask_version(version, sizeof(version));

    if (r == -ENOENT)
        answer(info, "sandboxes of elsewhere can connect; to run commands there is no runsc",
               "to run commands, install runsc");
    else if (r < 0)
        answer(info, "sandboxes of elsewhere can connect; to run commands runsc does not work here",
               "see what `runsc --version` says");
    else
        answer_about(info, version);
}
