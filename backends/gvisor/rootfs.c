// SPDX-License-Identifier: Apache-2.0
/* Looking a command up as execvp() would within the sandbox: every link stays within its root. */

#include "backends/gvisor/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backends/command.h"
#include "common/cleanup.h"
#include "common/error.h"

#define SCRIPT_LINE_MAX 256 /* the kernel's BINPRM_BUF_SIZE; gVisor's interpMaxLineLength is shorter */
#define PATH_DEFAULT "/usr/bin:/bin"

int rootfs_path(const struct launch_options *options, char **ret_path, struct sysfold_error *error)
{
    const char *rootfs = options->rootfs ? options->rootfs : "/";
    cleanup_free char *path = realpath(rootfs, NULL);
    struct stat stat_;

    if (!path)
        return error_system(error, -errno, "gvisor: cannot use '%s' as the root", rootfs);
    if (stat(path, &stat_) < 0 || !S_ISDIR(stat_.st_mode))
        return error_system(error, -ENOTDIR, "gvisor: cannot use '%s' as the root", rootfs);
    *ret_path = steal_pointer(&path);
    return 0;
}

static bool lies_within(const char *path, const char *directory)
{
    size_t length = strlen(directory);

    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* What is bound from the machine hides what the root has there. */
static const char *root_of(const char *root, const struct launch_options *options, const char *path)
{
    for (size_t i = 0; i < options->bind_count; i++)
        if (lies_within(path, options->binds[i]))
            return "/";
    return root;
}

/* A descriptor with O_PATH, or a negative errno. */
static int open_within(const char *root, const struct launch_options *options, const char *path)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    cleanup_close int root_fd = open(root_of(root, options, path), O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd;

    if (root_fd < 0)
        return -errno;
    fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
    return fd < 0 ? -errno : fd;
}

bool rootfs_has_directory(const char *root, const struct launch_options *options, const char *path)
{
    cleanup_close int fd = open_within(root, options, path);
    struct stat stat_;

    return fd >= 0 && fstat(fd, &stat_) == 0 && S_ISDIR(stat_.st_mode);
}

static int check_runnable(int fd)
{
    char path[64];
    struct stat stat_;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fstat(fd, &stat_) < 0)
        return -errno;
    return !S_ISREG(stat_.st_mode) || access(path, X_OK) < 0 ? -EACCES : 0;
}

/* Of "#! /bin/sh -e", "/bin/sh". */
static char *interpreter_of(char *line)
{
    char *name = line + 2 + strspn(line + 2, " \t");

    name[strcspn(name, " \t\n")] = '\0';
    return name;
}

/* gVisor runs ELF files, and scripts whose interpreter is there. */
static int check_format(const char *root, const struct launch_options *options, int fd)
{
    char path[64], line[SCRIPT_LINE_MAX + 1] = "";
    cleanup_close int file = -1;
    cleanup_close int interpreter = -1;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, line, SCRIPT_LINE_MAX) < 0)
        return 0; /* it may be executed, but not read: runsc will say */
    if (memcmp(line, "\177ELF", 4) == 0)
        return 0;
    if (memcmp(line, "#!", 2) != 0)
        return -ENOEXEC;
    interpreter = open_within(root, options, interpreter_of(line));
    return interpreter < 0 ? interpreter : check_runnable(interpreter);
}

static int check_command(const char *root, const struct launch_options *options, const char *path)
{
    cleanup_close int fd = open_within(root, options, path);
    int r = fd < 0 ? fd : check_runnable(fd);

    return r < 0 ? r : check_format(root, options, fd);
}

/* directory/name, below cwd where that is relative; to be freed. */
static char *join(const char *cwd, const char *directory, size_t length, const char *name)
{
    const bool absolute = length > 0 && directory[0] == '/';
    char *path;

    if (asprintf(&path, "%s%s%.*s%s%s", absolute ? "" : cwd, absolute ? "" : "/", (int)length, directory,
                 length > 0 ? "/" : "", name) < 0)
        return NULL;
    return path;
}

static const char *value_of(char *const *envp, const char *name)
{
    size_t length = strlen(name);

    for (; *envp; envp++)
        if (strncmp(*envp, name, length) == 0 && (*envp)[length] == '=')
            return *envp + length + 1;
    return NULL;
}

/* runsc looks in no directory of PATH that is relative, and has none of its own where there is no PATH. */
static int search(const char *root, const struct launch_options *options, const char *cwd, char **ret_word)
{
    const char *name = options->argv[0];
    const char *path = value_of(options->envp ? options->envp : environ, "PATH");
    int failure = -ENOENT;

    for (const char *end, *at = path ? path : PATH_DEFAULT; at; at = *end ? end + 1 : NULL) {
        cleanup_free char *candidate = NULL;
        int r;

        end = strchrnul(at, ':');
        candidate = join(cwd, at, (size_t)(end - at), name);
        if (!candidate)
            return -ENOMEM;
        r = check_command(root, options, candidate);
        if (r == 0) {
            *ret_word = path && *at == '/' ? strdup(name) : steal_pointer(&candidate);
            return *ret_word ? 0 : -ENOMEM;
        }
        if (r == -ENOEXEC)
            return r;
        if (r == -EACCES)
            failure = r;
    }
    return failure;
}

static int take_path(const char *root, const struct launch_options *options, const char *cwd, char **ret_word)
{
    const char *name = options->argv[0];
    cleanup_free char *path = *name == '/' ? strdup(name) : join(cwd, "", 0, name);
    int r = path ? check_command(root, options, path) : -ENOMEM;

    if (r < 0)
        return r == -ENOTDIR ? -EACCES : r;
    *ret_word = strdup(name);
    return *ret_word ? 0 : -ENOMEM;
}

int rootfs_find_command(const char *root, const struct launch_options *options, const char *cwd, char **ret_word,
                        struct sysfold_error *error)
{
    const char *name = options->argv[0];
    int r;

    if (!name || !*name)
        return error_set(error, -ENOENT, "gvisor: the command's name is empty");
    r = strchr(name, '/') ? take_path(root, options, cwd, ret_word) : search(root, options, cwd, ret_word);
    return r < 0 ? command_refused("gvisor", name, r, error) : 0;
}
