// SPDX-License-Identifier: Apache-2.0
#include "decoder/state/state.h"
int state_create(const struct sysfold_schema *schema, bool keep_exited, struct state **ret_state) { (void)schema; (void)keep_exited; *ret_state = 0; return 0; }
void state_destroy(struct state *state) { (void)state; }
int state_apply(struct state *state, struct sysfold_event *event) { (void)state; (void)event; return 0; }
void state_each_process(const struct state *state, bool (*visit)(const struct sysfold_process *process, void *data), void *data) { (void)state; (void)visit; (void)data; }
