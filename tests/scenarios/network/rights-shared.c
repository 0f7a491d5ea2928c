// SPDX-License-Identifier: Apache-2.0
/* Descriptors that are passed to a child with a table of its own, and received by a thread for the whole process. */

#include <sys/uio.h>

#include "network/addresses.h"

/* One for each side: whoever sends and whoever receives may share their memory. */
struct letter {
    uint8_t control[32] __attribute__((aligned(8)));
    char text[8];
    struct iovec piece;
    struct msghdr header;
};

static int pair[2];
static struct letter sent, received;

static void lay_header(struct letter *letter)
{
    letter->piece = (struct iovec){letter->text, sizeof(letter->text)};
    letter->header = (struct msghdr){.msg_iov = &letter->piece,
                                     .msg_iovlen = 1,
                                     .msg_control = letter->control,
                                     .msg_controllen = CMSG_SPACE(sizeof(int))};
}

static int receive(void)
{
    int fd;

    lay_header(&received);
    OK(recvmsg, pair[1], &received.header, 0);
    memcpy(&fd, CMSG_DATA((struct cmsghdr *)(void *)received.control), sizeof(fd));
    return fd;
}

static void send_one(int fd)
{
    *(struct cmsghdr *)(void *)sent.control = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA((struct cmsghdr *)(void *)sent.control), &fd, sizeof(fd));
    lay_header(&sent);
    OK(sendmsg, pair[0], &sent.header, 0);
}

static void child(void *data)
{
    int fd;

    (void)data;
    OK(close, pair[0]);
    fd = receive();
    OK(write, fd, "by a child", 10);
    kit_descriptors();
    OK(close, fd);
}

static void thread(void *data)
{
    *(volatile int *)data = receive();
    OK(write, pair[1], "done", 4);
}

SCENARIO
{
    static char buffer[8];
    volatile int taken = -1;
    int file = (int)OK(open, "file", O_CREAT | O_RDWR, 0600);
    long pid;

    OK(socketpair, AF_UNIX, SOCK_DGRAM, 0, pair);
    pid = kit_fork(child, NULL);
    send_one(file);
    OK(close, file);
    kit_reap(pid);
    file = (int)OK(open, "file", O_RDONLY, 0);
    pid = kit_clone(KIT_THREAD, thread, (void *)&taken);
    kit_wait_asleep(pid, SYS_recvmsg);
    send_one(file);
    OK(read, pair[0], buffer, sizeof(buffer)); /* from now on the table is as it is */
    kit_join(pid);
    kit_descriptors();
    OK(read, taken, buffer, sizeof(buffer));
    OK(close, taken);
    FAILS(EBADF, read, taken, buffer, sizeof(buffer));
    kit_descriptors();
}
