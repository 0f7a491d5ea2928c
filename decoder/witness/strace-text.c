// SPDX-License-Identifier: Apache-2.0
#include "strace-text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_SIZE_MAX 64
#define SIGNALS 64
#define FIRST_REALTIME 32 /* strace counts from the kernel's first, not from libc's */

struct text text_from(const char *string)
{
    return (struct text){string, strlen(string)};
}

struct text text_trim(struct text text)
{
    while (text.size && (*text.at == ' ' || *text.at == '\t')) {
        text.at++;
        text.size--;
    }
    while (text.size && strchr(" \t\r", text.at[text.size - 1]) && text.at[text.size - 1])
        text.size--;
    return text;
}

bool text_is(struct text text, const char *string)
{
    return text.at && strlen(string) == text.size && !memcmp(text.at, string, text.size);
}

bool text_starts(struct text text, const char *string)
{
    size_t length = strlen(string);

    return text.at && text.size >= length && !memcmp(text.at, string, length);
}

struct text text_after(struct text text, size_t count)
{
    return count ? (struct text){text.at + count, text.size - count} : text;
}

bool text_find(struct text text, const char *string, size_t *ret_at)
{
    const char *found = text.size ? memmem(text.at, text.size, string, strlen(string)) : NULL;

    if (found)
        *ret_at = (size_t)(found - text.at);
    return found;
}

/* Scanning. */

/* Behind the string that begins here. */
static size_t skip_string(struct text text, size_t at)
{
    for (at++; at < text.size && text.at[at] != '"'; at++) {
        if (text.at[at] == '\\')
            at++;
    }
    return at < text.size ? at + 1 : text.size;
}

static size_t skip_comment(struct text text, size_t at)
{
    size_t end;

    return text_find(text_after(text, at), "*/", &end) ? at + end + 2 : text.size;
}

/* Behind what -y tells of a descriptor: 3</a/path>, 4<TCP:[127.0.0.1:1->127.0.0.1:2]>. It escapes < and > of names. */
static size_t skip_decoration(struct text text, size_t at)
{
    for (at++; at < text.size; at++) {
        if (text.at[at] == '>' && (at + 1 == text.size || strchr(",)]} =|", text.at[at + 1])))
            return at + 1;
    }
    return text.size;
}

static bool is_decoration(struct text text, size_t at)
{
    char before = at ? text.at[at - 1] : ' ';

    if (at + 1 < text.size && text.at[at + 1] == '<')
        return false;
    return (before >= '0' && before <= '9') || (before == 'D' && at >= 8 && !memcmp(text.at + at - 8, "AT_FDCWD", 8));
}

/* Behind the thing that begins here: mostly a character. */
static size_t skip_thing(struct text text, size_t at)
{
    switch (text.at[at]) {
    case '"':
        return skip_string(text, at);
    case '/':
        return at + 1 < text.size && text.at[at + 1] == '*' ? skip_comment(text, at) : at + 1;
    case '<':
        if (at + 1 < text.size && text.at[at + 1] == '<') /* a shift */
            return at + 2;
        return is_decoration(text, at) ? skip_decoration(text, at) : at + 1;
    default:
        return at + 1;
    }
}

size_t text_scan(struct text text, const char *stops)
{
    size_t depth = 0;

    for (size_t at = 0; at < text.size;) {
        char c = text.at[at];

        if (!depth && c && strchr(stops, c))
            return at;
        if (c == '(' || c == '[' || c == '{')
            depth++;
        else if ((c == ')' || c == ']' || c == '}') && depth)
            depth--;
        at = skip_thing(text, at);
    }
    return text.size;
}

bool text_next(struct text *rest, char stop, struct text *ret_item)
{
    size_t size;

    *rest = text_trim(*rest);
    if (!rest->size)
        return false;
    size = text_scan(*rest, (char[]){stop, '\0'});
    *ret_item = text_trim((struct text){rest->at, size});
    *rest = text_after(*rest, size < rest->size ? size + 1 : size);
    return true;
}

