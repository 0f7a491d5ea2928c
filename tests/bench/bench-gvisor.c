// SPDX-License-Identifier: Apache-2.0
/*
 * Packets a second of what a gVisor sandbox once sent: `meson test --benchmark gvisor-packets`.
 *
 *     bench-gvisor FIXTURE [SYSFOLD]
 *
 * First within this process, by its processor time, of all threads together: the messages read, made into records,
 * followed by the state, written into a capture file as `sysfold record` does. Then the whole chain: a process sends,
 * SYSFOLD records through a socket, on one cpu, which is not the sender's.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <sysfold/sysfold.h>

#include "backends/gvisor/message.h"
#include "backends/gvisor/sandbox.h"
#include "decoder/stream.h"

#define ROUNDS 7
#define REPEAT 20 /* times that the chain is sent the fixture */
#define BAR 500000
#define PACKETS_MAX 1000000
#define AT_ONCE 256 /* packets, then what can be told is taken */
#define NS UINT64_C(1000000000)
#define TIME_BYTES 9 /* of a time of our days as a varint */
#define SKIP 77

struct packet {
    const uint8_t *bytes;
    uint32_t size;
    uint64_t time;
    uint8_t *place; /* of the time within the packet; NULL: it has none */
};

static struct {
    uint8_t *bytes;
    struct packet *packets;
    size_t count;
} fixture;

static struct capture_options options;

/* The fixture. */

static int fail(const char *what)
{
    (void)fprintf(stderr, "bench-gvisor: %s: %s\n", what, strerror(errno));
    return EXIT_FAILURE;
}

static uint64_t read_varint(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)(bytes[i] & 0x7f) << 7 * i;
    return value;
}

static void write_varint(uint8_t *bytes, uint64_t value)
{
    for (size_t i = 0; i < TIME_BYTES; i++)
        bytes[i] = (uint8_t)((value >> 7 * i & 0x7f) | (i < TIME_BYTES - 1 ? 0x80 : 0));
}

/* The first field of a message is its context, whose first field is the time. */
static void find_time(struct packet *packet, uint8_t *bytes)
{
    size_t at = 8;

    if (packet->size < at + 3 + TIME_BYTES || bytes[at++] != 0x0a)
        return;
    while (bytes[at++] & 0x80 && at < packet->size - TIME_BYTES - 1) {
    }
    if (at + 1 + TIME_BYTES > packet->size || bytes[at] != 0x08 || bytes[at + TIME_BYTES] & 0x80)
        return;
    packet->place = bytes + at + 1;
    packet->time = read_varint(packet->place, TIME_BYTES);
}

static int index_packets(size_t size)
{
    uint64_t last = 0;

    fixture.packets = calloc(PACKETS_MAX, sizeof(*fixture.packets));
    for (size_t at = 0; fixture.packets && at + sizeof(uint32_t) <= size && fixture.count < PACKETS_MAX;) {
        struct packet *packet = &fixture.packets[fixture.count];

        memcpy(&packet->size, fixture.bytes + at, sizeof(packet->size));
        at += sizeof(packet->size);
        if (packet->size > size - at)
            break;
        packet->bytes = fixture.bytes + at;
        find_time(packet, fixture.bytes + at);
        packet->time = packet->time > last ? packet->time : last;
        last = packet->time;
        at += packet->size;
        fixture.count++;
    }
    return fixture.count ? 0 : -EBADMSG;
}

static int load(const char *directory)
{
    static const size_t room = (size_t)64 << 20;
    char path[4096];
    gzFile file;
    int size;

    (void)snprintf(path, sizeof(path), "%s/packets.bin.gz", directory);
    file = gzopen(path, "r");
    fixture.bytes = file ? malloc(room) : NULL;
    if (!fixture.bytes)
        return -errno;
    size = gzread(file, fixture.bytes, (unsigned)room);
    gzclose(file);
    return size > 0 ? index_packets((size_t)size) : -EIO;
}

/* Within this process. */

