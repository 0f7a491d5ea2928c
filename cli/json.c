// SPDX-License-Identifier: Apache-2.0
#include "cli.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

json_t *json_text(const char *text)
{
    cleanup_free char *escaped = NULL;
    json_t *string;
    size_t used = 0;

    if (!text)
        return json_null();
    string = json_string(text);
    if (string)
        return string;
    escaped = malloc(strlen(text) * 4 + 1);
    if (!escaped)
        return NULL;
    for (; *text; text++) {
        if ((unsigned char)*text < 0x80)
            escaped[used++] = *text;
        else
            used += (size_t)sprintf(escaped + used, "\\x%02x", (unsigned char)*text);
    }
    escaped[used] = '\0';
    return json_string(escaped);
}

bool json_show(json_t *document)
{
    int r;

    if (!document) {
        complain("cannot make the JSON document: out of memory");
        return false;
    }
    r = json_dumpf(document, stdout, JSON_INDENT(2));
    json_decref(document);
    (void)putchar('\n');
    return r == 0 || ferror(stdout); /* the latter is finish_stdout()'s to tell */
}
