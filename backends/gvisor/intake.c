// SPDX-License-Identifier: Apache-2.0
#include "backends/gvisor/intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/gvisor/frame.h"
#include "common/encode.h"

/* gVisor's configuration errors fail open: hands are shaken, and then nothing comes. */
#define SILENCE_NS UINT64_C(10000000000)

static struct intake_source *source_at(const struct intake *intake, uint32_t connection)
{
    return connection && connection <= intake->count ? &intake->sources[connection - 1] : NULL;
}

static int make_room(struct intake *intake, uint32_t connection)
{
    size_t room = intake->room ? intake->room : 16;
    struct intake_source *grown;

    while (room < connection)
        room *= 2;
    if (room == intake->room)
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
    struct intake_source *source;
    int r = make_room(intake, connection);

    while (r == 0 && intake->count < connection)
        intake->sources[intake->count++] = (struct intake_source){0};
    source = r == 0 ? source_at(intake, connection) : NULL;
    if (!source || source->sandbox || source->name)
        return r;
    source->opened = time;
    return sandbox_create(intake->options, connection, &source->sandbox);
}

int intake_snapshot(struct intake *intake, uint32_t connection, const uint8_t *record, size_t size, uint64_t time)
{
    struct intake_source *source = source_at(intake, connection);

    if (!source || !source->sandbox)
        return -ENOENT;
    sandbox_put(source->sandbox, record, size, time);
    return 0;
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
    if (sandbox_packet(source->sandbox, packet, frame->length, frame->time) < 0)
        sandbox_lose(source->sandbox, 1, "out of memory", frame->time);
}

int intake_frame(struct intake *intake, const uint8_t *bytes, size_t size)
{
    struct intake_source *source;
    struct frame frame;
    int r;

    memcpy(&frame, bytes, sizeof(frame));
    if (frame.length > size - sizeof(frame))
        return 0;
    r = intake_open(intake, frame.connection, frame.time);
    if (r < 0 || frame.kind == FRAME_OPENED)
        return r;
    source = source_at(intake, frame.connection);
    if (source->sandbox)
        take_packet(source, &frame, bytes + sizeof(frame));
    return 0;
}

void intake_end(struct intake *intake, uint64_t now)
{
    for (size_t i = intake->oldest; i < intake->count; i++) {
        if (intake->sources[i].sandbox)
            sandbox_end(intake->sources[i].sandbox, now);
    }
}

/* Everything of it has been taken. */
static void retire(struct intake_source *source)
{
    source->name = strdup(sandbox_name(source->sandbox));
    if (!source->name) /* without a name it would be taken for a new one */
        return;
    sandbox_destroy(source->sandbox);
    source->sandbox = NULL;
}

static void tell_silence(struct intake_source *source, uint64_t now)
{
    struct encoder *encoder = malloc(sizeof(*encoder));
    const uint8_t *record;
    size_t size;

    source->is_heard = true;
    if (!encoder)
        return;
    encoder_begin(encoder, row_builtin(ROW_MARKER), 0, now);
    encoder_string(encoder, P_MARKER_text,
                   "gvisor: this sandbox is connected and says nothing: is its session made of what its runsc knows? "
                   "(sysfold gvisor config)");
    record = encoder_finish(encoder, &size);
    sandbox_put(source->sandbox, record, size, now);
    free(encoder);
}

static bool take_from(struct intake *intake, size_t place, uint64_t now, struct batch *ret_batch)
{
    struct intake_source *source = &intake->sources[place];

    if (!source->sandbox)
        return false;
    if (!source->is_heard && now >= source->opened + SILENCE_NS)
        tell_silence(source, now);
    if (sandbox_due(source->sandbox) > now)
        return false;
    *ret_batch = (struct batch){.source = (uint32_t)place + 1, .cpu = -1};
    ret_batch->count = sandbox_take(source->sandbox, now, &ret_batch->each);
    return ret_batch->count > 0;
}

/* Those that are over, and of which the caller has nothing any more. */
static void tidy(struct intake *intake)
{
    for (size_t i = intake->oldest; i < intake->count; i++) {
        struct intake_source *source = &intake->sources[i];

        if (source->sandbox && sandbox_is_over(source->sandbox))
            retire(source);
        if (!source->sandbox && i == intake->oldest && source->name)
            intake->oldest++;
    }
}

bool intake_take(struct intake *intake, uint64_t now, struct batch *ret_batch)
{
    size_t alive;

    tidy(intake);
    alive = intake->count - intake->oldest;
    for (size_t i = 0; i < alive; i++) {
        size_t place = intake->oldest + (intake->next + i) % alive;

        if (take_from(intake, place, now, ret_batch)) {
            intake->next = (place - intake->oldest + 1) % alive;
            return true;
        }
    }
    return false;
}

uint64_t intake_due(const struct intake *intake)
{
    uint64_t due = UINT64_MAX;

    for (size_t i = intake->oldest; i < intake->count; i++) {
        const struct intake_source *source = &intake->sources[i];
        uint64_t one = source->sandbox ? sandbox_due(source->sandbox) : UINT64_MAX;

        if (source->sandbox && !source->is_heard && source->opened + SILENCE_NS < one)
            one = source->opened + SILENCE_NS;
        if (one < due)
            due = one;
    }
    return due;
}

const char *intake_name(const struct intake *intake, uint32_t number)
{
    const struct intake_source *source = source_at(intake, number);

    if (!source)
        return "host";
    return source->name ? source->name : source->sandbox ? sandbox_name(source->sandbox) : "sandbox";
}

void intake_finish(struct intake *intake)
{
    for (size_t i = 0; i < intake->count; i++) {
        sandbox_destroy(intake->sources[i].sandbox);
        free(intake->sources[i].name);
    }
    free(intake->sources);
    *intake = (struct intake){0};
}
