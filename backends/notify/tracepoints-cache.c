// SPDX-License-Identifier: Apache-2.0
/* The numbers of single calls' tracepoints, in a file of the user's until the machine starts again. */

#include "tracepoints.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"

/*
 * $XDG_CACHE_HOME/sysfold/tracepoints-<boot id>:
 *
 *    sysfold tracepoints 1
 *    110 1149 1150           getppid's number, its exit's, its entry's (0: none)
 *    ...
 *    end
 *
 * Numbers that are wrong do no harm: what a record is of is told by itself. But
 * nothing would be recorded; so only a whole file of the user's own counts.
 */

#define HEADER "sysfold tracepoints 1\n"
#define END "end\n"
#define SIZE_LARGEST ((size_t)64 << 10)
#define BOOT_ID_SIZE 36

static int read_boot_id(char *ret_text)
{
    cleanup_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (read(fd, ret_text, BOOT_ID_SIZE) != BOOT_ID_SIZE)
        return -EIO;
    ret_text[BOOT_ID_SIZE] = '\0';
    return strspn(ret_text, "0123456789abcdef-") == BOOT_ID_SIZE ? 0 : -EIO;
}

/* The directory for caches, absolute. */
static int find_directory(char *ret_path, size_t size)
{
    const char *cache = secure_getenv("XDG_CACHE_HOME"), *home = secure_getenv("HOME");
    int n;

    if (cache && *cache == '/')
        n = snprintf(ret_path, size, "%s", cache);
    else if (home && *home == '/')
        n = snprintf(ret_path, size, "%s/.cache", home);
    else
        return -ENOENT;
    return n < (int)size ? 0 : -ENAMETOOLONG;
}

/* Opens our directory in it, which is made if it is to be, but not its parents but one. */
static int open_directory(bool make)
{
    char path[PATH_MAX];
    cleanup_close int parent = -1;
    int r = find_directory(path, sizeof(path)), fd;

    if (r < 0)
        return r;
    if (make)
        (void)mkdir(path, 0700);
    parent = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0)
        return -errno;
    if (make)
        (void)mkdirat(parent, "sysfold", 0700);
    fd = openat(parent, "sysfold", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int make_name(char *ret_name, size_t size, const char *prefix)
{
    char boot_id[BOOT_ID_SIZE + 1];
    int r = read_boot_id(boot_id);

    if (r == 0)
        (void)snprintf(ret_name, size, "%stracepoints-%s", prefix, boot_id);
    return r;
}

/* Nobody else may have written it. */
static bool is_ours(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
           !(status.st_mode & (S_IWGRP | S_IWOTH)) && (size_t)status.st_size < SIZE_LARGEST;
}

static bool take_number(char **at, unsigned long most, char delimiter, unsigned long *ret_number)
{
    char *end;

    if (**at < '0' || **at > '9')
        return false;
    *ret_number = strtoul(*at, &end, 10);
    if (*ret_number > most || *end != delimiter)
        return false;
    *at = end + 1;
    return true;
}

static int parse(char *text, struct call_tracepoints *ids)
{
    unsigned long nr, exit_id, enter_id;
    char *at = text;

    if (strncmp(at, HEADER, strlen(HEADER)) != 0)
        return -EINVAL;
    at += strlen(HEADER);
    while (strcmp(at, END) != 0) {
        if (!take_number(&at, CALLSET_NATIVE_MAX - 1, ' ', &nr) || !take_number(&at, UINT16_MAX, ' ', &exit_id) ||
            !take_number(&at, UINT16_MAX, '\n', &enter_id) || !exit_id)
            return -EINVAL;
        ids->exits[nr] = (uint16_t)exit_id;
        ids->enters[nr] = (uint16_t)enter_id;
    }
    return 0;
}

int tracepoints_load(struct call_tracepoints *ret_ids)
{
    struct call_tracepoints ids = {0};
    cleanup_free char *text = NULL;
    cleanup_close int directory = open_directory(false), fd = -1;
    char name[NAME_MAX];
    ssize_t n;
    int r;

    if (directory < 0)
        return directory;
    r = make_name(name, sizeof(name), "");
    if (r < 0)
        return r;
    fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (!is_ours(fd))
        return -EPERM;
    text = calloc(1, SIZE_LARGEST);
    if (!text)
        return -ENOMEM;
    n = read(fd, text, SIZE_LARGEST - 1);
    if (n < 0)
        return -errno;
    r = parse(text, &ids);
    if (r == 0)
        *ret_ids = ids;
    return r;
}

static size_t print(const struct call_tracepoints *ids, char *text)
{
    size_t used = (size_t)snprintf(text, SIZE_LARGEST, HEADER);

    for (int nr = 0; nr < CALLSET_NATIVE_MAX; nr++)
        if (ids->exits[nr])
            used +=
                (size_t)snprintf(text + used, SIZE_LARGEST - used, "%d %u %u\n", nr, ids->exits[nr], ids->enters[nr]);
    used += (size_t)snprintf(text + used, SIZE_LARGEST - used, END);
    return used;
}

/* Written beside it and renamed: nobody reads half of one. */
int tracepoints_store(const struct call_tracepoints *ids)
{
    cleanup_free char *text = malloc(SIZE_LARGEST);
    cleanup_close int directory = open_directory(true), fd = -1;
    char name[NAME_MAX], temporary[NAME_MAX], prefix[32];
    size_t size;
    int r;

    if (directory < 0 || !text)
        return directory < 0 ? directory : -ENOMEM;
    (void)snprintf(prefix, sizeof(prefix), ".%d-", getpid());
    r = make_name(name, sizeof(name), "");
    if (r == 0)
        r = make_name(temporary, sizeof(temporary), prefix);
    if (r < 0)
        return r;
    fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    size = print(ids, text);
    if (write(fd, text, size) != (ssize_t)size || renameat(directory, temporary, directory, name) < 0) {
        r = -EIO;
        (void)unlinkat(directory, temporary, 0);
    }
    return r;
}
