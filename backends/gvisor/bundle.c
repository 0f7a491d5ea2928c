// SPDX-License-Identifier: Apache-2.0
/* The OCI bundle: everything that the command should find as it would without a sandbox. */

#include "backends/gvisor/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <jansson.h>

#include "backends/gvisor/rootfs.h"
#include "common/cleanup.h"
#include "common/error.h"

/* Those that runsc of 2022 knows. */
static const char *const capabilities[] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
};

static void release_json(json_t **json)
{
    json_decref(*json);
}
#define cleanup_json __attribute__((cleanup(release_json)))

/* runsc takes JSON, and JSON nothing but UTF-8. `name` is what the text is called. */
static int append_text(json_t *array, const char *text, const char *name, struct sysfold_error *error)
{
    json_t *string = json_string(text);

    if (!string)
        return error_set(error, -EILSEQ,
                         "gvisor: cannot hand %s to a sandbox: it is not UTF-8, and runsc takes nothing else", name);
    return json_array_append_new(array, string) < 0 ? -ENOMEM : 0;
}

static int make_arguments(const struct launch_options *options, const char *word, json_t **ret_array,
                          struct sysfold_error *error)
{
    cleanup_json json_t *array = json_array();
    int r = append_text(array, word, "the command's name", error);

    for (size_t i = 1; r == 0 && options->argv[i]; i++) {
        char name[64];

        (void)snprintf(name, sizeof(name), "the command's argument %zu", i);
        r = append_text(array, options->argv[i], name, error);
    }
    if (r == 0)
        *ret_array = steal_pointer(&array);
    return r;
}

/* Of the variable's name, what can be shown. */
static int append_variable(json_t *array, const char *variable, struct sysfold_error *error)
{
    char name[96];
    size_t length = (size_t)snprintf(name, sizeof(name), "the environment's variable %.*s",
                                     (int)(strchrnul(variable, '=') - variable), variable);

    for (size_t i = 0; i < length && i < sizeof(name) - 1; i++)
        if (name[i] < ' ' || name[i] > '~')
            name[i] = '?';
    return append_text(array, variable, name, error);
}

/* gVisor starts nothing with a word in its environment that has no '=', or begins with it. */
static int make_environment(const struct launch_options *options, json_t **ret_array, struct sysfold_error *error)
{
    cleanup_json json_t *array = json_array();
    int r = 0;

    for (char *const *word = options->envp ? options->envp : environ; r == 0 && *word; word++)
        if (strchr(*word, '=') > *word)
            r = append_variable(array, *word, error);
    if (r == 0)
        *ret_array = steal_pointer(&array);
    return r;
}

/* As an ordinary user the sandbox knows one user, us, and calls it root; other than root's it can do nothing more. */
static json_t *make_user(void)
{
    gid_t groups[NGROUPS_MAX];
    int count = geteuid() == 0 ? getgroups(NGROUPS_MAX, groups) : 0;
    json_t *more = json_array();

    for (int i = 0; i < count; i++)
        json_array_append_new(more, json_integer(groups[i]));
    return json_pack("{s:i, s:I, s:o}", "uid", 0, "gid", (json_int_t)(geteuid() == 0 ? getegid() : 0), "additionalGids",
                     more);
}

static json_t *make_capabilities(void)
{
    json_t *names = json_array();

    if (geteuid() == 0)
        for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++)
            json_array_append_new(names, json_string(capabilities[i]));
    return json_pack("{s:O, s:O, s:o}", "bounding", names, "effective", names, "permitted", names);
}

static json_t *make_mounts(const struct launch_options *options)
{
    json_t *mounts = json_pack("[{s:s, s:s, s:s}]", "destination", "/proc", "type", "proc", "source", "proc");

    for (size_t i = 0; i < options->bind_count; i++)
        json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:[s, s]}", "destination", options->binds[i], "type",
                                                "bind", "source", options->binds[i], "options", "rbind", "rw"));
    return mounts;
}

