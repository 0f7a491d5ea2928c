// SPDX-License-Identifier: Apache-2.0
/* Memory that is a file's: mapped, written back, its pages laid out in another order. */

#include <sys/mman.h>

#include "kit/kit.h"

#define PAGE 4096

static uint8_t *map(int file)
{
    long reader = OK(open, "file", O_RDONLY | O_CLOEXEC, 0), writer = OK(open, "file", O_WRONLY, 0);
    long directory = OK(open, ".", O_RDONLY | O_DIRECTORY, 0);

    FAILS(EBADF, mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0);
    FAILS(EBADF, mmap, NULL, PAGE, PROT_READ, MAP_SHARED, 99, 0);
    FAILS(EACCES, mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0);
    FAILS(EACCES, mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, writer, 0);
    FAILS(ENODEV, mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, directory, 0);
    FAILS(EINVAL, mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 100);
    FAILS(EOVERFLOW, mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, file, UINT64_MAX - PAGE + 1);
    OK(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, reader, PAGE);
    OK(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_NONBLOCK, file, UINT64_C(1) << 40); /* far behind its end */
    OK(close, writer);
    return (uint8_t *)OK(mmap, NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
}

static void write_back(uint8_t *pages, int file)
{
    char found[4];

    memcpy(pages, "page", 4);
    OK(msync, pages, PAGE, MS_ASYNC);
    OK(msync, pages, 3 * PAGE, MS_SYNC);
    OK(pread64, file, found, 4, 0);
    OK(msync, pages, 1, MS_INVALIDATE);
    OK(msync, pages, 0, MS_SYNC);
    FAILS(EINVAL, msync, pages, PAGE, MS_ASYNC | MS_SYNC);
    FAILS(EINVAL, msync, pages, PAGE, 8);
    FAILS(EINVAL, msync, pages + 1, PAGE, MS_SYNC);
    FAILS(ENOMEM, msync, NULL, PAGE, MS_SYNC);
    FAILS(ENOMEM, msync, pages, UINT64_MAX - 2 * PAGE, MS_SYNC);
    OK(mlock, pages, PAGE);
    FAILS(EBUSY, msync, pages, PAGE, MS_INVALIDATE);
    OK(munlock, pages, PAGE);
}

static void lay_out(uint8_t *pages)
{
    pages[2 * PAGE] = '3';
    OK(remap_file_pages, pages, PAGE, 0, 2, 0);
    if (pages[0] != '3')
        kit_fail("the third page is not the first");
    OK(remap_file_pages, pages, PAGE, 0, 0, MAP_NONBLOCK);
    FAILS(EINVAL, remap_file_pages, pages, PAGE, PROT_READ, 0, 0);
    FAILS(EINVAL, remap_file_pages, pages, 0, 0, 0, 0);
    FAILS(EINVAL, remap_file_pages, NULL, PAGE, 0, 0, 0);
    FAILS(EINVAL, remap_file_pages, pages, 2 * PAGE, 0, UINT64_MAX, 0);
}

SCENARIO
{
    int file = (int)OK(open, "file", O_RDWR | O_CREAT, 0600);
    uint8_t *pages;

    OK(ftruncate, file, 3 * PAGE);
    pages = map(file);
    write_back(pages, file);
    lay_out(pages);
    OK(munmap, pages, 3 * PAGE);
}
