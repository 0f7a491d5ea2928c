// SPDX-License-Identifier: Apache-2.0
/* sysfold ps: the process tree that a capture implies. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "json.h"
#include "output.h"
#include "reading.h"

#define NOBODY SIZE_MAX
#define INDENT_MAX 40

struct node {
    const struct sysfold_process *process;
    size_t order; /* in which the capture showed it */
    size_t parent, first_child, last_child, next_sibling;
    unsigned depth;
};

struct tree {
    struct node *nodes; /* by source and start time */
    size_t *by_pid;     /* indices into nodes, by source, pid and start time */
    size_t count;
    size_t first_root, last_root;
    bool has_containers;
    bool failed; /* no memory */
};

/* The machines and sandboxes that there are: noted whenever the stream goes over to another one, sorted in the end. */
struct sources {
    struct source {
        uint32_t number;
        char *name;
    } * each;
    size_t count;
    bool failed; /* no memory */
};

static void note_source(struct sources *sources, const struct sysfold_event *event)
{
    uint32_t number = sysfold_event_source(event);
    const char *name = sysfold_event_source_name(event);
    struct source *larger;

    if (sources->count && sources->each[sources->count - 1].number == number)
        return;
    if (!(sources->count & (sources->count - 1))) { /* full at every power of two */
        larger = reallocarray(sources->each, sources->count ? 2 * sources->count : 1, sizeof(*larger));
        sources->failed |= !larger;
        if (!larger)
            return;
        sources->each = larger;
    }
    sources->each[sources->count++] = (struct source){.number = number, .name = strdup(name ? name : "?")};
}

