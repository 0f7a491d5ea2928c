// SPDX-License-Identifier: Apache-2.0
/* Seccomp profiles that have calls told to sysfold: options, files, and what a profile has besides its rules. */

#include "backends/notify/profile.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include <sysfold/oci.h>

#include "backends/endpoint.h"
#include "common/cleanup.h"
#include "common/error.h"

#define FILE_MAX_SIZE ((size_t)4 << 20)
#define METADATA_MAX 4096
#define WAIT_KILLABLE "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"

static int no_memory(struct sysfold_error *error)
{
    return error_system(error, -ENOMEM, "oci: cannot make a profile");
}

static int check_path(const char *path, struct sysfold_error *error)
{
    if (*path != '/')
        return error_set(error, -EINVAL, "oci: the socket's path '%s' is not absolute", path);
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return error_set(error, -ENAMETOOLONG, "oci: the socket's path '%s' is too long (at most %zu bytes)", path,
                         sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
    return 0;
}

/* A pipe as well as a file. */
static int read_file(const char *path, char **ret_text, size_t *ret_size, struct sysfold_error *error)
{
    cleanup_fclose FILE *file = fopen(path, "re");
    cleanup_free char *text = malloc(FILE_MAX_SIZE + 1);
    size_t size;

    if (!text)
        return no_memory(error);
    if (!file)
        return error_system(error, -errno, "oci: cannot read %s", path);
    size = fread(text, 1, FILE_MAX_SIZE + 1, file);
    if (ferror(file))
        return error_system(error, -errno, "oci: cannot read %s", path);
    if (size > FILE_MAX_SIZE)
        return error_set(error, -EFBIG, "oci: %s: too large for a profile (at most %zu MiB)", path,
                         FILE_MAX_SIZE >> 20);
    *ret_text = steal_pointer(&text);
    *ret_size = size;
    return 0;
}

static int read_json(const char *path, json_t **ret_json, struct sysfold_error *error)
{
    cleanup_free char *text = NULL;
    json_error_t problem;
    size_t size = 0;
    json_t *json;
    int r = read_file(path, &text, &size, error);

    if (r < 0)
        return r;
    json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &problem);
    if (!json) {
        for (char *c = problem.text; *c; c++)
            *c = *c >= ' ' && *c <= '~' ? *c : '?';
        return error_set(error, -EBADMSG, "oci: %s: line %d, column %d: %s", path, problem.line, problem.column,
                         problem.text);
    }
    *ret_json = json;
    return 0;
}

/* Programs of the machine's other ABIs run, too: where a profile names no architecture they are killed. */
static json_t *permissive_profile(void)
{
    return json_pack("{s:s, s:[s, s, s], s:[]}", "defaultAction", ACTION_ALLOW, "architectures", "SCMP_ARCH_X86_64",
                     "SCMP_ARCH_X86", "SCMP_ARCH_X32", "syscalls");
}

/* The place of linux.seccomp in a bundle's configuration, which gets one if it has none. A reference of the
 * caller's. */
static int find_profile(json_t *config, const char *path, json_t **ret_profile, struct sysfold_error *error)
{
    json_t *linux_part = json_object_get(config, "linux");
    json_t *profile;
    int r;

    if (!json_is_object(config) || !json_object_get(config, "ociVersion"))
        return error_set(error, -EBADMSG, "oci: %s: this is not a bundle's configuration", path);
    if (!json_is_object(linux_part))
        return error_set(error, -EBADMSG, "oci: %s: linux: this must be an object", path);
    profile = json_object_get(linux_part, "seccomp");
    if (!profile || json_is_null(profile)) {
        profile = permissive_profile();
        if (json_object_set_new(linux_part, "seccomp", profile) < 0)
            return no_memory(error);
    } else {
        r = profile_check(profile, path, "linux.seccomp.", error);
        if (r < 0)
            return r;
    }
    *ret_profile = json_incref(profile);
    return 0;
}

static int take_base(const struct sysfold_oci_profile_options *options, json_t **ret_whole, json_t **ret_profile,
                     struct sysfold_error *error)
{
    const char *path = options->config_path ? options->config_path : options->base_path;
    int r;

    if (!path) {
        *ret_whole = permissive_profile();
        *ret_profile = json_incref(*ret_whole);
        return *ret_whole ? 0 : no_memory(error);
    }
    r = read_json(path, ret_whole, error);
    if (r == 0 && options->config_path)
        return find_profile(*ret_whole, path, ret_profile, error);
    if (r == 0)
        r = profile_check(*ret_whole, path, "", error);
    if (r == 0)
        *ret_profile = json_incref(*ret_whole);
    return r;
}

