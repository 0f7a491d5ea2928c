// SPDX-License-Identifier: Apache-2.0
/* The programs count, by cpu and class, what found no room in its ring. Here it becomes LOST records. */

#include <errno.h>
#include <stdlib.h>

#include "backends/ebpf/internal.h"

static const char *const loss_classes[EBPF_CLASSES] = {
    [EBPF_CLASS_FILE] = "file",       [EBPF_CLASS_DESC] = "desc",
    [EBPF_CLASS_PROCESS] = "process", [EBPF_CLASS_NETWORK] = "network",
    [EBPF_CLASS_MEMORY] = "memory",   [EBPF_CLASS_SIGNAL] = "signal",
    [EBPF_CLASS_IPC] = "ipc",         [EBPF_CLASS_CREDS] = "creds",
    [EBPF_CLASS_CLOCK] = "clock",     [EBPF_CLASS_LIFECYCLE] = "lifecycle",
    [EBPF_CLASS_OTHER] = "other",
};

int losses_init(struct losses *losses, const struct rings *rings)
{
    losses->rings = rings;
    losses->each = calloc(rings->count, sizeof(*losses->each));
    losses->next_time = UINT64_MAX;
    return losses->each ? 0 : -ENOMEM;
}

void losses_finish(struct losses *losses)
{
    free(losses->each);
    losses->each = NULL;
}

/* Nobody takes anything from the programs' counts; `first` may be older than what was told last by a moment. */
static void note(struct losses *losses, struct loss *loss, struct ebpf_loss *counted)
{
    uint64_t count = __atomic_load_n(&counted->count, __ATOMIC_ACQUIRE), more = count - loss->seen;
    uint64_t first = counted->first, last = counted->last;

    if (!more)
        return;
    if (!loss->pending)
        loss->first = first > loss->last ? first : loss->last;
    if (last > loss->last)
        loss->last = last;
    if (loss->first > loss->last)
        loss->last = loss->first;
    loss->pending += more;
    loss->seen = count;
    __atomic_store_n(&counted->known, count, __ATOMIC_RELEASE);
    losses->total += more;
    if (loss->first < losses->next_time)
        losses->next_time = loss->first;
}

void losses_read(struct losses *losses)
{
    for (unsigned cpu = 0; cpu < losses->rings->count; cpu++) {
        struct ebpf_ring *ring = losses->rings->each[cpu].shared;
        struct cpu_losses *of_cpu = &losses->each[cpu];
        uint64_t lost = __atomic_load_n(&ring->lost, __ATOMIC_ACQUIRE);

        if (lost == of_cpu->seen)
            continue;
        of_cpu->seen = lost;
        for (unsigned i = 0; i < EBPF_CLASSES; i++)
            note(losses, &of_cpu->classes[i], &ring->losses[i]);
    }
}

/* The pending one that began first. */
static struct loss *next_loss(struct losses *losses, unsigned *ret_cpu)
{
    struct loss *next = NULL;

    for (unsigned cpu = 0; cpu < losses->rings->count; cpu++) {
        for (unsigned i = 0; i < EBPF_CLASSES; i++) {
            struct loss *loss = &losses->each[cpu].classes[i];

            if (!loss->pending || (next && next->first <= loss->first))
                continue;
            next = loss;
            *ret_cpu = cpu;
        }
    }
    return next;
}

const uint8_t *losses_tell(struct losses *losses, struct encoder *encoder, uint64_t *ret_until)
{
    size_t size;
    unsigned cpu = 0;
    struct loss *loss = next_loss(losses, &cpu), *next;

    encoder_begin(encoder, row_builtin(ROW_LOST), 0, loss->last);
    encoder_integer(encoder, P_LOST_count, (int64_t)loss->pending);
    encoder_integer(encoder, P_LOST_from, (int64_t)loss->first);
    encoder_integer(encoder, P_LOST_to, (int64_t)loss->last);
    encoder_integer(encoder, P_LOST_cpu, (int64_t)cpu);
    encoder_string(encoder, P_LOST_cause, "buffer full");
    encoder_string(encoder, P_LOST_class, loss_classes[loss - losses->each[cpu].classes]);
    loss->pending = 0;
    *ret_until = loss->last;
    next = next_loss(losses, &cpu);
    losses->next_time = next ? next->first : UINT64_MAX;
    return encoder_finish(encoder, &size);
}
