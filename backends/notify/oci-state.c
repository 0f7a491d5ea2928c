// SPDX-License-Identifier: Apache-2.0
#include "backends/notify/oci-state.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/error.h"

/* Docker's ids have 64 characters, Kubernetes' names 253. */
#define ID_MAX 255
#define TEXT_MAX 4096 /* of a bundle's path, and of metadata */
#define ANNOTATIONS_MAX 128
#define ANNOTATIONS_SIZE 32768 /* of all of them together */
#define LISTENER_NAME "seccompFd"

/* A member that must be of this type if it is there; NULL where it is not, or is null. */
static int find_member(const json_t *object, const char *name, json_type type, const json_t **ret_member,
                       struct sysfold_error *error)
{
    const json_t *member = json_object_get(object, name);

    if (json_is_null(member))
        member = NULL;
    if (member && json_typeof(member) != type)
        return error_set(error, -EBADMSG, "notify: the runtime's container state is wrong: '%s' has another type",
                         name);
    *ret_member = member;
    return 0;
}

static int need_member(const json_t *object, const char *name, json_type type, const json_t **ret_member,
                       struct sysfold_error *error)
{
    int r = find_member(object, name, type, ret_member, error);

    if (r == 0 && !*ret_member)
        return error_set(error, -EBADMSG, "notify: the runtime's container state is wrong: there is no '%s'", name);
    return r;
}

static int copy_text(const json_t *text, char **ret_copy, struct sysfold_error *error)
{
    char *copy = strdup(json_string_value(text));

    if (!copy)
        return error_system(error, -ENOMEM, "notify: cannot take a container's state");
    *ret_copy = copy;
    return 0;
}

/* An id names a source, in terminals and in files: visible ASCII and nothing else, as the runtimes themselves want
 * it. */
static bool is_id(const char *id, size_t size)
{
    if (size == 0 || size > ID_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (id[i] <= ' ' || id[i] > '~' || id[i] == '/')
            return false;
    }
    return true;
}

static int take_id(const json_t *state, struct oci_state *result, struct sysfold_error *error)
{
    const json_t *id = NULL;
    int r = need_member(state, "id", JSON_STRING, &id, error);

    if (r < 0)
        return r;
    if (!is_id(json_string_value(id), json_string_length(id)))
        return error_set(error, -EBADMSG,
                         "notify: the runtime's container state is wrong: the 'id' is not 1 to %d visible characters",
                         ID_MAX);
    return copy_text(id, &result->id, error);
}

static int take_text(const json_t *object, const char *name, char **ret_text, struct sysfold_error *error)
{
    const json_t *text = NULL;
    int r = find_member(object, name, JSON_STRING, &text, error);

    if (r < 0 || !text)
        return r;
    if (json_string_length(text) > TEXT_MAX)
        return error_set(error, -EBADMSG,
                         "notify: the runtime's container state is wrong: '%s' is longer than %d bytes", name,
                         TEXT_MAX);
    return copy_text(text, ret_text, error);
}

/* The message's own is the process's, which may be another one than the container's first. */
static int take_pid(const json_t *root, struct oci_state *result, struct sysfold_error *error)
{
    const json_t *pid = NULL;
    int r = need_member(root, "pid", JSON_INTEGER, &pid, error);

    if (r < 0)
        return r;
    if (json_integer_value(pid) <= 0 || json_integer_value(pid) > INT32_MAX)
        return error_set(error, -EBADMSG, "notify: the runtime's container state is wrong: 'pid' cannot be one");
    result->pid = (pid_t)json_integer_value(pid);
    return 0;
}

/* Descriptors come in the order of their names. Other names are other extensions' business; two listeners are
 * nobody's. */
static int take_listener(const json_t *root, size_t fd_count, struct oci_state *result, struct sysfold_error *error)
{
    const json_t *names = NULL;
    size_t found = SIZE_MAX;
    int r = need_member(root, "fds", JSON_ARRAY, &names, error);

    if (r < 0)
        return r;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));

        if (!name)
            return error_set(error, -EBADMSG,
                             "notify: the runtime's container state is wrong: a name in 'fds' is not a string");
        if (strcmp(name, LISTENER_NAME) != 0)
            continue;
        if (found != SIZE_MAX)
            return error_set(error, -EBADMSG,
                             "notify: the runtime's container state is wrong: 'fds' names two listeners");
        found = i;
    }
    if (found == SIZE_MAX)
        return error_set(error, -EBADMSG,
                         "notify: the runtime's container state is wrong: 'fds' does not name '" LISTENER_NAME "'");
    if (json_array_size(names) != fd_count)
        return error_set(error, -EBADMSG,
                         "notify: the runtime's container state is wrong: it names %zu descriptors, and %zu came",
                         json_array_size(names), fd_count);
    result->listener = found;
    return 0;
}

