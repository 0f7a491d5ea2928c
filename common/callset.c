// SPDX-License-Identifier: Apache-2.0
#include "callset.h"
int callset_parse(struct callset *ret_set, const char *expression, struct sysfold_error *error) { (void)expression; (void)error; *ret_set = (struct callset){.everything = true}; return 0; }
bool callset_has(const struct callset *set, uint32_t arch, uint32_t nr) { (void)arch; (void)nr; return set->everything; }
const char *syscall_name(uint32_t arch, uint32_t nr) { (void)arch; (void)nr; return 0; }
