// SPDX-License-Identifier: Apache-2.0
/* Descriptors that travel in messages: one, several, closed on exec, and too many for the room. */

#include <sys/uio.h>

#include "network/addresses.h"

static int pair[2];
static char buffer[32];
static struct iovec piece = {buffer, sizeof(buffer)};
static union {
    struct cmsghdr first;
    uint8_t bytes[64];
} control;
static struct msghdr header;

static void send_fds(const int *fds, size_t count)
{
    static struct iovec text = {"take", 4};

    memset(&control, 0, sizeof(control));
    control.first = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.first), fds, count * sizeof(int));
    header = (struct msghdr){
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
}

static void receive(size_t room, int flags)
{
    memset(&control, 0, sizeof(control));
    header = (struct msghdr){.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = room};
    OK(recvmsg, pair[1], &header, flags);
}

/* A message that is only looked at gives its descriptors all the same. */
static void shown_twice(const int *fds)
{
    send_fds(fds, 1);
    OK(sendmsg, pair[0], &header, 0);
    receive(sizeof(control), MSG_PEEK);
    receive(sizeof(control), 0);
    kit_descriptors();
}

/* Two control messages in one. */
static void with_credentials(const int *fds)
{
    static const int on = 1;

    OK(setsockopt, pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
    send_fds(fds, 2);
    OK(sendmsg, pair[0], &header, 0);
    receive(sizeof(control), 0);
    kit_descriptors();
}

SCENARIO
{
    const int none = 99;
    int fds[3];

    OK(socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
    OK(pipe2, fds, 0);
    fds[2] = (int)OK(open, "file", O_CREAT | O_RDWR, 0600);
    send_fds(fds, 1);
    OK(sendmsg, pair[0], &header, 0);
    receive(sizeof(control), 0);
    kit_descriptors();
    send_fds(fds + 1, 2);
    OK(sendmsg, pair[0], &header, 0);
    receive(sizeof(control), MSG_CMSG_CLOEXEC);
    kit_descriptors();
    send_fds(fds, 3);
    OK(sendmsg, pair[0], &header, 0);
    receive(CMSG_LEN(sizeof(int)), 0); /* room for one; the others are gone */
    kit_descriptors();
    send_fds(pair, 2); /* sockets through themselves */
    OK(sendmsg, pair[0], &header, 0);
    receive(0, 0);
    kit_descriptors();
    shown_twice(fds);
    with_credentials(fds);
    send_fds(&none, 1);
    FAILS(EBADF, sendmsg, pair[0], &header, 0);
    send_fds(fds, 1);
    control.first.cmsg_len = 3;
    FAILS(EINVAL, sendmsg, pair[0], &header, 0);
    header.msg_control = BAD;
    FAILS(EFAULT, sendmsg, pair[0], &header, 0);
    FAILS(EAGAIN, recvmsg, pair[1], &header, MSG_DONTWAIT);
}