/* A line each, so what would look like another line's beginning is made a blank. */
static char *append(char *to, const char *text, char behind)
{
    for (; *text; text++)
        *to++ = *text == '\n' ? ' ' : *text;
    *to++ = behind;
    return to;
}

static int measure_annotations(const json_t *annotations, size_t *ret_size, struct sysfold_error *error)
{
    size_t size = 1;
    const char *name;
    json_t *value;

    if (json_object_size(annotations) > ANNOTATIONS_MAX)
        return error_set(error, -EBADMSG, "notify: the runtime's container state is wrong: more than %d annotations",
                         ANNOTATIONS_MAX);
    json_object_foreach((json_t *)annotations, name, value)
    {
        if (!json_is_string(value))
            return error_set(error, -EBADMSG,
                             "notify: the runtime's container state is wrong: an annotation is not a string");
        size += strlen(name) + json_string_length(value) + 2;
    }
    if (size > ANNOTATIONS_SIZE)
        return error_set(error, -EBADMSG,
                         "notify: the runtime's container state is wrong: more than %d bytes of annotations",
                         ANNOTATIONS_SIZE);
    *ret_size = size;
    return 0;
}

static int take_annotations(const json_t *state, struct oci_state *result, struct sysfold_error *error)
{
    const json_t *annotations = NULL;
    const char *name;
    json_t *value;
    size_t size = 1;
    char *at;
    int r = find_member(state, "annotations", JSON_OBJECT, &annotations, error);

    if (r < 0 || !json_object_size(annotations))
        return r;
    r = measure_annotations(annotations, &size, error);
    if (r < 0)
        return r;
    at = malloc(size);
    if (!at)
        return error_system(error, -ENOMEM, "notify: cannot take a container's state");
    result->annotations = at;
    json_object_foreach((json_t *)annotations, name, value)
    {
        at = append(at, name, '=');
        at = append(at, json_string_value(value), '\n');
    }
    *at = '\0';
    return 0;
}

static int take(const json_t *root, size_t fd_count, struct oci_state *result, struct sysfold_error *error)
{
    const json_t *state = NULL;
    int r;

    if (!json_is_object(root))
        return error_set(error, -EBADMSG, "notify: the runtime's container state is wrong: it is not an object");
    r = need_member(root, "state", JSON_OBJECT, &state, error);
    if (r == 0)
        r = take_pid(root, result, error);
    if (r == 0)
        r = take_listener(root, fd_count, result, error);
    if (r == 0)
        r = take_text(root, "metadata", &result->metadata, error);
    if (r == 0)
        r = take_id(state, result, error);
    if (r == 0)
        r = take_text(state, "bundle", &result->bundle, error);
    return r < 0 ? r : take_annotations(state, result, error);
}

/* jansson's words may repeat what came, byte for byte: only its code is told on. */
static const char *describe(enum json_error_code code)
{
    switch (code) {
    case json_error_stack_overflow:
        return "it is nested too deeply";
    case json_error_invalid_utf8:
        return "it is not UTF-8";
    case json_error_premature_end_of_input:
        return "it ends early";
    case json_error_end_of_input_expected:
        return "there is something behind it";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "there is a NUL in a string";
    case json_error_numeric_overflow:
        return "a number is too large";
    case json_error_duplicate_key:
        return "a name is there twice";
    default:
        return "it is not JSON";
    }
}

int oci_state_parse(const char *json, size_t size, size_t fd_count, struct oci_state *ret_state,
                    struct sysfold_error *error)
{
    struct oci_state result = {0};
    json_error_t why;
    json_t *root;
    int r;

    if (size > OCI_STATE_MAX)
        return error_set(error, -EBADMSG, "notify: the runtime's container state is wrong: it is longer than %zu bytes",
                         OCI_STATE_MAX);
    root = json_loadb(json, size, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        return error_set(error, -EBADMSG, "notify: the runtime's container state is wrong: %s",
                         describe(json_error_code(&why)));
    r = take(root, fd_count, &result, error);
    json_decref(root);
    if (r < 0)
        oci_state_finish(&result);
    else
        *ret_state = result;
    return r;
}

void oci_state_finish(struct oci_state *state)
{
    free(state->id);
    free(state->bundle);
    free(state->metadata);
    free(state->annotations);
    *state = (struct oci_state){0};
}
