// SPDX-License-Identifier: Apache-2.0
/* System V messages: by type, cut off, too long, none; from a child. */

#include <sys/ipc.h>
#include <sys/msg.h>

#include "kit/kit.h"

struct message {
    long type;
    char text[96];
};

static long id;
static struct message found;

static void failures(void)
{
    static struct message none = {0, "no type"}, some = {3, "too long to be received in three"};

    FAILS(ENOMSG, msgrcv, id, &found, sizeof(found.text), 0, IPC_NOWAIT);
    FAILS(EINVAL, msgsnd, id, &none, 7, 0);
    FAILS(EINVAL, msgsnd, id, &some, -1, 0);
    FAILS(EFAULT, msgsnd, id, BAD, 4, 0);
    FAILS(EFAULT, msgsnd, id, NULL, 4, 0);
    OK(msgsnd, id, &some, sizeof(some.text), 0);
    FAILS(E2BIG, msgrcv, id, &found, 3, 0, 0);
    OK(msgrcv, id, &found, 3, 0, MSG_NOERROR);
    FAILS(EFAULT, msgctl, id, IPC_STAT, BAD);
    FAILS(ENOENT, msgget, 0x5f01d003, 0600); /* nobody's key */
}

static void receiving(void *data)
{
    (void)data;
    OK(msgrcv, id, &found, sizeof(found.text), 9, 0);
    EXIT_GROUP((int)found.type);
}

SCENARIO
{
    static struct message first = {1, "first"}, second = {2, "second"}, ninth = {9, "ninth"};
    static struct msqid_ds about;
    long child;

    id = OK(msgget, IPC_PRIVATE, IPC_CREAT | 0600);
    OK(msgsnd, id, &first, 5, 0);
    OK(msgsnd, id, &second, 6, IPC_NOWAIT);
    OK(msgsnd, id, &second, 0, 0);
    OK(msgctl, id, IPC_STAT, &about);
    OK(msgrcv, id, &found, sizeof(found.text), 2, 0);
    OK(msgrcv, id, &found, sizeof(found.text), -5, 0);
    OK(msgrcv, id, &found, 0, 0, IPC_NOWAIT);
    failures();
    child = kit_fork(receiving, NULL);
    kit_wait_asleep(child, SYS_msgrcv);
    OK(msgsnd, id, &ninth, 5, 0);
    kit_reap(child);
    OK(msgctl, id, IPC_RMID, NULL);
    FAILS(EINVAL, msgctl, id, IPC_RMID, NULL);
    FAILS(EINVAL, msgsnd, id, &first, 5, 0);
    FAILS(EINVAL, msgrcv, id, &found, 5, 0, 0);
}
