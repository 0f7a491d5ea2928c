// SPDX-License-Identifier: Apache-2.0
/* Names of system calls: libseccomp's, asked once. */

#include "callnames.h"

#include <pthread.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "callset.h"
#include "cleanup.h"
#include "rows.h"

#define NAME_MAX_LENGTH 63

static const struct {
    const char *prefix;
    uint32_t seccomp_arch;
    uint32_t bit;
} abis[CALL_ABI_COUNT] = {
    [CALL_NATIVE] = {"", SCMP_ARCH_X86_64, 0},
    [CALL_I386] = {"i386:", SCMP_ARCH_X86, 0},
    [CALL_X32] = {"x32:", SCMP_ARCH_X32, CALL_X32_BIT},
};

/* One string serves both names: the plain one is what follows the prefix. */
static struct {
    char *full_names[CALL_COUNT];
    const char *names[CALL_COUNT];
    bool known[CALL_COUNT];
    uint16_t classes[CALL_COUNT];
} tables[CALL_ABI_COUNT];
static pthread_once_t names_once = PTHREAD_ONCE_INIT;
static pthread_once_t classes_once = PTHREAD_ONCE_INIT;

/* Calls younger than libseccomp 2.5; new ones have the same number in every ABI. */
static const struct {
    unsigned number;
    const char *name;
} young_calls[] = {
    {451, "cachestat"},         {452, "fchmodat2"},         {453, "map_shadow_stack"}, {454, "futex_wake"},
    {455, "futex_wait"},        {456, "futex_requeue"},     {457, "statmount"},        {458, "listmount"},
    {459, "lsm_get_self_attr"}, {460, "lsm_set_self_attr"}, {461, "lsm_list_modules"}, {462, "mseal"},
    {463, "setxattrat"},        {464, "getxattrat"},        {465, "listxattrat"},      {466, "removexattrat"},
    {467, "open_tree_attr"},    {468, "file_getattr"},      {469, "file_setattr"},
};

/* Calls of i386 that do what a native call of another name does. */
static const struct {
    const char *foreign;
    const char *native;
} same_calls[] = {
    {"_llseek", "lseek"},              {"_newselect", "select"},      {"fadvise64_64", "fadvise64"},
    {"fstatat64", "newfstatat"},       {"ipc", "semget"},             {"mmap2", "mmap"},
    {"oldfstat", "fstat"},             {"oldlstat", "lstat"},         {"oldolduname", "uname"},
    {"oldstat", "stat"},               {"olduname", "uname"},         {"readdir", "getdents"},
    {"sigaction", "rt_sigaction"},     {"signal", "rt_sigaction"},    {"sigpending", "rt_sigpending"},
    {"sigprocmask", "rt_sigprocmask"}, {"sigreturn", "rt_sigreturn"}, {"sigsuspend", "rt_sigsuspend"},
    {"socketcall", "socket"},          {"stime", "settimeofday"},     {"ugetrlimit", "getrlimit"},
    {"umount", "umount2"},             {"waitpid", "wait4"},
};

static const char *young_name(unsigned number)
{
    for (size_t i = 0; i < sizeof(young_calls) / sizeof(young_calls[0]); i++)
        if (young_calls[i].number == number)
            return young_calls[i].name;
    return NULL;
}

static void fill_name(enum call_abi abi, unsigned index)
{
    cleanup_free char *owned = NULL;
    const char *name;
    char *full;
    int length;

    owned = seccomp_syscall_resolve_num_arch(abis[abi].seccomp_arch, (int)(index | abis[abi].bit));
    name = owned ? owned : young_name(index);
    if (name)
        length = asprintf(&full, "%s%s", abis[abi].prefix, name);
    else
        length = asprintf(&full, "%ssyscall_%u", abis[abi].prefix, index);
    if (length < 0)
        return;
    tables[abi].full_names[index] = full;
    tables[abi].names[index] = full + strlen(abis[abi].prefix);
    tables[abi].known[index] = name;
}

static void fill_names(void)
{
    for (unsigned abi = 0; abi < CALL_ABI_COUNT; abi++)
        for (unsigned i = 0; i < CALL_COUNT; i++)
            fill_name(abi, i);
}

bool call_find_abi(uint32_t arch, uint32_t nr, enum call_abi *ret_abi, uint32_t *ret_index)
{
    if (arch != SCMP_ARCH_X86_64 && arch != SCMP_ARCH_X86)
        return false;
    if (arch == SCMP_ARCH_X86)
        *ret_abi = CALL_I386;
    else
        *ret_abi = nr & CALL_X32_BIT ? CALL_X32 : CALL_NATIVE;
    *ret_index = nr & ~abis[*ret_abi].bit;
    return true;
}

