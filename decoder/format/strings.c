// SPDX-License-Identifier: Apache-2.0
/* Forms of bytes: paths, strings, data, vectors of strings. */

#include "show.h"

void show_path(struct show *show)
{
    show_string(show, show->param->name, show->value.data, show->value.size);
}

/* A string of the vector at `at`, without its NUL; the last one may have lost it. */
static size_t string_at(const struct show *show, size_t at)
{
    return strnlen((const char *)show->value.data + at, show->value.size - at);
}

static bool put_json_strings(struct show *show)
{
    bool exact = true;

    for (size_t at = 0, size; at < show->value.size; at += size + 1) {
        size = string_at(show, at);
        show_item(show);
        exact &= put_json_string(show->out, show->value.data + at, size);
    }
    return exact;
}

static void put_text_strings(struct show *show)
{
    for (size_t at = 0, size; at < show->value.size; at += size + 1) {
        size = string_at(show, at);
        show_item(show);
        show_string(show, NULL, show->value.data + at, size);
    }
}

void show_string_vector(struct show *show)
{
    bool exact = true;

    show_open(show, '[');
    if (show->json)
        exact = put_json_strings(show);
    else
        put_text_strings(show);
    show_close(show, ']');
    if (!exact)
        show_raw_bytes(show, show->param->name, show->value.data, show->value.size);
}

/* An environment is long, seldom what is looked for, and may hold secrets: on
 * the screen, how many variables there are. */
void show_environment(struct show *show)
{
    size_t count = 0;

    if (show->json) {
        show_string_vector(show);
        return;
    }
    for (size_t at = 0; at < show->value.size; at += string_at(show, at) + 1)
        count++;
    put_unsigned(show->out, count);
    put_text(show->out, count == 1 ? " variable" : " variables");
}
