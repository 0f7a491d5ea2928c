// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as the container state that a runtime sends to a seccomp agent.
 *
 *   0            1
 *   +------------+- - - - - - - - - -
 *   | descriptors| the message
 *   +------------+- - - - - - - - - -
 */

#include <stdbool.h>
#include <string.h>

#include "backends/notify/oci-state.h"
#include "fuzz.h"

static void check_state(const struct oci_state *state, size_t fd_count)
{
    check(state->id && *state->id, "a container has a name");
    for (const char *at = state->id; *at; at++)
        check(*at > ' ' && *at <= '~', "the name is printable");
    check(state->listener < fd_count, "the listener is one of the descriptors");
    check(state->pid > 0, "a pid is one");
    check(!state->annotations || state->annotations[strlen(state->annotations) - 1] == '\n', "annotations are lines");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct oci_state state = {0};
    struct sysfold_error error = {0};
    size_t fd_count;
    int r;

    if (!size)
        return 0;
    fd_count = data[0] % (OCI_FDS_MAX + 1);
    r = oci_state_parse((const char *)data + 1, size - 1, fd_count, &state, &error);
    check(r == 0 || (r == error.code && *error.message), "an error says why");
    check(r < 0 || size - 1 <= OCI_STATE_MAX, "no more is taken than there may be");
    if (r == 0)
        check_state(&state, fd_count);
    else
        check(!state.id && !state.bundle && !state.metadata && !state.annotations, "nothing is left of a refused one");
    oci_state_finish(&state);
    return 0;
}
