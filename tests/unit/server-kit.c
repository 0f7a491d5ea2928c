// SPDX-License-Identifier: Apache-2.0
#include "server-kit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>

void kit_pause(void)
{
    struct timespec time = {.tv_nsec = 1000000};

    nanosleep(&time, NULL);
}

void kit_create(struct rig *rig, size_t queue_size)
{
    struct sysfold_error error = {0};

    *rig = (struct rig){.dir = "/tmp/sysfold-server-XXXXXX"};
    cr_assert(mkdtemp(rig->dir));
    cr_assert_eq(chmod(rig->dir, 0755), 0, "others reach it, if they may connect");
    (void)snprintf(rig->path, sizeof(rig->path), "%s/socket", rig->dir);
    cr_assert_eq(queue_create(queue_size, &rig->queue, &error), 0, "%s", error.message);
    cr_assert_eq(server_create(rig->queue, &rig->server, &error), 0, "%s", error.message);
}

int kit_listen(struct rig *rig, mode_t mode, uid_t uid, gid_t gid, struct sysfold_error *error)
{
    const struct endpoint endpoint = {.path = rig->path, .mode = mode, .uid = uid, .gid = gid};
    uint16_t number = UINT16_MAX;
    int r = server_listen(rig->server, &endpoint, &number, error);

    cr_assert_eq(number, r < 0 ? UINT16_MAX : 0);
    return r;
}

void kit_start(struct rig *rig, mode_t mode, uid_t uid, gid_t gid)
{
    struct sysfold_error error = {0};

    cr_assert_eq(kit_listen(rig, mode, uid, gid, &error), 0, "%s", error.message);
    cr_assert_eq(server_start(rig->server, &error), 0, "%s", error.message);
}

void kit_begin(struct rig *rig, size_t queue_size)
{
    kit_create(rig, queue_size);
    kit_start(rig, 0600, (uid_t)-1, (gid_t)-1);
}

void kit_finish(struct rig *rig)
{
    server_destroy(rig->server);
    queue_destroy(rig->queue);
    cr_assert_eq(rmdir(rig->dir), 0, "nothing is left of %s", rig->dir);
}

/* Clients. */

int kit_address(const char *path, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, path, strlen(path) + 1);
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

int kit_join(const char *path)
{
    struct sockaddr_un address;
    int fd = kit_address(path, &address);

    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -errno;
}

bool kit_is_answered(int fd, const void *handshake, size_t size)
{
    uint8_t answer[16];

    if (size && send(fd, handshake, size, MSG_NOSIGNAL) != (ssize_t)size)
        return false;
    return recv(fd, answer, sizeof(answer), 0) == 2 && memcmp(answer, "\x08\x01", 2) == 0;
}

bool kit_is_welcome(int fd)
{
    return kit_is_answered(fd, "\x08\x01", 2);
}

int kit_join_and_shake(const struct rig *rig)
{
    int fd = kit_join(rig->path);

    cr_assert_geq(fd, 0, "cannot connect: %s", strerror(-fd));
    cr_assert(kit_is_welcome(fd));
    return fd;
}

void kit_say(int fd, const void *packet, size_t size)
{
    cr_assert_eq(send(fd, packet, size, MSG_NOSIGNAL), (ssize_t)size);
}

void kit_say_number(int fd, uint32_t number)
{
    kit_say(fd, &number, sizeof(number));
}

/* Frames. */

static void check_frame(const struct frame *frame, const uint8_t *bytes, size_t left)
{
    cr_assert_eq(frame->size % 8, 0);
    cr_assert_leq(frame->size, left);
    cr_assert_leq(sizeof(*frame) + frame->length, frame->size);
    cr_assert_lt(frame->size - sizeof(*frame) - frame->length, 8);
    for (size_t i = sizeof(*frame) + frame->length; i < frame->size; i++)
        cr_assert_eq(bytes[i], 0, "the padding is zero");
    cr_assert_eq(frame->unused, 0);
    cr_assert_neq(frame->time, 0);
    cr_assert(frame->kind == FRAME_PACKET || frame->length == 0);
}

bool kit_next_frame(struct rig *rig, struct frame *ret_frame, const uint8_t **ret_packet)
{
    while (rig->left == 0) {
        int r = queue_get(rig->queue, -1, &rig->bytes, &rig->left);

        cr_assert(r >= 0 || r == -EAGAIN || r == -EINTR);
        if (r == 0)
            return false;
        if (r < 0)
            rig->left = 0;
    }
    cr_assert_geq(rig->left, sizeof(*ret_frame));
    memcpy(ret_frame, rig->bytes, sizeof(*ret_frame));
    check_frame(ret_frame, rig->bytes, rig->left);
    *ret_packet = rig->bytes + sizeof(*ret_frame);
    rig->bytes += ret_frame->size;
    rig->left -= ret_frame->size;
    return true;
}

void kit_expect_frame(struct rig *rig, uint32_t connection, enum frame_kind kind, uint32_t lost)
{
    struct frame frame;
    const uint8_t *packet;

    cr_assert(kit_next_frame(rig, &frame, &packet));
    cr_assert_eq(frame.connection, connection);
    cr_assert_eq(frame.kind, kind, "%u", frame.kind);
    cr_assert_eq(frame.lost, lost, "%u", frame.lost);
}

void kit_expect_number(struct rig *rig, uint32_t connection, uint32_t number)
{
    struct frame frame;
    const uint8_t *packet;

    cr_assert(kit_next_frame(rig, &frame, &packet));
    cr_assert_eq(frame.connection, connection);
    cr_assert_eq(frame.kind, FRAME_PACKET);
    cr_assert_eq(frame.length, sizeof(number));
    cr_assert_arr_eq(packet, (const uint8_t *)&number, sizeof(number));
}

void kit_expect_end(struct rig *rig)
{
    struct frame frame;
    const uint8_t *packet;

    cr_assert_not(kit_next_frame(rig, &frame, &packet));
}

struct server_counts kit_counts(const struct rig *rig)
{
    struct server_counts counts;

    server_counts(rig->server, &counts);
    return counts;
}

void kit_await_packets(const struct rig *rig, uint64_t packets)
{
    while (kit_counts(rig).packets < packets)
        kit_pause();
    cr_assert_eq(kit_counts(rig).packets, packets);
}

void kit_await_open(const struct rig *rig, uint64_t open)
{
    while (kit_counts(rig).open != open)
        kit_pause();
}

void kit_await_refused(const struct rig *rig, uint64_t refused)
{
    while (kit_counts(rig).refused < refused)
        kit_pause();
    cr_assert_eq(kit_counts(rig).refused, refused);
}
