// SPDX-License-Identifier: Apache-2.0
/*
 * Events a second of processor time through the decoder, with and without
 * state: `meson test --benchmark decode`. From memory, from an uncompressed
 * capture file made of the same records, and from any capture: bench-decode FILE.
 * Fifty processes at work: six calls in ten read or write (a quarter of them a
 * snaplen of data or more), opens and closes, stat, mmap, futex, poll, and now
 * and then a process that ends and another that is made and replaces its image.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysfold/sysfold.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/encode.h"
#include "decoder/stream.h"

#define ROUNDS 5
#define EVENTS 2000000
#define PROCESSES 50
#define FDS 12
#define BLOCK (256 * 1024)

/* The records, one after another, and where each batch of them ends. */
static struct {
    uint8_t *bytes;
    size_t size, room;
    size_t ends[16384];
    size_t batches;
    uint64_t events;
} capture;

static struct encoder encoder;
static uint64_t now = UINT64_C(1760000000000000000);

static uint32_t random_below(uint32_t limit)
{
    static uint64_t state = 42;

    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % limit;
}

static void put(void)
{
    size_t size;
    const uint8_t *record = encoder_finish(&encoder, &size);

    if (capture.size + size > capture.room) {
        capture.room = capture.room ? capture.room * 2 : 64 << 20;
        capture.bytes = realloc(capture.bytes, capture.room);
        if (!capture.bytes)
            abort();
    }
    memcpy(capture.bytes + capture.size, record, size);
    capture.size += size;
    capture.events++;
    if (capture.size - (capture.batches ? capture.ends[capture.batches - 1] : 0) > BLOCK)
        capture.ends[capture.batches++] = capture.size;
}

static void begin(enum row_number row, uint32_t tid)
{
    now += 200 + random_below(2000);
    encoder_begin(&encoder, row_builtin(row), tid, now);
}

static void put_data(uint32_t tid, bool reads)
{
    static const uint8_t data[SNAPLEN_DEFAULT] =
        "a line of text as programs like to read and write them, again and again";
    size_t size = random_below(4) ? random_below(24) : 10 + random_below(4000);

    begin(reads ? ROW_READ : ROW_WRITE, tid);
    encoder_integer(&encoder, P_READ_res, (int64_t)size);
    encoder_integer(&encoder, P_READ_fd, random_below(FDS));
    encoder_integer(&encoder, P_READ_size, reads ? 4096 : (int64_t)size);
    encoder_bytes(&encoder, P_READ_data, data, size < sizeof(data) ? size : sizeof(data), sizeof(data));
    put();
}

static void put_open(uint32_t tid, int fd)
{
    static const char *const paths[] = {"/etc/ld.so.cache", "/usr/lib/x86_64-linux-gnu/libc.so.6", "src/main.c",
                                        "/proc/self/status", "include/linux/sched/signal.h"};
    const char *path = paths[random_below(5)];
    bool fails = !random_below(4);

    begin(ROW_OPENAT, tid);
    encoder_integer(&encoder, P_OPENAT_res, fails ? -ENOENT : fd);
    encoder_integer(&encoder, P_OPENAT_dirfd, -100);
    encoder_integer(&encoder, P_OPENAT_flags, 02000000);
    encoder_integer(&encoder, P_OPENAT_mode, 0);
    encoder_string(&encoder, P_OPENAT_path, path);
    if (fails) {
        encoder_failed(&encoder);
    } else {
        char file[128];

        (void)snprintf(file, sizeof(file), "/home/user/project/%s", path);
        encoder_integer(&encoder, P_OPENAT_dev, 0x801);
        encoder_integer(&encoder, P_OPENAT_ino, random_below(1000000));
        encoder_string(&encoder, P_OPENAT_file, path[0] == '/' ? "" : file);
    }
    put();
}

static void put_close(uint32_t tid, int fd)
{
    begin(ROW_CLOSE, tid);
    encoder_integer(&encoder, P_CLOSE_res, 0);
    encoder_integer(&encoder, P_CLOSE_fd, fd);
    put();
}

static void put_stat(uint32_t tid)
{
    begin(ROW_NEWFSTATAT, tid);
    encoder_integer(&encoder, P_NEWFSTATAT_res, 0);
    encoder_integer(&encoder, P_NEWFSTATAT_dirfd, -100);
    encoder_integer(&encoder, P_NEWFSTATAT_statbuf, 0x7ffd12345678);
    encoder_integer(&encoder, P_NEWFSTATAT_flags, 0);
    encoder_string(&encoder, P_NEWFSTATAT_path, "/usr/share/zoneinfo/Europe/Berlin");
    put();
}

