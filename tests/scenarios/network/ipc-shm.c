// SPDX-License-Identifier: Apache-2.0
/* System V shared memory, that a child writes into; it is gone when the last has let it go. */

#include <sys/ipc.h>
#include <sys/shm.h>

#include "kit/kit.h"

static void writing(void *data)
{
    strcpy(data, "from a child");
    OK(shmdt, data);
    FAILS(EINVAL, shmdt, data);
}

SCENARIO
{
    static struct shmid_ds about;
    long id = OK(shmget, IPC_PRIVATE, 8192, IPC_CREAT | 0600);
    char *memory = (char *)OK(shmat, id, NULL, 0);
    char *readable = (char *)OK(shmat, id, NULL, SHM_RDONLY);

    OK(shmctl, id, IPC_STAT, &about);
    OK(shmctl, id, IPC_RMID, NULL);
    if (about.shm_nattch != 2)
        kit_fail("it is attached twice");
    kit_reap(kit_fork(writing, memory));
    if (strcmp(readable, "from a child") != 0)
        kit_fail("the memory is not shared");
    FAILS(EINVAL, shmat, id, (uintptr_t)memory + 1, 0); /* not at such an address */
    FAILS(EINVAL, shmat, id, memory, 0);                /* not in place of another */
    OK(shmdt, OK(shmat, id, (uintptr_t)memory - (UINT64_C(1) << 30) + 5, SHM_RND));
    FAILS(EFAULT, shmctl, id, IPC_STAT, BAD);
    OK(shmdt, readable);
    OK(shmdt, memory);
    FAILS(EINVAL, shmat, id, NULL, 0);
    FAILS(EINVAL, shmctl, id, IPC_STAT, &about);
    FAILS(EINVAL, shmctl, id, IPC_RMID, NULL);
    FAILS(EINVAL, shmctl, -1, IPC_RMID, NULL);
    FAILS(EINVAL, shmdt, 4096);
    FAILS(EINVAL, shmget, IPC_PRIVATE, 0, 0600);
    FAILS(ENOENT, shmget, 0x5f01d001, 100, 0600); /* nobody's key */
    FAILS(EINVAL, shmat, -1, NULL, SHM_RND);
}
