// SPDX-License-Identifier: Apache-2.0
/* sysfold oci: seccomp profiles with which OCI runtimes have containers recorded. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture.h"

struct arguments {
    struct command command; /* its name is the subcommand's */
    struct capture_arguments capture;
    struct sysfold_oci_profile_options options;
    const char *bundle, *output;
};

enum { BASE = 300, BUNDLE, METADATA, RUNTIME, WAIT_KILLABLE };

static void print_notes(char *notes)
{
    char *line;

    while ((line = strsep(&notes, "\n"))) {
        if (*line)
            complain("%s", line);
    }
}

static int write_failed(const char *path)
{
    complain("cannot write %s: %s", path, strerror(errno));
    return EXIT_DAMAGED;
}

static bool write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left) {
        ssize_t written = write(fd, text, left);

        if (written < 0 && errno != EINTR)
            return false;
        if (written > 0) {
            text += written;
            left -= (size_t)written;
        }
    }
    return true;
}

/* Owner and mode are those of the file that it takes the place of, if there is one. */
static bool write_new(int fd, const char *path, const char *text)
{
    struct stat old;
    mode_t mask = umask(0);
    mode_t mode = 0666 & ~mask;
    bool done = true;

    (void)umask(mask);
    if (stat(path, &old) == 0) {
        mode = old.st_mode & 0777;
        done = fchown(fd, old.st_uid, old.st_gid) == 0 || old.st_uid == geteuid();
    }
    return done && fchmod(fd, mode) == 0 && write_all(fd, text) && fsync(fd) == 0;
}

/* All of it or nothing: a reader of the path finds the old file or the new one. */
static int replace_file(const char *path, const char *text)
{
    cleanup_free char *real = realpath(path, NULL); /* a link stays a link */
    cleanup_free char *new_path = NULL;
    bool done;
    int fd;

    if (!real && errno == ENOENT)
        real = strdup(path);
    if (!real || asprintf(&new_path, "%s.XXXXXX", real) < 0)
        return write_failed(path);
    fd = mkostemp(new_path, O_CLOEXEC);
    if (fd < 0)
        return write_failed(path);
    done = write_new(fd, real, text);
    done = close(fd) == 0 && done;
    if (done && rename(new_path, real) == 0)
        return EXIT_SUCCESS;
    write_failed(path);
    (void)unlink(new_path);
    return EXIT_DAMAGED;
}

/* Devices and pipes are written to, files replaced. */
static int write_output(const char *path, const char *text)
{
    struct stat status;
    FILE *out;
    bool failed;

    if (stat(path, &status) < 0 || S_ISREG(status.st_mode))
        return replace_file(path, text);
    out = fopen(path, "we");
    if (!out)
        return write_failed(path);
    failed = fputs(text, out) == EOF;
    return fclose(out) != 0 || failed ? write_failed(path) : EXIT_SUCCESS;
}

static int generate(struct arguments *arguments)
{
    struct sysfold_error error = {.message = "there is no profile"};
    cleanup_free char *json = NULL, *notes = NULL;

    arguments->options.size = sizeof(arguments->options);
    arguments->options.syscalls = arguments->capture.syscalls;
    arguments->options.socket_path = arguments->capture.live.socket_path;
    if (sysfold_oci_profile(&arguments->options, &json, &notes, &error) < 0) {
        complain("%s", error.message);
        return EXIT_TROUBLE;
    }
    print_notes(notes);
    if (arguments->output)
        return write_output(arguments->output, json);
    (void)fputs(json, stdout);
    return finish_stdout(EXIT_SUCCESS, EXIT_DAMAGED);
}

static bool take_option(struct arguments *arguments, int option)
{
    switch (option) {
    case 'o':
        arguments->output = optarg;
        return true;
    case BASE:
        arguments->options.base_path = optarg;
        return true;
    case BUNDLE:
        arguments->bundle = optarg;
        return true;
    case METADATA:
        arguments->options.metadata = optarg;
        return true;
    case RUNTIME:
        arguments->options.runtime = optarg;
        return true;
    case WAIT_KILLABLE:
        return arguments->options.wait_killable = true;
    default:
        return capture_take_option(&arguments->command, &arguments->capture, option);
    }
}

