// SPDX-License-Identifier: Apache-2.0
/* System V semaphores: set, counted, waited for with a limit, and given by a child. */

#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

#include "kit/kit.h"

static long id;
static unsigned short values[3] = {1, 2, 0};
static struct sembuf two[] = {{0, 2, 0}, {1, -1, 0}};
static struct sembuf take[] = {{2, -1, 0}}, try[] = {{2, -1, IPC_NOWAIT}}, give[] = {{2, 1, 0}}, beyond[] = {{9, 1, 0}},
                     zero[] = {{2, 0, IPC_NOWAIT}}, undo[] = {{2, 3, SEM_UNDO}};

static void taking(void *data)
{
    (void)data;
    OK(semop, id, take, 1);
}

static void leaving(void *data)
{
    (void)data;
    OK(semop, id, undo, 1);
}

static void control(void)
{
    static struct semid_ds about;

    OK(semctl, id, 0, GETPID, 0); /* nobody yet */
    OK(semctl, id, 0, SETALL, values);
    OK(semctl, id, 1, SETVAL, 5);
    OK(semctl, id, 1, GETVAL, 0);
    OK(semctl, id, 0, GETALL, values);
    OK(semctl, id, 2, GETNCNT, 0);
    OK(semctl, id, 0, IPC_STAT, &about);
    if (values[1] != 5)
        kit_fail("the semaphore was not set");
    FAILS(EINVAL, semctl, id, 7, GETVAL, 0);
    FAILS(ERANGE, semctl, id, 0, SETVAL, 40000);
    FAILS(EFAULT, semctl, id, 0, GETALL, BAD);
    FAILS(EINVAL, semctl, id, 0, 9999, 0);
}

static void failures(void)
{
    static const struct timespec moment = {.tv_nsec = 1000000}, wrong = {.tv_nsec = -1};

    FAILS(EAGAIN, semop, id, try, 1);
    FAILS(EFBIG, semop, id, beyond, 1);
    FAILS(EINVAL, semop, id, try, 0);
    FAILS(E2BIG, semop, id, try, 100000);
    FAILS(EFAULT, semop, id, BAD, 1);
    FAILS(EAGAIN, semtimedop, id, take, 1, &moment);
    FAILS(EAGAIN, semtimedop, id, try, 1, NULL);
    FAILS(EINVAL, semtimedop, id, take, 1, &wrong);
    FAILS(EFAULT, semtimedop, id, take, 1, BAD);
    FAILS(EINVAL, semget, IPC_PRIVATE, -1, 0600);
    FAILS(ENOENT, semget, 0x5f01d002, 1, 0600); /* nobody's key */
}

SCENARIO
{
    long child;

    id = OK(semget, IPC_PRIVATE, 3, IPC_CREAT | 0600);
    control();
    OK(semop, id, two, 2);
    OK(semop, id, zero, 1);
    failures();
    child = kit_fork(taking, NULL);
    kit_wait_asleep(child, SYS_semop);
    OK(semtimedop, id, give, 1, &(const struct timespec){.tv_sec = 20});
    kit_reap(child);
    kit_reap(kit_fork(leaving, NULL));
    if (OK(semctl, id, 2, GETVAL, 0) != 0)
        kit_fail("what the child did was not undone");
    OK(semctl, id, 0, IPC_RMID, 0);
    FAILS(EINVAL, semctl, id, 0, IPC_RMID, 0);
    FAILS(EINVAL, semop, id, give, 1);
    FAILS(EINVAL, semtimedop, id, give, 1, NULL);
}
