/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_COMMON_CALLNAMES_H
#define SYSFOLD_COMMON_CALLNAMES_H

/* The names of the system calls of every ABI that x86-64 kernels offer, from tables made at first use. */

#include <stdbool.h>
#include <stdint.h>

#define CALL_COUNT 1024         /* calls an ABI, known or not */
#define CALL_X32_BIT 0x40000000 /* in the numbers of x32 calls */

enum call_abi { CALL_NATIVE, CALL_I386, CALL_X32, CALL_ABI_COUNT };

/* The ABI, and the number within it, of a call as the kernel reports it. False for another architecture. */
bool call_find_abi(uint32_t arch, uint32_t nr, enum call_abi *ret_abi, uint32_t *ret_index);

/* The plain name of call `index` (below CALL_COUNT): "openat", or "syscall_1000" for an unknown one. NULL only when
 * there was no memory for it. */
const char *call_name(enum call_abi abi, unsigned index);

/* Does an unknown one have only a made-up name? */
bool call_is_known(enum call_abi abi, unsigned index);

/* Classes (C_*) of a call: its row's, or for a foreign one those of the native call that does the same. */
unsigned call_classes(enum call_abi abi, unsigned index);

/* The call or class whose name is most like `word`; NULL if none is. */
const char *call_nearest_name(const char *word);

#endif