static int set_text(json_t *profile, const char *name, const char *text, struct sysfold_error *error)
{
    json_t *value = json_string(text);

    if (!value)
        return error_set(error, -EINVAL, "oci: %s must be UTF-8 to be written into a profile", name);
    return json_object_set_new(profile, name, value) < 0 ? no_memory(error) : 0;
}

static int set_flag(json_t *profile, struct sysfold_error *error)
{
    json_t *flags = json_object_get(profile, "flags");
    const json_t *flag;
    size_t i;

    if (!json_is_array(flags)) {
        flags = json_array();
        if (json_object_set_new(profile, "flags", flags) < 0)
            return no_memory(error);
    }
    json_array_foreach(flags, i, flag)
    {
        if (!strcmp(json_string_value(flag), WAIT_KILLABLE))
            return 0;
    }
    return json_array_append_new(flags, json_string(WAIT_KILLABLE)) < 0 ? no_memory(error) : 0;
}

static int set_agent(json_t *profile, const struct sysfold_oci_profile_options *options, const char *socket_path,
                     struct sysfold_error *error)
{
    int r = set_text(profile, "listenerPath", socket_path, error);

    if (r == 0)
        json_object_del(profile, "listenerMetadata");
    if (r == 0 && options->metadata)
        r = set_text(profile, "listenerMetadata", options->metadata, error);
    if (r == 0 && options->wait_killable)
        r = set_flag(profile, error);
    return r;
}

static int check_options(const struct sysfold_oci_profile_options *options, struct sysfold_error *error)
{
    if (options->base_path && options->config_path)
        return error_set(error, -EINVAL, "oci: a base profile or a bundle's configuration, not both");
    if (options->metadata && strlen(options->metadata) > METADATA_MAX)
        return error_set(error, -EINVAL, "oci: the metadata is too long (at most %d bytes)", METADATA_MAX);
    if (options->runtime && strcmp(options->runtime, "crun") != 0 && strcmp(options->runtime, "runc") != 0)
        return error_set(error, -EINVAL, "oci: '%s' is not a runtime that is known here (crun, runc)",
                         options->runtime);
    return 0;
}

/* Indented, and ends with its line. */
static int print(const json_t *whole, char **ret_json, struct sysfold_error *error)
{
    cleanup_free char *text = json_dumps(whole, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    char *lines;

    if (!text || asprintf(&lines, "%s\n", text) < 0)
        return no_memory(error);
    *ret_json = lines;
    return 0;
}

static int generate(const struct sysfold_oci_profile_options *options, json_t **ret_whole, FILE *notes,
                    struct sysfold_error *error)
{
    struct profile_choice choice = {.for_any = !options->runtime || strcmp(options->runtime, "crun") != 0};
    cleanup_free char *by_default = NULL;
    json_t *profile = NULL;
    int r = check_options(options, error);

    if (r == 0 && !options->socket_path)
        r = endpoint_default_path("notify", &by_default, error);
    if (r == 0)
        r = check_path(options->socket_path ? options->socket_path : by_default, error);
    if (r == 0)
        r = callset_parse(&choice.calls, options->syscalls, error);
    if (r == 0)
        r = take_base(options, ret_whole, &profile, error);
    if (r == 0)
        r = set_agent(profile, options, options->socket_path ? options->socket_path : by_default, error);
    if (r == 0)
        r = profile_notify(profile, &choice, notes, error);
    json_decref(profile);
    return r;
}

int sysfold_oci_profile(const struct sysfold_oci_profile_options *options, char **ret_json, char **ret_notes,
                        struct sysfold_error *error)
{
    struct sysfold_oci_profile_options complete = {0};
    cleanup_free char *notes = NULL, *json = NULL;
    json_t *whole = NULL;
    size_t size;
    FILE *out;
    int r;

    if (!options || options->size < sizeof(options->size))
        return error_set(error, -EINVAL, "the options' size field is not set");
    memcpy(&complete, options, options->size < sizeof(complete) ? options->size : sizeof(complete));
    out = open_memstream(&notes, &size);
    if (!out)
        return no_memory(error);
    r = generate(&complete, &whole, out, error);
    if (fclose(out) != 0 && r == 0)
        r = no_memory(error);
    if (r == 0)
        r = print(whole, &json, error);
    json_decref(whole);
    if (r < 0)
        return r;
    *ret_json = steal_pointer(&json);
    if (ret_notes)
        *ret_notes = steal_pointer(&notes);
    return 0;
}