bool text_inside(struct text text, char bracket, struct text *ret_inside)
{
    static const char pairs[] = "{}[]()";
    const char *pair = strchr(pairs, bracket);
    struct text inside;

    text = text_bare(text);
    if (text.size < 2 || *text.at != bracket)
        return false;
    inside = text_after(text, 1);
    if (text_scan(inside, (char[]){pair[1], '\0'}) < inside.size - 1 || text.at[text.size - 1] != pair[1])
        return false;
    inside.size--;
    *ret_inside = text_trim(inside);
    return true;
}

bool text_field(struct text inside, const char *key, struct text *ret_value)
{
    size_t length = strlen(key);
    struct text item;

    while (text_next(&inside, ',', &item)) {
        if (item.size > length && item.at[length] == '=' && text_starts(item, key)) {
            *ret_value = text_after(item, length + 1);
            return true;
        }
    }
    return false;
}

struct text text_bare(struct text text)
{
    size_t depth = 0;

    text = text_trim(text);
    for (size_t at = 0; at < text.size; at = skip_thing(text, at)) {
        char c = text.at[at];

        if (!depth && (text_starts(text_after(text, at), "/*") || (c == '<' && is_decoration(text, at))))
            return text_trim((struct text){text.at, at});
        if (c == '(' || c == '[' || c == '{')
            depth++;
        else if ((c == ')' || c == ']' || c == '}') && depth)
            depth--;
    }
    return text;
}

struct text text_latter(struct text text)
{
    struct text inside;
    size_t size;

    if (!text_inside(text, '[', &inside)) {
        size = text_scan(text, "=");
        while (size < text.size && !text_starts(text_after(text, size), "=>"))
            size += 1 + text_scan(text_after(text, size + 1), "=");
        return size < text.size ? text_trim(text_after(text, size + 2)) : text;
    }
    return text_find(inside, "=> ", &size) ? text_trim(text_after(inside, size + 3)) : inside;
}

/* Numbers. */

struct constant {
    const char *name;
    int64_t value;
};

