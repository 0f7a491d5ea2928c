// SPDX-License-Identifier: Apache-2.0
/* Paths at the edges of what there is: of length, of bytes, of memory. */

#include "here.h"

#define LINKS_MAX 40 /* that the kernel follows */

static char longest_name[NAME_MAX + 1], too_long_name[NAME_MAX + 2];
static char longest[PATH_MAX], too_long[PATH_MAX + 1], far_too_long[3 * PATH_MAX];

/* "./////x", of that length. */
static void stretch(char *path, size_t length)
{
    memset(path, '/', length);
    path[0] = '.';
    path[length - 1] = 'x';
    path[length] = 0;
}

/* "a" leads to "made", "aa" to "a", and so on. */
static const char *link_number(int number)
{
    static char name[LINKS_MAX + 2];

    memset(name, 'a', (size_t)number);
    name[number] = 0;
    return name;
}

static void make_chain(void)
{
    struct stat made;
    char target[LINKS_MAX + 2] = "made";

    here_make("made", "made", &made);
    for (int i = 1; i <= LINKS_MAX + 1; i++) {
        if (symlink(target, link_number(i)) < 0)
            kit_fail("it cannot make a link");
        strcpy(target, link_number(i));
    }
}

static void before(void)
{
    here_find();
    make_chain();
    memset(longest_name, 'n', NAME_MAX);
    memset(too_long_name, 'n', NAME_MAX + 1);
    stretch(longest, PATH_MAX - 1);
    stretch(too_long, PATH_MAX);
    stretch(far_too_long, sizeof(far_too_long) - 1);
}
BEFORE(before)

static void make_and_remove(const char *path, const char *file)
{
    long fd = OK_SAYING(SAID(TEXT("file", here(file))), open, path, O_RDWR | O_CREAT | O_EXCL, 0600);

    OK(close, fd);
    fd = OK_SAYING(SAID(TEXT("file", here(file))), openat, AT_FDCWD, path, O_RDONLY, 0);
    OK(close, fd);
    OK(access, path, F_OK);
    OK(unlink, path);
}

static void lengths(void)
{
    make_and_remove("x", "x");
    make_and_remove(longest_name, longest_name);
    make_and_remove(longest, "x");
    FAILS(ENAMETOOLONG, open, too_long_name, O_RDWR | O_CREAT, 0600);
    FAILS(ENAMETOOLONG, open, too_long, O_RDWR | O_CREAT, 0600);
    FAILS(ENAMETOOLONG, openat, AT_FDCWD, far_too_long, O_RDWR | O_CREAT, 0600);
    FAILS(ENAMETOOLONG, mkdir, too_long_name, 0700);
    FAILS(ENAMETOOLONG, mkdir, too_long, 0700);
    FAILS(ENAMETOOLONG, chdir, far_too_long);
    FAILS(ENOENT, open, "", O_RDONLY, 0);
}

static void bytes(void)
{
    static const char *const names[] = {
        "\xff\xfe\x80",     "\xc3\x28", "\xed\xa0\x80", "na\nme\t\x1b[31m", " ", "\x7f\\\"'\\x41",
        "\xf0\x9f\x98\x80", "\\",       "...",
    };
    char all[NAME_MAX + 1] = "";

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        make_and_remove(names[i], names[i]);
    for (int c = 1, at = 0; c < 256; c++) {
        if (c != '/')
            all[at++] = (char)c;
    }
    make_and_remove(all, all);
}

/* Paths that end where memory does. */
static void edges(void)
{
    memcpy(kit_at_edge(2), "x", 2);
    make_and_remove(kit_at_edge(2), "x");
    memcpy(kit_at_edge(1), "", 1);
    FAILS(ENOENT, open, kit_at_edge(1), O_RDONLY, 0);
    memcpy(kit_at_edge(1), "x", 1);
    FAILS(EFAULT, open, kit_at_edge(1), O_RDWR | O_CREAT, 0600);
    FAILS(EFAULT, openat, AT_FDCWD, kit_at_edge(1), O_RDWR | O_CREAT, 0600);
    memcpy(kit_at_edge(PATH_MAX), longest, PATH_MAX);
    make_and_remove(kit_at_edge(PATH_MAX), "x");
    memcpy(kit_at_edge(PATH_MAX), too_long, PATH_MAX);
    TRY(open, kit_at_edge(PATH_MAX), O_RDONLY, 0); /* both too long and unreadable behind: either may be said */
    memset(kit_at_edge(1000), '/', 1000);
    FAILS(EFAULT, mkdir, kit_at_edge(1000), 0700);
}

static void chains(void)
{
    /* Half as many as are followed: a walk that begins anew, as while anything is mounted, counts both's. */
    long fd = OK_SAYING(SAID(TEXT("file", here("made"))), open, link_number(LINKS_MAX / 2), O_RDONLY, 0);

    OK(close, fd);
    FAILS(ELOOP, open, link_number(LINKS_MAX + 1), O_RDONLY, 0);
    FAILS(ELOOP, access, link_number(LINKS_MAX + 1), F_OK);
    fd = OK_SAYING(SAID(TEXT("file", here(link_number(LINKS_MAX + 1)))), open, link_number(LINKS_MAX + 1),
                   O_PATH | O_NOFOLLOW, 0);
    OK(close, fd);
}

SCENARIO
{
    lengths();
    bytes();
    edges();
    chains();
}
