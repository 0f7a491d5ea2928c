// SPDX-License-Identifier: Apache-2.0
/* Any bytes as records of the built-in rows, in both byte orders, one after another, without state around them. */

#include "decoder/decode/event.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool swapped = size && (*data & 1);

    if (!size)
        return 0;
    data++;
    size--;
    while (size) {
        struct sysfold_event event = {.number = 1, .source_name = "host"};
        int length = record_read(&event.record, sysfold_schema_builtin(), data, size, swapped);

        if (length < 0)
            return 0;
        look_at(&event);
        data += length;
        size -= (size_t)length;
    }
    return 0;
}
