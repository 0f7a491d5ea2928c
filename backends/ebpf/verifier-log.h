/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EBPF_VERIFIER_LOG_H
#define SYSFOLD_EBPF_VERIFIER_LOG_H

#include <stddef.h>

/*
 * The kernel's verifier tells its whole way through a program. Here is what
 * of it matters, as one line: the reason for its refusal, the instruction and
 * the source it was made of. Into `buffer`, always terminated; returns buffer.
 */
char *verifier_log_digest(const char *log, char *buffer, size_t size);

#endif
