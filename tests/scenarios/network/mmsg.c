// SPDX-License-Identifier: Apache-2.0
/* Several messages in one call, with and without a time limit. */

#include <sys/uio.h>

#include "network/addresses.h"

struct message {
    struct msghdr header;
    unsigned size;
};

static char text[3][8] = {"one", "second", "3"}, room[3][8];
static struct iovec out[] = {{text[0], 3}, {text[1], 6}, {text[2], 1}},
                    in[] = {{room[0], 8}, {room[1], 2}, {room[2], 8}};
static struct message messages[3];
static int pair[2];

static void lay(struct iovec *pieces)
{
    memset(messages, 0, sizeof(messages));
    for (int i = 0; i < 3; i++) {
        messages[i].header.msg_iov = &pieces[i];
        messages[i].header.msg_iovlen = 1;
    }
}

SCENARIO
{
    static struct timespec limit = {.tv_sec = 5};

    OK(socketpair, AF_UNIX, SOCK_DGRAM, 0, pair);
    lay(out);
    OK(sendmmsg, pair[0], messages, 3, 0);
    OK(sendmmsg, pair[0], messages, 0, MSG_NOSIGNAL);
    lay(in);
    OK(recvmmsg, pair[1], messages, 2, 0, NULL);
    if (messages[0].size != 3 || messages[1].size != 2)
        kit_fail("messages of other sizes were received than were sent");
    OK(recvmmsg, pair[1], messages, 3, MSG_WAITFORONE, NULL);
    lay(out);
    OK(sendmmsg, pair[0], messages, 1, MSG_DONTWAIT);
    lay(in);
    OK(recvmmsg, pair[1], messages, 3, MSG_WAITFORONE, &limit);
    FAILS(EAGAIN, recvmmsg, pair[1], messages, 3, MSG_DONTWAIT, NULL);
    limit = (struct timespec){.tv_nsec = -1};
    FAILS(EINVAL, recvmmsg, pair[1], messages, 3, MSG_DONTWAIT, &limit);
    FAILS(EFAULT, recvmmsg, pair[1], messages, 3, MSG_DONTWAIT, BAD);
    lay(out);
    messages[1].header.msg_iov = BAD;
    if (OK(sendmmsg, pair[0], messages, 3, 0) != 1) /* what is wrong with the second, another call would tell */
        kit_fail("one message was to be sent");
    FAILS(EFAULT, sendmmsg, pair[0], messages + 1, 2, 0);
    FAILS(EFAULT, sendmmsg, pair[0], BAD, 1, 0);
    FAILS(EBADF, sendmmsg, 99, messages, 1, 0);
    FAILS(EBADF, recvmmsg, 99, messages, 1, 0, NULL);
}
