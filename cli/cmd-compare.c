// SPDX-License-Identifier: Apache-2.0
/* sysfold compare: do several captures tell the same story? */

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compare.h"

#define TIMEOUT_DEFAULT 60
#define LIMIT_DEFAULT 50
#define WIDTH_DEFAULT 120 /* of what is no terminal */

enum {
    OPTION_TRUTH = 300,
    OPTION_STRACE,
    OPTION_TIMEOUT,
    OPTION_IGNORE,
    OPTION_ALL,
    OPTION_COLOR,
    OPTION_JSON,
    OPTION_JUNIT,
    OPTION_STORY,
    OPTION_LIMIT,
};

static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                        {"backends", required_argument, NULL, 'b'},
                                        {"snaplen", required_argument, NULL, 's'},
                                        {"output", required_argument, NULL, 'o'},
                                        {"quiet", no_argument, NULL, 'q'},
                                        {"truth", required_argument, NULL, OPTION_TRUTH},
                                        {"strace", required_argument, NULL, OPTION_STRACE},
                                        {"timeout", required_argument, NULL, OPTION_TIMEOUT},
                                        {"ignore", required_argument, NULL, OPTION_IGNORE},
                                        {"all", no_argument, NULL, OPTION_ALL},
                                        {"color", required_argument, NULL, OPTION_COLOR},
                                        {"json", no_argument, NULL, OPTION_JSON},
                                        {"junit", optional_argument, NULL, OPTION_JUNIT},
                                        {"story", no_argument, NULL, OPTION_STORY},
                                        {"limit", required_argument, NULL, OPTION_LIMIT},
                                        {0}};

/* Options. */

static bool take_number(struct comparing *comparing, int option)
{
    uint64_t snaplen;

    switch (option) {
    case 's':
        if (!parse_number(&command_compare, "--snaplen", optarg, 0, 60000, &snaplen))
            return false;
        comparing->live.snaplen = (uint32_t)snaplen;
        comparing->live.no_data = !snaplen;
        return true;
    case OPTION_TIMEOUT:
        return parse_number(&command_compare, "--timeout", optarg, 0, 1000000, &comparing->timeout);
    default:
        comparing->limited = true;
        return parse_number(&command_compare, "--limit", optarg, 0, UINT32_MAX, &comparing->limit);
    }
}

static bool take_color(struct comparing *comparing)
{
    if (parse_color(optarg, &comparing->color))
        return true;
    misused(&command_compare, "--color: '%s' is none of auto, always, never", optarg);
    return false;
}

static bool take_text(struct comparing *comparing, int option)
{
    switch (option) {
    case 'b':
        comparing->backends = optarg;
        return true;
    case 'e':
        comparing->live.syscalls = optarg;
        return true;
    case 'o':
        comparing->output = strcmp(optarg, "-") ? optarg : NULL;
        return true;
    case OPTION_TRUTH:
        comparing->truth = optarg;
        return true;
    case OPTION_STRACE:
        comparing->strace = optarg;
        return true;
    case OPTION_IGNORE:
        comparing->ignore = optarg;
        return true;
    case OPTION_JUNIT:
        comparing->junit_path = optarg;
        return comparing->junit = true;
    default:
        return false;
    }
}

static bool take_option(struct comparing *comparing, int option)
{
    switch (option) {
    case 's':
    case OPTION_TIMEOUT:
    case OPTION_LIMIT:
        return take_number(comparing, option);
    case OPTION_COLOR:
        return take_color(comparing);
    case OPTION_ALL:
        return comparing->all = true;
    case OPTION_JSON:
        return comparing->json = true;
    case OPTION_STORY:
        return comparing->story = true;
    case 'q':
        return comparing->quiet = true;
    default:
        return take_text(comparing, option);
    }
}

/* It is removed before each run: only what can be a log of an earlier one. */
static bool is_removable(const char *path)
{
    struct stat status;

    return lstat(path, &status) < 0 || S_ISREG(status.st_mode);
}

static bool check_command(const struct comparing *comparing)
{
    bool all_told = comparing->truth || (comparing->backends && strstr(comparing->backends, "strace"));

    if (comparing->strace)
        misused(&command_compare, "--strace is for captures; for a command there is `-b ptrace,strace`");
    else if (!comparing->argv[0])
        misused(&command_compare, "give a command to run");
    else if (!*comparing->argv[0])
        misused(&command_compare, "the command's name is empty");
    else if (comparing->truth && !is_removable(comparing->truth))
        misused(&command_compare, "%s is no regular file: it would be removed before each run", comparing->truth);
    else if (comparing->live.syscalls && all_told)
        misused(&command_compare, "-e leaves calls out that the truth and strace tell of");
    else
        return true;
    return false;
}

