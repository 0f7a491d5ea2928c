// SPDX-License-Identifier: Apache-2.0
/* sysfold gvisor: have gVisor's sandboxes told what to tell, those to come and those that run already. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture.h"

#define OTHER_WORDS 8 /* of what attach hands on, besides two for each of its own */

static int config_print(const struct capture_arguments *arguments, bool must_connect)
{
    const struct sysfold_gvisor_config_options options = {
        .size = sizeof(options),
        .syscalls = arguments->syscalls,
        .socket_path = arguments->live.socket_path,
        .runsc = arguments->live.runsc,
        .may_be_absent = !must_connect,
    };
    struct sysfold_error error = {.message = "there is no configuration"};
    cleanup_free char *json = NULL;

    if (sysfold_gvisor_config(&options, &json, &error) < 0) {
        complain("%s", error.message);
        return EXIT_TROUBLE;
    }
    (void)fputs(json, stdout);
    return finish_stdout(EXIT_SUCCESS, EXIT_DAMAGED);
}

static int config_run(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"socket", required_argument, NULL, CAPTURE_SOCKET},
                                            {"runsc", required_argument, NULL, CAPTURE_RUNSC},
                                            {"must-connect", no_argument, NULL, 300},
                                            {0}};
    cleanup_capture_arguments struct capture_arguments arguments = {0};
    struct command command = command_gvisor;
    bool must_connect = false;
    int option;

    command.name = "gvisor config";
    while ((option = next_option(&command, argc, argv, "+:he:", options)) != -1) {
        if (option == 300)
            must_connect = true;
        else if (!capture_take_option(&command, &arguments, option))
            return EXIT_TROUBLE;
    }
    if (optind < argc)
        return misused(&command, "what is '%s' for?", argv[optind]);
    return config_print(&arguments, must_connect);
}

/* The command line of the trace or record that attach is short for. */
struct attach {
    struct command command;
    char **words;
    size_t count;
    char *path; /* -w */
    bool all;
};

static void add(struct attach *attach, const char *option, char *value)
{
    attach->words[attach->count++] = (char *)option; /* getopt's are not const, and not written to */
    if (value)
        attach->words[attach->count++] = value;
}

static bool attach_take_option(struct attach *attach, int option)
{
    switch (option) {
    case 'e':
        add(attach, "-e", optarg);
        return true;
    case 'w':
        attach->path = optarg;
        return true;
    case CAPTURE_RUNSC:
        add(attach, "--runsc", optarg);
        return true;
    case CAPTURE_RUNSC_ROOT:
        add(attach, "--runsc-root", optarg);
        return true;
    case 300:
        return attach->all = true;
    default:
        return false;
    }
}

static bool attach_parse(struct attach *attach, int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"write", required_argument, NULL, 'w'},
                                            {"all", no_argument, NULL, 300},
                                            {"runsc", required_argument, NULL, CAPTURE_RUNSC},
                                            {"runsc-root", required_argument, NULL, CAPTURE_RUNSC_ROOT},
                                            {0}};
    int option;

    add(attach, "trace", NULL);
    add(attach, "-b", (char *)"gvisor");
    while ((option = next_option(&attach->command, argc, argv, "+:he:w:", options)) != -1) {
        if (!attach_take_option(attach, option))
            return false;
    }
    if (attach->all && optind < argc)
        misused(&attach->command, "either --all or containers ('%s'), not both", argv[optind]);
    else if (!attach->all && optind == argc)
        misused(&attach->command, "give the ids of containers that run, or --all");
    else
        return true;
    return false;
}

static int attach_hand_on(struct attach *attach, int argc, char **argv)
{
    if (attach->all)
        add(attach, "--system-wide", NULL);
    for (int i = optind; i < argc; i++)
        add(attach, "--container", argv[i]);
    if (attach->path) {
        attach->words[0] = (char *)"record";
        add(attach, "-o", attach->path);
    }
    optind = 0; /* getopt begins anew */
    return (attach->path ? command_record : command_trace).run((int)attach->count, attach->words);
}

static int attach_run(int argc, char **argv)
{
    struct attach attach = {.command = command_gvisor};
    cleanup_free char **words = calloc(2 * (size_t)argc + OTHER_WORDS, sizeof(*words));

    attach.command.name = "gvisor attach";
    attach.command.trouble = EXIT_OURS;
    attach.words = words;
    if (!words) {
        complain("cannot attach: %s", strerror(ENOMEM));
        return EXIT_OURS;
    }
    return attach_parse(&attach, argc, argv) ? attach_hand_on(&attach, argc, argv) : EXIT_OURS;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};

    if (argc > 1 && !strcmp(argv[1], "config"))
        return config_run(argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "attach"))
        return attach_run(argc - 1, argv + 1);
    if (next_option(&command_gvisor, argc, argv, "+:h", options) != -1)
        return EXIT_TROUBLE;
    if (optind < argc)
        return misused(&command_gvisor, "'%s' is neither config nor attach", argv[optind]);
    return misused(&command_gvisor, "config or attach?");
}

const struct command command_gvisor = {
    .name = "gvisor",
    .summary = "configure gVisor sandboxes to be recorded, or attach to those that run",
    .help = "Usage: sysfold gvisor config [-e SYSCALLS] [--socket=PATH] [--runsc=PATH] [--must-connect]\n"
            "  or:  sysfold gvisor attach [-e SYSCALLS] [-w FILE] [OPTION]... --all | ID...\n"
            "config prints a configuration for runsc's --pod-init-config: each sandbox that starts with\n"
            "it connects to sysfold's socket. attach records sandboxes that run already.\n"
            "\n"
            "  -e SYSCALLS          only these, as of `sysfold trace`\n"
            "      --socket=PATH    where sandboxes connect (/run/sysfold/gvisor.sock; of others than\n"
            "                       root below $XDG_RUNTIME_DIR)\n"
            "      --must-connect   no sandbox starts while nobody listens there\n"
            "      --all            attach to every container that runs\n"
            "  -w, --write=FILE     into a capture file, as `sysfold record`; else as `sysfold trace`\n"
            "      --runsc=PATH     the runsc to use, instead of PATH's\n"
            "      --runsc-root=DIR where runsc keeps its containers (its --root)\n"
            "  -h, --help           this text\n"
            "\n"
            "Examples:\n"
            "  sysfold gvisor config -e file,network,process >/etc/sysfold/gvisor.json\n"
            "  sysfold record -o sandboxes.sfold --socket=/run/sysfold/gvisor.sock\n"
            "  sysfold gvisor attach -w web.sfold 0123456789ab\n",
    .trouble = EXIT_TROUBLE,
    .run = run,
};
