// SPDX-License-Identifier: Apache-2.0
/* Forms of a single integer. */

#include <sys/wait.h>

#include <sysfold/state.h>

#include "show.h"

static bool is_signed(const struct show *show)
{
    return wire_is_signed(show->param->type->wire);
}

void show_decimal(struct show *show)
{
    if (is_signed(show))
        show_signed(show, show->value.i);
    else
        show_unsigned(show, show->value.u);
}

void show_hexadecimal(struct show *show)
{
    uint64_t value = show->value.u & wire_mask(show->param->type->wire);

    if (show->param->type->id == TYPE_ADDR)
        show_address(show, value);
    else
        show_hex(show, value);
}

void show_flags(struct show *show)
{
    const struct type_info *type = show->param->type;

    show_names(show, show->param->name, type->table, show->value.u, type->wire);
}

void show_errno(struct show *show)
{
    const char *name = show->value.i < 0 ? errno_name(-show->value.i) : NULL;

    show_signed(show, show->value.i);
    if (name && !show->json) {
        put_char(show->out, ' ');
        put_text(show->out, name);
    }
}

/* What the descriptor stands for: the event's own is known better (it may just
 * have been closed), others as they are in the process. NULL: not known. */
static const struct sysfold_fd *find_fd(const struct sysfold_event *event, int64_t number)
{
    const struct sysfold_process *process;
    const struct sysfold_fd *fd = event->fd;

    if (number < 0 || number > INT32_MAX)
        return NULL;
    if (!fd || sysfold_fd_number(fd) != number) {
        process = event->thread ? sysfold_event_process(event) : NULL;
        fd = process ? sysfold_process_fd(process, (int)number) : NULL;
    }
    return fd;
}

/* Ours is the only ">" in it: two addresses with an arrow between them. */
static bool is_address_pair(const struct sysfold_fd *fd)
{
    const char *type = sysfold_fd_type(fd);

    return type && (!strcmp(type, "ipv4") || !strcmp(type, "ipv6"));
}

/* 3</etc/passwd> */
void show_fd(struct show *show)
{
    const struct sysfold_fd *fd = show->json ? NULL : find_fd(show->event, show->value.i);
    const char *name = fd ? sysfold_fd_name(fd) : NULL;

    show_decimal(show);
    if (!name || !*name)
        return;
    put_char(show->out, '<');
    put_escaped(show->out, name, strlen(name), is_address_pair(fd) ? ESCAPE_QUOTES : ESCAPE_ANGLES);
    put_char(show->out, '>');
}

void show_dirfd(struct show *show)
{
    if (show->value.i == -100 && !show->json)
        put_text(show->out, "AT_FDCWD");
    else
        show_fd(show);
}

/* User and group ids: the highest one means "unchanged". */
void show_id(struct show *show)
{
    if ((uint32_t)show->value.u == UINT32_MAX)
        show_signed(show, -1);
    else
        show_decimal(show);
}

static const struct flag_entry file_types[] = {
    {"S_IFSOCK", 0140000, 0170000}, {"S_IFLNK", 0120000, 0170000}, {"S_IFREG", 0100000, 0170000},
    {"S_IFBLK", 0060000, 0170000},  {"S_IFDIR", 0040000, 0170000}, {"S_IFCHR", 0020000, 0170000},
    {"S_IFIFO", 0010000, 0170000},
};
static const struct flag_table file_type_table = {
    .name = "file_types", .entries = file_types, .count = sizeof(file_types) / sizeof(file_types[0]),
};

void show_mode(struct show *show)
{
    uint64_t mode = show->value.u & wire_mask(show->param->type->wire);
    const char *type = value_name(&file_type_table, mode & 0170000);

    if (show->json) {
        show_unsigned(show, mode);
        return;
    }
    if (type) {
        put_text(show->out, type);
        put_char(show->out, '|');
        mode &= ~UINT64_C(0170000);
    }
    put_octal(show->out, mode);
}

/* As the kernel's new_encode_dev() lays it: the minor's low 8 bits, 12 bits of major, the minor's high 12 bits. */
void show_device(struct show *show)
{
    uint32_t device = (uint32_t)show->value.u;

    if (show->json)
        put_char(show->out, '"');
    put_unsigned(show->out, device >> 8 & 0xfff);
    put_char(show->out, ':');
    put_unsigned(show->out, (device & 0xff) | (device >> 12 & 0xfff00));
    if (show->json)
        put_char(show->out, '"');
    show_raw_number(show, show->param->name, device);
}

static void put_signal(struct text_out *out, uint64_t number, bool prefix)
{
    const char *name = value_name(flag_tables[TABLE_signals], number);

    if (name)
        put_text(out, name + (prefix || strncmp(name, "SIG", 3) != 0 ? 0 : 3));
    else
        put_unsigned(out, number);
}

static void wait_status_text(struct text_out *out, int status)
{
    if (WIFEXITED(status)) {
        put_text(out, "exited(");
        put_unsigned(out, (unsigned)WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        put_text(out, "killed(");
        put_signal(out, (unsigned)WTERMSIG(status), true);
        put_text(out, WCOREDUMP(status) ? ", core" : "");
    } else if (WIFSTOPPED(status)) {
        put_text(out, "stopped(");
        put_signal(out, (unsigned)WSTOPSIG(status), true);
    } else if (WIFCONTINUED(status)) {
        put_text(out, "continued");
        return;
    } else {
        put_hex(out, (unsigned)status);
        return;
    }
    put_char(out, ')');
}

static void json_signal(struct show *show, unsigned number)
{
    show_key(show, "signal");
    put_char(show->out, '"');
    put_signal(show->out, number, true);
    put_char(show->out, '"');
}

static void wait_status_json(struct show *show, int status)
{
    show_open(show, '{');
    show_key(show, "how");
    if (WIFEXITED(status)) {
        show_word(show, "exited");
        show_key(show, "code");
        show_unsigned(show, (unsigned)WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        show_word(show, "killed");
        json_signal(show, (unsigned)WTERMSIG(status));
        if (WCOREDUMP(status))
            show_true(show, "core");
    } else if (WIFSTOPPED(status)) {
        show_word(show, "stopped");
        json_signal(show, (unsigned)WSTOPSIG(status));
    } else {
        show_word(show, WIFCONTINUED(status) ? "continued" : "unknown");
    }
    show_close(show, '}');
    show_raw_signed(show, show->param->name, status);
}

void show_wait_status(struct show *show)
{
    int status = (int)show->value.i;

    if (show->json)
        wait_status_json(show, status);
    else
        wait_status_text(show->out, status);
}

void show_signals(struct show *show, const char *key, uint64_t mask)
{
    uint64_t shown = mask;

    /* A nearly full set reads better by what it lacks: ~[KILL STOP]. A program gets them all by name. */
    if (!show->json && __builtin_popcountll(mask) > 32) {
        shown = ~mask;
        put_char(show->out, '~');
    }
    show_open(show, '[');
    for (; shown; shown &= shown - 1) {
        unsigned number = (unsigned)__builtin_ctzll(shown) + 1;

        if (show->json) {
            show_item(show);
            put_char(show->out, '"');
            put_signal(show->out, number, true);
            put_char(show->out, '"');
        } else {
            if (show->comma)
                put_char(show->out, ' ');
            show->comma = true;
            put_signal(show->out, number, false);
        }
    }
    show_close(show, ']');
    show_raw_number(show, key, mask);
}

void show_sigset(struct show *show)
{
    show_signals(show, show->param->name, show->value.u);
}
