// SPDX-License-Identifier: Apache-2.0
/*
 * Writes what the fuzzer of container states begins with: the messages of runc
 * and of crun, and one of each kind that is neither.
 *
 *     fuzz-make-oci-state-seeds DIRECTORY     (makes DIRECTORY; prints how many)
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const seeds[] = {
    ("\1{\"ociVersion\":\"1.0.2-dev\",\"fds\":[\"seccompFd\"],\"pid\":30691,\"metadata\":\"some metadata\",\"state\":"
     "{\"ociVersion\":\"1.0.2-dev\",\"id\":\"gdtest\",\"status\":\"creating\",\"pid\":30691,\"bundle\":\"/tmp/gd/b\","
     "\"annotations\":{\"org.example.name\":\"a test\",\"run.oci.x\":\"1\"}}}"),
    ("\1{\n    \"ociVersion\": \"0.2.0\",\n    \"fds\": [\n        \"seccompFd\"\n    ],\n    \"pid\": 22933,\n"
     "    \"metadata\": \"some metadata\",\n    \"state\": {\n        \"ociVersion\": \"0.2.0\",\n"
     "        \"id\": \"gdtest2\",\n        \"status\": \"creating\",\n        \"pid\": 22933,\n"
     "        \"bundle\": \"/tmp/gd/b\",\n        \"annotations\": {\n            \"run.oci.x\": \"1\"\n        }\n"
     "    }\n}\n"),
    "\2{\"fds\":[\"pidFd\",\"seccompFd\"],\"pid\":2147483647,\"state\":{\"id\":\"a\",\"bundle\":null}}",
    ("\1{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"\\u001b[31m\\ud83d\\ude00\",\"annotations\":{\"a\":"
     "\"b\\nc\"}}}"),
    "\1{\"fds\":[[[[[[{\"a\":1e308,\"b\":-9223372036854775808}]]]]]],\"pid\":1.5,\"state\":{\"id\":true}}",
};

#define SEEDS (sizeof(seeds) / sizeof(seeds[0]))

int main(int argc, char **argv)
{
    if (argc != 2 || (mkdir(argv[1], 0755) < 0 && errno != EEXIST)) {
        (void)fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < SEEDS; i++) {
        char path[4096];
        FILE *out;

        (void)snprintf(path, sizeof(path), "%s/%02zu", argv[1], i);
        out = fopen(path, "we");
        if (!out || fputs(seeds[i], out) < 0 || fclose(out) != 0)
            return 1;
    }
    printf("%zu\n", SEEDS);
    return 0;
}
