// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as what the kernel writes to the rings of perf events.
 *
 *   0        1            2       4
 *   +--------+------------+-------+- - - - - - - - - - - - - - - - - - -
 *   | rings  | their size | calls | pieces: {ring, eights, records}...
 *   +--------+------------+-------+- - - - - - - - - - - - - - - - - - -
 *
 * Each piece is so many times eight bytes that are written to that ring (its
 * highest bit: the ring says that it holds more than was written). After each
 * piece everything is read that there is.
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backends/notify/perf-events.h"
#include "fuzz.h"

#define RINGS_MAX 3
#define FORGED 0x80
#define RECORD_LEAST 24
#define ENTRY_ID 17
#define EXIT_ID 18
#define CALL_ENTRY_ID 19
#define CALL_EXIT_ID 20

static struct perf perf;
static struct ring rings[RINGS_MAX];
static struct perf_event_mmap_page pages[RINGS_MAX];
static uint8_t sources[UINT16_MAX + 1] = {
    [ENTRY_ID] = RAW_ENTRY, [EXIT_ID] = RAW_EXIT, [CALL_ENTRY_ID] = CALL_ENTRY, [CALL_EXIT_ID] = CALL_EXIT};
static uint64_t executed[MOST_THREADS / 64];

/* Each ring's memory is of exactly its size, so that a sanitizer sees who reads beyond. */
static void make_rings(size_t count, size_t size)
{
    perf =
        (struct perf){.rings = rings, .ring_count = count, .ring_size = size, .sources = sources, .executed = executed};
    memset(pages, 0, sizeof(pages));
    for (size_t i = 0; i < count; i++) {
        rings[i] = (struct ring){.fd = -1, .page = &pages[i], .data = calloc(1, size), .time = NO_TIME};
        if (!rings[i].data)
            abort();
    }
}

static void want(const uint8_t *choice)
{
    perf.exits.everything = choice[0] & 1;
    perf.entries.everything = choice[0] & 2;
    memset(perf.exits.calls, choice[0], sizeof(perf.exits.calls));
    memset(perf.entries.calls, choice[1], sizeof(perf.entries.calls));
}

static void put(struct ring *ring, const uint8_t *bytes, size_t size, bool forged)
{
    uint64_t head = ring->page->data_head;

    for (size_t i = 0; i < size; i++)
        ((uint8_t *)ring->data)[(head + i) & (perf.ring_size - 1)] = bytes[i];
    ring->page->data_head = head + size + (forged ? 8 * perf.ring_size : 0);
}

static void check_record(const struct perf_record *record)
{
    check(record->kind <= PERF_LOST, "a record is of a kind");
    check(record->time <= perf.moment, "what is told has happened before the moment");
    if (record->kind == PERF_EXEC)
        check(memchr(record->comm, '\0', sizeof(record->comm)) != NULL, "a name has an end");
    if (record->kind == PERF_ENTRY)
        check(perf_wants(&perf.entries, record->call.nr), "nobody is told what he did not want");
    if (record->kind == PERF_EXIT)
        check(perf_wants(&perf.exits, record->call.nr), "nobody is told what he did not want");
}

static void read_all(size_t written)
{
    struct perf_record record;
    size_t most = (written + 8 * perf.ring_size * RINGS_MAX * UINT8_MAX) / RECORD_LEAST;

    for (perf_look(&perf); perf_next(&perf, &record); most--) {
        check(most > 0, "it comes to an end");
        check_record(&record);
    }
    for (size_t i = 0; i < perf.ring_count; i++) {
        check(rings[i].tail <= rings[i].end, "nothing is read that is not there");
        check(pages[i].data_tail == rings[i].tail, "the room is given back");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;

    if (size < 4)
        return 0;
    make_rings(1 + data[0] % RINGS_MAX, (size_t)64 << data[1] % 8);
    want(data + 2);
    for (data += 4; end - data >= 2;) {
        struct ring *ring = &rings[data[0] % perf.ring_count];
        size_t piece = (size_t)(data[1] & ~FORGED) * 8, left = (size_t)(end - data) - 2;

        if (piece > left)
            piece = left & ~(size_t)7;
        put(ring, data + 2, piece, data[1] & FORGED);
        data += 2 + piece;
        read_all(size);
    }
    for (size_t i = 0; i < perf.ring_count; i++)
        free((uint8_t *)rings[i].data);
    return 0;
}