static double seconds(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int read_messages(const char *path)
{
    struct arena arena = {0};
    struct message message;
    uint64_t calls = 0;

    (void)path;
    for (size_t i = 0; i < fixture.count; i++) {
        if (message_read(&arena, fixture.packets[i].bytes, fixture.packets[i].size, &message) == 0)
            calls += message.is_call;
    }
    arena_finish(&arena);
    return calls ? 0 : -EIO;
}

/* The feed: a sandbox that sends the fixture. */

static struct sandbox *sandbox;
static size_t next;

static int next_batch(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    size_t end = next + AT_ONCE < fixture.count ? next + AT_ONCE : fixture.count;
    uint64_t now;

    (void)data, (void)timeout_ms, (void)error;
    if (sandbox_is_over(sandbox))
        return 0;
    for (; next < end; next++)
        sandbox_packet(sandbox, fixture.packets[next].bytes, fixture.packets[next].size, fixture.packets[next].time);
    now = fixture.packets[end - 1].time;
    if (next == fixture.count)
        sandbox_end(sandbox, now);
    *ret_batch = (struct batch){.source = 1, .cpu = -1};
    ret_batch->count = sandbox_take(sandbox, now, &ret_batch->each);
    return 1;
}

static void close_feed(void *data)
{
    (void)data;
    sandbox_destroy(sandbox);
    sandbox = NULL;
}

static int open_sandbox(void)
{
    next = 0;
    return sandbox_create(&options, 1, &sandbox);
}

static int make_records(const char *path)
{
    struct batch batch;
    uint64_t records = 0;
    int r = open_sandbox();

    (void)path;
    while (r == 0 && next_batch(NULL, 0, &batch, NULL) > 0)
        records += batch.count;
    close_feed(NULL);
    return records ? r : -EIO;
}

static struct sysfold_stream *open_stream(bool no_state)
{
    const struct feed feed = {
        .name = "gvisor", .schema = sysfold_schema_builtin(), .next_batch = next_batch, .close = close_feed};
    struct sysfold_stream *stream = NULL;

    if (open_sandbox() < 0 || stream_create(&feed, no_state, false, &stream, NULL) < 0)
        return NULL;
    return stream;
}

static int follow_state(const char *path)
{
    struct sysfold_stream *stream = open_stream(false);
    const struct sysfold_event *event;
    uint64_t seen = 0;

    (void)path;
    while (stream && sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while ((event = sysfold_stream_next(stream)))
            seen += (sysfold_event_fd(event) != NULL) + (sysfold_event_process(event) != NULL);
    }
    sysfold_stream_close(stream);
    return seen ? 0 : -EIO;
}

static int write_capture(const char *path, int compression)
{
    const struct sysfold_writer_options writing = {.size = sizeof(writing), .compression = compression};
    struct sysfold_stream *stream = open_stream(true);
    struct sysfold_writer *writer = NULL;
    const struct sysfold_event *event;
    int r = stream ? sysfold_writer_open(path, stream, &writing, &writer, NULL) : -EIO;

    while (!r && sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while (!r && (event = sysfold_stream_next(stream)))
            r = sysfold_writer_put(writer, event, NULL);
    }
    if (writer && sysfold_writer_close(writer, NULL) < 0)
        r = -EIO;
    sysfold_stream_close(stream);
    return r;
}

static int write_plain(const char *path)
{
    return write_capture(path, -1);
}

static int write_compressed(const char *path)
{
    return write_capture(path, 0);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static void report(const char *what, double ns, const char *more)
{
    printf("%-42s %8.0f packets a second, %6.0f ns a packet%s\n", what, 1e9 / ns, ns, more);
    (void)fflush(stdout);
}

static int measure(const char *what, int (*run)(const char *path), const char *path, bool is_judged)
{
    double each[ROUNDS], start;
    int r;

    for (unsigned round = 0; round < ROUNDS; round++) {
        start = seconds(CLOCK_PROCESS_CPUTIME_ID);
        r = run(path);
        if (r < 0)
            return r;
        each[round] = (seconds(CLOCK_PROCESS_CPUTIME_ID) - start) * 1e9 / (double)fixture.count;
    }
    qsort(each, ROUNDS, sizeof(each[0]), compare);
    report(what, each[ROUNDS / 2], !is_judged ? "" : each[ROUNDS / 2] * BAR <= 1e9 ? ": bar met" : ": bar MISSED");
    return 0;
}

static int measure_all(const char *path)
{
    int r = measure("messages read", read_messages, path, false);

    if (r == 0)
        r = measure("records made", make_records, path, false);
    if (r == 0)
        r = measure("records made, state followed", follow_state, path, false);
    if (r == 0)
        r = measure("records made, written", write_plain, path, false);
    if (r == 0)
        r = measure("records made, compressed and written", write_compressed, path, true);
    return r;
}

/* The whole chain. */

static void stay_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

static pid_t start_recorder(const char *sysfold, const char *place, const char *path)
{
    pid_t pid = fork();

    if (pid)
        return pid;
    stay_on(1);
    execl(sysfold, sysfold, "record", "-q", "-b", "gvisor", "--socket", place, "-o", path, (char *)NULL);
    _exit(127);
}

static int connect_to(const char *place)
{
    static const uint8_t handshake[2] = {8, 1};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    uint8_t answer[2];

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", place);
    for (int tries = 0; tries < 1000; tries++) {
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
            break;
        usleep(10000);
    }
    if (send(fd, handshake, sizeof(handshake), MSG_NOSIGNAL) == 2 && recv(fd, answer, sizeof(answer), 0) == 2)
        return fd;
    close(fd);
    return -EPROTO;
}

static void wait_until(double when)
{
    while (seconds(CLOCK_MONOTONIC) < when) {
    }
}

static int send_one(int fd, struct packet *packet, uint64_t offset)
{
    if (packet->place)
        write_varint(packet->place, packet->time + offset);
    return send(fd, packet->bytes, packet->size, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* As fast as they are taken, or so many a second. The times go on from one repetition to the next. */
static int send_all(int fd, unsigned rate)
{
    const uint64_t first = fixture.packets[0].time, span = fixture.packets[fixture.count - 1].time - first + 1000;
    uint64_t start = (uint64_t)(seconds(CLOCK_REALTIME) * 1e9) - REPEAT * span;
    double began = seconds(CLOCK_MONOTONIC);
    int r = 0;

    for (unsigned turn = 0; turn < REPEAT; turn++) {
        for (size_t i = 0; i < fixture.count && r == 0; i++) {
            if (rate && i % 16 == 0)
                wait_until(began + ((double)turn * (double)fixture.count + (double)i) / rate);
            r = send_one(fd, &fixture.packets[i], start + turn * span - first);
        }
    }
    return r;
}

/* Ends the recorder, which takes what there still is. Returns the processor's seconds that it took; < 0: it failed. */
static double end_recorder(pid_t pid)
{
    struct rusage usage;
    int status;

    (void)kill(pid, SIGTERM);
    if (wait4(pid, &status, 0, &usage) < 0 ||
        !(WIFSIGNALED(status) ? WTERMSIG(status) == SIGTERM
                              : WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 128 + SIGTERM))
        return -1;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int read_lost(const char *path, uint64_t *ret_lost)
{
    const struct sysfold_file_options reading = {.size = sizeof(reading), .no_state = true};
    struct sysfold_stats stats = {.size = sizeof(stats)};
    struct sysfold_stream *stream;
    int r = sysfold_file_open(path, &reading, &stream, NULL);

    if (r < 0)
        return r;
    while (sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while (sysfold_stream_next(stream)) {
        }
    }
    r = sysfold_stream_stats(stream, &stats);
    sysfold_stream_close(stream);
    *ret_lost = stats.lost;
    return r;
}

static int run_chain(const char *sysfold, const char *place, const char *path, unsigned rate)
{
    const double packets = (double)fixture.count * REPEAT;
    pid_t pid = start_recorder(sysfold, place, path);
    int fd = pid > 0 ? connect_to(place) : -ECHILD;
    double start = seconds(CLOCK_MONOTONIC), sent, cpu;
    uint64_t lost = 0;
    int r = fd < 0 ? fd : send_all(fd, rate);

    sent = seconds(CLOCK_MONOTONIC) - start;
    if (fd >= 0)
        close(fd);
    cpu = pid > 0 ? end_recorder(pid) : -1;
    if (r < 0 || cpu < 0 || read_lost(path, &lost) < 0)
        return -EIO;
    if (rate)
        printf("the chain, sent %u a second: ", rate);
    else
        printf("the chain, sent as fast as it goes: ");
    printf("%.0f a second in fact, %.1f %% lost by the queue, %.0f ns of the recorder's cpu a packet\n", packets / sent,
           100 * (double)lost / packets, cpu * 1e9 / packets);
    (void)fflush(stdout);
    return 0;
}

static int run_chains(const char *sysfold, const char *directory, const char *path)
{
    static const unsigned rates[] = {100000, 200000, 300000, 400000, BAR, 0};
    char place[64];
    int r = 0;

    stay_on(0);
    (void)snprintf(place, sizeof(place), "%s/s", directory);
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]) && r == 0; i++)
        r = run_chain(sysfold, place, path, rates[i]);
    (void)unlink(place);
    return r;
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/bench-gvisor-XXXXXX", path[64];
    int r;

    if (argc < 2)
        return EXIT_FAILURE;
    if (access(argv[1], R_OK) < 0) {
        printf("SKIP: %s: %s\n", argv[1], strerror(errno));
        return SKIP;
    }
    if (load(argv[1]) < 0 || !mkdtemp(directory))
        return fail(argv[1]);
    options = (struct capture_options){.live = {.snaplen = 80, .string_vector_max = 16384}};
    if (callset_parse(&options.calls, "all", NULL) < 0)
        return fail("all calls");
    (void)snprintf(path, sizeof(path), "%s/a.sfold", directory);
    r = measure_all(path);
    if (r == 0 && argc > 2)
        r = run_chains(argv[2], directory, path);
    (void)unlink(path);
    (void)rmdir(directory);
    free(fixture.packets);
    free(fixture.bytes);
    errno = -r;
    return r < 0 ? fail("it failed") : EXIT_SUCCESS;
}
