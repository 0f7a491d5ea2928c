// SPDX-License-Identifier: Apache-2.0
/*
 * Writes what the notify backend's fuzzers begin with, one of each kind.
 *
 *     fuzz-make-notify-seeds DIRECTORY     (makes DIRECTORY/notify-*; prints how many)
 */

#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *directory;
static unsigned count;

static void write_seed(const char *fuzzer, const void *bytes, size_t size)
{
    char path[4096];
    FILE *out;

    (void)snprintf(path, sizeof(path), "%s/notify-%s", directory, fuzzer);
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        exit(1);
    (void)snprintf(path, sizeof(path), "%s/notify-%s/%02u", directory, fuzzer, count++);
    out = fopen(path, "we");
    if (!out || fwrite(bytes, 1, size, out) != size || fclose(out) != 0)
        exit(1);
}

/* --- rings --- */

struct pen {
    uint8_t bytes[4096];
    size_t size;
};

static void put(struct pen *pen, const void *bytes, size_t size)
{
    memcpy(pen->bytes + pen->size, bytes, size);
    pen->size += size;
}

static void put8(struct pen *pen, unsigned value)
{
    put(pen, &(uint8_t){(uint8_t)value}, 1);
}

static void put32(struct pen *pen, uint32_t value)
{
    put(pen, &value, sizeof(value));
}

static void put64(struct pen *pen, uint64_t value)
{
    put(pen, &value, sizeof(value));
}

static void put_header(struct pen *pen, unsigned ring, uint32_t type, uint16_t flags, uint16_t size)
{
    put8(pen, ring);
    put8(pen, size / 8);
    put32(pen, type);
    put(pen, &flags, sizeof(flags));
    put(pen, &size, sizeof(size));
}

/* Of a call: ids as in fuzz-notify-perf.c. */
static void put_sample(struct pen *pen, unsigned ring, uint16_t id, unsigned words, unsigned registers)
{
    uint32_t raw_size = 8 + 8 * (1 + words) + 4; /* filled up, so that what follows is aligned */

    put_header(pen, ring, PERF_RECORD_SAMPLE, 2, (uint16_t)(28 + raw_size + 8 + 8 * registers));
    put32(pen, 77);
    put32(pen, 78);
    put64(pen, 1000 + pen->size); /* the time */
    put32(pen, raw_size);
    put(pen, &id, sizeof(id));
    put(pen, "\0\0\116\0\0\0", 6);
    put64(pen, 110);
    for (unsigned i = 0; i < words; i++)
        put64(pen, i);
    put32(pen, 0);
    put64(pen, PERF_SAMPLE_REGS_ABI_64);
    for (unsigned i = 0; i < registers; i++)
        put64(pen, i);
}

static void put_trailer(struct pen *pen)
{
    put32(pen, 77);
    put32(pen, 78);
    put64(pen, 1000 + pen->size);
}

static void put_task(struct pen *pen, unsigned ring, uint32_t type)
{
    put_header(pen, ring, type, 0, 48);
    for (uint32_t i = 0; i < 4; i++)
        put32(pen, 77 + i);
    put64(pen, 1000 + pen->size);
    put_trailer(pen);
}

static void put_comm(struct pen *pen, unsigned ring)
{
    put_header(pen, ring, PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC, 40);
    put32(pen, 77);
    put32(pen, 78);
    put(pen, "program", 8);
    put_trailer(pen);
}

static void put_lost(struct pen *pen, unsigned ring, uint32_t type)
{
    put_header(pen, ring, type, 0, type == PERF_RECORD_LOST ? 40 : 32);
    if (type == PERF_RECORD_LOST)
        put64(pen, 1);
    put64(pen, 5);
    put_trailer(pen);
}

static void write_rings(uint8_t size)
{
    struct pen pen = {.bytes = {1, size, 0xff, 0xff}, .size = 4};

    put_task(&pen, 0, PERF_RECORD_FORK);
    put_sample(&pen, 0, 17, 6, 1);
    put_sample(&pen, 1, 18, 1, 9);
    put_sample(&pen, 0, 20, 1, 9);
    put_sample(&pen, 1, 19, 3, 1);
    put_comm(&pen, 1);
    put_lost(&pen, 0, PERF_RECORD_LOST);
    put_lost(&pen, 1, PERF_RECORD_LOST_SAMPLES);
    put_task(&pen, 0, PERF_RECORD_EXIT);
    write_seed("perf", pen.bytes, pen.size);
}

/* --- the others --- */

