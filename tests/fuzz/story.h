/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_TESTS_FUZZ_STORY_H
#define SYSFOLD_TESTS_FUZZ_STORY_H

#include "common/encode.h"

/* Record number `index` of a small life: processes come, open, talk, change and go. NULL: it is over. */
const uint8_t *story_record(struct encoder *encoder, size_t index, size_t *ret_size);

#endif
