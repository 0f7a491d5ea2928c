// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <string.h>
#include <sys/uio.h>

#define PAGE 4096
#define PIECES 32
/* Most strings are shorter, and what follows them is nobody's business. */
#define STRING_FIRST 256

/* One call for up to PIECES pages. A piece never crosses a page: the kernel
 * gives up a piece as a whole, but tells how many whole pieces it copied. */
static size_t read_pieces(pid_t tid, uint8_t *to, uint64_t address, size_t size, size_t *ret_asked)
{
    struct iovec pieces[PIECES], local = {.iov_base = to};
    unsigned long count = 0;
    ssize_t got;

    for (; size && count < PIECES; count++) {
        size_t piece = PAGE - (size_t)(address % PAGE);

        if (piece > size)
            piece = size;
        pieces[count] = (struct iovec){.iov_base = (void *)(uintptr_t)address, .iov_len = piece};
        local.iov_len += piece;
        address += piece;
        size -= piece;
    }
    *ret_asked = local.iov_len;
    got = process_vm_readv(tid, &local, 1, pieces, count, 0);
    return got < 0 ? 0 : (size_t)got;
}

size_t memory_read(pid_t tid, void *to, uint64_t address, size_t size)
{
    size_t done = 0;

    while (done < size && address + done >= address) {
        size_t asked, got = read_pieces(tid, (uint8_t *)to + done, address + done, size - done, &asked);

        done += got;
        if (got < asked)
            break;
    }
    return done;
}

size_t memory_read_string(pid_t tid, char *to, uint64_t address, size_t size)
{
    size_t to_edge = PAGE - (size_t)(address % PAGE);
    size_t first = to_edge < STRING_FIRST ? to_edge : STRING_FIRST;
    size_t got;

    if (first >= size)
        return memory_read(tid, to, address, size);
    got = memory_read(tid, to, address, first);
    if (got < first || memchr(to, '\0', got))
        return got;
    return got + memory_read(tid, to + got, address + got, size - got);
}