static bool check_files(const struct comparing *comparing, size_t count)
{
    bool log = comparing->truth || comparing->strace;
    size_t needed = log && comparing->story ? 0 : log || comparing->story ? 1 : 2;

    if (comparing->truth && comparing->strace)
        misused(&command_compare, "either --truth or --strace, not both");
    else if (comparing->live.syscalls || comparing->live.snaplen || comparing->live.no_data)
        misused(&command_compare, "-e and -s say what is captured of a command, not of a file");
    else if (count < needed)
        misused(&command_compare,
                needed == 1 ? "give a capture file, or `-- COMMAND`" : "give two capture files, or `-- COMMAND`");
    else
        return true;
    return false;
}

static bool check_shown(const struct comparing *comparing)
{
    if (comparing->json && comparing->junit && !comparing->junit_path)
        misused(&command_compare, "--json and --junit: give --junit=FILE");
    else if (comparing->story && (comparing->json || comparing->junit))
        misused(&command_compare, "--story compares nothing: it has no --json or --junit");
    else
        return true;
    return false;
}

/* A command's own options are not ours; behind files, ours may still come. */
static bool names_command(char *const *argv)
{
    while (*++argv) {
        if (!strcmp(*argv, "--") || !strncmp(*argv, "-b", 2) || !strncmp(*argv, "--b", 3))
            return true;
    }
    return false;
}

static bool parse(struct comparing *comparing, int argc, char **argv)
{
    const char *letters = names_command(argv) ? "+:hb:e:s:o:q" : ":hb:e:s:o:q";
    bool command;
    int option;

    while ((option = next_option(&command_compare, argc, argv, letters, options)) != -1) {
        if (option == '?' || !take_option(comparing, option))
            return false;
    }
    command = comparing->backends || (optind > 1 && !strcmp(argv[optind - 1], "--"));
    comparing->argv = command ? argv + optind : NULL;
    comparing->files = argv + optind;
    comparing->file_count = command ? 0 : (size_t)(argc - optind);
    return check_shown(comparing) &&
           (command ? check_command(comparing) : check_files(comparing, comparing->file_count));
}

/* Reports. */

static unsigned terminal_width(FILE *out)
{
    const char *columns = getenv("COLUMNS");
    unsigned long width = columns ? strtoul(columns, NULL, 10) : 0;
    struct winsize size;

    if (width > 0 && width < 10000)
        return (unsigned)width;
    if (isatty(fileno(out)) && ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col)
        return size.ws_col;
    return WIDTH_DEFAULT;
}

static bool show(const struct comparing *comparing, FILE *out)
{
    if (comparing->story)
        report_stories(comparing, out);
    else if (comparing->json)
        return report_json(comparing, out);
    else if (comparing->junit && !comparing->junit_path)
        report_junit(comparing, out);
    else if (!comparing->quiet)
        report_text(comparing, out, use_color(comparing->color, fileno(out)), terminal_width(out));
    return true;
}

/* NULL after a complaint. */
static FILE *open_report(const char *path)
{
    FILE *file = fopen(path, "we");

    if (!file)
        complain("cannot write to %s: %s", path, strerror(errno));
    return file;
}

static bool close_report(FILE *file, const char *path)
{
    bool failed = ferror(file);

    if (fclose(file) == 0 && !failed)
        return true;
    complain("cannot write to %s: %s", path, strerror(errno));
    return false;
}

struct outputs {
    FILE *report; /* NULL: standard output */
    FILE *junit;  /* NULL: none of its own */
};

/* Before anything runs: a report that cannot be written is known at once. */
static bool open_outputs(const struct comparing *comparing, struct outputs *outputs)
{
    if (comparing->output && !(outputs->report = open_report(comparing->output)))
        return false;
    if (comparing->junit_path && !(outputs->junit = open_report(comparing->junit_path)))
        return false;
    return true;
}

static bool close_outputs(const struct comparing *comparing, struct outputs *outputs)
{
    bool done = !outputs->report || close_report(outputs->report, comparing->output);

    return (!outputs->junit || close_report(outputs->junit, comparing->junit_path)) && done;
}

static int report(const struct comparing *comparing, struct outputs *outputs)
{
    int status = (int)comparing->verdict;

    if (!show(comparing, outputs->report ? outputs->report : stdout)) {
        complain("cannot make the JSON document: out of memory");
        status = EXIT_TROUBLE;
    }
    if (outputs->junit)
        report_junit(comparing, outputs->junit);
    return status;
}