/* runsc makes what it mounts upon where that is not there: in the machine's own root. */
static int check_binds(const char *root, const struct launch_options *options, struct sysfold_error *error)
{
    const struct launch_options unbound = {.rootfs = options->rootfs};

    for (size_t i = 0; i < options->bind_count; i++) {
        const char *bind = options->binds[i];
        struct stat stat_;

        if (bind[0] != '/')
            return error_set(error, -EINVAL, "gvisor: cannot bind '%s': it is no absolute path", bind);
        if (stat(bind, &stat_) < 0)
            return error_system(error, -errno, "gvisor: cannot bind '%s'", bind);
        if (!S_ISDIR(stat_.st_mode))
            return error_system(error, -ENOTDIR, "gvisor: cannot bind '%s'", bind);
        if (!rootfs_has_directory(root, &unbound, bind))
            return error_set(error, -ENOENT, "gvisor: cannot bind '%s': %s has no such directory (make it there)", bind,
                             root);
    }
    return 0;
}

/* The caller's; "/" where the root has none such, which runsc would make there. */
static int find_cwd(const char *root, const struct launch_options *options, char **ret_cwd, struct sysfold_error *error)
{
    cleanup_free char *cwd = getcwd(NULL, 0);

    if (!cwd)
        return error_system(error, -errno, "gvisor: cannot tell the working directory");
    if (!rootfs_has_directory(root, options, cwd)) {
        cwd[0] = '/';
        cwd[1] = '\0';
    }
    *ret_cwd = steal_pointer(&cwd);
    return 0;
}

static int make_process(const char *root, const struct launch_options *options, bool terminal, json_t **ret_process,
                        struct sysfold_error *error)
{
    cleanup_free char *cwd = NULL;
    cleanup_free char *word = NULL;
    cleanup_json json_t *arguments = NULL;
    cleanup_json json_t *environment = NULL;
    int r = find_cwd(root, options, &cwd, error);

    if (r == 0)
        r = rootfs_find_command(root, options, cwd, &word, error);
    if (r == 0)
        r = make_arguments(options, word, &arguments, error);
    if (r == 0)
        r = make_environment(options, &environment, error);
    if (r < 0)
        return r;
    *ret_process = json_pack("{s:b, s:o, s:O, s:O, s:s, s:o}", "terminal", terminal, "user", make_user(), "args",
                             arguments, "env", environment, "cwd", cwd, "capabilities", make_capabilities());
    if (!*ret_process)
        return error_set(error, -EILSEQ, "gvisor: cannot hand the working directory to a sandbox: it is not UTF-8");
    return 0;
}

/* Not read-only for the sandbox: what it writes stays in its overlay, in memory. */
static json_t *make_bundle(const char *root, const struct launch_options *options, json_t *process)
{
    struct utsname names = {0};

    (void)uname(&names);
    return json_pack("{s:s, s:O, s:{s:s, s:b}, s:s, s:o, s:{s:[{s:s}, {s:s}, {s:s}, {s:s}]}}", "ociVersion", "1.0.0",
                     "process", process, "root", "path", root, "readonly", 0, "hostname", names.nodename, "mounts",
                     make_mounts(options), "linux", "namespaces", "type", "pid", "type", "mount", "type", "ipc", "type",
                     "uts");
}

static int save(const json_t *bundle, const char *directory, struct sysfold_error *error)
{
    cleanup_free char *path = NULL;
    cleanup_close int fd = -1;

    if (asprintf(&path, "%s/config.json", directory) < 0) {
        path = NULL;
        return -ENOMEM;
    }
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(error, -errno, "gvisor: cannot create %s", path);
    if (json_dumpfd(bundle, fd, 0) < 0)
        return error_set(error, -EIO, "gvisor: cannot write %s", path);
    return 0;
}

int bundle_write(const struct launch_options *options, bool terminal, struct sysfold_error *error)
{
    cleanup_free char *root = NULL;
    cleanup_json json_t *process = NULL;
    cleanup_json json_t *bundle = NULL;
    int r = rootfs_path(options, &root, error);

    if (r == 0)
        r = check_binds(root, options, error);
    if (r == 0)
        r = make_process(root, options, terminal, &process, error);
    if (r < 0)
        return r;
    bundle = make_bundle(root, options, process);
    if (!bundle)
        return error_set(error, -EILSEQ, "gvisor: cannot hand '%s' to a sandbox: it is not UTF-8", root);
    return save(bundle, options->directory, error);
}