static bool parse(struct arguments *arguments, int argc, char **argv, const char *letters, const struct option *options)
{
    int option;

    while ((option = next_option(&arguments->command, argc, argv, letters, options)) != -1) {
        if (!take_option(arguments, option))
            return false;
    }
    if (optind < argc)
        misused(&arguments->command, "what is '%s' for?", argv[optind]);
    return optind == argc;
}

/* clang-format off */
#define BOTH_HAVE \
    {"help", no_argument, NULL, 'h'}, \
    {"socket", required_argument, NULL, CAPTURE_SOCKET}, \
    {"metadata", required_argument, NULL, METADATA}, \
    {"runtime", required_argument, NULL, RUNTIME}, \
    {"wait-killable", no_argument, NULL, WAIT_KILLABLE}
/* clang-format on */

static int profile(struct arguments *arguments, int argc, char **argv)
{
    static const struct option options[] = {
        BOTH_HAVE, {"base", required_argument, NULL, BASE}, {"output", required_argument, NULL, 'o'}, {0}};

    arguments->command.name = "oci profile";
    return parse(arguments, argc, argv, "+:he:o:", options) ? generate(arguments) : EXIT_TROUBLE;
}

static int apply(struct arguments *arguments, int argc, char **argv)
{
    static const struct option options[] = {BOTH_HAVE, {"bundle", required_argument, NULL, BUNDLE}, {0}};
    cleanup_free char *path = NULL;

    arguments->command.name = "oci apply";
    if (!parse(arguments, argc, argv, "+:he:", options))
        return EXIT_TROUBLE;
    if (asprintf(&path, "%s/config.json", arguments->bundle ? arguments->bundle : ".") < 0) {
        complain("cannot apply: %s", strerror(ENOMEM));
        return EXIT_TROUBLE;
    }
    arguments->options.config_path = path;
    arguments->output = path;
    return generate(arguments);
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    struct arguments arguments = {.command = command_oci};
    int status;

    if (argc > 1 && (!strcmp(argv[1], "profile") || !strcmp(argv[1], "apply"))) {
        status = (*argv[1] == 'p' ? profile : apply)(&arguments, argc - 1, argv + 1);
        capture_arguments_finish(&arguments.capture);
        return status;
    }
    if (next_option(&command_oci, argc, argv, "+:h", options) != -1)
        return EXIT_TROUBLE;
    if (optind < argc)
        return misused(&command_oci, "'%s' is neither profile nor apply", argv[optind]);
    return misused(&command_oci, "profile or apply?");
}

const struct command command_oci = {
    .name = "oci",
    .summary = "make seccomp profiles that have containers recorded",
    .help = "Usage: sysfold oci profile [-e SYSCALLS] [--base=PROFILE] [-o FILE] [OPTION]...\n"
            "  or:  sysfold oci apply [-e SYSCALLS] [--bundle=DIR] [OPTION]...\n"
            "profile prints a seccomp profile with which crun, runc, podman or docker have a container's\n"
            "calls told to sysfold. apply puts one into the config.json of a bundle.\n"
            "What a profile denies stays denied.\n"
            "\n"
            "  -e SYSCALLS          only these, as of `sysfold trace`, and those that begin and end\n"
            "                       processes or change who they are\n"
            "      --base=PROFILE   merge into this one, such as /usr/share/containers/seccomp.json;\n"
            "                       without it everything is allowed\n"
            "      --bundle=DIR     merge into the profile of DIR/config.json (.)\n"
            "      --socket=PATH    where sysfold listens (/run/sysfold/notify.sock; of others than\n"
            "                       root below $XDG_RUNTIME_DIR)\n"
            "      --metadata=TEXT  the runtime tells sysfold this as well\n"
            "      --runtime=NAME   crun or runc: runc leaves fewer calls to be recorded (either)\n"
            "      --wait-killable  signals wait until a call is answered (crun knows it, older runc not)\n"
            "  -o, --output=FILE    into a file\n"
            "  -h, --help           this text\n"
            "\n"
            "Examples:\n"
            "  sysfold oci profile -e file --base=/usr/share/containers/seccomp.json -o profile.json\n"
            "  sysfold record -b notify --listen=/run/sysfold/notify.sock -o web.sfold\n"
            "  podman run --security-opt seccomp=profile.json ...\n",
    .trouble = EXIT_TROUBLE,
    .run = run,
};
