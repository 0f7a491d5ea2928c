// SPDX-License-Identifier: Apache-2.0
#include "records.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/error.h"
#include "decoder/stream.h"

#define RECORDS_ROOM_MIN 65536
#define TEXT_ROOM_MIN 65536

struct witness *witness_create(void)
{
    struct witness *witness = malloc(sizeof(*witness));

    if (!witness)
        return NULL;
    witness->records = NULL;
    witness->size = witness->room = 0;
    witness->delivered = false;
    return witness;
}

void witness_destroy(struct witness *witness)
{
    if (!witness)
        return;
    free(witness->records);
    free(witness);
}

struct encoder *witness_begin(struct witness *witness, unsigned row, uint32_t tid, size_t line)
{
    encoder_begin(&witness->encoder, row_builtin(row), tid, line);
    return &witness->encoder;
}

int witness_keep(struct witness *witness)
{
    size_t size;
    const uint8_t *record = encoder_finish(&witness->encoder, &size);

    if (size > witness->room - witness->size) {
        size_t room = witness->room ? witness->room * 2 : RECORDS_ROOM_MIN;
        uint8_t *records = realloc(witness->records, room);

        if (!records)
            return -ENOMEM;
        witness->records = records;
        witness->room = room;
    }
    memcpy(witness->records + witness->size, record, size);
    witness->size += size;
    return 0;
}

static int next_batch(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    struct witness *witness = data;

    (void)timeout_ms;
    (void)error;
    if (witness->delivered || !witness->size)
        return 0;
    witness->delivered = true;
    *ret_batch = (struct batch){.records = witness->records, .size = witness->size, .cpu = -1};
    return 1;
}

static void close_witness(void *data)
{
    witness_destroy(data);
}

int witness_stream(struct witness *witness, const char *name, struct sysfold_stream **ret_stream,
                   struct sysfold_error *error)
{
    const struct feed feed = {
        .name = name,
        .data = witness,
        .schema = sysfold_schema_builtin(),
        .next_batch = next_batch,
        .close = close_witness,
    };

    return stream_create(&feed, false, false, ret_stream, error);
}

/* Reads on to the end. */
static int read_all(int fd, char **text, size_t *ret_size)
{
    size_t size = 0, room = 0;

    for (;;) {
        ssize_t got;

        if (size + 1 >= room) { /* a NUL goes behind it */
            char *grown;

            room = room ? room * 2 : TEXT_ROOM_MIN;
            grown = realloc(*text, room);
            if (!grown)
                return -ENOMEM;
            *text = grown;
        }
        got = read(fd, *text + size, room - size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        size += (size_t)got;
        if (size > WITNESS_FILE_MAX)
            return -EFBIG;
        if (!got)
            break;
    }
    (*text)[size] = '\0';
    *ret_size = size;
    return 0;
}

int witness_read(const char *path, char **ret_text, size_t *ret_size, struct sysfold_error *error)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_free char *text = NULL;
    int r;

    if (fd < 0)
        return error_system(error, -errno, "cannot open %s", path);
    r = read_all(fd, &text, ret_size);
    if (r < 0)
        return error_system(error, r, "cannot read %s", path);
    *ret_text = steal_pointer(&text);
    return 0;
}