static void sources_finish(struct sources *sources)
{
    for (size_t i = 0; i < sources->count; i++)
        free(sources->each[i].name);
    free(sources->each);
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_source(const void *a, const void *b)
{
    return compare(((const struct source *)a)->number, ((const struct source *)b)->number);
}

static const char *source_name(const struct sources *sources, uint32_t number)
{
    const struct source key = {.number = number}, *found = NULL;

    if (sources->count)
        found = bsearch(&key, sources->each, sources->count, sizeof(key), compare_source);
    return found ? found->name : NULL;
}

static bool collect(const struct sysfold_process *process, void *data)
{
    struct tree *tree = data;

    if (!(tree->count & (tree->count - 1))) { /* full at every power of two */
        size_t capacity = tree->count ? tree->count * 2 : 1;
        struct node *larger = reallocarray(tree->nodes, capacity, sizeof(*larger));

        if (!larger) {
            tree->failed = true;
            return false;
        }
        tree->nodes = larger;
    }
    tree->has_containers |= sysfold_process_container(process) != NULL;
    tree->nodes[tree->count] = (struct node){.process = process, .order = tree->count};
    tree->count++;
    return true;
}

static int compare_birth(const void *a, const void *b)
{
    const struct node *left = a, *right = b;
    int by_source = compare(sysfold_process_source(left->process), sysfold_process_source(right->process));
    int by_time = compare(sysfold_process_start_time(left->process), sysfold_process_start_time(right->process));

    if (by_source)
        return by_source;
    return by_time ? by_time : compare(left->order, right->order);
}

static int compare_pid(const struct sysfold_process *left, uint32_t source, uint32_t pid)
{
    int by_source = compare(sysfold_process_source(left), source);

    return by_source ? by_source : compare(sysfold_process_pid(left), pid);
}

static int compare_by_pid(const void *a, const void *b, void *data)
{
    const struct tree *tree = data;
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    const struct sysfold_process *other = tree->nodes[right].process;
    int by_pid = compare_pid(tree->nodes[left].process, sysfold_process_source(other), sysfold_process_pid(other));

    return by_pid ? by_pid : compare(left, right);
}

/* The last process born before `child` whose pid is its parent's. Pids are reused. */
static size_t find_parent(const struct tree *tree, size_t child)
{
    const struct sysfold_process *process = tree->nodes[child].process;
    size_t low = 0, high = tree->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        size_t index = tree->by_pid[middle];
        int order =
            compare_pid(tree->nodes[index].process, sysfold_process_source(process), sysfold_process_ppid(process));

        if (order < 0 || (order == 0 && index < child))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NOBODY;
    low = tree->by_pid[low - 1];
    if (compare_pid(tree->nodes[low].process, sysfold_process_source(process), sysfold_process_ppid(process)) != 0)
        return NOBODY;
    return low;
}

/* A parent is always born before its child, so that there are no cycles whatever the file claims. */
static void link_node(struct tree *tree, size_t index)
{
    struct node *node = &tree->nodes[index];
    size_t *first = &tree->first_root, *last = &tree->last_root;

    node->first_child = node->last_child = node->next_sibling = NOBODY;
    node->parent = find_parent(tree, index);
    if (node->parent != NOBODY) {
        node->depth = tree->nodes[node->parent].depth + 1;
        first = &tree->nodes[node->parent].first_child;
        last = &tree->nodes[node->parent].last_child;
    }
    if (*last == NOBODY)
        *first = index;
    else
        tree->nodes[*last].next_sibling = index;
    *last = index;
}

static int build_tree(struct tree *tree, const struct sysfold_stream *stream)
{
    *tree = (struct tree){.first_root = NOBODY, .last_root = NOBODY};
    sysfold_stream_each_process(stream, collect, tree);
    tree->by_pid = calloc(tree->count + 1, sizeof(*tree->by_pid));
    if (tree->failed || !tree->by_pid) {
        complain("%s", strerror(ENOMEM));
        return EXIT_TROUBLE;
    }
    if (tree->count)
        qsort(tree->nodes, tree->count, sizeof(*tree->nodes), compare_birth);
    for (size_t i = 0; i < tree->count; i++)
        tree->by_pid[i] = i;
    qsort_r(tree->by_pid, tree->count, sizeof(*tree->by_pid), compare_by_pid, tree);
    for (size_t i = 0; i < tree->count; i++)
        link_node(tree, i);
    return 0;
}

/* Parents before children, without recursion: a capture may claim any depth. */
static size_t next_node(const struct tree *tree, size_t index)
{
    if (tree->nodes[index].first_child != NOBODY)
        return tree->nodes[index].first_child;
    while (index != NOBODY && tree->nodes[index].next_sibling == NOBODY)
        index = tree->nodes[index].parent;
    return index == NOBODY ? NOBODY : tree->nodes[index].next_sibling;
}

static const char *signal_name(int signo, char *buffer, size_t size)
{
    const char *name = sigabbrev_np(signo);

    if (name)
        (void)snprintf(buffer, size, "SIG%s", name);
    else
        (void)snprintf(buffer, size, "signal %d", signo);
    return buffer;
}

static const char *end_text(const struct sysfold_process *process, char *buffer, size_t size)
{
    char name[24];
    int status;

    if (sysfold_process_exit_status(process, &status) < 0)
        return sysfold_process_exit_time(process) ? "ended" : "running";
    if (WIFSIGNALED(status))
        (void)snprintf(buffer, size, "killed by %s%s", signal_name(WTERMSIG(status), name, sizeof(name)),
                       WCOREDUMP(status) ? " (core)" : "");
    else
        (void)snprintf(buffer, size, "exit %d", WEXITSTATUS(status));
    return buffer;
}

static const char *seconds(int64_t ns, char *buffer, size_t size)
{
    uint64_t amount = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

    (void)snprintf(buffer, size, "%s%llu.%06llu", ns < 0 ? "-" : "", (unsigned long long)(amount / 1000000000),
                   (unsigned long long)(amount % 1000000000 / 1000));
    return buffer;
}

/* How long it lived, in ns; -1 while it runs. */
static int64_t lifetime(const struct sysfold_process *process)
{
    uint64_t start = sysfold_process_start_time(process);
    uint64_t end = sysfold_process_exit_time(process);

    return end && end >= start ? (int64_t)(end - start) : -1;
}

/* As engines show it: twelve digits of an id, all of a name. */
static void show_container(const struct sysfold_process *process)
{
    const char *id = sysfold_process_container(process);
    bool is_digits = id && strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;
    char text[300];

    (void)printf("%-12.*s ", is_digits ? 12 : (int)sizeof(text), id ? printable(id, text, sizeof(text)) : "-");
}

static void show_node(const struct node *node, uint64_t first_time, bool has_containers)
{
    const struct sysfold_process *process = node->process;
    const char *cmdline = sysfold_process_cmdline(process);
    char start[32], duration[32], end[64], command[4096];
    unsigned indent = node->depth < INDENT_MAX / 2 ? node->depth * 2 : INDENT_MAX;
    bool known = cmdline && *cmdline;

    printable(known ? cmdline : sysfold_process_name(process), command, sizeof(command));
    seconds((int64_t)(sysfold_process_start_time(process) - first_time), start, sizeof(start));
    if (lifetime(process) < 0)
        (void)strcpy(duration, "-");
    else
        seconds(lifetime(process), duration, sizeof(duration));
    (void)printf("%7u %12s %12s %-18s ", sysfold_process_pid(process), start, duration,
                 end_text(process, end, sizeof(end)));
    if (has_containers)
        show_container(process);
    (void)printf("%*s%s%s%s%s\n", (int)indent, "", known ? "" : "[", command, known ? "" : "]",
                 sysfold_process_is_doubtful(process) ? " (doubtful: events were lost)" : "");
}

/* One tree for each source, below its name where there are several. */
static int show_text(const struct tree *tree, const struct sources *sources, const struct sysfold_stats *stats)
{
    bool are_several = sources->count > 1;
    const struct sysfold_process *last = NULL;
    char name[256];

    (void)printf("%7s %12s %12s %-18s ", "PID", "START", "DURATION", "END");
    if (tree->has_containers)
        (void)printf("%-12s ", "CONTAINER");
    (void)printf("%s\n", "COMMAND");
    for (size_t i = tree->first_root; i != NOBODY; i = next_node(tree, i)) {
        const struct sysfold_process *process = tree->nodes[i].process;
        uint32_t source = sysfold_process_source(process);

        if (are_several && (!last || sysfold_process_source(last) != source))
            (void)printf("%s:\n", printable(source_name(sources, source), name, sizeof(name)));
        show_node(&tree->nodes[i], stats->first_time, tree->has_containers);
        last = process;
    }
    return EXIT_SUCCESS;
}

static json_t *exit_json(const struct sysfold_process *process)
{
    char name[24];
    int status;

    if (sysfold_process_exit_status(process, &status) < 0)
        return json_null();
    if (WIFSIGNALED(status))
        return json_pack("{s:s, s:i, s:b}", "signal", signal_name(WTERMSIG(status), name, sizeof(name)), "signo",
                         WTERMSIG(status), "core", WCOREDUMP(status) != 0);
    return json_pack("{s:i}", "code", WEXITSTATUS(status));
}

static json_t *time_json(uint64_t ns)
{
    return ns ? json_integer((json_int_t)ns) : json_null();
}

static json_t *container_json(const struct sysfold_process *process)
{
    const char *id = sysfold_process_container(process);

    if (!id)
        return json_null();
    return json_pack("{s:o, s:o, s:o}", "id", json_text(id), "engine",
                     json_text(sysfold_process_container_engine(process)), "pod",
                     json_text(sysfold_process_pod(process)));
}

static json_t *node_json(const struct node *node, uint64_t first_time)
{
    const struct sysfold_process *process = node->process;
    uint64_t start = sysfold_process_start_time(process);
    char end[64];

    return json_pack("{s:I, s:I, s:I, s:i, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:s, s:o, s:I, s:I, s:b, s:o}",
                     "pid", (json_int_t)sysfold_process_pid(process), "ppid", (json_int_t)sysfold_process_ppid(process),
                     "source", (json_int_t)sysfold_process_source(process), "depth", (int)node->depth, "name",
                     json_text(sysfold_process_name(process)), "exe", json_text(sysfold_process_exe(process)),
                     "cmdline", json_text(sysfold_process_cmdline(process)), "cwd",
                     json_text(sysfold_process_cwd(process)), "start_time", time_json(start), "start_offset",
                     (json_int_t)(start - first_time), "exit_time", time_json(sysfold_process_exit_time(process)),
                     "duration", lifetime(process) < 0 ? json_null() : json_integer(lifetime(process)), "end",
                     end_text(process, end, sizeof(end)), "exit", exit_json(process), "threads",
                     (json_int_t)sysfold_process_thread_count(process), "events",
                     (json_int_t)sysfold_process_event_count(process), "doubtful", sysfold_process_is_doubtful(process),
                     "container", container_json(process));
}

static int show_json(const struct tree *tree, const struct sysfold_stats *stats)
{
    json_t *document = json_array();

    for (size_t i = tree->first_root; document && i != NOBODY; i = next_node(tree, i)) {
        if (json_array_append_new(document, node_json(&tree->nodes[i], stats->first_time)) < 0) {
            json_decref(document);
            document = NULL;
        }
    }
    return json_show(document) ? EXIT_SUCCESS : EXIT_TROUBLE;
}

static int show(struct reading *reading, bool json)
{
    struct sysfold_stats stats = {.size = sizeof(stats)};
    struct sources sources = {0};
    const struct sysfold_event *event;
    struct tree tree;
    int status;

    while ((event = reading_next(reading, NULL, NULL)))
        note_source(&sources, event);
    if (sources.count)
        qsort(sources.each, sources.count, sizeof(*sources.each), compare_source);
    sysfold_stream_stats(reading->stream, &stats);
    status = build_tree(&tree, reading->stream);
    if (status == 0 && sources.failed) {
        complain("%s", strerror(ENOMEM));
        status = EXIT_TROUBLE;
    }
    if (status == 0)
        status = json ? show_json(&tree, &stats) : show_text(&tree, &sources, &stats);
    sources_finish(&sources);
    free(tree.nodes);
    free(tree.by_pid);
    return status ? status : reading_status(reading);
}

static int run(int argc, char **argv)
{
    return reading_run(&command_ps, show, argc, argv);
}

const struct command command_ps = {
    .name = "ps",
    .summary = "print the process tree of a capture file, with exit statuses",
    .help = "Usage: sysfold ps [--json] FILE\n"
            "Print the processes that a capture file (`-`: standard input) tells of, as a tree:\n"
            "pid, start (seconds after the first event), duration in seconds, how each ended.\n"
            "\n"
            "      --json  as one JSON document, in the tree's order, times in nanoseconds\n"
            "  -h, --help  this text\n"
            "\n" READING_STATUS_HELP "\n"
            "Example:\n"
            "  sysfold ps --json make.sfold | jq '.[] | select(.exit.code != 0)'\n",
    .trouble = EXIT_TROUBLE,
    .run = run,
};