static void put_mmap(uint32_t tid)
{
    begin(ROW_MMAP, tid);
    encoder_integer(&encoder, P_MMAP_res, 0x7f1234567000);
    encoder_integer(&encoder, P_MMAP_addr, 0);
    encoder_integer(&encoder, P_MMAP_length, 8192);
    encoder_integer(&encoder, P_MMAP_prot, 3);
    encoder_integer(&encoder, P_MMAP_flags, 0x22);
    encoder_integer(&encoder, P_MMAP_fd, random_below(2) ? -1 : 3);
    encoder_integer(&encoder, P_MMAP_offset, 0);
    put();
}

static void put_futex(uint32_t tid)
{
    begin(ROW_FUTEX, tid);
    for (unsigned i = P_FUTEX_res; i <= P_FUTEX_val3; i++)
        encoder_integer(&encoder, i, i);
    put();
}

static void put_poll(uint32_t tid)
{
    static const uint8_t fds[16] = {3, 0, 0, 0, 1};

    begin(ROW_POLL, tid);
    encoder_integer(&encoder, P_POLL_res, 1);
    encoder_integer(&encoder, P_POLL_nfds, 2);
    encoder_integer(&encoder, P_POLL_timeout, -1);
    encoder_bytes(&encoder, P_POLL_fds, fds, sizeof(fds), sizeof(fds));
    put();
}

static void put_start(uint32_t parent, uint32_t pid)
{
    begin(ROW_THREAD_START, pid);
    encoder_integer(&encoder, P_THREAD_START_pid, pid);
    encoder_integer(&encoder, P_THREAD_START_ppid, parent);
    encoder_integer(&encoder, P_THREAD_START_parent_tid, parent);
    encoder_integer(&encoder, P_THREAD_START_flags, 0x11);
    encoder_integer(&encoder, P_THREAD_START_start_time, (int64_t)now);
    put();
}

static void put_exec(uint32_t pid)
{
    static const char argv[] = "cc\0-O2\0-c\0main.c";

    begin(ROW_EXEC, pid);
    encoder_integer(&encoder, P_EXEC_pid, pid);
    encoder_integer(&encoder, P_EXEC_old_tid, pid);
    encoder_integer(&encoder, P_EXEC_uid, 1000);
    encoder_string(&encoder, P_EXEC_comm, "cc");
    encoder_string(&encoder, P_EXEC_exe, "/usr/bin/x86_64-linux-gnu-gcc-12");
    put();
    begin(ROW_EXECVE, pid);
    encoder_integer(&encoder, P_EXECVE_res, 0);
    encoder_string(&encoder, P_EXECVE_path, "/usr/bin/cc");
    encoder_bytes(&encoder, P_EXECVE_argv, argv, sizeof(argv), sizeof(argv));
    put();
    for (int fd = 0; fd < FDS; fd++)
        put_open(pid, fd);
}

static void put_exit(uint32_t pid)
{
    begin(ROW_PROCESS_EXIT, pid);
    encoder_integer(&encoder, P_PROCESS_EXIT_pid, pid);
    encoder_integer(&encoder, P_PROCESS_EXIT_status, 0);
    put();
}

static void put_call(uint32_t tid)
{
    uint32_t dice = random_below(1000);

    if (dice < 600)
        put_data(tid, dice < 350);
    else if (dice < 690)
        put_open(tid, (int)random_below(FDS));
    else if (dice < 750)
        put_close(tid, (int)random_below(FDS));
    else if (dice < 830)
        put_stat(tid);
    else if (dice < 890)
        put_mmap(tid);
    else if (dice < 950)
        put_futex(tid);
    else
        put_poll(tid);
}

static void make_capture(void)
{
    uint32_t pids[PROCESSES], next = 1000, current = 0;

    for (unsigned i = 0; i < PROCESSES; i++) {
        pids[i] = next++;
        put_start(1, pids[i]);
        put_exec(pids[i]);
    }
    while (capture.events < EVENTS) {
        if (!random_below(20)) /* each runs for a while before another does */
            current = random_below(PROCESSES);
        put_call(pids[current]);
        if (!random_below(2000)) {
            put_exit(pids[current]);
            pids[current] = next++;
            put_start(pids[(current + 1) % PROCESSES], pids[current]);
            put_exec(pids[current]);
        }
    }
    if (!capture.batches || capture.ends[capture.batches - 1] < capture.size)
        capture.ends[capture.batches++] = capture.size;
}

