// SPDX-License-Identifier: Apache-2.0
/* Container states as runtimes send them, and as no runtime should. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "backends/notify/oci-state.h"
#include "common/cleanup.h"

/* What runc 1.1.5 sent. */
#define RUNC                                                                                                           \
    "{\"ociVersion\":\"1.0.2-dev\",\"fds\":[\"seccompFd\"],\"pid\":30691,\"metadata\":\"some metadata\","              \
    "\"state\":{\"ociVersion\":\"1.0.2-dev\",\"id\":\"gdtest\",\"status\":\"creating\",\"pid\":30691,"                 \
    "\"bundle\":\"/tmp/gd/b\",\"annotations\":{\"org.example.name\":\"a test\",\"run.oci.x\":\"1\"}}}"
/* What crun 1.8.1 sent. */
#define CRUN                                                                                                           \
    "{\n    \"ociVersion\": \"0.2.0\",\n    \"fds\": [\n        \"seccompFd\"\n    ],\n    \"pid\": 22933,\n"          \
    "    \"metadata\": \"some metadata\",\n    \"state\": {\n        \"ociVersion\": \"0.2.0\",\n"                     \
    "        \"id\": \"gdtest2\",\n        \"status\": \"creating\",\n        \"pid\": 22933,\n"                       \
    "        \"bundle\": \"/tmp/gd/b\",\n        \"annotations\": {\n"                                                 \
    "            \"org.example.name\": \"a test\",\n            \"run.oci.x\": \"1\"\n        }\n    }\n}\n"
/* The shortest that will do, around what a test is about. */
#define ROOT(fds, pid, state) "{\"fds\":" fds ",\"pid\":" pid ",\"state\":" state "}"
#define STATE(members) ROOT("[\"seccompFd\"]", "1", "{" members "}")
#define ID(id) STATE("\"id\":\"" id "\"")

static void refuse(const char *json, size_t size, size_t fds, const char *why)
{
    struct oci_state state = {.pid = -7};
    struct sysfold_error error = {0};

    /* Of exactly its size: a sanitizer sees who reads on. */
    cleanup_free char *copy = malloc(size ? size : 1);

    memcpy(copy, json, size);
    cr_assert_eq(oci_state_parse(copy, size, fds, &state, &error), -EBADMSG, "taken: %.200s", json);
    cr_assert_eq(error.code, -EBADMSG);
    cr_assert(strstr(error.message, why), "'%s' does not say '%s'", error.message, why);
    cr_assert_eq(state.pid, -7, "the output is touched");
    cr_assert_eq(oci_state_parse(copy, size, fds, &state, NULL), -EBADMSG);
}

static struct oci_state take(const char *json, size_t fds)
{
    struct oci_state state = {0};
    struct sysfold_error error = {0};

    cr_assert_eq(oci_state_parse(json, strlen(json), fds, &state, &error), 0, "%s", error.message);
    return state;
}

Test(notify_oci_state, runc_and_crun)
{
    struct oci_state runc = take(RUNC, 1), crun = take(CRUN, 1);

    cr_assert_str_eq(runc.id, "gdtest");
    cr_assert_str_eq(runc.bundle, "/tmp/gd/b");
    cr_assert_str_eq(runc.metadata, "some metadata");
    cr_assert(strstr(runc.annotations, "org.example.name=a test\n"));
    cr_assert(strstr(runc.annotations, "run.oci.x=1\n"));
    cr_assert_eq(runc.pid, 30691);
    cr_assert_eq(runc.listener, 0);
    cr_assert_str_eq(crun.id, "gdtest2");
    cr_assert_eq(crun.pid, 22933);
    cr_assert_str_eq(crun.metadata, "some metadata");
    oci_state_finish(&runc);
    oci_state_finish(&crun);
    cr_assert_null(runc.id);
}

