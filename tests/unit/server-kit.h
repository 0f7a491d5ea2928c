/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_SERVER_KIT_H
#define SYSFOLD_TESTS_SERVER_KIT_H

/* What the tests of gVisor's sockets share: a server with a place of its own, clients, and the frames that come. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/un.h>

#include <sysfold/error.h>

#include "backends/gvisor/frame.h"
#include "backends/gvisor/server.h"

#define QUEUE_MIN ((size_t)256 << 10)

/* A directory, a server, its queue, and a place within what the queue gave. */
struct rig {
    char dir[64];
    char path[128];
    struct queue *queue;
    struct server *server;
    const uint8_t *bytes;
    size_t left;
};

void kit_pause(void);
/* A directory and a server, which listens nowhere yet. */
void kit_create(struct rig *rig, size_t queue_size);
/* At the rig's path: server_listen()'s result. */
int kit_listen(struct rig *rig, mode_t mode, uid_t uid, gid_t gid, struct sysfold_error *error);
/* Listens there and starts; kit_begin() does everything, for our own user alone. */
void kit_start(struct rig *rig, mode_t mode, uid_t uid, gid_t gid);
void kit_begin(struct rig *rig, size_t queue_size);
/* Nothing may be left in the directory. */
void kit_finish(struct rig *rig);

/* A socket, and where it may be bound or connected to. */
int kit_address(const char *path, struct sockaddr_un *address);
/* A descriptor or a negative errno; no handshake yet. */
int kit_join(const char *path);
/* Says that, and is answered? No: it was closed. */
bool kit_is_answered(int fd, const void *handshake, size_t size);
bool kit_is_welcome(int fd);
int kit_join_and_shake(const struct rig *rig);
void kit_say(int fd, const void *packet, size_t size);
void kit_say_number(int fd, uint32_t number);

/* The next frame, and where its packet is. false: the queue has ended. */
bool kit_next_frame(struct rig *rig, struct frame *ret_frame, const uint8_t **ret_packet);
void kit_expect_frame(struct rig *rig, uint32_t connection, enum frame_kind kind, uint32_t lost);
void kit_expect_number(struct rig *rig, uint32_t connection, uint32_t number);
void kit_expect_end(struct rig *rig);

/* Awaiting has no limit but the test's own: counts follow what clients do a moment later. */
struct server_counts kit_counts(const struct rig *rig);
void kit_await_packets(const struct rig *rig, uint64_t packets);
void kit_await_open(const struct rig *rig, uint64_t open);
void kit_await_refused(const struct rig *rig, uint64_t refused);

#endif
