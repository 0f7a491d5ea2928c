// SPDX-License-Identifier: Apache-2.0
/* The table of names, and how a path is held against it. */

#include "containers/identity/identity.h"

#include <stdint.h>
#include <string.h>

#define COMPONENTS_MAX 64 /* deeper ones are left out: no runtime nests so far */
#define COMPONENT_BYTES_MAX 255
#define PATTERN_COMPONENTS_MAX 4

struct span {
    const char *start;
    size_t size;
};

enum kind { KIND_CONTAINER, KIND_POD, KIND_NOT };

struct row {
    enum kind kind;
    const char *engine;
    const char *pattern;
};

static const struct row rows[] = {
#define CONTAINER(ENGINE, PATTERN, EXAMPLE, ID) {KIND_CONTAINER, ENGINE, PATTERN},
#define POD(PATTERN, EXAMPLE, ID) {KIND_POD, "", PATTERN},
#define NOT(PATTERN, EXAMPLE) {KIND_NOT, "", PATTERN},
#include "containers/identity/identity.def"
#undef CONTAINER
#undef POD
#undef NOT
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

enum capture { CAPTURE_NONE, CAPTURE_ID, CAPTURE_POD };

#define DECIMAL "0123456789"
#define HEXADECIMAL DECIMAL "abcdef"
#define LOWERCASE "abcdefghijklmnopqrstuvwxyz"
#define UPPERCASE "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* What may stand where a pattern has braces. */
static const struct placeholder {
    const char *name;
    const char *bytes; /* of which it is made; NULL: any */
    size_t shortest, longest;
    enum capture capture;
} placeholders[] = {
    {"{id}", HEXADECIMAL, 64, 64, CAPTURE_ID},
    {"{name}", DECIMAL LOWERCASE UPPERCASE "_.+:@\\-", 1, COMPONENT_BYTES_MAX, CAPTURE_ID},
    {"{build}", DECIMAL LOWERCASE, 25, 25, CAPTURE_ID},
    {"{task}", HEXADECIMAL "-", 34, 52, CAPTURE_ID},
    {"{uid}", HEXADECIMAL "_-", 32, 36, CAPTURE_POD},
    {"{pod}", HEXADECIMAL, 64, 64, CAPTURE_POD},
    {"{number}", DECIMAL, 1, 20, CAPTURE_NONE},
    {"{any}", NULL, 0, COMPONENT_BYTES_MAX, CAPTURE_NONE},
};

/* What a row has found in a path. */
struct found {
    struct span id, pod;
};

static const struct placeholder *placeholder_at(const char *pattern)
{
    for (size_t i = 0; i < sizeof(placeholders) / sizeof(placeholders[0]); i++) {
        if (!strncmp(pattern, placeholders[i].name, strlen(placeholders[i].name)))
            return &placeholders[i];
    }
    return NULL;
}

/* How many of the bytes, from the first, may stand for the placeholder. */
static size_t run_of(const struct placeholder *placeholder, struct span text)
{
    size_t most = text.size < placeholder->longest ? text.size : placeholder->longest, length = 0;

    if (!placeholder->bytes)
        return most;
    while (length < most && text.start[length] && strchr(placeholder->bytes, text.start[length]))
        length++;
    return length;
}

static bool is_dots(struct span text)
{
    return text.size && text.size <= 2 && text.start[0] == '.' && text.start[text.size - 1] == '.';
}

static void capture(const struct placeholder *placeholder, struct span text, struct found *found)
{
    if (placeholder->capture == CAPTURE_ID)
        found->id = text;
    else if (placeholder->capture == CAPTURE_POD)
        found->pod = text;
}

/* One component, up to the pattern's next slash. As deep as there are placeholders in it: two. */
static bool fits_component(const char *pattern, struct span text, struct found *found)
{
    const struct placeholder *placeholder;

    while (*pattern && *pattern != '/' && *pattern != '{') {
        if (!text.size || *text.start != *pattern)
            return false;
        pattern++;
        text.start++;
        text.size--;
    }
    if (*pattern != '{')
        return !text.size;
    placeholder = placeholder_at(pattern);
    if (!placeholder)
        return false;
    pattern += strlen(placeholder->name);
    for (size_t length = run_of(placeholder, text) + 1; length-- > placeholder->shortest;) {
        struct span part = {text.start, length}, rest = {text.start + length, text.size - length};

        if (is_dots(part) || !fits_component(pattern, rest, found))
            continue;
        capture(placeholder, part, found);
        return true;
    }
    return false;
}

/* A pattern's components; how many. */
static size_t split_pattern(const char *pattern, const char *ret_parts[PATTERN_COMPONENTS_MAX])
{
    size_t count = 0;

    for (const char *part = pattern; part && count < PATTERN_COMPONENTS_MAX; part = strchr(part, '/')) {
        part += *part == '/';
        ret_parts[count++] = part;
    }
    return count;
}

/* Do the last of these components fit the pattern? How many it takes; 0: they do not. */
static size_t fits(const char *pattern, const struct span *components, size_t count, struct found *ret_found)
{
    const char *parts[PATTERN_COMPONENTS_MAX];
    size_t length = split_pattern(pattern, parts);
    struct found found = {.id.start = NULL, .pod.start = NULL};

    if (count < length || (*pattern == '/' && count != length))
        return 0;
    for (size_t i = length; i-- > 0;) {
        if (!fits_component(parts[i], components[count - length + i], &found))
            return 0;
    }
    *ret_found = found;
    return length;
}

static const struct row *find_row(const struct span *components, size_t count, struct found *ret_found,
                                  size_t *ret_length)
{
    if (components[count - 1].size > COMPONENT_BYTES_MAX)
        return NULL;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        *ret_length = fits(rows[i].pattern, components, count, ret_found);
        if (*ret_length)
            return &rows[i];
    }
    return NULL;
}