/* Names that strace uses and that are in no table of ours. */
static const struct constant constants[] = {
    {"AT_FDCWD", -100},
    {"FASYNC", 020000},
    {"FAN_NOFD", -1},
    {"FD_CLOEXEC", 1},
    {"FUTEX_BITSET_MATCH_ANY", 0xffffffff},
    {"F_OK", 0},
    {"INT_MAX", INT32_MAX},
    {"IOPRIO_WHO_PGRP", 2},
    {"IOPRIO_WHO_PROCESS", 1},
    {"IOPRIO_WHO_USER", 3},
    {"IPC_64", 0x100},
    {"IPC_PRIVATE", 0},
    {"IPPROTO_IP", 0},
    {"KCMP_EPOLL_TFD", 7},
    {"KCMP_FILE", 0},
    {"KCMP_FILES", 2},
    {"KCMP_FS", 3},
    {"KCMP_IO", 5},
    {"KCMP_SIGHAND", 4},
    {"KCMP_SYSVSEM", 6},
    {"KCMP_VM", 1},
    {"KEY_SPEC_PROCESS_KEYRING", -2},
    {"KEY_SPEC_SESSION_KEYRING", -3},
    {"KEY_SPEC_THREAD_KEYRING", -1},
    {"KEY_SPEC_USER_KEYRING", -4},
    {"KEY_SPEC_USER_SESSION_KEYRING", -5},
    {"LANDLOCK_RULE_PATH_BENEATH", 1},
    {"LINUX_REBOOT_CMD_CAD_OFF", 0},
    {"MAP_FAILED", -1},
    {"MAP_FILE", 0},
    {"MEMBARRIER_CMD_FLAG_CPU", 1},
    {"MFD_HUGE_SHIFT", 26},
    {"MODULE_INIT_COMPRESSED_FILE", 4},
    {"MODULE_INIT_IGNORE_MODVERSIONS", 1},
    {"MODULE_INIT_IGNORE_VERMAGIC", 2},
    {"MSG_NOERROR", 010000},
    {"NULL", 0},
    {"OPEN_TREE_CLOEXEC", 02000000},
    {"O_ACCMODE", 3},
    {"PERF_FLAG_FD_CLOEXEC", 8},
    {"PKEY_DISABLE_ACCESS", 1},
    {"PKEY_DISABLE_WRITE", 2},
    {"PROT_NONE", 0},
    {"RLIM64_INFINITY", -1},
    {"RLIM_INFINITY", -1},
    {"SCHED_OTHER", 0},
    {"SCM_CREDENTIALS", 2},
    {"SCM_RIGHTS", 1},
    {"SIGRTMIN", FIRST_REALTIME},
    {"SIG_DFL", 0},
    {"SIG_IGN", 1},
    {"SO_RCVTIMEO_OLD", 20},
    {"SO_SNDTIMEO_OLD", 21},
    {"STATX_ALL", 0xfff},
    {"S_IFBLK", 060000},
    {"S_IFCHR", 020000},
    {"S_IFDIR", 040000},
    {"S_IFIFO", 010000},
    {"S_IFLNK", 0120000},
    {"S_IFREG", 0100000},
    {"S_IFSOCK", 0140000},
    {"S_ISGID", 02000},
    {"S_ISUID", 04000},
    {"S_ISVTX", 01000},
    {"UINT64_MAX", -1},
    {"WSTOPPED", 2},
    {"_IOC_NONE", 0},
    {"_IOC_READ", 2},
    {"_IOC_WRITE", 1},
    {"_LINUX_CAPABILITY_VERSION_1", 0x19980330},
    {"_LINUX_CAPABILITY_VERSION_2", 0x20071026},
    {"_LINUX_CAPABILITY_VERSION_3", 0x20080522},
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool find_in_table(struct text name, const struct flag_table *table, int64_t *ret_value)
{
    for (size_t i = 0; i < table->count; i++) {
        if (text_is(name, table->entries[i].name)) {
            *ret_value = (int64_t)table->entries[i].value;
            return true;
        }
    }
    return false;
}

/* SIGRT_3, and FUTEX_WAIT_PRIVATE, which is FUTEX_WAIT|FUTEX_PRIVATE_FLAG. */
static bool find_composed(struct text name, int64_t *ret_value)
{
    static const char suffix[] = "_PRIVATE";
    size_t length = sizeof(suffix) - 1;
    int64_t base;

    if (text_starts(name, "SIGRT_") && text_number(text_after(name, 6), NULL, &base)) {
        *ret_value = FIRST_REALTIME + base;
        return true;
    }
    if (!text_starts(name, "FUTEX_") || name.size <= length || memcmp(name.at + name.size - length, suffix, length))
        return false;
    name.size -= length;
    for (size_t i = 0; flag_tables[i]; i++) {
        if (!strcmp(flag_tables[i]->name, "futex_operations") && find_in_table(name, flag_tables[i], &base)) {
            *ret_value = base | 0x80;
            return true;
        }
    }
    return false;
}

static bool find_name(struct text name, const struct flag_table *table, int64_t *ret_value)
{
    if (table && find_in_table(name, table, ret_value))
        return true;
    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
        if (text_is(name, constants[i].name)) {
            *ret_value = constants[i].value;
            return true;
        }
    }
    for (size_t i = 0; flag_tables[i]; i++) {
        if (find_in_table(name, flag_tables[i], ret_value))
            return true;
    }
    return find_composed(name, ret_value);
}

/* Digits in C's notation; all of the text. */
static bool plain_number(struct text text, int64_t *ret_value)
{
    char digits[NUMBER_SIZE_MAX];
    bool negative = text.size && *text.at == '-';
    char *end;
    uint64_t value;

    if (negative)
        text = text_after(text, 1);
    if (!text.size || text.size >= sizeof(digits) || !is_digit(*text.at))
        return false;
    memcpy(digits, text.at, text.size);
    digits[text.size] = '\0';
    errno = 0;
    value = strtoull(digits, &end, 0);
    if (errno || end != digits + text.size)
        return false;
    *ret_value = (int64_t)(negative ? -value : value);
    return true;
}

