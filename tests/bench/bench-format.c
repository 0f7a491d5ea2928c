// SPDX-License-Identifier: Apache-2.0
/*
 * Lines a second of processor time, of text and of JSON, the state included in
 * what is shown: `meson test --benchmark format`. The mix is that of a shell
 * script: opens, reads of a snaplen, closes, failures, calls without a row.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/encode.h"
#include "decoder/decode/event.h"
#include "decoder/state/state.h"

#define ROUNDS 7
#define LINES_A_ROUND 500000

enum { OPEN, FAILURE, READ, READ_BINARY, CLOSE, GENERIC, KINDS };

static struct encoder encoder;
static uint8_t records[KINDS][4096];
static struct sysfold_event events[KINDS];

static void keep(unsigned kind)
{
    size_t size;
    const uint8_t *bytes = encoder_finish(&encoder, &size);

    memcpy(records[kind], bytes, size);
    events[kind] = (struct sysfold_event){.number = 1000000 + kind, .source_name = "host"};
    if (size > sizeof(records[kind]) ||
        record_read(&events[kind].record, sysfold_schema_builtin(), records[kind], size, false) < 0)
        abort();
}

static void make_open(unsigned kind, const char *path, int result)
{
    encoder_begin(&encoder, row_builtin(ROW_OPENAT), 4242, UINT64_C(1760000000123456789));
    encoder_integer(&encoder, P_OPENAT_res, result);
    encoder_integer(&encoder, P_OPENAT_dirfd, -100);
    encoder_integer(&encoder, P_OPENAT_flags, 02000000);
    encoder_integer(&encoder, P_OPENAT_mode, 0);
    encoder_string(&encoder, P_OPENAT_path, path);
    if (result < 0) {
        encoder_failed(&encoder);
    } else {
        encoder_integer(&encoder, P_OPENAT_dev, 0x801);
        encoder_integer(&encoder, P_OPENAT_ino, 77);
        encoder_bytes(&encoder, P_OPENAT_file, "", 0, PATH_BYTES_MAX);
    }
    keep(kind);
}

static void make_read(unsigned kind, const char *data, size_t size)
{
    encoder_begin(&encoder, row_builtin(ROW_READ), 4242, UINT64_C(1760000000123456789));
    encoder_integer(&encoder, P_READ_res, (int64_t)size);
    encoder_integer(&encoder, P_READ_fd, 3);
    encoder_integer(&encoder, P_READ_size, 4096);
    encoder_bytes(&encoder, P_READ_data, data, size, SNAPLEN_DEFAULT);
    keep(kind);
}

static void make_events(void)
{
    static const char words[] = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n";
    static const char binary[] = "\x7f" "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0\x01\0\0\0\x10\xcd\x02\0\0\0\0\0";

    make_open(OPEN, "/etc/passwd", 3);
    make_open(FAILURE, "/usr/lib/locale/C.utf8/LC_MESSAGES", -ENOENT);
    make_read(READ, words, sizeof(words) - 1);
    make_read(READ_BINARY, binary, sizeof(binary) - 1);
    encoder_begin(&encoder, row_builtin(ROW_CLOSE), 4242, UINT64_C(1760000000123456789));
    encoder_integer(&encoder, P_CLOSE_res, 0);
    encoder_integer(&encoder, P_CLOSE_fd, 3);
    keep(CLOSE);
    encoder_begin(&encoder, row_builtin(ROW_SYSCALL), 4242, UINT64_C(1760000000123456789));
    encoder_integer(&encoder, P_SYSCALL_res, 0);
    encoder_integer(&encoder, P_SYSCALL_arch, 0xc000003e);
    encoder_integer(&encoder, P_SYSCALL_nr, 250);
    for (unsigned i = P_SYSCALL_a0; i <= P_SYSCALL_a5; i++)
        encoder_integer(&encoder, i, 0x7ffd12345678 + i);
    keep(GENERIC);
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure(const char *name, size_t (*format)(const struct sysfold_event *, char *, size_t))
{
    static char buffer[65536];
    double best = 0;
    size_t bytes = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = seconds(), rate;

        bytes = 0;
        for (unsigned i = 0; i < LINES_A_ROUND; i++)
            bytes += format(&events[i % KINDS], buffer, sizeof(buffer));
        rate = LINES_A_ROUND / (seconds() - start);
        best = rate > best ? rate : best;
    }
    printf("%s: %.2f million lines a second of one core, %.0f bytes a line\n", name, best / 1e6, (double)bytes / LINES_A_ROUND);
}

int main(void)
{
    struct state *state;

    make_events();
    if (state_create(sysfold_schema_builtin(), false, &state) < 0)
        return EXIT_FAILURE;
    for (unsigned i = 0; i < KINDS; i++) {
        if (i != CLOSE && state_apply(state, &events[i]) < 0)
            return EXIT_FAILURE;
    }
    events[CLOSE].thread = events[READ].thread;
    events[CLOSE].fd = events[READ].fd;
    measure("text", sysfold_event_format);
    measure("json", sysfold_event_format_json);
    state_destroy(state);
    return EXIT_SUCCESS;
}
