// SPDX-License-Identifier: Apache-2.0
/*
 * Stands in for libFuzzer where there is none: runs every file of a directory,
 * then a fixed number of variations of each, the same ones every time.
 *
 *     fuzz-savefile DIRECTORY VARIATIONS
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "fuzz.h"

static uint64_t state = 1;

static uint64_t draw(uint64_t limit)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (state >> 33) % limit;
}

static void vary(uint8_t *data, size_t size)
{
    static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};

    for (uint64_t changes = 1 + draw(8); changes; changes--) {
        size_t at = draw(size), from = draw(size);
        size_t span = draw(16) + 1;

        switch (draw(4)) {
        case 0:
            data[at] = (uint8_t)(data[at] ^ 1 << draw(8));
            break;
        case 1:
            data[at] = edges[draw(sizeof(edges))];
            break;
        case 2:
            data[at] = (uint8_t)draw(256);
            break;
        default:
            if (span <= size - at && span <= size - from)
                memmove(data + at, data + from, span);
        }
    }
}

static uint8_t *read_whole(int directory, const char *name, size_t *ret_size)
{
    cleanup_close int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    struct stat status;
    uint8_t *data;

    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return NULL;
    data = malloc((size_t)status.st_size + 1);
    if (data && read(fd, data, (size_t)status.st_size) != status.st_size) {
        free(data);
        return NULL;
    }
    *ret_size = (size_t)status.st_size;
    return data;
}

/* In memory of exactly its size, so that a sanitizer sees who reads beyond. */
static void run(const uint8_t *data, size_t size, bool varied)
{
    cleanup_free uint8_t *copy = malloc(size ? size : 1);
    size_t kept = size;

    if (!copy)
        abort();
    memcpy(copy, data, size);
    if (varied && size) {
        vary(copy, size);
        if (!draw(8))
            kept = draw(size);
        if (draw(8))
            fuzz_repair(copy, kept);
    }
    (void)LLVMFuzzerTestOneInput(copy, kept);
}

int main(int argc, char **argv)
{
    DIR *directory = argc > 1 ? opendir(argv[1]) : NULL;
    long variations = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    unsigned files = 0;

    if (!directory) {
        (void)fprintf(stderr, "usage: %s DIRECTORY [VARIATIONS]\n", argv[0]);
        return 2;
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        size_t size;
        cleanup_free uint8_t *data = read_whole(dirfd(directory), entry->d_name, &size);

        if (!data)
            continue;
        files++;
        for (long i = 0; i <= variations; i++)
            run(data, size, i > 0);
    }
    closedir(directory);
    printf("%u seeds, %ld variations of each\n", files, variations);
    return files ? 0 : 1;
}