Test(notify_oci_state, what_need_not_be_there)
{
    struct oci_state state = take(ID("a"), 1);

    cr_assert_str_eq(state.id, "a");
    cr_assert_null(state.bundle);
    cr_assert_null(state.metadata);
    cr_assert_null(state.annotations);
    oci_state_finish(&state);
    state = take(STATE("\"id\":\"a\",\"annotations\":null,\"bundle\":null"), 1);
    cr_assert_null(state.bundle);
    oci_state_finish(&state);
    state = take(STATE("\"id\":\"a\",\"annotations\":{}"), 1);
    cr_assert_null(state.annotations);
    oci_state_finish(&state);
}

Test(notify_oci_state, the_listener_among_others)
{
    struct oci_state state = take(ROOT("[\"pidFd\",\"seccompFd\"]", "1", "{\"id\":\"a\"}"), 2);

    cr_assert_eq(state.listener, 1);
    oci_state_finish(&state);
}

Test(notify_oci_state, wrong_descriptors)
{
    static const struct {
        const char *fds;
        size_t count;
        const char *why;
    } cases[] = {
        {"[]", 0, "does not name"},
        {"[\"other\"]", 1, "does not name"},
        {"[\"seccompFd\",\"seccompFd\"]", 2, "two listeners"},
        {"[\"seccompFd\"]", 0, "names 1 descriptors, and 0 came"},
        {"[\"seccompFd\"]", 2, "names 1 descriptors, and 2 came"},
        {"[\"a\",\"b\",\"seccompFd\"]", 1, "names 3 descriptors, and 1 came"},
        {"[1]", 1, "not a string"},
        {"[null,\"seccompFd\"]", 2, "not a string"},
        {"{\"seccompFd\":0}", 1, "'fds' has another type"},
        {"\"seccompFd\"", 1, "'fds' has another type"},
        {"null", 1, "there is no 'fds'"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cleanup_free char *json = NULL;

        cr_assert_gt(asprintf(&json, "{\"fds\":%s,\"pid\":1,\"state\":{\"id\":\"a\"}}", cases[i].fds), 0);
        refuse(json, strlen(json), cases[i].count, cases[i].why);
    }
}

Test(notify_oci_state, wrong_members)
{
    static const char *const cases[][2] = {
        {"", "ends early"},
        {"[]", "not an object"},
        {"\"a\"", "not JSON"},
        {"{}", "there is no 'state'"},
        {ROOT("[\"seccompFd\"]", "1", "[]"), "'state' has another type"},
        {ROOT("[\"seccompFd\"]", "1", "{}"), "there is no 'id'"},
        {ROOT("[\"seccompFd\"]", "null", "{\"id\":\"a\"}"), "there is no 'pid'"},
        {ROOT("[\"seccompFd\"]", "\"1\"", "{\"id\":\"a\"}"), "'pid' has another type"},
        {ROOT("[\"seccompFd\"]", "1.5", "{\"id\":\"a\"}"), "'pid' has another type"},
        {ROOT("[\"seccompFd\"]", "0", "{\"id\":\"a\"}"), "'pid' cannot be one"},
        {ROOT("[\"seccompFd\"]", "-1", "{\"id\":\"a\"}"), "'pid' cannot be one"},
        {ROOT("[\"seccompFd\"]", "2147483648", "{\"id\":\"a\"}"), "'pid' cannot be one"},
        {ROOT("[\"seccompFd\"]", "4294967297", "{\"id\":\"a\"}"), "'pid' cannot be one"},
        {ROOT("[\"seccompFd\"]", "99999999999999999999999", "{\"id\":\"a\"}"), "too large"},
        {ROOT("[\"seccompFd\"]", "1e999", "{\"id\":\"a\"}"), "too large"},
        {STATE("\"id\":7"), "'id' has another type"},
        {STATE("\"id\":\"a\",\"bundle\":[]"), "'bundle' has another type"},
        {STATE("\"id\":\"a\",\"annotations\":[\"a\"]"), "'annotations' has another type"},
        {STATE("\"id\":\"a\",\"annotations\":{\"a\":1}"), "an annotation is not a string"},
        {STATE("\"id\":\"a\",\"id\":\"b\""), "twice"},
        {RUNC "x", "something behind it"},
        {RUNC RUNC, "something behind it"},
        {"{\"fds\":", "ends early"},
        {"not JSON at all", "not JSON"},
        {STATE("\"id\":\"a\xff\""), "not UTF-8"},
        {STATE("\"id\":\"a\\u0000b\""), "NUL"},
        {STATE("\"id\":\"a\",\"x\\u0000y\":1"), "NUL"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        refuse(cases[i][0], strlen(cases[i][0]), 1, cases[i][1]);
    refuse(RUNC, sizeof(RUNC), 1, "something behind it"); /* its NUL */
    refuse("{\0}", 3, 1, "ends early");
}

/* What would forge a line, a colour, or a path. */
Test(notify_oci_state, ids_that_are_no_names)
{
    static const char *const ids[] = {
        ID(""),        ID("a b"),     ID("a\\nb"), ID("\\u001b[31m"), ID("a\\tb"),
        ID("\\u007f"), ID("\\u0085"), ID("../a"),  ID("\xc3\xa4"),    ID("a\\u202eb"),
    };
    char longest[512];

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        refuse(ids[i], strlen(ids[i]), 1, "visible characters");
    (void)snprintf(longest, sizeof(longest), "{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"%0255d\"}}", 1);
    struct oci_state state = take(longest, 1);
    cr_assert_eq(strlen(state.id), 255);
    oci_state_finish(&state);
    (void)snprintf(longest, sizeof(longest), "{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"%0256d\"}}", 1);
    refuse(longest, strlen(longest), 1, "visible characters");
}

/* `count` annotations of so many bytes. */
static char *annotated(unsigned count, int bytes)
{
    char *json = NULL;
    size_t size;
    FILE *out = open_memstream(&json, &size);

    (void)fputs("{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"a\",\"annotations\":{", out);
    for (unsigned i = 0; i < count; i++)
        (void)fprintf(out, "%s\"%u\":\"%0*d\"", i ? "," : "", i, bytes, 0);
    (void)fputs("}}}", out);
    (void)fclose(out);
    return json;
}

Test(notify_oci_state, annotations_are_bounded)
{
    cleanup_free char *many = annotated(129, 1), *large = annotated(2, 20000), *most = annotated(128, 200);
    struct oci_state state = take(most, 1);

    refuse(many, strlen(many), 1, "more than 128 annotations");
    refuse(large, strlen(large), 1, "bytes of annotations");
    oci_state_finish(&state);
    state = take(STATE("\"id\":\"a\",\"annotations\":{\"a\":\"b\\nforged=1\"}"), 1);
    cr_assert_str_eq(state.annotations, "a=b forged=1\n");
    oci_state_finish(&state);
}

Test(notify_oci_state, too_long_too_deep)
{
    cleanup_free char *blanks = malloc(OCI_STATE_MAX + 1), *deep = malloc(OCI_STATE_MAX);
    cleanup_free char *long_bundle = NULL;

    memset(blanks, ' ', OCI_STATE_MAX + 1);
    memcpy(blanks, RUNC, strlen(RUNC));
    struct oci_state state = {0};
    cr_assert_eq(oci_state_parse(blanks, OCI_STATE_MAX, 1, &state, NULL), 0);
    oci_state_finish(&state);
    refuse(blanks, OCI_STATE_MAX + 1, 1, "longer than 65536 bytes");
    memset(deep, '[', OCI_STATE_MAX);
    refuse(deep, OCI_STATE_MAX, 1, "nested too deeply");
    cr_assert_gt(asprintf(&long_bundle,
                          "{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"a\",\"bundle\":\"%04097d\"}}", 0),
                 0);
    refuse(long_bundle, strlen(long_bundle), 1, "'bundle' is longer than 4096 bytes");
}
