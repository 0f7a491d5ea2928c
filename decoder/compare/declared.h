/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_DECODER_DECLARED_H
#define SYSFOLD_DECODER_DECLARED_H

/*
 * What each backend and each witness declares to be absent or different: one
 * table each, in a .def file beside it, a line each:
 *
 *   DECLARED("row", "param", ABSENT | DIFFERENT | UNREADABLE, "the reason, a sentence without its full stop")
 *
 * "*" as the row means all rows; "descriptors" the tables of descriptors at the
 * markers; as the parameter, the whole event: events of
 * that row are then left out of the comparison with that backend. UNREADABLE
 * is narrower: a value that is said to be unreadable where the call failed,
 * never another value; "*" as its parameter means any. Whatever is
 * not declared is exact. `sysfold backends -v`, docs/conformance.md and the
 * comparison read these tables; a line that never holds in the whole suite of
 * scenarios fails it.
 */

#include <stddef.h>

#include <sysfold/compare.h>

/* The table of a backend or witness, whether or not this build has it; NULL and 0 for an unknown name. */
const struct sysfold_declared *declared_of(const char *name, size_t *ret_count);

#endif
