// SPDX-License-Identifier: Apache-2.0
#include "path.h"

#include <stdbool.h>
#include <string.h>

/* A path being built: no slash at its end, so that "/" is empty. */
struct builder {
    char *path;
    size_t size;
    size_t floor; /* ".." does not go below the root */
};

static void leave(struct builder *builder)
{
    while (builder->size > builder->floor && builder->path[builder->size - 1] != '/')
        builder->size--;
    if (builder->size > builder->floor)
        builder->size--;
}

static bool enter(struct builder *builder, const char *name, size_t size)
{
    if (!size || (size == 1 && name[0] == '.'))
        return true;
    if (size == 2 && name[0] == '.' && name[1] == '.') {
        leave(builder);
        return true;
    }
    if (builder->size + 1 + size > PATH_BYTES_MAX)
        return false;
    builder->path[builder->size++] = '/';
    memcpy(builder->path + builder->size, name, size);
    builder->size += size;
    return true;
}

static void walk(struct builder *builder, const char *path, size_t size)
{
    const char *end = path + size;

    while (path < end) {
        const char *slash = memchr(path, '/', (size_t)(end - path));
        const char *stop = slash ? slash : end;

        if (!enter(builder, path, (size_t)(stop - path)))
            return;
        path = stop + 1;
    }
}

static bool is_below(const char *path, const char *root)
{
    size_t size = strlen(root);

    return !strncmp(path, root, size) && (!path[size] || path[size] == '/');
}

void path_copy(const void *path, size_t size, char ret_path[PATH_ROOM])
{
    size = size < PATH_BYTES_MAX ? size : PATH_BYTES_MAX;
    size = size ? strnlen(path, size) : 0;
    if (size)
        memcpy(ret_path, path, size);
    ret_path[size] = '\0';
}

void path_resolve(const char *root, const char *base, const void *path, size_t size, char ret_path[PATH_ROOM])
{
    struct builder builder = {.path = ret_path};
    const char *given = path;
    bool absolute;

    size = size ? strnlen(given, size) : 0;
    absolute = size && given[0] == '/';
    if (!absolute && (!size || !base || base[0] != '/')) {
        path_copy(given, size, ret_path);
        return;
    }
    if (root && (absolute || is_below(base, root))) {
        walk(&builder, root, strlen(root));
        builder.floor = builder.size;
    }
    if (!absolute)
        walk(&builder, base + builder.floor, strlen(base + builder.floor));
    walk(&builder, given, size);
    if (!builder.size)
        builder.path[builder.size++] = '/';
    builder.path[builder.size] = '\0';
}
