// SPDX-License-Identifier: Apache-2.0
/* Another process's memory, read and written. */

#include <sys/uio.h>

#include "kit/kit.h"

static char shared[] = "what the child has too", other[24];
static int gate[2];

/* Lives until the parent closes its end. */
static void child(void *data)
{
    char byte;

    (void)data;
    OK(close, gate[1]);
    OK(read, gate[0], &byte, 1);
    if (memcmp(shared, "WHAT the", 8) != 0)
        kit_fail("nobody has written to it");
}

static void read_it(long pid)
{
    char *edge = kit_at_edge(4);
    struct iovec here[] = {{other, 4}, {edge, 4}, {other + 8, 16}}, there[] = {{shared, sizeof(shared)}, {BAD, 1}};
    struct iovec nowhere = {BAD, 8}, nothing = {other, 0};

    OK(process_vm_readv, pid, here, 3, there, 1, 0);
    OK(process_vm_readv, pid, here, 1, there, 1, 0);
    OK(process_vm_readv, pid, here, 3, there, 2, 0); /* as far as it goes */
    OK(process_vm_readv, pid, &nothing, 1, there, 1, 0);
    OK(process_vm_readv, pid, NULL, 0, NULL, 0, 0);
    FAILS(EFAULT, process_vm_readv, pid, here, 1, &nowhere, 1, 0);
    FAILS(EFAULT, process_vm_readv, pid, BAD, 1, there, 1, 0);
    FAILS(EFAULT, process_vm_readv, pid, NULL, 1, there, 1, 0);
    FAILS(EFAULT, process_vm_readv, pid, here, 1, BAD, 1, 0);
    FAILS(EFAULT, process_vm_readv, pid, &nowhere, 1, there, 1, 0);
    FAILS(EINVAL, process_vm_readv, pid, here, 1, there, 1, 1);
    FAILS(EINVAL, process_vm_readv, pid, here, 1025, there, 1, 0);
    FAILS(EINVAL, process_vm_readv, pid, here, 1, there, 1025, 0);
    FAILS(ESRCH, process_vm_readv, INT_MAX, here, 1, there, 1, 0);
}

static void write_it(long pid)
{
    char *edge = kit_at_edge(2);
    struct iovec here[] = {{edge, 2}, {"AT", 2}}, there[] = {{shared, 4}}, nowhere = {BAD, 8}, nothing = {other, 0};

    memcpy(edge, "WH", 2);
    OK(process_vm_writev, pid, here, 2, there, 1, 0);
    OK(process_vm_writev, pid, &nothing, 1, there, 1, 0);
    OK(process_vm_writev, pid, NULL, 0, NULL, 0, 0);
    FAILS(EFAULT, process_vm_writev, pid, here, 2, &nowhere, 1, 0);
    FAILS(EFAULT, process_vm_writev, pid, BAD, 1, there, 1, 0);
    FAILS(EFAULT, process_vm_writev, pid, NULL, 1, there, 1, 0);
    FAILS(EFAULT, process_vm_writev, pid, &nowhere, 1, there, 1, 0);
    FAILS(EINVAL, process_vm_writev, pid, here, 2, there, 1, 1);
    FAILS(ESRCH, process_vm_writev, INT_MAX, here, 2, there, 1, 0);
}

SCENARIO
{
    struct iovec left = {other, 1};
    long pid;

    OK(pipe2, gate, 0);
    pid = kit_fork(child, NULL);
    read_it(pid);
    write_it(pid);
    OK(close, gate[1]);
    kit_reap(pid);
    FAILS(ESRCH, process_vm_readv, pid, &left, 1, &left, 1, 0);
}
