/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_DECODER_STATE_H
#define SYSFOLD_DECODER_STATE_H

/* The state a stream implies. One for each stream, used by its thread only. */

#include <stdbool.h>

#include <sysfold/state.h>

#include "decoder/decode/event.h"

struct state;

/* schema: whose rows the records follow; borrowed, must outlive the state. -ENOMEM. */
int state_create(const struct sysfold_schema *schema, bool keep_exited, struct state **ret_state);
void state_destroy(struct state *state);

/*
 * Brings the state to the moment of the event and sets event->thread and
 * event->fd. What the event ends (a thread, a closed descriptor) stays until
 * the next call, so that the event can still be shown with it.
 * Returns 0, or -ENOMEM: the event may then have been applied in part.
 */
int state_apply(struct state *state, struct sysfold_event *event);

/* Every process in order of birth; see sysfold_stream_each_process(). */
void state_each_process(const struct state *state, bool (*visit)(const struct sysfold_process *process, void *data),
                        void *data);

#endif