/* A run that failed writes no truth down. */
static bool is_consequence(const struct comparing *comparing, size_t index)
{
    return comparing->argv && comparing->inputs[index].kind == INPUT_TRUTH && index + 1 < comparing->input_count &&
           comparing->inputs[index + 1].state == INPUT_FAILED;
}

/* Whatever else a report says, or nobody reads it. */
static void complain_of_failures(const struct comparing *comparing)
{
    char name[200];

    for (size_t i = 0; i < comparing->input_count; i++) {
        const struct input *input = &comparing->inputs[i];

        if (input->state == INPUT_FAILED && !is_consequence(comparing, i))
            complain("compare: %s: %s", printable(input->name, name, sizeof(name)), input->reason);
    }
}

static int compare(struct comparing *comparing, struct outputs *outputs)
{
    if (!inputs_plan(comparing) || !open_outputs(comparing, outputs) || !inputs_read(comparing))
        return EXIT_TROUBLE;
    complain_of_failures(comparing);
    for (size_t i = 0; comparing->story && i < comparing->input_count; i++) {
        if (comparing->inputs[i].state == INPUT_FAILED)
            comparing->verdict = SYSFOLD_INCOMPARABLE;
    }
    if (!comparing->story && !pairs_compare(comparing))
        return EXIT_TROUBLE;
    return report(comparing, outputs);
}

static int run(int argc, char **argv)
{
    struct comparing comparing = {.timeout = TIMEOUT_DEFAULT, .limit = LIMIT_DEFAULT, .color = COLOR_AUTO};
    struct outputs outputs = {0};
    int status = EXIT_TROUBLE;

    if (parse(&comparing, argc, argv))
        status = compare(&comparing, &outputs);
    if (!close_outputs(&comparing, &outputs))
        status = EXIT_TROUBLE;
    pairs_free(&comparing);
    inputs_free(&comparing);
    if (run_interrupted()) {
        signal(run_interrupted(), SIG_DFL);
        raise(run_interrupted());
    }
    return finish_stdout(status, EXIT_TROUBLE);
}

const struct command command_compare = {
    .name = "compare",
    .summary = "say whether several captures tell the same story",
    .help = "Usage: sysfold compare [OPTION]... [-b A,B,...] [--truth LOG] -- COMMAND [ARGUMENT]...\n"
            "  or:  sysfold compare [OPTION]... FILE FILE...\n"
            "  or:  sysfold compare [OPTION]... --truth LOG | --strace LOG FILE...\n"
            "Run the command once under each mechanism, or take what is recorded already, and\n"
            "hold the others against the first: event by event, thread by thread, without what\n"
            "differs from run to run (times, addresses, process ids, inodes).\n"
            "\n"
            "What to compare:\n"
            "  -b, --backends=NAMES  the mechanisms, comma-separated (all that are usable but\n"
            "                        gvisor); `strace` is allowed as well\n"
            "      --truth=LOG       what the program itself wrote down is the reference; a\n"
            "                        COMMAND finds the name in $SYSFOLD_TRUTH\n"
            "      --strace=LOG      the output of `strace -f` is the reference\n"
            "      --timeout=SECONDS end a run that takes longer (60; 0: never)\n"
            "  -e SYSCALLS           capture only these, see `sysfold trace --help`\n"
            "  -s, --snaplen=N       keep N bytes of each data buffer (80; 0: none)\n"
            "      --ignore=WHAT     these may differ: ROW.PARAM, *.PARAM or ROW, comma-separated\n"
            "\n"
            "How to show it:\n"
            "  -o, --output=FILE     write the report to FILE (`-`: standard output)\n"
            "      --all             also what agrees, and what differs as declared\n"
            "      --limit=N         show N differences of each pair and count the rest (50)\n"
            "      --color=WHEN      auto (the default), always or never\n"
            "      --json            as one JSON document\n"
            "      --junit[=FILE]    as JUnit XML; with FILE in addition\n"
            "      --story           compare nothing, print the canonical form of each\n"
            "  -q, --quiet           print no text: the exit status says it\n"
            "  -h, --help            this text\n"
            "\n"
            "The command reads nothing, and what it prints goes to standard error.\n"
            "\n"
            "Exit status: 0 if all are the same; 1 if some differ; 2 if some could not be run or\n"
            "judged, for bad usage, and if the report cannot be written.\n"
            "\n"
            "Examples:\n"
            "  sysfold compare -b ptrace,strace -- ls -l /etc\n"
            "  sysfold compare --truth truth.log -- ./scenario\n"
            "  sysfold compare --all before.sfold after.sfold | less\n",
    .trouble = EXIT_TROUBLE,
    .run = run,
};