const char *call_name(enum call_abi abi, unsigned index)
{
    pthread_once(&names_once, fill_names);
    return tables[abi].names[index];
}

bool call_is_known(enum call_abi abi, unsigned index)
{
    pthread_once(&names_once, fill_names);
    return tables[abi].known[index];
}

const char *syscall_name(uint32_t arch, uint32_t nr)
{
    enum call_abi abi;
    uint32_t index;

    if (!call_find_abi(arch, nr, &abi, &index) || index >= CALL_COUNT)
        return NULL;
    return call_name(abi, index);
}

const char *syscall_full_name(uint32_t arch, uint32_t nr)
{
    enum call_abi abi;
    uint32_t index;

    if (!call_find_abi(arch, nr, &abi, &index) || index >= CALL_COUNT)
        return NULL;
    pthread_once(&names_once, fill_names);
    return tables[abi].full_names[index];
}

/* Classes. */

/* The native call named by the first `length` bytes of `name`; CALL_COUNT if there is none. */
static unsigned find_native(const char *name, size_t length)
{
    for (unsigned i = 0; i < CALL_COUNT; i++) {
        const char *native = tables[CALL_NATIVE].names[i];

        if (tables[CALL_NATIVE].known[i] && !strncmp(native, name, length) && !native[length])
            return i;
    }
    return CALL_COUNT;
}

/* chown32 does what chown does, stat64 what stat does, ppoll_time64 what ppoll does. */
static size_t length_without_width(const char *name)
{
    static const char *const widths[] = {"_time64", "64", "32"};
    size_t length = strlen(name);

    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        size_t width = strlen(widths[i]);

        if (length > width && !strcmp(name + length - width, widths[i]))
            return length - width;
    }
    return length;
}

static unsigned find_native_counterpart(const char *name)
{
    unsigned native = find_native(name, strlen(name));

    for (size_t i = 0; native == CALL_COUNT && i < sizeof(same_calls) / sizeof(same_calls[0]); i++)
        if (!strcmp(same_calls[i].foreign, name))
            return find_native(same_calls[i].native, strlen(same_calls[i].native));
    if (native == CALL_COUNT)
        native = find_native(name, length_without_width(name));
    return native;
}

static void fill_classes(void)
{
    pthread_once(&names_once, fill_names);
    for (unsigned abi = 0; abi < CALL_ABI_COUNT; abi++) {
        for (unsigned i = 0; i < CALL_COUNT; i++) {
            unsigned native = i;
            const struct sysfold_row *row;

            if (!tables[abi].known[i])
                continue;
            if (abi != CALL_NATIVE)
                native = find_native_counterpart(tables[abi].names[i]);
            row = native < CALL_COUNT ? row_builtin(native) : NULL;
            tables[abi].classes[i] = row ? row->classes : C_NONE;
        }
    }
}

unsigned call_classes(enum call_abi abi, unsigned index)
{
    pthread_once(&classes_once, fill_classes);
    return tables[abi].classes[index];
}

/* Likeness. */

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* How many letters must be put, dropped or replaced to make one word of the other. */
static unsigned edit_distance(const char *word, const char *name)
{
    unsigned row[NAME_MAX_LENGTH + 1];
    size_t length = strnlen(name, NAME_MAX_LENGTH);

    for (size_t j = 0; j <= length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; word[i]; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < length; j++) {
            unsigned above = row[j + 1];

            row[j + 1] = least(diagonal + (word[i] != name[j]), above + 1, row[j] + 1);
            diagonal = above;
        }
    }
    return row[length];
}

static void keep_nearer(const char *word, const char *name, const char **nearest, unsigned *distance)
{
    unsigned d = edit_distance(word, name);

    if (d < *distance) {
        *nearest = name;
        *distance = d;
    }
}

const char *call_nearest_name(const char *word)
{
    const char *nearest = NULL;
    size_t length = strlen(word);
    /* A third of the word, two letters at least: beyond that it is another word. */
    unsigned distance = length < 6 ? 3 : (unsigned)length / 3 + 1;

    if (length < 2 || length > NAME_MAX_LENGTH)
        return NULL;
    for (unsigned i = 0; i < CLASS_COUNT; i++)
        keep_nearer(word, class_names[i], &nearest, &distance);
    for (unsigned abi = CALL_NATIVE; abi <= CALL_I386; abi++)
        for (unsigned i = 0; i < CALL_COUNT; i++)
            if (call_is_known(abi, i))
                keep_nearer(word, call_name(abi, i), &nearest, &distance);
    return nearest;
}
