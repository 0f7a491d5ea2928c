// SPDX-License-Identifier: Apache-2.0
#include "connecting.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "backends/proc.h"

#define WAIT_US 100000 /* nothing here waits, unless somebody means it to */

static bool get_option(int socket, int option, int *ret_value)
{
    socklen_t size = sizeof(*ret_value);

    return getsockopt(socket, SOL_SOCKET, option, ret_value, &size) == 0;
}

/* Unix sockets tell the peer who connects; others may do anything. */
static bool is_internet(int socket, int *ret_type, int *ret_domain)
{
    int protocol;

    if (!get_option(socket, SO_DOMAIN, ret_domain) || !get_option(socket, SO_TYPE, ret_type) ||
        !get_option(socket, SO_PROTOCOL, &protocol))
        return false;
    if (*ret_domain != AF_INET && *ret_domain != AF_INET6)
        return false;
    return (*ret_type == SOCK_STREAM && protocol == IPPROTO_TCP) ||
           (*ret_type == SOCK_DGRAM && protocol == IPPROTO_UDP);
}

bool connecting_is_possible(int socket, const uint8_t *address, size_t size)
{
    sa_family_t family;
    int type, domain, flags;

    if (size < sizeof(family) || size > sizeof(struct sockaddr_storage) || !is_internet(socket, &type, &domain))
        return false;
    memcpy(&family, address, sizeof(family));
    flags = fcntl(socket, F_GETFL);
    return family == domain && flags >= 0 && (type == SOCK_DGRAM || flags & O_NONBLOCK);
}

static void wake(int number)
{
    (void)number; /* it has interrupted what waits */
}

/* The socket is shared with its owner, who may have it wait just before we use it, or have its close linger. An alarm
 * that comes again and again gets us out. */
struct alarm_clock {
    struct sigaction action;
    sigset_t mask;
};

static void alarm_set(struct alarm_clock *ret_before)
{
    struct sigaction action = {.sa_handler = wake};
    struct itimerval timer = {.it_interval.tv_usec = WAIT_US, .it_value.tv_usec = WAIT_US};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    (void)sigaction(SIGALRM, &action, &ret_before->action);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, &ret_before->mask);
    (void)setitimer(ITIMER_REAL, &timer, NULL);
}

static void alarm_reset(const struct alarm_clock *before)
{
    struct itimerval none = {0};

    (void)setitimer(ITIMER_REAL, &none, NULL); /* what is pending comes now, to us */
    (void)pthread_sigmask(SIG_SETMASK, &before->mask, NULL);
    (void)sigaction(SIGALRM, &before->action, NULL);
}

int connecting_perform(int *socket, const uint8_t *address, size_t size, int *ret_pair_size, uint8_t ret_pair[257])
{
    struct sockaddr_storage to = {0};
    struct alarm_clock before;
    int r;

    memcpy(&to, address, size);
    alarm_set(&before);
    r = connect(*socket, (const struct sockaddr *)&to, (socklen_t)size) < 0 ? -errno : 0;
    if (r == 0)
        *ret_pair_size = proc_socket_pair(*socket, ret_pair);
    close(*socket);
    *socket = -1;
    alarm_reset(&before);
    return r;
}
