// SPDX-License-Identifier: Apache-2.0
/* Any bytes as the file in which the numbers of tracepoints are kept. */

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/notify/tracepoints.h"
#include "fuzz.h"

static char directory[] = "/tmp/sysfold-fuzz-XXXXXX";
static char path[512];

static void remove_directory(void)
{
    char below[64];

    unlink(path);
    (void)snprintf(below, sizeof(below), "%s/sysfold", directory);
    rmdir(below);
    rmdir(directory);
}

/* A cache of our own, and where the file is in it. */
static void prepare(void)
{
    struct call_tracepoints ids = {.exits[110] = 1149, .enters[110] = 1150}, loaded;
    char below[64];
    DIR *entries;

    check(mkdtemp(directory) != NULL && setenv("XDG_CACHE_HOME", directory, 1) == 0, "there is a directory");
    check(tracepoints_store(&ids) == 0 && tracepoints_load(&loaded) == 0, "what is stored can be loaded");
    check(!memcmp(&ids, &loaded, sizeof(ids)), "and is the same");
    (void)snprintf(below, sizeof(below), "%s/sysfold", directory);
    entries = opendir(below);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] != '.')
            (void)snprintf(path, sizeof(path), "%s/%s", below, entry->d_name);
    }
    check(entries && *path, "there is a file");
    closedir(entries);
    atexit(remove_directory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct call_tracepoints ids, again;
    int fd;

    if (!*path)
        prepare();
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(fd >= 0 && write(fd, data, size) == (ssize_t)size, "the file can be written");
    close(fd);
    if (tracepoints_load(&ids) < 0)
        return 0;
    check(tracepoints_store(&ids) == 0 && tracepoints_load(&again) == 0 && !memcmp(&ids, &again, sizeof(ids)),
          "what was loaded can be kept");
    return 0;
}
