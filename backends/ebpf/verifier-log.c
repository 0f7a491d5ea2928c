// SPDX-License-Identifier: Apache-2.0
#include "backends/ebpf/verifier-log.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/*
 *   ; return value[*value & 7]; @ file.c:18          source
 *   8: (79) r1 = *(u64 *)(r0 +0)   ; R1=scalar()     instruction, and the registers behind it
 *   from 7 to 9: R0=0 R10=fp0                        state
 *   R0 max value is outside of the allowed range     reason
 *   processed 12 insns (limit 1000000) ...           summary
 */
struct line {
    const char *text;
    size_t length;
};

struct digest {
    struct line reasons[2]; /* the last lines that are nothing else */
    struct line instruction, source;
};

static bool begins_with(struct line line, const char *prefix)
{
    return line.length >= strlen(prefix) && memcmp(line.text, prefix, strlen(prefix)) == 0;
}

/* What stands behind "12: ", or nothing. */
static struct line behind_number(struct line line)
{
    size_t digits = 0;

    while (digits < line.length && isdigit((unsigned char)line.text[digits]))
        digits++;
    if (digits == 0 || digits + 2 > line.length || memcmp(line.text + digits, ": ", 2) != 0)
        return (struct line){0};
    return (struct line){line.text + digits + 2, line.length - digits - 2};
}

static bool is_instruction(struct line line)
{
    return begins_with(behind_number(line), "(");
}

/* Some are empty but for the name of a file. */
static bool is_source(struct line line)
{
    return begins_with(line, "; ") && line.length > 2 && line.text[2] != ' ';
}

static bool is_reason(struct line line)
{
    static const char *const others[] = {";",     "processed ", "verification time ", "stack depth ",
                                         "from ", "cur state:", "old state:"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (begins_with(line, others[i]))
            return false;
    }
    return line.length > 0 && !behind_number(line).length;
}

static void take_line(struct digest *digest, struct line line)
{
    if (is_instruction(line)) {
        digest->instruction = line;
        memset(digest->reasons, 0, sizeof(digest->reasons));
    } else if (is_source(line)) {
        digest->source = (struct line){line.text + 2, line.length - 2};
    } else if (is_reason(line)) {
        digest->reasons[0] = digest->reasons[1];
        digest->reasons[1] = line;
    }
}

static struct line without_registers(struct line line)
{
    const char *comment = memmem(line.text, line.length, " ;", 2);

    if (comment)
        line.length = (size_t)(comment - line.text);
    while (line.length > 0 && line.text[line.length - 1] == ' ')
        line.length--;
    return line;
}

static void put(char *buffer, size_t size, const char *before, struct line line, const char *after)
{
    size_t used = strlen(buffer);

    if (line.length > 0)
        (void)snprintf(buffer + used, size - used, "%s%.*s%s", before, (int)line.length, line.text, after);
}

char *verifier_log_digest(const char *log, char *buffer, size_t size)
{
    struct digest digest = {0};

    for (size_t length; *log; log += length + (log[length] != '\0')) {
        length = strcspn(log, "\n");
        take_line(&digest, (struct line){log, length});
    }
    buffer[0] = '\0';
    put(buffer, size, "", digest.reasons[0], "; ");
    put(buffer, size, "", digest.reasons[1], "");
    if (digest.instruction.length > 0) {
        put(buffer, size, " (at ", without_registers(digest.instruction), "");
        put(buffer, size, ", of: ", digest.source, "");
        put(buffer, size, "", (struct line){")", 1}, "");
    }
    return buffer;
}
