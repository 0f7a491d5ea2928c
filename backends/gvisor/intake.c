// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/intake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/gvisor/frame.h"
#include "common/encode.h"

/* gVisor's configuration errors fail open: hands are shaken, and then nothing comes. */
#define SILENCE_NS UINT64_C(10000000000)

/* Where the connection is, or would be. */
static size_t place_of(const struct intake *intake, uint32_t connection)
{
    size_t low = 0, high = intake->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (sandbox_source(intake->sources[middle].sandbox) < connection)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct intake_source *find(const struct intake *intake, uint32_t connection)
{
    size_t place = place_of(intake, connection);

    if (place == intake->count || sandbox_source(intake->sources[place].sandbox) != connection)
        return NULL;
    return &intake->sources[place];
}

static int make_room(struct intake *intake)
{
    size_t room = intake->room ? 2 * intake->room : 16;
    struct intake_source *grown;

    if (intake->count < intake->room)
        return 0;
    grown = reallocarray(intake->sources, room, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    intake->sources = grown;
    intake->room = room;
    return 0;
}

int intake_open(struct intake *intake, uint32_t connection, uint64_t time)
{
    struct intake_source source = {.opened = time};
    size_t place = place_of(intake, connection);
    int r = find(intake, connection) ? 0 : make_room(intake);

    if (r < 0 || find(intake, connection))
        return r;
    r = sandbox_create(intake->options, connection, &source.sandbox);
    if (r < 0)
        return r;
    memmove(&intake->sources[place + 1], &intake->sources[place], (intake->count - place) * sizeof(source));
    intake->sources[place] = source;
    intake->count++;
    return 0;
}

int intake_snapshot(struct intake *intake, uint32_t connection, const uint8_t *record, size_t size, uint64_t time)
{
    const struct intake_source *source = find(intake, connection);

    if (!source)
        return -ENOENT;
    sandbox_put(source->sandbox, record, size, time);
    return 0;
}

void intake_remark(struct intake *intake, uint32_t connection, const char *text, uint64_t time)
{
    struct encoder *encoder = malloc(sizeof(*encoder));
    const uint8_t *record;
    size_t size;

    if (!encoder)
        return;
    encoder_begin(encoder, row_builtin(ROW_MARKER), 0, time);
    encoder_string(encoder, P_MARKER_text, text);
    record = encoder_finish(encoder, &size);
    (void)intake_snapshot(intake, connection, record, size, time);
    free(encoder);
}

static void take_packet(struct intake_source *source, const struct frame *frame, const uint8_t *packet)
{
    if (frame->lost)
        sandbox_lose(source->sandbox, frame->lost, "buffer full", frame->time);
    if (frame->kind == FRAME_CLOSED) {
        sandbox_end(source->sandbox, frame->time);
        return;
    }
    source->is_heard = true;
    sandbox_packet(source->sandbox, packet, frame->length, frame->time);
}

int intake_frame(struct intake *intake, const uint8_t *bytes, size_t size)
{
    struct frame frame;
    int r;

    memcpy(&frame, bytes, sizeof(frame));
    if (frame.length > size - sizeof(frame))
        return 0;
    r = intake_open(intake, frame.connection, frame.time);
    if (r < 0 || frame.kind == FRAME_OPENED)
        return r;
    take_packet(find(intake, frame.connection), &frame, bytes + sizeof(frame));
    return 0;
}

void intake_end(struct intake *intake, uint64_t now)
{
    for (size_t i = 0; i < intake->count; i++)
        sandbox_end(intake->sources[i].sandbox, now);
}

static bool take_from(struct intake *intake, struct intake_source *source, uint64_t now, struct batch *ret_batch)
{
    uint32_t connection = sandbox_source(source->sandbox);

    if (!source->is_heard && now >= source->opened + SILENCE_NS) {
        source->is_heard = true;
        intake_remark(intake, connection,
                      "gvisor: this sandbox is connected and says nothing: is its session made of what its runsc "
                      "knows? (sysfold gvisor config)",
                      now);
    }
    if (sandbox_due(source->sandbox, now) > now)
        return false;
    *ret_batch = (struct batch){.source = connection, .cpu = -1};
    ret_batch->count = sandbox_take(source->sandbox, now, &ret_batch->each);
    return ret_batch->count > 0;
}

/* Those that are over, and of which the caller has nothing any more. */
static void tidy(struct intake *intake)
{
    size_t kept = 0;

    for (size_t i = 0; i < intake->count; i++) {
        if (sandbox_is_over(intake->sources[i].sandbox))
            sandbox_destroy(intake->sources[i].sandbox);
        else
            intake->sources[kept++] = intake->sources[i];
    }
    intake->count = kept;
}

bool intake_take(struct intake *intake, uint64_t now, struct batch *ret_batch)
{
    tidy(intake);
    for (size_t i = 0; i < intake->count; i++) {
        size_t place = (intake->next + i) % intake->count;

        if (take_from(intake, &intake->sources[place], now, ret_batch)) {
            intake->next = place + 1;
            return true;
        }
    }
    return false;
}

uint64_t intake_due(const struct intake *intake, uint64_t now)
{
    uint64_t due = UINT64_MAX;

    for (size_t i = 0; i < intake->count; i++) {
        const struct intake_source *source = &intake->sources[i];
        uint64_t one = sandbox_due(source->sandbox, now);

        if (!source->is_heard && source->opened + SILENCE_NS < one)
            one = source->opened + SILENCE_NS;
        if (one < due)
            due = one;
    }
    return due;
}

const char *intake_name(const struct intake *intake, uint32_t number)
{
    const struct intake_source *source = find(intake, number);

    return source ? sandbox_name(source->sandbox) : "sandbox";
}

void intake_finish(struct intake *intake)
{
    for (size_t i = 0; i < intake->count; i++)
        sandbox_destroy(intake->sources[i].sandbox);
    free(intake->sources);
    *intake = (struct intake){0};
}
