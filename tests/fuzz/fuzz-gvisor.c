// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as what a gVisor sandbox sends: its packets, from the first to
 * its end; a packet as a message; the dump of its processes. Every record that
 * comes of them is to be one, in its time's order, and goes through a state.
 *
 *   0        1                            3
 *   +--------+----------------------------+- - - - - - - -+------------- - -
 *   | entry  | length (14 bits), pause,   |  the packet   | the next one ...
 *   |        | lost (little-endian)       |               |
 *   +--------+----------------------------+- - - - - - - -+------------- - -
 */

#include <stdlib.h>
#include <string.h>

#include "backends/gvisor/message.h"
#include "backends/gvisor/procfs.h"
#include "backends/gvisor/sandbox.h"
#include "decoder/state/state.h"
#include "fuzz.h"

#define LOOKS_MAX 64 /* more of the same teaches nothing */
#define START UINT64_C(1700000000000000000)
#define STEP UINT64_C(1000000)
#define PAUSE UINT64_C(60000000) /* longer than anything is waited for */
#define LENGTH_MASK 0x3fff
#define PAUSED 0x4000
#define LOST 0x8000

enum entry { ENTRY_SANDBOX, ENTRY_SANDBOX_TIMED, ENTRY_MESSAGES, ENTRY_DUMP, ENTRIES };

struct listener {
    struct state *state;
    uint64_t number;
    uint64_t time; /* of the latest record */
};

static void hear(struct listener *listener, const uint8_t *record, size_t size)
{
    struct sysfold_event event = {.number = ++listener->number, .source = 1, .source_name = "sandbox"};
    int length = record_read(&event.record, sysfold_schema_builtin(), record, size, false);

    check(length > 0 && (size_t)length <= size, "a record is a record");
    check(state_apply(listener->state, &event) == 0, "the state takes it");
    if (listener->number <= LOOKS_MAX)
        look_at(&event);
}

static uint16_t size_of(const uint8_t *record)
{
    uint16_t size;

    memcpy(&size, record + 2, sizeof(size));
    return size;
}

/* Returns how many there were. */
static size_t hear_all(struct listener *listener, struct sandbox *sandbox, uint64_t now)
{
    const uint8_t *const *records;
    size_t count = sandbox_take(sandbox, now, &records);

    for (size_t i = 0; i < count; i++) {
        uint64_t time;

        memcpy(&time, records[i] + 8, sizeof(time));
        check(time >= listener->time, "records come in the order of their times");
        listener->time = time;
        hear(listener, records[i], size_of(records[i]));
    }
    return count;
}

static void check_counts(const struct sandbox *sandbox, uint64_t packets)
{
    struct sandbox_counts counts;

    sandbox_counts(sandbox, &counts);
    check(counts.packets == packets, "every packet is counted");
    check(counts.undecodable + counts.unknown <= packets, "no packet is counted twice");
    check(*sandbox_name(sandbox) != '\0', "a sandbox has a name");
    check(sandbox_source(sandbox) == 1, "its number is the one that it was given");
}

/* In memory of exactly its size, so that a sanitizer sees who reads beyond. */
static void send_packet(struct sandbox *sandbox, const uint8_t *bytes, size_t size, uint64_t time)
{
    uint8_t *packet = malloc(size ? size : 1);

    if (!packet)
        abort();
    memcpy(packet, bytes, size);
    sandbox_packet(sandbox, packet, size, time);
    free(packet);
}

static void run_sandbox(const struct capture_options *options, struct listener *listener, const uint8_t *data,
                        size_t size)
{
    struct sandbox *sandbox;
    uint64_t time = START, packets = 0;

    if (sandbox_create(options, 1, &sandbox) < 0)
        abort();
    while (size >= 2) {
        unsigned word = data[0] | (unsigned)data[1] << 8;
        size_t length = word & LENGTH_MASK;

        data += 2;
        size -= 2;
        if (length > size)
            length = size;
        if (word & LOST)
            sandbox_lose(sandbox, 3, "a test", time);
        send_packet(sandbox, data, length, time);
        packets++;
        data += length;
        size -= length;
        time += word & PAUSED ? PAUSE : STEP;
        (void)hear_all(listener, sandbox, time);
        check(sandbox_due(sandbox, time) <= time || hear_all(listener, sandbox, time) == 0,
              "nothing comes before it is due");
    }
    check_counts(sandbox, packets);
    sandbox_end(sandbox, time);
    while (hear_all(listener, sandbox, UINT64_MAX))
        ;
    check(sandbox_due(sandbox, UINT64_MAX) == UINT64_MAX, "behind the end there is nothing");
    sandbox_destroy(sandbox);
}

static void run_messages(const uint8_t *data, size_t size)
{
    struct arena arena = {0};

    while (size >= 2) {
        size_t length = (data[0] | (size_t)data[1] << 8) & LENGTH_MASK;
        struct message message;

        data += 2;
        size -= 2;
        if (length > size)
            length = size;
        if (message_read(&arena, data, length, &message) == 0 && message.body)
            check(protobuf_c_message_get_packed_size(message.body) <= 4 * length + 64,
                  "a message is what was in the packet");
        data += length;
        size -= length;
    }
    arena_finish(&arena);
}

static void put(void *data, const uint8_t *record, size_t size)
{
    hear(data, record, size);
}

static void run_dump(const struct capture_options *options, struct listener *listener, const uint8_t *data, size_t size)
{
    struct sysfold_error error = {0};
    char *dump = malloc(size + 1);

    if (!dump)
        abort();
    memcpy(dump, data, size);
    dump[size] = '\0';
    if (procfs_tell(dump, "container", options, START, put, listener, &error) < 0)
        check(error.code < 0 && *error.message, "a failure is explained");
    free(dump);
}

/* Made once: naming all calls takes longer than a run. */
static struct capture_options *everything(void)
{
    static struct capture_options options;
    struct sysfold_error error;

    if (options.live.snaplen)
        return &options;
    if (callset_parse(&options.calls, NULL, &error) < 0)
        abort();
    options.live.string_vector_max = 1024;
    options.live.snaplen = 80;
    return &options;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct capture_options *options = everything();
    struct listener listener = {0};
    enum entry entry;

    if (!size)
        return 0;
    entry = *data % ENTRIES;
    options->live.timed = entry == ENTRY_SANDBOX_TIMED;
    if (state_create(sysfold_schema_builtin(), false, &listener.state) < 0)
        abort();
    if (entry == ENTRY_MESSAGES)
        run_messages(data + 1, size - 1);
    else if (entry == ENTRY_DUMP)
        run_dump(options, &listener, data + 1, size - 1);
    else
        run_sandbox(options, &listener, data + 1, size - 1);
    state_destroy(listener.state);
    return 0;
}