/* The feed: those records, batch by batch. */

static size_t batch_index;

static int next_batch(void *data, int timeout_ms, struct batch *ret_batch, struct sysfold_error *error)
{
    size_t start = batch_index ? capture.ends[batch_index - 1] : 0;

    (void)data, (void)timeout_ms, (void)error;
    if (batch_index == capture.batches)
        return 0;
    *ret_batch = (struct batch){.records = capture.bytes + start, .size = capture.ends[batch_index] - start, .cpu = -1};
    batch_index++;
    return 1;
}

static void close_feed(void *data)
{
    (void)data;
}

static struct sysfold_stream *open_stream(const char *path, bool no_state)
{
    const struct feed feed = {
        .name = "bench", .schema = sysfold_schema_builtin(), .next_batch = next_batch, .close = close_feed};
    const struct sysfold_file_options options = {.size = sizeof(options), .no_state = no_state};
    struct sysfold_error error = {0};
    struct sysfold_stream *stream = NULL;
    int r;

    batch_index = 0;
    r = path ? sysfold_file_open(path, &options, &stream, &error)
             : stream_create(&feed, no_state, false, &stream, &error);
    if (r < 0)
        fprintf(stderr, "bench-decode: %s\n", error.message);
    return stream;
}

static double seconds(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Everything that a consumer does with every event, short of showing it. */
static int consume(struct sysfold_stream *stream, struct sysfold_stats *ret_stats)
{
    const struct sysfold_event *event;
    uint64_t seen = 0;
    int r;

    while ((r = sysfold_stream_fetch(stream, -1, NULL)) > 0) {
        while ((event = sysfold_stream_next(stream)))
            seen +=
                sysfold_event_tid(event) + (sysfold_event_fd(event) != NULL) + (sysfold_event_process(event) != NULL);
    }
    if (r < 0 || !seen)
        return -EIO;
    ret_stats->size = sizeof(*ret_stats);
    return sysfold_stream_stats(stream, ret_stats);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static int measure(const char *path, const char *name, bool no_state)
{
    struct sysfold_stats stats = {0};
    double rates[ROUNDS];

    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = seconds();
        struct sysfold_stream *stream = open_stream(path, no_state);
        int r = stream ? consume(stream, &stats) : -EIO;

        sysfold_stream_close(stream);
        if (r < 0)
            return r;
        rates[round] = (double)stats.events / (seconds() - start);
    }
    qsort(rates, ROUNDS, sizeof(rates[0]), compare);
    printf("decode from=%s state=%s events=%llu bytes_per_event=%.1f million_events_per_second=%.2f\n", name,
           no_state ? "no" : "yes", (unsigned long long)stats.events, (double)stats.bytes / (double)stats.events,
           rates[ROUNDS / 2] / 1e6);
    (void)fflush(stdout);
    return 0;
}

static int write_file(const char *path)
{
    const struct sysfold_writer_options options = {.size = sizeof(options), .compression = -1};
    struct sysfold_stream *stream = open_stream(NULL, true);
    struct sysfold_writer *writer = NULL;
    const struct sysfold_event *event;
    int r = stream ? sysfold_writer_open(path, stream, &options, &writer, NULL) : -EIO;

    while (!r && sysfold_stream_fetch(stream, -1, NULL) > 0) {
        while (!r && (event = sysfold_stream_next(stream)))
            r = sysfold_writer_put(writer, event, NULL);
    }
    if (writer && sysfold_writer_close(writer, NULL) < 0)
        r = -EIO;
    sysfold_stream_close(stream);
    return r;
}

static int measure_both(const char *path, const char *name)
{
    int r = measure(path, name, true);

    return r < 0 ? r : measure(path, name, false);
}

int main(int argc, char **argv)
{
    char path[] = "/tmp/bench-decode-XXXXXX";
    int fd, r;

    if (argc > 1)
        return measure_both(argv[1], "file") < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    make_capture();
    r = measure_both(NULL, "memory");
    fd = mkstemp(path);
    if (fd >= 0 && r >= 0) {
        r = write_file(path);
        if (r >= 0)
            r = measure_both(path, "file");
    }
    if (fd >= 0) {
        close(fd);
        unlink(path);
    }
    free(capture.bytes);
    return fd < 0 || r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
