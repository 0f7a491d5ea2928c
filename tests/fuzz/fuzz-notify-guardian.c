// SPDX-License-Identifier: Apache-2.0
/*
 * Any messages from those that a guardian listens to: a runtime, the guardian
 * before, the next one; and from the guardian to its recorder. With
 * descriptors, none of which is a listener.
 *
 *   0      1
 *   +------+- - - - - - - - - - - - - - - - - - - - -
 *   | role | pieces: {descriptors, size (u16), bytes}...
 *   +------+- - - - - - - - - - - - - - - - - - - - -
 */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backends/notify/guarding.h"
#include "fuzz.h"

#define FDS_MOST 12 /* with a piece */

enum role { RUNTIME, BEFORE, NEXT, RECORDER, ROLE_COUNT };

static struct guardian guardian;
static struct guardian_plan plan;

/* A file that is as long as what R maps. */
static int any_file(void)
{
    static int file = -1;

    if (file < 0) {
        file = memfd_create("any", MFD_CLOEXEC);
        if (ftruncate(file, 8192) < 0)
            abort();
    }
    return file;
}

static void send_piece(int to, const uint8_t *bytes, size_t size, size_t fd_count)
{
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(FDS_MOST * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int fds[FDS_MOST];

    for (size_t i = 0; i < fd_count; i++)
        fds[i] = any_file();
    if (fd_count) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        control.header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(fd_count * sizeof(int))};
        memcpy(CMSG_DATA(&control.header), fds, fd_count * sizeof(int));
    }
    (void)sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void make_guardian(enum role role, int fd)
{
    static bool is_made;

    if (!is_made) {
        plan = (struct guardian_plan){.predecessor = -1, .listening.fd = -1};
        guardian.plan = &plan;
        guardian.lifeline = guardian.control = guardian.listening.fd = -1;
        for (size_t i = 0; i < CONNECTIONS_MAX; i++)
            guardian.connections[i].fd = -1;
        is_made = true;
    }
    for (size_t i = 0; i < guardian.complaint_count; i++)
        check(memchr(guardian.complaints[i].text, '\0', sizeof(guardian.complaints[i].text)) != NULL,
              "a complaint has an end");
    guardian.complaint_count = 0;
    guardian.handover = (struct handover){
        .door.fd = -1, .next = role == NEXT ? fd : -1, .predecessor = role == BEFORE ? fd : -1, .deadline = UINT64_MAX};
    if (role == RUNTIME) {
        guardian.connections[0] = (struct connection){.fd = fd, .pid = 1, .deadline = UINT64_MAX};
        guardian.connection_count = 1;
    }
}

static void serve_all(void)
{
    guardian.polled_count = 0;
    agent_poll(&guardian);
    handover_poll(&guardian);
    for (size_t i = 0; i < guardian.polled_count; i++)
        guardian.polled[i].serve(&guardian, guardian.polled[i].index, POLLIN);
    check(guardian.ward_count == 0, "without a listener there is nobody to guard");
}

static void hear_guardian(int fd)
{
    struct arrival arrival;
    struct queue *queue = NULL;
    struct shared *memory = NULL;
    struct sysfold_error error = {0};
    int r = guardian_take_arrival(fd, &arrival, &queue, &memory, &error);

    check(r >= 0 || (*error.message && !queue && !memory), "an error says why");
    if (r == 1)
        check(memchr(arrival.name, '\0', sizeof(arrival.name)) && memchr(arrival.text, '\0', sizeof(arrival.text)),
              "texts have an end");
    if (r == 1 && memory)
        munmap(memory, sizeof(*memory));
    queue_destroy(queue);
}

static void end(enum role role, int fd)
{
    if (role == RUNTIME && guardian.connections[0].fd >= 0)
        serve_all(); /* it sees the end */
    check(role != RUNTIME || guardian.connection_count == 0, "who has hung up is forgotten");
    if (role == BEFORE && guardian.handover.predecessor >= 0)
        serve_all();
    check(role != BEFORE || guardian.handover.predecessor < 0, "who has hung up is forgotten");
    if (role == NEXT && guardian.handover.next >= 0)
        close(guardian.handover.next);
    if (role == RECORDER)
        close(fd);
}

static int lowest_free_fd(void)
{
    int fd = fcntl(any_file(), F_DUPFD_CLOEXEC, 0);

    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum role role = size ? data[0] % ROLE_COUNT : 0;
    int ends[2], before = lowest_free_fd();

    if (!size || socketpair(AF_UNIX, (role == RUNTIME ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                            ends) < 0)
        return 0;
    make_guardian(role, ends[0]);
    for (data++, size--; size >= 3;) {
        size_t piece = (size_t)(data[1] | data[2] << 8), left = size - 3;

        piece = piece < left ? piece : left;
        send_piece(ends[1], data + 3, piece, data[0] % (FDS_MOST + 1));
        data += 3 + piece;
        size = left - piece;
        if (role == RECORDER)
            hear_guardian(ends[0]);
        else
            serve_all();
    }
    close(ends[1]);
    end(role, ends[0]);
    check(lowest_free_fd() == before, "no descriptor is left open");
    return 0;
}
