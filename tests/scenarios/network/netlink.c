// SPDX-License-Identifier: Apache-2.0
/* Netlink: a message that asks for nothing but its acknowledgement, and one that the kernel does not know. */

#include <linux/netlink.h>

#include "network/addresses.h"

static void need_netlink(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0)
        kit_skip("there is no netlink");
    close(fd);
}

BEFORE(need_netlink)

SCENARIO
{
    static struct sockaddr_nl kernel = {.nl_family = AF_NETLINK}, found;
    static struct {
        struct nlmsghdr header;
        char body[4];
    } message = {
        .header = {.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = NLMSG_NOOP, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK}};
    static char answer[8];
    socklen_t size = sizeof(found);
    long fd = OK(socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    OK(bind, fd, &kernel, sizeof(kernel)); /* to an address of the kernel's choice */
    OK(getsockname, fd, &found, &size);
    OK(sendto, fd, &message, NLMSG_HDRLEN, 0, &kernel, sizeof(kernel));
    size = sizeof(found);
    /* Of the answer only what says no address: its length, type and flags. */
    OK(recvfrom, fd, answer, sizeof(answer), MSG_TRUNC, &found, &size);
    FAILS(EINVAL, bind, fd, &kernel, 4);
    FAILS(EINVAL, connect, fd, &kernel, 1);
    FAILS(EAGAIN, recvfrom, fd, answer, sizeof(answer), MSG_DONTWAIT, NULL, NULL);
    FAILS(EPROTONOSUPPORT, socket, AF_NETLINK, SOCK_RAW, 99);
}
