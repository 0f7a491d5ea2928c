// SPDX-License-Identifier: Apache-2.0
/* The programs count, by cpu, what found no room in its ring. Here it becomes LOST records. */

#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "backends/ebpf/internal.h"

int losses_init(struct losses *losses, int map)
{
    int cpus = libbpf_num_possible_cpus();

    if (cpus < 0)
        return cpus;
    losses->map = map;
    losses->cpus = (unsigned)cpus;
    losses->now = calloc(losses->cpus, sizeof(*losses->now));
    losses->told = calloc(losses->cpus, sizeof(*losses->told));
    losses->pending = calloc(losses->cpus, sizeof(*losses->pending));
    return losses->now && losses->told && losses->pending ? 0 : -ENOMEM;
}

void losses_finish(struct losses *losses)
{
    free(losses->now);
    free(losses->told);
    free(losses->pending);
}

/* Nobody takes anything from the map: its `first` may be from long ago, but not before what was told last. */
static void note(struct losses *losses, unsigned cpu)
{
    const struct ebpf_loss *now = &losses->now[cpu];
    struct ebpf_loss *told = &losses->told[cpu], *pending = &losses->pending[cpu];
    uint64_t more = now->count - told->count;

    if (!more)
        return;
    if (!pending->count)
        pending->first = now->first > told->last ? now->first : told->last;
    pending->last = now->last > pending->first ? now->last : pending->first;
    pending->count += more;
    losses->total += more;
    *told = *now;
}

void losses_read(struct losses *losses)
{
    const uint32_t key = 0;

    if (bpf_map_lookup_elem(losses->map, &key, losses->now) < 0)
        return;
    for (unsigned cpu = 0; cpu < losses->cpus; cpu++)
        note(losses, cpu);
}

int losses_first(const struct losses *losses, uint64_t *ret_time)
{
    int first = -1;

    for (unsigned cpu = 0; cpu < losses->cpus; cpu++) {
        const struct ebpf_loss *pending = &losses->pending[cpu];

        if (pending->count && (first < 0 || pending->first < losses->pending[first].first))
            first = (int)cpu;
    }
    if (first >= 0)
        *ret_time = losses->pending[first].first;
    return first;
}

const uint8_t *losses_tell(struct losses *losses, unsigned cpu, struct encoder *encoder, size_t *ret_size)
{
    struct ebpf_loss *pending = &losses->pending[cpu];

    encoder_begin(encoder, row_builtin(ROW_LOST), 0, pending->last);
    encoder_integer(encoder, P_LOST_count, (int64_t)pending->count);
    encoder_integer(encoder, P_LOST_from, (int64_t)pending->first);
    encoder_integer(encoder, P_LOST_to, (int64_t)pending->last);
    encoder_integer(encoder, P_LOST_cpu, (int64_t)cpu);
    encoder_string(encoder, P_LOST_cause, "buffer full");
    pending->count = 0;
    return encoder_finish(encoder, ret_size);
}
