// SPDX-License-Identifier: Apache-2.0
/* Memory of one's own by way of process_vm_readv and process_vm_writev: sizes, and many pieces. */

#include <sys/uio.h>

#include "kit/kit.h"

#define PIECES 70
#define LARGEST 70000

static uint8_t from[LARGEST], to[LARGEST];

static void fill(void)
{
    for (size_t i = 0; i < LARGEST; i++)
        from[i] = (uint8_t)(i * 7 + i / 256);
}

static void copy_sizes(void)
{
    static const size_t sizes[] = {0, 1, 79, 80, 81, 4095, 4096, 4097, 60000, 60001, LARGEST};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct iovec here = {to, sizes[i]}, there = {from, sizes[i]};

        OK(process_vm_readv, kit_tid(), &here, 1, &there, 1, 0);
        OK(process_vm_writev, kit_tid(), &there, 1, &here, 1, 0);
    }
}

static void copy_pieces(void)
{
    struct iovec here[PIECES], there = {from, 3 * PIECES};
    struct iovec *edge = kit_at_edge(2 * sizeof(*edge));

    for (size_t i = 0; i < PIECES; i++)
        here[i] = (struct iovec){to + 10 * i, i % 3 ? 3 : 0};
    OK(process_vm_readv, kit_tid(), here, PIECES, &there, 1, 0);
    OK(process_vm_writev, kit_tid(), here, PIECES, &there, 1, 0);
    here[40].iov_len = LARGEST; /* more than there is */
    OK(process_vm_readv, kit_tid(), here, PIECES, &there, 1, 0);
    edge[0] = (struct iovec){to, 1};
    edge[1] = (struct iovec){to + 100, 1};
    OK(process_vm_writev, kit_tid(), edge, 2, &there, 1, 0);
    FAILS(EFAULT, process_vm_writev, kit_tid(), edge, 3, &there, 1, 0);
    FAILS(EFAULT, process_vm_readv, kit_tid(), edge + 1, 2, &there, 1, 0);
}

SCENARIO
{
    fill();
    copy_sizes();
    copy_pieces();
}
