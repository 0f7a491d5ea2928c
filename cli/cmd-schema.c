// SPDX-License-Identifier: Apache-2.0
/* sysfold schema: the events there are. */

#include <stdio.h>
#include <string.h>

#include "cli.h"

enum { MARKDOWN = 300, JSON, MAN };

/* Text for roff: nothing in it is a request or an escape. */
static void put_roff(const char *text)
{
    if (*text == '.' || *text == '\'')
        (void)fputs("\\&", stdout);
    for (; *text; text++) {
        if (*text == '\\')
            (void)fputs("\\e", stdout);
        else if (*text == '-')
            (void)fputs("\\-", stdout);
        else
            (void)putchar(*text);
    }
}

static void put_row(const struct sysfold_row *row)
{
    const char *class_name;

    (void)printf(".SS ");
    put_roff(sysfold_row_name(row));
    (void)printf("\nNumber %u; effect: ", sysfold_row_id(row));
    put_roff(sysfold_row_effect(row));
    for (size_t i = 0; (class_name = sysfold_row_class(row, i)); i++) {
        (void)fputs(i ? ", " : "; classes: ", stdout);
        put_roff(class_name);
    }
    (void)puts(".\n.PD 0"); /* no blank lines between parameters */
    for (size_t i = 0; i < sysfold_row_param_count(row); i++) {
        const struct sysfold_param *param = sysfold_row_param(row, i);

        (void)fputs(".TP\n.B ", stdout);
        put_roff(sysfold_param_name(param));
        (void)putchar('\n');
        put_roff(sysfold_param_type(param));
        (void)fputs(" (", stdout);
        put_roff(sysfold_param_wire(param));
        (void)fputs("), from ", stdout);
        put_roff(sysfold_param_source(param));
        (void)fputs(strcmp(sysfold_param_moment(param), "success") ? ", at " : ", on ", stdout);
        put_roff(sysfold_param_moment(param));
        (void)putchar('\n');
    }
    (void)puts(".PD");
}

static void put_rows(const char *title, const char *introduction, bool syscalls)
{
    const struct sysfold_schema *schema = sysfold_schema_builtin();

    (void)printf(".SH %s\n%s\n", title, introduction);
    for (size_t i = 0; i < sysfold_schema_row_count(schema); i++) {
        const struct sysfold_row *row = sysfold_schema_row(schema, i);

        if (sysfold_row_is_syscall(row) == syscalls)
            put_row(row);
    }
}

/* sysfold-events(7): the table itself, so that the page cannot lag behind it. */
static int show_man(void)
{
    (void)puts(
        ".TH sysfold\\-events 7 \"\" \"sysfold " SYSFOLD_VERSION "\"\n"
        ".SH NAME\n"
        "sysfold\\-events \\- the events that sysfold records\n"
        ".SH DESCRIPTION\n"
        "An event is a system call that returned, with its arguments and its result, or something that happened\n"
        "around one: a thread that began, a signal that was delivered.\n"
        "For each parameter: its name, as in\n.B evt.args\nof the JSON form; its type; how it lies in a record;\n"
        "where its value comes from (argument n is ARG(n)); and when it is read: at the call's\n"
        ".I entry,\nat its\n.IR exit ,\nor at exit but only in case of\n.IR success .\n"
        "A system call that is not listed here is recorded as\n.B syscall\n"
        "under its own name, with six raw arguments.");
    put_rows("SYSTEM CALLS", "The first parameter is always the result.", true);
    put_rows("OTHER EVENTS", "They are recorded whatever system calls were chosen.", false);
    (void)puts(".SH SEE ALSO\n.BR sysfold (1),\n.BR sysfold\\-schema (1),\n.BR sfold (5)");
    return EXIT_SUCCESS;
}

static int show_generated(int (*generate)(char **ret_text, struct sysfold_error *error))
{
    cleanup_free char *text = NULL;
    struct sysfold_error error = {.message = "the schema cannot be shown"};
    size_t length;

    if (generate(&text, &error) < 0) {
        complain("%s", error.message);
        return EXIT_TROUBLE;
    }
    length = strlen(text);
    (void)fputs(text, stdout);
    if (length && text[length - 1] != '\n')
        (void)putchar('\n');
    return EXIT_SUCCESS;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"markdown", no_argument, NULL, MARKDOWN},
                                            {"json", no_argument, NULL, JSON},
                                            {"man", no_argument, NULL, MAN},
                                            {0}};
    int form = MARKDOWN;
    int option;
    int status;

    while ((option = next_option(&command_schema, argc, argv, ":h", options)) != -1) {
        if (option == '?')
            return EXIT_TROUBLE;
        form = option;
    }
    if (optind < argc)
        return misused(&command_schema, "unexpected argument '%s'", argv[optind]);
    status =
        form == MAN ? show_man() : show_generated(form == JSON ? sysfold_schema_to_json : sysfold_schema_to_markdown);
    return finish_stdout(status, EXIT_DAMAGED);
}

const struct command command_schema = {
    .name = "schema",
    .summary = "list the events there are, and their parameters",
    .help = "Usage: sysfold schema [--markdown|--json|--man]\n"
            "List the events that sysfold records, with their parameters' types and origins.\n"
            "\n"
            "      --markdown  as Markdown (the default)\n"
            "      --json      as one JSON document\n"
            "      --man       as the manual page sysfold-events(7)\n"
            "  -h, --help      this text\n"
            "\n"
            "Exit status: 0; 1 if the output cannot be written; 2 for bad usage.\n"
            "\n"
            "Example:\n"
            "  sysfold schema --json | jq -r '.events[].name'\n",
    .trouble = EXIT_TROUBLE,
    .run = run,
};
