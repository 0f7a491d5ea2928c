// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a cgroup: whatever is found is a part of them. */

#include <stdlib.h>
#include <string.h>

#include "containers/identity/identity.h"
#include "fuzz.h"

static void expect_within(const uint8_t *data, size_t size, const char *part, size_t part_size)
{
    uintptr_t start = (uintptr_t)data, at = (uintptr_t)part;

    if (!part_size || at < start || at - start > size || part_size > size - (at - start))
        abort();
}

static void check_identity(const uint8_t *data, size_t size, const struct container_identity *identity)
{
    char id[CONTAINER_ID_ROOM], pod[CONTAINER_ID_ROOM];

    expect_within(data, size, identity->id, identity->id_size);
    if (identity->pod)
        expect_within(data, size, identity->pod, identity->pod_size);
    container_identity_id(identity, id);
    container_identity_pod(identity, pod);
    for (const char *byte = id; *byte; byte++) {
        if (*byte <= ' ' || *byte >= 0x7f)
            abort();
    }
    if (!*id || strlen(pod) > identity->pod_size || !identity->engine)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct container_identity identity;

    if (container_identify((const char *)data, size, &identity))
        check_identity(data, size, &identity);
    if (container_identify_own((const char *)data, size, &identity))
        check_identity(data, size, &identity);
    return 0;
}
