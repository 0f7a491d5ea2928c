/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_TOCTOU_H
#define SYSFOLD_TESTS_TOCTOU_H

/*
 * What the attack and its judge share: a file, mapped by both. Each victim (a
 * thread of the attack) writes down what every try really got. The judge takes
 * that with the try's record, and the victim waits where it would be ROOM tries
 * ahead: the log stays small, and nothing is lost for want of buffer.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define VICTIMS_MAX 8
#define ROOM 4096
#define FILES_MAX 8
#define FILE_NAME_MAX 128
#define PEER_MAX 128
#define PATIENCE_S 60 /* for what takes milliseconds */

/* How a file is opened, or a peer found. */
#define WAYS(WAY)                                                                                                      \
    WAY(OPEN, "open", "open", 4)                                                                                       \
    WAY(OPENAT, "openat", "openat", 4)                                                                                 \
    WAY(OPENAT2, "openat2", "openat2", 4)                                                                              \
    WAY(CREAT, "creat", "creat", 2)                                                                                    \
    WAY(RELATIVE, "openat, relative", "openat", 3)                                                                     \
    WAY(LENGTHS, "open, lengths", "open", 3)                                                                           \
    WAY(SYMLINK, "openat, symlink", "openat", 3)                                                                       \
    WAY(UDP, "connect, udp", "connect", 5)                                                                             \
    WAY(UDP6, "connect, udp6", "connect", 3)                                                                           \
    WAY(UNIX_DATAGRAM, "connect, unix datagram", "connect", 4)                                                         \
    WAY(UNIX_STREAM, "connect, unix stream", "connect", 2)                                                             \
    WAY(TCP, "connect, tcp", "connect", 2)                                                                             \
    WAY(TCP_ASYNC, "connect, tcp non-blocking", "connect", 4)

enum way {
#define WAY(id, name, row, share) WAY_##id,
    WAYS(WAY)
#undef WAY
        WAY_COUNT
};

/* What a try got: of an open the file, as fstat() says; of a connect the peer, as getpeername() says (of one that has
 * not waited: in the end). */
struct got {
    uint8_t way;
    uint8_t peer_size; /* 0: none */
    int32_t result;
    uint64_t dev, ino;
    uint8_t peer[PEER_MAX];
};

struct victim {
    _Atomic uint32_t tid;
    _Atomic uint64_t tried;  /* by the victim */
    _Atomic uint64_t judged; /* by the judge */
    struct got got[ROOM];    /* of try n at n % ROOM */
};

/* A file that tries may get, under its real name. */
struct file {
    uint64_t dev, ino;
    char path[FILE_NAME_MAX];
};

struct toctou_log {
    _Atomic uint32_t file_count;
    atomic_bool is_abandoned; /* nobody judges any more */
    struct file files[FILES_MAX];
    struct victim victims[VICTIMS_MAX];
};

#endif
