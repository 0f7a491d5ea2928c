// SPDX-License-Identifier: Apache-2.0
/* A map of one element, made and gone. */

#include <linux/bpf.h>

#include "powerless.h"

static union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};

static void find_out(void)
{
    long fd = syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map));

    if (fd < 0)
        kit_skip("bpf is not there, or not for everyone");
    close((int)fd);
}
BEFORE(find_out)

SCENARIO
{
    uint32_t key = 0;
    uint64_t value = 7;
    long fd = OK(bpf, BPF_MAP_CREATE, &map, sizeof(map));
    union bpf_attr element = {.map_fd = (uint32_t)fd, .key = (uintptr_t)&key, .value = (uintptr_t)&value};

    OK(bpf, BPF_MAP_UPDATE_ELEM, &element, sizeof(element));
    OK(bpf, BPF_MAP_LOOKUP_ELEM, &element, sizeof(element));
    key = 1;
    FAILS(ENOENT, bpf, BPF_MAP_LOOKUP_ELEM, &element, sizeof(element));
    FAILS(E2BIG, bpf, BPF_MAP_LOOKUP_ELEM, &element, 1 << 16);
    FAILS(EINVAL, bpf, 9999, &element, sizeof(element));
    FAILS(EFAULT, bpf, BPF_MAP_LOOKUP_ELEM, BAD, sizeof(element));
    OK(close, fd);
}