#define STEPS(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

/* {choices, calls}, then {kind, thread, process, number, result, argument, ...}: see fuzz-notify-supervisor.c. */
static void write_lives(void)
{
    /* A child is born, opens, reads, executes, and ends with its thread. */
    write_seed("supervisor", STEPS(0xdf, 0xff, 3, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 2, 1, 1, 1, 3, 0, 0, 1,
                                   1, 1, 1, 0, 0, 0, 0, 1, 2, 1, 1, 0, 5, 0, 0, 1, 3, 2, 1, 0, 0, 1, 0, 0, 0, 2, 1, 59,
                                   0, 0, 0, 0, 4, 1, 1, 0, 0, 0, 0, 0, 5, 1, 1, 0, 0, 0, 0, 0, 2, 1, 1, 59, 0, 0, 0, 0,
                                   0, 1, 1, 231, 0, 7, 0, 0, 4, 1, 1, 0, 0, 0, 0, 0));
    /* Without the tracepoints: ourselves, and the end by a pidfd. */
    write_seed("supervisor", STEPS(0x18, 0xff, 0, 7, 7, 1, 0, 0, 1, 0, 0, 7, 7, 59, 0, 0, 0, 0, 0, 7, 7, 56, 0, 17, 0,
                                   0, 7, 0, 0, 0, 0, 0, 0, 0, 6, 0, 7, 0, 0, 0, 0, 0));
}

static const char *const profiles[] = {
    "\1{\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
    ("\3{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,\"architectures\":[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],"
     "\"syscalls\":[{\"names\":[\"open\",\"openat\",\"connect\"],\"action\":\"SCMP_ACT_ALLOW\"},{\"names\":[\"getppid\"],"
     "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":8,\"valueTwo\":1,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}]}"),
    ("\0{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":"
     "[\"SCMP_ARCH_X86\"]}],\"syscalls\":[{\"names\":[\"clone\",\"clone3\",\"mount\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":"
     "{\"caps\":[\"CAP_SYS_ADMIN\"],\"minKernel\":\"4.8\"},\"excludes\":{\"arches\":[\"s390\"]}},{\"names\":[\"clone3\"],"
     "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":38,\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}}]}"),
    ("\2{\"defaultAction\":\"SCMP_ACT_LOG\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],\"syscalls\":[{\"name\":\"open\",\"action\":"
     "\"SCMP_ACT_KILL\"},{\"names\":[\"openat\"],\"action\":\"SCMP_ACT_TRACE\",\"args\":null}]}"),
};

static const char *const tables[] = {
    "sysfold tracepoints 1\n110 1149 1150\n0 700 701\n1 702 0\nend\n",
    "sysfold tracepoints 1\nend\n",
};

/* {role, {descriptors, size, bytes}...}: see fuzz-notify-guardian.c. */
static void write_messages(void)
{
    static const char state[] =
        "\0\1\x5f\0{\"fds\":[\"seccompFd\"],\"pid\":1,\"state\":{\"id\":\"a\",\"bundle\":\"/b\","
        "\"annotations\":{\"k\":\"v\",\"l\":\"w\"}} }  ";
    static const uint8_t container[] =
        "\1\1\x0e\0SFGD\1\0\4\0\1\0\0\0{}\0\x0c\0SFGD\1\0\6\0\0\0\0\0\0\x0c\0SFGD\1\0\7\0\0\0\0\0";
    static const uint8_t hello[] =
        "\2\0\x0c\0SFGD\1\0\1\0\0\0\0\0\0\x0c\0SFGD\1\0\3\0\0\0\0\0\0\x0c\0SFGD\1\0\5\0\0\0\0\0";
    uint8_t arrival[4 + 776 + 16] = {3, 2, 0x08, 0x03};

    write_seed("guardian", state, sizeof(state) - 1);
    write_seed("guardian", container, sizeof(container) - 1);
    write_seed("guardian", hello, sizeof(hello) - 1);
    write_seed("guardian", arrival, sizeof(arrival));
}

int main(int argc, char **argv)
{
    directory = argc == 2 ? argv[1] : "";
    if (argc != 2 || (mkdir(directory, 0755) < 0 && errno != EEXIST)) {
        (void)fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    write_rings(2);
    write_rings(7);
    write_lives();
    write_messages();
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
        write_seed("profile", profiles[i], 1 + strlen(profiles[i] + 1));
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        write_seed("tracepoints", tables[i], strlen(tables[i]));
    printf("%u\n", count);
    return 0;
}
