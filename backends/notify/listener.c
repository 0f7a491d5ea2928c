// SPDX-License-Identifier: Apache-2.0
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

void listener_prefer_this_cpu(int listener)
{
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
}

int listener_receive(int listener, struct seccomp_notif *ret_notif)
{
    struct seccomp_notif notif = {0}; /* the kernel wants it to be */

    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notif) < 0)
        return -errno;
    *ret_notif = notif;
    return 0;
}

static int respond(int listener, const struct seccomp_notif_resp *response)
{
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response) < 0 ? -errno : 0;
}

int listener_continue(int listener, uint64_t id)
{
    struct seccomp_notif_resp response = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

    return respond(listener, &response);
}

int listener_answer(int listener, uint64_t id, int64_t result)
{
    struct seccomp_notif_resp response = {.id = id};

    if (result < 0)
        response.error = (int32_t)result;
    else
        response.val = result;
    return respond(listener, &response);
}

int listener_add_fd(int listener, uint64_t id, int fd, bool cloexec)
{
    struct seccomp_notif_addfd addfd = {
        .id = id,
        .srcfd = (uint32_t)fd,
        .newfd_flags = cloexec ? O_CLOEXEC : 0,
    };
    int number = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addfd);

    return number < 0 ? -errno : number;
}

bool listener_is_valid(int listener, uint64_t id)
{
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}
