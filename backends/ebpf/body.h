/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSFOLD_EBPF_BODY_H
#define SYSFOLD_EBPF_BODY_H

#include <sysfold/event.h>

#include "common/record.h"

/* Where a record's fixed parameters begin. */
static inline const uint8_t *record_body(const uint8_t *record)
{
    uint16_t type = load_u16(record, false);
    const uint8_t *body = record + RECORD_HEADER_SIZE;

    body += type & SYSFOLD_EVENT_ABSENT ? sizeof(uint64_t) : 0;
    body += type & SYSFOLD_EVENT_TRUNCATED ? sizeof(uint32_t) : 0;
    body += type & SYSFOLD_EVENT_RACED ? sizeof(uint32_t) : 0;
    return body + (type & SYSFOLD_EVENT_TIMED ? sizeof(uint64_t) : 0);
}

#endif