/* Simple ones within the parentheses of what looks like a macro. */
static size_t macro_arguments(struct text text, int64_t values[4])
{
    struct text item;
    size_t count = 0;

    while (count < 4 && text_next(&text, ',', &item)) {
        int64_t value = 0;

        while (item.size) {
            size_t size = text_scan(item, "|");
            struct text part = text_trim((struct text){item.at, size});
            int64_t bits;

            if (!plain_number(part, &bits) && !find_name(part, NULL, &bits))
                return 0;
            value |= bits;
            item = text_after(item, size < item.size ? size + 1 : size);
        }
        values[count++] = value;
    }
    return text_trim(text).size ? 0 : count;
}

static bool macro(struct text text, int64_t *ret_value)
{
    size_t open = text_scan(text, "(");
    int64_t values[4];
    struct text name = {text.at, open}, inside;
    size_t count;

    if (open == text.size || !text_inside(text_after(text, open), '(', &inside))
        return false;
    count = macro_arguments(inside, values);
    if (text_is(name, "makedev") && count == 2)
        *ret_value = (values[1] & 0xff) | (values[0] & 0xfff) << 8 | (values[1] & ~INT64_C(0xff)) << 12;
    else if (text_is(name, "_IOC") && count == 4)
        *ret_value = (values[0] & 3) << 30 | (values[3] & 0x3fff) << 16 | (values[1] & 0xff) << 8 | (values[2] & 0xff);
    else if (text_is(name, "htons") && count == 1)
        *ret_value = __builtin_bswap16((uint16_t)values[0]);
    else if (text_is(name, "htonl") && count == 1)
        *ret_value = __builtin_bswap32((uint32_t)values[0]);
    else
        return false;
    return true;
}

static bool factor(struct text text, const struct flag_table *table, int64_t *ret_value)
{
    text = text_trim(text);
    if (plain_number(text, ret_value))
        return true;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_letter(text.at[i]))
            return macro(text, ret_value);
    }
    return text.size && find_name(text, table, ret_value);
}

/* a*b, a<<b */
static bool term(struct text text, const struct flag_table *table, int64_t *ret_value)
{
    size_t size = text_scan(text, "*<");
    struct text right;
    int64_t a, b;

    if (size == text.size)
        return factor(text, table, ret_value);
    right = text_after(text, text.at[size] == '<' && size + 1 < text.size ? size + 2 : size + 1);
    if (!factor((struct text){text.at, size}, table, &a) || !factor(right, table, &b))
        return false;
    if (text.at[size] == '*')
        *ret_value = (int64_t)((uint64_t)a * (uint64_t)b);
    else if (b >= 0 && b < 64)
        *ret_value = (int64_t)((uint64_t)a << b);
    else
        return false;
    return true;
}

static bool sum(struct text text, const struct flag_table *table, int64_t *ret_value)
{
    int64_t value = 0, bits;

    if (!text.size)
        return false;
    while (text.size) {
        size_t size = text_scan(text, "|");

        if (!term((struct text){text.at, size}, table, &bits))
            return false;
        value |= bits;
        text = text_after(text, size < text.size ? size + 1 : size);
    }
    *ret_value = value;
    return true;
}

bool text_number(struct text text, const struct flag_table *table, int64_t *ret_value)
{
    size_t at;

    text = text_bare(text);
    if (text_find(text, " or ", &at)) /* two names of one number */
        return sum(text_trim((struct text){text.at, at}), table, ret_value) ||
               sum(text_trim(text_after(text, at + 4)), table, ret_value);
    return sum(text, table, ret_value);
}

/* How long "name=" in front of a value is. */
static size_t key_size(struct text text)
{
    size_t size = 0;

    while (size < text.size && is_letter(text.at[size]))
        size++;
    return size && size < text.size && text.at[size] == '=' ? size + 1 : 0;
}

