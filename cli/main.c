// SPDX-License-Identifier: Apache-2.0
/* The command `sysfold`: a table of subcommands. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

static const struct command *const commands[] = {
    &command_trace,   &command_record, &command_read,     &command_stats,  &command_ps,
    &command_compare, &command_schema, &command_backends, &command_gvisor, &command_oci,   NULL,
};

void complain(const char *format, ...)
{
    va_list arguments;
    char text[1200];

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    (void)fprintf(stderr, "sysfold: %s\n", text);
}

int misused(const struct command *command, const char *format, ...)
{
    va_list arguments;
    char text[1000];

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    complain("%s: %s (see `sysfold %s --help`)", command->name, text, command->name);
    return command->trouble;
}

int show_help(const struct command *command)
{
    (void)fputs(command->help, stdout);
    return finish_stdout(EXIT_SUCCESS, command->trouble);
}

int next_option(const struct command *command, int argc, char **argv, const char *letters, const struct option *options)
{
    int option;

    opterr = 0;
    option = getopt_long(argc, argv, letters, options, NULL);
    if (option == 'h')
        exit(show_help(command));
    if (option == ':')
        misused(command, "option '%s' needs a value", argv[optind - 1]);
    else if (option == '?' && optopt && (optopt > UCHAR_MAX || strchr(letters, optopt)))
        misused(command, "option '%s' takes no value", argv[optind - 1]);
    else if (option == '?' && optopt)
        misused(command, "unknown option '-%c'", optopt);
    else if (option == '?')
        misused(command, "unknown or ambiguous option '%s'", argv[optind - 1]);
    return option == ':' ? '?' : option;
}

bool parse_number(const struct command *command, const char *what, const char *text, uint64_t least, uint64_t most,
                  uint64_t *ret_number)
{
    unsigned long long number;
    char *end;

    errno = 0;
    number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || number < least || number > most) {
        misused(command, "%s: '%s' is not a number from %llu to %llu", what, text, (unsigned long long)least,
                (unsigned long long)most);
        return false;
    }
    *ret_number = number;
    return true;
}

int finish_stdout(int status, int failure)
{
    int failed = ferror(stdout);

    if (fclose(stdout) == 0 && !failed)
        return status;
    if (errno != EPIPE)
        complain("cannot write to standard output: %s", strerror(errno));
    return failure;
}

/*
 * A standard descriptor that is closed must not become a file we open: using
 * it is to fail as it would have. The target finds it closed again.
 */
static void occupy_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            (void)open("/dev/null", (fd ? O_RDONLY : O_WRONLY) | O_CLOEXEC);
    }
}

static int usage(void)
{
    (void)puts("Usage: sysfold COMMAND [OPTION]... [ARGUMENT]...\n"
               "Record what programs do: their system calls with arguments and results, and their lives.\n");
    for (size_t i = 0; commands[i]; i++)
        (void)printf("  %-9s %s\n", commands[i]->name, commands[i]->summary);
    (void)puts("\n"
               "  -h, --help     this text; `sysfold COMMAND --help` for a command's\n"
               "  -V, --version  the version\n"
               "\n"
               "Examples:\n"
               "  sysfold trace -e file -- ls /etc\n"
               "  sysfold record -o make.sfold -- make\n"
               "  sysfold ps make.sfold\n"
               "\n"
               "The manual is sysfold(1).");
    return finish_stdout(EXIT_SUCCESS, EXIT_TROUBLE);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; commands[i]; i++) {
        if (!strcmp(commands[i]->name, name))
            return commands[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const struct command *command;

    occupy_standard_descriptors();
    if (argc < 2) {
        complain("what shall be done? (see `sysfold --help`)");
        return EXIT_TROUBLE;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        (void)puts("sysfold " SYSFOLD_VERSION);
        return finish_stdout(EXIT_SUCCESS, EXIT_TROUBLE);
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || (!strcmp(argv[1], "help") && argc == 2))
        return usage();
    command = find_command(argv[strcmp(argv[1], "help") ? 1 : 2]);
    if (!command) {
        complain("there is no command '%s' (see `sysfold --help`)", argv[strcmp(argv[1], "help") ? 1 : 2]);
        return EXIT_TROUBLE;
    }
    if (!strcmp(argv[1], "help"))
        return show_help(command);
    return command->run(argc - 1, argv + 1);
}
