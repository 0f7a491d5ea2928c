// SPDX-License-Identifier: Apache-2.0
#include "declared.h"

#include <errno.h>
#include <string.h>

#define DECLARED(ROW, PARAM, KIND, REASON)                                                                             \
    {sizeof(struct sysfold_declared), ROW, PARAM, SYSFOLD_DECLARED_##KIND, REASON},
#define NONE                                                                                                           \
    {                                                                                                                  \
        0                                                                                                              \
    } /* behind the last: a table may be empty */

static const struct sysfold_declared of_ptrace[] = {
#include "backends/ptrace/declared.def"
    NONE,
};
static const struct sysfold_declared of_ebpf[] = {
#include "backends/ebpf/declared.def"
    NONE,
};
static const struct sysfold_declared of_gvisor[] = {
#include "backends/gvisor/declared.def"
    NONE,
};
static const struct sysfold_declared of_notify[] = {
#include "backends/notify/declared.def"
    NONE,
};
static const struct sysfold_declared of_truth[] = {
#include "decoder/witness/truth.def"
    NONE,
};
static const struct sysfold_declared of_strace[] = {
#include "decoder/witness/strace.def"
    NONE,
};

static const struct {
    const char *name;
    const struct sysfold_declared *table;
    size_t count;
} tables[] = {
    {"ptrace", of_ptrace, sizeof(of_ptrace) / sizeof(of_ptrace[0]) - 1},
    {"ebpf", of_ebpf, sizeof(of_ebpf) / sizeof(of_ebpf[0]) - 1},
    {"gvisor", of_gvisor, sizeof(of_gvisor) / sizeof(of_gvisor[0]) - 1},
    {"notify", of_notify, sizeof(of_notify) / sizeof(of_notify[0]) - 1},
    {"truth", of_truth, sizeof(of_truth) / sizeof(of_truth[0]) - 1},
    {"strace", of_strace, sizeof(of_strace) / sizeof(of_strace[0]) - 1},
};

const struct sysfold_declared *declared_of(const char *name, size_t *ret_count)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (!strcmp(tables[i].name, name)) {
            *ret_count = tables[i].count;
            return tables[i].table;
        }
    }
    *ret_count = 0;
    return NULL;
}

int sysfold_declared(const char *backend, size_t index, struct sysfold_declared *ret_declared)
{
    size_t size = ret_declared->size;
    size_t count;
    const struct sysfold_declared *table = declared_of(backend, &count);

    if (index >= count)
        return -ENOENT;
    if (size > sizeof(*table))
        size = sizeof(*table);
    memcpy(ret_declared, &table[index], size);
    ret_declared->size = size;
    return 0;
}
