// SPDX-License-Identifier: Apache-2.0
/* Who sent it: SO_PASSCRED, SCM_CREDENTIALS and SO_PEERCRED, between a process and its child. */

#include <sys/uio.h>

#include "network/addresses.h"

static int pair[2];
static char buffer[32];
static union {
    struct cmsghdr first;
    uint8_t bytes[64];
} control;
static struct iovec piece = {buffer, sizeof(buffer)};
static struct msghdr header;

static void prepare(struct ucred who)
{
    memset(&control, 0, sizeof(control));
    control.first = (struct cmsghdr){CMSG_LEN(sizeof(who)), SOL_SOCKET, SCM_CREDENTIALS};
    memcpy(CMSG_DATA(&control.first), &who, sizeof(who));
    header = (struct msghdr){
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof(who))};
}

static void child(void *data)
{
    struct ucred *who = data;

    who->pid = (int32_t)kit_tid();
    piece.iov_len = 5;
    prepare(*who);
    OK(sendmsg, pair[0], &header, 0);
    prepare((struct ucred){.pid = 0x7fffffff, .uid = who->uid, .gid = who->gid});
    control.first.cmsg_len = CMSG_LEN(sizeof(*who) - 4);
    FAILS(EINVAL, sendmsg, pair[0], &header, 0);
    OK(write, pair[0], "plain", 5);
}

SCENARIO
{
    static int on = 1;
    static struct ucred peer;
    static socklen_t size = sizeof(peer);
    struct ucred who = {.uid = (uid_t)OK(getuid), .gid = (gid_t)OK(getgid)};

    OK(socketpair, AF_UNIX, SOCK_DGRAM, 0, pair);
    OK(setsockopt, pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    kit_reap(kit_fork(child, &who));
    for (int i = 0; i < 2; i++) {
        prepare(who);
        header.msg_controllen = sizeof(control);
        OK(recvmsg, pair[1], &header, 0);
    }
    OK(getsockopt, pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &size);
    size = 4;
    OK(getsockopt, pair[0], SOL_SOCKET, SO_PEERCRED, &peer, &size);
    OK(getsockopt, pair[1], SOL_SOCKET, SO_PASSCRED, &on, &size);
    if (peer.pid != kit_tid())
        kit_fail("the pair was made by somebody else");
}