bool text_numbers(struct text text, const struct flag_table *table, int64_t *values, size_t max, size_t *ret_count)
{
    size_t count = 0;

    while ((text = text_trim(text)).size) {
        size_t size;

        if (strchr("{}[],", *text.at) && *text.at) {
            text = text_after(text, 1);
            continue;
        }
        text = text_after(text, key_size(text));
        size = text_scan(text, " {}[],");
        if (!size && text.size)
            continue;
        if (text_starts(text, "/*")) {
            text = text_after(text, skip_comment(text, 0));
            continue;
        }
        if (count == max || !text_number((struct text){text.at, size}, table, &values[count]))
            return false;
        count++;
        text = text_after(text, size);
    }
    *ret_count = count;
    return true;
}

bool text_is_address(struct text text)
{
    int64_t value;

    text = text_bare(text);
    return text_starts(text, "0x") && plain_number(text, &value);
}

/* Strings. */

static int digit_of(char c, unsigned base)
{
    int digit = -1;

    if (is_digit(c))
        digit = c - '0';
    else if (c >= 'a' && c <= 'f')
        digit = c - 'a' + 10;
    return digit >= 0 && (unsigned)digit < base ? digit : -1;
}

/* The escape behind a backslash: how long it is. */
static size_t unescape(struct text text, uint8_t *ret_byte)
{
    static const char letters[] = "abfnrtv", codes[] = "\a\b\f\n\r\t\v";
    const char *letter = text.size && *text.at ? strchr(letters, *text.at) : NULL;
    unsigned base = text.size && *text.at == 'x' ? 16 : 8;
    size_t at = base == 16 ? 1 : 0;
    unsigned value = 0;

    if (letter) {
        *ret_byte = (uint8_t)codes[letter - letters];
        return 1;
    }
    if (base == 8 && (!text.size || digit_of(*text.at, 8) < 0)) { /* itself: a quote, a backslash */
        *ret_byte = text.size ? (uint8_t)*text.at : '\\';
        return text.size ? 1 : 0;
    }
    for (; at < 3 && at < text.size && digit_of(text.at[at], base) >= 0; at++)
        value = value * base + (unsigned)digit_of(text.at[at], base);
    *ret_byte = (uint8_t)value;
    return at;
}

bool text_string(struct text text, uint8_t *to, size_t room, size_t *ret_size, bool *ret_cut)
{
    struct text rest;
    size_t size = 0, at = 1;
    bool cut = false;

    text = text_trim(text);
    if (!text.size || *text.at != '"')
        return false;
    while (at < text.size && text.at[at] != '"') {
        uint8_t byte = (uint8_t)text.at[at++];

        if (byte == '\\')
            at += unescape(text_after(text, at), &byte);
        if (size < room)
            to[size++] = byte;
        else
            cut = true;
    }
    rest = at < text.size ? text_bare(text_after(text, at + 1)) : text_from("...");
    if (rest.size && !text_is(rest, "..."))
        return false;
    *ret_size = size;
    *ret_cut = cut || rest.size;
    return true;
}

/* RTMIN and RT_1 lack their SIG. */
static bool signal_named(struct text name, int64_t *ret_signal)
{
    char full[NUMBER_SIZE_MAX] = "SIG";

    if (name.size && is_digit(*name.at))
        return plain_number(name, ret_signal);
    if (name.size >= sizeof(full) - 3)
        return false;
    memcpy(full + 3, name.at, name.size);
    return find_name((struct text){full, name.size + 3}, NULL, ret_signal);
}

bool text_sigset(struct text text, uint64_t *ret_set)
{
    bool inverted = text_starts(text_trim(text), "~");
    struct text inside, name;
    uint64_t set = 0;

    text = text_trim(text);
    if (inverted)
        text = text_after(text, 1);
    if (!text_inside(text, '[', &inside))
        return false;
    while (text_next(&inside, ' ', &name)) {
        int64_t number;

        if (!signal_named(name, &number) || number < 1 || number > SIGNALS)
            return false;
        set |= UINT64_C(1) << (number - 1);
    }
    *ret_set = inverted ? ~set : set;
    return true;
}