/* Where a walk down a path has come to. */
struct descent {
    struct container_identity identity, outer; /* of the innermost container, and of the one around it; id NULL: none */
    struct span pod;
    size_t at; /* the components down to that container's */
};

static void take(struct descent *descent, const struct row *row, const struct found *found, size_t depth)
{
    if (found->pod.start)
        descent->pod = found->pod;
    if (row->kind != KIND_CONTAINER)
        return;
    descent->outer = descent->identity;
    descent->at = depth;
    descent->identity = (struct container_identity){
        .id = found->id.start,
        .id_size = found->id.size,
        .engine = row->engine,
        .pod = descent->pod.start,
        .pod_size = descent->pod.size,
    };
}

static void step_down(struct descent *descent, const struct span *components, size_t depth)
{
    struct found found;
    size_t length;
    const struct row *row = find_row(components, depth, &found, &length);

    if (!row)
        return;
    if (row->kind == KIND_NOT && descent->identity.id && descent->at > depth - length)
        descent->identity = descent->outer;
    take(descent, row, &found, depth);
}

/* A path's components, without the steps upwards that a cgroup namespace shows before them. */
static size_t split_path(struct span path, struct span components[COMPONENTS_MAX])
{
    const char *at = path.start, *end = path.start + path.size;
    size_t count = 0;

    while (at < end && count < COMPONENTS_MAX) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        struct span component = {at, (size_t)((slash ? slash : end) - at)};

        if (component.size && (count || !is_dots(component)))
            components[count++] = component;
        at = slash ? slash + 1 : end;
    }
    return count;
}

/* How many components are above the innermost container, its own included, and how many there are. */
static bool identify_path(struct span path, struct container_identity *ret_identity, size_t *ret_at, size_t *ret_count)
{
    struct span components[COMPONENTS_MAX];
    struct descent descent = {.at = 0};

    *ret_count = split_path(path, components);
    for (size_t depth = 1; depth <= *ret_count; depth++)
        step_down(&descent, components, depth);
    *ret_at = descent.at;
    if (!descent.identity.id)
        return false;
    *ret_identity = descent.identity;
    return true;
}

/* Of a cgroup that was removed while somebody was in it, the kernel says so behind its path. */
static struct span without_remark(struct span path)
{
    static const char remark[] = " (deleted)";
    const size_t size = sizeof(remark) - 1;

    if (path.size >= size && !memcmp(path.start + path.size - size, remark, size))
        path.size -= size;
    return path;
}

/* "4:memory:/docker/0123": what is behind the second colon. A path may hold colons, too, but digits do not begin it. */
static struct span path_of_line(struct span line)
{
    struct span rest = line;

    while (rest.size && *rest.start >= '0' && *rest.start <= '9') {
        rest.start++;
        rest.size--;
    }
    if (rest.start == line.start || !rest.size || *rest.start != ':')
        return line;
    for (unsigned colons = 0; colons < 2; colons++) {
        const char *colon = memchr(rest.start, ':', rest.size);

        if (!colon)
            return line;
        rest.size -= (size_t)(colon + 1 - rest.start);
        rest.start = colon + 1;
    }
    return rest;
}

bool container_identify(const char *cgroup, size_t size, struct container_identity *ret_identity)
{
    const char *end = size ? cgroup + strnlen(cgroup, size) : cgroup;

    for (const char *at = cgroup; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct span line = {at, (size_t)((newline ? newline : end) - at)};
        size_t depth, count;

        if (identify_path(without_remark(path_of_line(line)), ret_identity, &depth, &count))
            return true;
        at = newline ? newline + 1 : end;
    }
    return false;
}

bool container_identify_own(const char *path, size_t size, struct container_identity *ret_identity)
{
    struct container_identity identity;
    size_t depth, count;

    if (!identify_path((struct span){path, size}, &identity, &depth, &count) || depth != count)
        return false;
    *ret_identity = identity;
    return true;
}

static int digit(char byte)
{
    const char *found = byte ? strchr(HEXADECIMAL, byte) : NULL;

    return found ? (int)(found - HEXADECIMAL) : -1;
}

/* The byte that "\xNN" stands for where the text begins with it; -1: it does not. */
static int escaped(const char *text, size_t size)
{
    int high, low;

    if (size < 4 || text[0] != '\\' || text[1] != 'x')
        return -1;
    high = digit(text[2]);
    low = digit(text[3]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

void container_identity_id(const struct container_identity *identity, char ret_id[CONTAINER_ID_ROOM])
{
    size_t used = 0;

    for (size_t i = 0; i < identity->id_size && used + 1 < CONTAINER_ID_ROOM; used++) {
        int byte = escaped(identity->id + i, identity->id_size - i);
        bool is_escape = byte > ' ' && byte < 0x7f;

        ret_id[used] = is_escape ? (char)byte : identity->id[i];
        i += is_escape ? 4 : 1;
    }
    ret_id[used] = '\0';
}

void container_identity_pod(const struct container_identity *identity, char ret_pod[CONTAINER_ID_ROOM])
{
    size_t used = 0;

    for (; identity->pod && used < identity->pod_size && used + 1 < CONTAINER_ID_ROOM; used++)
        ret_pod[used] = identity->pod[used] == '_' ? '-' : identity->pod[used];
    ret_pod[used] = '\0';
}
