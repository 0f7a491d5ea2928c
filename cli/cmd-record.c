// SPDX-License-Identifier: Apache-2.0
/* sysfold record: what a program does, into a capture file. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"

struct record {
    struct capture_arguments capture;
    struct sysfold_writer_options options;
    struct sysfold_writer *writer;
    const char *path;
    bool created; /* the file, by us */
    bool quiet;
    bool shown;      /* a progress line stands on the terminal */
    uint64_t kept;   /* events that the writer took */
    uint64_t bytes;  /* in the file */
    uint64_t events; /* at the last progress line */
};

static int record_start(void *data, const struct sysfold_stream *stream, struct sysfold_error *error)
{
    struct record *record = data;

    return sysfold_writer_open(record->path, stream, &record->options, &record->writer, error);
}

static int record_put(void *data, const struct sysfold_event *event, struct sysfold_error *error)
{
    struct record *record = data;
    int r = sysfold_writer_put(record->writer, event, error);

    record->kept += r == 0;
    return r;
}

static int record_finish(void *data, struct sysfold_error *error)
{
    struct record *record = data;
    struct stat file;
    int r;

    if (!record->writer)
        return 0;
    record->bytes = sysfold_writer_bytes(record->writer);
    r = sysfold_writer_close(record->writer, error);
    if (strcmp(record->path, "-") != 0 && stat(record->path, &file) == 0 && S_ISREG(file.st_mode))
        record->bytes = (uint64_t)file.st_size; /* the last blocks and the index as well */
    return r;
}

static const char *human_bytes(uint64_t bytes, char *buffer, size_t size)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double amount = (double)bytes;
    size_t unit = 0;

    while (amount >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        amount /= 1024;
        unit++;
    }
    (void)snprintf(buffer, size, unit ? "%.1f %s" : "%.0f %s", amount, units[unit]);
    return buffer;
}

static void record_tick(void *data, const struct sysfold_stats *stats)
{
    struct record *record = data;
    char bytes[32];

    if (!record->writer)
        return;
    (void)fprintf(stderr, "\r\033[Ksysfold: %llu events, %llu/s, %llu lost, %s", (unsigned long long)stats->events,
                  (unsigned long long)(stats->events - record->events) * 2, (unsigned long long)stats->lost,
                  human_bytes(sysfold_writer_bytes(record->writer), bytes, sizeof(bytes)));
    record->events = stats->events;
    record->shown = true;
}

static void record_summary(const struct record *record, const struct capture_result *result)
{
    const char *name = strcmp(record->path, "-") ? record->path : "standard output";
    char bytes[32];

    if (record->shown)
        (void)fputs("\r\033[K", stderr);
    if (record->quiet || !result->launched || !record->writer)
        return;
    human_bytes(record->bytes, bytes, sizeof(bytes));
    if (record->kept < result->stats.events) /* loss records are kept as well, hence not "!=" */
        complain("only %llu of %llu events, %llu lost, %s in %s", (unsigned long long)record->kept,
                 (unsigned long long)result->stats.events, (unsigned long long)result->stats.lost, bytes, name);
    else
        complain("%llu events, %llu lost, %s in %s", (unsigned long long)result->stats.events,
                 (unsigned long long)result->stats.lost, bytes, name);
}

/*
 * The writer needs the stream, which starts the target: so whether the file
 * can be written is found out before. A file that is there keeps its contents
 * until the target runs; its name is empty or taken afterwards, by us.
 */
static int check_output(struct record *record)
{
    int fd;
    int r = 0;

    if (!strcmp(record->path, "-")) {
        if (!isatty(STDOUT_FILENO))
            return 0;
        complain("a capture is nothing for a terminal: give -o FILE");
        return -EINVAL;
    }
    fd = open(record->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    record->created = fd >= 0;
    if (fd >= 0) {
        close(fd);
    } else if (errno != EEXIST) {
        r = -errno;
    } else { /* opening one that exists might wait for a reader (a FIFO) */
        struct stat file;

        if (strcmp(record->path, "-") != 0 && stat(record->path, &file) == 0 && S_ISDIR(file.st_mode))
            r = -EISDIR;
        else if (faccessat(AT_FDCWD, record->path, W_OK, AT_EACCESS) < 0)
            r = -errno;
    }
    if (r < 0)
        complain("cannot write to %s: %s", record->path, strerror(-r));
    return r;
}

static bool record_take_option(struct record *record, int option)
{
    uint64_t level;

    switch (option) {
    case 'o':
        record->path = optarg;
        return true;
    case 'q':
        return record->quiet = true;
    case 300:
        if (!parse_number(&command_record, "--compress", optarg, 0, 9, &level))
            return false;
        record->options.compression = level ? (int)level : -1;
        return true;
    default:
        return capture_take_option(&command_record, &record->capture, option);
    }
}

static bool record_parse(struct record *record, int argc, char **argv)
{
    static const struct option options[] = {CAPTURE_OPTIONS,
                                            {"output", required_argument, NULL, 'o'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"compress", required_argument, NULL, 300},
                                            {0}};
    int option;

    while ((option = next_option(&command_record, argc, argv, CAPTURE_LETTERS "o:q", options)) != -1) {
        if (!record_take_option(record, option))
            return false;
    }
    if (!record->path) {
        misused(&command_record, "give a file to record to: -o FILE");
        return false;
    }
    return capture_take_target(&command_record, &record->capture, argc, argv);
}

static int record_run(struct record *record)
{
    struct sink sink = {.data = record, .start = record_start, .put = record_put, .finish = record_finish};
    struct capture_result result;

    if (check_output(record) < 0)
        return EXIT_OURS;
    if (!record->quiet && isatty(STDERR_FILENO))
        sink.tick = record_tick;
    capture_run(&record->capture, &sink, &result);
    record_summary(record, &result);
    if (!result.launched && record->created)
        (void)unlink(record->path);
    return capture_exit(&result);
}

static int run(int argc, char **argv)
{
    /* Who reads the file will follow the state. */
    struct record record = {.options.size = sizeof(record.options), .capture.live.no_state = true};
    int status = record_parse(&record, argc, argv) ? record_run(&record) : EXIT_OURS;

    capture_arguments_finish(&record.capture);
    return status;
}

const struct command command_record = {
    .name = "record",
    .summary = "the same, into a capture file",
    .help = "Usage: sysfold record -o FILE [OPTION]... [--] COMMAND [ARGUMENT]...\n"
            "  or:  sysfold record -o FILE [OPTION]... -p PID...\n"
            "  or:  sysfold record -o FILE [OPTION]... --system-wide | --cgroup=PATH | --container=ID | --socket=PATH\n"
            "Record what a command and its children, or running processes, do.\n"
            "\n" CAPTURE_HELP "\n"
            "Where to:\n"
            "  -o, --output=FILE    the capture file (`-`: standard output)\n"
            "      --compress=0-9   zlib's level (1; 0: not at all)\n"
            "  -q, --quiet          neither progress on a terminal nor the summary\n"
            "  -h, --help           this text\n"
            "\n" CAPTURE_STATUS_HELP "\n"
            "Examples:\n"
            "  sysfold record -o make.sfold -- make -j2\n"
            "  sysfold record -o web.sfold -e network,process -f -p 4711\n",
    .trouble = EXIT_OURS,
    .run = run,
};
